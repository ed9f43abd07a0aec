//! Progress, metrics and checkpoints of a training run.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use missvae::Error;
use missvae::prepare::TrainingRows;
use missvae::store::{self, CheckpointInfo, ModelInfo};
use missvae::trainer::{Epoch, Observer, Outcome, Step, Trainer};
use serde::{Deserialize, Serialize};

use super::tracked::Tracked;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::run::{Metrics, Run, system};
use crate::signal;

/// Lines of progress where there is no terminal.
const LINES: u64 = 10;

/// A line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct MetricsLine {
    epoch: u64,
    update: u64,
    /// Mean of the bound, in nats a row of the data's units. (Of an epoch that `--updates` cuts short, the rows seen;
    /// the change of units is that of all rows.)
    pub(crate) objective: f64,
    gradient_norm: f64,
    learning_rate: f64,
    /// Of training, those before the run was last resumed included; but not those of an epoch's part before that.
    pub(crate) seconds: f64,
    /// Mean of the bound over the validation rows, where there are any, in nats a row of the data's units; null if it is not
    /// finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<Option<f64>>,
    /// The Fréchet distance to the validation rows (in `reproduce`, to test rows), where it is asked for and due; null if it is
    /// not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frechet: Option<Option<f64>>,
    /// Mean over rows of the components with a weight above 0.01, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    components_in_use: Option<f64>,
    /// Of the sampler of imputations, where it has one and has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effective_sample_size: Option<f64>,
    /// Of the sampler of imputations, where it has one and has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acceptance_rate: Option<f64>,
    /// Drawn values that were not finite, where there are imputations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaced: Option<u64>,
    /// Proposals above the envelope of exact imputations, where there are any: their draws are not exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    envelope_violations: Option<u64>,
}

/// The distances that a run was followed by, each with the epoch and the update after which it was measured; without those
/// that are not finite.
pub(crate) fn distances(run: &Run) -> Result<Vec<(u64, u64, f64)>> {
    let path = run.metrics();
    let text = std::fs::read_to_string(&path).map_err(|error| system(&path, error))?;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line: MetricsLine = serde_json::from_str(line)
            .map_err(|error| Failure::Failed(format!("{}, line {}: {error}", path.display(), number + 1)))?;
        found.extend(line.frechet.flatten().map(|distance| (line.epoch, line.update, distance)));
    }
    Ok(found)
}

/// What shows how many updates are made.
#[derive(Clone, Debug)]
pub(crate) enum Bar {
    /// A bar for one run.
    Own(ProgressBar),
    /// A bar for several runs: one of them says nothing but how far it is.
    Shared(ProgressBar),
}

impl Bar {
    /// Begins where a run goes on from.
    fn begin(&self, updates: u64) {
        self.advance(updates);
        if let Bar::Own(bar) = self {
            bar.reset_eta();
        }
    }

    fn advance(&self, updates: u64) {
        let (Bar::Own(bar) | Bar::Shared(bar)) = self;
        bar.inc(updates);
    }
}

/// Watches a run: writes a line of metrics an epoch and a checkpoint now and then, shows progress, listens for signals.
pub(crate) struct Watch<'a> {
    output: &'a Output,
    run: &'a Run,
    info: ModelInfo,
    fingerprint: String,
    metrics: Metrics,
    /// To be subtracted from bounds in model units.
    log_volume: f64,
    validation_log_volume: f64,
    bar: &'a Bar,
    started: Instant,
    /// Seconds that the epochs before the run was resumed took.
    pub(crate) before: f64,
    checkpointed: Instant,
    every: Duration,
    signal: &'static AtomicBool,
    last: Option<MetricsLine>,
    /// Updates of the whole run.
    total: u64,
    /// Updates between two lines of progress, and where the next one is due.
    line_every: u64,
    next_line: u64,
    /// What else is told, now and then.
    pub(crate) tracked: Option<Tracked>,
    /// What went wrong in here.
    failure: Option<Failure>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        output: &'a Output,
        run: &'a Run,
        info: ModelInfo,
        rows: &TrainingRows,
        trainer: &Trainer<f32>,
        bar: &'a Bar,
        every: Duration,
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
            output.say(format!(
                "warning: {} does not tell of epoch {epoch}, after which the checkpoint was written",
                run.metrics().display()
            ));
        }
        Ok(Watch {
            output,
            run,
            info,
            fingerprint: rows.fingerprint.clone(),
            metrics,
            log_volume: log_volume(&rows.train),
            validation_log_volume: rows.validation.as_ref().map_or(0.0, log_volume),
            bar,
            started: Instant::now(),
            before,
            checkpointed: Instant::now(),
            every,
            signal: signal::listen()?,
            last,
            total,
            line_every,
            next_line: (trainer.progress().update / line_every + 1) * line_every,
            tracked: None,
            failure: None,
        })
    }

    /// Writes what the run came to, whatever it was, and returns the last line of metrics.
    pub(crate) fn finish(
        mut self,
        trainer: &Trainer<f32>,
        outcome: &std::result::Result<Outcome, Error>,
    ) -> Result<Option<MetricsLine>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        // Parameters that led to a number that is not finite are worth less than the last checkpoint.
        if outcome.is_ok() {
            self.save(trainer)?;
        }
        Ok(self.last)
    }

    fn save(&mut self, trainer: &Trainer<f32>) -> Result<()> {
        let progress = trainer.progress();
        self.metrics.sync()?;
        let model = ModelInfo { updates: progress.update, ..self.info.clone() };
        store::save_model(&self.run.model(), trainer.vae(), &model, trainer.parameters())?;
        let info = CheckpointInfo { model, progress, fingerprint: self.fingerprint.clone() };
        store::save_checkpoint(&self.run.checkpoint(), &info, trainer)?;
        self.checkpointed = Instant::now();
        Ok(())
    }

    fn record(&mut self, trainer: &Trainer<f32>, epoch: &Epoch) -> Result<()> {
        let frechet = self.tracked.as_mut().and_then(|tracked| tracked.after(epoch, trainer, (&self.info, self.total)));
        // No reason to stop: it says how the model does, and training does not need it.
        if let Some(Err(failure)) = &frechet {
            self.output.say(format!("warning: epoch {}, Fréchet distance: {failure}", epoch.epoch));
        }
        let frechet = frechet.map(Result::ok);
        let validation = epoch.validation.map(|value| {
            let value = value - self.validation_log_volume;
            if !value.is_finite() {
                self.output.say(format!("warning: epoch {}: the bound of the validation rows is {value}", epoch.epoch));
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
        let validation = line.validation.flatten().map_or(String::new(), |value| format!(", validation {value:.4}"));
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
            format!("epoch {}{mixture}, objective {:.4}{validation} nats a row{frechet}", line.epoch, line.objective);
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

impl Observer<f32> for Watch<'_> {
    fn updated(&mut self, trainer: &Trainer<f32>, _: &Step) -> std::result::Result<ControlFlow<()>, Error> {
        self.bar.advance(1);
        if self.failure.is_some() || self.signal.load(Ordering::Relaxed) {
            return Ok(ControlFlow::Break(()));
        }
        if self.checkpointed.elapsed() >= self.every
            && let Err(failure) = self.save(trainer)
        {
            self.failure = Some(failure);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn epoch_ended(&mut self, trainer: &Trainer<f32>, epoch: &Epoch) -> std::result::Result<(), Error> {
        if let Err(failure) = self.record(trainer, epoch) {
            self.failure = Some(failure);
        }
        Ok(())
    }
}
