//! Draws from simple distributions.

use autodiff::ops::Mixture;
use linalg::Scalar;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Fills `out` with independent standard normal draws.
pub fn fill_standard_normal<T: Scalar>(rng: &mut impl Rng, out: &mut [T]) {
    for x in out {
        *x = standard_normal(rng);
    }
}

/// One standard normal draw. Drawn in double precision, so that both types see the same numbers.
#[inline]
pub fn standard_normal<T: Scalar>(rng: &mut impl Rng) -> T {
    T::from_f64(rng.sample(StandardNormal))
}

/// A category with probability proportional to exp(log_weight), by inversion of one uniform draw.
///
/// Returns `None` if no weight is positive or one is NaN.
pub fn category<T: Scalar>(rng: &mut impl Rng, log_weights: &[T]) -> Option<usize> {
    category_at(rng.random::<f64>(), log_weights)
}

/// The category at quantile `u` in \[0, 1).
pub(crate) fn category_at<T: Scalar>(u: f64, log_weights: &[T]) -> Option<usize> {
    let largest = log_weights.iter().map(|w| w.to_f64()).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = log_weights.iter().map(|w| (w.to_f64() - largest).exp()).sum();
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let mut left = u * total;
    let mut last = None;
    for (k, w) in log_weights.iter().enumerate() {
        let weight = (w.to_f64() - largest).exp();
        if weight > 0.0 {
            last = Some(k);
            if left < weight {
                return last;
            }
        }
        left -= weight;
    }
    // Rounding may leave a little at the end.
    last
}

/// Ancestral samples of diagonal Gaussian mixtures: a component, then a point of it.
///
/// *params*: B × K(2L+1), natural parameters (see [`Mixture`]); *z*: … × B × L. Row n of *z* is drawn from the mixture
/// of data row n mod B. Each sample takes one uniform and L normal draws.
pub fn fill_ancestral<T: Scalar>(rng: &mut impl Rng, mixture: Mixture, params: &[T], z: &mut [T]) {
    let (width, latent) = (mixture.params_len(), mixture.latent);
    let rows = params.len() / width;
    for (n, z) in z.chunks_exact_mut(latent).enumerate() {
        let row = &params[n % rows * width..][..width];
        // A mixture whose weights are not finite has no samples; NaN lets the objective report it.
        let (means, scales, log_weights) = mixture.split(row);
        let Some(k) = category(rng, log_weights) else {
            z.fill(T::from_f64(f64::NAN));
            continue;
        };
        let (means, scales) = (&means[k * latent..][..latent], &scales[k * latent..][..latent]);
        for ((z, &mean), &scale) in z.iter_mut().zip(means).zip(scales) {
            *z = mean + scale * standard_normal::<T>(rng);
        }
    }
}
