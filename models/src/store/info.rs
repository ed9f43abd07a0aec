//! What a model file holds beside the parameters.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::config::Options;
use crate::data::Standardisation;
use crate::heads::ColumnType;
use crate::network::VaeConfig;

/// One column of the table that a model was fitted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Name in the header.
    pub name: String,
    /// Type of its values.
    pub kind: ColumnType,
    /// The data's value that is 0 in model units: the observed mean of a numeric column (0 without standardisation).
    pub mean: f64,
    /// The distance in the data that is 1 in model units: the observed standard deviation of a numeric column (1 without
    /// standardisation).
    pub scale: f64,
    /// The smallest and the largest observed value in training. None in files of format 1, and of pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
}

/// Everything that a model file holds beside the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Sizes of the networks.
    pub vae: VaeConfig,
    /// Name of the method it was fitted with.
    pub method: String,
    /// The table's columns, in the model's order.
    pub columns: Vec<Column>,
    /// Updates that were made.
    pub updates: u64,
    /// K, imputations of each row, with an imputation mixture.
    #[serde(default)]
    pub imputations: Option<usize>,
    /// The texts that stood for a missing value in its table, beside the usual ones.
    #[serde(default)]
    pub missing_values: Vec<String>,
    /// The resolved options that it was fitted with, without paths. None in files of format 1. Options that this version does
    /// not know are left out on reading.
    #[serde(default, deserialize_with = "known_options")]
    pub options: Option<Options>,
}

/// Reads the options that this version knows.
fn known_options<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Options>, D::Error> {
    let Some(mut given) = Option::<Map<String, Value>>::deserialize(deserializer)? else { return Ok(None) };
    given.retain(|name, value| {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        Options::deserialize(Value::Object(alone)).is_ok()
    });
    Options::deserialize(Value::Object(given)).map(Some).map_err(D::Error::custom)
}

impl ModelInfo {
    /// The columns' units.
    pub fn standardisation(&self) -> Standardisation {
        Standardisation {
            mean: self.columns.iter().map(|c| c.mean).collect(),
            scale: self.columns.iter().map(|c| c.scale).collect(),
        }
    }
}
