//! Figures: panels with box plots, lines, curves or contours, as SVG and as PNG.
//!
//! In the order in which a reader needs them:
//! - `figure`: the content of a figure; `draw`: the drawing; `style`: colours and sizes;
//! - `panel`: how a panel is drawn; `axis`: its ticks; `statistics`: what a box shows; `contour`: lines of equal
//!   density;
//! - `shapes`: elements of these figures beside those of [`crate::plot`].
//!
//! A figure is drawn once, as SVG; the PNG is that SVG, rasterised with bundled fonts. Labels may hold `*x*` for
//! italics, `_{x}` for a subscript and `^{x}` for a superscript.

mod axis;
mod contour;
mod draw;
mod figure;
mod panel;
mod shapes;
mod statistics;
mod style;

pub(crate) use contour::Density;
pub(crate) use figure::{Content, Contour, Figure, LabelledBox, Line, Panel, Point, Reference};

#[cfg(test)]
mod tests;
