//! One minibatch of completed rows, from imputations to both bounds of section 4.2 and their gradients.
//!
//! completed rows → encoder → samples z → decoder → log p(x_obs|z) and log p(x_obs, x_mis|z) → both bounds → backward,
//! the decoder's parameters from one and the encoder's from the other (paper, algorithm 1).

use std::slice;

use autodiff::ops::Mixture;
use autodiff::{Graph, Seed, Var, Wanted};
use linalg::Scalar;
use samplers::draw::fill_standard_normal;

use super::finite::{Mode, Randomness};
use super::method::{CompletedBound, CompletedObjectiveConfig, Estimator};
use crate::network::Vae;

/// A minibatch of completed rows on a tape, as constants.
#[derive(Clone, Copy, Debug)]
pub struct CompletedBatch {
    /// B, rows.
    pub rows: usize,
    /// K, imputations of each row.
    pub imputations: usize,
    /// The completed rows, B·K × D: all versions of row 0, then of row 1, ….
    completed: Var,
    /// The original mask of each completed row, B·K × D.
    mask: Var,
    /// The observed cells, B × D; zero where unobserved.
    observed: Var,
    /// Their mask, B × D.
    observed_mask: Var,
    /// Ones, B·K × D.
    everything: Var,
}

impl CompletedBatch {
    /// Puts completed rows (*completed*: B × K × D) and the original mask (B × D, zeros and ones) on the tape.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[track_caller]
    pub fn record<T: Scalar>(
        g: &mut Graph<'_, T>,
        columns: usize,
        imputations: usize,
        completed: &[T],
        mask: &[T],
    ) -> Self {
        let rows = mask.len() / columns;
        assert_eq!(completed.len(), rows * imputations * columns, "{imputations} completed versions of {rows} rows");
        let versions = |row: usize| &completed[row * imputations * columns..][..imputations * columns];
        let observed = g.constant_with([rows, columns], |out| {
            for (n, (out, mask)) in out.chunks_exact_mut(columns).zip(mask.chunks_exact(columns)).enumerate() {
                for ((out, &m), &x) in out.iter_mut().zip(mask).zip(versions(n)) {
                    *out = if m > T::ZERO { x } else { T::ZERO };
                }
            }
        });
        let repeated = g.constant_with([rows * imputations, columns], |out| {
            for (out, mask) in out.chunks_exact_mut(imputations * columns).zip(mask.chunks_exact(columns)) {
                out.chunks_exact_mut(columns).for_each(|out| out.copy_from_slice(mask));
            }
        });
        CompletedBatch {
            rows,
            imputations,
            completed: g.constant([rows * imputations, columns], completed),
            mask: repeated,
            observed,
            observed_mask: g.constant([rows, columns], mask),
            everything: g.constant_with([rows * imputations, columns], |out| out.fill(T::ONE)),
        }
    }
}

/// Both bounds, recorded on one forward pass.
#[derive(Clone, Copy, Debug)]
pub struct RecordedCompleted {
    /// L_CVI (eq. 10), in nats: mean over rows, imputations and samples, with the entropy of the imputation mixture. A
    /// lower bound of log p(x_obs).
    pub cvi: Var,
    /// L_LMVB (eq. 12), in nats: the same mean, without the entropy of the imputations, which is not known.
    pub lmvb: Var,
}

impl RecordedCompleted {
    /// The bound of this kind.
    pub fn value(&self, bound: CompletedBound) -> Var {
        match bound {
            CompletedBound::Cvi => self.cvi,
            CompletedBound::Lmvb => self.lmvb,
        }
    }

