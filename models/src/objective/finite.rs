//! One minibatch from rows to the bound and its gradient.
//!
//! rows and masks → encoder → mixture parameters → samples z → decoder → log weights → bound → backward.

use autodiff::ops::Mixture;
use autodiff::{Graph, Seed, Var, Wanted};
use linalg::Scalar;
use samplers::draw::{fill_ancestral, fill_standard_normal};
use samplers::stream::Stream;

use super::bounds::bound;
use super::method::{Bound, Estimator, LogitGradient, ObjectiveConfig};
use crate::data::Batch;
use crate::network::Vae;

/// Where the samples of the latent variables come from.
#[derive(Debug)]
pub enum Randomness<'a, T> {
    /// Drawn from this stream.
    Stream(&'a mut Stream),
    /// Standard normal noise, Z × I × B × K × L (stratified bounds, or K = 1): z = mean + scale·noise.
    Noise(&'a [T]),
    /// The ancestral samples themselves, Z × I × B × L (K > 1).
    Samples(&'a [T]),
}

/// Which networks are in training mode. Their dropout masks come from the stream.
#[derive(Debug)]
pub enum Mode<'a> {
    /// Both in evaluation mode.
    Evaluate,
    /// Both in training mode.
    Train(&'a mut Stream),
    /// The encoder in training mode, the decoder in evaluation mode.
    TrainEncoder(&'a mut Stream),
}

impl Mode<'_> {
    pub(crate) fn encoder(&mut self) -> Option<&mut Stream> {
        match self {
            Mode::Evaluate => None,
            Mode::Train(rng) | Mode::TrainEncoder(rng) => Some(rng),
        }
    }

    pub(crate) fn decoder(&mut self) -> Option<&mut Stream> {
        match self {
            Mode::Evaluate | Mode::TrainEncoder(_) => None,
            Mode::Train(rng) => Some(rng),
        }
    }
}

/// A recorded objective.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// The mean of the bound over the rows, in nats. It is maximised.
    pub value: Var,
    /// The bound of each row, B.
    pub per_row: Var,
    /// log w, Z × I × B, or Z × I × B × K for stratified bounds.
    pub log_weights: Var,
    /// The encoder's mixture of each row, B × K(2L+1).
    pub params: Var,
    /// A value whose gradient is added to that of [`value`](Recorded::value): the leave-one-out logit gradient.
    surrogate: Option<Var>,
}

impl Recorded {
    /// Differentiates `scale` times the objective.
    pub fn backward<T: Scalar>(&self, g: &mut Graph<'_, T>, scale: T, wanted: Wanted<'_>, gradient: &mut [T]) {
        let value = (self.value, Seed::Uniform(scale));
        match self.surrogate {
            None => g.backward(&[value], wanted, gradient),
            Some(surrogate) => g.backward(&[value, (surrogate, Seed::Uniform(scale))], wanted, gradient),
        }
    }
}

/// Samples of the latent variables, and how they are laid out.
struct Samples {
    /// Z × I × B × K × L, or Z × I × B × L for ancestral samples.
    z: Var,
    /// Consecutive samples of one data row: K, or 1.
    inner: usize,
}

/// Records the objective of a minibatch.
///
/// # Panics
/// If the numbers of components differ, `config` does not pass its [`check`](ObjectiveConfig::check), or the given
/// noise or samples have the wrong length or kind.
#[track_caller]
pub fn record<T: Scalar>(
    g: &mut Graph<'_, T>,
    vae: &Vae,
    config: &ObjectiveConfig,
    batch: Batch,
    randomness: Randomness<'_, T>,
    mut mode: Mode<'_>,
) -> Recorded {
    let mixture = vae.mixture();
    assert_eq!(config.components, mixture.components, "components of the objective and of the model");
    let params = vae.encode(g, batch.x, batch.mask, mode.encoder());
    let Samples { z, inner } = sample(g, config, mixture, params, batch.rows, randomness);
    let gated = if config.estimator == Estimator::Dreg { g.gate(z) } else { z };

    let head = vae.decode(g, gated, mode.decoder());
    let log_likelihood = vae.log_likelihood(g, batch.x, batch.mask, head, inner);
    let log_prior = g.standard_normal_log_density(gated);
    let density_params = if config.estimator == Estimator::Plain { params } else { g.detach(params) };
    let log_q = g.mixture_log_density(gated, density_params, mixture, inner);
    let log_joint = g.add(log_likelihood, log_prior);
    let mut log_weights = g.sub(log_joint, log_q);

    let log_pi = config.bound.stratified().then(|| g.mixture_log_weights(params, mixture));
    if log_pi.is_none() {
        log_weights = g.reshape(log_weights, [config.samples, config.importance_samples, batch.rows]);
    }
    if config.estimator == Estimator::Dreg {
        let weights = normalised_weights(g, config.bound, log_weights, log_pi);
        let weights = g.reshape(weights, g.shape(gated).without_last());
        g.close_gate(gated, weights);
    }
    let per_row = bound(g, config.bound, log_weights, log_pi);
    let value = g.mean(per_row, &[0]);
    let surrogate = (config.logit_gradient == LogitGradient::LeaveOneOut && config.ancestral())
        .then(|| leave_one_out(g, mixture, z, params, log_weights));
    Recorded { value, per_row, log_weights, params, surrogate }
}

/// Draws z by the method's kind of sampling.
#[track_caller]
fn sample<T: Scalar>(
    g: &mut Graph<'_, T>,
    config: &ObjectiveConfig,
    mixture: Mixture,
    params: Var,
    rows: usize,
    randomness: Randomness<'_, T>,
) -> Samples {
    let (samples, importance_samples) = (config.samples, config.importance_samples);
    if config.ancestral() {
        let shape = [samples, importance_samples, rows, mixture.latent];
        let drawn = match randomness {
            Randomness::Samples(z) => g.constant(shape, z),
            Randomness::Stream(rng) => {
                g.constant_from(params, shape, |params, z| fill_ancestral(rng, mixture, params, z))
            }
            Randomness::Noise(_) => panic!("ancestral samples are not a function of normal noise alone"),
        };
        let logits = config.logit_gradient == LogitGradient::Implicit;
        return Samples { z: g.ancestral_sample(drawn, params, mixture, config.pathwise, logits), inner: 1 };
    }
    let shape = [samples, importance_samples, rows, mixture.components, mixture.latent];
    let noise = match randomness {
        Randomness::Noise(noise) => g.constant(shape, noise),
        Randomness::Stream(rng) => g.constant_with(shape, |noise| fill_standard_normal(rng, noise)),
        Randomness::Samples(_) => panic!("samples of the components are made from noise"),
    };
    Samples { z: g.stratified_sample(params, noise, mixture), inner: mixture.components }
}

/// The weight of each sample within its logarithm, without gradient: w̃ = w / Σw over I, or π·w / Σπ·w over I and K.
fn normalised_weights<T: Scalar>(g: &mut Graph<'_, T>, bound: Bound, log_weights: Var, log_pi: Option<Var>) -> Var {
    let mut log_weights = g.detach(log_weights);
    let axes: &[usize] = match (bound, log_pi) {
        (Bound::Siwelbo, Some(log_pi)) => {
            let log_pi = g.detach(log_pi);
            log_weights = g.add(log_weights, log_pi);
            &[1, 3]
        }
        _ => &[1],
    };
    let kept = g.shape(log_weights).with_ones(axes);
    let total = g.log_sum_exp(log_weights, axes);
    let total = g.reshape(total, kept);
    let log_share = g.sub(log_weights, total);
    g.exp(log_share)
}

/// A value whose gradient is the leave-one-out estimate for the logits (docs/methods.md §4):
/// (1/Z) Σ_i \[log w(z_i) − mean_{j≠i} log w(z_j)\] · ∂ log q(z_i)/∂logits, averaged over rows.
fn leave_one_out<T: Scalar>(g: &mut Graph<'_, T>, mixture: Mixture, z: Var, params: Var, log_weights: Var) -> Var {
    let shape = g.shape(log_weights);
    let [samples, _, rows] = shape.dims() else { panic!("log weights of one bound a row, not {shape}") };
    let (samples, rows) = (*samples, *rows);
    let log_weights = g.detach(log_weights);
    // log w_i − mean of the others = Z/(Z−1) · (log w_i − mean of all).
    let mean = g.mean(log_weights, &[0]);
    let mean = g.reshape(mean, [1, 1, rows]);
    let centred = g.sub(log_weights, mean);
    let coefficient = g.scale(centred, samples as f64 / (samples - 1) as f64);

    let z = g.detach(z);
    let weights_only = g.detach_components(params, mixture);
    let log_q = g.mixture_log_density(z, weights_only, mixture, 1);
    let product = g.mul(coefficient, log_q);
    g.mean(product, &[0, 1, 2])
}
