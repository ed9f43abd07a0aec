//! From a table to a model's rows.
//!
//! - [`TrainingRows`]: what a run is fitted to: rows set aside for validation, cells hidden, columns standardised;
//! - [`ModelFile`]: a file's rows for a fitted model, in its units, block by block; [`standardised`], [`binary_pixels`]: those of
//!   a table in memory;
//! - [`check_values`]: numbers that single precision cannot hold;
//! - [`Error`]: what is wrong with the rows, as fields.

pub(crate) mod alone;
pub(crate) mod coding;
pub(crate) mod error;
mod model_file;
mod model_rows;
mod split;
mod training;
mod traits;

pub use error::{Error, Result};
pub use model_file::{ModelBlock, ModelBlocks, ModelFile};
pub(crate) use model_rows::image_rows;
pub use model_rows::{
    binary_images, binary_pixels, check_magnitudes, check_values, column_names, model_rows, standardised, table_data,
};
pub use training::TrainingRows;
