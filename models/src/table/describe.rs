//! What is missing in a table, and how.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use super::build::read_with_types;
use super::cell::Cell;
use super::dialect::{Decimal, Dialect, Separator};
use super::error::Result;
use super::open::Input;
use super::options::ReadOptions;
use super::problem::{Place, Reason};
use super::schema::ColumnSchema;
use super::schema_file::{Given, SchemaFile};
use super::select::{Header, Selection};
use super::visit::Visitor;

/// The most patterns that are listed.
const PATTERNS: usize = 10;
/// The most different numbers of a column that are counted. Texts are all counted.
const DISTINCT_NUMBERS: usize = 4096;

/// Texts of a column that are listed, and how many characters of each.
const TEXTS: usize = 3;
const TEXT: usize = 20;

/// A description of a table. It serialises to the object of `--json` and displays as plain text.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// Where the table came from.
    pub data: String,
    /// What separates the cells of a text; null for other files.
    pub separator: Option<Separator>,
    /// The decimal mark of a text.
    pub decimal: Option<Decimal>,
    /// N, the number of rows.
    pub rows: u64,
    /// Its columns, in the file's order.
    pub columns: Vec<ColumnDescription>,
    /// Rows × columns.
    pub cells: u64,
    /// How many of the cells are missing.
    pub cells_missing: u64,
    /// The same, as a share of all cells.
    pub missing_share: f64,
    /// Rows with every cell observed.
    pub complete_rows: u64,
    /// Rows with no cell observed.
    pub empty_rows: u64,
    /// Number of patterns: different sets of columns that are missing together, the empty set included.
    pub distinct_patterns: u64,
    /// The most frequent of them (ten at most).
    pub patterns: Vec<Pattern>,
}

impl Description {
    /// What the columns seem to hold, ready to be edited.
    pub fn schema(&self) -> SchemaFile {
        let given = |column: &ColumnDescription| {
            let kind = column.column_type?.to_owned();
            let (levels, format) = (column.levels.clone(), column.format.clone());
            Some((column.name.clone(), Given { kind, levels, missing: Vec::new(), format }))
        };
        SchemaFile { columns: self.columns.iter().filter_map(given).collect() }
    }
}

/// A description of a column. Statistics are over observed finite numbers, and null if there are too few.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnDescription {
    /// The column's name; its place (`column 3`), if it has none.
    pub name: String,
    /// What it seems to hold, as a model takes it; `ignore` if no model can be fitted to it, and null where that cannot be said.
    #[serde(rename = "type")]
    pub column_type: Option<&'static str>,
    /// The levels of a column that has some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// How dates are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// What is to be said of it, such as why no model can be fitted to it.
    pub notes: Vec<String>,
    /// What its cells hold.
    #[serde(rename = "holds")]
    pub kind: Kind,
    /// How many of its cells are missing.
    pub missing: u64,
    /// The same, as a share of the rows.
    pub missing_share: f64,
    /// How many different values it has; null if more than 4096 of them are numbers.
    pub distinct: Option<u64>,
    /// How many of its cells are neither numbers nor missing.
    pub text_cells: u64,
    /// The first different texts, three at most, cut after 20 characters.
    pub texts: Vec<String>,
    /// How many of its numbers are infinite.
    pub infinite: u64,
    /// The mean.
    pub mean: Option<f64>,
    /// The standard deviation (with N − 1).
    pub sd: Option<f64>,
    /// The smallest number.
    pub min: Option<f64>,
    /// The largest number.
    pub max: Option<f64>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Numbers only.
    Numeric,
    /// At least one cell that is neither a number nor missing.
    Text,
    /// Missing cells only.
    Empty,
}

/// A set of columns that are missing together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pattern {
    /// The number of rows with just these columns missing.
    pub rows: u64,
    /// The same, as a share of all rows.
    pub share: f64,
    /// The names of the missing columns.
    pub missing: Vec<String>,
    /// For every column, whether it is missing.
    #[serde(skip)]
    pub mask: Vec<bool>,
}

/// Describes a table, whatever its columns hold.
///
/// # Errors
/// Whatever keeps the file from being a table, and [`super::Error::UnknownColumns`] for the choice of columns.
pub fn describe(input: &Input, options: &ReadOptions) -> Result<Description> {
    let selection = options.selection.for_input(input);
    let chosen = selection.clone();
    let mut survey =
        Survey { selection, columns: Vec::new(), rows: 0, row: Vec::new(), patterns: HashMap::new(), dialect: None };
    let types = read_with_types(input, options, &chosen, &mut survey)?;
    let mut description = survey.finish(input.name());
    for (column, found) in description.columns.iter_mut().zip(types.into_iter().flatten()) {
        column.add_type(found);
    }
    Ok(description)
}

/// What has been read of the table.
struct Survey {
    selection: Selection,
    columns: Vec<Column>,
    rows: u64,
    /// The missing columns of the row at hand, a bit each.
    row: Vec<u64>,
    patterns: HashMap<Box<[u64]>, u64>,
    dialect: Option<Dialect>,
}

/// What has been read of a column.
#[derive(Default)]
struct Column {
    name: String,
    missing: u64,
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

impl Visitor for Survey {
    fn header(&mut self, header: &Header) -> Result<Vec<usize>> {
        let places = self.selection.resolve(header)?;
        self.dialect = header.dialect;
        let name = |place: usize| match header.names[place].as_str() {
            "" => format!("column {}", place + 1),
            name => name.to_owned(),
        };
        self.columns = places.iter().map(|&place| Column { name: name(place), ..Column::default() }).collect();
        self.row = vec![0; places.len().div_ceil(64)];
        Ok(places)
    }

    fn cell(&mut self, _: Place, column: usize, cell: Cell<'_>) {
        if cell == Cell::Missing {
            self.row[column / 64] |= 1 << (column % 64);
        }
        self.columns[column].add(cell);
    }

    fn end_row(&mut self) {
        self.rows += 1;
        match self.patterns.get_mut(self.row.as_slice()) {
            Some(rows) => *rows += 1,
            None => drop(self.patterns.insert(self.row.as_slice().into(), 1)),
        }
        self.row.fill(0);
    }
}

impl Column {
    fn add(&mut self, cell: Cell<'_>) {
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
            Cell::Number(number) => {
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

    fn finish(self, rows: u64) -> ColumnDescription {
        let kind = match (self.text_cells, self.missing == rows) {
            (_, true) => Kind::Empty,
            (0, false) => Kind::Numeric,
            _ => Kind::Text,
        };
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

impl ColumnDescription {
    fn add_type(&mut self, found: std::result::Result<ColumnSchema, Reason>) {
        match found {
            Ok(column) => {
                self.column_type = Some(column.column_type.name());
                (self.levels, self.format) = (column.levels, column.format);
            }
            Err(reason) => {
                self.column_type = Some("ignore");
                self.notes.push(reason.note().to_owned());
            }
        }
    }
}

impl Survey {
    fn finish(self, data: String) -> Description {
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

        let cells = rows * width as u64;
        let cells_missing = self.columns.iter().map(|column| column.missing).sum();
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
            columns: self.columns.into_iter().map(|column| column.finish(rows)).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
