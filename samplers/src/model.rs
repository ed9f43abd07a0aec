//! What a sampler needs to know of a model.

use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::special::{HALF_LN_TWO_PI, exp, ln, ndtr};
use rand::Rng;

use crate::draw::standard_normal;

/// A model of rows x with a latent variable z: prior N(0, I), decoder p(x|z) that factorises over columns, encoder q(z|·)
/// that is a mixture of diagonal Gaussians.
///
/// Networks are in evaluation mode. Every value is row-major.
pub trait LatentModel<T: Scalar> {
    /// D, data columns.
    fn columns(&self) -> usize;

    /// Shape of the encoder's mixture (K components, L latent dimensions).
    fn mixture(&self) -> Mixture;

    /// Encodes N rows: *rows*, *mask* (N × D; unobserved entries are ignored) to natural mixture parameters,
    /// N × K(2L+1).
    fn encode(&mut self, rows: &[T], mask: &[T], params: &mut [T]);

    /// Decodes N latent points (N × L) to the Gaussians of their columns: N × 2D, the means, then the scales.
    fn decode(&mut self, z: &[T], gaussians: &mut [T]);
}

/// log p(x_obs|z) of one row under one decoded latent point, in nats: the sum over observed columns.
#[inline]
pub fn log_likelihood<T: Scalar>(x: &[T], mask: &[T], gaussians: &[T]) -> T {
    let (means, scales) = gaussians.split_at(x.len());
    let constant = T::from_f64(HALF_LN_TWO_PI);
    let mut total = T::ZERO;
    for d in 0..x.len() {
        if mask[d] > T::ZERO {
            let t = (x[d] - means[d]) / scales[d];
            total += -(T::HALF * t * t) - ln(scales[d]) - constant;
        }
    }
    total
}

/// log N(z; 0, I), in nats.
#[inline]
pub fn log_prior<T: Scalar>(z: &[T]) -> T {
    let constant = T::from_f64(HALF_LN_TWO_PI);
    z.iter().map(|&z| -(T::HALF * z * z) - constant).sum()
}

/// log q(z) of one point under one row of natural mixture parameters (K(2L+1)), in nats.
#[inline]
pub fn mixture_log_density<T: Scalar>(mixture: Mixture, params: &[T], z: &[T]) -> T {
    let (means, scales, log_weights) = mixture.split(params);
    let constant = T::from_f64(HALF_LN_TWO_PI);
    let component = |k: usize| -> T {
        let at = k * mixture.latent..(k + 1) * mixture.latent;
        let terms = z.iter().zip(&means[at.clone()]).zip(&scales[at]).map(|((&z, &mean), &scale)| {
            let t = (z - mean) / scale;
            -(T::HALF * t * t) - ln(scale) - constant
        });
        log_weights[k] + terms.sum()
    };
    // A running log-sum-exp: components are few and the function must not allocate.
    let (mut largest, mut sum) = (T::NEG_INFINITY, T::ZERO);
    for k in 0..mixture.components {
        let log_density = component(k);
        if log_density > largest {
            sum = sum * exp(largest - log_density) + T::ONE;
            largest = log_density;
        } else if log_density > T::NEG_INFINITY {
            sum += exp(log_density - largest);
        } else if !(log_density == T::NEG_INFINITY) {
            return log_density;
        }
    }
    if sum > T::ZERO { largest + ln(sum) } else { largest }
}

/// Draws the unobserved columns of one row from p(x_mis|z); observed entries stay as they are. Returns how many draws
/// were not finite; those leave the previous value in place.
pub fn draw_missing<T: Scalar>(rng: &mut impl Rng, mask: &[T], gaussians: &[T], x: &mut [T]) -> usize {
    let (means, scales) = gaussians.split_at(x.len());
    let mut replaced = 0;
    for d in 0..x.len() {
        // Every column takes a draw, so that the stream does not depend on the pattern.
        let value = means[d] + scales[d] * standard_normal::<T>(rng);
        if mask[d] > T::ZERO {
            continue;
        }
        if value.is_finite() {
            x[d] = value;
        } else {
            replaced += 1;
        }
    }
    replaced
}

/// The `p`-quantile of a mixture of normals with normalised weights, by bisection to the type's accuracy.
///
/// *weights*, *means*, *scales*: N; 0 < p < 1. NaN if a parameter is NaN.
pub fn mixture_quantile(p: f64, weights: &[f64], means: &[f64], scales: &[f64]) -> f64 {
    let reach = |sign: f64| {
        let ends = means.iter().zip(scales).map(|(m, s)| m + sign * 40.0 * s);
        if sign < 0.0 { ends.fold(f64::INFINITY, f64::min) } else { ends.fold(f64::NEG_INFINITY, f64::max) }
    };
    let (mut low, mut high) = (reach(-1.0), reach(1.0));
    if !(low.is_finite() && high.is_finite()) {
        return f64::NAN;
    }
    // 60 halvings of the bracket leave nothing of double precision; it usually ends earlier.
    for _ in 0..200 {
        let middle = low + 0.5 * (high - low);
        if !(low < middle && middle < high) {
            break;
        }
        let below: f64 = weights.iter().zip(means).zip(scales).map(|((w, m), s)| w * ndtr((middle - m) / s)).sum();
        if below < p { low = middle } else { high = middle }
    }
    low + 0.5 * (high - low)
}
