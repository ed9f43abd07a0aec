//! The objective of validation rows.

use std::ops::Range;

use autodiff::Tape;
use linalg::Scalar;
use samplers::chains::ChainSampler;
use samplers::stream::{Purpose, stream};

use super::config::{ImputationTraining, Objective, TrainConfig};
use super::imputed_rows::Imputations;
use crate::data::{Batch, Data, HeldOutCells};
use crate::impute::InEvaluation;
use crate::objective::{CompletedBatch, Mode, Randomness, record, record_completed};

/// Sweeps over the imputations of validation rows before these are scored: they start afresh every time.
const SWEEPS: u64 = 10;

/// What an epoch is scored on.
#[derive(Clone, Copy, Debug)]
pub enum Validation<'a, T> {
    /// Nothing.
    None,
    /// The bound of these rows.
    Rows(&'a Data<T>),
    /// The predictive density of these cells of the training rows.
    Cells(&'a HeldOutCells<T>),
}

impl<'a, T> From<Option<&'a Data<T>>> for Validation<'a, T> {
    fn from(rows: Option<&'a Data<T>>) -> Self {
        rows.map_or(Validation::None, Validation::Rows)
    }
}

/// Validation rows, and what scores them after an epoch.
pub(super) struct ValidationPass<'a, T> {
    pub(super) config: &'a TrainConfig,
    /// The rows that are scored.
    pub(super) rows: &'a Data<T>,
    /// The rows that the model is trained on: imputations start from their observed values.
    pub(super) training_rows: &'a Data<T>,
    /// The epoch, from 0.
    pub(super) epoch: u64,
}

impl<T: Scalar> ValidationPass<'_, T> {
    /// Mean of the bound over the rows, in nats of model units.
    ///
    /// With an imputation mixture the rows' missing cells start afresh, and are swept over once those of the training rows are.
    pub(super) fn score(&self, model: &InEvaluation<'_, T>, tape: &mut Tape<T>) -> f64 {
        let ValidationPass { config, rows: data, epoch, .. } = self;
        let seed = config.seed;
        let mut total = 0.0;
        let mut imputations = match &config.objective {
            Objective::FiniteMixture(_) => None,
            Objective::ImputationMixture(training) => Some((training, self.first_imputations(training, model))),
        };
        for (step, first) in (0..data.rows()).step_by(config.batch_size).enumerate() {
            let rows = first..(first + config.batch_size).min(data.rows());
            let count = rows.len() as f64;
            let mut noise = stream(seed, Purpose::Validate, *epoch, step as u64);
            let noise = Randomness::Stream(&mut noise);
            let mean = match (&config.objective, &mut imputations) {
                (_, Some((training, imputations))) => {
                    imputations.load(data, rows.clone());
                    self.score_imputations((model, tape), imputations, training, rows, noise)
                }
                (Objective::FiniteMixture(config), None) => {
                    let mut g = tape.graph(model.parameters);
                    let batch = Batch::record(&mut g, data, rows);
                    let recorded = record(&mut g, model.vae, config, batch, noise, Mode::Evaluate);
                    g.item(recorded.value).to_f64()
                }
                (Objective::ImputationMixture(_), None) => unreachable!("they were started above"),
            };
            total += mean * count;
        }
        total / data.rows() as f64
    }

    /// First imputations of the rows.
    fn first_imputations(&self, training: &ImputationTraining, model: &InEvaluation<'_, T>) -> Imputations<T> {
        let sampler = Box::new(ChainSampler::new(training.sampler));
        let (copies, latent) = (training.objective.imputations, model.vae.mixture().latent);
        let stream_of = |n| stream(self.config.seed, Purpose::StartValidation, 0, n);
        Imputations::start(self.rows, self.training_rows, training.start, copies, latent, sampler, stream_of)
    }

    /// Mean of the decoder's bound over the rows that `imputations` has loaded.
    fn score_imputations(
        &self,
        (model, tape): (&InEvaluation<'_, T>, &mut Tape<T>),
        imputations: &mut Imputations<T>,
        training: &ImputationTraining,
        rows: Range<usize>,
        noise: Randomness<'_, T>,
    ) -> f64 {
        let (seed, epoch) = (self.config.seed, self.epoch);
        let sweeps = if epoch + 1 >= training.renew_from { SWEEPS } else { 0 };
        for sweep in 0..sweeps {
            let stream_of = |n| stream(seed, Purpose::ValidateImputations, epoch, n * SWEEPS + sweep);
            imputations.sweep((model, &mut *tape), rows.clone(), sweep > 0, stream_of);
        }
        let (completed, mask) = imputations.batch();
        let config = &training.objective;
        let mut g = tape.graph(model.parameters);
        let batch = CompletedBatch::record(&mut g, model.vae.config().columns, config.imputations, completed, mask);
        let recorded = record_completed(&mut g, model.vae, config, batch, noise, Mode::Evaluate);
        g.item(recorded.value(config.decoder)).to_f64()
    }
}
