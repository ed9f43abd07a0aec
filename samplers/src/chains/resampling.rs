//! Draws with replacement from weighted samples.

use linalg::Scalar;
use linalg::reduce::log_sum_exp;
use linalg::special::exp;
use rand::{Rng, RngExt};

/// How samples are drawn by their weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resampling {
    /// Independent draws.
    Multinomial,
    /// K evenly spaced points behind one uniform draw: fewer surprises in the counts.
    Systematic,
}

impl Resampling {
    /// Draws as many samples as `chosen` has room for, each with the probability of its weight on average over the
    /// draws. A sample whose log weight is NaN or infinite is never drawn; `false`, and no draw, if there is no other.
    ///
    /// *log_weights*: S, in nats, up to a constant; *cumulative*: S numbers of scratch; *chosen*: indices of samples.
    ///
    /// # Panics
    /// If `cumulative` is not as long as `log_weights`.
    #[track_caller]
    pub fn draw<T: Scalar>(
        self,
        rng: &mut impl Rng,
        log_weights: &[T],
        cumulative: &mut [f64],
        chosen: &mut [usize],
    ) -> bool {
        assert_eq!(cumulative.len(), log_weights.len(), "lengths of cumulative and log weights");
        let finite = log_weights.iter().filter(|w| w.is_finite()).map(|w| w.to_f64());
        let largest = finite.fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return false;
        }
        let mut total = 0.0;
        for (sum, w) in cumulative.iter_mut().zip(log_weights) {
            if w.is_finite() {
                total += exp(w.to_f64() - largest);
            }
            *sum = total;
        }
        // The last sample of positive weight takes what rounding leaves at the end.
        let last = cumulative.partition_point(|&sum| sum < total);
        let at = |quantile: f64| cumulative.partition_point(|&sum| sum <= quantile * total).min(last);
        match self {
            Resampling::Multinomial => chosen.iter_mut().for_each(|index| *index = at(rng.random())),
            // Sample s is drawn as often as points (u + i)/K, i < K, fall into its interval of length w_s: K·w_s times
            // on average over u. That holds because every point is used; the first K of more points would favour the
            // samples that come first. The draws are in the order of the samples, which does not matter: they become
            // the K versions of a row, and those are a set.
            Resampling::Systematic => {
                let (uniform, count) = (rng.random::<f64>(), chosen.len() as f64);
                for (i, index) in chosen.iter_mut().enumerate() {
                    *index = at((i as f64 + uniform) / count);
                }
            }
        }
        true
    }
}

/// Normalises log weights in place: Σ exp = 1. A weight that is NaN or infinite counts for nothing, −∞; if there is no
/// other, all are −∞.
pub fn normalise<T: Scalar>(log_weights: &mut [T]) {
    for w in log_weights.iter_mut().filter(|w| !w.is_finite()) {
        *w = T::NEG_INFINITY;
    }
    let normaliser = log_sum_exp(log_weights);
    if normaliser > T::NEG_INFINITY {
        log_weights.iter_mut().for_each(|w| *w -= normaliser);
    }
}

