//! What keeps an analysis from being pooled.

use std::fmt;

use super::formula::FormulaError;
use crate::words::{listed, quoted};

/// Why completed tables cannot be analysed and pooled. A table's number is from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The formula cannot be read.
    #[error(transparent)]
    Formula(#[from] FormulaError),
    /// Fewer than two tables: they tell nothing of the variance between them.
    #[error("{}; pooling needs at least two", match tables { 0 => "no completed table", _ => "one completed table" })]
    FewTables {
        /// How many there are.
        tables: usize,
    },
    /// A confidence that is no share.
    #[error("a confidence of {level}; expected a number between 0 and 1")]
    Level {
        /// The number.
        level: f64,
    },
    /// A text is to be regressed linearly.
    #[error("column {}: texts cannot be regressed linearly; expected numbers", quoted(column))]
    TextResponse {
        /// The column.
        column: String,
        /// Its different texts in all tables.
        levels: usize,
    },
    /// A text with other than two levels is to be regressed logistically.
    #[error("column {}: {} levels ({}); a logistic regression needs two", quoted(column), levels.len(), listed(levels))]
    Levels {
        /// The column.
        column: String,
        /// Its levels in all tables.
        levels: Vec<String>,
    },
    /// A factor that is the same in all rows of all tables.
    #[error("column {}: {} in all rows; a factor needs at least two levels", quoted(column), quoted(level))]
    OneLevel {
        /// The column.
        column: String,
        /// Its only level.
        level: String,
    },
    /// A column holds dates of one format in one table, and dates of another format or other numbers in another one.
    #[error("column {}: the tables hold dates of different formats, or some hold other numbers", quoted(column))]
    MixedDates {
        /// The column.
        column: String,
    },
    /// More coefficients than can be estimated in a matrix.
    #[error("the formula has {} coefficients; expected at most {most}", coefficients.map_or_else(|| "too many".to_owned(), |n| n.to_string()))]
    ManyCoefficients {
        /// How many; none if they cannot be counted.
        coefficients: Option<usize>,
        /// The most.
        most: usize,
    },
    /// A column `.imp` that does not hold the numbers of imputations.
    #[error("row {row}, column \".imp\": {}; expected 0, 1, 2, …", value.as_ref().map_or("missing", |value| value))]
    Imputation {
        /// The row, from 1.
        row: usize,
        /// What stands there; none if it is missing.
        value: Option<String>,
    },
    /// One of the tables.
    #[error("table {table}: {problem}")]
    InTable {
        /// Its number, from 1.
        table: usize,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with one of the tables, or with the analysis of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// It lacks a column of the formula.
    NoSuchColumn {
        /// The column.
        name: String,
        /// Its columns.
        available: Vec<String>,
    },
    /// It has not as many rows as the first one.
    Rows {
        /// Its rows.
        found: usize,
        /// Those of the first table.
        expected: usize,
    },
    /// A cell is missing.
    MissingCell {
        /// The row, from 1.
        row: usize,
        /// The column.
        column: String,
    },
    /// A number other than 0 and 1 is to be regressed logistically.
    NotBinary {
        /// The row, from 1.
        row: usize,
        /// The column.
        column: String,
        /// The number.
        value: f64,
    },
    /// No degree of freedom is left for the residuals.
    FewRows {
        /// Its rows.
        rows: usize,
        /// Coefficients of the formula.
        coefficients: usize,
    },
    /// A term is a linear combination of others.
    Aliased {
        /// The term.
        term: String,
        /// The terms before it that make it up; none if it is 0 in every row.
        of: Vec<String>,
    },
    /// Some combination of the terms tells the failures from the successes without an error: the likelihood has no maximum, and
    /// the estimates grow without end.
    Separated {
        /// Whether it was seen to tell all rows apart. Rows that it tells apart by little may be so only after the last iteration.
        complete: bool,
        /// The terms whose estimates grow.
        terms: Vec<String>,
    },
    /// The iterations of a logistic regression did not settle.
    NotConverged {
        /// How many there were.
        iterations: usize,
    },
    /// An estimate, or its variance, is not finite.
    NotFinite {
        /// The term.
        term: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoSuchColumn { name, available } => {
                write!(f, "no column named {}; the columns are {}", quoted(name), listed(available))
            }
            Problem::Rows { found, expected } => {
                write!(f, "{found} rows; expected {expected}, as in the first table")
            }
            Problem::MissingCell { row, column } => {
                write!(f, "row {row}, column {}: the cell is missing; expected a completed table", quoted(column))
            }
            Problem::NotBinary { row, column, value } => {
                write!(f, "row {row}, column {}: {value}; expected 0 or 1, or two texts", quoted(column))
            }
            Problem::FewRows { rows, coefficients } => {
                write!(f, "{rows} rows for {coefficients} coefficients; expected more rows than coefficients")
            }
            Problem::Aliased { term, of } if of.is_empty() => {
                write!(f, "the term {} is 0 in every row and cannot be estimated", quoted(term))
            }
            Problem::Aliased { term, of } => {
                let of = listed(of);
                write!(f, "the term {} is a linear combination of {of} and cannot be estimated", quoted(term))
            }
            Problem::Separated { complete, terms } => {
                let (kind, which) = match complete {
                    true => ("complete", "all rows"),
                    false => ("quasi-complete", "some rows"),
                };
                write!(f, "{kind} separation: the terms tell the success of {which} without an error, so the ")?;
                write!(f, "estimates of {} grow without end", listed(terms))
            }
            Problem::NotConverged { iterations } => {
                write!(f, "the logistic regression did not settle in {iterations} iterations")
            }
            Problem::NotFinite { term } => write!(f, "the estimate of {} is not a finite number", quoted(term)),
        }
    }
}

impl Problem {
    /// The error of the table of this place, from 0.
    pub(super) fn of(self, place: usize) -> Error {
        Error::InTable { table: place + 1, problem: self }
    }
}
