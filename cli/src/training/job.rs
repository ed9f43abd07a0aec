//! A training run, from its options to a model file.

use std::time::{Duration, Instant};

use autodiff::Aligned;
use missvae::config::ResolvedConfig;
use missvae::evaluate::hidden_errors;
use missvae::impute::FittedModel;
use missvae::network::Vae;
use missvae::prepare::TrainingRows;
use missvae::trainer::{Checkpoints, Outcome, Trainer};
use samplers::chains::Impute;

use super::bar::Bar;
use super::checkpoint::{Saver, has_results, trainer};
use super::frechet_tracker::FrechetTracker;
use super::monitor::Monitor;
use super::summary::Summary;
use crate::failure::{Failure, Result};
use crate::output::{Output, counted, rows_summary};
use crate::run::Run;
use crate::signal;

/// A run to start, resume or find finished.
pub(crate) struct Job<'a> {
    pub(crate) output: &'a Output,
    /// The options in the run's `config.toml`.
    pub(crate) config: &'a ResolvedConfig,
    pub(crate) rows: &'a TrainingRows,
    /// Its directory.
    pub(crate) run: &'a Run,
    /// The sampler of imputations, if it is not that of the configuration. It must keep no latent points.
    pub(crate) sampler: Option<Box<dyn Impute<f32>>>,
    /// The Fréchet distance, where it is measured as the training goes on.
    pub(crate) frechet: Option<FrechetTracker>,
    pub(crate) bar: &'a Bar,
    /// The time between checkpoints.
    pub(crate) every: Duration,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Fitted {
    /// The summary, as in `summary.json`.
    pub(crate) summary: Summary,
    /// The model. `None` if the run was finished before.
    pub(crate) model: Option<FittedModel<f32>>,
}

impl Job<'_> {
    /// Trains to the end. A run that is finished is left as it is.
    pub(crate) fn fit(self) -> Result<Fitted> {
        let Job { output, config, rows, run, .. } = self;
        let vae = Vae::new(config.vae.clone());
        let info = rows.model_info(config);
        let mut trainer = trainer(config, rows, run, vae, &info)?;
        let total = trainer.total_updates(rows.train.rows());
        if let Bar::Own(bar) = self.bar {
            bar.set_length(total);
        }
        if trainer.is_finished(rows.train.rows()) && has_results(run) {
            output.say(format!("{}: the run is finished already", run.path().display()));
            return Ok(Fitted { summary: run.read_summary()?, model: None });
        }
        if let Some(sampler) = self.sampler {
            trainer.set_sampler(sampler);
        }
        output.say(rows_summary(rows));
        output.say(format!(
            "{} with {}, {}, {} parameters, {}; run directory {}",
            config.method.title,
            match config.imputations() {
                Some(copies) => counted(copies, "imputation"),
                None => counted(config.vae.components, "component"),
            },
            counted(config.vae.latent, "latent dimension"),
            trainer.vae().layout().count(),
            counted(total as usize, "update"),
            run.path().display(),
        ));

        let started = Instant::now();
        let first = trainer.progress().update;
        let mut monitor = Monitor::new(output, run, &info, rows, &trainer, self.bar, self.frechet)?;
        let (before, validation_log_volume) = (monitor.before, monitor.validation_log_volume);
        let saver = Saver { run, info: &info, rows: rows.train.rows(), fingerprint: &rows.fingerprint };
        let checkpoints = Checkpoints::new(self.every, |trainer: &Trainer<f32>| saver.save(trainer));
        // No checkpoint after an error: parameters that led to a number that is not finite are worth less than the last one.
        let outcome = trainer.run(&rows.train, rows.validation(), &mut (&mut monitor, checkpoints))?;
        saver.save(&trainer)?;
        let last = monitor.last;
        if trainer.best().is_none() && matches!(self.bar, Bar::Own(_)) {
            monitor.parting().into_iter().for_each(|warning| output.warn(warning));
        }
        let seconds = started.elapsed().as_secs_f64();
        if outcome == Outcome::Interrupted {
            let path = run.path().display();
            let again =
                if config.options.data.as_deref() == Some("-") { ", with the same rows on standard input" } else { "" };
            return Err(Failure::Interrupted(format!("go on with: missvae train --resume {path}{again}")));
        }
        if matches!(self.bar, Bar::Own(_)) {
            // The model is written: what is still to come may be long, and can be had again by --resume.
            signal::release("the model is written");
        }

        let updates = trainer.progress().update;
        let model = FittedModel::new(trainer.vae().clone(), Aligned::from_slice(trainer.chosen_parameters()));
        let summary = Summary {
            method: config.method.name.to_owned(),
            rows: rows.train.rows(),
            rows_dropped: rows.dropped,
            cells_missing: rows.missing(),
            never_negative: rows.never_negative().map(str::to_owned).collect(),
            parameters: trainer.vae().layout().count(),
            epochs: trainer.progress().epoch,
            updates,
            objective: last.map(|epoch| epoch.objective),
            validation: last.and_then(|epoch| epoch.validation.flatten()),
            best_epoch: trainer.best().map(|best| best.epoch),
            best_validation: trainer.best().map(|best| best.validation - validation_log_volume),
            validated_on: match (&rows.held_out, &rows.validation) {
                (Some(_), _) => "cells",
                (None, Some(_)) => "rows",
                (None, None) => "",
            }
            .to_owned(),
            stopped_early: trainer.stopped_early(),
            frechet: last.and_then(|epoch| epoch.frechet.flatten()),
            hidden: hidden_errors(&model, rows, config.train.seed)?,
            seconds: before + seconds,
            seconds_per_update: seconds / (updates - first).max(1) as f64,
            run: run.path().display().to_string(),
        };
        run.write_summary(&summary)?;
        Ok(Fitted { summary, model: Some(model) })
    }
}
