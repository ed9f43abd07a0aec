//! One update, and the objective on validation rows.

use std::ops::Range;

use autodiff::Wanted;
use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::reduce::sum_of_squares;
use samplers::chains::{ChainSampler, Diagnostics};
use samplers::stream::{Purpose, Stream, stream};

use super::imputed_rows::Imputations;
use super::optimiser::clip_factor;
use super::{IN_USE, ImputationTraining, Objective, Progress, Step, Trainer};
use crate::Error;
use crate::data::{Batch, Data, shuffled};
use crate::impute::InEvaluation;
use crate::objective::{CompletedBatch, Mode, ObjectiveConfig, Randomness, Unusable, record, record_completed};

/// Times that the imputations of validation rows are renewed before these are scored: they start afresh every time.
const VALIDATION_RENEWALS: u64 = 10;

impl<T: Scalar> Trainer<T> {
    /// One update: a minibatch, its objective and gradient, clipping, AMSGrad.
    ///
    /// # Errors
    /// If the objective, the gradient's norm or, after clipping, its square is not finite; parameters and imputations then stay
    /// as they were.
    pub fn update(&mut self, data: &Data<T>, total_updates: u64) -> Result<Step, Error> {
        let Progress { epoch, step, update, .. } = self.progress;
        let seed = self.config.seed;
        if self.ordered != Some(epoch) {
            shuffled(data.rows(), &mut stream(seed, Purpose::Shuffle, epoch, 0), &mut self.order);
            self.ordered = Some(epoch);
        }
        let first = step as usize * self.config.batch_size;
        let last = (first + self.config.batch_size).min(self.order.len());
        // Borrowed for the length of the update, and put back with its memory.
        let order = std::mem::take(&mut self.order);
        let rows = order[first..last].iter().map(|&n| n as usize);
        let count = rows.len();
        let (objective, in_use, diagnostics) = match self.config.objective {
            Objective::FiniteMixture(config) => {
                let streams = self.streams();
                let (objective, in_use) = self.gradient_of_rows(data, &config, rows.clone(), streams);
                (objective, in_use, None)
            }
            Objective::ImputationMixture(training) => {
                let (objective, diagnostics) = self.gradient_of_imputations(data, &training, rows.clone());
                (objective, 0, diagnostics)
            }
        };
        let len = self.gradient.len();
        let gradient_norm = self.tape.beside("gradient norm", len, || sum_of_squares(&self.gradient).sqrt());
        let factor = clip_factor(gradient_norm, self.config.clip);
        // The optimiser squares what is left of the gradient after clipping, in the parameters' precision: a square that is not
        // finite would hold its parameter still for good.
        let square = T::from_f64(gradient_norm * factor);
        let square = (square * square).to_f64();
        let not_finite = [
            ("objective", objective),
            ("norm of the gradient", gradient_norm),
            ("squared norm of the gradient", square),
        ];
        let not_finite = not_finite.into_iter().find(|(_, value)| !value.is_finite());
        if not_finite.is_none()
            && let Some(imputations) = &mut self.imputations
        {
            imputations.keep(rows);
        }
        self.order = order;
        if let Some((what, value)) = not_finite {
            return Err(Error::NotFinite { what, value, epoch: epoch + 1, update: update + 1 });
        }

        let learning_rate = self.config.schedule.rate(self.config.learning_rate, update, total_updates);
        // It reads the gradient, and reads and writes the parameters and their three moments.
        self.tape.beside("AMSGrad", 9 * len, || {
            self.optimiser.step(&mut self.parameters, &self.gradient, factor, learning_rate);
        });
        self.statistics.update(&mut self.parameters);
        self.progress.step += 1;
        self.progress.update += 1;
        self.progress.rows += count as u64;
        self.progress.objective_sum += objective * count as f64;
        self.progress.norm_sum += gradient_norm;
        self.progress.components_in_use += in_use;
        if let Some(diagnostics) = diagnostics {
            self.progress.sampler.add(&diagnostics);
        }
        Ok(Step { objective, gradient_norm, learning_rate })
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
        let Objective::FiniteMixture(config) = self.config.objective else {
            let what =
                "the gradient of an imputation mixture cannot be drawn again: its imputations would have to move";
            return Err(Unusable(what.to_owned()).into());
        };
        let (seed, epoch) = (self.config.seed, self.progress.epoch);
        let streams = (stream(seed, Purpose::Signal, epoch, draw), stream(seed, Purpose::SignalDropout, epoch, 0));
        self.gradient_of_rows(data, &config, rows.iter().copied(), streams);
        Ok(&self.gradient)
    }

