//! Ordered levels: cumulative logits (McCullagh 1980; docs/methods.md §1).
//!
//! P(x ≤ k) = σ((c_k − location)/scale), scale = softplus(raw + ln(e − 1)) + min_scale. The cut points c_k are the logits of
//! the levels' cumulative shares in training: at location 0 and scale 1 the levels are as frequent as there. Values are the
//! levels' numbers, from 1; a missing cell is 0. Outputs: location, then raw scale. The encoder takes L − 1 numbers: 1 for
//! each level that is passed.

use linalg::special::{sigmoid, softplus};
use samplers::likelihood::Summary;
use samplers::stream::Stream;

use super::categorical::{columns, draw_level, is_level, mixed, most_probable};
use super::cells::{CellDistribution, Cells};
use super::traits::ColumnTraits;

/// ln(e − 1): where softplus is 1.
const UNIT: f64 = 0.541_324_854_612_918_1;

/// Columns of ordered levels.
pub type Ordinal = Cells<Grade>;

/// One column of ordered levels.
#[derive(Clone, Debug, PartialEq)]
pub struct Grade {
    /// c_1 … c_{L−1}, ascending.
    cuts: Vec<f64>,
    min_scale: f64,
}

impl Ordinal {
    /// With the columns' levels and a smallest scale. Without traits, a column has one level: to ask what it allows.
    pub fn new(min_scale: f64, traits: &[ColumnTraits]) -> Self {
        Cells::of(columns(traits, |shares| {
            let mut below = 0.0;
            let cuts = shares[..shares.len().saturating_sub(1)].iter().enumerate().map(|(k, share)| {
                below += share;
                let above: f64 = shares[k + 1..].iter().sum();
                below.ln() - above.ln()
            });
            Grade { cuts: cuts.collect(), min_scale }
        }))
    }
}

impl Grade {
    fn levels(&self) -> usize {
        self.cuts.len() + 1
    }

    fn scale(&self, raw: f64) -> f64 {
        softplus(raw + UNIT) + self.min_scale
    }

    /// (c_k − location)/scale below and above level k, counted from 0: infinite at the ends.
    fn bounds(&self, k: usize, raw: &[f64]) -> [Option<f64>; 2] {
        let scale = self.scale(raw[1]);
        let at = |cut: &f64| (cut - raw[0]) / scale;
        [k.checked_sub(1).map(|k| at(&self.cuts[k])), self.cuts.get(k).map(at)]
    }

    /// ln P(level k), counted from 0: ln σ(b) + ln σ(−a) + ln(1 − exp(a − b)) between bounds a and b.
    fn log_probability(&self, k: usize, raw: &[f64]) -> f64 {
        match self.bounds(k, raw) {
            [None, None] => 0.0,
            [None, Some(b)] => -softplus(-b),
            [Some(a), None] => -softplus(a),
            [Some(a), Some(b)] => -softplus(-b) - softplus(a) + (-(a - b).exp_m1()).ln(),
        }
    }

    fn log_probabilities(&self, raw: &[f64], out: &mut [f64]) {
        out.iter_mut().enumerate().for_each(|(k, out)| *out = self.log_probability(k, raw));
    }
}

impl CellDistribution for Grade {
    fn allows(&self, value: f64) -> bool {
        is_level(value)
    }

