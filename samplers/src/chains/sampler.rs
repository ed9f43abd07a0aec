//! The approximate samplers, chosen by a value.

use autodiff::Tape;
use linalg::Scalar;
use thiserror::Error;

use super::diagnostics::ChainDiagnostics;
use super::lair::{self, Lair};
use super::rows::{Impute, Rows};
use super::workspace::Workspace;
use super::{metropolis, pseudo_gibbs};
use crate::model::LatentModel;

/// An approximate sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// Alternates between the encoder and the decoder (see [`pseudo_gibbs`]).
    PseudoGibbs,
    /// Accepts or rejects the encoder's proposals (see [`metropolis`]).
    MetropolisWithinGibbs {
        /// Pseudo-Gibbs transitions of a chain that begins, at least 1.
        warm_up: usize,
    },
    /// Weighs the encoder's proposals for all versions of a row (see [`mod@lair`]).
    Lair(Lair),
}

/// An approximate sampler, and its iterations in an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainConfig {
    /// The sampler.
    pub sampler: Sampler,
    /// Iterations an update, at least 1.
    pub iterations: usize,
}

/// A sampler that cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    /// There are no imputations.
    #[error("a row needs at least one imputation; got 0")]
    NoCopies,
    /// An update would do nothing.
    #[error("a sampler needs at least one iteration an update; got 0")]
    NoIterations,
    /// A chain would have no latent point to begin with.
    #[error("Metropolis-within-Gibbs needs at least one warm-up transition; got 0")]
    NoWarmUp,
    /// There would be nothing to draw from.
    #[error("LAIR needs at least one sample of each proposal; got 0")]
    NoProposals,
}

impl ChainConfig {
    /// Checks that the sampler can update this many imputations a row.
    ///
    /// # Errors
    /// A number that must be positive is 0.
    pub fn check(&self, copies: usize) -> Result<(), ChainError> {
        match self.sampler {
            _ if copies == 0 => Err(ChainError::NoCopies),
            _ if self.iterations == 0 => Err(ChainError::NoIterations),
            Sampler::MetropolisWithinGibbs { warm_up: 0 } => Err(ChainError::NoWarmUp),
            Sampler::Lair(Lair { proposals: 0, .. }) => Err(ChainError::NoProposals),
            Sampler::PseudoGibbs | Sampler::MetropolisWithinGibbs { .. } | Sampler::Lair(_) => Ok(()),
        }
    }
}

/// An approximate sampler with its working memory: nothing is allocated after the first update of a size.
#[derive(Debug)]
pub struct ChainSampler<T> {
    config: ChainConfig,
    work: Workspace<T>,
    lair: lair::Buffers<T>,
}

impl<T: Scalar> ChainSampler<T> {
    /// The sampler of a configuration.
    ///
    /// # Panics
    /// If [`ChainConfig::check`] finds fault with it.
    #[track_caller]
    pub fn new(config: ChainConfig) -> Self {
        if let Err(error) = config.check(1) {
            panic!("{error}");
        }
        ChainSampler { config, work: Workspace::default(), lair: lair::Buffers::default() }
    }
}

impl<T: Scalar> Impute<T> for ChainSampler<T> {
    fn keeps_latents(&self) -> bool {
        matches!(self.config.sampler, Sampler::MetropolisWithinGibbs { .. })
    }

    #[track_caller]
    fn update(&mut self, model: &dyn LatentModel<T>, tape: &mut Tape<T>, mut rows: Rows<'_, T>) -> ChainDiagnostics {
        let ChainConfig { sampler, iterations } = self.config;
        let kept = if Impute::<T>::keeps_latents(self) { model.mixture().latent } else { 0 };
        rows.check(model.columns(), kept);
        let mut diagnostics = ChainDiagnostics::default();
        self.work.sort(&rows);
        self.work.draw_from_prior((model, tape), &mut rows, &mut diagnostics);
        if self.work.chains.is_empty() {
            return diagnostics;
        }
        let work = &mut self.work;
        match sampler {
            Sampler::PseudoGibbs => {
                for _ in 0..iterations {
                    pseudo_gibbs::transition(work, (model, tape), &mut rows, &mut diagnostics);
                }
            }
            Sampler::MetropolisWithinGibbs { warm_up } => {
                metropolis::update(warm_up, iterations, work, (model, tape), &mut rows, &mut diagnostics);
            }
            Sampler::Lair(lair) => {
                lair::update(&lair, iterations, (work, &mut self.lair), (model, tape), &mut rows, &mut diagnostics);
            }
        }
        diagnostics
    }
}