    /// The objective of incomplete rows, and how many components these have in use together. The gradient goes to
    /// `self.gradient`, with the sign that the optimiser needs. The streams are for the latent variables and for dropout.
    fn gradient_of_rows(
        &mut self,
        data: &Data<T>,
        config: &ObjectiveConfig,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
        (mut noise, mut dropout): (Stream, Stream),
    ) -> (f64, u64) {
        let mut g = self.tape.graph(&self.parameters);
        let batch = Batch::record(&mut g, data, rows);
        let (randomness, mode) = (Randomness::Stream(&mut noise), Mode::Train(&mut dropout));
        let recorded = record(&mut g, &self.vae, config, batch, randomness, mode);
        let objective = g.item(recorded.value).to_f64();
        let in_use = components_in_use(self.vae.mixture(), g.value(recorded.params));
        // The optimiser minimises, the bound is maximised.
        recorded.backward(&mut g, -T::ONE, Wanted::All, &mut self.gradient);
        self.statistics.observe(&g, self.vae.layout());
        (objective, in_use)
    }

    /// The decoder's objective on completed rows, and what the sampler said if their imputations were renewed first. The
    /// gradient of both objectives goes to `self.gradient`.
    fn gradient_of_imputations(
        &mut self,
        data: &Data<T>,
        training: &ImputationTraining,
        rows: impl Iterator<Item = usize> + Clone,
    ) -> (f64, Option<Diagnostics>) {
        let Progress { epoch, .. } = self.progress;
        let seed = self.config.seed;
        let (mut noise, mut dropout) = self.streams();
        let mut imputations = match self.imputations.take() {
            Some(imputations) => imputations,
            None => self.start_imputations(data, training),
        };
        imputations.take(data, rows.clone());
        let renewed = (epoch + 1 >= training.renew_from).then(|| {
            let model = InEvaluation { vae: &self.vae, parameters: &self.parameters };
            let stream_of = |n| stream(seed, Purpose::RenewImputations, epoch, n);
            imputations.renew((&model, &mut self.tape), rows, epoch + 1 > training.renew_from, stream_of)
        });

        let mut g = self.tape.graph(&self.parameters);
        let (completed, mask) = imputations.in_hand();
        let config = &training.objective;
        let batch = CompletedBatch::record(&mut g, data.columns(), config.imputations, completed, mask);
        let (randomness, mode) = (Randomness::Stream(&mut noise), Mode::Train(&mut dropout));
        let recorded = record_completed(&mut g, &self.vae, config, batch, randomness, mode);
        let objective = g.item(recorded.value(config.decoder)).to_f64();
        recorded.backward(&mut g, &self.vae, config, -T::ONE, &mut self.gradient);
        self.statistics.observe(&g, self.vae.layout());
        self.imputations = Some(imputations);
        (objective, renewed)
    }

    /// First imputations of the training rows.
    fn start_imputations(&mut self, rows: &Data<T>, training: &ImputationTraining) -> Imputations<T> {
        let sampler = self.sampler.take().unwrap_or_else(|| Box::new(ChainSampler::new(training.sampler)));
        let latent = self.vae.mixture().latent;
        let copies = training.objective.imputations;
        let stream_of = |n| stream(self.config.seed, Purpose::StartImputations, 0, n);
        Imputations::start(rows, rows, training.start, copies, latent, sampler, stream_of)
    }

    /// The running update's streams for the latent variables and for dropout.
    fn streams(&self) -> (Stream, Stream) {
        let Progress { epoch, step, .. } = self.progress;
        let stream = |purpose| stream(self.config.seed, purpose, epoch, step);
        (stream(Purpose::Latent), stream(Purpose::Dropout))
    }

