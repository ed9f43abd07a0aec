//! What a sampler needs to know of a model.

use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::special::{HALF_LN_TWO_PI, exp, ln, ndtr};
use rand::{Rng, RngExt};

use crate::draw::standard_normal;

/// How a decoded latent point describes the columns of a row, in 2D numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Likelihood {
    /// Independent normals: D means, then D scales.
    #[default]
    Gaussian,
    /// Independent pixels of −1 and +1: D log probabilities of +1, then D of −1.
    Bernoulli,
}

/// A model of rows x with a latent variable z: prior N(0, I), decoder p(x|z) that factorises over columns, encoder
/// q(z|·) that is a mixture of diagonal Gaussians.
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

    /// Encodes completed rows: *completed* (N × D, missing cells filled in), *mask* (N × D, the original one, for
    /// encoders that have a mask as input) to natural mixture parameters, N × K(2L+1).
    fn encode_completed(&mut self, completed: &[T], mask: &[T], params: &mut [T]);

    /// What decoded latent points are.
    fn likelihood(&self) -> Likelihood {
        Likelihood::Gaussian
    }

    /// Decodes N latent points (N × L) to the distributions of their columns: N × 2D, as [`Likelihood`] says; for
    /// Gaussians the means, then the scales.
    fn decode(&mut self, z: &[T], gaussians: &mut [T]);
}

/// log p(x_obs|z) of one row under one decoded latent point, in nats: the sum over observed columns.
#[inline]
pub fn log_likelihood<T: Scalar>(likelihood: Likelihood, x: &[T], mask: &[T], decoded: &[T]) -> T {
    sum_of_log_densities(likelihood, x, decoded, |d| mask[d] > T::ZERO)
}

/// log p(x|z) of one row under one decoded latent point, in nats: the sum over all columns.
#[inline]
pub fn log_density<T: Scalar>(likelihood: Likelihood, x: &[T], decoded: &[T]) -> T {
    sum_of_log_densities(likelihood, x, decoded, |_| true)
}

