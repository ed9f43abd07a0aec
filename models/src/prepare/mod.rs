//! From a table to a model's rows.
//!
//! - [`TrainingRows`]: what a run is fitted to: rows set aside for validation, cells hidden, columns standardised;
//! - [`read_model_rows`], [`standardised`], [`binary_pixels`]: rows for a fitted model, in its units;
//! - [`check_values`]: numbers that single precision cannot hold;
//! - [`Error`]: what is wrong with the rows, as fields.

mod alone;
pub(crate) mod coding;
pub(crate) mod error;
mod model_rows;
mod split;
mod training;
mod traits;

pub use error::{Error, Result};
pub(crate) use model_rows::image_rows;
pub use model_rows::{
    binary_images, binary_pixels, check_magnitudes, check_values, column_names, model_rows, read_model_rows,
    standardised, table_data,
};
pub use training::TrainingRows;
