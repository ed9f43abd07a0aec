//! Epochs, validation, interruption, exact resumption.

mod imputed_rows;
mod optimiser;
mod update;

pub use imputed_rows::{Imputations, Start, Stored};
pub use optimiser::{AmsGrad, Schedule, clip_factor};

use std::ops::ControlFlow;

use autodiff::profile::Profile;
use autodiff::{Aligned, Tape};
use linalg::Scalar;
use samplers::chains::{ChainConfig, ChainSampler, Diagnostics, Impute};
use samplers::stream::{Purpose, stream};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::Data;
use crate::network::{RunningStatistics, Vae, VaeConfig};
use crate::objective::{CompletedBound, CompletedObjectiveConfig, ObjectiveConfig, Unusable};

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Passes over the rows.
    Epochs(u64),
    /// Parameter updates.
    Updates(u64),
}

/// What is maximised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// A bound with a finite mixture (paper, section 4.1).
    FiniteMixture(ObjectiveConfig),
    /// The bounds with an imputation mixture (section 4.2).
    ImputationMixture(ImputationTraining),
}

/// How to train with an imputation mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImputationTraining {
    /// The bounds.
    pub objective: CompletedObjectiveConfig,
    /// What imputations start as.
    pub start: Start,
    /// The first epoch, counted from 1, in which each minibatch's imputations are renewed before its update.
    pub renew_from: u64,
    /// What renews them.
    pub sampler: ChainConfig,
}

impl From<ObjectiveConfig> for Objective {
    fn from(config: ObjectiveConfig) -> Self {
        Objective::FiniteMixture(config)
    }
}

impl Objective {
    /// Samples of the latent variables for one row.
    pub fn samples_per_row(&self) -> usize {
        match self {
            Objective::FiniteMixture(config) => config.samples_per_row(),
            Objective::ImputationMixture(training) => training.objective.samples_per_row(),
        }
    }

    /// Versions of one row that the encoder sees.
    pub fn encoded_per_row(&self) -> usize {
        match self {
            Objective::FiniteMixture(_) => 1,
            Objective::ImputationMixture(training) => training.objective.imputations,
        }
    }

    /// Whether the objective's value, as it is reported, is a bound of the log density of whole rows, imputations included.
    pub fn of_completed_rows(&self) -> bool {
        match self {
            Objective::FiniteMixture(_) => false,
            Objective::ImputationMixture(training) => training.objective.decoder == CompletedBound::Lmvb,
        }
    }

    /// Checks that the parts fit together, and fit the model.
    ///
    /// # Errors
    /// Says what does not.
    pub fn check(&self, vae: &Vae) -> Result<(), Unusable> {
        let ImputationTraining { objective, start, sampler, .. } = match self {
            Objective::FiniteMixture(config) => return config.check(),
            Objective::ImputationMixture(training) => training,
        };
        objective.check()?;
        sampler.check(objective.imputations).map_err(|error| Unusable(error.to_string()))?;
        if !vae.row().is_real() && *start != Start::Observed {
            return Err(Unusable(
                "imputations of pixels start as observed values: means and zeros are neither black nor white"
                    .to_owned(),
            ));
        }
        if vae.mixture().components != 1 || !vae.config().encoder_input.completed() {
            return Err(Unusable(
                "an imputation mixture needs an encoder of completed rows with one Gaussian".to_owned(),
            ));
        }
        Ok(())
    }
}

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// The objective.
    pub objective: Objective,
    /// Rows of a minibatch; the last one of an epoch may be shorter.
    pub batch_size: usize,
    /// How long.
    pub length: Length,
    /// Learning rate at the start.
    pub learning_rate: f64,
    /// How it goes on.
    pub schedule: Schedule,
    /// Largest norm of the gradient, over encoder and decoder together.
    pub clip: Option<f64>,
    /// Seed of every random stream.
    pub seed: u64,
}

impl TrainConfig {
    /// Updates in an epoch of so many rows.
    pub fn updates_per_epoch(&self, rows: usize) -> u64 {
        rows.div_ceil(self.batch_size) as u64
    }

    /// Whether a batch normalisation has a single value of each channel, and so no variance, in every minibatch of so many
    /// rows. A smaller last one of an epoch is no matter: the others have statistics.
    pub fn has_single_values(&self, vae: &Vae, rows: usize) -> bool {
        let batch = self.batch_size.min(rows);
        let [encoded, decoded] = [self.objective.encoded_per_row(), self.objective.samples_per_row()];
        vae.has_single_values(batch.saturating_mul(encoded), batch.saturating_mul(decoded))
    }

