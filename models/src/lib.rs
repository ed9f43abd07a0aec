//! Variational autoencoders for incomplete data.
//!
//! In the order in which a reader needs them:
//! - [`table`]: tables with missing cells, from files and back;
//! - [`data`]: rows with missing cells, standardised, in minibatches;
//! - [`heads`]: how a latent point describes a column, one type of column a file;
//! - [`network`]: encoder and decoder, and their trainable numbers in one flat buffer;
//! - [`objective`]: the methods and bounds of the paper, and one minibatch from rows to the bound and its gradient;
//! - [`config`]: options, the paper's presets, defaults, and their resolution;
//! - [`prepare`]: from a table to a model's rows; [`fingerprint`]: what tells rows apart;
//! - [`trainer`]: epochs, validation, interruption, exact resumption; the optimiser; imputations of the training rows;
//! - [`snr`]: the signal-to-noise ratio of the gradients that a trainer works with;
//! - [`files`]: files that are written whole or not at all, and questions about files;
//! - [`store`]: model files and checkpoints;
//! - [`impute`]: a fitted model as the samplers see it, and rows drawn from it;
//! - [`evaluate`]: log-likelihoods on a grid and by importance sampling, and the Fréchet distance;
//! - [`timing`]: training steps, timed one by one.

pub mod config;
pub mod data;
mod error;
pub mod evaluate;
pub mod files;
pub mod fingerprint;
pub mod heads;
pub mod impute;
pub mod network;
pub mod objective;
pub mod prepare;
pub mod snr;
pub mod store;
pub mod table;
pub mod timing;
pub mod trainer;

pub use error::{Error, Quantity};
pub use table::{ColumnType, Schema, Table};
