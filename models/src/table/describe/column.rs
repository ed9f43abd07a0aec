//! What a column's cells are, one after the other.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::description::{ColumnDescription, Kind};
use crate::table::cell::Cell;

/// The most different numbers of a column that are counted. Texts are all counted.
const DISTINCT_NUMBERS: usize = 4096;
/// Texts of a column that are listed, and how many characters of each.
const TEXTS: usize = 3;
const TEXT: usize = 20;

/// What has been read of a column.
#[derive(Default)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) missing: u64,
    text_cells: u64,
    infinite: u64,
    /// Count, mean and sum of squared deviations of the finite numbers (Welford's recurrence).
    count: u64,
    mean: f64,
    squares: f64,
    range: Option<(f64, f64)>,
    /// The different numbers, by their bits, until there are too many.
    numbers: HashSet<u64>,
    many_numbers: bool,
    /// Hashes of the different texts.
    texts: HashSet<u64>,
    /// The first few.
    first_texts: Vec<String>,
}

impl Column {
    pub(super) fn new(name: String) -> Column {
        Column { name, ..Column::default() }
    }

    pub(super) fn add(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Missing => self.missing += 1,
            Cell::Text(text) => {
                self.text_cells += 1;
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                if self.texts.insert(hasher.finish()) && self.first_texts.len() < TEXTS {
                    self.first_texts.push(text.chars().take(TEXT).collect());
                }
            }
            Cell::Infinite(text) => {
                self.infinite += 1;
                self.add_number(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
            }
            Cell::Number(number) | Cell::Padded(number, _) => {
                self.count += 1;
                let deviation = number - self.mean;
                self.mean += deviation / self.count as f64;
                self.squares += deviation * (number - self.mean);
                let (min, max) = self.range.unwrap_or((number, number));
                self.range = Some((min.min(number), max.max(number)));
                self.add_number(number);
            }
        }
    }

    fn add_number(&mut self, number: f64) {
        if !self.many_numbers {
            // Adding zero makes -0 and 0 one number.
            self.numbers.insert((number + 0.0).to_bits());
            if self.numbers.len() > DISTINCT_NUMBERS {
                self.many_numbers = true;
                self.numbers = HashSet::new();
            }
        }
    }

    /// What it holds, of so many rows.
    pub(super) fn kind(&self, rows: u64) -> Kind {
        match (self.text_cells, self.missing == rows) {
            (_, true) => Kind::Empty,
            (0, false) => Kind::Numeric,
            _ => Kind::Text,
        }
    }

    pub(super) fn finish(self, rows: u64) -> ColumnDescription {
        let kind = self.kind(rows);
        let numeric = kind == Kind::Numeric && self.count > 0;
        ColumnDescription {
            name: self.name,
            column_type: None,
            levels: Vec::new(),
            format: None,
            notes: Vec::new(),
            kind,
            missing: self.missing,
            missing_share: self.missing as f64 / rows as f64,
            distinct: (!self.many_numbers).then_some((self.numbers.len() + self.texts.len()) as u64),
            text_cells: self.text_cells,
            texts: self.first_texts,
            infinite: self.infinite,
            mean: numeric.then_some(self.mean),
            sd: (numeric && self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt()),
            min: self.range.filter(|_| numeric).map(|(min, _)| min),
            max: self.range.filter(|_| numeric).map(|(_, max)| max),
        }
    }
}
