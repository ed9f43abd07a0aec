//! The missing cells of a table as a figure: which they are, how many each column has, and which columns are missing together.

use missvae::table::Description;

use super::heat::Heat;
use super::labels::{Labels, cut, fitting, ordinal};
use super::palette::{FRAME, OBSERVED, mixed};
use super::words::{counted, percent};
use crate::plot::svg::{Anchor, Svg};

/// Space around all, and between panels, in CSS pixels.
const MARGIN: f64 = 24.0;
const GAP: f64 = 56.0;
/// Height of the heading, and of a line of notes.
const HEADING: f64 = 44.0;
const NOTE: f64 = 18.0;
/// Sizes of the heading's and the notes' letters, and of a panel's title.
const LARGE: f64 = 18.0;
const SMALL: f64 = 13.0;
const TITLE: f64 = 15.0;
/// The widths that the columns of the table share, and the narrowest and widest column.
const MATRIX: f64 = 720.0;
const COLUMN: (f64, f64) = (4.0, 34.0);
/// The heights of the matrix, of its tallest row, and of the bars.
const HEIGHT: f64 = 400.0;
const ROW: f64 = 16.0;
const BARS: f64 = 110.0;
/// Space to the left of matrix and bars, for their axes.
const AXIS: f64 = 64.0;
/// Shades of the share that is observed.
const SHADES: usize = 16;

/// The figure as SVG.
pub(super) fn figure(description: &Description) -> String {
    let table = Matrix::new(description);
    let heat = Heat::new(description);
    let (top, left) = (MARGIN + HEADING, MARGIN + AXIS);
    let below = table.labels.upward() + table.height + GAP + BARS;
    let heat_left = left + table.width + GAP;
    let notes = [table.notes(description), heat.notes(description)].concat();
    let width = (heat_left + heat.width() + MARGIN).max(MARGIN * 2.0 + 640.0);
    let notes: Vec<String> = notes.iter().flat_map(|note| fitting(note, SMALL, width - 2.0 * MARGIN)).collect();
    let panels = below.max(heat.height());
    let mut svg = Svg::new(width, top + TITLE + panels + GAP + NOTE * notes.len() as f64 + MARGIN);
    let heading = format!(
        "{}: {}, {}, {} of the cells missing",
        description.data,
        counted(description.rows, "row"),
        counted(description.columns.len() as u64, "column"),
        percent(description.missing_share)
    );
    let heading = cut(&heading, LARGE, width - 2.0 * MARGIN);
    svg.name((MARGIN, MARGIN + LARGE), LARGE, Anchor::Start, &heading, false);
    let first = top + TITLE;
    table.draw(&mut svg, (left, first + table.labels.upward()));
    heat.draw(&mut svg, (heat_left, first));
    for (line, note) in notes.iter().enumerate() {
        let y = first + panels + GAP + NOTE * line as f64;
        svg.name((MARGIN, y), SMALL, Anchor::Start, note, false);
    }
    svg.finish()
}

/// The table's cells in bands of rows, and below them the share of each column that is observed.
struct Matrix<'a> {
    /// The shares, band by band.
    bands: &'a [Vec<f64>],
    rows: u64,
    columns: Vec<f64>,
    labels: Labels,
    width: f64,
    height: f64,
}

impl<'a> Matrix<'a> {
    fn new(description: &'a Description) -> Self {
        let bands = &description.bands;
        let taken = || description.columns.iter().step_by(bands.step);
        let cell = (MATRIX / taken().count() as f64).clamp(COLUMN.0, COLUMN.1);
        let labels = Labels::new(taken().map(|column| &column.name[..]), cell);
        let height = (ROW * bands.observed.len() as f64).min(HEIGHT);
        let width = cell * taken().count() as f64;
        let columns = taken().map(|column| 1.0 - column.missing_share).collect();
        Matrix { bands: &bands.observed, rows: description.rows, columns, labels, width, height }
    }

    fn draw(&self, svg: &mut Svg, (left, top): (f64, f64)) {
        self.labels.above(svg, (left, top));
        let size = (self.labels.cell, self.height / self.bands.len() as f64);
        for shade in 1..=SHADES {
            let runs = (0..self.columns.len()).flat_map(|column| self.runs(column, shade)).collect::<Vec<_>>();
            if !runs.is_empty() {
                let colour = mixed(OBSERVED, shade as f64 / SHADES as f64);
                svg.cells((left, top), size, &colour, runs.into_iter());
            }
        }
        svg.rectangle((left, top), (self.width, self.height), "none", Some((FRAME, 1.0)));
        svg.name((left - 8.0, top + SMALL), SMALL, Anchor::End, "row 1", false);
        if self.height > 3.0 * SMALL {
            svg.name((left - 8.0, top + self.height - 2.0), SMALL, Anchor::End, &self.rows.to_string(), false);
        }
        let bars = top + self.height + GAP;
        svg.text((left, bars - 12.0), TITLE, Anchor::Start, "share observed");
        for (tick, label) in [(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")] {
            let y = bars + BARS * (1.0 - tick);
            svg.line((left, y), (left + self.width, y), "#d0d0d0", 1.0);
            svg.name((left - 8.0, y + 0.35 * SMALL), SMALL, Anchor::End, label, false);
        }
        let (colour, gap) = (mixed(OBSERVED, 1.0), if self.labels.cell > 8.0 { 0.15 } else { 0.0 });
        for (column, share) in self.columns.iter().enumerate() {
            let x = left + self.labels.cell * (column as f64 + gap);
            let corner = (x, bars + BARS * (1.0 - share));
            svg.rectangle(corner, (self.labels.cell * (1.0 - 2.0 * gap), BARS * share), &colour, None);
        }
    }

    /// The bands of a column that have a shade, in runs.
    fn runs(&self, column: usize, wanted: usize) -> Vec<[usize; 3]> {
        let mut runs: Vec<[usize; 3]> = Vec::new();
        for band in (0..self.bands.len()).filter(|&band| shade(self.bands[band][column]) == wanted) {
            match runs.last_mut() {
                Some([_, row, rows]) if *row + *rows == band => *rows += 1,
                _ => runs.push([column, band, 1]),
            }
        }
        runs
    }

    fn notes(&self, description: &Description) -> Vec<String> {
        let (rows, step) = (description.bands.rows, description.bands.step);
        let mut notes = vec!["Matrix: dark cells are observed, white ones missing.".to_owned()];
        if rows > 1 {
            notes[0] =
                format!("Matrix: dark cells are observed, white ones missing; a line is the mean of {rows} rows.");
        }
        if step > 1 {
            let all = description.columns.len();
            notes.push(format!("Only every {} column of {all} is in the matrix and the bars.", ordinal(step)));
        }
        notes.extend(self.labels.note("matrix"));
        notes
    }
}

/// The shade of a share, from 0 to the darkest: these two stand for nothing and all alone.
fn shade(share: f64) -> usize {
    match share {
        0.0 => 0,
        1.0 => SHADES,
        // From 1 to the darkest but one.
        part => 1 + (part * (SHADES - 1) as f64) as usize,
    }
}
