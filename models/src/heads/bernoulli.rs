//! Two values, −1 and +1, as of the pixels of an image: a Bernoulli variable for each column (docs/methods.md §1).
//!
//! Outputs: logits. Numbers of a decoded point: ln p(+1) of all columns, then ln p(−1).

use autodiff::{Graph, Var};
use linalg::Scalar;
use linalg::simd::{Kernel, Vector, dispatch};
use linalg::special::{exp, softplus};
use rand::RngExt;
use samplers::likelihood::Summary;
use samplers::stream::Stream;

use super::head::{Head, Points, PointsMut, Unit, fill_missing, fill_summaries, weighted_sums};
use super::traits::ColumnTraits;

/// Columns of −1 and +1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bernoulli;

impl Bernoulli {
    /// There is no scale.
    pub fn new(_min_scale: f64, _limits: &[ColumnTraits]) -> Self {
        Bernoulli
    }
}

impl<T: Scalar> Head<T> for Bernoulli {
    fn outputs(&self) -> usize {
        1
    }

    fn numbers(&self) -> usize {
        2
    }

    fn allows(&self, value: f64) -> bool {
        value.abs() == 1.0
    }

    fn values(&self) -> &'static str {
        "-1 or +1"
    }

    fn is_real(&self) -> bool {
        false
    }

    /// As they are.
    fn unit(&self, _values: &[f64]) -> Option<Unit> {
        Some(Unit { mean: 0.0, scale: 1.0 })
    }

    fn log_density(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, raw: Var, inner: usize) -> Var {
        let above = g.constant_from(x, g.shape(x), |x, above| {
            above.iter_mut().zip(x).for_each(|(a, x)| *a = if *x > T::ZERO { T::ONE } else { T::ZERO });
        });
        g.bernoulli_log_density(above, mask, raw, inner)
    }

    fn decode(&self, raw: Points<'_, T>, decoded: PointsMut<'_, T>) {
        dispatch(LogProbabilities { raw, decoded });
    }

    fn add_log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: Points<'_, T>, out: &mut [T]) {
        let observed = |d: &usize| mask.is_none_or(|mask| mask[*d] > T::ZERO);
        for (point, out) in decoded.rows().zip(out) {
            let (above, below) = point.split_at(x.len());
            let terms = (0..x.len()).filter(observed).map(|d| if x[d] > T::ZERO { above[d] } else { below[d] });
            *out += terms.sum::<T>();
        }
    }

    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize {
        fill_missing(mask, x, |d| {
            let uniform = T::from_f64(rng.random::<f64>());
            let above = exp(decoded[d]);
            if uniform < above {
                T::ONE
            } else if uniform >= above {
                -T::ONE
            } else {
                // Not a number.
                above
            }
        })
    }

    /// The median of two values is the likelier one.
    fn summarise(&self, what: Summary, mask: &[T], weights: &[f64], decoded: Points<'_, T>, x: &mut [T]) -> usize {
        let columns = x.len();
        let mean = |point: &[T], d: usize| exp(point[d].to_f64()) - exp(point[columns + d].to_f64());
        let means = weighted_sums(columns, weights, decoded, mean);
        fill_summaries(mask, x, |d| match (what, means[d]) {
            (Summary::Median, mean) if mean >= 0.0 => 1.0,
            (Summary::Median, mean) if mean < 0.0 => -1.0,
            (_, mean) => mean,
        })
    }
}

/// ln sigmoid(±logit).
struct LogProbabilities<'a, T> {
    raw: Points<'a, T>,
    decoded: PointsMut<'a, T>,
}

impl<T: Scalar> Kernel<T> for LogProbabilities<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        for (logits, out) in self.raw.rows().zip(self.decoded.rows()) {
            let (above, below) = out.split_at_mut(logits.len());
            for ((logits, above), below) in
                logits.chunks(V::LANES).zip(above.chunks_mut(V::LANES)).zip(below.chunks_mut(V::LANES))
            {
                let logit = V::load_partial(logits);
                (-softplus(-logit)).store_partial(above);
                (-softplus(logit)).store_partial(below);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use samplers::likelihood::RowLikelihood;
    use samplers::stream::{Purpose, stream};

    use super::*;
    use crate::heads::{Block, Row};

    /// p(+1) = 0.8, 0.3, and NaN, which leaves the value in place and is counted.
    #[test]
    fn densities_means_and_draws_of_known_probabilities() {
        let row = Row::new([Block::new(Bernoulli, 3)]);
        let decoded = [0.8_f64.ln(), 0.3_f64.ln(), f64::NAN, 0.2_f64.ln(), 0.7_f64.ln(), f64::NAN];
        let x = [1.0, -1.0, 0.0];
        let density = |mask: Option<&[f64]>| {
            let mut out = [0.0];
            row.log_densities(&x, mask, &decoded, &mut out);
            out[0]
        };
        assert_relative_eq!(density(Some(&[1.0, 1.0, 0.0])), 0.56_f64.ln(), max_relative = 1e-14);
        assert!(density(None).is_nan());
        let mut summary = x;
        assert_eq!(row.summarise(Summary::Mean, &[0.0; 3], &[1.0], &decoded, &mut summary), 1);
        assert_relative_eq!(summary[0], 0.6, max_relative = 1e-14);
        assert_eq!(row.summarise(Summary::Median, &[0.0; 3], &[1.0], &decoded, &mut summary), 1);
        assert_eq!(summary, [1.0, -1.0, 0.0]);

        let mut rng = stream(2, Purpose::Impute, 0, 0);
        let mut sums = [0.0; 2];
        for _ in 0..20_000 {
            let mut drawn = [0.0, 0.0, 7.0];
            assert_eq!(row.draw_missing(&mut rng, &[0.0; 3], &decoded, &mut drawn), 1);
            assert!(drawn[..2].iter().all(|x: &f64| x.abs() == 1.0) && drawn[2] == 7.0);
            sums.iter_mut().zip(drawn).for_each(|(sum, x)| *sum += x / 20_000.0);
        }
        // Deviations of the means: √(0.64/20,000) = 0.0057 and 0.0065; 5 of them, exceeded with probability 6e-7 each.
        assert!((sums[0] - 0.6).abs() < 0.029 && (sums[1] + 0.4).abs() < 0.033, "{sums:?}");
    }

    #[test]
    fn logits_are_log_probabilities() {
        let row = Row::new([Block::new(Bernoulli, 2)]);
        let mut decoded = [0.0f64; 4];
        row.decode(&[0.0, 800.0], &mut decoded);
        assert_relative_eq!(decoded[0], 0.5_f64.ln(), max_relative = 1e-14);
        assert_relative_eq!(decoded[2], 0.5_f64.ln(), max_relative = 1e-14);
        assert_eq!((decoded[1], decoded[3]), (0.0, -800.0));
    }
}
