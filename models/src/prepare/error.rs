//! What can be wrong with the rows for a model.

use crate::config::choices::Preset;
use crate::config::error as config;
use crate::heads::ColumnType;
use crate::table;
use crate::words::{between, listed, quoted};

/// The result of preparing rows.
pub type Result<T> = std::result::Result<T, Error>;

/// Rows that a model cannot be fitted to or used on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option that cannot be used.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A file that cannot be read.
    #[error(transparent)]
    Table(#[from] table::Error),
    /// No row is left to train on.
    #[error("{table}: no row with an observed cell is left to train on")]
    NoTrainingRows {
        /// Name of the table.
        table: String,
    },
    /// No image is left to train on, or none for validation.
    #[error("{table}: no image with an observed pixel is left to train on, or for validation")]
    NoImages {
        /// Name of the table.
        table: String,
    },
    /// No validation row has an observed cell.
    #[error("{table}, {option} {value}: no row has an observed cell")]
    NoValidationRows {
        /// Name of the table.
        table: String,
        /// The option that asks for them.
        option: &'static str,
        /// Its value.
        value: String,
    },
    /// Columns without two distinct values.
    #[error(
        "{table}: the rows to train on have no two distinct values in {}, or values whose squares are beyond any number",
        listed(columns)
    )]
    ConstantColumns {
        /// Name of the table.
        table: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// A value that its column's type does not allow.
    #[error("{file}, row {row}, column {}: {value}; expected {}", quoted(column), column_type.values())]
    Value {
        /// Name of the table.
        file: String,
        /// The row, from 1.
        row: usize,
        /// The column.
        column: String,
        /// The value, in the data's units.
        value: f64,
        /// The column's type.
        column_type: ColumnType,
    },
    /// A value beyond the bounds that the schema gives its column.
    #[error("{file}, row {row}, column {}: {value}; expected {}, by the schema", quoted(column), between(bounds))]
    OutOfBounds {
        /// Name of the table.
        file: String,
        /// The row, from 1.
        row: usize,
        /// The column.
        column: String,
        /// The value, as it stands in the file.
        value: String,
        /// The least and the largest value.
        bounds: Box<[Option<String>; 2]>,
    },
    /// A number whose square single precision cannot hold.
    #[error("{file}, row {row}, column {}: {} too large beside the rest of the column", quoted(column), about(.value))]
    TooLarge {
        /// Name of the table.
        file: String,
        /// The row, from 1.
        row: usize,
        /// The column.
        column: String,
        /// The number in the data's units, which may be infinite.
        value: f64,
    },
    /// A share of the rows that leaves one part empty.
    #[error("validation {share}: {rows} rows cannot be split so")]
    Unsplittable {
        /// The share.
        share: f64,
        /// The rows.
        rows: usize,
    },
    /// A first validation row outside of the table.
    #[error("{table}: validation-from {row}: {}", from_range(.rows))]
    ValidationFrom {
        /// Name of the table.
        table: String,
        /// The row that was given, from 0.
        row: usize,
        /// Rows of the table.
        rows: usize,
        /// The preset, if it gave the row.
        preset: Option<Preset>,
    },
}

/// A number that is about to be called too large.
fn about(value: &f64) -> String {
    if value.is_finite() { format!("about {value:.0e} is") } else { "its number is".to_owned() }
}

/// The rows that validation can begin with, in a table of so many.
fn from_range(rows: &usize) -> String {
    match rows {
        0 | 1 => format!("{rows} row cannot be split"),
        _ => format!("expected a row from 1 to {}, of {rows}", rows - 1),
    }
}
