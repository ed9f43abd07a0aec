//! What the observed values of a column show beside its type.

use serde::{Deserialize, Serialize};

/// What the observed values of a column show beside its type, in model units (docs/methods.md §1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnTraits {
    /// No scale of the column is smaller: a value cannot be known better than it was recorded.
    pub min_scale: f64,
    /// The least value: the user's bound, or the data's zero for a column without negative values. Draws and summaries are not
    /// below. They are of the distribution above it, or, with [`takes_min`](ColumnTraits::takes_min), of the one whose part
    /// below it is put there. The density of observed values does not change.
    #[serde(default, alias = "zero", skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Whether the least value occurs, as zero does among amounts.
    #[serde(default, alias = "zeros", skip_serializing_if = "std::ops::Not::not")]
    pub takes_min: bool,
    /// The largest value: the user's bound. Draws and summaries are of the distribution below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The share of each level of a column that has some: positive, with sum 1. The decoder's outputs for a categorical or ordinal
    /// column are relative to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frequencies: Vec<f64>,
    /// Mean and dispersion of counts, (variance − mean)/mean². The decoder's outputs are relative to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<[f64; 2]>,
}
