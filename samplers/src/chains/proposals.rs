//! The proposals of latent-adaptive importance resampling, and the weights of their samples.

use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::special::{HALF_LN_TWO_PI, ln, ln_slice};

use super::decoded::Decoded;
use crate::likelihood::RowLikelihood;
use crate::model::{LogSum, log_prior};

/// The density that a sample's weight is divided by, in multiple importance sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Deterministic mixture: that of the equal mixture of all proposals. Weights stay bounded where any proposal
    /// covers the target.
    Dmis,
    /// Standard: that of the sample's own proposal.
    Smis,
}

/// The K + R proposals of one row: the encodings of its K completed versions, then R times the prior N(0, I).
#[derive(Clone, Copy, Debug)]
pub struct Proposals<'a, T> {
    mixture: Mixture,
    params: &'a [T],
    /// K × C: the part of a component's log density that does not depend on z.
    offsets: &'a [T],
    /// K × C × L: 1/σ.
    precisions: &'a [T],
    replenish: usize,
}

impl<'a, T: Scalar> Proposals<'a, T> {
    /// Length of the scratch that K encodings need.
    pub fn scratch_len(mixture: Mixture, encodings: usize) -> usize {
        encodings * (mixture.components + mixture.moments())
    }

    /// The proposals of a row.
    ///
    /// *params*: K × W, natural mixture parameters; *replenish*: R; *scratch*: see
    /// [`scratch_len`](Proposals::scratch_len).
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[track_caller]
    pub fn new(mixture: Mixture, params: &'a [T], replenish: usize, scratch: &'a mut [T]) -> Self {
        let width = mixture.params_len();
        assert!(params.len().is_multiple_of(width), "{} parameters for encodings of {width}", params.len());
        let needed = Self::scratch_len(mixture, params.len() / width);
        assert_eq!(scratch.len(), needed, "lengths of the scratch and of the encodings' components");
        let (offsets, precisions) = scratch.split_at_mut(params.len() / width * mixture.components);
        let constant = T::from_f64(mixture.latent as f64 * HALF_LN_TWO_PI);
        let tables = offsets.chunks_exact_mut(mixture.components).zip(precisions.chunks_exact_mut(mixture.moments()));
        for (row, (offsets, precisions)) in params.chunks_exact(width).zip(tables) {
            let (_, scales, log_weights) = mixture.split(row);
            // The place of the precisions serves for the logarithms first: one call takes them all.
            ln_slice(scales, precisions);
            let log_scales = precisions.chunks_exact(mixture.latent);
            for ((offset, log_scales), &log_weight) in offsets.iter_mut().zip(log_scales).zip(log_weights) {
                *offset = log_weight - log_scales.iter().copied().sum::<T>() - constant;
            }
            precisions.iter_mut().zip(scales).for_each(|(precision, &scale)| *precision = T::ONE / scale);
        }
        Proposals { mixture, params, offsets, precisions, replenish }
    }

    fn encodings(&self) -> usize {
        self.params.len() / self.mixture.params_len()
    }

    /// log q_j(z) of the j-th proposal, in nats. *z*: L.
    pub fn log_density(&self, j: usize, z: &[T]) -> T {
        if j >= self.encodings() {
            return log_prior(z);
        }
        let Mixture { components, latent } = self.mixture;
        let width = self.mixture.params_len();
        let (means, _, _) = self.mixture.split(&self.params[j * width..][..width]);
        let precisions = &self.precisions[j * components * latent..][..components * latent];
        let mut total = LogSum::default();
        for k in 0..components {
            let at = k * latent..(k + 1) * latent;
            let distance = squared_distance(z, &means[at.clone()], &precisions[at]);
            total.push(self.offsets[j * components + k] - T::HALF * distance);
        }
        total.value()
    }

    /// log (1/(K+R)) Σ_j q_j(z), in nats. *z*: L.
    pub fn log_mixture_density(&self, z: &[T]) -> T {
        let encodings = self.encodings();
        let mut total = LogSum::default();
        for j in 0..encodings {
            total.push(self.log_density(j, z));
        }
        if self.replenish > 0 {
            total.push(log_prior(z) + ln(T::from_usize(self.replenish)));
        }
        total.value() - ln(T::from_usize(encodings + self.replenish))
    }

    /// log w = log p(x_obs|z) + log p(z) − log of the proposal density, in nats.
    ///
    /// *x*, *mask*: D; *samples*: J × I latent points, I from each of the first J ≤ K + R proposals; *log_weights*: J ×
    /// I.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[track_caller]
    pub fn log_weights(
        &self,
        weights: Weights,
        (likelihood, x, mask): (&dyn RowLikelihood<T>, &[T], &[T]),
        samples_each: usize,
        samples: Decoded<'_, T>,
        log_weights: &mut [T],
    ) {
        let (latent, width, count) = (self.mixture.latent, likelihood.width(), log_weights.len());
        let most = (self.encodings() + self.replenish) * samples_each;
        assert!(count <= most, "{count} samples, but the proposals give {most}");
        assert_eq!(mask.len(), x.len(), "lengths of mask and row");
        assert_eq!(samples.z.len(), count * latent, "length of {count} latent points");
        assert_eq!(samples.decoded.len(), count * width, "length of {count} decoded points");
        likelihood.log_densities(x, Some(mask), samples.decoded, log_weights);
        for (s, (log_weight, z)) in log_weights.iter_mut().zip(samples.z.chunks_exact(latent)).enumerate() {
            let proposal = match weights {
                Weights::Dmis => self.log_mixture_density(z),
                Weights::Smis => self.log_density(s / samples_each, z),
            };
            *log_weight = *log_weight + log_prior(z) - proposal;
        }
    }
}

