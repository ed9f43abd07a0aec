//! The columns of a formula in all tables: numbers, or levels of a factor.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Error, Problem};
use crate::table::{Notation, Table};

/// A column of the formula.
pub(super) struct FrameColumn {
    /// The column.
    pub(super) name: String,
    /// The levels of a factor, in their order; none of numbers.
    pub(super) levels: Option<Vec<String>>,
    /// Its place in each table.
    places: Vec<usize>,
}

impl FrameColumn {
    /// Looks a column up in all tables. It is a factor if one of them has texts or codes with zeros in front, or if it is wished.
    /// Levels are those that occur in some table: texts in the order of their characters, numbers by size.
    ///
    /// # Errors
    /// If a table lacks it, or a cell of it is missing.
    pub(super) fn new(tables: &[Table], name: &str, factor: bool) -> Result<FrameColumn, Error> {
        let mut places = Vec::with_capacity(tables.len());
        let mut texts = false;
        for (number, table) in tables.iter().enumerate() {
            let place = table.columns().iter().position(|column| column == name).ok_or_else(|| {
                Problem::NoSuchColumn { name: name.to_owned(), available: table.columns().to_vec() }.of(number)
            })?;
            if let Some(row) = (0..table.rows()).find(|&row| !table.observed(row, place)) {
                return Err(Problem::MissingCell { row: row + 1, column: name.to_owned() }.of(number));
            }
            texts |= matches!(table.notation(place), Notation::Texts(_) | Notation::Digits(_));
            places.push(place);
        }
        // Another order of day and month is another day.
        let date = |number: usize| match tables[number].notation(places[number]) {
            Notation::Dates(format) => Some(format),
            _ => None,
        };
        if !texts && (1..tables.len()).any(|number| date(number) != date(0)) {
            return Err(Error::MixedDates { column: name.to_owned() });
        }
        let mut column = FrameColumn { name: name.to_owned(), levels: None, places };
        if texts {
            let all: BTreeSet<String> =
                (0..tables.len()).flat_map(|n| column.distinct(tables, n).into_values()).collect();
            column.levels = Some(all.into_iter().collect());
        } else if factor {
            let mut all: BTreeMap<u64, String> = BTreeMap::new();
            (0..tables.len()).for_each(|n| all.extend(column.distinct(tables, n)));
            let mut all: Vec<(f64, String)> =
                all.into_iter().map(|(bits, text)| (f64::from_bits(bits), text)).collect();
            all.sort_by(|one, other| one.0.total_cmp(&other.0));
            column.levels = Some(all.into_iter().map(|(_, text)| text).collect());
        }
        Ok(column)
    }

    /// The different numbers of a table's column, each with its text.
    fn distinct(&self, tables: &[Table], number: usize) -> BTreeMap<u64, String> {
        let (table, place) = (&tables[number], self.places[number]);
        let bits: BTreeSet<u64> = cells(table, place).map(bits).collect();
        bits.into_iter().map(|bits| (bits, table.notation(place).text(f64::from_bits(bits)))).collect()
    }

    /// The column in a table: its numbers, or the places of its levels.
    pub(super) fn values(&self, tables: &[Table], number: usize) -> Vec<f64> {
        let (table, place) = (&tables[number], self.places[number]);
        let Some(levels) = &self.levels else { return cells(table, place).collect() };
        let distinct = self.distinct(tables, number).into_iter();
        let level = |text: &String| levels.iter().position(|level| level == text).unwrap_or(usize::MAX);
        let codes: BTreeMap<u64, f64> = distinct.map(|(bits, text)| (bits, level(&text) as f64)).collect();
        cells(table, place).map(|value| codes[&bits(value)]).collect()
    }
}

/// The column of a table.
fn cells(table: &Table, place: usize) -> impl Iterator<Item = f64> {
    table.values().iter().skip(place).step_by(table.width()).copied()
}

/// The same of both zeros.
fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}
