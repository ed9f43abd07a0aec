//! Draws a figure: its legend, and its panels row by row.

use std::ops::Range;
use std::path::Path;

use super::figure::{Content, Figure, Panel};
use super::panel;
use super::shapes;
use super::style::{COLOURS, DASHES, LABEL, LEFT, TITLE};
use crate::failure::{Failure, Result};
use crate::plot::raster;
use crate::plot::svg::{Anchor, Svg};
use missvae::files::write_atomic;

/// Length of a key in the legend, and the space between two entries.
const KEY: f64 = 26.0;
const SPACE: f64 = 26.0;
/// Height of the legend and of its further lines, of the panels and what is below them, in CSS pixels.
const LEGEND: f64 = 44.0;
pub(super) const LEGEND_LINE: f64 = 28.0;
const PLOT: f64 = 300.0;
const BELOW: f64 = 66.0;
/// Space to the right of a panel.
const RIGHT: f64 = 16.0;
/// A legend that is wider than the panels and than this is broken into lines.
pub(super) const WIDE: f64 = 900.0;
/// Widths of lines that are tried, as parts of the widest.
const PARTS: u32 = 20;

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
    pub(super) fn svg(&self) -> String {
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
        let whole = self.broken(0..self.entries().len(), width);
        if whole.len() == 1 {
            return whole;
        }
        // The series fill lines of about the same width, and the marks have lines of their own.
        let series = 0..self.series.len();
        let fewest = self.broken(series.clone(), width).len();
        let mut widths = (1..=PARTS).map(|part| width * f64::from(part) / f64::from(PARTS));
        let narrowest = widths.find(|&width| self.broken(series.clone(), width).len() <= fewest);
        let mut lines = self.broken(series.clone(), narrowest.unwrap_or(width));
        if series.end < self.entries().len() {
            lines.extend(self.broken(series.end..self.entries().len(), width));
        }
        lines
    }

    /// Entries in lines of at most so many pixels, each as full as it can be.
    fn broken(&self, places: Range<usize>, width: f64) -> Vec<Vec<usize>> {
        let entries = self.entries();
        let mut lines: Vec<Vec<usize>> = vec![Vec::new()];
        for place in places {
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
                    None => series_key(svg, place, (left, middle), (marked, contours)),
                    Some(kind) if contours => {
                        let width = panel::CONTOURS[panel::CONTOURS.len() - 1 - kind].1;
                        svg.line((left, middle), (left + KEY, middle), panel::INK, width);
                    }
                    Some(0) => svg.line((left, middle), (left + KEY, middle), panel::INK, 2.5),
                    Some(_) => panel::diamond(svg, (left + KEY / 2.0, middle), "#ffffff"),
                }
                svg.text((left + KEY + 8.0, middle + 0.34 * LABEL), LABEL, Anchor::Start, name);
                left += KEY + 8.0 + shapes::width(name, LABEL) + SPACE;
            }
        }
    }
}

/// The key of a series, its left end at a place.
fn series_key(svg: &mut Svg, series: usize, (left, middle): (f64, f64), (marked, contours): (bool, bool)) {
    let colour = COLOURS[series % COLOURS.len()];
    if contours {
        let dashes = DASHES[series % DASHES.len()];
        svg.dashed_path(&[(left, middle), (left + KEY, middle)], colour, 2.4, dashes);
    } else if marked {
        svg.line((left, middle), (left + KEY, middle), colour, 2.5);
        panel::mark(svg, series, (left + KEY / 2.0, middle), colour);
    } else {
        panel::swatch(svg, (left, middle - 8.0), (KEY, 16.0), colour);
    }
}

/// About how wide these entries are in a line of the legend.
fn legend_width(names: &[&str]) -> f64 {
    names.iter().map(|name| KEY + 8.0 + shapes::width(name, LABEL) + SPACE).sum::<f64>() - SPACE
}