/// Σ ((z − mean) · precision)², in eight partial sums that do not wait for each other: this is the inner loop of the
/// weights, (K+R)²·I times a row.
#[inline]
fn squared_distance<T: Scalar>(z: &[T], means: &[T], precisions: &[T]) -> T {
    const LANES: usize = 8;
    let square = |z: T, mean: T, precision: T| {
        let t = (z - mean) * precision;
        t * t
    };
    let (z, z_tail) = z.as_chunks::<LANES>();
    let (means, means_tail) = means.as_chunks::<LANES>();
    let (precisions, precisions_tail) = precisions.as_chunks::<LANES>();
    let mut sums = [T::ZERO; LANES];
    for ((z, means), precisions) in z.iter().zip(means).zip(precisions) {
        for i in 0..LANES {
            sums[i] += square(z[i], means[i], precisions[i]);
        }
    }
    let tail = z_tail.iter().zip(means_tail).zip(precisions_tail).map(|((&z, &mean), &p)| square(z, mean, p));
    sums.into_iter().sum::<T>() + tail.sum()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use statrs::distribution::{Continuous, Normal};

    use super::*;
    use crate::likelihood::Normals;
    use crate::model::mixture_log_density;

    /// Two encodings (one component and two), two priors, one sample each: from the definition.
    #[test]
    fn weights_from_their_definition() {
        let mixture = Mixture { components: 2, latent: 1 };
        let params = [0.5, -1.0, 0.8, 1.2, 0.3_f64.ln(), 0.7_f64.ln(), 2.0, 0.0, 0.4, 1.0, 0.0, f64::NEG_INFINITY];
        let pdf = |x: f64, mean: f64, scale: f64| Normal::new(mean, scale).unwrap().pdf(x);
        let density = |j: usize, z: f64| match j {
            0 => 0.3 * pdf(z, 0.5, 0.8) + 0.7 * pdf(z, -1.0, 1.2),
            1 => pdf(z, 2.0, 0.4),
            _ => pdf(z, 0.0, 1.0),
        };
        let z = [0.1, 1.7, -0.4, 0.9];
        let gaussians: Vec<f64> = z.iter().flat_map(|z| [2.0 * z, 0.0, 0.5, 1.0]).collect();
        let mut scratch = [0.0; 8];
        let proposals = Proposals::new(mixture, &params, 2, &mut scratch);
        for weights in [Weights::Dmis, Weights::Smis] {
            let mut found = [0.0; 4];
            let samples = Decoded { z: &z, decoded: &gaussians };
            let row = (&Normals { columns: 2 } as &dyn RowLikelihood<f64>, &[1.1, 9.9][..], &[1.0, 0.0][..]);
            proposals.log_weights(weights, row, 1, samples, &mut found);
            for (s, z) in z.into_iter().enumerate() {
                let proposal = match weights {
                    Weights::Dmis => (0..4).map(|j| density(j, z)).sum::<f64>() / 4.0,
                    Weights::Smis => density(s, z),
                };
                let expected = (pdf(1.1, 2.0 * z, 0.5) * pdf(z, 0.0, 1.0) / proposal).ln();
                assert_relative_eq!(found[s], expected, max_relative = 1e-12, epsilon = 1e-13);
            }
        }
    }

    /// More latent dimensions than partial sums, and a remainder.
    #[test]
    fn densities_in_many_dimensions() {
        let mixture = Mixture { components: 2, latent: 19 };
        let params: Vec<f64> = (0..mixture.params_len()).map(|i| 0.2 + (i as f64 * 0.7).sin().abs()).collect();
        let z: Vec<f64> = (0..19).map(|l| (f64::from(l) * 1.3).cos()).collect();
        let mut scratch = vec![0.0; Proposals::<f64>::scratch_len(mixture, 1)];
        let found = Proposals::new(mixture, &params, 0, &mut scratch).log_density(0, &z);
        assert_relative_eq!(found, mixture_log_density(mixture, &params, &z), max_relative = 1e-13);
    }

    /// In log space nothing underflows: 60 standard deviations away from every proposal.
    #[test]
    fn far_samples_have_finite_weights() {
        let mixture = Mixture { components: 1, latent: 1 };
        let mut scratch = [0.0f32; 4];
        let params = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let proposals = Proposals::new(mixture, &params, 1, &mut scratch);
        // The mixture is that of N(1, 1) alone: (59)²/2, a third of the weight.
        let expected = -0.5 * 59.0_f32.powi(2) - HALF_LN_TWO_PI as f32 - 3.0_f32.ln();
        assert_relative_eq!(proposals.log_mixture_density(&[60.0]), expected, max_relative = 1e-6);
    }
}
