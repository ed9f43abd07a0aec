//! Moments of gradients as a file.

use std::io;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};
use serde::Serialize;

use super::Moments;
use crate::files::{WriteError, write_atomic};
use crate::network::Vae;

/// The metadata key that everything is under, as in model files.
const METADATA_KEY: &str = "missvae";
/// Format of these files.
const FORMAT: &str = "missvae-moments-1";

/// What a file of moments says beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MomentsInfo {
    /// The method, and how its gradient is estimated.
    pub method: String,
    /// Over what the moments are taken.
    pub protocol: String,
    /// Seed of the run.
    pub seed: u64,
    /// In or after which epoch, counted from 1.
    pub epoch: u64,
    /// n, gradients.
    pub gradients: u64,
}

#[derive(Serialize)]
struct Header<'a> {
    format: &'static str,
    description: &'a MomentsInfo,
}

/// Writes the mean and the variance (with n−1) of every parameter's gradient as safetensors, in `f64`: tensors `mean.NAME`
/// and `variance.NAME` with the names and shapes of model files.
///
/// # Errors
/// If the file cannot be written.
///
/// # Panics
/// If the moments are not those of this model's gradients.
pub fn save_moments(path: &Path, vae: &Vae, moments: &Moments, info: &MomentsInfo) -> Result<(), WriteError> {
    let mut tensors = Vec::new();
    for tensor in vae.layout().tensors() {
        let bytes = |value: &dyn Fn(usize) -> f64| -> Vec<u8> {
            tensor.range().flat_map(|entry| value(entry).to_le_bytes()).collect()
        };
        let shape = tensor.shape.dims().to_vec();
        tensors.push((format!("mean.{}", tensor.name), shape.clone(), bytes(&|entry| moments.mean()[entry])));
        tensors.push((format!("variance.{}", tensor.name), shape, bytes(&|entry| moments.variance(entry))));
    }
    write_atomic(path, |out| {
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F64, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        let header = serde_json::to_string(&Header { format: FORMAT, description: info })?;
        let metadata = [(METADATA_KEY.to_owned(), header)].into_iter().collect();
        let bytes = serialize(views.map_err(io::Error::other)?, Some(metadata)).map_err(io::Error::other)?;
        out.write_all(&bytes)
    })
}
