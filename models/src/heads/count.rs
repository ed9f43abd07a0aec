//! Counts: a negative binomial distribution, with the Poisson distribution as its limit (docs/methods.md §1).
//!
//! With mean μ and dispersion α the variance is μ + αμ². Outputs: ln μ relative to that of the training mean, then the raw
//! dispersion; α = softplus(raw + c) + min_scale², where c makes α the training dispersion at raw = 0. Values are whole numbers
//! from 0. The encoder takes the cell's logarithm, ln(1 + x), in units of its spread in training, and whether it is not 0.

use linalg::special::{sigmoid, softplus};
use rand_distr::{Distribution, Gamma, Poisson};
use samplers::likelihood::Summary;
use samplers::stream::Stream;
use statrs::function::beta::beta_reg;
use statrs::function::gamma::{digamma, gamma_ur, ln_gamma};

use super::cells::{CellDistribution, Cells};
use super::traits::ColumnTraits;

/// Columns of counts.
pub type Count = Cells<Counts>;

/// One column of counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// ln μ at output 0.
    log_mean: f64,
    /// Raw dispersion at output 0.
    shift: f64,
    /// The deviation of ln(1 + x), roughly, at the training mean and dispersion.
    spread: f64,
    min_dispersion: f64,
}

impl Count {
    /// With the columns' training means, and a smallest coefficient of variation beyond that of a Poisson variable. Without
    /// traits: to ask what a column allows.
    pub fn new(min_scale: f64, traits: &[ColumnTraits]) -> Self {
        let column = |counts: Option<[f64; 2]>| {
            let [mean, dispersion] = counts.unwrap_or([1.0, 0.0]);
            // A dispersion of 0 has no raw value: as small a one as matters.
            let dispersion = dispersion.max(0.01);
            Counts {
                log_mean: mean.ln(),
                shift: inverse_softplus(dispersion),
                spread: (dispersion + 1.0 / mean).ln_1p().sqrt(),
                min_dispersion: min_scale * min_scale,
            }
        };
        Cells::of(match traits {
            [] => vec![column(None)],
            traits => traits.iter().map(|traits| column(traits.counts)).collect(),
        })
    }
}

