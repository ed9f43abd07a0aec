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

/// `count` draws of [`category`], which pay once for the weights: *O*(n + count log n).
///
/// Returns `None` if no weight is positive or one is NaN.
pub fn categories<T: Scalar>(rng: &mut impl Rng, log_weights: &[T], count: usize) -> Option<Vec<usize>> {
    let largest = log_weights.iter().map(|w| w.to_f64()).fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    let up_to = log_weights.iter().map(|w| {
        total += (w.to_f64() - largest).exp();
        total
    });
    let up_to: Vec<f64> = up_to.collect();
    let positive = total > 0.0 && total.is_finite();
    // The first category whose sum exceeds the draw: one of weight zero adds nothing, and is never it.
    let draw = |u: f64| up_to.partition_point(|sum| *sum <= u * total).min(up_to.len() - 1);
    positive.then(|| (0..count).map(|_| draw(rng.random::<f64>())).collect())
}

/// The category at quantile `u` in \[0, 1).
fn category_at<T: Scalar>(u: f64, log_weights: &[T]) -> Option<usize> {
    Categories::new(log_weights).at(u)
}

/// Categories with probabilities proportional to exp(log_weight), for several draws of them.
pub(crate) struct Categories {
    /// exp(log_weight − largest); empty if none can be drawn.
    weights: Vec<f64>,
    total: f64,
}

