//! Categories: a probability for each level (docs/methods.md §1).
//!
//! Values are the levels' numbers, from 1; a missing cell is 0. Outputs: a logit for each level, relative to the level's share
//! in training: P(k) ∝ f_k·exp(raw_k). The encoder takes one number a level: 1 for the cell's own, 0 for others.

use rand::RngExt;
use samplers::likelihood::Summary;
use samplers::stream::Stream;

use super::cells::{CellDistribution, Cells};
use super::traits::ColumnTraits;

/// Columns of categories with the same number of levels.
pub type Categorical = Cells<Category>;

/// One column of categories.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    /// ln f_k.
    log_shares: Vec<f64>,
}

impl Categorical {
    /// With the columns' levels. There is no scale. Without traits, a column has one level: to ask what it allows.
    pub fn new(_min_scale: f64, traits: &[ColumnTraits]) -> Self {
        Cells::of(columns(traits, |shares| Category { log_shares: shares.iter().map(|share| share.ln()).collect() }))
    }
}

/// A column for each of the traits, from its levels' shares.
pub(super) fn columns<D>(traits: &[ColumnTraits], column: impl Fn(&[f64]) -> D) -> Vec<D> {
    match traits {
        [] => vec![column(&[1.0])],
        traits => traits.iter().map(|traits| column(&traits.frequencies)).collect(),
    }
}

/// Whether this can be a level's number.
pub(super) fn is_level(value: f64) -> bool {
    value >= 1.0 && value.fract() == 0.0 && value.is_finite()
}

/// A level's number, drawn with these log probabilities. Not a number if they are none.
pub(super) fn draw_level(log_probabilities: &[f64], rng: &mut Stream) -> f64 {
    let uniform = rng.random::<f64>();
    let mut below = 0.0;
    for (k, log_p) in log_probabilities.iter().enumerate() {
        below += log_p.exp();
        if uniform < below {
            return (k + 1) as f64;
        }
    }
    // The sum of all is 1 but for its rounding.
    if below > 0.5 { log_probabilities.len() as f64 } else { f64::NAN }
}

/// Probabilities of the levels under weighted points. `log_probabilities` turns a point's outputs into those of the levels.
pub(super) fn mixed(
    levels: usize,
    outputs: usize,
    weights: &[f64],
    raw: &[f64],
    log_probabilities: impl Fn(&[f64], &mut [f64]),
) -> Vec<f64> {
    let (mut total, mut own) = (vec![0.0; levels], vec![0.0; levels]);
    for (weight, raw) in weights.iter().zip(raw.chunks_exact(outputs)) {
        log_probabilities(raw, &mut own);
        total.iter_mut().zip(&own).for_each(|(total, log_p)| *total += weight * log_p.exp());
    }
    total
}

/// The number of the most probable level, the first of several. Not a number if the probabilities are none.
pub(super) fn most_probable(probabilities: &[f64]) -> f64 {
    let mut best = 0;
    for (k, p) in probabilities.iter().enumerate() {
        if p.is_nan() {
            return f64::NAN;
        }
        if *p > probabilities[best] {
            best = k;
        }
    }
    (best + 1) as f64
}

impl Category {
    fn log_probabilities(&self, raw: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(raw.iter().zip(&self.log_shares)).for_each(|(out, (raw, share))| *out = raw + share);
        let largest = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let norm = largest + out.iter().map(|logit| (logit - largest).exp()).sum::<f64>().ln();
        out.iter_mut().for_each(|out| *out -= norm);
    }
}

impl CellDistribution for Category {
    fn allows(&self, value: f64) -> bool {
        is_level(value)
    }

