//! Refitting the encoder to held-out rows before importance sampling (docs/methods.md §7).

use std::ops::ControlFlow;

use autodiff::ops::Pathwise;
use linalg::Scalar;
use samplers::stream::{Purpose, stream};

use crate::Error;
use crate::data::{Data, Minibatches};
use crate::impute::FittedModel;
use crate::network::{Vae, VaeConfig};
use crate::objective::{Bound, ObjectiveConfig};
use crate::trainer::{AmsGrad, Learner, Networks, NotFinite, Objective, Schedule, Streams};

/// How to refit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefitConfig {
    /// Parameter updates.
    pub updates: u64,
    /// Rows of a minibatch.
    pub batch_size: usize,
    /// Importance samples: as many from the mixture, or an equal share of them from each component.
    pub samples: usize,
    /// Learning rate at the start of its cosine schedule.
    pub learning_rate: f64,
    /// Largest norm of the gradient.
    pub clip: f64,
}

impl RefitConfig {
    /// The paper's for tables: 50 samples, learning rate 1e-4, clip 5.
    pub fn for_tables(updates: u64, batch_size: usize) -> Self {
        RefitConfig { updates, batch_size, samples: 50, learning_rate: 1e-4, clip: 5.0 }
    }

    /// The paper's for a model of tables or of images.
    pub fn for_model(model: &VaeConfig, updates: u64, batch_size: usize) -> Self {
        match model.images {
            Some(_) => Self::for_images(updates, batch_size),
            None => Self::for_tables(updates, batch_size),
        }
    }

    /// The paper's for images: as for tables, with 5 samples.
    pub fn for_images(updates: u64, batch_size: usize) -> Self {
        RefitConfig { samples: 5, ..Self::for_tables(updates, batch_size) }
    }
}

/// Fits the encoder to some rows with the importance-weighted bound, the decoder frozen and in evaluation mode.
///
/// A model trained with a stratified bound is refitted with the stratified one. An encoder of completed rows is refitted
/// to rows that are complete as they are.
///
/// `progress` is called before each update, and says whether to go on.
///
/// # Errors
/// If there are no rows, a cell is missing that the encoder needs, minibatches are too small for batch normalisation, the
/// objective stops being finite, or `progress` wished to stop.
pub fn refit_encoder<T: Scalar>(
    model: &mut FittedModel<T>,
    data: &Data<T>,
    trained: &Objective,
    config: &RefitConfig,
    seed: u64,
    progress: impl Fn() -> ControlFlow<()>,
) -> Result<(), Error> {
    let (bound, components, pathwise) = match trained {
        Objective::FiniteMixture(trained) if trained.bound.stratified() => {
            (Bound::Siwelbo, trained.components, trained.pathwise)
        }
        Objective::FiniteMixture(trained) => (Bound::Iwelbo, trained.components, trained.pathwise),
        Objective::ImputationMixture(_) => (Bound::Iwelbo, 1, Pathwise::Implicit),
    };
    let objective = ObjectiveConfig {
        importance_samples: if bound.stratified() { config.samples.div_ceil(components) } else { config.samples },
        pathwise,
        ..ObjectiveConfig::new(bound, components)
    };
    objective.check()?;
    if data.rows() == 0 {
        return Err(Error::NoRows);
    }
    if model.vae.config().encoder_input.completed() && data.missing() > 0 {
        return Err(Error::IncompleteRows { missing: data.missing() });
    }
    // The decoder is in evaluation mode.
    if model.vae.batch_norm_undefined(config.batch_size.min(data.rows()), usize::MAX) {
        return Err(Error::BatchNormUndefined);
    }
    let optimiser = AmsGrad::new(Networks::Encoder.range(&model.vae).len());
    let parameters = std::mem::take(&mut model.parameters);
    let mut learner = Learner::new(&model.vae, Networks::Encoder, parameters, optimiser);
    let refitted = refit(&mut learner, &model.vae, data, &objective, config, seed, progress);
    model.parameters = learner.into_parameters();
    refitted
}

/// Makes the updates.
fn refit<T: Scalar>(
    learner: &mut Learner<T>,
    vae: &Vae,
    data: &Data<T>,
    objective: &ObjectiveConfig,
    config: &RefitConfig,
    seed: u64,
    progress: impl Fn() -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut minibatches = Minibatches::new(config.batch_size);
    let per_epoch = data.rows().div_ceil(config.batch_size) as u64;
    for update in 0..config.updates {
        if progress().is_break() {
            return Err(Error::Stopped);
        }
        let (epoch, step) = (update / per_epoch, update % per_epoch);
        let stream_at = |position| stream(seed, Purpose::Refit, epoch, position);
        minibatches.shuffle(epoch, data.rows(), || stream_at(0));
        let streams = Streams { latent: stream_at(2 * step + 1), dropout: stream_at(2 * step + 2) };
        let (value, _) = learner.incomplete_rows(vae, objective, data, minibatches.rows(step), streams);
        let rate = Schedule::Cosine.rate(config.learning_rate, update, config.updates);
        learner.descend(value, Some(config.clip), rate).map_err(|NotFinite { quantity, value }| Error::NotFinite {
            quantity,
            value,
            epoch: epoch + 1,
            update: update + 1,
        })?;
    }
    Ok(())
}
