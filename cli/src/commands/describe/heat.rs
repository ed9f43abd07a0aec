//! The correlations of missing cells as a triangle of colours.

use missvae::table::Description;

use super::labels::Labels;
use super::palette::{FRAME, tinted};
use crate::plot::svg::{Anchor, Svg};

/// The size that the cells share, and the smallest and largest cell, in CSS pixels; from a size on numbers are in them.
const HEAT: f64 = 420.0;
const CELL: (f64, f64) = (2.5, 34.0);
const NUMBERED: f64 = 26.0;
/// Sizes of the title's and of other letters.
const TITLE: f64 = 15.0;
const SMALL: f64 = 13.0;
/// The width of the key.
const KEY: f64 = 126.0;
/// Tints of correlations of either sign.
const TINTS: usize = 10;

/// The correlations of missing cells, below the diagonal.
pub(super) struct Heat<'a> {
    correlation: &'a [Vec<f64>],
    labels: Labels,
}

impl<'a> Heat<'a> {
    pub(super) fn new(description: &'a Description) -> Self {
        let nullity = &description.nullity;
        let cell = (HEAT / nullity.columns.len().max(1) as f64).clamp(CELL.0, CELL.1);
        Heat {
            correlation: &nullity.correlation,
            labels: Labels::new(nullity.columns.iter().map(|name| &name[..]), cell),
        }
    }

    /// Whether there are two columns to compare.
    fn is_empty(&self) -> bool {
        self.correlation.len() < 2
    }

    fn side(&self) -> f64 {
        self.labels.cell * self.correlation.len() as f64
    }

    pub(super) fn width(&self) -> f64 {
        // The title may be wider than a small map.
        if self.is_empty() { 250.0 } else { (self.labels.sideways() + self.side()).max(250.0) }
    }

    pub(super) fn height(&self) -> f64 {
        if self.is_empty() { 60.0 } else { self.side() + self.labels.upward() + 70.0 }
    }

    pub(super) fn draw(&self, svg: &mut Svg, (left, top): (f64, f64)) {
        svg.text((left, top), TITLE, Anchor::Start, "correlation of missing cells");
        if self.is_empty() {
            svg.name(
                (left, top + 2.0 * TITLE),
                SMALL,
                Anchor::Start,
                "fewer than two columns have missing cells",
                false,
            );
            return;
        }
        let (cell, side) = (self.labels.cell, self.side());
        let corner = (left + self.labels.sideways(), top + 16.0);
        let cells = || (0..self.correlation.len()).flat_map(|row| (0..row).map(move |column| (row, column)));
        let tint = |row: usize, column: usize| (self.correlation[row][column] * TINTS as f64).round();
        for place in 0..=2 * TINTS {
            let own = place as f64 - TINTS as f64;
            let chosen = cells().filter(|&(row, column)| own != 0.0 && tint(row, column) == own);
            let chosen: Vec<[usize; 3]> = chosen.map(|(row, column)| [column, row, 1]).collect();
            if !chosen.is_empty() {
                svg.cells(corner, (cell, cell), &tinted(own / TINTS as f64), chosen.into_iter());
            }
        }
        if cell >= NUMBERED {
            for (row, column) in cells() {
                let (x, y) = (corner.0 + cell * (column as f64 + 0.5), corner.1 + cell * (row as f64 + 0.5));
                svg.name((x, y + 3.5), 10.0, Anchor::Middle, &rounded(self.correlation[row][column]), false);
            }
        }
        // The stairs of the diagonal.
        let stairs = (0..self.correlation.len()).flat_map(|step| {
            let at = corner.0 + cell * step as f64;
            [(at, corner.1 + cell * step as f64), (at, corner.1 + cell * (step as f64 + 1.0))]
        });
        let ends =
            [(corner.0 + side - cell, corner.1 + side), (corner.0, corner.1 + side), (corner.0, corner.1 + cell)];
        let stairs: Vec<(f64, f64)> = stairs.skip(1).chain(ends).collect();
        svg.path(&stairs, FRAME, 1.0);
        self.labels.left(svg, corner);
        self.labels.below(svg, (corner.0, corner.1 + side));
        self.key(svg, (left + 16.0, top + self.height() - 16.0));
    }

    /// The colours from −1 to 1.
    fn key(&self, svg: &mut Svg, (left, top): (f64, f64)) {
        let count = 2 * TINTS + 1;
        for place in 0..count {
            let colour = tinted(place as f64 / TINTS as f64 - 1.0);
            svg.cells((left, top), (KEY / count as f64, 10.0), &colour, std::iter::once([place, 0, 1]));
        }
        svg.rectangle((left, top), (KEY, 10.0), "none", Some((FRAME, 1.0)));
        for (place, label) in [(0.0, "−1"), (0.5, "0"), (1.0, "1")] {
            svg.name((left + KEY * place, top + 24.0), SMALL, Anchor::Middle, label, false);
        }
    }

    pub(super) fn notes(&self, description: &Description) -> Vec<String> {
        let nullity = &description.nullity;
        let mut notes = Vec::new();
        if self.is_empty() {
            return notes;
        }
        notes.push("Heat map: blue pairs of columns are missing together (up to 1), orange ones avoid each other (down to −1); \
                    columns without a missing cell, or without an observed one, are not in it."
            .to_owned());
        if nullity.cut {
            let (shown, all) = (nullity.columns.len(), nullity.columns_partly_missing);
            notes.push(format!("It has the {shown} columns that are the first to have a missing cell, of {all}."));
        }
        notes.extend(self.labels.note("heat map"));
        notes
    }
}

/// A correlation in one decimal: nothing for none, and 1 and −1 for these alone.
fn rounded(correlation: f64) -> String {
    let text = format!("{:.1}", correlation.abs());
    match (&text[..], correlation.abs() < 1.0, correlation < 0.0) {
        ("0.0", ..) => String::new(),
        ("1.0", true, false) => "<1".to_owned(),
        ("1.0", true, true) => ">−1".to_owned(),
        ("1.0", false, false) => "1".to_owned(),
        ("1.0", false, true) => "−1".to_owned(),
        (_, _, true) => format!("−{text}"),
        (_, _, false) => text,
    }
}
