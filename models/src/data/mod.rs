//! Rows with missing cells, standardised, in minibatches.
//!
//! - [`Data`]: a table with missing cells, and ways to hide cells and to split rows;
//! - [`Standardisation`]: the columns' means and deviations;
//! - [`Batch`]: rows on a tape; `Minibatches`: the rows of an epoch in a random order.

mod minibatch;
mod rows;
mod standardisation;

pub(crate) use minibatch::Minibatches;
pub use minibatch::{Batch, shuffled};
pub use rows::{Data, binarise_pixels};
pub use standardisation::Standardisation;
