//! Log densities of many latent points at once, with the bits of [`crate::model`]'s one by one.

use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::simd::{Kernel, MAX_LANES, Vector, dispatch};
use linalg::special::{HALF_LN_TWO_PI, exp, ln, ln_slice};

/// Working memory of [`add_log_prior_less_mixture`].
#[derive(Debug, Default)]
pub(crate) struct Scratch<T> {
    /// K × L: ln σ.
    log_scales: Vec<T>,
    /// L × lanes: a few points, one coordinate after the other.
    points: Vec<T>,
}

/// out\[n\] ← out\[n\] + log p(z\[n\]) − log q(z\[n\]), in nats, q one row of natural mixture parameters.
///
/// *params*: K(2L+1); *z*: N × L; *out*: N.
pub(crate) fn add_log_prior_less_mixture<T: Scalar>(
    mixture: Mixture,
    params: &[T],
    z: &[T],
    scratch: &mut Scratch<T>,
    out: &mut [T],
) {
    let (_, scales, _) = mixture.split(params);
    scratch.log_scales.resize(scales.len(), T::ZERO);
    scratch.points.resize(mixture.latent * MAX_LANES, T::ZERO);
    ln_slice(scales, &mut scratch.log_scales);
    dispatch(LogDensities { mixture, params, z, log_scales: &scratch.log_scales, points: &mut scratch.points, out });
}

struct LogDensities<'a, T> {
    mixture: Mixture,
    params: &'a [T],
    z: &'a [T],
    log_scales: &'a [T],
    points: &'a mut [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for LogDensities<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let latent = self.mixture.latent;
        let (means, scales, log_weights) = self.mixture.split(self.params);
        let (zero, one, half) = (V::splat(T::ZERO), V::splat(T::ONE), V::splat(T::HALF));
        let (infinite, constant) = (V::splat(T::NEG_INFINITY), V::splat(T::from_f64(HALF_LN_TWO_PI)));
        for (z, out) in self.z.chunks(latent * V::LANES).zip(self.out.chunks_mut(V::LANES)) {
            for (i, z) in z.chunks_exact(latent).enumerate() {
                z.iter().enumerate().for_each(|(l, z)| self.points[l * V::LANES + i] = *z);
            }
            let coordinate = |l: usize| V::load(&self.points[l * V::LANES..]);
            let mut prior = zero;
            for l in 0..latent {
                let z = coordinate(l);
                prior = prior + (-(half * z * z) - constant);
            }
            // A running log-sum-exp, lane by lane, as `LogSum` has it: Σ exp(x − largest).
            let (mut largest, mut sum) = (infinite, zero);
            for (k, &log_weight) in log_weights.iter().enumerate() {
                let mut density = zero;
                for l in 0..latent {
                    let at = k * latent + l;
                    let t = (coordinate(l) - V::splat(means[at])) / V::splat(scales[at]);
                    density = density + (-(half * t * t) - V::splat(self.log_scales[at]) - constant);
                }
                let x = V::splat(log_weight) + density;
                // −∞ adds e^−∞, also where nothing else has come; what is not a number makes the sum one that is not.
                let below = V::select_lt(infinite, x, x - largest, x);
                let share = exp(V::select_lt(largest, x, largest - x, below));
                sum = V::select_lt(largest, x, sum * share + one, sum + share);
                largest = V::select_lt(largest, x, x, largest);
            }
            let log_q = largest + ln(sum);
            (V::load_partial(out) + prior - log_q).store_partial(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{log_prior, mixture_log_density};

    fn assert_same_bits<T: Scalar>(mixture: Mixture, params: &[f64], z: &[f64]) -> Result<(), TestCaseError> {
        let convert = |x: &[f64]| x.iter().map(|x| T::from_f64(*x)).collect::<Vec<T>>();
        let (params, z) = (convert(params), convert(z));
        let start: Vec<T> = (0..z.len() / mixture.latent).map(|n| T::from_f64(-(n as f64).sqrt())).collect();
        let mut out = start.clone();
        add_log_prior_less_mixture(mixture, &params, &z, &mut Scratch::default(), &mut out);
        for ((z, start), found) in z.chunks_exact(mixture.latent).zip(start).zip(out) {
            let expected = start + log_prior(z) - mixture_log_density(mixture, &params, z);
            let same = found == expected || (found.to_f64().is_nan() && expected.to_f64().is_nan());
            prop_assert!(same, "{found} for {expected} at {z:?}");
        }
        Ok(())
    }

    proptest! {
        /// Weights of zero, points far away and what is not a number among them.
        #[test]
        fn the_bits_are_those_of_single_points(
            (components, latent) in (1..5usize, 1..7usize),
            points in 0..70usize,
            seed in 0..1000u32,
            odd in prop::sample::select(vec![0.0, f64::NEG_INFINITY, f64::NAN]),
        ) {
            let mixture = Mixture { components, latent };
            let wave = |i: usize, by: f64| (f64::from(seed) + by * i as f64).sin();
            let mut params: Vec<f64> = (0..mixture.params_len()).map(|i| 3.0 * wave(i, 0.7)).collect();
            let (_, scales, log_weights) = mixture.split_mut(&mut params);
            scales.iter_mut().for_each(|s| *s = s.exp());
            if odd != 0.0 {
                log_weights[seed as usize % components] = odd;
            }
            let z: Vec<f64> = (0..points * latent).map(|i| if i % 97 == 96 { 1e4 } else { 2.0 * wave(i, 1.3) }).collect();
            assert_same_bits::<f64>(mixture, &params, &z)?;
            assert_same_bits::<f32>(mixture, &params, &z)?;
        }
    }
}
