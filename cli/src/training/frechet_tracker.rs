//! The Fréchet distance to complete rows, measured during training.

use std::path::Path;

use autodiff::Aligned;
use missvae::config::ResolvedConfig;
use missvae::impute::FittedModel;
use missvae::prepare::TrainingRows;
use missvae::store::ModelInfo;
use missvae::trainer::{EpochMetrics, Trainer};

use crate::failure::{Failure, Result};
use crate::frechet::{Compared, Frechet};

/// A Fréchet distance that is measured every N epochs.
#[derive(Debug)]
pub(crate) struct FrechetTracker {
    pub(crate) frechet: Frechet,
    pub(crate) every: u64,
    /// Of the rows that are drawn.
    pub(crate) seed: u64,
}

impl FrechetTracker {
    /// The tracker that the options ask for, if they do. Reads the feature model, and checks the validation rows.
    pub(crate) fn new(config: &ResolvedConfig, rows: &TrainingRows) -> Result<Option<FrechetTracker>> {
        let options = &config.options;
        let (Some(every), Some(features)) = (options.frechet_every, &options.feature_model) else { return Ok(None) };
        let Some(validation) = &rows.validation else {
            let what = "--frechet-every: there are no validation rows to compare with";
            return Err(Failure::usage_hint(what, "add --validation"));
        };
        let name = match &options.validation {
            Some(text) => format!("--validation {text}"),
            None => "the validation rows".to_owned(),
        };
        let compared = Compared { name, rows: validation, empty: rows.empty_validation };
        let frechet = Frechet::new(Path::new(features), &rows.model_info(config), &compared)?;
        Ok(Some(FrechetTracker { frechet, every, seed: config.train.seed }))
    }

    /// The distance after an epoch of a run of `total` updates, the last epoch in any case; `None` if it is not due.
    pub(crate) fn after(
        &mut self,
        epoch: &EpochMetrics,
        trainer: &Trainer<f32>,
        (info, total): (&ModelInfo, u64),
    ) -> Option<Result<f64>> {
        (epoch.epoch.is_multiple_of(self.every) || epoch.update == total).then(|| {
            let model = FittedModel::new(trainer.vae().clone(), Aligned::from_slice(trainer.latest()));
            self.frechet.distance(&model, info, self.seed).map(|(distance, _)| distance)
        })
    }
}
