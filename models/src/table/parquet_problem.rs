//! What is wrong with a Parquet file.

use std::error::Error as StdError;

use crate::words::{Short, quoted};

/// What is wrong with a Parquet file, or with what is to be written to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParquetProblem {
    /// It cannot be decoded.
    #[error("it cannot be decoded ({}); expected a Parquet file", Short(.0))]
    Damaged(Box<dyn StdError + Send + Sync>),
    /// A column of another type than numbers, texts and dates.
    #[error("column {} is of type {}; expected numbers, texts or dates", quoted(column), Short(kind))]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        kind: String,
    },
    /// A column of whole numbers, to which the model imputes others.
    #[error("column {} is of type {}, and the model imputes fractions to it", quoted(column), Short(kind))]
    Fractions {
        /// The column.
        column: String,
        /// Its type.
        kind: String,
    },
    /// A number that a column's type does not hold.
    #[error("column {} is of type {}, which does not hold the imputed {value}", quoted(column), Short(kind))]
    Value {
        /// The column.
        column: String,
        /// Its type.
        kind: String,
        /// The number.
        value: f64,
    },
}
