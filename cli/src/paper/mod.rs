//! The paper's experiments, behind the feature `paper`.
//!
//! - `reproduce`: its figures; `snr`: signal-to-noise ratios of gradients;
//! - `model_options`: the options that `snr` shares with `missvae train`; `shared`: what both commands use; `timing`:
//!   how long runs will take;
//! - `plot`: how figures are drawn.

mod model_options;
mod plot;
pub(crate) mod reproduce;
mod shared;
pub(crate) mod snr;
mod timing;
