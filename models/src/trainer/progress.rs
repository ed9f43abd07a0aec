//! The progress of a run, and the metrics of its updates and epochs.

use samplers::chains::ChainDiagnostics;
use serde::{Deserialize, Serialize};

/// The weight above which a component counts as used.
pub const IN_USE: f64 = 0.01;

/// The progress of a training run. With the parameters and the optimiser's state it is all that resuming needs.
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
    /// Sum over the running epoch's rows of the components in use: see [`EpochMetrics::components_in_use`].
    #[serde(default)]
    pub components_in_use: u64,
    /// Diagnostics of the sampler of imputations in the running epoch.
    #[serde(default)]
    pub sampler: SamplerSums,
}

impl Progress {
    /// Whether the next update begins an epoch.
    pub fn at_epoch_end(&self) -> bool {
        self.step == 0
    }

    /// The start of the next epoch.
    pub(super) fn next_epoch(&self) -> Self {
        Progress { epoch: self.epoch + 1, update: self.update, ..Progress::default() }
    }
}

/// Sums over updates of a sampler's diagnostics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SamplerSums {
    /// Sum of acceptance rates, and their number.
    pub acceptance: (f64, u64),
    /// Sum of effective sample sizes, and their number.
    pub effective: (f64, u64),
    /// Draws that were not finite and left the previous value in place.
    pub replaced: u64,
    /// Proposals above the envelope of rejection sampling, whose draws are not exact.
    #[serde(default)]
    pub envelope_violations: u64,
}

impl SamplerSums {
    pub(super) fn add(&mut self, diagnostics: &ChainDiagnostics) {
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

    /// Mean acceptance rate, if the sampler has one and imputations were updated.
    pub fn acceptance_rate(&self) -> Option<f64> {
        (self.acceptance.1 > 0).then(|| self.acceptance.0 / self.acceptance.1 as f64)
    }

    /// Mean effective sample size, if the sampler has one and imputations were updated.
    pub fn effective_sample_size(&self) -> Option<f64> {
        (self.effective.1 > 0).then(|| self.effective.0 / self.effective.1 as f64)
    }
}

/// One update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateMetrics {
    /// Its epoch, from 1.
    pub epoch: u64,
    /// Its number in the whole run, from 1.
    pub update: u64,
    /// Whether it is the last of its epoch: the epoch is over, or the run.
    pub ends_epoch: bool,
    /// Mean of the bound over the minibatch, in nats. (With an imputation mixture: of the decoder's bound.)
    pub objective: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
}

/// One epoch, or the part of it that the last update left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochMetrics {
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
    /// Mean of the bound over the validation rows, or of the predictive log density of a held-out cell, in nats of model
    /// units, if there is something to score.
    pub validation: Option<f64>,
    /// Diagnostics of the sampler of imputations.
    pub sampler: SamplerSums,
    /// Mean over the epoch's rows of the number of components with a weight above [`IN_USE`]. `None` with a single
    /// component. Near 1, the mixture has collapsed.
    pub components_in_use: Option<f64>,
}
