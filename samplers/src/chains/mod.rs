//! Imputation chains: samplers of x_mis given x_obs that update completed versions of rows.
//!
//! In the order in which a reader needs them:
//! - [`Rows`]: completed versions of rows; [`Impute`]: a sampler that updates them;
//! - [`ChainConfig`], [`ChainSampler`]: the approximate samplers, chosen by a value;
//! - [`pseudo_gibbs`], [`metropolis`], [`lair`]: one file each;
//! - [`resampling`]: draws by weight;
//! - [`ChainDiagnostics`]: acceptance rates, effective sample sizes, draws that were not finite.
//!
//! All start from completed rows and never touch an observed entry. A row with all cells observed is left alone, and so
//! is its random stream. A row with no observed cell takes its imputations from the prior, z ~ N(0, I), x ~ p(x|z), at
//! every update and whatever the sampler: an encoder has learned nothing of such rows.
//!
//! Source: docs/methods.md §6; paper, appendix D.

mod decoded;
mod diagnostics;
pub mod lair;
pub mod metropolis;
mod proposals;
pub mod pseudo_gibbs;
pub mod resampling;
mod rows;
mod sampler;
pub(crate) mod workspace;

pub use decoded::Decoded;
pub use diagnostics::ChainDiagnostics;
pub use lair::{Lair, Scope};
pub use proposals::{Proposals, Weights};
pub use resampling::Resampling;
pub use rows::{Impute, Rows};
pub use sampler::{ChainConfig, ChainError, ChainSampler, Sampler};
