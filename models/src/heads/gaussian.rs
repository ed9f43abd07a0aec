//! Real numbers: a normal for each column, with a mean and a scale (docs/methods.md §1).
//!
//! Outputs: means, then raw scales; scale = softplus(raw) + the smallest scale. Numbers of a decoded point: means, then scales.

use std::any::Any;
use std::sync::Arc;

use autodiff::{Graph, Var};
use linalg::Scalar;
use linalg::simd::{Kernel, MAX_LANES, Vector, dispatch};
use linalg::special::{HALF_LN_TWO_PI, ln, ln_slice, softplus};
use samplers::draw::standard_normal;
use samplers::interval::{Between, quantile_between};
use samplers::likelihood::Summary;
use samplers::quantile::mixture_quantile;
use samplers::stream::Stream;
use samplers::truncated::{censored_mean, draw_above, mean_above, quantile_above};

use super::head::{Head, Points, PointsMut, Unit, fill_missing, fill_summaries, weighted_sums};
use super::traits::ColumnTraits;

/// Columns of real numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    /// Smallest scale, in model units.
    min_scale: f64,
    /// Limits of the columns. Empty: they have no other.
    limits: Arc<[ColumnTraits]>,
    /// The smallest scales of columns with limits, in both types: decoding allocates nothing.
    single: Arc<[f32]>,
    double: Arc<[f64]>,
}

impl Gaussian {
    /// With a smallest scale, in model units, and limits of the columns: one for each, or none.
    pub fn new(min_scale: f64, limits: &[ColumnTraits]) -> Self {
        let floors = || limits.iter().map(|limits| limits.min_scale.max(min_scale));
        Gaussian {
            min_scale,
            limits: limits.into(),
            single: floors().map(|floor| floor as f32).collect(),
            double: floors().collect(),
        }
    }

    /// The smallest scales of the columns. Empty: they are all the same.
    fn floors<T: Scalar>(&self) -> &[T] {
        let floors: [&dyn Any; 2] = [&self.single, &self.double];
        floors.iter().find_map(|floors| floors.downcast_ref::<Arc<[T]>>()).expect("a scalar is f32 or f64")
    }

    /// What the draws of a column keep to.
    fn bounds(&self, d: usize) -> Bounds {
        self.limits.get(d).map_or(Bounds::None, Bounds::of)
    }
}

impl<T: Scalar> Head<T> for Gaussian {
    fn outputs(&self) -> usize {
        2
    }

    fn numbers(&self) -> usize {
        2
    }

