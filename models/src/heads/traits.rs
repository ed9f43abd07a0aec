//! What the observed values of a column show beside its type.

use serde::{Deserialize, Serialize};

/// What the observed values of a column show beside its type, in model units (docs/methods.md §1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnTraits {
    /// No scale of the column is smaller: a value cannot be known better than it was recorded.
    pub min_scale: f64,
    /// Where the data's zero is, for a column without negative values: its draws and summaries are not below. They are of the
    /// distribution above zero, or, with [`zeros`](ColumnTraits::zeros), of the one whose part below zero is put at zero. The
    /// density of observed values does not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero: Option<f64>,
    /// Whether zero is a value of the column.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zeros: bool,
    /// The share of each level of a categorical or ordinal column: positive, with sum 1. The decoder's outputs are relative to
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frequencies: Vec<f64>,
    /// Mean and dispersion of counts, (variance − mean)/mean². The decoder's outputs are relative to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<[f64; 2]>,
}
