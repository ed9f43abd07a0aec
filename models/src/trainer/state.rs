//! A model being fitted.

use autodiff::Aligned;
use autodiff::profile::Profile;
use linalg::Scalar;
use samplers::chains::{ChainSampler, Impute};
use samplers::stream::{Purpose, stream};

use super::average::Average;
use super::best::Best;
use super::config::{ImputationTraining, Objective, TrainConfig};
use super::imputed_rows::{Imputations, Stored};
use super::learner::{Learner, Networks};
use super::optimiser::AmsGrad;
use super::progress::Progress;
use crate::Error;
use crate::data::Minibatches;
use crate::network::{Vae, VaeConfig};

/// A model being fitted.
#[derive(Debug)]
pub struct Trainer<T: Scalar> {
    pub(super) vae: Vae,
    pub(super) config: TrainConfig,
    pub(super) learner: Learner<T>,
    pub(super) progress: Progress,
    pub(super) minibatches: Minibatches,
    /// Completed versions of the training rows, with an imputation mixture: from the first update on, or as a
    /// checkpoint held them.
    pub(super) imputations: Option<Imputations<T>>,
    /// A sampler in place of the configured one, until the imputations have begun.
    pub(super) sampler: Option<Box<dyn Impute<T>>>,
    /// Whether the best epoch is kept.
    pub(super) keep_best: bool,
    /// Epochs without a better one after which a run is over.
    pub(super) patience: Option<u64>,
    /// The best epoch so far, if it is kept.
    pub(super) best: Option<Best<T>>,
    /// The average of the parameters, if they are averaged.
    pub(super) average: Option<Average<T>>,
}

/// A trainer's state, without its configuration, as a checkpoint holds it.
#[derive(Debug)]
pub struct State<T: Scalar> {
    /// The flat parameter buffer.
    pub parameters: Aligned<T>,
    /// The optimiser's state.
    pub optimiser: AmsGrad<T>,
    /// Where the run stands.
    pub progress: Progress,
    /// The imputations, with an imputation mixture after the first update.
    pub imputations: Option<Stored<T>>,
    /// The best epoch so far, if it is kept.
    pub best: Option<Best<T>>,
    /// The average of the parameters, if they are averaged.
    pub average: Option<Average<T>>,
}

impl<T: Scalar> Trainer<T> {
    /// A model with random initial parameters.
    ///
    /// # Errors
    /// If the objective's options do not fit together, or not the model.
    pub fn new(vae: Vae, config: TrainConfig) -> Result<Self, Error> {
        let parameters = vae.layout().initialise(&mut stream(config.seed, Purpose::Initialise, 0, 0));
        let state = State {
            optimiser: AmsGrad::new(parameters.len()),
            parameters,
            progress: Progress::default(),
            imputations: None,
            best: None,
            average: None,
        };
        Self::resume(vae, config, state)
    }

    /// A model in the state that a checkpoint recorded.
    ///
    /// # Errors
    /// If the objective's options do not fit together, or not the model.
    ///
    /// # Panics
    /// If a buffer's length is not that of the model's layout, or the imputations are not of whole rows.
    #[track_caller]
    pub fn resume(vae: Vae, config: TrainConfig, state: State<T>) -> Result<Self, Error> {
        config.objective.check(&vae)?;
        let State { parameters, optimiser, progress, imputations, best, average } = state;
        let imputations = match (imputations, &config.objective) {
            (Some(stored), Objective::ImputationMixture(ImputationTraining { objective, sampler, .. })) => {
                let VaeConfig { columns, latent, .. } = *vae.config();
                let row = objective.imputations * columns;
                assert!(stored.completed.len().is_multiple_of(row), "{} completed cells", stored.completed.len());
                let sampler = Box::new(ChainSampler::new(*sampler));
                Some(Imputations::resume(columns, objective.imputations, latent, stored, sampler))
            }
            _ => None,
        };
        Ok(Trainer {
            learner: Learner::new(&vae, Networks::Both, parameters, optimiser),
            minibatches: Minibatches::new(config.batch_size),
            vae,
            config,
            progress,
            imputations,
            sampler: None,
            keep_best: best.is_some(),
            patience: None,
            best,
            average,
        })
    }