fn inverse_softplus(y: f64) -> f64 {
    y + (-(-y).exp_m1()).ln()
}

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
fn negative_binomial(x: f64, log_mean: f64, alpha: f64) -> (f64, f64, f64) {
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

impl Counts {
    /// ln μ and α.
    fn parameters(&self, raw: &[f64]) -> (f64, f64) {
        (self.log_mean + raw[0], softplus(raw[1] + self.shift) + self.min_dispersion)
    }

    /// P(X ≤ k).
    fn below(&self, k: f64, raw: &[f64]) -> f64 {
        let (log_mean, alpha) = self.parameters(raw);
        // So near to the Poisson distribution that the difference is lost.
        if alpha * log_mean.exp().max(1.0) < 1e-9 {
            return gamma_ur(k + 1.0, log_mean.exp());
        }
        beta_reg(1.0 / alpha, k + 1.0, sigmoid(-(alpha.ln() + log_mean)))
    }
}

impl CellDistribution for Counts {
    fn allows(&self, value: f64) -> bool {
        value >= 0.0 && value.fract() == 0.0 && value.is_finite()
    }

    fn values(&self) -> &'static str {
        "a whole number from 0"
    }

    fn outputs(&self) -> usize {
        2
    }

    fn features(&self) -> usize {
        2
    }

    fn encode(&self, x: f64, features: &mut [f64]) {
        features[0] = (x.ln_1p() - self.log_mean.exp().ln_1p()) / self.spread;
        features[1] = f64::from(x > 0.0);
    }

    fn log_density(&self, x: f64, raw: &[f64], slope: &mut [f64]) -> f64 {
        let (log_mean, alpha) = self.parameters(raw);
        let (log_p, by_log_mean, by_alpha) = negative_binomial(x, log_mean, alpha);
        slope[0] = by_log_mean;
        slope[1] = by_alpha * sigmoid(raw[1] + self.shift);
        log_p
    }

    /// A Poisson variable whose mean is a gamma variable.
    fn draw(&self, raw: &[f64], rng: &mut Stream) -> f64 {
        let (log_mean, alpha) = self.parameters(raw);
        let Ok(gamma) = Gamma::new(1.0 / alpha, alpha) else { return f64::NAN };
        let mean = gamma.sample(rng) * log_mean.exp();
        if mean == 0.0 {
            return 0.0;
        }
        Poisson::new(mean).map_or(f64::NAN, |poisson| poisson.sample(rng))
    }

    fn summary(&self, what: Summary, weights: &[f64], raw: &[f64]) -> f64 {
        let points = || weights.iter().zip(raw.chunks_exact(2));
        let mean: f64 = points().map(|(weight, raw)| weight * self.parameters(raw).0.exp()).sum();
        if what == Summary::Mean || !mean.is_finite() {
            return mean;
        }
        let half = |k: f64| points().map(|(weight, raw)| weight * self.below(k, raw)).sum::<f64>() >= 0.5;
        // By doubling, then by halving: at least half is not above `high`.
        let (mut low, mut high) = (-1.0, mean.ceil().max(1.0));
        while !half(high) {
            (low, high) = (high, 2.0 * high);
            if !high.is_finite() {
                return f64::NAN;
            }
        }
        while high - low > 1.0 {
            let middle = ((low + high) / 2.0).floor();
            if half(middle) { high = middle } else { low = middle }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;
    use samplers::stream::{Purpose, stream};

    use super::super::cells::tests::check_head;
    use super::*;

    fn traits(mean: f64, dispersion: f64) -> ColumnTraits {
        ColumnTraits { counts: Some([mean, dispersion]), ..ColumnTraits::default() }
    }

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
            let found = negative_binomial(x, log_mean, alpha);
            assert_relative_eq!(found.0, log_p, max_relative = 1e-12, epsilon = 1e-14 * x.max(1.0));
            assert_relative_eq!(found.1, by_log_mean, max_relative = 1e-12, epsilon = 1e-14 * x.max(1.0));
            assert_relative_eq!(found.2, by_alpha, max_relative = 1e-6);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn gradients(
            x in prop::collection::vec(0..60u32, 6),
            raw in prop::collection::vec(-2.0..2.0f64, 24),
            mean in 0.1..30.0f64,
        ) {
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            check_head(&Count::new(0.1, &[traits(mean, 0.4), traits(2.0, 0.0)]), 2, &x, &raw);
        }

        /// Probabilities sum to 1, their mean is μ, and their variance μ + αμ²; sums of them are P(X ≤ k).
        #[test]
        fn moments(log_mean in -2.0..2.5f64, alpha in 1e-7..0.8f64) {
            let mean = log_mean.exp();
            let p: Vec<f64> = (0..2_000).map(|x| negative_binomial(f64::from(x), log_mean, alpha).0.exp()).collect();
            let moment = |f: &dyn Fn(f64) -> f64| p.iter().enumerate().map(|(x, p)| f(x as f64) * p).sum::<f64>();
            prop_assert!((moment(&|_| 1.0) - 1.0).abs() < 1e-10);
            prop_assert!((moment(&|x| x) / mean - 1.0).abs() < 1e-9);
            prop_assert!((moment(&|x| (x - mean).powi(2)) / (mean + alpha * mean * mean) - 1.0).abs() < 1e-8);
            let head = Counts { log_mean, shift: inverse_softplus(alpha), spread: 1.0, min_dispersion: 0.0 };
            let below: f64 = p[..=4].iter().sum();
            prop_assert!((head.below(4.0, &[0.0, 0.0]) - below).abs() < 1e-7);
        }
    }

    /// Of ½·NB(4, ½) + ½·NB(20, 0.1): 40,000 draws, the share at or below the median and their mean within 5 deviations of
    /// what they should be, exceeded with probability 1.2e-6.
    #[test]
    fn draws_and_summaries() {
        let head = Count::new(0.0, &[traits(4.0, 0.5)]);
        let cell = &Counts { min_dispersion: 0.0, ..head_cell(4.0, 0.5) };
        let raw = [0.0, 0.0, 5.0_f64.ln(), inverse_softplus(0.1) - inverse_softplus(0.5)];
        let weights = [0.5, 0.5];
        assert!((cell.summary(Summary::Mean, &weights, &raw) - 12.0).abs() < 1e-12);
        let median = cell.summary(Summary::Median, &weights, &raw);
        let below = |k: f64| 0.5 * cell.below(k, &raw[..2]) + 0.5 * cell.below(k, &raw[2..]);
        assert!(below(median) >= 0.5 && below(median - 1.0) < 0.5);
        let mut rng = stream(4, Purpose::Impute, 0, 0);
        let (mut sum, mut count) = (0.0, 0);
        for n in 0..40_000 {
            let x = cell.draw(&raw[2 * (n % 2)..][..2], &mut rng);
            assert!(cell.allows(x));
            sum += x;
            count += usize::from(x <= median);
        }
        // Variances 4 + ½·16 = 12 and 20 + 0.1·400 = 60.
        let deviation = (36.0_f64 / 40_000.0).sqrt();
        assert!((sum / 40_000.0 - 12.0).abs() < 5.0 * deviation, "{sum}");
        assert!((count as f64 / 40_000.0 - below(median)).abs() < 5.0 * 0.0025, "{count}");
        assert_eq!(autodiff_outputs(&head), 2);
    }

    fn head_cell(mean: f64, dispersion: f64) -> Counts {
        Counts { log_mean: mean.ln(), shift: inverse_softplus(dispersion), spread: 1.0, min_dispersion: 0.0 }
    }

    fn autodiff_outputs(head: &Count) -> usize {
        crate::heads::Head::<f64>::outputs(head)
    }
}
