//! Model files and checkpoints: safetensors, written atomically.

use std::fs;
use std::path::Path;

use autodiff::Aligned;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::Standardisation;
use crate::files::write_atomic;
use crate::network::{Vae, VaeConfig};
use crate::trainer::{AmsGrad, Progress, State, Stored, Trainer};

/// The metadata key that everything is under. A single one: the order of several is not fixed, and the same model has
/// to give the same bytes.
const METADATA_KEY: &str = "missvae";
/// Format of model files.
const MODEL_FORMAT: &str = "missvae-model-1";
/// Format of checkpoints.
const CHECKPOINT_FORMAT: &str = "missvae-checkpoint-1";
/// Names of the optimiser's state in a checkpoint.
const OPTIMISER: [&str; 3] = ["optimiser.mean", "optimiser.square", "optimiser.largest"];
/// The most imputations of a row that are believed.
const MOST_IMPUTATIONS: usize = 1 << 20;
/// The most pixels a side, stages of a network, and channels of a stage that are believed.
const MOST_PIXELS: usize = 1 << 12;
const MOST_STAGES: usize = 12;
const MOST_WIDTH: usize = 1 << 14;
/// Name of the completed rows in a checkpoint, N × K × D.
const COMPLETED: &str = "imputations.completed";
/// Name of the chains' latent points in a checkpoint, N × K × L.
const LATENTS: &str = "imputations.latents";

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
    /// Updates that the parameters have seen.
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

/// The metadata of a file: its format, and a description.
#[derive(Serialize, Deserialize)]
struct Header<D> {
    format: String,
    description: D,
}

/// What a checkpoint says beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointInfo {
    /// The model.
    pub model: ModelInfo,
    /// Where the run stands.
    pub progress: Progress,
    /// Identifies the rows that it is fitted to.
    pub fingerprint: String,
}

/// Writes a model: its parameters under their names, with everything needed to use it as metadata.
///
/// # Errors
/// If the file cannot be written.
pub fn save_model(path: &Path, vae: &Vae, info: &ModelInfo, parameters: &[f32]) -> Result<(), Error> {
    let tensors = named(vae, parameters);
    save(path, MODEL_FORMAT, info, tensors)
}

/// Reads a model.
///
/// # Errors
/// If the file cannot be read, is not a model file, is cut short, or lacks a parameter.
pub fn load_model(path: &Path) -> Result<(Vae, ModelInfo, Aligned<f32>), Error> {
    let bytes = read(path)?;
    let (tensors, info) = open::<ModelInfo>(path, &bytes, MODEL_FORMAT)?;
    let vae = plan(path, &bytes, &info)?;
    let parameters = collect(path, &tensors, &vae)?;
    Ok((vae, info, parameters))
}

/// Writes a checkpoint: parameters, the optimiser's state, counters, imputations if there are any.
///
/// # Errors
/// If the file cannot be written.
pub fn save_checkpoint(path: &Path, info: &CheckpointInfo, trainer: &Trainer<f32>) -> Result<(), Error> {
    let (vae, optimiser) = (trainer.vae(), trainer.optimiser());
    let mut tensors = named(vae, trainer.parameters());
    for (name, values) in OPTIMISER.into_iter().zip([&optimiser.mean, &optimiser.square, &optimiser.largest]) {
        tensors.push((name.to_owned(), vec![values.len()], values));
    }
    if let (Some(copies), Some(stored)) = (info.model.imputations, trainer.imputations()) {
        for (name, values, width) in imputation_tensors(vae, stored) {
            tensors.push((name.to_owned(), vec![values.len() / (copies * width), copies, width], values));
        }
    }
    save(path, CHECKPOINT_FORMAT, info, tensors)
}

/// The imputations' tensors: name, values, width of a row.
fn imputation_tensors<'a>(vae: &Vae, stored: &'a Stored<f32>) -> [(&'static str, &'a [f32], usize); 2] {
    let config = vae.config();
    [(COMPLETED, &stored.completed, config.columns), (LATENTS, &stored.latents, config.latent)]
}

