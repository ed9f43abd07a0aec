//! One training step: the gradient of a minibatch, clipping, AMSGrad, running statistics.

use std::ops::Range;
use std::slice;

use autodiff::ops::Mixture;
use autodiff::profile::Profile;
use autodiff::{Aligned, Tape, Wanted};
use linalg::Scalar;
use linalg::reduce::sum_of_squares;
use samplers::stream::Stream;

use super::imputed_rows::Imputations;
use super::optimiser::{AmsGrad, clip_factor};
use super::progress::IN_USE;
use crate::data::{Batch, Data};
use crate::error::Quantity;
use crate::impute::InEvaluation;
use crate::network::{RunningStatistics, Vae};
use crate::objective::{CompletedBatch, CompletedObjectiveConfig, Mode, ObjectiveConfig, Randomness};
use crate::objective::{record, record_completed};

/// The networks that learn. A network that does not is frozen and in evaluation mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Networks {
    /// Encoder and decoder, in training.
    Both,
    /// The encoder alone, in a refit to other rows.
    Encoder,
}

/// The streams of a step.
pub(crate) struct Streams {
    /// For the latent variables.
    pub(crate) latent: Stream,
    /// For dropout masks.
    pub(crate) dropout: Stream,
}

/// A number in a step that is not finite.
pub(crate) struct NotFinite {
    pub(crate) quantity: Quantity,
    pub(crate) value: f64,
}

/// Parameters that learn, with everything else that a step reads or changes.
#[derive(Debug)]
pub(crate) struct Learner<T: Scalar> {
    networks: Networks,
    /// The part of the flat buffer that is learned.
    learned: Range<usize>,
    parameters: Aligned<T>,
    /// The gradient of all parameters. Only the learned part is ever written.
    gradient: Aligned<T>,
    /// The optimiser of the learned part.
    optimiser: AmsGrad<T>,
    /// Statistics of the batches of the running step.
    statistics: RunningStatistics<T>,
    tape: Tape<T>,
}

impl<T: Scalar> Learner<T> {
    /// Starts from these parameters and this state of the optimiser, which is for the learned part.
    ///
    /// # Panics
    /// If a buffer's length is not that of the model's layout.
    #[track_caller]
    pub(crate) fn new(vae: &Vae, networks: Networks, parameters: Aligned<T>, optimiser: AmsGrad<T>) -> Self {
        let learned = networks.range(vae);
        assert_eq!(parameters.len(), vae.layout().len(), "lengths of parameters and layout");
        assert_eq!(optimiser.mean.len(), learned.len(), "lengths of the optimiser's state and of what is learned");
        Learner {
            networks,
            learned,
            gradient: Aligned::zeros(parameters.len()),
            parameters,
            optimiser,
            statistics: RunningStatistics::default(),
            tape: Tape::new(),
        }
    }

    /// The flat parameter buffer.
    pub(crate) fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// The parameters, at the end of learning.
    pub(crate) fn into_parameters(self) -> Aligned<T> {
        self.parameters
    }

    /// The last gradient, before it was clipped: of minus the objective.
    pub(crate) fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// The optimiser's state.
    pub(crate) fn optimiser(&self) -> &AmsGrad<T> {
        &self.optimiser
    }