    /// Mean and standard deviation (with N in the denominator). None for fewer than two distinct values, and for values whose
    /// squares overflow.
    fn unit(&self, values: &[f64]) -> Option<Unit> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        // The deviation of equal numbers need not be zero: their mean is rounded.
        let distinct = values.iter().any(|x| *x != values[0]);
        let scale = variance.sqrt();
        (distinct && mean.is_finite() && scale.is_normal()).then_some(Unit { mean, scale })
    }

    fn log_density(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, raw: Var, inner: usize) -> Var {
        let (uniform, floors) = (T::from_f64(self.min_scale), self.floors());
        let floor = g.constant_with([g.shape(x).last()], |floor| match floors {
            [] => floor.fill(uniform),
            floors => floor.copy_from_slice(floors),
        });
        g.gaussian_log_density(x, mask, raw, inner, floor)
    }

    fn decode(&self, raw: Points<'_, T>, decoded: PointsMut<'_, T>) {
        dispatch(Scales { raw, decoded, min_scale: T::from_f64(self.min_scale), floors: self.floors() });
    }

    fn add_log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: Points<'_, T>, out: &mut [T]) {
        dispatch(LogDensities { x, mask, decoded, out });
    }

    fn tabulated(&self) -> usize {
        3
    }

    /// One plane a column, each the points side by side: means; 1/scale, for a product in the inner loop is many times as fast
    /// as a quotient, and 0 where it is not finite; −ln scale − ½ ln 2π, and −∞ where 1/scale is not finite: so narrow a normal
    /// has no density but at its mean.
    fn tabulate(&self, decoded: Points<'_, T>, table: &mut Vec<T>) {
        let points = decoded.rows().len();
        let columns = decoded.rows().next().map_or(0, |point| point.len() / 2);
        let start = table.len();
        table.resize(start + 3 * columns * points, T::ZERO);
        let (means, rest) = table[start..].split_at_mut(columns * points);
        let (precisions, log_norms) = rest.split_at_mut(columns * points);
        let mut scales = vec![T::ZERO; columns * points];
        for (n, point) in decoded.rows().enumerate() {
            for d in 0..columns {
                means[d * points + n] = point[d];
                scales[d * points + n] = point[columns + d];
            }
        }
        ln_slice(&scales, log_norms);
        let constant = T::from_f64(HALF_LN_TWO_PI);
        for ((scale, precision), log_norm) in scales.iter().zip(precisions).zip(log_norms) {
            let reciprocal = T::ONE / *scale;
            *precision = if reciprocal.is_finite() { reciprocal } else { T::ZERO };
            *log_norm = if *precision > T::ZERO { -*log_norm - constant } else { T::NEG_INFINITY };
        }
    }

    fn add_tabulated(&self, x: &[T], mask: &[T], table: &[T], out: &mut [T]) {
        dispatch(Tabulated { x, mask, table, out });
    }

    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize {
        let (means, scales) = decoded.split_at(x.len());
        fill_missing(mask, x, |d| match self.bounds(d) {
            Bounds::None => means[d] + scales[d] * standard_normal::<T>(rng),
            Bounds::Above(at) => draw_above(rng, means[d], scales[d], T::from_f64(at)),
            Bounds::From(at) => {
                let value = means[d] + scales[d] * standard_normal::<T>(rng);
                // What is not a number stays what it is.
                if value < T::from_f64(at) { T::from_f64(at) } else { value }
            }
            Bounds::Between(bounds) => T::from_f64(bounds.of(means[d].to_f64(), scales[d].to_f64()).draw(rng)),
            Bounds::FromTo(bounds) => {
                let value = bounds.open_below().of(means[d].to_f64(), scales[d].to_f64()).draw(rng);
                T::from_f64(if value < bounds.low { bounds.low } else { value })
            }
        })
    }

    fn summarise(&self, what: Summary, mask: &[T], weights: &[f64], decoded: Points<'_, T>, x: &mut [T]) -> usize {
        match what {
            Summary::Mean => {
                let columns = x.len();
                let means = weighted_sums(columns, weights, decoded, |point, d| {
                    let (mean, scale) = (point[d].to_f64(), point[columns + d].to_f64());
                    match self.bounds(d) {
                        Bounds::None => mean,
                        Bounds::Above(at) => mean_above(mean, scale, at),
                        Bounds::From(at) => censored_mean(mean, scale, at),
                        Bounds::Between(bounds) => bounds.of(mean, scale).mean(),
                        Bounds::FromTo(bounds) => {
                            let above = bounds.of(mean, scale);
                            let share = (above.log_mass() - bounds.open_below().of(mean, scale).log_mass()).exp();
                            bounds.low + share * (above.mean() - bounds.low)
                        }
                    }
                });
                fill_summaries(mask, x, |d| means[d])
            }
            Summary::Median => {
                let columns = x.len();
                let mut median = Median::default();
                fill_summaries(mask, x, |d| median.of(weights, decoded, (d, columns + d), self.bounds(d)))
            }
        }
    }
}

/// What the draws of a column keep to, in model units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bounds {
    None,
    /// They are above this.
    Above(f64),
    /// What is below this is put there.
    From(f64),
    Between(Interval),
    /// They are not above the largest value, and what is below the least one is put there.
    FromTo(Interval),
}

