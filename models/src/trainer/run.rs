//! A whole run.

use std::ops::ControlFlow;

use linalg::Scalar;

use super::config::Objective;
use super::observer::{Observer, Outcome, RunError};
use super::progress::{EpochMetrics, Progress};
use super::state::Trainer;
use super::validation::ValidationPass;
use crate::Error;
use crate::data::Data;

impl<T: Scalar> Trainer<T> {
    /// Trains to the end, or until the observer interrupts.
    ///
    /// # Errors
    /// [`RunError::Training`] if there are no rows or minibatches are too small for batch normalisation, or if the
    /// objective or its gradient stops being finite (the parameters are then still those before that update);
    /// [`RunError::Observer`] if the observer fails.
    pub fn run<O: Observer<T>>(
        &mut self,
        data: &Data<T>,
        validation: Option<&Data<T>>,
        observer: &mut O,
    ) -> Result<Outcome, RunError<O::Error>> {
        self.check_rows(data)?;
        let total = self.total_updates(data.rows());
        while self.progress.update < total {
            let update = self.step(data)?;
            let ended = update.ends_epoch.then_some(self.progress);
            if ended.is_some() {
                self.progress = self.progress.next_epoch();
            }
            let mut flow = observer.updated(self, &update).map_err(RunError::Observer)?;
            if let Some(sums) = ended {
                let bound = validation.map(|rows| self.validate(rows, data, sums.epoch));
                let epoch = self.epoch_metrics(&sums, update.learning_rate, bound);
                if let ControlFlow::Break(()) = observer.epoch_ended(self, &epoch).map_err(RunError::Observer)? {
                    flow = ControlFlow::Break(());
                }
            }
            if flow.is_break() && self.progress.update < total {
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

    /// The bound of validation rows after an epoch, counted from 0.
    fn validate(&mut self, rows: &Data<T>, training_rows: &Data<T>, epoch: u64) -> f64 {
        let validation = ValidationPass { config: &self.config, rows, training_rows, epoch };
        let (model, tape) = self.learner.model(&self.vae);
        validation.score(&model, tape)
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
