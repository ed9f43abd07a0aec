//! Progress and metrics of a training run.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use missvae::prepare::TrainingRows;
use missvae::store::ModelInfo;
use missvae::trainer::{EpochMetrics, Observer, Trainer, UpdateMetrics};

use super::bar::Bar;
use super::frechet_tracker::FrechetTracker;
use super::metrics::MetricsLine;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::run::{Metrics, Run};
use crate::signal;

/// Lines of progress where there is no terminal.
const LINES: u64 = 10;

/// Monitors a run: writes a line of metrics an epoch, shows progress, listens for signals.
pub(crate) struct Monitor<'a> {
    output: &'a Output,
    info: &'a ModelInfo,
    metrics: Metrics,
    /// To be subtracted from bounds in model units.
    log_volume: f64,
    pub(crate) validation_log_volume: f64,
    /// The unit of validation scores.
    validated_on: &'static str,
    bar: &'a Bar,
    started: Instant,
    /// Seconds that the epochs before the run was resumed took.
    pub(crate) before: f64,
    signal: &'static AtomicBool,
    /// The last line of metrics.
    pub(crate) last: Option<MetricsLine>,
    /// The epoch with the best validation score since the run was begun or gone on with, and the score; the last score.
    best: Option<(u64, f64)>,
    last_score: Option<f64>,
    /// Updates of the whole run.
    total: u64,
    /// Updates between two lines of progress, and where the next one is due.
    line_every: u64,
    next_line: u64,
    /// The Fréchet distance, where it is asked for.
    frechet: Option<FrechetTracker>,
}

impl<'a> Monitor<'a> {
    /// Monitors a run from where `trainer` stands.
    pub(crate) fn new(
        output: &'a Output,
        run: &Run,
        info: &'a ModelInfo,
        rows: &TrainingRows,
        trainer: &Trainer<f32>,
        bar: &'a Bar,
        frechet: Option<FrechetTracker>,
    ) -> Result<Self> {
        let total = trainer.total_updates(rows.train.rows());
        let completed = trainer.config().objective.of_completed_rows();
        let log_volume = |data: &_| if completed { rows.whole_log_volume() } else { rows.mean_log_volume(data) };
        bar.begin(trainer.progress().update);
        let line_every = (total / LINES).max(1);
        let metrics = run.metrics_after(trainer.progress().epoch)?;
        let last: Option<MetricsLine> = metrics.last.as_deref().and_then(|line| serde_json::from_str(line).ok());
        let before = last.map_or(0.0, |line| line.seconds);
        let epoch = trainer.progress().epoch;
        let last = last.filter(|line| line.epoch == epoch);
        if epoch > 0 && last.is_none() {
            output.warn(format!(
                "{} does not tell of epoch {epoch}, after which the checkpoint was written",
                run.metrics().display()
            ));
        }
        Ok(Monitor {
            output,
            info,
            metrics,
            log_volume: log_volume(&rows.train),
            validation_log_volume: match &rows.validation {
                Some(validation) => log_volume(validation),
                None => rows.validation_log_volume(),
            },
            validated_on: rows.held_out.as_ref().map_or("nats a row", |_| "nats a held-out cell"),
            bar,
            started: Instant::now(),
            before,
            signal: signal::listen()?,
            last,
            best: None,
            last_score: None,
            total,
            line_every,
            next_line: (trainer.progress().update / line_every + 1) * line_every,
            frechet,
        })
    }

    /// A warning if the validation score has fallen far below its best, of a run that keeps the last epoch.
    pub(crate) fn parting(&self) -> Option<String> {
        let ((epoch, best), last) = (self.best?, self.last_score?);
        let much = if self.validated_on == "nats a row" { 1.0 } else { 0.1 };
        (best - last > much).then(|| {
            format!(
                "the validation score was best in epoch {epoch} ({best:.4} {}) and is {last:.4} now: the model has learned \
                 its rows by heart; --keep best keeps the best epoch",
                self.validated_on
            )
        })
    }

    fn record(&mut self, trainer: &Trainer<f32>, epoch: &EpochMetrics) -> Result<()> {
        let frechet = self.frechet.as_mut().and_then(|tracker| tracker.after(epoch, trainer, (self.info, self.total)));
        // No reason to stop: it says how the model does, and training does not need it.
        if let Some(Err(failure)) = &frechet {
            self.output.warn(format!("epoch {}, Fréchet distance: {failure}", epoch.epoch));
        }
        let frechet = frechet.map(Result::ok);
        let validation = epoch.validation.map(|value| {
            let value = value - self.validation_log_volume;
            if !value.is_finite() {
                self.output.warn(format!("epoch {}: the bound of the validation rows is {value}", epoch.epoch));
            }
            Some(value).filter(|value| value.is_finite())
        });
        let line = MetricsLine {
            epoch: epoch.epoch,
            update: epoch.update,
            objective: epoch.objective - self.log_volume,
            gradient_norm: epoch.gradient_norm,
            learning_rate: epoch.learning_rate,
            seconds: self.before + self.started.elapsed().as_secs_f64(),
            validation,
            frechet,
            components_in_use: epoch.components_in_use,
            effective_sample_size: epoch.sampler.effective_sample_size(),
            acceptance_rate: epoch.sampler.acceptance_rate(),
            replaced: self.info.imputations.map(|_| epoch.sampler.replaced),
            envelope_violations: Some(epoch.sampler.envelope_violations).filter(|&count| count > 0),
        };
        self.metrics.add(&line)?;
        if let Some(score) = line.validation.flatten() {
            self.last_score = Some(score);
            if self.best.is_none_or(|(_, best)| score > best) {
                self.best = Some((line.epoch, score));
            }
        }
        let validation = line
            .validation
            .flatten()
            .map_or(String::new(), |value| format!(", validation {value:.4} {}", self.validated_on));
        let frechet =
            line.frechet.flatten().map_or(String::new(), |distance| format!(", Fréchet distance {distance:.4}"));
        let mixture = [
            line.components_in_use.map(|count| format!(", {count:.1} components in use")),
            line.effective_sample_size.map(|size| format!(", {size:.1} effective proposals")),
            line.acceptance_rate.map(|rate| format!(", {:.0}% accepted", 100.0 * rate)),
            line.envelope_violations.map(|count| format!(", {count} proposals above the envelope")),
        ];
        let mixture: String = mixture.into_iter().flatten().collect();
        let text =
            format!("epoch {}{mixture}, objective {:.4} nats a row{validation}{frechet}", line.epoch, line.objective);
        let due = line.update >= self.next_line || line.frechet.is_some();
        if matches!(self.bar, Bar::Own(_)) && self.output.wants_lines() && due {
            self.output.say(format!("update {}, {text}", line.update));
            self.next_line = (line.update / self.line_every + 1) * self.line_every;
        }
        if let Bar::Own(bar) = self.bar {
            bar.set_message(text);
        }
        self.last = Some(line);
        Ok(())
    }
}

impl Observer<f32> for Monitor<'_> {
    type Error = Failure;

    fn updated(&mut self, _: &Trainer<f32>, _: &UpdateMetrics) -> Result<ControlFlow<()>> {
        self.bar.advance(1);
        let stops = self.signal.load(Ordering::Relaxed);
        Ok(if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn epoch_ended(&mut self, trainer: &Trainer<f32>, epoch: &EpochMetrics) -> Result<ControlFlow<()>> {
        self.record(trainer, epoch)?;
        Ok(ControlFlow::Continue(()))
    }
}
