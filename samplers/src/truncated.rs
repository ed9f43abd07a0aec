//! Normals above a bound: draws, means, and quantiles of mixtures.

use linalg::Scalar;
use linalg::special::{log_ndtr, log_ndtr_and_slope, ndtr, normal_pdf};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::draw::standard_normal;

/// A draw from N(mean, scale²) above `lower`. Not a number if no number is above it in the type's range.
///
/// Most draws cost one standard normal. One that falls below is drawn again: from a normal where half of the mass or more is
/// above, else from the tail, by rejection from an exponential distribution (Robert 1995, Statistics and Computing 5:121).
pub fn draw_above<T: Scalar>(rng: &mut impl Rng, mean: T, scale: T, lower: T) -> T {
    let first = mean + scale * standard_normal::<T>(rng);
    // What is not a number is the caller's to see.
    if first >= lower || !first.is_finite() {
        return first;
    }
    let bound = (lower.to_f64() - mean.to_f64()) / scale.to_f64();
    if !bound.is_finite() {
        return T::from_f64(f64::NAN);
    }
    let beyond = T::from_f64(scale.to_f64() * (standard_above(rng, bound) - bound));
    let drawn = lower + beyond;
    if drawn < lower { lower } else { drawn }
}

/// A draw from N(0, 1) above `bound`.
pub(crate) fn standard_above(rng: &mut impl Rng, bound: f64) -> f64 {
    if bound <= 0.0 {
        loop {
            let t: f64 = rng.sample(StandardNormal);
            if t >= bound {
                return t;
            }
        }
    }
    // The exponential distribution that accepts most: at least 76%.
    let rate = 0.5 * (bound + bound.hypot(2.0));
    loop {
        // 1 − u is in (0, 1].
        let t = bound - (1.0 - rng.random::<f64>()).ln() / rate;
        if (1.0 - rng.random::<f64>()).ln() <= -0.5 * (t - rate) * (t - rate) {
            return t;
        }
    }
}

/// The mean of N(mean, scale²) above `lower`.
pub fn mean_above(mean: f64, scale: f64, lower: f64) -> f64 {
    let bound = (lower - mean) / scale;
    // Far in the tail the mean is the bound and a little more, which the difference of two large numbers would not tell.
    const FAR: f64 = 50.0;
    if bound > FAR {
        let (one, square) = (1.0 / bound, 1.0 / (bound * bound));
        return lower + scale * one * (1.0 - square * (2.0 - 10.0 * square));
    }
    mean + scale * log_ndtr_and_slope(-bound).1
}

/// The mean of N(mean, scale²) where all that is below `lower` is put at `lower` (Tobin 1958, Econometrica 26:24).
pub fn censored_mean(mean: f64, scale: f64, lower: f64) -> f64 {
    let t = (mean - lower) / scale;
    let (above, density): (f64, f64) = (ndtr(t), normal_pdf(t));
    lower + scale * (t * above + density)
}

