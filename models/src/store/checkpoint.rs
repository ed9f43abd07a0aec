//! Checkpoints: a run in the middle of its training.

use std::path::Path;

use autodiff::Aligned;
use serde::{Deserialize, Serialize};

use super::error::{Error, Kind};
use super::file::{Source, save};
use super::info::ModelInfo;
use super::model::{collect, named};
use super::sizes::check_sizes;
use crate::files::WriteError;
use crate::network::{Vae, VaeConfig};
use crate::trainer::{AmsGrad, Average, Best, Progress, State, Stored, Trainer};

/// Names of the optimiser's state.
const OPTIMISER: [&str; 3] = ["optimiser.mean", "optimiser.square", "optimiser.largest"];
/// Name of the completed rows, N × K × D.
const COMPLETED: &str = "imputations.completed";
/// Name of the chains' latent points, N × K × L.
const LATENTS: &str = "imputations.latents";

/// Name of the average of the parameters.
const AVERAGE: &str = "average.parameters";
/// Name of the parameters of the best epoch.
const BEST: &str = "best.parameters";

/// What a checkpoint says beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointInfo {
    /// The model.
    pub model: ModelInfo,
    /// Where the run stands.
    pub progress: Progress,
    /// Identifies the rows that it is fitted to.
    pub fingerprint: String,
    /// The best epoch so far, counted from 1, and its validation score, if it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<(u64, f64)>,
}

/// Writes a checkpoint: parameters, the optimiser's state, counters, imputations if there are any.
///
/// # Errors
/// If the file cannot be written.
pub fn save_checkpoint(path: &Path, info: &CheckpointInfo, trainer: &Trainer<f32>) -> Result<(), WriteError> {
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
    if let Some(average) = trainer.averaged() {
        tensors.push((AVERAGE.to_owned(), vec![average.parameters().len()], average.parameters()));
    }
    if let Some(best) = trainer.best() {
        tensors.push((BEST.to_owned(), vec![best.parameters.len()], &best.parameters));
    }
    save(path, Kind::Checkpoint, info, tensors)
}

/// The imputations' tensors: name, values, width of a row.
fn imputation_tensors<'a>(vae: &Vae, stored: &'a Stored<f32>) -> [(&'static str, &'a [f32], usize); 2] {
    let config = vae.config();
    [(COMPLETED, &stored.completed, config.columns), (LATENTS, &stored.latents, config.latent)]
}

/// Reads a checkpoint, of format 1 or 2.
///
/// # Errors
/// If the file cannot be read, is not a checkpoint, is cut short or damaged, lacks a tensor, or says what cannot be true.
pub fn load_checkpoint(path: &Path) -> Result<(Vae, CheckpointInfo, State<f32>), Error> {
    let source = Source::read(path, Kind::Checkpoint)?;
    let (tensors, info) = source.open::<CheckpointInfo>()?;
    check_sizes(&source, &info.model)?;
    let vae = Vae::new(info.model.vae.clone());
    let parameters = collect(&source, &tensors, &vae)?;
    // As long as the parameters.
    let vector = |name: &str| {
        let mut values = Aligned::zeros(parameters.len());
        source.fill(&tensors, name, &[parameters.len()], &mut values).map(|()| values)
    };
    let [mean, square, largest] = OPTIMISER.map(vector);
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
                source.fill(&tensors, name, &[rows, copies, width], &mut values).map(|()| values)
            };
            let VaeConfig { columns, latent, .. } = *vae.config();
            Some(Stored { completed: read(COMPLETED, columns)?, latents: read(LATENTS, latent)? })
        }
    };
    let best = match info.best {
        None => None,
        Some((epoch, validation)) => Some(Best { epoch, validation, parameters: vector(BEST)? }),
    };
    let average = match tensors.tensor(AVERAGE) {
        Ok(_) => Some(Average::new(vector(AVERAGE)?)),
        Err(_) => None,
    };
    let state = State { parameters, optimiser, progress: info.progress, imputations, best, average };
    Ok((vae, info, state))
}
