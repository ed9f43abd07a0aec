//! The negative binomial distribution by mean μ and dispersion α: variance μ + αμ².
//!
//! Densities and tails are accurate for counts of 10⁶ and for dispersions near 0, where it is the Poisson distribution.

use linalg::special::{sigmoid, softplus};
use rand::RngExt;
use rand_distr::{Distribution, Gamma, Poisson};
use samplers::stream::Stream;
use statrs::function::beta::beta_reg;
use statrs::function::gamma::{digamma, gamma_lr, gamma_ur, ln_gamma};

/// From this 1/α on, differences of gamma functions are computed by their asymptotic series: the next term is below 1e-16.
const LARGE: f64 = 16.0;

/// Stirling's series: ln Γ(y) − (y − ½) ln y + y − ½ ln 2π.
fn stirling(y: f64) -> f64 {
    let z = 1.0 / (y * y);
    (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z * (1.0 / 1680.0 - z / 1188.0)))) / y
}

/// ln y − 1/(2y) − ψ(y).
fn digamma_rest(y: f64) -> f64 {
    let z = 1.0 / (y * y);
    z * (1.0 / 12.0 - z * (1.0 / 120.0 - z * (1.0 / 252.0 - z * (1.0 / 240.0 - z / 132.0))))
}

/// t − ln(1 + t), where ln(1 + t) is known.
fn beyond_log(t: f64, log: f64) -> f64 {
    if t.abs() > 0.03 {
        return t - log;
    }
    // t²/2 − t³/3 + …: twelve terms leave 1e-17 of the first.
    (2..14).rev().fold(0.0, |sum, k| 1.0 / f64::from(k) - t * sum) * t * t
}

/// ln P(x) for mean exp(`log_mean`) and dispersion `alpha`, in nats, and its derivatives by both.
pub(super) fn log_density(x: f64, log_mean: f64, alpha: f64) -> (f64, f64, f64) {
    let r = 1.0 / alpha;
    let s = alpha.ln() + log_mean;
    // ln(1 + αμ) and αμ/(1 + αμ).
    let (log_sum, share) = (softplus(s), sigmoid(s));
    // ln Γ(x + r) − ln Γ(r) − x ln r.
    let rising = match r < LARGE {
        true => ln_gamma(x + r) - ln_gamma(r) - x * r.ln(),
        false => (x + r - 0.5) * (x / r).ln_1p() - x + stirling(x + r) - stirling(r),
    };
    let log_p = rising + x * log_mean - (x + r) * log_sum - ln_gamma(x + 1.0);
    let by_log_mean = x - (x + r) * share;
    let by_alpha = match r < LARGE {
        true => r * r * (digamma(r) - digamma(x + r) + x / r + log_sum - (x + r) * share / r),
        false => {
            // (x − μ)/(r + μ), and the logarithm of 1 + that.
            let t = x / r * (-log_sum).exp() - share;
            let log = (x / r).ln_1p() - log_sum;
            let log = if t.abs() < 0.5 { t.ln_1p() } else { log };
            r * r * (beyond_log(t, log) - 0.5 * x / (r * (x + r)) + digamma_rest(x + r) - digamma_rest(r))
        }
    };
    (log_p, by_log_mean, by_alpha)
}

/// A negative binomial variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NegativeBinomial {
    pub(super) log_mean: f64,
    pub(super) alpha: f64,
}

/// Attempts to draw between bounds by chance, before the quantile of a uniform number is looked for.
const ATTEMPTS: usize = 32;
/// Up to so many counts are added up one by one.
const COUNTS: f64 = 256.0;

impl NegativeBinomial {
    /// So near to the Poisson distribution that the difference is lost.
    fn is_poisson(&self) -> bool {
        self.alpha * self.log_mean.exp().max(1.0) < 1e-9
    }

    /// P(X ≤ k).
    pub(super) fn below(&self, k: f64) -> f64 {
        match k {
            k if k < 0.0 => 0.0,
            k if k.is_infinite() => 1.0,
            k if self.is_poisson() => gamma_ur(k + 1.0, self.log_mean.exp()),
            k => beta_reg(1.0 / self.alpha, k + 1.0, sigmoid(-(self.alpha.ln() + self.log_mean))),
        }
    }