    /// Differentiates `scale` times the objectives: the decoder's parameters take their gradient from the decoder's
    /// bound, the encoder's theirs from the encoder's.
    ///
    /// Where the two differ, each weight gradient is still computed once. Only the way back through the decoder is
    /// taken twice.
    pub fn backward<T: Scalar>(
        &self,
        g: &mut Graph<'_, T>,
        vae: &Vae,
        config: &CompletedObjectiveConfig,
        scale: T,
        gradient: &mut [T],
    ) {
        let mut pass =
            |bound, wanted: Wanted<'_>| g.backward(&[(self.value(bound), Seed::Uniform(scale))], wanted, gradient);
        if config.decoder == config.encoder {
            pass(config.decoder, Wanted::All);
        } else {
            pass(config.decoder, Wanted::Within(slice::from_ref(&vae.decoder_range())));
            pass(config.encoder, Wanted::Within(slice::from_ref(&vae.encoder_range())));
        }
    }
}

/// Records both bounds for a minibatch of completed rows.
///
/// *noise*, where it is given: Z × B × K × L.
///
/// # Panics
/// If the encoder does not take completed rows or is no single Gaussian, the numbers of imputations differ, or the
/// randomness has the wrong length or kind.
#[track_caller]
pub fn record_completed<T: Scalar>(
    g: &mut Graph<'_, T>,
    vae: &Vae,
    config: &CompletedObjectiveConfig,
    batch: CompletedBatch,
    randomness: Randomness<'_, T>,
    mut mode: Mode<'_>,
) -> RecordedCompleted {
    let single = vae.mixture();
    let CompletedBatch { rows, imputations, .. } = batch;
    assert!(vae.config().encoder_input.completed(), "an imputation mixture needs an encoder of completed rows");
    assert_eq!(single.components, 1, "components of the encoder under an imputation mixture");
    assert_eq!(config.imputations, imputations, "imputations of the objective and of the minibatch");
    let (samples, latent) = (config.samples, single.latent);

    let params = vae.encode(g, batch.completed, batch.mask, mode.encoder());
    let shape = [samples, rows * imputations, 1, latent];
    let noise = match randomness {
        Randomness::Noise(noise) => g.constant(shape, noise),
        Randomness::Stream(rng) => g.constant_with(shape, |noise| fill_standard_normal(rng, noise)),
        Randomness::Samples(_) => panic!("samples of the encoder's Gaussians are made from noise"),
    };
    let z = g.stratified_sample(params, noise, single);
    let z = g.reshape(z, [samples, rows * imputations, latent]);

    let head = vae.decode(g, z, mode.decoder());
    let log_prior = g.standard_normal_log_density(z);
    let density_params = if config.estimator == Estimator::Plain { params } else { g.detach(params) };

    let log_p_observed = vae.log_likelihood(g, batch.observed, batch.observed_mask, head, imputations);
    let mixture = Mixture { components: imputations, latent };
    let of_all = mixture_over_imputations(g, density_params, rows, mixture);
    let log_q_mixture = g.mixture_log_density(z, of_all, mixture, imputations);
    let cvi = g.add(log_p_observed, log_prior);
    let cvi = g.sub(cvi, log_q_mixture);

    let log_p_completed = vae.log_likelihood(g, batch.completed, batch.everything, head, 1);
    let log_q_own = g.mixture_log_density(z, density_params, single, 1);
    let lmvb = g.add(log_p_completed, log_prior);
    let lmvb = g.sub(lmvb, log_q_own);
    RecordedCompleted { cvi: g.mean(cvi, &[0, 1]), lmvb: g.mean(lmvb, &[0, 1]) }
}

/// The equal mixture of each row's encodings: single Gaussians, B·K × (2L+1) → one mixture of K a row, B × K(2L+1).
fn mixture_over_imputations<T: Scalar>(g: &mut Graph<'_, T>, singles: Var, rows: usize, mixture: Mixture) -> Var {
    let Mixture { components, latent } = mixture;
    let means = g.slice(singles, 1, 0..latent);
    let means = g.reshape(means, [rows, mixture.moments()]);
    let scales = g.slice(singles, 1, latent..2 * latent);
    let scales = g.reshape(scales, [rows, mixture.moments()]);
    let log_weight = T::from_f64(-(components as f64).ln());
    let log_weights = g.constant_with([rows, components], |out| out.fill(log_weight));
    g.concat(&[means, scales, log_weights], 1)
}
