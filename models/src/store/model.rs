//! Model files.

use std::path::Path;

use autodiff::Aligned;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::file::{Named, fill, open, read, save};
use crate::Error;
use crate::data::Standardisation;
use crate::network::{Vae, VaeConfig};

/// Format of model files.
const FORMAT: &str = "missvae-model-1";
/// The most imputations of a row that a file may claim.
const MOST_IMPUTATIONS: usize = 1 << 20;
/// The most pixels a side, stages of a network, and channels of a stage that a file may claim.
const MOST_PIXELS: usize = 1 << 12;
const MOST_STAGES: usize = 12;
const MOST_WIDTH: usize = 1 << 14;

/// One column of the table that a model was fitted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Name in the header.
    pub name: String,
    /// Kind of values: `"numeric"`, or `"binary"` for pixels of −1 and +1.
    pub kind: String,
    /// Observed mean, in the data's units (0 without standardisation).
    pub mean: f64,
    /// Observed standard deviation, in the data's units (1 without standardisation).
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
}

impl ModelInfo {
    /// The columns' means and deviations.
    pub fn standardisation(&self) -> Standardisation {
        Standardisation {
            mean: self.columns.iter().map(|c| c.mean).collect(),
            scale: self.columns.iter().map(|c| c.scale).collect(),
        }
    }
}

/// Writes a model: its parameters under their names, with everything needed to use it as metadata.
///
/// # Errors
/// If the file cannot be written.
pub fn save_model(path: &Path, vae: &Vae, info: &ModelInfo, parameters: &[f32]) -> Result<(), Error> {
    let tensors = named(vae, parameters);
    save(path, FORMAT, info, tensors)
}

/// Reads a model.
///
/// # Errors
/// If the file cannot be read, is not a model file, is cut short, or lacks a parameter.
pub fn load_model(path: &Path) -> Result<(Vae, ModelInfo, Aligned<f32>), Error> {
    let bytes = read(path)?;
    let (tensors, info) = open::<ModelInfo>(path, &bytes, "model", FORMAT)?;
    let vae = planned(path, &bytes, &info)?;
    let parameters = collect(path, &tensors, &vae)?;
    Ok((vae, info, parameters))
}

/// The parameters by name.
pub(super) fn named<'a>(vae: &Vae, parameters: &'a [f32]) -> Named<'a> {
    let tensors = vae.layout().tensors().iter();
    tensors.map(|t| (t.name.clone(), t.shape.dims().to_vec(), &parameters[t.range()])).collect()
}

/// The model that a file describes, if its sizes can be true: a damaged file must not ask for all the memory there is.
pub(super) fn planned(path: &Path, bytes: &[u8], info: &ModelInfo) -> Result<Vae, Error> {
    let malformed = |reason: String| Err(Error::Malformed { path: path.to_owned(), reason });
    let config = &info.vae;
    let hidden = if config.images.is_some() { 1 } else { config.hidden };
    let sizes = [config.columns, config.latent, config.components, hidden];
    let most = bytes.len() / size_of::<f32>();
    let blocks = [config.encoder_blocks, config.decoder_blocks];
    if sizes.contains(&0) || sizes.iter().chain(&blocks).any(|size| *size > most) {
        return malformed("the sizes in its description cannot be true".to_owned());
    }
    if let Some(images) = &config.images {
        let widths = [&images.encoder_widths, &images.decoder_widths];
        let believed = |widths: &Vec<usize>| {
            (1..=MOST_STAGES).contains(&widths.len()) && widths.iter().all(|width| (1..=MOST_WIDTH).contains(width))
        };
        let fits = images.size <= MOST_PIXELS && images.size * images.size == config.columns;
        if !fits || !widths.into_iter().all(believed) {
            return malformed("the sizes of images in its description cannot be true".to_owned());
        }
    }
    if info.columns.len() != config.columns {
        return malformed(format!("it names {} columns for a model of {}", info.columns.len(), config.columns));
    }
    let imputed = info.imputations.is_some_and(|copies| (1..=MOST_IMPUTATIONS).contains(&copies));
    let fits =
        if config.encoder_input.completed() { imputed && config.components == 1 } else { info.imputations.is_none() };
    if !fits {
        return malformed("its numbers of components and imputations do not go with its encoder".to_owned());
    }
    let vae = Vae::new(config.clone());
    // Every parameter is in the file, and what is beside them is less; the buffer has gaps, fewer than 16 elements a tensor.
    if vae.layout().count() > most {
        return malformed(format!("it is too short for the {} parameters it describes", vae.layout().count()));
    }
    Ok(vae)
}

/// The parameters of a model, out of a file.
pub(super) fn collect(path: &Path, tensors: &SafeTensors<'_>, vae: &Vae) -> Result<Aligned<f32>, Error> {
    let mut parameters = Aligned::zeros(vae.layout().len());
    for tensor in vae.layout().tensors() {
        fill(path, tensors, &tensor.name, tensor.shape.dims(), &mut parameters[tensor.range()])?;
    }
    Ok(parameters)
}