    /// The model as it is now, in evaluation mode, and a tape for it.
    pub(crate) fn model<'a>(&'a mut self, vae: &'a Vae) -> (InEvaluation<'a, T>, &'a mut Tape<T>) {
        (InEvaluation { vae, parameters: &self.parameters }, &mut self.tape)
    }

    /// Times every operation from now on.
    pub(crate) fn start_profile(&mut self) {
        self.tape.start_profile();
    }

    /// Stops timing, and returns the profile.
    pub(crate) fn take_profile(&mut self) -> Option<Profile> {
        self.tape.take_profile()
    }

    /// The mean objective of incomplete rows, and the number of their components in use, summed over rows. The gradient
    /// goes to [`gradient`](Learner::gradient).
    pub(crate) fn incomplete_rows(
        &mut self,
        vae: &Vae,
        config: &ObjectiveConfig,
        data: &Data<T>,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
        mut streams: Streams,
    ) -> (f64, u64) {
        let mut g = self.tape.graph(&self.parameters);
        let batch = Batch::record(&mut g, data, rows);
        let (randomness, mode) = (Randomness::Stream(&mut streams.latent), self.networks.mode(&mut streams.dropout));
        let recorded = record(&mut g, vae, config, batch, randomness, mode);
        let objective = g.item(recorded.value).to_f64();
        let in_use = components_in_use(vae.mixture(), g.value(recorded.params));
        let wanted = match self.networks {
            Networks::Both => Wanted::All,
            Networks::Encoder => Wanted::Within(slice::from_ref(&self.learned)),
        };
        // The optimiser minimises, the bound is maximised.
        recorded.backward(&mut g, -T::ONE, wanted, &mut self.gradient);
        self.statistics.observe(&g, vae.layout());
        (objective, in_use)
    }

    /// The decoder's mean objective of the completed rows that `imputations` has loaded. The gradient of both
    /// objectives goes to [`gradient`](Learner::gradient): both networks learn.
    pub(crate) fn completed_rows(
        &mut self,
        vae: &Vae,
        config: &CompletedObjectiveConfig,
        imputations: &Imputations<T>,
        mut streams: Streams,
    ) -> f64 {
        debug_assert_eq!(self.networks, Networks::Both, "an imputation mixture trains both networks");
        let mut g = self.tape.graph(&self.parameters);
        let (completed, mask) = imputations.batch();
        let batch = CompletedBatch::record(&mut g, vae.config().columns, config.imputations, completed, mask);
        let (randomness, mode) = (Randomness::Stream(&mut streams.latent), self.networks.mode(&mut streams.dropout));
        let recorded = record_completed(&mut g, vae, config, batch, randomness, mode);
        let objective = g.item(recorded.value(config.decoder)).to_f64();
        recorded.backward(&mut g, vae, config, -T::ONE, &mut self.gradient);
        self.statistics.observe(&g, vae.layout());
        objective
    }

    /// Clips the gradient, to a norm of at most `clip`, and moves the parameters and running statistics. Returns the
    /// norm before clipping.
    ///
    /// # Errors
    /// If the objective, the gradient's norm or, after clipping, its square is not finite; parameters then stay as they
    /// were.
    pub(crate) fn descend(&mut self, objective: f64, clip: Option<f64>, rate: f64) -> Result<f64, NotFinite> {
        let gradient = &self.gradient[self.learned.clone()];
        let len = gradient.len();
        let norm = self.tape.beside("gradient norm", len, || sum_of_squares(gradient).sqrt());
        let factor = clip_factor(norm, clip);
        // The optimiser squares what is left of the gradient after clipping, in the parameters' precision: a square that is not
        // finite would hold its parameter still for good.
        let square = T::from_f64(norm * factor);
        let square = (square * square).to_f64();
        let met =
            [(Quantity::Objective, objective), (Quantity::GradientNorm, norm), (Quantity::SquaredGradientNorm, square)];
        if let Some((quantity, value)) = met.into_iter().find(|(_, value)| !value.is_finite()) {
            return Err(NotFinite { quantity, value });
        }
        let parameters = &mut self.parameters[self.learned.clone()];
        // It reads the gradient, and reads and writes the parameters and their three moments.
        self.tape.beside("AMSGrad", 9 * len, || self.optimiser.step(parameters, gradient, factor, rate));
        self.statistics.update(&mut self.parameters);
        Ok(norm)
    }
}

impl Networks {
    /// The learned part of the flat buffer.
    pub(crate) fn range(self, vae: &Vae) -> Range<usize> {
        match self {
            Networks::Both => 0..vae.layout().len(),
            Networks::Encoder => vae.encoder_range(),
        }
    }

    fn mode(self, dropout: &mut Stream) -> Mode<'_> {
        match self {
            Networks::Both => Mode::Train(dropout),
            Networks::Encoder => Mode::TrainEncoder(dropout),
        }
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
