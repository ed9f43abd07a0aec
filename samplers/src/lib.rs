//! Random numbers, and distributions and samplers that use them.
//!
//! In the order in which a reader needs them:
//! - [`stream`]: random streams addressed by what they are for;
//! - [`draw`]: standard normals, categories, samples of mixture components;
//! - [`gaussian_mixture`]: mixtures with full covariances: the density, samples and conditionals of a known truth;
//! - [`likelihood`]: how a decoded latent point describes a row; [`quantile`]: quantiles of mixtures; [`truncated`]: normals
//!   above a bound; [`interval`]: normals between two;
//! - [`model`]: a model as samplers see it;
//! - [`importance`]: self-normalised importance resampling of missing values;
//! - [`chains`]: imputation chains, which can continue where they stopped;
//! - [`imputation`]: rows of a new table, imputed by chains;
//! - [`pareto`]: whether importance weights can be trusted;
//! - [`rejection`]: exact draws for models with one or two latent dimensions.

pub mod chains;
mod densities;
pub mod draw;
pub mod gaussian_mixture;
pub mod importance;
pub mod imputation;
pub mod interval;
pub mod likelihood;
pub mod model;
pub mod pareto;
mod proposals;
pub mod quantile;
pub mod rejection;
pub mod stream;
pub mod truncated;

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
