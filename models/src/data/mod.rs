//! Rows with missing cells, standardised, in minibatches.
//!
//! - [`Data`]: a table with missing cells, and ways to hide cells and to split rows;
//! - [`HeldOutCells`]: observed cells that a model is not trained on;
//! - [`Standardisation`]: the columns' means and deviations;
//! - [`Batch`]: rows on a tape; `Minibatches`: the rows of an epoch in a random order.

mod held_out;
mod minibatch;
mod rows;
mod standardisation;

pub use held_out::HeldOutCells;
pub(crate) use minibatch::Minibatches;
pub use minibatch::{Batch, shuffled};
pub use rows::{Data, binarise_pixels};
pub use standardisation::Standardisation;
