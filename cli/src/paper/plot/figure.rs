//! The content of a figure: its panels, and what they show.

use super::contour::Density;
use super::statistics::quantiles;

/// A figure.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Names of the series, which have colours and marks in this order.
    pub(crate) series: Vec<String>,
    /// From left to right, and row by row.
    pub(crate) panels: Vec<Panel>,
    /// Panels in a row, at least 1.
    pub(crate) in_row: usize,
}

/// A part of a figure with axes of its own.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Its title.
    pub(crate) title: Option<String>,
    /// Labels of the axes, with units.
    pub(crate) x_label: Option<String>,
    pub(crate) y_label: Option<String>,
    /// Width between the axes, in CSS pixels.
    pub(crate) width: f64,
    /// Its content.
    pub(crate) content: Content,
    /// A height that values are compared with.
    pub(crate) reference: Option<Reference>,
}

/// A horizontal line across a panel, and the words on it. On an axis of powers of ten its value is positive.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// The content of a panel. Numbers that are not finite are left out.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Box plots side by side, a gap between groups.
    Boxes(Vec<Vec<LabelledBox>>),
    /// Lines with intervals, for few points.
    Lines(Vec<Line>),
    /// Lines with bands, for any number of points at whole numbers such as epochs.
    Curves(Vec<Line>),
    /// The same above an axis of powers of ten. Numbers that are not positive are left out.
    LogCurves(Vec<Line>),
    /// Densities over one square, by lines around the regions that hold half and nine tenths of the mass.
    Contours(Vec<Contour>),
    /// Nothing, not even axes.
    Blank,
}

/// A density in a series' colour.
#[derive(Clone, Debug)]
pub(crate) struct Contour {
    /// Its place among the series.
    pub(crate) series: usize,
    pub(crate) density: Density,
}

/// A box plot of some values.
#[derive(Clone, Debug)]
pub(crate) struct LabelledBox {
    /// Its label, below it.
    pub(crate) label: String,
    /// Its place among the series.
    pub(crate) series: usize,
    pub(crate) values: Vec<f64>,
}

/// The points of a series, from left to right.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its place among the series.
    pub(crate) series: usize,
    pub(crate) points: Vec<Point>,
}

/// A point with the interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Point {
    /// The median of some values, with the range that leaves a twentieth of them out at either end; `None` if none is
    /// finite.
    pub(crate) fn of_median(x: f64, values: &[f64]) -> Option<Point> {
        let [low, y, high] = quantiles(values, [0.05, 0.5, 0.95])?;
        Some(Point { x, y, low, high })
    }

    /// The mean of some values, with the range that leaves a twentieth of them out at either end; `None` if none is
    /// finite.
    pub(crate) fn of_mean(x: f64, values: &[f64]) -> Option<Point> {
        let [low, high] = quantiles(values, [0.05, 0.95])?;
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        Some(Point { x, y: finite.iter().sum::<f64>() / finite.len() as f64, low, high })
    }
}

impl Line {
    /// The line of the logarithms to base 10; points without one are left out.
    pub(super) fn logarithms(&self) -> Line {
        let points = self.points.iter().filter(|point| point.low > 0.0).map(|point| Point {
            x: point.x,
            y: point.y.log10(),
            low: point.low.log10(),
            high: point.high.log10(),
        });
        Line { series: self.series, points: points.collect() }
    }
}

impl Content {
    pub(super) fn boxes(&self) -> bool {
        matches!(self, Content::Boxes(_))
    }

    pub(super) fn contours(&self) -> bool {
        matches!(self, Content::Contours(_))
    }

    /// Whether a series has marks beside its colour.
    pub(super) fn marked(&self) -> bool {
        matches!(self, Content::Lines(_) | Content::Curves(_) | Content::LogCurves(_))
    }
}
