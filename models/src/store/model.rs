//! Model files.

use std::path::Path;

use autodiff::Aligned;
use safetensors::SafeTensors;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::error::{Error, Kind};
use super::file::{Named, Source, save};
use super::sizes::check_sizes;
use crate::config::Options;
use crate::data::Standardisation;
use crate::files::WriteError;
use crate::heads::ColumnType;
use crate::network::{Vae, VaeConfig};

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

/// Writes a model (format 2): its parameters under their names, with everything needed to use it as metadata, and a checksum.
///
/// # Errors
/// If the file cannot be written.
///
/// # Panics
/// If the model has heads of the caller's own ([`Vae::with_row`]).
pub fn save_model(path: &Path, vae: &Vae, info: &ModelInfo, parameters: &[f32]) -> Result<(), WriteError> {
    save(path, Kind::Model, info, named(vae, parameters))
}

/// Reads a model, of format 1 or 2.
///
/// # Errors
/// If the file cannot be read, is not a model file, is cut short or damaged, lacks a parameter, or says what cannot be true: this
/// is found before anything of its sizes is allocated.
pub fn load_model(path: &Path) -> Result<(Vae, ModelInfo, Aligned<f32>), Error> {
    let source = Source::read(path, Kind::Model)?;
    let (tensors, info) = source.open::<ModelInfo>()?;
    check_sizes(&source, &info)?;
    let vae = Vae::new(info.vae.clone());
    let parameters = collect(&source, &tensors, &vae)?;
    Ok((vae, info, parameters))
}

/// The parameters by name.
///
/// # Panics
/// If the heads are the caller's own: a file has no name for them, and would be read as one with others.
#[track_caller]
pub(super) fn named<'a>(vae: &Vae, parameters: &'a [f32]) -> Named<'a> {
    assert!(!vae.has_own_heads(), "a model file has no name for heads of one's own");
    let tensors = vae.layout().tensors().iter();
    tensors.map(|t| (t.name.clone(), t.shape.dims().to_vec(), &parameters[t.range()])).collect()
}

/// The parameters of a model, out of a file.
pub(super) fn collect(source: &Source<'_>, tensors: &SafeTensors<'_>, vae: &Vae) -> Result<Aligned<f32>, Error> {
    // Every parameter is in the file, and what is beside them is less; the buffer has gaps, fewer than 16 elements a tensor.
    let (count, most) = (vae.layout().count(), source.most_numbers());
    if count > most {
        return Err(source.field("parameters", count, format!("at most {most} in a file of this length")));
    }
    let mut parameters = Aligned::zeros(vae.layout().len());
    for tensor in vae.layout().tensors() {
        source.fill(tensors, &tensor.name, tensor.shape.dims(), &mut parameters[tensor.range()])?;
    }
    Ok(parameters)
}
