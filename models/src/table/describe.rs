//! What is missing in a table, and how.

mod bands;
mod column;
mod description;
mod differences;
mod nullity;
mod slots;

use std::collections::HashMap;

use bands::BandCounts;
use column::Column;
use differences::DifferenceSums;
use nullity::NullityCounts;

pub use bands::Bands;
pub use description::{ColumnDescription, Description, Kind, Pattern};
pub use differences::{Difference, Differences};
pub use nullity::{Nullity, NullityPair};

use super::build::read_with_types;
use super::cell::Cell;
use super::dialect::Dialect;
use super::error::Result;
use super::open::Input;
use super::options::ReadOptions;
use super::problem::Place;
use super::select::{Header, Selection};
use super::visit::Visitor;

/// The most patterns that are listed.
const PATTERNS: usize = 10;

/// Describes a table, whatever its columns hold.
///
/// # Errors
/// Whatever keeps the file from being a table, and [`super::Error::UnknownColumns`] for the choice of columns.
pub fn describe(input: &Input, options: &ReadOptions) -> Result<Description> {
    let selection = options.selection.for_input(input);
    let chosen = selection.clone();
    let mut survey = Survey { selection, ..Survey::default() };
    let types = read_with_types(input, options, &chosen, &mut survey)?;
    let mut description = survey.finish(input.name());
    for (column, found) in description.columns.iter_mut().zip(types.into_iter().flatten()) {
        column.add_type(found);
    }
    Ok(description)
}

/// What has been read of the table.
#[derive(Default)]
struct Survey {
    selection: Selection,
    columns: Vec<Column>,
    rows: u64,
    /// The missing columns of the row at hand, a bit each.
    row: Vec<u64>,
    patterns: HashMap<Box<[u64]>, u64>,
    nullity: NullityCounts,
    differences: DifferenceSums,
    bands: BandCounts,
    dialect: Option<Dialect>,
}

impl Visitor for Survey {
    fn header(&mut self, header: &Header) -> Result<Vec<usize>> {
        let places = self.selection.resolve(header)?;
        self.dialect = header.dialect;
        let name = |place: usize| match header.names[place].as_str() {
            "" => format!("column {}", place + 1),
            name => name.to_owned(),
        };
        self.columns = places.iter().map(|&place| Column::new(name(place))).collect();
        self.row = vec![0; places.len().div_ceil(64)];
        self.nullity = NullityCounts::new(places.len());
        self.differences = DifferenceSums::new(places.len());
        self.bands = BandCounts::new(places.len());
        Ok(places)
    }

    fn cell(&mut self, _: Place, column: usize, cell: Cell<'_>) {
        match cell {
            Cell::Missing => self.row[column / 64] |= 1 << (column % 64),
            Cell::Number(number) | Cell::Padded(number, _) => self.differences.add(column, number),
            Cell::Infinite(_) | Cell::Text(_) => {}
        }
        self.columns[column].add(cell);
    }

    fn end_row(&mut self) {
        self.rows += 1;
        self.nullity.add_row(&self.row);
        self.differences.end_row(&self.nullity.last);
        self.bands.add_row(&self.row);
        match self.patterns.get_mut(self.row.as_slice()) {
            Some(rows) => *rows += 1,
            None => drop(self.patterns.insert(self.row.as_slice().into(), 1)),
        }
        self.row.fill(0);
    }
}

impl Survey {
    fn finish(mut self, data: String) -> Description {
        let (rows, width) = (self.rows, self.columns.len());
        let is_missing = |bits: &[u64], column: usize| bits[column / 64] >> (column % 64) & 1 == 1;
        let missing_columns = |bits: &[u64]| bits.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let rows_with = |count: usize| {
            self.patterns.iter().filter(|(bits, _)| missing_columns(bits) == count).map(|(_, rows)| rows).sum()
        };
        let (complete_rows, empty_rows) = (rows_with(0), rows_with(width));

        let mut frequent: Vec<(&[u64], u64)> = self.patterns.iter().map(|(bits, &rows)| (&**bits, rows)).collect();
        frequent.sort_unstable_by_key(|&(bits, rows)| (std::cmp::Reverse(rows), missing_columns(bits), bits));
        let pattern = |&(bits, count): &(&[u64], u64)| {
            let mask: Vec<bool> = (0..width).map(|column| is_missing(bits, column)).collect();
            let missing = self.columns.iter().zip(&mask).filter(|(_, missing)| **missing);
            let missing = missing.map(|(column, _)| column.name.clone()).collect();
            Pattern { rows: count, share: count as f64 / rows as f64, missing, mask }
        };
        let patterns = frequent.iter().take(PATTERNS).map(pattern).collect();

        let names: Vec<&str> = self.columns.iter().map(|column| &column.name[..]).collect();
        let missing: Vec<u64> = self.columns.iter().map(|column| column.missing).collect();
        let numeric: Vec<bool> = self.columns.iter().map(|column| column.kind(rows) == Kind::Numeric).collect();
        let nullity = self.nullity.finish(rows, &names, &missing);
        let differences = self.differences.finish(&names, &numeric, self.nullity.columns(), nullity.cut);

        let cells = rows * width as u64;
        let cells_missing = missing.iter().sum();
        Description {
            data,
            separator: self.dialect.map(|dialect| dialect.separator),
            decimal: self.dialect.map(|dialect| dialect.decimal),
            rows,
            cells,
            cells_missing,
            missing_share: cells_missing as f64 / cells as f64,
            complete_rows,
            empty_rows,
            distinct_patterns: frequent.len() as u64,
            patterns,
            nullity,
            differences,
            bands: self.bands.finish(),
            columns: self.columns.into_iter().map(|column| column.finish(rows)).collect(),
        }
    }
}

#[cfg(test)]
mod mechanism_tests;
#[cfg(test)]
mod tests;