/// A largest value, and a least one, which may be −∞.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Interval {
    /// The same without a least value.
    fn open_below(self) -> Interval {
        Interval { low: f64::NEG_INFINITY, ..self }
    }

    /// The normal with this mean and scale between the bounds.
    pub(super) fn of(self, mean: f64, scale: f64) -> Between {
        let Interval { low, high } = self;
        Between { mean, scale, low, high }
    }
}

impl Bounds {
    /// The bounds of a column whose least value does not occur. None where there are none.
    pub(super) fn interval(self) -> Option<Interval> {
        match self {
            Bounds::None => None,
            Bounds::Above(low) | Bounds::From(low) => Some(Interval { low, high: f64::INFINITY }),
            Bounds::Between(bounds) | Bounds::FromTo(bounds) => Some(bounds),
        }
    }

    fn of(traits: &ColumnTraits) -> Bounds {
        match (traits.min, traits.max) {
            (Some(low), Some(high)) if traits.takes_min => Bounds::FromTo(Interval { low, high }),
            (low, Some(high)) => Bounds::Between(Interval { low: low.unwrap_or(f64::NEG_INFINITY), high }),
            (Some(at), None) if traits.takes_min => Bounds::From(at),
            (Some(at), None) => Bounds::Above(at),
            (None, None) => Bounds::None,
        }
    }
}

/// Medians of weighted mixtures of normals, with their working memory.
#[derive(Default)]
pub(super) struct Median {
    weights: Vec<f64>,
    means: Vec<f64>,
    scales: Vec<f64>,
}

impl Median {
    fn quantile(&self) -> f64 {
        mixture_quantile(0.5, &self.weights, &self.means, &self.scales)
    }

    fn quantile_within(&self, bounds: Interval) -> f64 {
        let normals = self.means.iter().zip(&self.scales).map(|(mean, scale)| bounds.of(*mean, *scale));
        quantile_between(0.5, &self.weights.iter().copied().zip(normals).collect::<Vec<_>>())
    }

    /// The median of the normals whose means and scales are these numbers of the points, each within `bounds`.
    pub(super) fn of<T: Scalar>(
        &mut self,
        weights: &[f64],
        points: Points<'_, T>,
        (mean, scale): (usize, usize),
        bounds: Bounds,
    ) -> f64 {
        self.weights.clear();
        self.means.clear();
        self.scales.clear();
        for (&weight, point) in weights.iter().zip(points.rows()).filter(|(weight, _)| **weight > 0.0) {
            self.weights.push(weight);
            self.means.push(point[mean].to_f64());
            self.scales.push(point[scale].to_f64());
        }
        match bounds {
            Bounds::None => self.quantile(),
            // Not `max`, which would make a number of what is none.
            Bounds::From(at) => match self.quantile() {
                median if median < at => at,
                median => median,
            },
            Bounds::Above(at) => quantile_above(0.5, &self.weights, &self.means, &self.scales, at),
            Bounds::Between(bounds) => self.quantile_within(bounds),
            Bounds::FromTo(bounds) => match self.quantile_within(bounds.open_below()) {
                median if median < bounds.low => bounds.low,
                median => median,
            },
        }
    }
}

/// Means as they are, and raw scales to scales.
struct Scales<'a, T> {
    raw: Points<'a, T>,
    decoded: PointsMut<'a, T>,
    min_scale: T,
    /// Of each column, unless they are all the same.
    floors: &'a [T],
}

impl<T: Scalar> Kernel<T> for Scales<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let min_scale = V::splat(self.min_scale);
        for (raw, decoded) in self.raw.rows().zip(self.decoded.rows()) {
            let (means, scales) = decoded.split_at_mut(raw.len() / 2);
            let (raw_means, raw_scales) = raw.split_at(raw.len() / 2);
            means.copy_from_slice(raw_means);
            for (i, (raw, scale)) in raw_scales.chunks(V::LANES).zip(scales.chunks_mut(V::LANES)).enumerate() {
                let floor = match self.floors {
                    [] => min_scale,
                    floors => V::load_partial(&floors[i * V::LANES..][..raw.len()]),
                };
                (softplus(V::load_partial(raw)) + floor).store_partial(scale);
            }
        }
    }
}

