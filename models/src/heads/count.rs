//! Counts: a negative binomial distribution, with the Poisson distribution as its limit (docs/methods.md §1).
//!
//! With mean μ and dispersion α the variance is μ + αμ². Outputs: ln μ relative to that of the training mean, then the raw
//! dispersion; α = softplus(raw + c) + min_scale², where c makes α the training dispersion at raw = 0. Values are whole numbers
//! from 0. The encoder takes the cell's logarithm, ln(1 + x), in units of its spread in training, and whether it is not 0.

use linalg::special::{sigmoid, softplus};
use samplers::likelihood::Summary;
use samplers::stream::Stream;

use super::cells::{CellDistribution, Cells};
use super::negative_binomial::{NegativeBinomial, log_density, median_between, smallest};
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
    /// The least and the largest count of draws and summaries.
    bounds: Option<(f64, f64)>,
}

impl Count {
    /// With the columns' training means, and a smallest coefficient of variation beyond that of a Poisson variable. Without
    /// traits: to ask what a column allows.
    pub fn new(min_scale: f64, traits: &[ColumnTraits]) -> Self {
        let column = |traits: &ColumnTraits| {
            let [mean, dispersion] = traits.counts.unwrap_or([1.0, 0.0]);
            // A dispersion of 0 has no raw value: as small a one as matters.
            let dispersion = dispersion.max(0.01);
            Counts {
                log_mean: mean.ln(),
                shift: inverse_softplus(dispersion),
                spread: (dispersion + 1.0 / mean).ln_1p().sqrt(),
                min_dispersion: min_scale * min_scale,
                bounds: (traits.min.is_some() || traits.max.is_some()).then(|| {
                    // A model's bounds lie beside the whole numbers by a rounding error.
                    let low = traits.min.map_or(0.0, |min| min.round().max(0.0));
                    (low, traits.max.map_or(f64::INFINITY, f64::round))
                }),
            }
        };
        Cells::of(match traits {
            [] => vec![column(&ColumnTraits::default())],
            traits => traits.iter().map(column).collect(),
        })
    }
}

fn inverse_softplus(y: f64) -> f64 {
    y + (-(-y).exp_m1()).ln()
}

impl Counts {
    fn of(&self, raw: &[f64]) -> NegativeBinomial {
        NegativeBinomial {
            log_mean: self.log_mean + raw[0],
            alpha: softplus(raw[1] + self.shift) + self.min_dispersion,
        }
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
        let NegativeBinomial { log_mean, alpha } = self.of(raw);
        let (log_p, by_log_mean, by_alpha) = log_density(x, log_mean, alpha);
        slope[0] = by_log_mean;
        slope[1] = by_alpha * sigmoid(raw[1] + self.shift);
        log_p
    }

    fn draw(&self, raw: &[f64], rng: &mut Stream) -> f64 {
        match self.bounds {
            None => self.of(raw).draw(rng),
            Some((low, high)) => self.of(raw).draw_between(rng, low, high),
        }
    }

    fn summary(&self, what: Summary, weights: &[f64], raw: &[f64]) -> f64 {
        let points = || weights.iter().zip(raw.chunks_exact(2).map(|raw| self.of(raw)));
        let mean =
            |of: &dyn Fn(NegativeBinomial) -> f64| points().map(|(weight, point)| weight * of(point)).sum::<f64>();
        match (what, self.bounds) {
            (Summary::Mean, Some((low, high))) => mean(&|point| point.mean_between(low, high)),
            (Summary::Median, Some((low, high))) => {
                median_between(&points().map(|(weight, point)| (*weight, point)).collect::<Vec<_>>(), low, high)
            }
            (_, None) => {
                let mean = mean(&|point| point.log_mean.exp());
                if what == Summary::Mean || !mean.is_finite() {
                    return mean;
                }
                let half = |k| points().map(|(weight, point)| weight * point.below(k)).sum::<f64>() >= 0.5;
                smallest(0.0, f64::INFINITY, half)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use samplers::stream::{Purpose, stream};

    use super::super::cells::tests::check_head;
    use super::*;

    fn traits(mean: f64, dispersion: f64) -> ColumnTraits {
        ColumnTraits { counts: Some([mean, dispersion]), ..ColumnTraits::default() }
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
        let below = |k: f64| 0.5 * cell.of(&raw[..2]).below(k) + 0.5 * cell.of(&raw[2..]).below(k);
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
        Counts {
            log_mean: mean.ln(),
            shift: inverse_softplus(dispersion),
            spread: 1.0,
            min_dispersion: 0.0,
            bounds: None,
        }
    }

    fn autodiff_outputs(head: &Count) -> usize {
        crate::heads::Head::<f64>::outputs(head)
    }
}