/// Reads a checkpoint.
///
/// # Errors
/// If the file cannot be read, is not a checkpoint, is cut short, or lacks a tensor.
pub fn load_checkpoint(path: &Path) -> Result<(Vae, CheckpointInfo, State<f32>), Error> {
    let bytes = read(path)?;
    let (tensors, info) = open::<CheckpointInfo>(path, &bytes, CHECKPOINT_FORMAT)?;
    let vae = plan(path, &bytes, &info.model)?;
    let parameters = collect(path, &tensors, &vae)?;
    let [mean, square, largest] = OPTIMISER.map(|name| {
        let mut values = Aligned::zeros(parameters.len());
        fill(path, &tensors, name, &[parameters.len()], &mut values).map(|()| values)
    });
    let optimiser = AmsGrad { mean: mean?, square: square?, largest: largest?, updates: info.progress.update };
    let imputations = match info.model.imputations {
        None => None,
        Some(copies) => {
            let read = |name, width| {
                let shape = tensors.tensor(name).map_or_else(|_| Vec::new(), |view| view.shape().to_vec());
                let rows = shape.first().copied().unwrap_or_default();
                // A shape that is in the file has its data there, so this cannot ask for too much.
                let fits = shape == [rows, copies, width];
                let mut values = vec![0.0; if fits { rows * copies * width } else { 0 }];
                fill(path, &tensors, name, &[rows, copies, width], &mut values).map(|()| values)
            };
            let VaeConfig { columns, latent, .. } = *vae.config();
            Some(Stored { completed: read(COMPLETED, columns)?, latents: read(LATENTS, latent)? })
        }
    };
    let state = State { parameters, optimiser, progress: info.progress, imputations };
    Ok((vae, info, state))
}

type Named<'a> = Vec<(String, Vec<usize>, &'a [f32])>;

/// The parameters by name.
fn named<'a>(vae: &Vae, parameters: &'a [f32]) -> Named<'a> {
    let tensors = vae.layout().tensors().iter();
    tensors.map(|t| (t.name.clone(), t.shape.dims().to_vec(), &parameters[t.range()])).collect()
}

/// Writes a safetensors file piece by piece: imputations may be too large to be held twice.
fn save(path: &Path, format: &str, description: impl Serialize, mut tensors: Named<'_>) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let header = Header { format: format.to_owned(), description };
    let header = serde_json::to_string(&header).map_err(|error| malformed(error.to_string()))?;
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let mut end = 0;
    let infos = tensors.iter().map(|(name, shape, values)| {
        let start = end;
        end += size_of_val::<[f32]>(&values[..]);
        (name.clone(), TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, end) })
    });
    let metadata = [(METADATA_KEY.to_owned(), header)].into_iter().collect();
    let metadata = Metadata::new(Some(metadata), infos.collect()).map_err(|error| malformed(error.to_string()))?;
    let mut head = serde_json::to_vec(&metadata).map_err(|error| malformed(error.to_string()))?;
    // The format aligns the numbers to 8 bytes, by spaces after the header.
    head.resize(head.len().next_multiple_of(8), b' ');
    write_atomic(path, |out| {
        out.write_all(&(head.len() as u64).to_le_bytes())?;
        out.write_all(&head)?;
        for (_, _, values) in &tensors {
            for value in *values {
                out.write_all(&value.to_le_bytes())?;
            }
        }
        Ok(())
    })
    .map_err(io)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// Opens a safetensors file of the given format.
fn open<'a, D: DeserializeOwned>(path: &Path, bytes: &'a [u8], format: &str) -> Result<(SafeTensors<'a>, D), Error> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let kind = if format == MODEL_FORMAT { "model" } else { "checkpoint" };
    let (_, metadata) = SafeTensors::read_metadata(bytes)
        .map_err(|error| malformed(format!("not a whole {kind} file ({error}); it may be cut short")))?;
    let header = metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
    let header = header.ok_or_else(|| malformed(format!("a safetensors file, but not a {kind} of this program")))?;
    let found: Header<serde_json::Value> =
        serde_json::from_str(header).map_err(|error| malformed(format!("unreadable description: {error}")))?;
    if found.format != format {
        return Err(malformed(format!("expected a {kind} file ({format}); this is a {}", found.format)));
    }
    let description = serde_json::from_value(found.description)
        .map_err(|error| malformed(format!("its description is not that of a {kind}: {error}")))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| malformed(error.to_string()))?;
    Ok((tensors, description))
}

/// The model that a file describes, if its sizes can be true: a damaged file must not ask for all the memory there is.
fn plan(path: &Path, bytes: &[u8], info: &ModelInfo) -> Result<Vae, Error> {
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
fn collect(path: &Path, tensors: &SafeTensors<'_>, vae: &Vae) -> Result<Aligned<f32>, Error> {
    let mut parameters = Aligned::zeros(vae.layout().len());
    for tensor in vae.layout().tensors() {
        fill(path, tensors, &tensor.name, tensor.shape.dims(), &mut parameters[tensor.range()])?;
    }
    Ok(parameters)
}

fn fill(path: &Path, tensors: &SafeTensors<'_>, name: &str, shape: &[usize], out: &mut [f32]) -> Result<(), Error> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let view = tensors.tensor(name).map_err(|_| malformed(format!("it has no tensor {name}")))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        let found = format!("{:?} of shape {:?}", view.dtype(), view.shape());
        return Err(malformed(format!("tensor {name} is {found}, not F32 of shape {shape:?}")));
    }
    for (x, bytes) in out.iter_mut().zip(view.data().chunks_exact(4)) {
        *x = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    Ok(())
}