    /// P(X > k), accurate where it is small.
    fn above(&self, k: f64) -> f64 {
        match k {
            k if k < 0.0 => 1.0,
            k if k.is_infinite() => 0.0,
            k if self.is_poisson() => gamma_lr(k + 1.0, self.log_mean.exp()),
            k => beta_reg(k + 1.0, 1.0 / self.alpha, sigmoid(self.alpha.ln() + self.log_mean)),
        }
    }

    /// P(low ≤ X ≤ high), from the tail in which the bounds are.
    fn between(&self, low: f64, high: f64) -> f64 {
        if high < low {
            return 0.0;
        }
        if high - low < COUNTS {
            return self.terms(low, high).map(|(_, log_p)| log_p.exp()).sum();
        }
        match low > self.log_mean.exp() {
            true => self.above(low - 1.0) - self.above(high),
            false => self.below(high) - self.below(low - 1.0),
        }
    }

    /// The counts from `low` to `high`, with their log densities.
    fn terms(&self, low: f64, high: f64) -> impl Iterator<Item = (f64, f64)> {
        let count = (high - low + 1.0).max(0.0) as usize;
        (0..count).map(move |step| low + step as f64).map(|x| (x, log_density(x, self.log_mean, self.alpha).0))
    }

    /// The counts from `low` to `high` with their shares, whose sum is 1: they do not underflow together.
    fn shares(&self, low: f64, high: f64) -> Vec<(f64, f64)> {
        let mut terms: Vec<(f64, f64)> = self.terms(low, high).collect();
        let largest = terms.iter().fold(f64::NEG_INFINITY, |largest, (_, log_p)| largest.max(*log_p));
        terms.iter_mut().for_each(|(_, log_p)| *log_p = (*log_p - largest).exp());
        let all: f64 = terms.iter().map(|(_, p)| p).sum();
        terms.iter_mut().for_each(|(_, p)| *p /= all);
        terms
    }

    /// A draw: a Poisson variable whose mean is a gamma variable.
    pub(super) fn draw(&self, rng: &mut Stream) -> f64 {
        let Ok(gamma) = Gamma::new(1.0 / self.alpha, self.alpha) else { return f64::NAN };
        let mean = gamma.sample(rng) * self.log_mean.exp();
        if mean == 0.0 {
            return 0.0;
        }
        Poisson::new(mean).map_or(f64::NAN, |poisson| poisson.sample(rng))
    }

    /// A draw from `low` to `high`. Not a number where the mass between them underflows.
    pub(super) fn draw_between(&self, rng: &mut Stream, low: f64, high: f64) -> f64 {
        for _ in 0..ATTEMPTS {
            let drawn = self.draw(rng);
            if drawn.is_nan() || (low <= drawn && drawn <= high) {
                return drawn;
            }
        }
        let share: f64 = rng.random();
        smallest(low, high, |k| self.share_below(k, low, high) > share)
    }

    /// P(X ≤ k | low ≤ X ≤ high).
    pub(super) fn share_below(&self, k: f64, low: f64, high: f64) -> f64 {
        if high - low < COUNTS {
            return self.shares(low, high).iter().take_while(|(x, _)| *x <= k).map(|(_, p)| p).sum();
        }
        self.between(low, k) / self.between(low, high)
    }

    /// E\[X | low ≤ X ≤ high\]. Not a number where the mass between them underflows.
    pub(super) fn mean_between(&self, low: f64, high: f64) -> f64 {
        if high - low < COUNTS {
            return self.shares(low, high).iter().map(|(x, p)| x * p).sum();
        }
        // k·P(k; μ, α) = μ·P(k − 1; μ(1 + α), α/(1 + α)): the number of events has one more.
        let moved =
            NegativeBinomial { log_mean: self.log_mean + self.alpha.ln_1p(), alpha: self.alpha / (1.0 + self.alpha) };
        self.log_mean.exp() * moved.between((low - 1.0).max(0.0), high - 1.0) / self.between(low, high)
    }
}

