//! A whole run.

use std::ops::ControlFlow;

use autodiff::Aligned;
use linalg::Scalar;

use super::best::Best;
use super::config::Objective;
use super::held_out;
use super::observer::{Observer, Outcome, RunError};
use super::progress::{EpochMetrics, Progress};
use super::state::Trainer;
use super::validation::{Validation, ValidationPass};
use crate::Error;
use crate::data::Data;

impl<T: Scalar> Trainer<T> {
    /// Trains to the end, or until the observer interrupts. Each epoch is scored on `validation`.
    ///
    /// # Errors
    /// [`RunError::Training`] if there are no rows or minibatches are too small for batch normalisation, or if the
    /// objective or its gradient stops being finite (the parameters are then still those before that update);
    /// [`RunError::Observer`] if the observer fails.
    pub fn run<'a, O: Observer<T>>(
        &mut self,
        data: &Data<T>,
        validation: impl Into<Validation<'a, T>>,
        observer: &mut O,
    ) -> Result<Outcome, RunError<O::Error>> {
        self.check_rows(data)?;
        let validation = validation.into();
        while !self.is_finished(data.rows()) {
            let update = self.step(data)?;
            let ended = update.ends_epoch.then_some(self.progress);
            if ended.is_some() {
                self.progress = self.progress.next_epoch();
            }
            let mut flow = observer.updated(self, &update).map_err(RunError::Observer)?;
            if let Some(sums) = ended {
                let score = self.validate(validation, data, sums.epoch);
                self.compare(sums.epoch + 1, score);
                let epoch = self.epoch_metrics(&sums, update.learning_rate, score);
                if let ControlFlow::Break(()) = observer.epoch_ended(self, &epoch).map_err(RunError::Observer)? {
                    flow = ControlFlow::Break(());
                }
            }
            if flow.is_break() && !self.is_finished(data.rows()) {
                return Ok(Outcome::Interrupted);
            }
        }
        Ok(Outcome::Finished)
    }

    /// Checks that there is something to train on.
    fn check_rows(&self, data: &Data<T>) -> Result<(), Error> {
        if data.rows() == 0 {
            return Err(Error::NoRows);
        }
        let incomplete = matches!(self.config.objective, Objective::FiniteMixture(_)) && data.missing() > 0;
        if incomplete && self.vae.config().encoder_input.completed() {
            return Err(Error::IncompleteRows { missing: data.missing() });
        }
        if self.config.batch_norm_undefined(&self.vae, data.rows()) {
            return Err(Error::BatchNormUndefined);
        }
        Ok(())
    }

    /// The validation score after an epoch, counted from 0.
    fn validate(&mut self, validation: Validation<'_, T>, training_rows: &Data<T>, epoch: u64) -> Option<f64> {
        let (mut model, tape) = self.learner.model(&self.vae);
        if let Some(average) = &self.average {
            model.parameters = average.parameters();
        }
        match validation {
            Validation::None => None,
            Validation::Rows(rows) => {
                let pass = ValidationPass { config: &self.config, rows, training_rows, epoch };
                Some(pass.score(&model, tape))
            }
            Validation::Cells(cells) => {
                let epochs = self
                    .config
                    .total_updates(training_rows.rows())
                    .div_ceil(self.config.updates_per_epoch(training_rows.rows()).max(1));
                let decoded = training_rows.rows() * self.config.objective.samples_per_row();
                let due = held_out::is_due(epoch + 1, epochs, cells, decoded);
                due.then(|| held_out::score(&model, tape, cells, self.config.seed))
            }
        }
    }

    /// Keeps the parameters of an epoch, counted from 1, if it is the best so far and the best is asked for.
    fn compare(&mut self, epoch: u64, score: Option<f64>) {
        let Some(validation) = score.filter(|score| self.keep_best && score.is_finite()) else { return };
        if self.best.as_ref().is_none_or(|best| validation > best.validation) {
            let parameters = Aligned::from_slice(self.latest());
            self.best = Some(Best { epoch, validation, parameters });
        }
    }

    /// The metrics of an epoch, from its sums.
    fn epoch_metrics(&self, sums: &Progress, learning_rate: f64, validation: Option<f64>) -> EpochMetrics {
        let rows = sums.rows as f64;
        EpochMetrics {
            epoch: sums.epoch + 1,
            update: sums.update,
            objective: sums.objective_sum / rows,
            gradient_norm: sums.norm_sum / sums.step as f64,
            learning_rate,
            validation,
            sampler: sums.sampler,
            components_in_use: (self.vae.mixture().components > 1).then(|| sums.components_in_use as f64 / rows),
        }
    }
}
