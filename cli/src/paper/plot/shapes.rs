//! Elements that only the figures of this folder have, and widths of their labels.

use crate::plot::svg::{Anchor, SCRIPT, Script, Span, Svg, coordinates, number, spans};

impl Svg {
    /// A filled polygon.
    pub(super) fn polygon(&mut self, points: &[(f64, f64)], fill: &str, stroke: &str) {
        let points = coordinates(points);
        self.put(format_args!(r#"<polygon points="{points}" fill="{fill}" stroke="{stroke}"/>"#));
    }

    /// A polygon that what is below shines through.
    pub(super) fn band(&mut self, points: &[(f64, f64)], fill: &str) {
        let points = coordinates(points);
        self.put(format_args!(r#"<polygon points="{points}" fill="{fill}" fill-opacity="0.15"/>"#));
    }

    pub(super) fn circle(&mut self, centre: (f64, f64), radius: f64, fill: &str, stroke: &str) {
        let (x, y) = (number(centre.0), number(centre.1));
        self.put(format_args!(r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{stroke}"/>"#));
    }

    /// A text with mark-up that runs upwards.
    pub(super) fn upward_text(&mut self, at: (f64, f64), size: f64, markup: &str) {
        self.turned_text(at, size, Anchor::Middle, markup, Some(-90.0));
    }
}

/// About how wide a text is: the fonts' mean letter is a little under half as wide as its size.
pub(super) fn width(markup: &str, size: f64) -> f64 {
    let of = |span: &Span| span.text.chars().count() as f64 * if span.script == Script::None { 1.0 } else { SCRIPT };
    0.5 * size * spans(markup).iter().map(of).sum::<f64>()
}
