//! The types of columns.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a column's numbers are. A model has a distribution for each type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ColumnType {
    /// Any finite number.
    #[default]
    Numeric,
    /// Numbers above 0.
    Positive,
    /// −1 and +1: the pixels of a binary image.
    Binary,
}

impl ColumnType {
    /// Whether a column of this type may hold `value`.
    pub fn allows(self, value: f64) -> bool {
        match self {
            ColumnType::Numeric => value.is_finite(),
            ColumnType::Positive => value.is_finite() && value > 0.0,
            ColumnType::Binary => value.abs() == 1.0,
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ColumnType::Numeric => "a number",
            ColumnType::Positive => "a number above 0",
            ColumnType::Binary => "-1 or +1",
        })
    }
}
