//! Figures: panels with box plots, lines, curves or contours, as SVG and as PNG.
//!
//! In the order in which a reader needs them:
//! - [`Figure`], [`Panel`], [`Content`]: what is shown;
//! - `panel`: how a panel is drawn; `axis`: its ticks; `statistics`: what a box shows; `contour`: lines of equal density;
//! - `svg`: the elements that are written, and the mark-up of labels;
//! - `raster`: the same figure as pixels.
//!
//! A figure is drawn once, as SVG; the PNG is that SVG, rasterised with bundled fonts. Labels may hold `*x*` for italics,
//! `_{x}` for a subscript and `^{x}` for a superscript.

mod axis;
mod contour;
mod panel;
mod raster;
mod statistics;
mod svg;

use std::path::Path;

use crate::failure::{Failure, Result};
use crate::files::write_atomic;
pub(crate) use contour::Density;
use svg::{Anchor, Svg};

/// Colours that people with any colour vision can tell apart, in the order of the series (M. Okabe and K. Ito, 2008).
const COLOURS: [&str; 7] = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#666666"];
/// Length of a key in the legend, and the space between two entries.
const KEY: f64 = 26.0;
const SPACE: f64 = 26.0;
/// Height of the legend and of its further lines, of the panels and what is below them, in CSS pixels.
const LEGEND: f64 = 44.0;
const LEGEND_LINE: f64 = 28.0;
const PLOT: f64 = 300.0;
const BELOW: f64 = 66.0;
/// Room to the left of a panel for its ticks and label, and to the right.
const LEFT: f64 = 98.0;
const RIGHT: f64 = 16.0;
/// A legend that is wider than the panels and than this is broken into lines.
const WIDE: f64 = 900.0;
/// Font sizes of titles and labels.
const TITLE: f64 = 19.0;
const LABEL: f64 = 18.0;

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
    /// What stands above it.
    pub(crate) title: Option<String>,
    /// Labels of the axes, with units.
    pub(crate) x_label: Option<String>,
    pub(crate) y_label: Option<String>,
    /// Width between the axes, in CSS pixels.
    pub(crate) width: f64,
    /// What is shown.
    pub(crate) content: Content,
}

/// What a panel shows. Numbers that are not finite are left out.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Box plots side by side, a gap between groups.
    Boxes(Vec<Vec<LabelledBox>>),
    /// Lines with intervals, for few points.
    Lines(Vec<Line>),
    /// Lines with bands, for any number of points, which are at whole numbers such as epochs.
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
    /// What stands below it.
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
    /// The median of some values, with the range that leaves a twentieth of them out at either end; `None` if none is finite.
    pub(crate) fn of_median(x: f64, values: &[f64]) -> Option<Point> {
        let [low, y, high] = statistics::quantiles(values, [0.05, 0.5, 0.95])?;
        Some(Point { x, y, low, high })
    }

    /// The mean of some values, with the range that leaves a twentieth of them out at either end; `None` if none is finite.
    pub(crate) fn of_mean(x: f64, values: &[f64]) -> Option<Point> {
        let [low, high] = statistics::quantiles(values, [0.05, 0.95])?;
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        Some(Point { x, y: finite.iter().sum::<f64>() / finite.len() as f64, low, high })
    }
}

impl Line {
    /// The line of the logarithms to base 10; points without one are left out.
    fn logarithms(&self) -> Line {
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
    fn boxes(&self) -> bool {
        matches!(self, Content::Boxes(_))
    }

    fn contours(&self) -> bool {
        matches!(self, Content::Contours(_))
    }

    /// Whether a series has marks beside its colour.
    fn marked(&self) -> bool {
        matches!(self, Content::Lines(_) | Content::Curves(_) | Content::LogCurves(_))
    }
}

impl Figure {
    /// Writes the figure as `<stem>.svg` and `<stem>.png` into a directory.
    pub(crate) fn write(&self, directory: &Path, stem: &str) -> Result<()> {
        let text = self.svg();
        let pixels = raster::png(&text).map_err(|what| Failure::Failed(format!("{stem}.png: {what}")))?;
        write_atomic(&directory.join(format!("{stem}.svg")), |out| out.write_all(text.as_bytes()))?;
        write_atomic(&directory.join(format!("{stem}.png")), |out| out.write_all(&pixels))?;
        Ok(())
    }