/// Log densities of one row under many points, columns side by side; a point's terms are added in the order of the columns,
/// whatever the width of the vectors.
struct LogDensities<'a, T> {
    x: &'a [T],
    mask: Option<&'a [T]>,
    decoded: Points<'a, T>,
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for LogDensities<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let columns = self.x.len();
        let (zero, one, half) = (V::splat(T::ZERO), V::splat(T::ONE), V::splat(T::HALF));
        let constant = V::splat(T::from_f64(HALF_LN_TWO_PI));
        let (infinity, none) = (V::splat(T::INFINITY), V::splat(T::NEG_INFINITY));
        let mut terms = [T::ZERO; MAX_LANES];
        for (point, out) in self.decoded.rows().zip(self.out) {
            let (means, scales) = point.split_at(columns);
            let mut total = T::ZERO;
            for start in (0..columns).step_by(V::LANES) {
                let piece = start..(start + V::LANES).min(columns);
                let observed = self.mask.map_or(one, |mask| V::load_partial(&mask[piece.clone()]));
                let scale = V::load_partial(&scales[piece.clone()]);
                let t = (V::load_partial(&self.x[piece.clone()]) - V::load_partial(&means[piece.clone()])) / scale;
                let log_p = -(half * t * t) - ln(scale) - constant;
                // A normal whose scale underflows has no density but at its mean: −∞, where −∞ + ∞ would be no number.
                let log_p = V::select_lt(one / scale, infinity, log_p, none);
                let terms = &mut terms[..piece.len()];
                V::select_lt(zero, observed, log_p, zero).store_partial(terms);
                terms.iter().for_each(|term| total += *term);
            }
            *out += total;
        }
    }
}

/// Log densities of one row under tabulated points, points side by side.
struct Tabulated<'a, T> {
    x: &'a [T],
    mask: &'a [T],
    table: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Tabulated<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let points = self.out.len();
        let planes = self.x.len() * points;
        for d in (0..self.x.len()).filter(|&d| self.mask[d] > T::ZERO) {
            let plane = |number: usize| &self.table[number * planes + d * points..][..points];
            add_log_density::<T, V>(self.x[d], plane(0), plane(1), plane(2), self.out);
        }
    }
}