    fn values(&self) -> &'static str {
        "one of its categories"
    }

    fn outputs(&self) -> usize {
        self.log_shares.len()
    }

    fn features(&self) -> usize {
        self.log_shares.len()
    }

    fn encode(&self, x: f64, features: &mut [f64]) {
        if let Some(own) = features.get_mut(x as usize - 1) {
            *own = 1.0;
        }
    }

    /// ∂ ln P(k) / ∂ raw_j = \[j = k\] − P(j).
    fn log_density(&self, x: f64, raw: &[f64], slope: &mut [f64]) -> f64 {
        self.log_probabilities(raw, slope);
        let own = x as usize - 1;
        let log_p = slope[own];
        slope.iter_mut().enumerate().for_each(|(j, slope)| *slope = f64::from(j == own) - slope.exp());
        log_p
    }

    fn draw(&self, raw: &[f64], rng: &mut Stream) -> f64 {
        let mut log_p = vec![0.0; raw.len()];
        self.log_probabilities(raw, &mut log_p);
        draw_level(&log_p, rng)
    }

    /// Categories have no mean or median: the most probable one.
    fn summary(&self, _what: Summary, weights: &[f64], raw: &[f64]) -> f64 {
        let levels = self.log_shares.len();
        most_probable(&mixed(levels, levels, weights, raw, |raw, out| self.log_probabilities(raw, out)))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use autodiff::Tape;
    use proptest::prelude::*;
    use samplers::stream::{Purpose, stream};

    use super::super::cells::tests::check_head;
    use super::*;
    use crate::heads::Head;

    fn traits(frequencies: &[f64]) -> ColumnTraits {
        ColumnTraits { frequencies: frequencies.to_vec(), ..ColumnTraits::default() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn gradients(x in prop::collection::vec(1..=3u32, 6), raw in prop::collection::vec(-3.0..3.0f64, 36)) {
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            check_head(&Categorical::new(0.1, &[traits(&[0.2, 0.3, 0.5]), traits(&[0.9, 0.05, 0.05])]), 2, &x, &raw);
        }
    }

    /// Shares at raw outputs 0; logits of ±1,000 leave no probability but keep its logarithm.
    #[test]
    fn log_probabilities() {
        let category = Category { log_shares: [0.2_f64, 0.3, 0.5].map(f64::ln).to_vec() };
        let mut slope = [0.0; 3];
        for (k, share) in [0.2_f64, 0.3, 0.5].into_iter().enumerate() {
            let found = category.log_density((k + 1) as f64, &[0.0; 3], &mut slope);
            assert_relative_eq!(found, share.ln(), max_relative = 1e-14);
        }
        let found = category.log_density(1.0, &[-1000.0, 1000.0, 0.0], &mut slope);
        assert_relative_eq!(found, -2000.0 + 0.2_f64.ln() - 0.3_f64.ln(), max_relative = 1e-14);
        assert_eq!(slope, [1.0, -1.0, 0.0]);
    }

    /// 30,000 draws of three levels: each count within 5 deviations, exceeded with probability 6e-7 a level.
    #[test]
    fn draws_and_summaries() {
        let category = Category { log_shares: [0.2_f64, 0.3, 0.5].map(f64::ln).to_vec() };
        let mut rng = stream(4, Purpose::Impute, 0, 0);
        let mut counts = [0.0_f64; 3];
        (0..30_000).for_each(|_| counts[category.draw(&[0.0; 3], &mut rng) as usize - 1] += 1.0);
        for (count, p) in counts.into_iter().zip([0.2_f64, 0.3, 0.5]) {
            assert!((count - 30_000.0 * p).abs() < 5.0 * (30_000.0 * p * (1.0 - p)).sqrt(), "{counts:?}");
        }
        let raw = [0.0, 0.0, 0.0, 9.0, 0.0, 0.0];
        assert_eq!(category.summary(Summary::Mean, &[0.9, 0.1], &raw), 3.0);
        assert_eq!(category.summary(Summary::Mean, &[0.1, 0.9], &raw), 1.0);
        assert!(category.summary(Summary::Mean, &[1.0], &[f64::NAN, 0.0, 0.0]).is_nan());
        assert!(category.draw(&[f64::NAN, 0.0, 0.0], &mut rng).is_nan());
    }

    /// One number a level, by kind; nothing for a missing cell.
    #[test]
    fn the_encoders_inputs() {
        let head = Categorical::new(0.0, &[traits(&[0.5; 2]), traits(&[0.5; 2])]);
        let mut tape = Tape::<f64>::new();
        let mut g = tape.graph(&[]);
        let x = g.constant([2, 2], &[1.0, 2.0, 0.0, 1.0]);
        let features = head.encode(&mut g, x);
        assert_eq!(g.value(features), [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    }
}