impl Categories {
    pub(crate) fn new<T: Scalar>(log_weights: &[T]) -> Self {
        let largest = log_weights.iter().map(|w| w.to_f64()).fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> = log_weights.iter().map(|w| (w.to_f64() - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        if !(total > 0.0 && total.is_finite()) {
            weights.clear();
        }
        Categories { weights, total }
    }

    /// A category; `None`, after a draw that is lost, if no weight is positive or one is NaN.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> Option<usize> {
        self.at(rng.random())
    }

    fn at(&self, u: f64) -> Option<usize> {
        invert(u * self.total, self.weights.iter().copied())
    }
}

/// As [`category`], of log weights that are normalised: a single pass, which ends where the draw falls. What rounding leaves
/// of a sum of 1 goes to the last category.
fn normalised_category<T: Scalar>(rng: &mut impl Rng, log_weights: &[T]) -> Option<usize> {
    invert(rng.random::<f64>(), log_weights.iter().map(|w| w.to_f64().exp()))
}

/// The category in which the sum of the weights passes `left`; `None` if no weight is positive, or one that is come to is not
/// finite.
#[inline(always)]
fn invert(mut left: f64, weights: impl Iterator<Item = f64>) -> Option<usize> {
    let mut last = None;
    for (k, weight) in weights.enumerate() {
        if !weight.is_finite() {
            return None;
        }
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
/// of data row n mod B. The log weights are normalised: what a sum below 1 lacks goes to the last component. Each sample takes one uniform and L normal draws.
pub fn fill_ancestral<T: Scalar>(rng: &mut impl Rng, mixture: Mixture, params: &[T], z: &mut [T]) {
    let (width, latent) = (mixture.params_len(), mixture.latent);
    let rows = params.len() / width;
    for (n, z) in z.chunks_exact_mut(latent).enumerate() {
        let row = &params[n % rows * width..][..width];
        // Weights that are not finite have no samples; NaN lets the objective report it.
        let (means, scales, log_weights) = mixture.split(row);
        let Some(k) = normalised_category(rng, log_weights) else {
            z.fill(T::from_f64(f64::NAN));
            continue;
        };
        let (means, scales) = (&means[k * latent..][..latent], &scales[k * latent..][..latent]);
        for ((z, &mean), &scale) in z.iter_mut().zip(means).zip(scales) {
            *z = mean + scale * standard_normal::<T>(rng);
        }
    }
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ChiSquared, ContinuousCDF};

    use super::*;
    use crate::stream::{Purpose, stream};

    /// Pearson's statistic at 10⁵ draws; the correct sampler fails with probability 1e-6. A category of weight zero
    /// never comes.
    #[test]
    fn categories_come_with_their_probabilities() {
        let weights = [0.5, 2.0, 0.0, 0.1, 1.4];
        // A common factor does not matter, however large.
        let log_weights = weights.map(|w: f64| w.ln() + 900.0);
        let mut rng = stream(1, Purpose::Latent, 0, 0);
        let draws = 100_000;
        let mut counts = [0; 5];
        for _ in 0..draws {
            counts[category(&mut rng, &log_weights).unwrap()] += 1;
        }
        assert_eq!(counts[2], 0);
        let total: f64 = weights.iter().sum();
        let terms = counts.iter().zip(weights).filter(|(_, weight)| *weight > 0.0).map(|(&count, weight)| {
            let expected = f64::from(draws) * weight / total;
            (f64::from(count) - expected).powi(2) / expected
        });
        let statistic: f64 = terms.sum();
        let chance = ChiSquared::new(3.0).unwrap().sf(statistic);
        assert!(chance > 1e-6, "counts {counts:?}: probability {chance:e}");
    }

    /// Many draws at once are as many draws one by one.
    #[test]
    fn categories_together_and_alone() {
        let log_weights = [0.5, 2.0, 0.0, 0.1, 1.4, 0.0].map(|w: f64| w.ln() - 900.0);
        let streams = || stream(2, Purpose::Latent, 0, 0);
        let (mut one, mut many) = (streams(), streams());
        let alone: Vec<usize> = (0..10_000).map(|_| category(&mut one, &log_weights).unwrap()).collect();
        assert_eq!(categories(&mut many, &log_weights, 10_000), Some(alone));
        assert_eq!(categories(&mut many, &[f64::NEG_INFINITY; 3], 5), None);
        assert_eq!(categories(&mut many, &[0.0, f64::NAN], 5), None);
    }

    #[test]
    fn categories_at_their_borders() {
        let log_weights = [f64::NEG_INFINITY, 0.25_f64.ln(), 0.5_f64.ln(), 0.25_f64.ln(), f64::NEG_INFINITY];
        assert_eq!(category_at(0.0, &log_weights), Some(1));
        assert_eq!(category_at(0.2499, &log_weights), Some(1));
        assert_eq!(category_at(0.2501, &log_weights), Some(2));
        assert_eq!(category_at(0.7501, &log_weights), Some(3));
        assert_eq!(category_at(1.0_f64.next_down(), &log_weights), Some(3));
        assert_eq!(category_at(0.5, &[f64::NEG_INFINITY; 3]), None);
        assert_eq!(category_at(0.5, &[0.0, f64::NAN]), None);
        assert_eq!(category_at(0.5, &[0.0, f64::INFINITY]), None);
        assert_eq!(category_at::<f64>(0.5, &[]), None);
        assert_eq!(category_at(0.5, &[-1e4f32]), Some(0));
    }

    /// First and second moments of two rows' mixtures, each within 4.8 standard errors (2 rows × 5 moments, 1.6e-6
    /// each).
    #[test]
    fn ancestral_samples_have_the_moments_of_their_mixture() {
        let mixture = Mixture { components: 3, latent: 2 };
        let weights = [[0.2_f64, 0.5, 0.3], [0.9, 0.1, 0.0]];
        let means = [[[1.0, -2.0], [0.0, 3.0], [-4.0, 0.5]], [[0.0, 0.0], [2.0, 2.0], [1e9, 1e9]]];
        let scales = [[[0.5, 1.0], [2.0, 0.1], [1.0, 1.0]], [[1.0, 3.0], [0.2, 0.2], [1.0, 1.0]]];
        let params: Vec<f64> = (0..2)
            .flat_map(|b| {
                let moments = means[b].into_iter().chain(scales[b]).flatten();
                moments.chain(weights[b].map(f64::ln)).collect::<Vec<_>>()
            })
            .collect();
        let draws = 100_000;
        let mut z = vec![0.0; draws * 2 * 2];
        fill_ancestral(&mut stream(2, Purpose::Latent, 0, 0), mixture, &params, &mut z);
        for b in 0..2 {
            let check = |what: &str, of: &dyn Fn(&[f64]) -> f64, expected: f64| {
                let values: Vec<f64> = z.chunks_exact(2).skip(b).step_by(2).map(of).collect();
                let n = values.len() as f64;
                let mean = values.iter().sum::<f64>() / n;
                let error = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
                assert!(error < 0.05, "{what} of row {b}: standard error {error}");
                assert!((mean - expected).abs() < 4.8 * error, "{what} of row {b}: {mean} ± {error}, not {expected}");
            };
            let expect = |of: &dyn Fn([f64; 2], [f64; 2]) -> f64| -> f64 {
                (0..3).filter(|&k| weights[b][k] > 0.0).map(|k| weights[b][k] * of(means[b][k], scales[b][k])).sum()
            };
            for l in 0..2 {
                check("mean", &|z| z[l], expect(&|mean, _| mean[l]));
                check("square", &|z| z[l] * z[l], expect(&|mean, scale| mean[l].powi(2) + scale[l].powi(2)));
            }
            check("product", &|z| z[0] * z[1], expect(&|mean, _| mean[0] * mean[1]));
        }
    }

    #[test]
    fn a_mixture_without_weights_has_no_samples() {
        let mixture = Mixture { components: 2, latent: 1 };
        let good = [0.0, 1.0, 1.0, 1.0, 0.5_f64.ln(), 0.5_f64.ln()];
        let bad = [0.0, 1.0, 1.0, 1.0, f64::NAN, 0.0];
        let mut z = [0.0; 4];
        fill_ancestral(&mut stream(3, Purpose::Latent, 0, 0), mixture, &[good, bad].concat(), &mut z);
        assert_eq!(z.map(f64::is_nan), [false, true, false, true]);
    }

    /// Both types see the same numbers.
    #[test]
    fn single_precision_rounds_the_same_draws() {
        let (mut double, mut single) = ([0.0f64; 100], [0.0f32; 100]);
        fill_standard_normal(&mut stream(4, Purpose::Latent, 0, 0), &mut double);
        fill_standard_normal(&mut stream(4, Purpose::Latent, 0, 0), &mut single);
        assert_eq!(double.map(|x| x as f32), single);
    }
}
