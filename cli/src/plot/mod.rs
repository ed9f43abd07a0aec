//! Figures: panels with box plots or lines, as SVG and as PNG.
//!
//! In the order in which a reader needs them:
//! - [`Figure`], [`Panel`], [`Content`]: what is shown;
//! - `panel`: how a panel is drawn; `axis`: its ticks; `statistics`: what a box shows;
//! - `svg`: the elements that are written, and the mark-up of labels;
//! - `raster`: the same figure as pixels.
//!
//! A figure is drawn once, as SVG; the PNG is that SVG, rasterised with bundled fonts. Labels may hold `*x*` for italics
//! and `_{x}` for a subscript.

mod axis;
mod panel;
mod raster;
mod statistics;
mod svg;

use std::path::Path;

use crate::failure::{Failure, Result};
use crate::files::write_atomic;
use svg::{Anchor, Svg};

/// Colours that people with any colour vision can tell apart, in the order of the series (M. Okabe and K. Ito, 2008).
const COLOURS: [&str; 7] = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#666666"];
/// Length of a key in the legend, and the space between two entries.
const KEY: f64 = 26.0;
const SPACE: f64 = 26.0;
/// Height of the legend, the panels and what is below them, in CSS pixels.
const LEGEND: f64 = 44.0;
const PLOT: f64 = 300.0;
const BELOW: f64 = 66.0;
/// Room to the left of a panel for its ticks and label, and to the right.
const LEFT: f64 = 74.0;
const RIGHT: f64 = 16.0;
/// Font sizes of titles and labels.
const TITLE: f64 = 19.0;
const LABEL: f64 = 18.0;

/// A figure.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Names of the series, which have colours and marks in this order.
    pub(crate) series: Vec<String>,
    /// From left to right.
    pub(crate) panels: Vec<Panel>,
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
    /// Lines with intervals.
    Lines(Vec<Line>),
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

impl Content {
    fn boxes(&self) -> bool {
        matches!(self, Content::Boxes(_))
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
    pub(crate) fn svg(&self) -> String {
        let titled = self.panels.iter().any(|panel| panel.title.is_some());
        let top = LEGEND + if titled { 1.6 * TITLE } else { 0.0 };
        let panels: f64 = self.panels.iter().map(|panel| LEFT + panel.width + RIGHT).sum();
        // A single narrow panel stands under a wider legend.
        let width = panels.max(self.legend_width() + 2.0 * RIGHT);
        let mut svg = Svg::new(width, top + PLOT + BELOW);
        self.legend(&mut svg, width);
        let mut left = (width - panels) / 2.0;
        for panel in &self.panels {
            let area = panel::Area { left: left + LEFT, top, width: panel.width, height: PLOT };
            panel.draw(&mut svg, area);
            left += LEFT + panel.width + RIGHT;
        }
        svg.finish()
    }

    /// The names of the marks of box plots, if there are some.
    fn marks(&self) -> &'static [&'static str] {
        let with_boxes = self.panels.iter().any(|panel| panel.content.boxes());
        if with_boxes { &["median", "mean"] } else { &[] }
    }

    fn legend_width(&self) -> f64 {
        let names = self.series.iter().map(String::as_str).chain(self.marks().iter().copied());
        names.map(|name| KEY + 8.0 + svg::width(name, LABEL) + SPACE).sum::<f64>() - SPACE
    }

    /// The series in a line, centred; and what the marks of box plots are.
    fn legend(&self, svg: &mut Svg, width: f64) {
        let marks = self.marks();
        let mut left = (width - self.legend_width()) / 2.0;
        let middle = LEGEND / 2.0;
        let mut entry = |svg: &mut Svg, name: &str, key: &dyn Fn(&mut Svg, f64)| {
            key(svg, left);
            svg.text((left + KEY + 8.0, middle + 0.34 * LABEL), LABEL, Anchor::Start, name);
            left += KEY + 8.0 + svg::width(name, LABEL) + SPACE;
        };
        let only_boxes = self.panels.iter().all(|panel| panel.content.boxes());
        for (series, name) in self.series.iter().enumerate() {
            let colour = COLOURS[series % COLOURS.len()];
            entry(svg, name, &|svg, left| {
                if only_boxes {
                    panel::swatch(svg, (left, middle - 8.0), (KEY, 16.0), colour);
                } else {
                    svg.line((left, middle), (left + KEY, middle), colour, 2.5);
                    panel::mark(svg, series, (left + KEY / 2.0, middle), colour);
                }
            });
        }
        for (i, name) in marks.iter().enumerate() {
            entry(svg, name, &|svg, left| match i {
                0 => svg.line((left, middle), (left + KEY, middle), panel::INK, 2.5),
                _ => panel::diamond(svg, (left + KEY / 2.0, middle), "#ffffff"),
            });
        }
    }
}

#[cfg(test)]
mod tests;
