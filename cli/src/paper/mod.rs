//! The paper's experiments, behind the feature `paper`.
//!
//! - `reproduce`: its figures; `snr`: signal-to-noise ratios of gradients;
//! - `plot`: how figures are drawn, and the only user of the SVG rasteriser.

mod plot;
pub(crate) mod reproduce;
pub(crate) mod snr;
