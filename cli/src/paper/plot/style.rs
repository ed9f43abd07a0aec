//! Colours, and sizes that the figure and its panels share.

/// Colours that people with any colour vision can tell apart, in the order of the series (M. Okabe and K. Ito, 2008).
pub(super) const COLOURS: [&str; 7] = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#666666"];
/// Dashes of contours in the order of the series, so that they differ without colours; nothing for a whole line.
pub(super) const DASHES: [&str; 7] = ["", "9 4", "2 3", "9 3 2 3", "5 3", "12 3 2 3 2 3", "1 5"];
/// Space to the left of a panel for its ticks and label, in CSS pixels.
pub(super) const LEFT: f64 = 98.0;
/// Font sizes of titles and labels.
pub(super) const TITLE: f64 = 19.0;
pub(super) const LABEL: f64 = 18.0;