    /// Updates of a whole run on so many rows.
    pub fn total_updates(&self, rows: usize) -> u64 {
        match self.length {
            Length::Epochs(epochs) => epochs * self.updates_per_epoch(rows),
            Length::Updates(updates) => updates,
        }
    }
}

/// Where a training run stands: with the parameters and the optimiser's state, all that resuming needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Finished epochs.
    pub epoch: u64,
    /// Finished updates of the running epoch.
    pub step: u64,
    /// Finished updates in all.
    pub update: u64,
    /// Sum over the running epoch's rows of the objective, in nats.
    pub objective_sum: f64,
    /// Rows seen in the running epoch.
    pub rows: u64,
    /// Sum over the running epoch's updates of the gradient norm.
    pub norm_sum: f64,
    /// Sum over the running epoch's rows of the components in use: see [`Epoch::components_in_use`].
    #[serde(default)]
    pub components_in_use: u64,
    /// What the sampler of imputations said in the running epoch.
    #[serde(default)]
    pub sampler: SamplerSums,
}

/// Sums over updates of a sampler's diagnostics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SamplerSums {
    /// Acceptance rates, and how many there were.
    pub acceptance: (f64, u64),
    /// Effective sample sizes, and how many there were.
    pub effective: (f64, u64),
    /// Draws that were not finite and left the previous value in place.
    pub replaced: u64,
    /// Proposals above the envelope of rejection sampling, whose draws are not exact.
    #[serde(default)]
    pub envelope_violations: u64,
}

impl SamplerSums {
    fn add(&mut self, diagnostics: &Diagnostics) {
        let count = |sum: &mut (f64, u64), value: Option<f64>| {
            if let Some(value) = value {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        };
        count(&mut self.acceptance, diagnostics.acceptance_rate());
        count(&mut self.effective, diagnostics.effective_sample_size());
        self.replaced += diagnostics.replaced;
        self.envelope_violations += diagnostics.envelope_violations;
    }

    /// Mean acceptance rate, if the sampler has one and rows were renewed.
    pub fn acceptance_rate(&self) -> Option<f64> {
        (self.acceptance.1 > 0).then(|| self.acceptance.0 / self.acceptance.1 as f64)
    }

    /// Mean effective sample size, if the sampler has one and rows were renewed.
    pub fn effective_sample_size(&self) -> Option<f64> {
        (self.effective.1 > 0).then(|| self.effective.0 / self.effective.1 as f64)
    }
}

/// One update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Mean of the bound over the minibatch, in nats. (With an imputation mixture: of the decoder's bound.)
    pub objective: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
}

/// One epoch, or the part of it that the last update left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Number, from 1.
    pub epoch: u64,
    /// Updates made so far, in all.
    pub update: u64,
    /// Mean of the objective over the epoch's rows, in nats of model units.
    pub objective: f64,
    /// Mean norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate of the last update.
    pub learning_rate: f64,
    /// Mean of the bound over the validation rows, if there are any.
    pub validation: Option<f64>,
    /// What the sampler of imputations said.
    pub sampler: SamplerSums,
    /// Mean over the epoch's rows of the components of the encoder's mixture whose weight is above
    /// [`IN_USE`]; none with a single component. Near 1, the mixture has collapsed.
    pub components_in_use: Option<f64>,
}

/// The weight above which a component counts as used.
pub const IN_USE: f64 = 0.01;

/// Watches a training run.
pub trait Observer<T: Scalar> {
    /// Called after each update; `Break` interrupts the run there.
    fn updated(&mut self, trainer: &Trainer<T>, step: &Step) -> Result<ControlFlow<()>, Error>;

    /// Called at the end of each epoch.
    fn epoch_ended(&mut self, trainer: &Trainer<T>, epoch: &Epoch) -> Result<(), Error>;
}

/// Whether a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All updates are made.
    Finished,
    /// The observer interrupted it; it can be resumed.
    Interrupted,
}