/// The `p`-quantile of a mixture of normals, each above `lower`, with normalised weights: Newton's steps inside of a bracket.
///
/// *weights*, *means*, *scales*: N; 0 < p < 1. NaN if a mean or a scale is not finite.
pub fn quantile_above(p: f64, weights: &[f64], means: &[f64], scales: &[f64], lower: f64) -> f64 {
    if !means.iter().chain(scales).all(|number| number.is_finite()) {
        return f64::NAN;
    }
    let bounds: Vec<f64> = means.iter().zip(scales).map(|(mean, scale)| (lower - mean) / scale).collect();
    let log_masses: Vec<f64> = bounds.iter().map(|bound| log_ndtr(-bound)).collect();
    // Of a component whose mass above is nothing to speak of, what is left lies within 40/bound scales of the bound.
    let end = |(mean, scale): (&f64, &f64)| mean.max(lower) + 40.0 * scale;
    let (mut low, mut high) = (lower, means.iter().zip(scales).map(end).fold(lower, f64::max));
    let mut x = weights.iter().zip(means.iter().zip(scales)).map(|(w, (m, s))| w * mean_above(*m, *s, lower)).sum();
    if !(high.is_finite() && log_masses.iter().all(|mass| mass.is_finite())) {
        return f64::NAN;
    }
    for _ in 0..200 {
        if !(low < x && x < high) {
            x = low + 0.5 * (high - low);
        }
        let (mut above, mut density) = (0.0, 0.0);
        for (k, weight) in weights.iter().enumerate() {
            let t = (x - means[k]) / scales[k];
            above += weight * (log_ndtr(-t) - log_masses[k]).exp();
            density += weight * (normal_pdf(t).ln() - log_masses[k]).exp() / scales[k];
        }
        if 1.0 - above < p {
            low = x;
        } else {
            high = x;
        }
        let newton = x - (1.0 - above - p) / density;
        let next = if low < newton && newton < high { newton } else { low + 0.5 * (high - low) };
        if (next - x).abs() <= 1e-12 * (x.abs() + (high - low)) || !(low < next && next < high) {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stream::{Purpose, stream};

    /// Mean and mass of N(mean, scale²) above a bound, by Simpson's rule on 20,000 intervals: exact to 1e-10.
    fn by_rule(mean: f64, scale: f64, lower: f64, until: f64) -> (f64, f64) {
        let n = 20_000;
        let from = lower.max(mean - 12.0 * scale);
        let step = (until - from) / f64::from(n);
        // Relative to the density at the start, which may underflow.
        let at = |x: f64| {
            let (t, first) = ((x - mean) / scale, (from.max(mean) - mean) / scale);
            (-0.5 * (t * t - first * first)).exp()
        };
        let weight = |i: i32| if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        let points = (0..=n).map(|i| (weight(i), from + step * f64::from(i)));
        let (mass, moment) =
            points.fold((0.0, 0.0), |(mass, moment), (w, x)| (mass + w * at(x), moment + w * x * at(x)));
        (moment / mass, mass * step / 3.0)
    }

    #[test]
    fn means_by_simpsons_rule() {
        for (mean, scale, lower) in
            [(0.0, 1.0, 0.0), (3.0, 1.0, 0.0), (-2.0, 0.5, 0.0), (1.0, 2.0, -1.0), (-8.0, 1.0, 0.0)]
        {
            let (expected, _) = by_rule(mean, scale, lower, f64::max(mean, lower) + 12.0 * scale);
            let found = mean_above(mean, scale, lower);
            assert!((found - expected).abs() < 1e-8 * scale, "{found} for {expected}");
        }
        // √(2/π); where nothing is below, the mean itself; on both sides of the switch to the series.
        assert!((mean_above(0.0, 1.0, 0.0) - (2.0 / std::f64::consts::PI).sqrt()).abs() < 1e-15);
        assert_eq!(mean_above(50.0, 1.0, 0.0), 50.0);
        let beyond = |bound: f64| mean_above(-bound, 1.0, 0.0);
        assert!((beyond(49.999_999) / beyond(50.000_001) - 1.0).abs() < 1e-7);
        assert!((beyond(1e9) * 1e9 - 1.0).abs() < 1e-12);
    }

    /// The mass above the bound times the mean above it, and what is below at the bound.
    #[test]
    fn censored_means() {
        for (mean, scale, lower) in [(0.0_f64, 1.0_f64, 0.0_f64), (3.0, 0.5, 1.0), (-2.0, 1.0, 0.0), (-5.0, 2.0, 1.0)] {
            let above = log_ndtr((mean - lower) / scale).exp();
            let expected = above * mean_above(mean, scale, lower) + (1.0 - above) * lower;
            assert!((censored_mean(mean, scale, lower) - expected).abs() < 1e-14, "{expected}");
        }
        assert_eq!(censored_mean(50.0, 1.0, 0.0), 50.0);
        assert_eq!(censored_mean(-50.0, 1.0, 0.0), 0.0);
    }

    /// 20,000 draws: their mean within 5 standard errors, which fails once in 1.7 million times; none below.
    #[test]
    fn draws_have_the_mean_and_stay_above() {
        for (case, (mean, scale, lower)) in
            [(0.5, 1.0, 0.0), (0.0, 1.0, 0.0), (-1.0, 0.5, 0.0), (-3.0, 1.0, 0.0), (-30.0, 2.0, 0.0)]
                .into_iter()
                .enumerate()
        {
            let mut rng = stream(3, Purpose::Impute, 0, case as u64);
            let draws: Vec<f64> = (0..20_000).map(|_| draw_above(&mut rng, mean, scale, lower)).collect();
            assert!(draws.iter().all(|x| *x >= lower));
            let found = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - found).powi(2)).sum::<f64>() / 20_000.0;
            let expected = mean_above(mean, scale, lower);
            assert!((found - expected).abs() < 5.0 * (variance / 20_000.0).sqrt(), "{found} for {expected}");
            let single: Vec<f32> =
                (0..1000).map(|_| draw_above(&mut rng, mean as f32, scale as f32, lower as f32)).collect();
            assert!(single.iter().all(|x| *x >= 0.0));
        }
        let mut rng = stream(3, Purpose::Impute, 1, 0);
        assert!(draw_above(&mut rng, -1.0_f64, 0.0, 0.0).is_nan());
        assert!(draw_above(&mut rng, f32::NAN, 1.0, 0.0).is_nan());
        // Where nothing is below, the draw is that of a normal, to the bit.
        let (mut one, mut other) = (stream(3, Purpose::Impute, 2, 0), stream(3, Purpose::Impute, 2, 0));
        assert_eq!(draw_above(&mut one, 20.0, 1.5, 0.0), 20.0 + 1.5 * standard_normal::<f64>(&mut other));
    }

    proptest! {
        /// The mass between the bound and the quantile, by Simpson's rule, is p of the whole.
        #[test]
        fn quantiles_by_simpsons_rule(mean in -6.0..6.0f64, scale in 0.2..3.0f64, p in 0.01..0.99f64) {
            let lower = 0.5;
            let found = quantile_above(p, &[1.0], &[mean], &[scale], lower);
            let (_, whole) = by_rule(mean, scale, lower, f64::max(mean, lower) + 12.0 * scale);
            let (_, below) = by_rule(mean, scale, lower, found);
            prop_assert!((below / whole - p).abs() < 1e-7, "{} for {p}", below / whole);
        }

        /// Of a mixture, the masses of its components below the quantile add up to p; where nothing is cut off it is that of
        /// the mixture of normals.
        #[test]
        fn quantiles_of_mixtures(
            parts in prop::collection::vec((0.05..1.0f64, -5.0..5.0f64, 0.2..2.0f64), 1..5),
            p in 0.05..0.95f64,
        ) {
            let total: f64 = parts.iter().map(|part| part.0).sum();
            let weights: Vec<f64> = parts.iter().map(|part| part.0 / total).collect();
            let means: Vec<f64> = parts.iter().map(|part| part.1).collect();
            let scales: Vec<f64> = parts.iter().map(|part| part.2).collect();
            let x = quantile_above(p, &weights, &means, &scales, 0.0);
            let below: f64 = (0..parts.len()).map(|k| {
                let (_, whole) = by_rule(means[k], scales[k], 0.0, means[k].max(0.0) + 12.0 * scales[k]);
                let end = x.min(means[k].max(0.0) + 12.0 * scales[k]);
                weights[k] * by_rule(means[k], scales[k], 0.0, end).1 / whole
            }).sum();
            prop_assert!((below - p).abs() < 1e-6, "{below} for {p}");
            let free = quantile_above(p, &weights, &means, &scales, -200.0);
            let expected = crate::quantile::mixture_quantile(p, &weights, &means, &scales);
            prop_assert!((free - expected).abs() < 1e-8, "{free} for {expected}");
        }
    }
}
