//! Positive numbers: a log-normal for each column, with a mean and a scale of the logarithm (docs/methods.md §1).
//!
//! log p(x) = log N(ln x; mean, scale) − ln x. Outputs: means, then raw scales; scale = softplus(raw) + min_scale. Numbers of a
//! decoded point: means, then scales. The encoder takes ln x; a model's unit is the geometric mean of the observed values, so
//! that logarithms have mean zero. A missing cell is 0, which no value is.

use std::sync::Arc;

use autodiff::{Graph, Var};
use linalg::Scalar;
use linalg::special::{exp, ln};
use samplers::draw::standard_normal;
use samplers::likelihood::Summary;
use samplers::stream::Stream;

use super::gaussian::{Bounds, Gaussian, Interval, Median};
use super::head::{Head, Points, PointsMut, Unit, fill_missing, fill_summaries, weighted_sums};
use super::traits::ColumnTraits;

/// Columns of positive numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct LogNormal {
    /// Of the logarithms.
    normal: Gaussian,
    /// Bounds of the logarithms: of each column, or none.
    bounds: Arc<[Bounds]>,
}

impl LogNormal {
    /// With a smallest scale of the logarithm, and bounds of the columns. A smallest scale of a column would be one of the
    /// values themselves, and does not apply.
    pub fn new(min_scale: f64, limits: &[ColumnTraits]) -> Self {
        // A least value that is not positive bounds nothing.
        let low = |limits: &ColumnTraits| limits.min.filter(|min| *min > 0.0).map(f64::ln);
        let bounds = limits.iter().map(|limits| match (low(limits), limits.max.map(f64::ln)) {
            (low, Some(high)) => Bounds::Between(Interval { low: low.unwrap_or(f64::NEG_INFINITY), high }),
            (Some(low), None) => Bounds::Above(low),
            (None, None) => Bounds::None,
        });
        LogNormal { normal: Gaussian::new(min_scale, &[]), bounds: bounds.collect() }
    }

    fn bounds(&self, d: usize) -> Bounds {
        self.bounds.get(d).copied().unwrap_or(Bounds::None)
    }
}

/// ln x, and 0 of a missing cell, which is 0.
fn log_or_zero<T: Scalar>(x: T) -> T {
    if x == T::ZERO { T::ZERO } else { ln(x) }
}

/// A number that is 0 because it underflowed is none: 0 is a missing cell.
fn positive<T: Scalar>(x: T) -> T {
    if x > T::ZERO { x } else { T::from_f64(f64::NAN) }
}

/// As [`positive`], of a number that is to be rounded to `T`.
fn in_range<T: Scalar>(x: f64) -> f64 {
    positive(T::from_f64(x)).to_f64()
}

/// Σ ln x over the observed columns; over all where there is no mask.
fn log_volume<T: Scalar>(x: &[T], mask: Option<&[T]>) -> T {
    let observed = |d: &usize| mask.is_none_or(|mask| mask[*d] > T::ZERO);
    (0..x.len()).filter(observed).map(|d| ln(x[d])).sum()
}

impl<T: Scalar> Head<T> for LogNormal {
    fn outputs(&self) -> usize {
        Head::<T>::outputs(&self.normal)
    }

    fn numbers(&self) -> usize {
        Head::<T>::numbers(&self.normal)
    }

    fn allows(&self, value: f64) -> bool {
        value.is_finite() && value > 0.0
    }

