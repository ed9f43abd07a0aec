//! What a model file holds beside the parameters.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::config::Options;
use crate::data::Standardisation;
use crate::heads::ColumnType;
use crate::network::VaeConfig;
use crate::table::ColumnSchema;

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
    /// The levels of a column that has some, as they stand in a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Texts that stand for a missing value in this column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// How dates are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The least value that it can have, as the user said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Whether every observed value in training was a whole number: then imputed ones are too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

impl Column {
    /// A column of this name and type, in the table's own unit.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Column {
        Column {
            name: name.into(),
            kind,
            mean: 0.0,
            scale: 1.0,
            range: None,
            levels: Vec::new(),
            missing: Vec::new(),
            format: None,
            min: None,
            max: None,
            whole: false,
        }
    }

    /// Its name, its type and how it stands in a file.
    pub fn schema(&self) -> ColumnSchema {
        let mut schema =
            ColumnSchema::new(&self.name, self.kind).with_levels(self.levels.clone()).with_bounds(self.min, self.max);
        schema.missing.clone_from(&self.missing);
        schema.format.clone_from(&self.format);
        schema
    }
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
    /// Columns of its table that it was not fitted to, as no model can be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
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
    /// The columns' names, types, and how they stand in a file.
    pub fn schema(&self) -> Vec<ColumnSchema> {
        self.columns.iter().map(Column::schema).collect()
    }

    /// The columns' units.
    pub fn standardisation(&self) -> Standardisation {
        Standardisation {
            mean: self.columns.iter().map(|c| c.mean).collect(),
            scale: self.columns.iter().map(|c| c.scale).collect(),
        }
    }
}