    /// Keeps the parameters of the epoch with the best validation score. With `patience`, a run is over when so many epochs
    /// have brought no better one.
    pub fn keep_best(&mut self, patience: Option<u64>) {
        (self.keep_best, self.patience) = (true, patience);
    }

    /// Averages the parameters along the run, from here on if that is not done already. The average is what is scored, and kept.
    pub fn average(&mut self) {
        let start = || Average::new(Aligned::from_slice(self.learner.parameters()));
        self.average = Some(self.average.take().unwrap_or_else(start));
    }

    /// The average of the parameters, if they are averaged.
    pub fn averaged(&self) -> Option<&Average<T>> {
        self.average.as_ref()
    }

    /// The best epoch so far, if it is kept and something was scored.
    pub fn best(&self) -> Option<&Best<T>> {
        self.best.as_ref()
    }

    /// The parameters to use: those of the best epoch, if it is kept, else those of the last update; the average where there is
    /// one.
    pub fn chosen_parameters(&self) -> &[T] {
        self.best.as_ref().map_or(self.latest(), |best| &best.parameters)
    }

    /// The average of the parameters, if there is one, else those of the last update.
    pub fn latest(&self) -> &[T] {
        self.average.as_ref().map_or(self.learner.parameters(), Average::parameters)
    }

    /// Updates that led to [`chosen_parameters`](Trainer::chosen_parameters), in a run on so many rows.
    pub fn chosen_updates(&self, rows: usize) -> u64 {
        let made = self.progress.update;
        self.best.as_ref().map_or(made, |best| made.min(best.epoch * self.updates_per_epoch(rows)))
    }

    /// Whether patience has ended the run.
    pub fn stopped_early(&self) -> bool {
        let since = |best: &Best<T>| self.progress.epoch.saturating_sub(best.epoch);
        self.patience.zip(self.best.as_ref()).is_some_and(|(patience, best)| since(best) >= patience)
    }

    /// Whether a run on so many rows is over.
    pub fn is_finished(&self, rows: usize) -> bool {
        self.progress.update >= self.total_updates(rows) || self.stopped_early()
    }

    /// Draws imputations with this sampler instead of the configured one: from an exact conditional, say.
    pub fn set_sampler(&mut self, sampler: Box<dyn Impute<T>>) {
        match &mut self.imputations {
            Some(imputations) => imputations.replace_sampler(sampler),
            None => self.sampler = Some(sampler),
        }
    }

    /// Times every operation of the updates from now on.
    pub fn start_profile(&mut self) {
        self.learner.start_profile();
    }

    /// Stops timing, and returns the profile.
    pub fn take_profile(&mut self) -> Option<Profile> {
        self.learner.take_profile()
    }

    /// The model.
    pub fn vae(&self) -> &Vae {
        &self.vae
    }

    /// The settings of training.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The flat parameter buffer.
    pub fn parameters(&self) -> &[T] {
        self.learner.parameters()
    }

    /// The gradient of the last update, before it was clipped: of minus the objective, in the order of the parameters.
    pub fn gradient(&self) -> &[T] {
        self.learner.gradient()
    }

    /// The optimiser's state.
    pub fn optimiser(&self) -> &AmsGrad<T> {
        self.learner.optimiser()
    }

    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The imputations, with an imputation mixture after the first update.
    pub fn imputations(&self) -> Option<&Stored<T>> {
        self.imputations.as_ref().map(Imputations::stored)
    }

    /// Updates in an epoch.
    pub fn updates_per_epoch(&self, rows: usize) -> u64 {
        self.config.updates_per_epoch(rows)
    }

    /// Updates of the whole run.
    pub fn total_updates(&self, rows: usize) -> u64 {
        self.config.total_updates(rows)
    }
}