    /// The figure as SVG.
    fn svg(&self) -> String {
        let titled = self.panels.iter().any(|panel| panel.title.is_some());
        let above = if titled { 1.6 * TITLE } else { 0.0 };
        let wide = |row: &[Panel]| row.iter().map(|panel| LEFT + panel.width + RIGHT).sum::<f64>();
        let rows: Vec<&[Panel]> = self.panels.chunks(self.in_row.max(1)).collect();
        let panels = rows.iter().map(|row| wide(row)).fold(0.0, f64::max);
        // A single narrow panel stands under a wider legend.
        let width = panels.max((legend_width(&self.entries()) + 2.0 * RIGHT).min(WIDE));
        let lines = self.legend_lines(width - 2.0 * RIGHT);
        let legend = LEGEND + LEGEND_LINE * lines.len().saturating_sub(1) as f64;
        let mut svg = Svg::new(width, legend + rows.len() as f64 * (above + PLOT + BELOW));
        self.legend(&mut svg, width, &lines);
        let mut top = legend + above;
        for row in rows {
            let mut left = (width - wide(row)) / 2.0;
            for panel in row {
                let area = panel::Area { left: left + LEFT, top, width: panel.width, height: PLOT };
                panel.draw(&mut svg, area);
                left += LEFT + panel.width + RIGHT;
            }
            top += PLOT + BELOW + above;
        }
        svg.finish()
    }

    /// The entries of the legend: the series, and what the marks of box plots are.
    fn entries(&self) -> Vec<&str> {
        self.series.iter().map(String::as_str).chain(self.marks().iter().copied()).collect()
    }

    /// The numbers of the entries, in lines of at most so many pixels.
    fn legend_lines(&self, width: f64) -> Vec<Vec<usize>> {
        let entries = self.entries();
        let mut lines: Vec<Vec<usize>> = vec![Vec::new()];
        for place in 0..entries.len() {
            let line = lines.len() - 1;
            let names: Vec<&str> = lines[line].iter().chain([&place]).map(|&i| entries[i]).collect();
            if names.len() > 1 && legend_width(&names) > width {
                lines.push(vec![place]);
            } else {
                lines[line].push(place);
            }
        }
        lines
    }

    /// The names of the marks of box plots, or of the lines of contours, if there are some.
    fn marks(&self) -> &'static [&'static str] {
        let some = |of_kind: fn(&Content) -> bool| self.panels.iter().any(|panel| of_kind(&panel.content));
        match () {
            () if some(Content::boxes) => &["median", "mean"],
            () if some(Content::contours) => &["half of the mass within", "nine tenths"],
            () => &[],
        }
    }

    /// The entries in lines, each centred.
    fn legend(&self, svg: &mut Svg, width: f64, lines: &[Vec<usize>]) {
        let entries = self.entries();
        let contours = self.panels.iter().any(|panel| panel.content.contours());
        let marked = self.panels.iter().any(|panel| panel.content.marked());
        for (number, line) in lines.iter().enumerate() {
            let names: Vec<&str> = line.iter().map(|&place| entries[place]).collect();
            let mut left = (width - legend_width(&names)) / 2.0;
            let middle = LEGEND / 2.0 + LEGEND_LINE * number as f64;
            for (&place, name) in line.iter().zip(names) {
                match place.checked_sub(self.series.len()) {
                    None => series_key(svg, place, (left, middle), marked),
                    Some(kind) if contours => {
                        let width = panel::CONTOURS[panel::CONTOURS.len() - 1 - kind].1;
                        svg.line((left, middle), (left + KEY, middle), panel::INK, width);
                    }
                    Some(0) => svg.line((left, middle), (left + KEY, middle), panel::INK, 2.5),
                    Some(_) => panel::diamond(svg, (left + KEY / 2.0, middle), "#ffffff"),
                }
                svg.text((left + KEY + 8.0, middle + 0.34 * LABEL), LABEL, Anchor::Start, name);
                left += KEY + 8.0 + svg::width(name, LABEL) + SPACE;
            }
        }
    }
}

/// The key of a series, its left end at a place.
fn series_key(svg: &mut Svg, series: usize, (left, middle): (f64, f64), marked: bool) {
    let colour = COLOURS[series % COLOURS.len()];
    if marked {
        svg.line((left, middle), (left + KEY, middle), colour, 2.5);
        panel::mark(svg, series, (left + KEY / 2.0, middle), colour);
    } else {
        panel::swatch(svg, (left, middle - 8.0), (KEY, 16.0), colour);
    }
}

/// About how wide these entries are in a line of the legend.
fn legend_width(names: &[&str]) -> f64 {
    names.iter().map(|name| KEY + 8.0 + svg::width(name, LABEL) + SPACE).sum::<f64>() - SPACE
}

#[cfg(test)]
mod tests;
