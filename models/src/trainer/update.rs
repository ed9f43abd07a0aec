//! One update.

use linalg::Scalar;
use samplers::chains::ChainSampler;
use samplers::stream::{Purpose, stream};

use super::config::{ImputationTraining, Objective};
use super::imputed_rows::Imputations;
use super::learner::{NotFinite, Streams};
use super::progress::{Progress, UpdateMetrics};
use super::state::Trainer;
use crate::Error;
use crate::data::Data;
use crate::objective::{InvalidConfig, Requirement};

impl<T: Scalar> Trainer<T> {
    /// One update: a minibatch, its objective and gradient, clipping, AMSGrad. The last one of an epoch begins the next epoch.
    /// (A run of no updates is taken for one of a single update.)
    ///
    /// # Errors
    /// If the objective, the gradient's norm or, after clipping, its square is not finite; parameters and imputations then stay
    /// as they were.
    pub fn update(&mut self, data: &Data<T>) -> Result<UpdateMetrics, Error> {
        let metrics = self.step(data)?;
        if metrics.ends_epoch {
            self.progress = self.progress.next_epoch();
        }
        Ok(metrics)
    }

    /// As [`update`](Trainer::update), but the last one of an epoch leaves the sums over that epoch in `self.progress`.
    pub(super) fn step(&mut self, data: &Data<T>) -> Result<UpdateMetrics, Error> {
        let Progress { epoch, step, update, .. } = self.progress;
        let (seed, total) = (self.config.seed, self.total_updates(data.rows()).max(1));
        self.minibatches.shuffle(epoch, data.rows(), || stream(seed, Purpose::Shuffle, epoch, 0));
        let rows = self.minibatches.rows(step);
        let count = rows.len();
        let stream_for = |purpose| stream(seed, purpose, epoch, step);
        let streams = Streams { latent: stream_for(Purpose::Latent), dropout: stream_for(Purpose::Dropout) };
        let (objective, components_in_use, diagnostics) = match &self.config.objective {
            Objective::FiniteMixture(config) => {
                let (objective, in_use) = self.learner.incomplete_rows(&self.vae, config, data, rows.clone(), streams);
                (objective, in_use, None)
            }
            Objective::ImputationMixture(training) => {
                let (vae, learner, sampler) = (&self.vae, &mut self.learner, &mut self.sampler);
                let imputations = self.imputations.get_or_insert_with(|| {
                    let sampler = sampler.take().unwrap_or_else(|| Box::new(ChainSampler::new(training.sampler)));
                    first_imputations(data, training, vae.mixture().latent, seed, sampler)
                });
                imputations.load(data, rows.clone());
                let diagnostics = (epoch + 1 >= training.renew_from).then(|| {
                    let stream_of = |n| stream(seed, Purpose::RenewImputations, epoch, n);
                    let (model, tape) = learner.model(vae);
                    imputations.sweep((&model, tape), rows.clone(), epoch + 1 > training.renew_from, stream_of)
                });
                (learner.completed_rows(vae, &training.objective, imputations, streams), 0, diagnostics)
            }
        };
        let learning_rate = self.config.schedule.rate(self.config.learning_rate, update, total);
        let gradient_norm = self.learner.descend(objective, self.config.clip, learning_rate).map_err(
            |NotFinite { quantity, value }| Error::NotFinite { quantity, value, epoch: epoch + 1, update: update + 1 },
        )?;
        if let Some(imputations) = &mut self.imputations {
            imputations.commit(rows);
        }
        if let Some(average) = &mut self.average {
            average.add(self.learner.parameters(), update + 1);
        }
        self.progress.step += 1;
        self.progress.update += 1;
        self.progress.rows += count as u64;
        self.progress.objective_sum += objective * count as f64;
        self.progress.norm_sum += gradient_norm;
        self.progress.components_in_use += components_in_use;
        if let Some(diagnostics) = diagnostics {
            self.progress.sampler.add(&diagnostics);
        }
        Ok(UpdateMetrics {
            epoch: epoch + 1,
            update: update + 1,
            ends_epoch: step + 1 == self.updates_per_epoch(data.rows()) || update + 1 == total,
            objective,
            gradient_norm,
            learning_rate,
        })
    }

    /// Another gradient of some rows with the parameters as they are, before clipping and with the sign of
    /// [`gradient`](Trainer::gradient), which it replaces. Nothing else changes, and training goes on with the same bits.
    ///
    /// The samples of the latent variables are number `draw` of those that belong to the finished epochs; the dropout masks
    /// are the same for every draw.
    ///
    /// # Errors
    /// With an imputation mixture: its gradient depends on imputations that move with the parameters.
    ///
    /// # Panics
    /// If a row is out of range.
    #[track_caller]
    pub fn redraw_gradient(&mut self, data: &Data<T>, rows: &[usize], draw: u64) -> Result<&[T], Error> {
        let Objective::FiniteMixture(config) = &self.config.objective else {
            return Err(InvalidConfig::new("method", "with imputations", Requirement::FiniteMixture).into());
        };
        let (seed, epoch) = (self.config.seed, self.progress.epoch);
        let streams = Streams {
            latent: stream(seed, Purpose::Signal, epoch, draw),
            dropout: stream(seed, Purpose::SignalDropout, epoch, 0),
        };
        self.learner.incomplete_rows(&self.vae, config, data, rows.iter().copied(), streams);
        Ok(self.learner.gradient())
    }
}

/// First imputations of the training rows.
fn first_imputations<T: Scalar>(
    rows: &Data<T>,
    training: &ImputationTraining,
    latent: usize,
    seed: u64,
    sampler: Box<dyn samplers::chains::Impute<T>>,
) -> Imputations<T> {
    let stream_of = |n| stream(seed, Purpose::StartImputations, 0, n);
    Imputations::start(rows, rows, training.start, training.objective.imputations, latent, sampler, stream_of)
}
