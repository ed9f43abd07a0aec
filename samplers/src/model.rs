//! A model as samplers see it.

use autodiff::Tape;
use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::special::{HALF_LN_TWO_PI, exp, ln};

use crate::likelihood::RowLikelihood;

/// A model of rows x with a latent variable z: prior N(0, I), decoder p(x|z) that factorises over columns, encoder
/// q(z|·) that is a mixture of diagonal Gaussians.
///
/// Networks are in evaluation mode. Every value is row-major. Threads share a model; each has a tape of its own as
/// working memory, whose old content does not matter and whose new content is not read later. The encoding of a row and
/// the decoding of a point depend on the others of a call by no more than rounding.
pub trait LatentModel<T: Scalar>: Sync {
    /// Shape of the encoder's mixture (K components, L latent dimensions).
    fn mixture(&self) -> Mixture;

    /// p(x|z) of decoded points: D columns, W numbers a point.
    fn likelihood(&self) -> &dyn RowLikelihood<T>;

    /// D, data columns.
    fn columns(&self) -> usize {
        self.likelihood().columns()
    }

    /// Encodes N rows: *rows*, *mask* (N × D; unobserved entries are ignored) to natural mixture parameters,
    /// N × K(2L+1).
    fn encode(&self, tape: &mut Tape<T>, rows: &[T], mask: &[T], params: &mut [T]);

    /// Encodes completed rows: *completed* (N × D, missing cells filled in), *mask* (N × D, the original one, for
    /// encoders that have a mask as input) to natural mixture parameters, N × K(2L+1).
    fn encode_completed(&self, tape: &mut Tape<T>, completed: &[T], mask: &[T], params: &mut [T]);

    /// Decodes N latent points: *z* (N × L) to *decoded* (N × W), as [`likelihood`](LatentModel::likelihood) takes
    /// them.
    fn decode(&self, tape: &mut Tape<T>, z: &[T], decoded: &mut [T]);
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

/// ln Σ exp of numbers that come one by one. For few numbers, where nothing may be allocated.
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

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use statrs::distribution::{Continuous, Normal};

    use super::*;

    fn normal(mean: f64, scale: f64) -> Normal {
        Normal::new(mean, scale).unwrap()
    }

    #[test]
    fn densities_against_an_independent_library() {
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
}
