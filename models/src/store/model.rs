//! Model files.

use std::path::Path;

use autodiff::Aligned;
use safetensors::SafeTensors;

use super::error::{Error, Expected, Kind};
use super::file::{Named, Source, save};
use super::info::ModelInfo;
use super::sizes::check_sizes;
use crate::files::WriteError;
use crate::network::Vae;

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
        return Err(source.field("parameters", count, Expected::Count(most)));
    }
    let mut parameters = Aligned::zeros(vae.layout().len());
    for tensor in vae.layout().tensors() {
        source.fill(tensors, &tensor.name, tensor.shape.dims(), &mut parameters[tensor.range()])?;
    }
    Ok(parameters)
}