    fn values(&self) -> &'static str {
        "one of its levels"
    }

    fn outputs(&self) -> usize {
        2
    }

    fn features(&self) -> usize {
        self.cuts.len().max(1)
    }

    fn encode(&self, x: f64, features: &mut [f64]) {
        features.iter_mut().enumerate().for_each(|(k, passed)| *passed = f64::from(x > (k + 1) as f64));
    }

    /// Between bounds a and b, with q = 1/(exp(b − a) − 1): ∂ ln P/∂b = σ(−b) + q, ∂ ln P/∂a = −σ(a) − q.
    fn log_density(&self, x: f64, raw: &[f64], slope: &mut [f64]) -> f64 {
        let k = x as usize - 1;
        let (by_low, by_high) = match self.bounds(k, raw) {
            [Some(a), Some(b)] => {
                let q = 1.0 / (b - a).exp_m1();
                ((-sigmoid(a) - q, a), (sigmoid(-b) + q, b))
            }
            [a, b] => (a.map_or((0.0, 0.0), |a| (-sigmoid(a), a)), b.map_or((0.0, 0.0), |b| (sigmoid(-b), b))),
        };
        let scale = self.scale(raw[1]);
        slope[0] = -(by_low.0 + by_high.0) / scale;
        slope[1] = -(by_low.0 * by_low.1 + by_high.0 * by_high.1) / scale * sigmoid(raw[1] + UNIT);
        self.log_probability(k, raw)
    }

    fn draw(&self, raw: &[f64], rng: &mut Stream) -> f64 {
        let mut log_p = vec![0.0; self.levels()];
        self.log_probabilities(raw, &mut log_p);
        draw_level(&log_p, rng)
    }

    /// The median level; the most probable one in place of a mean.
    fn summary(&self, what: Summary, weights: &[f64], raw: &[f64]) -> f64 {
        let probabilities = mixed(self.levels(), 2, weights, raw, |raw, out| self.log_probabilities(raw, out));
        match what {
            Summary::Mean => most_probable(&probabilities),
            Summary::Median => {
                let half = 0.5 * probabilities.iter().sum::<f64>();
                let mut below = 0.0;
                let median = probabilities.iter().position(|p| {
                    below += p;
                    below >= half
                });
                median.map_or(f64::NAN, |k| (k + 1) as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::super::cells::tests::check_head;
    use super::*;

    fn traits(frequencies: &[f64]) -> ColumnTraits {
        ColumnTraits { frequencies: frequencies.to_vec(), ..ColumnTraits::default() }
    }

    fn grade(shares: &[f64]) -> Grade {
        let mut below = 0.0;
        let cuts = shares[..shares.len() - 1].iter().map(|share| {
            below += share;
            (below / (1.0_f64 - below)).ln()
        });
        Grade { cuts: cuts.collect(), min_scale: 0.0 }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn gradients(x in prop::collection::vec(1..=4u32, 6), raw in prop::collection::vec(-3.0..3.0f64, 24)) {
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            let head = Ordinal::new(0.1, &[traits(&[0.1, 0.2, 0.3, 0.4]), traits(&[0.25; 4])]);
            check_head(&head, 2, &x, &raw);
        }

        /// Probabilities sum to 1.
        #[test]
        fn sums(location in -30.0..30.0f64, raw in -5.0..5.0f64) {
            let grade = grade(&[0.1, 0.4, 0.3, 0.2]);
            let mut log_p = [0.0; 4];
            grade.log_probabilities(&[location, raw], &mut log_p);
            prop_assert!((log_p.iter().map(|p| p.exp()).sum::<f64>() - 1.0).abs() < 1e-13);
        }
    }

    /// At location 0 and scale 1 the levels have their shares. Values far from the location, by mpmath 1.3.0 with 60 digits.
    #[test]
    fn log_probabilities() {
        let grade = grade(&[0.1, 0.4, 0.3, 0.2]);
        for (k, share) in [0.1, 0.4, 0.3, 0.2].into_iter().enumerate() {
            assert_relative_eq!(grade.log_probability(k, &[0.0, 0.0]), f64::ln(share), max_relative = 1e-13);
        }
        for (k, location, expected) in FAR {
            assert_relative_eq!(grade.log_probability(k, &[location, 0.0]), expected, max_relative = 1e-13);
        }
    }

    #[expect(clippy::excessive_precision, reason = "all digits that were computed")]
    const FAR: [(usize, f64, f64); 4] = [
        (0, 50.0, -52.197_224_577_336_22),
        (1, 50.0, -50.117_783_035_656_383),
        (2, -50.0, -50.287_682_072_451_781),
        (3, 50.0, -7.714_999_391_855_671_1e-22),
    ];

    /// Mixture of two points: the median is where the sum passes a half; the mean's place takes the most probable level.
    #[test]
    fn summaries() {
        let grade = grade(&[0.1, 0.4, 0.3, 0.2]);
        let raw = [0.0, 0.0, 100.0, 0.0];
        // 0.4 of the shares, and 0.6 of the last level.
        assert_eq!(grade.summary(Summary::Mean, &[0.4, 0.6], &raw), 4.0);
        assert_eq!(grade.summary(Summary::Median, &[0.9, 0.1], &raw), 3.0);
        assert!(grade.summary(Summary::Mean, &[1.0], &[f64::NAN, 0.0]).is_nan());
        assert!(grade.summary(Summary::Median, &[1.0], &[f64::NAN, 0.0]).is_nan());
    }
}
