//! Variational autoencoders for incomplete data.
//!
//! In the order in which a reader needs them:
//! - [`data`]: rows with missing cells, standardised, in minibatches;
//! - [`parameters`]: all trainable numbers in one flat buffer, by name;
//! - [`network`]: the residual MLP, the convolutional networks, and running statistics;
//! - [`vae`]: encoder, decoder and their probability heads;
//! - [`method`]: the methods of the paper as values: bound × mixture sampling × estimator;
//! - [`bounds`]: the bounds as functions of log weights;
//! - [`objective`]: one minibatch from rows to the bound and its gradient;
//! - [`completed`]: the same for completed rows, with a bound for the decoder and one for the encoder;
//! - [`imputations`]: completed versions of every training row, kept from epoch to epoch;
//! - [`optimiser`]: AMSGrad, clipping, schedules;
//! - [`trainer`]: epochs, validation, interruption, exact resumption;
//! - [`snr`]: the signal-to-noise ratio of the gradients that a trainer works with;
//! - [`files`]: files that are written whole or not at all;
//! - [`store`]: model files and checkpoints;
//! - [`imputer`]: a fitted model as the samplers see it;
//! - [`generate`]: rows drawn from it;
//! - [`evaluate`]: log-likelihoods on a grid and by importance sampling, and the Fréchet distance;
//! - [`timing`]: training steps, timed one by one.

pub mod bounds;
pub mod completed;
pub mod data;
mod error;
pub mod evaluate;
pub mod files;
pub mod generate;
pub mod imputations;
pub mod imputer;
pub mod method;
pub mod network;
pub mod objective;
pub mod optimiser;
pub mod parameters;
pub mod snr;
pub mod store;
pub mod timing;
pub mod trainer;
pub mod vae;

pub use error::Error;
