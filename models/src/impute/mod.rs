//! A fitted model in use: imputations, and rows drawn from it.
//!
//! - [`FittedModel`]: a model with its parameters, in evaluation mode;
//! - [`ImputationSampler`]: samplers of missing cells; [`Imputer`]: imputes a table;
//! - [`generate`]: rows drawn from it.

mod fitted;
mod generate;
mod sampler;
mod table;

pub use fitted::{FittedModel, InEvaluation};
pub use generate::generate;
pub use sampler::{ImputationSampler, ImputationSummary, SamplerKind, SamplerOptions, WeightSummary};
pub use samplers::importance::Statistic;
pub use table::{Imputer, sample_table};
