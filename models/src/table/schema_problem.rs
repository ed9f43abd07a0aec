//! What can be wrong in a schema's file.

use crate::heads::ColumnType;
use crate::words::{Short, quoted};

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaProblem {
    /// It is not read as TOML of this form.
    #[error("{}{}", line.map_or(String::new(), |line| format!("line {line}: ")), Short(message))]
    Toml {
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
    /// A file too long to be a schema.
    #[error("more than {0} bytes")]
    TooLong(u64),
    /// Of a column.
    #[error("column {}: {problem}", quoted(name))]
    Column {
        /// The column.
        name: String,
        /// What is wrong.
        problem: Box<SchemaProblem>,
    },
    /// A type that is none.
    #[error("there is no column type {}", quoted(.0))]
    Type(String),
    /// A wrong number of levels.
    #[error("{found} level{}; expected {} for a {kind} column", if *found == 1 { "" } else { "s" }, if *kind == ColumnType::Binary { "2" } else { "at least 2" })]
    Levels {
        /// The column's type.
        kind: ColumnType,
        /// The number of levels.
        found: usize,
    },
    /// A level that stands twice.
    #[error("the level {} stands twice", quoted(.0))]
    SameLevels(String),
    /// Levels of a type that has none.
    #[error("a {0} column has no levels")]
    NoLevels(ColumnType),
    /// A format of a type that has none.
    #[error("a {0} column has no format")]
    NoFormat(ColumnType),
    /// Bounds of a type that has none.
    #[error("a {0} column has no bounds")]
    NoBounds(ColumnType),
    /// A bound that is no value of its column.
    #[error("the bound {} is no {}", quoted(bound), if *kind == ColumnType::Date { "date" } else { "number" })]
    Bound {
        /// The column's type.
        kind: ColumnType,
        /// The bound.
        bound: String,
    },
    /// A least value that is not below the largest.
    #[error("min {min} is not below max {max}")]
    Bounds {
        /// The least value.
        min: String,
        /// The largest.
        max: String,
    },
    /// A format that is none of dates.
    #[error("{} is no format of dates", quoted(.0))]
    Format(String),
}