/// A model being fitted.
#[derive(Debug)]
pub struct Trainer<T: Scalar> {
    vae: Vae,
    config: TrainConfig,
    parameters: Aligned<T>,
    optimiser: AmsGrad<T>,
    progress: Progress,
    gradient: Aligned<T>,
    tape: Tape<T>,
    /// What batch normalisation has seen in the running update.
    statistics: RunningStatistics<T>,
    /// The running epoch's order of rows.
    order: Vec<u32>,
    /// Epoch that `order` is of.
    ordered: Option<u64>,
    /// Completed versions of the training rows, with an imputation mixture: from the first update on, or as a checkpoint
    /// held them.
    imputations: Option<Imputations<T>>,
    /// What is to renew them, where it is not the configured sampler and they have not begun.
    sampler: Option<Box<dyn Impute<T>>>,
}

/// A trainer's state beside its plan: what a checkpoint holds.
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
        let State { parameters, optimiser, progress, imputations } = state;
        assert_eq!(parameters.len(), vae.layout().len(), "lengths of parameters and layout");
        let gradient = Aligned::zeros(parameters.len());
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
            vae,
            config,
            parameters,
            optimiser,
            progress,
            gradient,
            tape: Tape::new(),
            statistics: RunningStatistics::default(),
            order: Vec::new(),
            ordered: None,
            imputations,
            sampler: None,
        })
    }

    /// Renews imputations with this sampler instead of the configured one: with an oracle's draws, say.
    pub fn set_sampler(&mut self, sampler: Box<dyn Impute<T>>) {
        match &mut self.imputations {
            Some(imputations) => imputations.replace_sampler(sampler),
            None => self.sampler = Some(sampler),
        }
    }

    /// Times every operation of the updates from now on.
    pub fn start_profile(&mut self) {
        self.tape.start_profile();
    }

    /// Ends that, and returns what was measured.
    pub fn take_profile(&mut self) -> Option<Profile> {
        self.tape.take_profile()
    }

    /// The model.
    pub fn vae(&self) -> &Vae {
        &self.vae
    }

    /// How it is trained.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The flat parameter buffer.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// The gradient of the last update, before it was clipped: of minus the objective, in the order of the parameters.
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// The optimiser's state.
    pub fn optimiser(&self) -> &AmsGrad<T> {
        &self.optimiser
    }

    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The imputations, with an imputation mixture after the first update.
    pub fn imputations(&self) -> Option<&Stored<T>> {
        self.imputations.as_ref().map(Imputations::stored)
    }

    /// Updates in an epoch of so many rows.
    pub fn updates_per_epoch(&self, rows: usize) -> u64 {
        self.config.updates_per_epoch(rows)
    }

    /// Updates of the whole run.
    pub fn total_updates(&self, rows: usize) -> u64 {
        self.config.total_updates(rows)
    }

    /// Trains to the end, or until the observer interrupts.
    ///
    /// # Errors
    /// If there are no rows or minibatches are too small for batch normalisation, the objective or its gradient stops being
    /// finite (the parameters are then still those before that update), or the observer fails.
    pub fn run(
        &mut self,
        data: &Data<T>,
        validation: Option<&Data<T>>,
        observer: &mut impl Observer<T>,
    ) -> Result<Outcome, Error> {
        if data.rows() == 0 {
            return Err(Error::NoRows);
        }
        let incomplete = matches!(self.config.objective, Objective::FiniteMixture(_)) && data.missing() > 0;
        if incomplete && self.vae.config().encoder_input.completed() {
            return Err(Error::IncompleteRows { missing: data.missing() });
        }
        if self.config.has_single_values(&self.vae, data.rows()) {
            return Err(Error::SingleValues);
        }
        let total = self.total_updates(data.rows());
        let per_epoch = self.updates_per_epoch(data.rows());
        while self.progress.update < total {
            let step = self.update(data, total)?;
            if self.progress.step == per_epoch || self.progress.update == total {
                let report = Epoch {
                    epoch: self.progress.epoch + 1,
                    update: self.progress.update,
                    objective: self.progress.objective_sum / self.progress.rows as f64,
                    gradient_norm: self.progress.norm_sum / self.progress.step as f64,
                    learning_rate: step.learning_rate,
                    validation: validation.map(|rows| self.validate(rows, data)),
                    sampler: self.progress.sampler,
                    components_in_use: (self.vae.mixture().components > 1)
                        .then(|| self.progress.components_in_use as f64 / self.progress.rows as f64),
                };
                let Progress { epoch, update, .. } = self.progress;
                self.progress = Progress { epoch: epoch + 1, update, ..Progress::default() };
                observer.epoch_ended(self, &report)?;
            }
            if observer.updated(self, &step)?.is_break() && self.progress.update < total {
                return Ok(Outcome::Interrupted);
            }
        }
        Ok(Outcome::Finished)
    }
}
