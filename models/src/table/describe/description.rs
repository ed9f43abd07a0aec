//! What is said of a table.

use serde::Serialize;

use super::bands::Bands;
use super::differences::Differences;
use super::nullity::Nullity;
use crate::table::dialect::{Decimal, Separator};
use crate::table::problem::Reason;
use crate::table::schema::ColumnSchema;
use crate::table::schema_file::{Given, SchemaFile};

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
    /// How the missing cells of columns go together.
    pub nullity: Nullity,
    /// Signs that cells are not missing completely at random.
    pub differences: Differences,
    /// Which cells are missing, in bands of rows.
    #[serde(skip)]
    pub bands: Bands,
}

impl Description {
    /// What the columns seem to hold, ready to be edited.
    pub fn schema(&self) -> SchemaFile {
        let given = |column: &ColumnDescription| {
            let kind = column.column_type?.to_owned();
            let (levels, format) = (column.levels.clone(), column.format.clone());
            Some((column.name.clone(), Given { kind, levels, missing: Vec::new(), format, min: None, max: None }))
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

impl ColumnDescription {
    pub(super) fn add_type(&mut self, found: std::result::Result<ColumnSchema, Reason>) {
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
