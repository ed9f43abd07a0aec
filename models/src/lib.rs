//! Variational autoencoders for incomplete data: fit a table with missing cells, impute them, score rows, draw new ones.
//!
//! ```
//! use missvae::{Fit, Model, Table};
//!
//! # fn main() -> Result<(), missvae::Error> {
//! let table = Table::penguins(); // or Table::read("table.csv")?
//! let model = Fit::new().method("miss-svae".parse()?).latent(2).hidden(32).epochs(3).seed(1).run(&table)?;
//!
//! let draws = model.impute(&table).draws(20).seed(1).run()?;
//! assert!(draws.len() == 20 && draws.iter().all(|draw| draw.missing_cells() == 0));
//!
//! let score = model.score(&table)?;
//! println!("{:.2} nats a row", score.log_likelihood);
//!
//! let file = std::env::temp_dir().join("penguins.safetensors");
//! model.save(&file)?;
//! assert_eq!(Model::load(&file)?.sample(100, 1)?, model.sample(100, 1)?);
//! # std::fs::remove_file(&file).ok();
//! # Ok(())
//! # }
//! ```
//!
//! - [`Fit`]: a model's options, each with a default, and its training;
//! - [`Model`]: a fitted model: [`Model::impute`], [`Model::score`], [`Model::sample`], [`Model::save`], [`Model::load`];
//!   each result has its [`Warning`]s;
//! - [`Table`]: numbers in rows and named columns, some of them missing; [`Schema`]: names and types of columns;
//! - [`Error`]: an error, with the option, file, row or column as fields.
//!
//! Behind them, in the order in which a reader needs them:
//! - [`table`]: tables with missing cells, from files and back;
//! - [`data`]: rows with missing cells, standardised, in minibatches;
//! - [`heads`]: types of columns, one file each;
//! - [`network`]: encoder and decoder, and their trainable numbers in one flat buffer;
//! - [`objective`]: the methods and bounds of the paper, and one minibatch from rows to the bound and its gradient;
//! - [`config`]: options, the paper's presets, defaults, and their resolution;
//! - [`prepare`]: from a table to a model's rows; [`fingerprint`]: hashes of rows;
//! - [`trainer`]: epochs, validation, interruption, exact resumption; the optimiser; imputations of the training rows;
//! - [`snr`]: signal-to-noise ratios of a trainer's gradients;
//! - [`files`]: atomic writing of files;
//! - [`store`]: model files and checkpoints;
//! - [`impute`]: imputations and new rows of a fitted model;
//! - [`evaluate`]: log-likelihoods on a grid and by importance sampling, and the Fréchet distance;
//! - [`pool`]: regressions on completed tables, pooled by Rubin's rules;
//! - [`warning`]: what may be wrong with a result; [`monitor`]: with rows that go by block by block;
//! - [`timing`]: training steps, timed one by one.

pub mod config;
pub mod data;
mod error;
pub mod evaluate;
pub mod files;
pub mod fingerprint;
mod fit;
pub mod heads;
mod imputations;
pub mod impute;
mod model;
pub mod monitor;
pub mod network;
pub mod objective;
pub mod pool;
pub mod prepare;
pub mod snr;
pub mod store;
pub mod table;
pub mod timing;
pub mod trainer;
pub mod warning;
mod words;

pub use error::{Error, Quantity};
pub use fit::Fit;
pub use heads::ColumnType;
pub use imputations::{Imputations, Impute};
pub use model::{Model, Score};
pub use table::{Schema, Table};
pub use warning::Warning;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