/// out += log N(x; mean, scale) at every point, for one column.
#[inline(always)]
fn add_log_density<T: Scalar, V: Vector<T>>(x: T, means: &[T], precisions: &[T], log_norms: &[T], out: &mut [T]) {
    let (x, half) = (V::splat(x), V::splat(T::HALF));
    let whole = out.len() / V::LANES * V::LANES;
    for start in (0..whole).step_by(V::LANES) {
        let t = (x - V::load(&means[start..])) * V::load(&precisions[start..]);
        let base = V::load(&out[start..]) + V::load(&log_norms[start..]);
        (-(t * half)).mul_add(t, base).store(&mut out[start..]);
    }
    if whole < out.len() {
        let t = (x - V::load_partial(&means[whole..])) * V::load_partial(&precisions[whole..]);
        let base = V::load_partial(&out[whole..]) + V::load_partial(&log_norms[whole..]);
        (-(t * half)).mul_add(t, base).store_partial(&mut out[whole..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use samplers::likelihood::{Normals, RowLikelihood};

    use super::*;
    use crate::heads::{Block, Row};

    fn row(columns: usize) -> Row {
        Row::new([Block::new(Gaussian::new(0.0, &[]), columns)])
    }

    fn check<T: Scalar>(columns: usize, points: usize, seed: u32, tolerance: f64) -> Result<(), TestCaseError> {
        let wave = |i: usize, by: f64| T::from_f64((f64::from(seed) + by * i as f64).sin());
        let x: Vec<T> = (0..columns).map(|i| wave(i, 1.3)).collect();
        let mask: Vec<T> = (0..columns).map(|i| if wave(i, 2.1) > T::ZERO { T::ONE } else { T::ZERO }).collect();
        let number = |i: usize| {
            if (i / columns).is_multiple_of(2) { wave(i, 0.7) } else { wave(i, 0.3).abs() + T::from_f64(0.1) }
        };
        let decoded: Vec<T> = (0..2 * columns * points).map(number).collect();
        let plain = Normals { columns };
        let (row, mut expected, mut found) = (row(columns), vec![T::ZERO; points], vec![T::ZERO; points]);
        for mask in [Some(&mask[..]), None] {
            plain.log_densities(&x, mask, &decoded, &mut expected);
            row.log_densities(&x, mask, &decoded, &mut found);
            // The same operations in the same order: to the bit.
            prop_assert_eq!(&found, &expected);
        }
        plain.log_densities(&x, Some(&mask), &decoded, &mut expected);
        let mut table = Vec::new();
        row.tabulate(&decoded, &mut table);
        found.fill(T::HALF);
        row.add_tabulated(&x, &mask, &table, &mut found);
        for (found, expected) in found.iter().zip(&expected) {
            let (found, expected) = (found.to_f64() - 0.5, expected.to_f64());
            prop_assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found} for {expected}");
        }
        let weights: Vec<f64> = (0..points).map(|n| (n + 1) as f64 / (points * (points + 1) / 2) as f64).collect();
        for what in [Summary::Mean, Summary::Median] {
            let (mut one, mut other) = (x.clone(), x.clone());
            plain.summarise(what, &mask, &weights, &decoded, &mut one);
            row.summarise(what, &mask, &weights, &decoded, &mut other);
            prop_assert_eq!(one, other);
        }
        Ok(())
    }

    /// Decoded scales are those of the density on the tape, whatever the width of the vectors; draws and summaries keep to the
    /// bound of their column.
    #[test]
    fn limits_of_columns() {
        const COLUMNS: usize = 37;
        let limits: Vec<ColumnTraits> = (0..COLUMNS)
            .map(|d| ColumnTraits {
                min_scale: 0.02 * d as f64,
                min: (d % 3 > 0).then_some(0.25),
                takes_min: d % 3 == 2,
                max: (d % 5 == 4).then_some(0.5),
                ..ColumnTraits::default()
            })
            .collect();
        let row = Row::new([Block::new(Gaussian::new(0.1, &limits), COLUMNS)]);
        let raw: Vec<f64> = (0..2 * COLUMNS).map(|i| (1.3 * i as f64).sin()).collect();
        let mut decoded = vec![0.0; 2 * COLUMNS];
        row.decode(&raw, &mut decoded);
        for d in 0..COLUMNS {
            let expected = raw[COLUMNS + d].exp().ln_1p() + f64::max(0.1, 0.02 * d as f64);
            assert!((decoded[COLUMNS + d] - expected).abs() < 1e-14 && decoded[d] == raw[d], "column {d}");
        }
        let (x, mask) = (vec![0.5; COLUMNS], vec![1.0; COLUMNS]);
        let mut tape = autodiff::Tape::new();
        let mut g = tape.graph(&[]);
        let [x_in, mask_in] = [&x, &mask].map(|values| g.constant([1, COLUMNS], values));
        let head = g.variable([1, 2 * COLUMNS], &raw);
        let density = row.log_density(&mut g, x_in, mask_in, head, 1);
        let mut expected = [0.0];
        row.log_densities(&x, Some(&mask), &decoded, &mut expected);
        assert!((g.item(density) - expected[0]).abs() < 1e-12);

        let missing = vec![0.0; COLUMNS];
        let mut drawn = x.clone();
        row.draw_missing(
            &mut samplers::stream::stream(1, samplers::stream::Purpose::Impute, 0, 0),
            &missing,
            &decoded,
            &mut drawn,
        );
        let summaries = [Summary::Mean, Summary::Median].map(|what| {
            let mut out = x.clone();
            row.summarise(what, &missing, &[1.0], &decoded, &mut out);
            out
        });
        let below = |values: &[f64], kind: usize| (0..COLUMNS).any(|d| d % 3 == kind && values[d] < 0.25);
        let above = |values: &[f64], kind: usize| (0..COLUMNS).any(|d| (d % 5 == 4) == (kind == 1) && values[d] > 0.5);
        for values in [&drawn, &summaries[0], &summaries[1]] {
            assert!(below(values, 0) && !below(values, 1) && !below(values, 2), "{values:?}");
            assert!(above(values, 0) && !above(values, 1), "{values:?}");
        }
        // The bound itself is drawn where it is a value, and nowhere else.
        let at = |kind: usize| (0..COLUMNS).filter(|d| d % 3 == kind && drawn[*d] == 0.25).count();
        assert!(at(1) == 0 && at(2) > 0);
    }

    /// A least value that occurs keeps its share where there is a largest one too: the mean of 40,000 draws, and the share of that
    /// value, within 5 standard errors of what they should be, exceeded with probability 1.2e-6.
    #[test]
    fn a_least_value_that_occurs_below_a_largest_one() {
        let limits = ColumnTraits { min: Some(0.0), takes_min: true, max: Some(1.0), ..ColumnTraits::default() };
        let row = Row::new([Block::new(Gaussian::new(0.0, &[limits]), 1)]);
        let decoded = [-0.2, 0.8];
        let (mut rng, mut x) = (samplers::stream::stream(2, samplers::stream::Purpose::Impute, 0, 0), [0.0]);
        let draws: Vec<f64> = (0..40_000)
            .map(|_| {
                row.draw_missing(&mut rng, &[0.0], &decoded, &mut x);
                x[0]
            })
            .collect();
        assert!(draws.iter().all(|x| (0.0..=1.0).contains(x)));
        // Φ(0.25)/Φ(1.5) by mpmath 1.3.0.
        let expected = 0.641_567_665_863_883_7;
        let share = draws.iter().filter(|x| **x == 0.0).count() as f64 / 40_000.0;
        assert!((share - expected).abs() < 5.0 * 0.0024, "{share}");
        let mean = draws.iter().sum::<f64>() / 40_000.0;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 40_000.0;
        row.summarise(Summary::Mean, &[0.0], &[1.0], &decoded, &mut x);
        assert!((mean - x[0]).abs() < 5.0 * (variance / 40_000.0).sqrt(), "{mean} for {}", x[0]);
        row.summarise(Summary::Median, &[0.0], &[1.0], &decoded, &mut x);
        assert_eq!(x[0], 0.0);
        // Of a normal whose median is above the least value.
        row.summarise(Summary::Median, &[0.0], &[1.0], &[0.5, 0.1], &mut x);
        assert!((x[0] - 0.5).abs() < 1e-6, "{}", x[0]);
    }

    proptest! {
        #[test]
        fn as_plain_loops_have_it(columns in 1..40usize, points in 1..40usize, seed in 0..1000u32) {
            check::<f64>(columns, points, seed, 1e-13)?;
            check::<f32>(columns, points, seed, 1e-5)?;
        }
    }

    /// A decoder's scale may underflow in the corners of a grid: nothing is observed from there, and the rest counts as ever.
    #[test]
    fn scales_that_underflow_have_no_density() {
        // Points of a single column: mean and scale.
        let decoded = [0.5f32, 0.0, 0.0, 1e-40, 0.0, 1.0];
        let (row, mut table) = (row(1), Vec::new());
        row.tabulate(&decoded, &mut table);
        for x in [0.5, 0.0, 2.0] {
            let (mut found, mut at_once) = ([0.0; 3], [0.0; 3]);
            row.add_tabulated(&[x], &[1.0], &table, &mut found);
            row.log_densities(&[x], None, &decoded, &mut at_once);
            for found in [found, at_once] {
                assert_eq!(found[..2], [f32::NEG_INFINITY; 2]);
                assert!((found[2] + 0.5 * x * x + HALF_LN_TWO_PI as f32).abs() < 1e-6, "{found:?}");
            }
        }
    }
}
