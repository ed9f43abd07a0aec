//! A fitted model at work: what the samplers see of it, and rows drawn from it.
//!
//! - [`FittedModel`]: a model with its parameters, in evaluation mode;
//! - [`ImputationSampler`]: how missing cells are sampled; [`impute_table`]: a table completed;
//! - [`generate`]: rows drawn from it.

mod fitted;
mod generate;
mod sampler;
mod table;

pub use fitted::{FittedModel, InEvaluation};
pub use generate::generate;
pub use sampler::{Diagnostics, ImputationSampler, SamplerKind, SamplerOptions};
pub use samplers::importance::Statistic;
pub use table::{impute_table, sample_table};