    fn values(&self) -> &'static str {
        "a number above 0"
    }

    fn is_real(&self) -> bool {
        false
    }

    /// The geometric mean. None if a value is not positive, or all are equal.
    fn unit(&self, values: &[f64]) -> Option<Unit> {
        if !values.iter().all(|x| *x > 0.0) {
            return None;
        }
        let logs: Vec<f64> = values.iter().map(|x| x.ln()).collect();
        let Unit { mean, .. } = Head::<f64>::unit(&self.normal, &logs)?;
        let scale = mean.exp();
        scale.is_normal().then_some(Unit { mean: 0.0, scale })
    }

    fn encode(&self, g: &mut Graph<'_, T>, x: Var) -> Var {
        g.constant_from(x, g.shape(x), |x, logs| logs.iter_mut().zip(x).for_each(|(log, x)| *log = log_or_zero(*x)))
    }

    fn log_density(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, raw: Var, inner: usize) -> Var {
        let logs = Head::encode(self, g, x);
        let density = self.normal.log_density(g, logs, mask, raw, inner);
        // Σ ln x of each row, once for each of its points.
        let (rows, shape) = (g.shape(x).rows(), g.shape(density));
        let observed = g.mul(logs, mask);
        let volume = g.sum(observed, &[1]);
        let volume = g.reshape(volume, [1, rows, 1]);
        let density = g.reshape(density, [shape.len() / (rows * inner).max(1), rows, inner]);
        let density = g.sub(density, volume);
        g.reshape(density, shape)
    }

    fn decode(&self, raw: Points<'_, T>, decoded: PointsMut<'_, T>) {
        self.normal.decode(raw, decoded);
    }

    fn add_log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: Points<'_, T>, out: &mut [T]) {
        let logs: Vec<T> = x.iter().map(|x| log_or_zero(*x)).collect();
        self.normal.add_log_densities(&logs, mask, decoded, out);
        let volume = log_volume(x, mask);
        out.iter_mut().for_each(|out| *out -= volume);
    }

    fn tabulated(&self) -> usize {
        Head::<T>::tabulated(&self.normal)
    }

    fn tabulate(&self, decoded: Points<'_, T>, table: &mut Vec<T>) {
        self.normal.tabulate(decoded, table);
    }

    fn add_tabulated(&self, x: &[T], mask: &[T], table: &[T], out: &mut [T]) {
        let logs: Vec<T> = x.iter().map(|x| log_or_zero(*x)).collect();
        self.normal.add_tabulated(&logs, mask, table, out);
        let volume = log_volume(x, Some(mask));
        out.iter_mut().for_each(|out| *out -= volume);
    }

    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize {
        let (means, scales) = decoded.split_at(x.len());
        fill_missing(mask, x, |d| match self.bounds(d).interval() {
            None => positive(exp(means[d] + scales[d] * standard_normal::<T>(rng))),
            Some(bounds) => {
                T::from_f64(in_range::<T>(bounds.of(means[d].to_f64(), scales[d].to_f64()).draw(rng).exp()))
            }
        })
    }

    /// The mean of a log-normal is exp(mean + scale²/2); a median is the exponential of that of the logarithm.
    fn summarise(&self, what: Summary, mask: &[T], weights: &[f64], decoded: Points<'_, T>, x: &mut [T]) -> usize {
        let columns = x.len();
        match what {
            Summary::Mean => {
                let mean = |point: &[T], d: usize| {
                    let (mean, scale) = (point[d].to_f64(), point[columns + d].to_f64());
                    // E[e^Y; low < Y < high] = e^(mean + scale²/2) · P(low − scale² < Y < high − scale²).
                    let shifted = self.bounds(d).interval().map_or(0.0, |Interval { low, high }| {
                        let part = Interval { low, high }.of(mean, scale);
                        let moved = Interval { low, high }.of(mean + scale * scale, scale);
                        moved.log_mass() - part.log_mass()
                    });
                    (mean + 0.5 * scale * scale + shifted).exp()
                };
                let means = weighted_sums(columns, weights, decoded, mean);
                fill_summaries(mask, x, |d| in_range::<T>(means[d]))
            }
            Summary::Median => {
                let mut median = Median::default();
                fill_summaries(mask, x, |d| {
                    in_range::<T>(median.of(weights, decoded, (d, columns + d), self.bounds(d)).exp())
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use autodiff::gradcheck::{self, Options};
    use autodiff::{Shape, Tape};
    use proptest::prelude::*;
    use samplers::likelihood::RowLikelihood;
    use samplers::stream::{Purpose, stream};
    use statrs::distribution::{Continuous, ContinuousCDF, LogNormal as Reference};

    use super::*;
    use crate::heads::{Block, ColumnType, Row};

    const MIN_SCALE: f64 = 0.01;

    fn row(columns: usize) -> Row {
        Row::new([ColumnType::Positive.block(columns, MIN_SCALE)])
    }

    /// Rows, masks and raw outputs of `outer` × B × `inner` points.
    struct Problem {
        sizes: [usize; 4],
        x: Vec<f64>,
        mask: Vec<f64>,
        raw: Vec<f64>,
    }

    impl Problem {
        fn new(sizes: [usize; 4], seed: u32) -> Self {
            let [outer, b, inner, d] = sizes;
            let wave = |i: usize, by: f64| (f64::from(seed) + by * i as f64).sin();
            let mask: Vec<f64> = (0..b * d).map(|i| f64::from(wave(i, 2.1) > -0.3)).collect();
            let x = mask.iter().enumerate().map(|(i, m)| m * (3.0 * wave(i, 1.3)).exp());
            Problem {
                sizes,
                x: x.collect(),
                raw: (0..outer * b * inner * 2 * d).map(|i| 2.0 * wave(i, 0.7)).collect(),
                mask,
            }
        }

        fn shape(&self) -> Shape {
            let [outer, b, inner, d] = self.sizes;
            Shape::from([outer, b, inner, 2 * d])
        }

        fn record<T: Scalar>(&self, g: &mut Graph<'_, T>, raw: Var) -> Var {
            let [_, b, inner, d] = self.sizes;
            let (x, mask) = (g.constant([b, d], &convert(&self.x)), g.constant([b, d], &convert(&self.mask)));
            row(d).log_density(g, x, mask, raw, inner)
        }

        fn densities<T: Scalar>(&self) -> Vec<f64> {
            let mut tape = Tape::<T>::new();
            let mut g = tape.graph(&[]);
            let raw = g.variable(self.shape(), &convert(&self.raw));
            let y = self.record(&mut g, raw);
            g.value(y).iter().map(|y| y.to_f64()).collect()
        }

        /// By the density of another library, with scales by the definition of softplus.
        fn by_reference(&self) -> Vec<f64> {
            let [outer, b, inner, d] = self.sizes;
            let point = |n: usize| {
                let raw = &self.raw[2 * d * n..2 * d * (n + 1)];
                let term = move |j: usize| {
                    let at = n / inner % b * d + j;
                    let scale = (1.0 + raw[d + j].exp()).ln() + MIN_SCALE;
                    if self.mask[at] > 0.0 { Reference::new(raw[j], scale).unwrap().ln_pdf(self.x[at]) } else { 0.0 }
                };
                (0..d).map(term).sum()
            };
            (0..outer * b * inner).map(point).collect()
        }
    }

    fn convert<T: Scalar>(values: &[f64]) -> Vec<T> {
        values.iter().map(|&v| T::from_f64(v)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        /// On the tape against another library and finite differences, and decoded points against the tape.
        #[test]
        fn densities_and_gradients(
            sizes in (1..3usize, 1..4usize, 1..3usize, 1..20usize),
            seed in 0..1000u32,
        ) {
            let (outer, b, inner, d) = sizes;
            let problem = Problem::new([outer, b, inner, d], seed);
            let expected = problem.by_reference();
            for (tolerance, found) in [(1e-12, problem.densities::<f64>()), (1e-5, problem.densities::<f32>())] {
                for (y, e) in found.iter().zip(&expected) {
                    prop_assert!((y - e).abs() <= tolerance * e.abs().max(1.0), "{y} for {e}");
                }
            }
            let options = Options { full_limit: 500, ..Options::default() };
            let inputs = [(problem.shape(), problem.raw.clone())];
            gradcheck::check(|g, v| problem.record(g, v[0]), &inputs, &options).assert();

            let row = row(d);
            let mut decoded = vec![0.0; problem.raw.len()];
            row.decode(&problem.raw, &mut decoded);
            let mut table = Vec::new();
            for n in 0..b {
                let (x, mask) = (&problem.x[n * d..(n + 1) * d], &problem.mask[n * d..(n + 1) * d]);
                let points = 2 * d * inner * n..2 * d * inner * (n + 1);
                let (mut found, mut tabulated) = (vec![0.0; inner], vec![0.0; inner]);
                row.log_densities(x, Some(mask), &decoded[points.clone()], &mut found);
                row.tabulate(&decoded[points], &mut table);
                row.add_tabulated(x, mask, &table, &mut tabulated);
                for ((f, t), e) in found.iter().zip(&tabulated).zip(&expected[n * inner..]) {
                    prop_assert!((f - e).abs().max((t - e).abs()) <= 1e-12 * e.abs().max(1.0), "{f} and {t} for {e}");
                }
            }
        }
    }

    /// Against values of 40 digits: −½((ln x − m)/s)² − ln s − ½ ln 2π − ln x, at magnitudes from 1e-30 to 1e30.
    #[test]
    fn densities_at_extremes() {
        let row = row(1);
        for (x, mean, scale, expected) in [
            (1e-30, 0.0, 1.0, -2_317.695_535_458_662_4),
            (1e30, 69.0, 0.5, -69.315_373_012_884_25),
            (1.0, 0.0, 1e-8, 17.501_742_210_747_69),
        ] {
            let mut out = [0.0];
            row.log_densities(&[x], None, &[mean, scale], &mut out);
            assert_relative_eq!(out[0], expected, max_relative = 1e-12);
        }
    }

    /// Mixture ½·LN(0, ½²) + ½·LN(1, ¼²). 40,000 draws: the share below the median within 5 deviations of 0.0025, exceeded with
    /// probability 6e-7.
    #[test]
    fn means_medians_and_draws() {
        let row = row(1);
        let decoded = [0.0, 0.5, 1.0, 0.25];
        let summary = |what| {
            let mut x = [0.0];
            assert_eq!(row.summarise(what, &[0.0], &[0.5, 0.5], &decoded, &mut x), 0);
            x[0]
        };
        assert_relative_eq!(
            summary(Summary::Mean),
            0.5 * 0.125_f64.exp() + 0.5 * 1.031_25_f64.exp(),
            max_relative = 1e-14
        );
        let median = summary(Summary::Median);
        let below = |mean, scale| Reference::new(mean, scale).unwrap().cdf(median);
        assert_relative_eq!(0.5 * below(0.0, 0.5) + 0.5 * below(1.0, 0.25), 0.5, max_relative = 1e-9);
        let mut rng = stream(4, Purpose::Impute, 0, 0);
        let mut count = 0;
        for n in 0..40_000 {
            let mut x = [0.0];
            assert_eq!(row.draw_missing(&mut rng, &[0.0], &decoded[2 * (n % 2)..][..2], &mut x), 0);
            assert!(x[0] > 0.0);
            count += usize::from(x[0] < median);
        }
        assert!((count as f64 / 40_000.0 - 0.5).abs() < 0.0125, "{count}");
    }

    /// A least value of 0 or below bounds no positive column, and takes nothing from the largest one.
    #[test]
    fn a_least_value_that_is_not_positive() {
        for min in [-5.0, 0.0] {
            let limits = ColumnTraits { min: Some(min), max: Some(2.0), ..ColumnTraits::default() };
            let row = Row::new([ColumnType::Positive.limited_block(1, 0.0, &[limits])]);
            let (mut x, mut rng) = ([0.0], stream(1, Purpose::Impute, 0, 0));
            for _ in 0..100 {
                assert_eq!(row.draw_missing(&mut rng, &[0.0], &[0.5, 1.0], &mut x), 0);
                assert!(0.0 < x[0] && x[0] <= 2.0, "{}", x[0]);
            }
            for what in [Summary::Mean, Summary::Median] {
                assert_eq!(row.summarise(what, &[0.0], &[1.0], &[0.5, 1.0], &mut x), 0);
                assert!(0.0 < x[0] && x[0] < 2.0, "{}", x[0]);
            }
        }
    }

    #[test]
    fn the_unit_is_the_geometric_mean() {
        let head = LogNormal::new(0.0, &[]);
        let unit = Head::<f64>::unit(&head, &[1.0, 100.0]).unwrap();
        assert_eq!(unit.mean, 0.0);
        assert_relative_eq!(unit.scale, 10.0, max_relative = 1e-14);
        for values in [&[1.0, 0.0][..], &[1.0, -2.0], &[3.0, 3.0], &[]] {
            assert_eq!(Head::<f64>::unit(&head, values), None);
        }
    }

    /// A row of numeric and positive columns is what its blocks are one by one.
    #[test]
    fn blocks_of_different_heads_make_a_row() {
        let mixed = Row::new([ColumnType::Numeric.block(2, MIN_SCALE), ColumnType::Positive.block(3, MIN_SCALE)]);
        let (real, positive) = (Row::new([ColumnType::Numeric.block(2, MIN_SCALE)]), row(3));
        let (x, mask) = ([-0.5, 0.0, 2.0, 0.1, 0.0], [1.0, 0.0, 1.0, 1.0, 0.0]);
        let raw: Vec<f64> = (0..10).map(|i| (f64::from(i) * 1.7).sin()).collect();
        let density = |row: &Row, columns: std::ops::Range<usize>, raw: &[f64]| {
            let (x, mask) = (&x[columns.clone()], &mask[columns]);
            let mut decoded = vec![0.0; raw.len()];
            row.decode(raw, &mut decoded);
            let mut found = [0.0];
            row.log_densities(x, Some(mask), &decoded, &mut found);
            let mut tape = Tape::<f64>::new();
            let mut g = tape.graph(&[]);
            let shape = [1, x.len()];
            let (x, mask) = (g.constant(shape, x), g.constant(shape, mask));
            let raw = g.variable([1, raw.len()], raw);
            let on_tape = row.log_density(&mut g, x, mask, raw, 1);
            assert_relative_eq!(g.value(on_tape)[0], found[0], max_relative = 1e-13);
            found[0]
        };
        let expected = density(&real, 0..2, &raw[..4]) + density(&positive, 2..5, &raw[4..]);
        assert_relative_eq!(density(&mixed, 0..5, &raw), expected, max_relative = 1e-13);
        assert!(!mixed.is_real() && real.is_real());
        assert_eq!((mixed.columns(), mixed.features(), mixed.outputs(), mixed.blocks().len()), (5, 5, 10, 2));
        assert_eq!(mixed.blocks().map(Block::columns).collect::<Vec<_>>(), [2, 3]);
    }
}
