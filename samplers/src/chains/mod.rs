//! Imputation chains: samplers of x_mis given x_obs that update completed versions of rows.
//!
//! In the order in which a reader needs them:
//! - [`Rows`]: completed versions of rows; [`Impute`]: a sampler that updates them;
//! - [`ChainConfig`], [`ChainSampler`]: the approximate samplers, chosen by a value;
//! - [`pseudo_gibbs`], [`metropolis`], [`lair`]: one file each;
//! - [`resampling`]: draws by weight;
//! - [`Diagnostics`]: acceptance rates, effective sample sizes, draws that were not finite.
//!
//! All start from completed rows and never touch an observed entry. A row with all cells observed is left alone, and so
//! is its random stream. A row with no observed cell takes its imputations from the prior, z ~ N(0, I), x ~ p(x|z), at
//! every update and whatever the sampler: an encoder has learned nothing of such rows.
//!
//! Source: docs/methods.md §6; paper, appendix D.

mod diagnostics;
pub mod lair;
pub mod metropolis;
mod proposals;
pub mod pseudo_gibbs;
pub mod resampling;
pub(crate) mod workspace;

use std::fmt::Debug;

use autodiff::Tape;
use linalg::Scalar;
use thiserror::Error;

pub use self::diagnostics::Diagnostics;
pub use self::lair::{Lair, Scope};
pub use self::metropolis::Decoded;
pub use self::proposals::{Proposals, Weights};
pub use self::resampling::Resampling;
use self::workspace::Workspace;
use crate::model::LatentModel;
use crate::stream::Stream;

/// Completed versions of N rows, for a sampler to update.
#[derive(Debug)]
pub struct Rows<'a, T> {
    /// D.
    pub columns: usize,
    /// K ≥ 1: completed versions of a row.
    pub copies: usize,
    /// N × K × D; observed entries hold the observed values and are never touched.
    pub completed: &'a mut [T],
    /// N × D: 1 where observed, else 0.
    pub mask: &'a [T],
    /// N × K × L for samplers that keep the latent points between updates (see [`Impute::keeps_latents`]), else empty.
    pub latents: &'a mut [T],
    /// Whether `latents` hold the state of chains that have begun.
    pub started: bool,
    /// N: a random stream for each row, so that nothing depends on how rows are grouped.
    pub streams: &'a mut [Stream],
}

/// A sampler that updates the imputations of rows.
pub trait Impute<T: Scalar>: Debug + Send {
    /// Whether latent points are part of the chain's state, to be kept between updates in [`Rows::latents`].
    fn keeps_latents(&self) -> bool {
        false
    }

    /// Draws the missing cells of all completed versions anew. A draw that is not finite leaves the previous value in
    /// place, and is counted. *tape* is working memory of the model.
    ///
    /// # Panics
    /// If a length does not fit the number of rows, copies, columns or latent dimensions.
    fn update(&mut self, model: &dyn LatentModel<T>, tape: &mut Tape<T>, rows: Rows<'_, T>) -> Diagnostics;
}

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
    fn update(&mut self, model: &dyn LatentModel<T>, tape: &mut Tape<T>, mut rows: Rows<'_, T>) -> Diagnostics {
        let ChainConfig { sampler, iterations } = self.config;
        let kept = if Impute::<T>::keeps_latents(self) { model.mixture().latent } else { 0 };
        rows.check(model.columns(), kept);
        let mut diagnostics = Diagnostics::default();
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

impl<T: Scalar> Rows<'_, T> {
    /// Panics unless the lengths fit each other, D columns and `kept` latent numbers a completed version.
    #[track_caller]
    pub(crate) fn check(&self, columns: usize, kept: usize) {
        let (rows, copies) = (self.streams.len(), self.copies);
        assert!(copies > 0, "at least one completed version of a row is needed");
        assert_eq!(self.columns, columns, "columns of the rows and of the model");
        assert_eq!(self.mask.len(), rows * columns, "length of the mask of {rows} × {columns} cells");
        let cells = rows * copies * columns;
        assert_eq!(self.completed.len(), cells, "length of {rows} × {copies} × {columns} completed cells");
        let latents = rows * copies * kept;
        assert_eq!(self.latents.len(), latents, "length of {rows} × {copies} × {kept} latent numbers");
    }

    /// Missing cells of row n.
    pub(crate) fn missing_in(&self, n: usize) -> u64 {
        self.mask_of(n).iter().filter(|&&m| m <= T::ZERO).count() as u64
    }

    /// N·K: the most completed versions that can have a chain.
    pub(crate) fn most_points(&self) -> usize {
        self.streams.len() * self.copies
    }

    /// The mask of row n.
    pub(crate) fn mask_of(&self, n: usize) -> &[T] {
        &self.mask[n * self.columns..][..self.columns]
    }
}
