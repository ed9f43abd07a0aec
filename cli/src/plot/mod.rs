//! Drawing, without any figure of its own.
//!
//! - `svg`: the elements of a figure, and the mark-up of labels;
//! - `raster`: the same figure as pixels, with bundled fonts; with the feature `paper`.

#[cfg(feature = "paper")]
pub(crate) mod raster;
pub(crate) mod svg;