#[inline]
fn sum_of_log_densities<T: Scalar>(
    likelihood: Likelihood,
    x: &[T],
    decoded: &[T],
    counts: impl Fn(usize) -> bool,
) -> T {
    if likelihood == Likelihood::Bernoulli {
        let (above, below) = decoded.split_at(x.len());
        return (0..x.len()).filter(|&d| counts(d)).map(|d| if x[d] > T::ZERO { above[d] } else { below[d] }).sum();
    }
    let (means, scales) = decoded.split_at(x.len());
    let constant = T::from_f64(HALF_LN_TWO_PI);
    let mut total = T::ZERO;
    for d in 0..x.len() {
        if counts(d) {
            // A normal whose scale underflows has no density but at its mean: −∞, where −∞ + ∞ would be no number.
            if !(T::ONE / scales[d]).is_finite() {
                return T::NEG_INFINITY;
            }
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
    let mut total = LogSum::default();
    (0..mixture.components).for_each(|k| total.push(component(k)));
    total.value()
}

/// ln Σ exp of numbers that come one by one: where they are few, and nothing may be allocated for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSum<T> {
    largest: T,
    /// Σ exp(x − largest).
    sum: T,
}

impl<T: Scalar> Default for LogSum<T> {
    fn default() -> Self {
        LogSum { largest: T::NEG_INFINITY, sum: T::ZERO }
    }
}

impl<T: Scalar> LogSum<T> {
    #[inline]
    pub(crate) fn push(&mut self, x: T) {
        if x > self.largest {
            // The first number, which is often the only one, takes no exponential.
            let before = if self.sum == T::ZERO { T::ZERO } else { self.sum * exp(self.largest - x) };
            self.sum = before + T::ONE;
            self.largest = x;
        } else if !(x == T::NEG_INFINITY) {
            // What is not a number makes the sum one that is not.
            self.sum += exp(x - self.largest);
        }
    }

    /// −∞ of no numbers and where all are −∞; NaN if one is NaN.
    #[inline]
    pub(crate) fn value(self) -> T {
        if self.sum == T::ZERO || self.sum == T::ONE { self.largest } else { self.largest + ln(self.sum) }
    }
}

/// Draws the unobserved columns of one row from p(x_mis|z); observed entries stay as they are. Returns how many draws
/// were not finite; those leave the previous value in place.
pub fn draw_missing<T: Scalar>(
    likelihood: Likelihood,
    rng: &mut impl Rng,
    mask: &[T],
    decoded: &[T],
    x: &mut [T],
) -> usize {
    let (first, second) = decoded.split_at(x.len());
    let mut replaced = 0;
    for d in 0..x.len() {
        // Every column takes a draw, so that the stream does not depend on the pattern.
        let value = draw_column(likelihood, rng, first[d], second[d]);
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

/// Draws a column from its two decoded numbers; not finite where they are not numbers.
#[inline]
pub fn draw_column<T: Scalar>(likelihood: Likelihood, rng: &mut impl Rng, first: T, second: T) -> T {
    match likelihood {
        Likelihood::Gaussian => first + second * standard_normal::<T>(rng),
        Likelihood::Bernoulli => {
            let uniform = T::from_f64(rng.random::<f64>());
            let above = exp(first);
            if uniform < above {
                T::ONE
            } else if uniform >= above {
                -T::ONE
            } else {
                above
            }
        }
    }
}

/// The mean of a column from its two decoded numbers.
pub fn column_mean(likelihood: Likelihood, first: f64, second: f64) -> f64 {
    match likelihood {
        Likelihood::Gaussian => first,
        Likelihood::Bernoulli => exp(first) - exp(second),
    }
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

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use rand::RngExt;
    use statrs::distribution::{Continuous, ContinuousCDF, Normal};

    use super::*;
    use crate::stream::{Purpose, stream};

    fn normal(mean: f64, scale: f64) -> Normal {
        Normal::new(mean, scale).unwrap()
    }

    #[test]
    fn densities_against_an_independent_library() {
        let (x, mask) = ([0.5, f64::NAN, -3.0], [1.0, 0.0, 1.0]);
        let gaussians = [1.0, 0.0, -1.0, 0.25, 1.0, 2.0];
        let expected = normal(1.0, 0.25).ln_pdf(0.5) + normal(-1.0, 2.0).ln_pdf(-3.0);
        assert_relative_eq!(
            log_likelihood(Likelihood::Gaussian, &x, &mask, &gaussians),
            expected,
            max_relative = 1e-14
        );
        assert_eq!(log_likelihood(Likelihood::Gaussian, &x, &[0.0; 3], &gaussians), 0.0);
        let complete = [0.5, 0.1, -3.0];
        assert_eq!(
            log_density(Likelihood::Gaussian, &complete, &gaussians),
            log_likelihood(Likelihood::Gaussian, &complete, &[1.0; 3], &gaussians)
        );
        assert_relative_eq!(
            log_prior(&[0.3, -2.0]),
            normal(0.0, 1.0).ln_pdf(0.3) + normal(0.0, 1.0).ln_pdf(-2.0),
            max_relative = 1e-14
        );

        let mixture = Mixture { components: 2, latent: 1 };
        let params = [0.0, 5.0, 1.0, 0.5, 0.3_f64.ln(), 0.7_f64.ln()];
        for z in [-1.0, 2.0, 4.9] {
            let expected = (0.3 * normal(0.0, 1.0).pdf(z) + 0.7 * normal(5.0, 0.5).pdf(z)).ln();
            assert_relative_eq!(mixture_log_density(mixture, &params, &[z]), expected, max_relative = 1e-13);
        }
        // Where both densities underflow, the nearer component alone is left: (−70)²/2.
        let far = mixture_log_density(mixture, &params, &[-70.0]);
        assert_relative_eq!(far, 0.3_f64.ln() + normal(0.0, 1.0).ln_pdf(-70.0), max_relative = 1e-13);
    }

    #[test]
    fn mixtures_with_weights_of_zero_or_none() {
        let mixture = Mixture { components: 2, latent: 1 };
        let density = |log_weights: [f64; 2]| {
            mixture_log_density(mixture, &[0.0, 1.0, 1.0, 1.0, log_weights[0], log_weights[1]], &[1.0])
        };
        assert_relative_eq!(density([f64::NEG_INFINITY, 0.0]), -HALF_LN_TWO_PI, max_relative = 1e-14);
        assert_relative_eq!(density([0.0, f64::NEG_INFINITY]), -0.5 - HALF_LN_TWO_PI, max_relative = 1e-14);
        assert_eq!(density([f64::NEG_INFINITY; 2]), f64::NEG_INFINITY);
        assert!(density([f64::NAN, 0.0]).is_nan());
        assert!(density([0.0, f64::NAN]).is_nan());
    }

    #[test]
    fn draws_leave_observed_entries_alone() {
        // A negative zero and a subnormal number: bits count.
        let start = [-0.0, 7.0, 1e-310, 3.0];
        let gaussians = [10.0, 20.0, 30.0, f64::INFINITY, 1.0, 1.0, 1.0, 1.0];
        let mut x = start;
        let mut rng = stream(1, Purpose::Impute, 0, 0);
        assert_eq!(draw_missing(Likelihood::Gaussian, &mut rng, &[1.0, 0.0, 1.0, 0.0], &gaussians, &mut x), 1);
        assert_eq!([0, 2, 3].map(|d| x[d].to_bits()), [0, 2, 3].map(|d: usize| start[d].to_bits()));
        assert!((x[1] - 20.0).abs() < 10.0 && x[1] != 7.0, "{}", x[1]);

        // The stream goes on at the same place whatever was observed.
        let mut other = stream(1, Purpose::Impute, 0, 0);
        assert_eq!(draw_missing(Likelihood::Gaussian, &mut other, &[1.0; 4], &gaussians, &mut x), 0);
        assert_eq!(rng.random::<u64>(), other.random::<u64>());
    }

    /// Pixels: p(+1) = 0.8, 0.3, and NaN, which leaves the value in place and is counted.
    #[test]
    fn binary_columns() {
        let pixels = Likelihood::Bernoulli;
        let decoded = [0.8_f64.ln(), 0.3_f64.ln(), f64::NAN, 0.2_f64.ln(), 0.7_f64.ln(), f64::NAN];
        let x = [1.0, -1.0, 0.0];
        assert_relative_eq!(
            log_likelihood(pixels, &x, &[1.0, 1.0, 0.0], &decoded),
            0.56_f64.ln(),
            max_relative = 1e-14
        );
        assert!(log_density(pixels, &x, &decoded).is_nan());
        assert_relative_eq!(column_mean(pixels, decoded[0], decoded[3]), 0.6, max_relative = 1e-14);
        let mut rng = stream(2, Purpose::Impute, 0, 0);
        let mut sums = [0.0; 2];
        for _ in 0..20_000 {
            let mut drawn = [0.0, 0.0, 7.0];
            assert_eq!(draw_missing(pixels, &mut rng, &[0.0; 3], &decoded, &mut drawn), 1);
            assert!(drawn[..2].iter().all(|x: &f64| x.abs() == 1.0) && drawn[2] == 7.0);
            sums.iter_mut().zip(drawn).for_each(|(sum, x)| *sum += x / 20_000.0);
        }
        // Deviations of the means: √(0.64/20,000) = 0.0057 and 0.0065; 5 of them.
        assert!((sums[0] - 0.6).abs() < 0.029 && (sums[1] + 0.4).abs() < 0.033, "{sums:?}");
    }

    #[test]
    fn quantiles_of_known_mixtures() {
        let quantile = |p, parts: &[[f64; 3]]| {
            let column = |i: usize| parts.iter().map(|part| part[i]).collect::<Vec<_>>();
            mixture_quantile(p, &column(0), &column(1), &column(2))
        };
        // Φ⁻¹(0.975) = 1.959963984540054…
        assert_relative_eq!(
            quantile(0.975, &[[1.0, 3.0, 2.0]]),
            3.0 + 2.0 * 1.959_963_984_540_054,
            max_relative = 1e-14
        );
        for p in [1e-6, 0.1, 0.5, 0.9] {
            let expected = normal(-1.0, 0.5).inverse_cdf(p);
            assert_relative_eq!(quantile(p, &[[1.0, -1.0, 0.5]]), expected, max_relative = 1e-9);
            assert_relative_eq!(quantile(p, &[[0.4, -1.0, 0.5], [0.6, -1.0, 0.5]]), expected, max_relative = 1e-9);
        }
        // Far apart, each component is a quantile of its own: ¼ at −100, ¾ at 100.
        let apart = [[0.25, -100.0, 1.0], [0.75, 100.0, 0.1]];
        assert_relative_eq!(quantile(0.125, &apart), -100.0, max_relative = 1e-13);
        assert_relative_eq!(quantile(0.625, &apart), 100.0, max_relative = 1e-13);
        // A component of weight zero does not count.
        assert_relative_eq!(quantile(0.5, &[[1.0, 2.0, 1.0], [0.0, 1e6, 1e6]]), 2.0, max_relative = 1e-9);
        // Symmetric about 1.
        assert_relative_eq!(quantile(0.5, &[[0.5, -2.0, 0.7], [0.5, 4.0, 0.7]]), 1.0, epsilon = 1e-7);
        assert!(quantile(0.5, &[[1.0, f64::NAN, 1.0]]).is_nan());
    }

    /// The distribution function of the quantile is p, to the accuracy of Φ.
    #[test]
    fn quantiles_invert_the_distribution_function() {
        let (weights, means, scales) = ([0.2, 0.5, 0.3], [-1.0, 0.5, 2.0], [0.3, 1.0, 0.05]);
        for i in 1..100 {
            let p = f64::from(i) / 100.0;
            let at = mixture_quantile(p, &weights, &means, &scales);
            let below: f64 = (0..3).map(|k| weights[k] * normal(means[k], scales[k]).cdf(at)).sum();
            assert!((below - p).abs() < 1e-9, "{p}: {at} has {below} below it");
        }
    }
}