/// The median, from `low` to `high`, of a mixture of such variables with these weights, of sum 1, each between the bounds.
pub(super) fn median_between(points: &[(f64, NegativeBinomial)], low: f64, high: f64) -> f64 {
    if high - low >= COUNTS {
        let masses: Vec<f64> = points.iter().map(|(_, point)| point.between(low, high)).collect();
        let below = |k: f64| {
            let points = points.iter().zip(&masses);
            points.map(|((weight, point), mass)| weight * point.between(low, k) / mass).sum::<f64>()
        };
        return smallest(low, high, |k| below(k) >= 0.5);
    }
    let mut mixture: Vec<(f64, f64)> = Vec::new();
    for (weight, point) in points {
        let shares = point.shares(low, high);
        mixture.resize_with(shares.len(), Default::default);
        mixture.iter_mut().zip(shares).for_each(|(sum, (x, p))| *sum = (x, sum.1 + weight * p));
    }
    let mut below = 0.0;
    let half = mixture.into_iter().find(|(_, p)| {
        below += p;
        below >= 0.5
    });
    half.map_or(f64::NAN, |(x, _)| x)
}

/// The smallest whole number from `low` to `high` of which something holds that holds of all larger ones: by doubling the
/// distance, then by halving. Not a number if it holds of none.
pub(super) fn smallest(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut below, mut step) = (low - 1.0, 1.0);
    let mut found = loop {
        let next = (below + step).min(high);
        if holds(next) {
            break next;
        }
        if next >= high || !next.is_finite() {
            return f64::NAN;
        }
        (below, step) = (next, 2.0 * step);
    };
    while found - below > 1.0 {
        let middle = ((below + found) / 2.0).floor();
        if holds(middle) { found = middle } else { below = middle }
    }
    found
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;
    use samplers::stream::{Purpose, stream};

    use super::*;

    /// x, ln μ, α, ln P(x) and its derivatives by both: by mpmath 1.3.0 with 60 digits.
    #[expect(clippy::excessive_precision, clippy::approx_constant, reason = "all digits that were computed")]
    const FIXTURES: [(f64, f64, f64, f64, f64, f64); 12] = [
        (0.0, 0.0, 1.0, -0.693_147_180_559_945_31, -0.5, 0.193_147_180_559_945_31),
        (3.0, 1.5, 0.5, -2.072_316_954_766_795_8, -0.457_192_270_181_137_99, -0.544_382_054_330_128_89),
        (7.0, 2.0, 1e-06, -1.914_220_884_302_623_3, -0.389_053_224_194_551_18, -3.424_295_441_568_477_3),
        (12.0, 2.5, 1e-10, -2.169_708_456_963_694_4, -0.182_493_960_481_150_28, -5.983_347_970_193_749_6),
        (1e6, 13.8, 0.01, -12.444_837_408_469_719, 1.562_988_358_232_476_5, -48.869_446_922_845_801),
        (1e6, 13.8155, 1e-08, -7.831_724_244_234_720_2, 10.453_375_883_702_605, -494_994.870_062_615_52),
        (0.0, 12.0, 0.3, -35.986_825_587_240_607, -3.333_265_065_705_354_7, 108.845_201_738_450_84),
        (5.0, -20.0, 2.0, -97.936_306_837_960_993, 4.999_999_977_327_310_2, 1.606_349_196_043_438_3),
        (40.0, 3.0, 30.0, -7.228_933_600_089_480_2, 0.032_994_667_564_824_429, -0.029_786_840_616_372_033),
        (999.0, 7.0, 0.0625, -6.518_996_844_761_077, -1.403_994_230_283_207_3, -6.909_832_501_205_776_4),
        (1000.0, 7.0, 0.0624, -6.517_899_276_892_047_5, -1.391_808_799_704_063_8, -6.941_143_987_803_712_6),
        (123_456.0, 11.0, 0.0001, -2_989.588_439_898_495_4, 9_099.483_260_053_117_7, 26_282_588.448_474_881),
    ];

    /// At a million, where terms of 1e7 cancel, to 1e-8; the derivative by α, with what is left of its terms.
    #[test]
    fn densities_of_large_and_small_counts() {
        for (x, log_mean, alpha, log_p, by_log_mean, by_alpha) in FIXTURES {
            let found = log_density(x, log_mean, alpha);
            assert_relative_eq!(found.0, log_p, max_relative = 1e-12, epsilon = 1e-14 * x.max(1.0));
            assert_relative_eq!(found.1, by_log_mean, max_relative = 1e-12, epsilon = 1e-14 * x.max(1.0));
            assert_relative_eq!(found.2, by_alpha, max_relative = 1e-6);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Probabilities sum to 1, their mean is μ, and their variance μ + αμ²; sums of them are tails, and means between
        /// bounds.
        #[test]
        fn moments_and_tails(log_mean in -2.0..2.5f64, alpha in 1e-7..0.8f64, low in 0..40u32, width in 0..400u32) {
            let (mean, own) = (log_mean.exp(), NegativeBinomial { log_mean, alpha });
            let p: Vec<f64> = (0..2_000).map(|x| log_density(f64::from(x), log_mean, alpha).0.exp()).collect();
            let moment = |f: &dyn Fn(f64) -> f64| p.iter().enumerate().map(|(x, p)| f(x as f64) * p).sum::<f64>();
            prop_assert!((moment(&|_| 1.0) - 1.0).abs() < 1e-10);
            prop_assert!((moment(&|x| x) / mean - 1.0).abs() < 1e-9);
            prop_assert!((moment(&|x| (x - mean).powi(2)) / (mean + alpha * mean * mean) - 1.0).abs() < 1e-8);
            let below: f64 = p[..=4].iter().sum();
            prop_assert!((own.below(4.0) - below).abs() < 1e-7);
            let (low, high) = (f64::from(low), f64::from(low + width));
            let within = |x: f64| f64::from(low <= x && x <= high);
            let mass = moment(&within);
            if mass > 1e-200 {
                let found = own.mean_between(low, high);
                let expected = moment(&|x| x * within(x)) / mass;
                prop_assert!((found / expected.max(1e-300) - 1.0).abs() < 1e-6 || (found - expected).abs() < 1e-9, "{found} for {expected}");
                let middle = low + (f64::from(width) / 3.0).floor();
                let share = moment(&|x| f64::from(low <= x && x <= middle)) / mass;
                prop_assert!((own.share_below(middle, low, high) - share).abs() < 1e-6);
                let median = median_between(&[(0.25, own), (0.75, own)], low, high);
                let below = |k: f64| moment(&|x| f64::from(low <= x && x <= k)) / mass;
                prop_assert!(below(median) >= 0.5 - 1e-9 && below(median - 1.0) < 0.5 + 1e-9, "{median}");
            }
        }
    }

    /// 20,000 draws between bounds, near and far in the tails: their mean within 5 standard errors, exceeded once in 1.7 million
    /// times a case.
    #[test]
    fn draws_between_bounds() {
        let none = f64::INFINITY;
        let cases = [
            (1.0, 0.5, 2.0, none),
            (1.0, 0.1, 9.0, none),
            (1.0, 0.5, 2.0, 5.0),
            (1.0, 0.1, 0.0, 400.0),
            (3.0, 0.2, 90.0, 100.0),
            (1.0, 1e-12, 9.0, 900.0),
        ];
        for (case, (log_mean, alpha, low, high)) in cases.into_iter().enumerate() {
            let own = NegativeBinomial { log_mean, alpha };
            let mut rng = stream(6, Purpose::Impute, 0, case as u64);
            let draws: Vec<f64> = (0..20_000).map(|_| own.draw_between(&mut rng, low, high)).collect();
            assert!(draws.iter().all(|x| low <= *x && *x <= high && x.fract() == 0.0));
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
            let expected = own.mean_between(low, high);
            assert!((mean - expected).abs() < 5.0 * (variance / 20_000.0).sqrt(), "{mean} for {expected}");
        }
    }

    /// Half of the draws without a largest count are up to the median, to 5 deviations.
    #[test]
    fn medians_without_a_largest_count() {
        let points = [(0.5, 1.0, 0.5), (0.5, 3.0, 0.1)];
        let points = points.map(|(weight, log_mean, alpha)| (weight, NegativeBinomial { log_mean, alpha }));
        let median = median_between(&points, 2.0, f64::INFINITY);
        let mut rng = stream(7, Purpose::Impute, 0, 0);
        let mut count = |k: f64| {
            let draws = (0..20_000).filter(|n| points[n % 2].1.draw_between(&mut rng, 2.0, f64::INFINITY) <= k);
            draws.count() as f64 / 20_000.0
        };
        assert!(count(median) >= 0.5 - 5.0 * 0.0036 && count(median - 1.0) < 0.5 + 5.0 * 0.0036, "{median}");
    }

    #[test]
    fn smallest_numbers() {
        assert_eq!(smallest(3.0, 1e9, |k| k >= 12_345.0), 12_345.0);
        assert_eq!(smallest(3.0, 1e9, |_| true), 3.0);
        assert!(smallest(0.0, 5.0, |_| false).is_nan());
        assert!(smallest(0.0, f64::INFINITY, |_| false).is_nan());
    }
}