/// (Σw)²/Σw²: between 1 and the number of weights; 0 if all are 0.
///
/// *log_weights*: normalised, or at least not so large that a square overflows.
pub fn effective_sample_size<T: Scalar>(log_weights: &[T]) -> f64 {
    let (mut sum, mut squares) = (0.0, 0.0);
    for w in log_weights {
        let weight = exp(w.to_f64());
        sum += weight;
        squares += weight * weight;
    }
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::stream::{Purpose, Stream, stream};

    const BOTH: [Resampling; 2] = [Resampling::Multinomial, Resampling::Systematic];

    fn draw(how: Resampling, rng: &mut Stream, log_weights: &[f64], count: usize) -> Option<Vec<usize>> {
        let mut chosen = vec![usize::MAX; count];
        how.draw(rng, log_weights, &mut vec![0.0; log_weights.len()], &mut chosen).then_some(chosen)
    }

    /// 50,000 draws of 5: mean counts within 5 standard errors (5 samples × 2 methods: 6e-6). The variance of a
    /// multinomial count is K·w(1−w); that of a systematic one is {K·w}(1 − {K·w}), the least that is possible.
    #[test]
    fn expected_counts_are_the_weights() {
        let weights = [0.03, 0.47, 0.2, 0.0, 0.3];
        let log_weights = weights.map(|w: f64| w.ln() - 800.0);
        let (count, repeats) = (5, 50_000);
        for how in BOTH {
            let mut rng = stream(1, Purpose::Impute, 0, 0);
            let mut counts = [0u32; 5];
            for _ in 0..repeats {
                draw(how, &mut rng, &log_weights, count).unwrap().into_iter().for_each(|s| counts[s] += 1);
            }
            for (found, weight) in counts.into_iter().zip(weights) {
                let expected = count as f64 * weight;
                let variance = match how {
                    Resampling::Multinomial => expected * (1.0 - weight),
                    Resampling::Systematic => expected.fract() * (1.0 - expected.fract()),
                };
                let error = (variance / f64::from(repeats)).sqrt();
                let mean = f64::from(found) / f64::from(repeats);
                assert!((mean - expected).abs() <= 5.0 * error + 1e-12, "{how:?}: {mean} ± {error}, not {expected}");
            }
        }
    }

    #[test]
    fn samples_without_a_finite_weight_are_not_drawn() {
        let mut rng = stream(2, Purpose::Impute, 0, 0);
        for how in BOTH {
            let weights = [f64::NAN, -2.0, f64::INFINITY, f64::NEG_INFINITY];
            assert_eq!(draw(how, &mut rng, &weights, 3), Some(vec![1; 3]));
            let mut before = rng.clone();
            assert_eq!(draw(how, &mut rng, &[f64::NAN, f64::NEG_INFINITY], 3), None);
            assert_eq!(draw(how, &mut rng, &[], 3), None);
            assert_eq!(rng.next_u64(), before.next_u64(), "a failure leaves the stream where it was");
        }
    }

    #[test]
    fn normalised_weights_and_their_effective_size() {
        let mut weights = [2.0_f64.ln() + 700.0, f64::NAN, 6.0_f64.ln() + 700.0];
        normalise(&mut weights);
        assert_relative_eq!(weights[0], 0.25_f64.ln(), max_relative = 1e-12);
        assert_eq!(weights[1], f64::NEG_INFINITY);
        assert_relative_eq!(effective_sample_size(&weights), 1.6, max_relative = 1e-12);
        let mut none = [f64::NAN, f64::NEG_INFINITY];
        normalise(&mut none);
        assert_eq!((none, effective_sample_size(&none)), ([f64::NEG_INFINITY; 2], 0.0));
        assert_relative_eq!(effective_sample_size(&[-1.0; 7]), 7.0, max_relative = 1e-12);
    }

    proptest! {
        /// Exactly K are drawn, none of weight 0; systematic counts are K·w rounded down or up.
        #[test]
        fn counts_of_any_weights(
            weights in prop::collection::vec(prop_oneof![Just(f64::NEG_INFINITY), -30.0..30.0f64], 1..20),
            count in 1..30usize,
            seed: u64,
        ) {
            let mut normalised = weights.clone();
            normalise(&mut normalised);
            let mut rng = stream(seed, Purpose::Impute, 0, 0);
            for how in BOTH {
                let Some(chosen) = draw(how, &mut rng, &weights, count) else {
                    prop_assert!(weights.iter().all(|w| !w.is_finite()));
                    continue;
                };
                prop_assert_eq!(chosen.len(), count);
                for (s, w) in normalised.iter().enumerate() {
                    let times = chosen.iter().filter(|&&c| c == s).count() as f64;
                    let expected = count as f64 * w.exp();
                    prop_assert!(times == 0.0 || *w > f64::NEG_INFINITY);
                    if how == Resampling::Systematic {
                        prop_assert!((times - expected).abs() < 1.0 + 1e-9, "{} times, {} expected", times, expected);
                    }
                }
            }
        }
    }
}
