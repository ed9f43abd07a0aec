//! A fitted model at work: what the samplers see of it, and rows drawn from it.
//!
//! - [`FittedModel`]: a model with its parameters, in evaluation mode;
//! - [`generate`]: rows drawn from it.

mod fitted;
mod generate;

pub use fitted::{FittedModel, InEvaluation};
pub use generate::generate;