    /// Mean of the bound over some rows, networks in evaluation mode, in nats of model units.
    ///
    /// With an imputation mixture the rows' missing cells start afresh from the observed values of the training rows, and
    /// are renewed a few times once those of the training rows are.
    pub(super) fn validate(&mut self, data: &Data<T>, training_rows: &Data<T>) -> f64 {
        let (seed, epoch) = (self.config.seed, self.progress.epoch);
        let mut imputations = match self.config.objective {
            Objective::FiniteMixture(_) => None,
            Objective::ImputationMixture(training) => {
                let sampler = Box::new(ChainSampler::new(training.sampler));
                let (copies, latent) = (training.objective.imputations, self.vae.mixture().latent);
                let stream_of = |n| stream(seed, Purpose::StartValidation, 0, n);
                Some(Imputations::start(data, training_rows, training.start, copies, latent, sampler, stream_of))
            }
        };
        let mut total = 0.0;
        for (step, first) in (0..data.rows()).step_by(self.config.batch_size).enumerate() {
            let rows = first..(first + self.config.batch_size).min(data.rows());
            let count = rows.len() as f64;
            let mut noise = stream(seed, Purpose::Validate, epoch, step as u64);
            let noise = Randomness::Stream(&mut noise);
            let mean = match (self.config.objective, &mut imputations) {
                (Objective::ImputationMixture(training), Some(imputations)) => {
                    imputations.take(data, rows.clone());
                    self.validate_imputations(imputations, &training, rows, noise)
                }
                (Objective::FiniteMixture(config), _) => {
                    let mut g = self.tape.graph(&self.parameters);
                    let batch = Batch::record(&mut g, data, rows);
                    let recorded = record(&mut g, &self.vae, &config, batch, noise, Mode::Evaluate);
                    g.item(recorded.value).to_f64()
                }
                (Objective::ImputationMixture(_), None) => unreachable!("they were started above"),
            };
            total += mean * count;
        }
        total / data.rows() as f64
    }

    /// Mean of the decoder's bound over the rows that `imputations` has in hand.
    fn validate_imputations(
        &mut self,
        imputations: &mut Imputations<T>,
        training: &ImputationTraining,
        rows: Range<usize>,
        noise: Randomness<'_, T>,
    ) -> f64 {
        let (seed, epoch) = (self.config.seed, self.progress.epoch);
        let renewals = if epoch + 1 >= training.renew_from { VALIDATION_RENEWALS } else { 0 };
        for renewal in 0..renewals {
            let model = InEvaluation { vae: &self.vae, parameters: &self.parameters };
            let stream_of = |n| stream(seed, Purpose::ValidateImputations, epoch, n * VALIDATION_RENEWALS + renewal);
            imputations.renew((&model, &mut self.tape), rows.clone(), renewal > 0, stream_of);
        }
        let (completed, mask) = imputations.in_hand();
        let config = &training.objective;
        let mut g = self.tape.graph(&self.parameters);
        let batch = CompletedBatch::record(&mut g, self.vae.config().columns, config.imputations, completed, mask);
        let recorded = record_completed(&mut g, &self.vae, config, batch, noise, Mode::Evaluate);
        g.item(recorded.value(config.decoder)).to_f64()
    }
}

/// Components whose weight is above [`IN_USE`], all mixtures together.
fn components_in_use<T: Scalar>(mixture: Mixture, params: &[T]) -> u64 {
    let threshold = T::from_f64(IN_USE.ln());
    let of_row = |row: &[T]| mixture.split(row).2.iter().filter(|log_weight| **log_weight > threshold).count() as u64;
    params.chunks_exact(mixture.params_len()).map(of_row).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_counted_above_the_threshold() {
        let mixture = Mixture { components: 3, latent: 1 };
        let row = |weights: [f64; 3]| [vec![0.0; 3], vec![1.0; 3], weights.map(f64::ln).to_vec()].concat();
        let collapsed = row([1.0, 0.0, 0.0]);
        let two = row([0.5, 0.491, 0.009]);
        assert_eq!(components_in_use(mixture, &collapsed), 1);
        assert_eq!(components_in_use(mixture, &[collapsed, two, row([0.4, 0.3, 0.3])].concat()), 6);
    }
}
