//! Settings of training.

use samplers::chains::{ChainConfig, ChainError};

use super::imputed_rows::Start;
use super::optimiser::Schedule;
use crate::network::Vae;
use crate::objective::{CompletedBound, CompletedObjectiveConfig, InvalidConfig, ObjectiveConfig, Requirement};

/// The length of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Passes over the rows.
    Epochs(u64),
    /// Parameter updates.
    Updates(u64),
}

/// The objective: one bound, or one for each network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// A bound with a finite mixture (paper, section 4.1).
    FiniteMixture(ObjectiveConfig),
    /// The bounds with an imputation mixture (section 4.2).
    ImputationMixture(ImputationTraining),
}

/// Settings of training with an imputation mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImputationTraining {
    /// The bounds.
    pub objective: CompletedObjectiveConfig,
    /// The first imputations.
    pub start: Start,
    /// The first epoch, counted from 1, in which each minibatch's imputations are updated before its parameter update.
    pub renew_from: u64,
    /// The sampler that updates them.
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

    /// Whether the reported objective is a bound of the log density of whole rows, imputations included.
    pub fn of_completed_rows(&self) -> bool {
        match self {
            Objective::FiniteMixture(_) => false,
            Objective::ImputationMixture(training) => training.objective.decoder == CompletedBound::Lmvb,
        }
    }

    /// Checks that the parts fit together, and fit the model.
    ///
    /// # Errors
    /// The first option that does not fit the others, or the model.
    pub fn check(&self, vae: &Vae) -> Result<(), InvalidConfig> {
        let ImputationTraining { objective, start, sampler, .. } = match self {
            Objective::FiniteMixture(config) => return config.check(),
            Objective::ImputationMixture(training) => training,
        };
        objective.check()?;
        sampler.check(objective.imputations).map_err(|error| {
            let option = match error {
                ChainError::NoCopies => "components",
                ChainError::NoIterations => "iterations",
                ChainError::NoWarmUp => "warm-up",
                ChainError::NoProposals => "proposals",
            };
            InvalidConfig::new(option, 0, Requirement::Sampler(error))
        })?;
        if !vae.row().is_real() && *start != Start::Observed {
            let value = match start {
                Start::Observed => "observed",
                Start::Mean => "mean",
                Start::Zero => "zero",
            };
            return Err(InvalidConfig::new("initial-imputations", value, Requirement::StartOfPixels));
        }
        if vae.mixture().components != 1 || !vae.config().encoder_input.completed() {
            let found = format!("{:?}, {} Gaussians", vae.config().encoder_input, vae.mixture().components);
            return Err(InvalidConfig::new("encoder", found, Requirement::EncoderOfCompletedRows));
        }
        Ok(())
    }
}

/// Settings of training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// The objective.
    pub objective: Objective,
    /// Rows of a minibatch; the last one of an epoch may be shorter.
    pub batch_size: usize,
    /// The length of training.
    pub length: Length,
    /// Learning rate at the start.
    pub learning_rate: f64,
    /// The learning rate over time.
    pub schedule: Schedule,
    /// Largest norm of the gradient, over encoder and decoder together.
    pub clip: Option<f64>,
    /// Seed of every random stream.
    pub seed: u64,
}

impl TrainConfig {
    /// Updates in an epoch of this many rows.
    pub fn updates_per_epoch(&self, rows: usize) -> u64 {
        rows.div_ceil(self.batch_size) as u64
    }

    /// Whether some batch normalisation is undefined in every minibatch of a table of this many rows: a single value of
    /// each channel has no variance. A smaller last minibatch of an epoch does not matter: the others have statistics.
    pub fn batch_norm_undefined(&self, vae: &Vae, rows: usize) -> bool {
        let batch = self.batch_size.min(rows);
        let [encoded, decoded] = [self.objective.encoded_per_row(), self.objective.samples_per_row()];
        vae.batch_norm_undefined(batch.saturating_mul(encoded), batch.saturating_mul(decoded))
    }

    /// Updates of a whole run on this many rows.
    pub fn total_updates(&self, rows: usize) -> u64 {
        match self.length {
            Length::Epochs(epochs) => epochs * self.updates_per_epoch(rows),
            Length::Updates(updates) => updates,
        }
    }
}
