//! Rows with missing cells, standardised, in minibatches.

use std::ops::Range;

use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::RngExt;
use rand::seq::SliceRandom;
use samplers::stream::Stream;

/// A table with missing cells: N × D values, row-major. Unobserved cells hold zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Data<T> {
    columns: usize,
    values: Vec<T>,
    observed: Vec<bool>,
}

impl<T: Scalar> Data<T> {
    /// A table from its values and which of them are observed; the values of the others are ignored.
    ///
    /// # Panics
    /// If the lengths differ or are no multiple of `columns`.
    pub fn new(columns: usize, mut values: Vec<T>, observed: Vec<bool>) -> Self {
        assert_eq!(values.len(), observed.len(), "lengths of values and mask");
        assert!(columns > 0 && values.len().is_multiple_of(columns), "{} values in {columns} columns", values.len());
        for (value, _) in values.iter_mut().zip(&observed).filter(|(_, observed)| !**observed) {
            *value = T::ZERO;
        }
        Data { columns, values, observed }
    }

    /// N.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// D.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Values of some rows; zero where unobserved.
    pub fn values(&self, rows: Range<usize>) -> &[T] {
        &self.values[rows.start * self.columns..rows.end * self.columns]
    }

    /// Which cells of some rows are observed.
    pub fn observed(&self, rows: Range<usize>) -> &[bool] {
        &self.observed[rows.start * self.columns..rows.end * self.columns]
    }

    /// The mask of some rows in numbers: 1 where observed, else 0.
    pub fn mask(&self, rows: Range<usize>) -> impl Iterator<Item = T> {
        self.observed(rows).iter().map(|&observed| if observed { T::ONE } else { T::ZERO })
    }

    /// Number of missing cells.
    pub fn missing(&self) -> usize {
        self.observed.iter().filter(|observed| !**observed).count()
    }

    /// Mean of each column's observed cells; 0 where there is none.
    pub fn column_means(&self) -> Vec<f64> {
        let mean = |d: usize| {
            let cells = (d..self.values.len()).step_by(self.columns).filter(|&i| self.observed[i]);
            let (count, sum) = cells.fold((0_usize, 0.0), |(count, sum), i| (count + 1, sum + self.values[i].to_f64()));
            if count == 0 { 0.0 } else { sum / count as f64 }
        };
        (0..self.columns).map(mean).collect()
    }

    /// The given rows, in the given order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Data {
            columns: self.columns,
            values: rows.iter().flat_map(|&n| self.values(n..n + 1)).copied().collect(),
            observed: rows.iter().flat_map(|&n| self.observed(n..n + 1)).copied().collect(),
        }
    }

    /// The rows that have an observed cell.
    pub fn rows_with_cells(&self) -> Vec<usize> {
        (0..self.rows()).filter(|&n| self.observed(n..n + 1).contains(&true)).collect()
    }

    /// The table without rows that have no observed cell, and how many there were. Such rows carry no information
    /// (METHODS §1).
    pub fn without_empty_rows(self) -> (Self, usize) {
        let some = self.rows_with_cells();
        let dropped = self.rows() - some.len();
        if dropped == 0 { (self, 0) } else { (self.select(&some), dropped) }
    }

    /// Hides exactly ⌊rate·(observed cells)⌋ observed cells, chosen at random without replacement, and returns their
    /// positions n·D + d, ascending.
    pub fn hide(&mut self, rate: f64, rng: &mut Stream) -> Vec<usize> {
        // Of a large table this is what takes most memory: no more of it than needed.
        let mut cells = Vec::with_capacity(self.observed.iter().filter(|&&observed| observed).count());
        cells.extend((0..self.values.len()).filter(|&i| self.observed[i]));
        let count = share_of(rate, cells.len());
        let (chosen, _) = cells.partial_shuffle(rng, count);
        let mut chosen = chosen.to_vec();
        chosen.sort_unstable();
        for &i in &chosen {
            self.observed[i] = false;
            self.values[i] = T::ZERO;
        }
        chosen
    }

    /// Hides `count` of the four quadrants of each row, seen as an image of `size` × `size` pixels, chosen at random: a quadrant
    /// ends in the middle, the upper and left ones before it where the size is odd. Image n takes the stream that
    /// `stream_of(n)` gives.
    ///
    /// # Panics
    /// If rows are no such images, or there are fewer quadrants.
    pub fn hide_quadrants(&mut self, size: usize, count: usize, mut stream_of: impl FnMut(usize) -> Stream) {
        assert_eq!(size * size, self.columns, "pixels and columns");
        for n in 0..self.rows() {
            let mut quadrants = [0, 1, 2, 3];
            let (hidden, _) = quadrants.partial_shuffle(&mut stream_of(n), count);
            for pixel in 0..self.columns {
                let (row, column) = (pixel / size, pixel % size);
                let quadrant = 2 * usize::from(row >= size / 2) + usize::from(column >= size / 2);
                if hidden.contains(&quadrant) {
                    self.observed[n * self.columns + pixel] = false;
                    self.values[n * self.columns + pixel] = T::ZERO;
                }
            }
        }
    }

    /// The rows before `row`, and those from it on.
    ///
    /// # Panics
    /// If there are fewer rows.
    pub fn split_at(mut self, row: usize) -> (Self, Self) {
        let at = row * self.columns;
        let (values, observed) = (self.values.split_off(at), self.observed.split_off(at));
        let rest = Data { columns: self.columns, values, observed };
        (self, rest)
    }

    /// Chooses ⌊fraction·N⌋ random rows: (the others, the chosen ones), both in the table's order.
    pub fn split(&self, fraction: f64, rng: &mut Stream) -> (Vec<usize>, Vec<usize>) {
        let mut order: Vec<usize> = (0..self.rows()).collect();
        let (chosen, rest) = order.partial_shuffle(rng, share_of(fraction, self.rows()));
        chosen.sort_unstable();
        rest.sort_unstable();
        (rest.to_vec(), chosen.to_vec())
    }
}

/// ⌊rate·n⌋ of the rate as it is written: 0.29 of 100 are 29, though the double next to 0.29 lies below it.
fn share_of(rate: f64, n: usize) -> usize {
    let product = rate * n as f64;
    let nearest = product.round();
    // Both the rate and the product are rounded, by half a unit in the last place each.
    let whole = (product - nearest).abs() <= f64::EPSILON * product;
    if whole { nearest as usize } else { product.floor() as usize }
}

/// Columns' means and deviations: model units are (x − mean)/scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardisation {
    /// Mean of each column.
    pub mean: Vec<f64>,
    /// Standard deviation of each column (with N in the denominator).
    pub scale: Vec<f64>,
}

impl Standardisation {
    /// Leaves every value as it is.
    pub fn none(columns: usize) -> Self {
        Standardisation { mean: vec![0.0; columns], scale: vec![1.0; columns] }
    }

    /// Means and deviations of the observed cells.
    ///
    /// # Errors
    /// The columns whose observed cells do not give a finite mean and a positive deviation: those without two distinct
    /// values, and those with values beyond the reach of double precision's squares.
    pub fn fit(data: &Data<f64>) -> Result<Self, Vec<usize>> {
        let mut fitted = Self::none(data.columns());
        let mut unusable = Vec::new();
        for d in 0..data.columns() {
            let observed = || {
                let cells = (d..data.values.len()).step_by(data.columns);
                cells.filter(|&i| data.observed[i]).map(|i| data.values[i])
            };
            let count = observed().count() as f64;
            let mean = observed().sum::<f64>() / count;
            let variance = observed().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
            // The deviation of equal numbers need not be zero: their mean is rounded.
            let first = observed().next();
            let distinct = observed().any(|x| Some(x) != first);
            let scale = variance.sqrt();
            if distinct && mean.is_finite() && scale.is_normal() {
                (fitted.mean[d], fitted.scale[d]) = (mean, scale);
            } else {
                unusable.push(d);
            }
        }
        if unusable.is_empty() { Ok(fitted) } else { Err(unusable) }
    }

    /// The table in model units, rounded to `T`.
    pub fn apply<T: Scalar>(&self, data: &Data<f64>) -> Data<T> {
        let scaled = data.values.iter().zip(&data.observed).enumerate().map(|(i, (x, observed))| {
            let d = i % data.columns;
            if *observed { T::from_f64((x - self.mean[d]) / self.scale[d]) } else { T::ZERO }
        });
        Data { columns: data.columns, values: scaled.collect(), observed: data.observed.clone() }
    }

    /// A value of column `d` in the data's own units.
    pub fn restore(&self, d: usize, x: f64) -> f64 {
        x * self.scale[d] + self.mean[d]
    }

    /// A value that a model computed in single precision, in the data's own units, rounded to the seven digits of its
    /// deviation from the mean that single precision holds.
    pub fn restore_rounded(&self, d: usize, x: f32) -> f64 {
        let value = self.restore(d, f64::from(x));
        let size = if self.mean[d] == 0.0 { self.scale[d] * f64::from(x.abs()) } else { self.scale[d] };
        if size == 0.0 {
            return value;
        }
        let shift = 10f64.powi(6 - size.log10().floor() as i32);
        let rounded = (value * shift).round() / shift;
        if rounded.is_finite() { rounded } else { value }
    }

    /// What a row's log density in model units is to be lowered by to be one in the data's units: Σ log scale over its
    /// observed columns, in nats.
    pub fn log_volume(&self, observed: &[bool]) -> f64 {
        self.scale.iter().zip(observed).filter(|(_, observed)| **observed).map(|(scale, _)| scale.ln()).sum()
    }
}

/// A minibatch on a tape: constants.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// B.
    pub rows: usize,
    /// x, B × D; zero where unobserved.
    pub x: Var,
    /// m, B × D: 1 where observed.
    pub mask: Var,
}

impl Batch {
    /// Puts the given rows of a table on the tape.
    pub fn record<T: Scalar>(
        g: &mut Graph<'_, T>,
        data: &Data<T>,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
    ) -> Self {
        let (count, columns) = (rows.len(), data.columns);
        let x = g.constant_with([count, columns], |out| {
            for (out, n) in out.chunks_exact_mut(columns).zip(rows.clone()) {
                out.copy_from_slice(data.values(n..n + 1));
            }
        });
        let mask = g.constant_with([count, columns], |out| {
            for (out, n) in out.chunks_exact_mut(columns).zip(rows) {
                out.iter_mut().zip(data.mask(n..n + 1)).for_each(|(out, m)| *out = m);
            }
        });
        Batch { rows: count, x, mask }
    }

    /// Puts rows given as values and a mask of zeros and ones (B × D each) on the tape.
    pub fn from_slices<T: Scalar>(g: &mut Graph<'_, T>, columns: usize, x: &[T], mask: &[T]) -> Self {
        let rows = x.len() / columns;
        let x = g.constant_with([rows, columns], |out| {
            for (out, (&x, &m)) in out.iter_mut().zip(x.iter().zip(mask)) {
                *out = if m > T::ZERO { x } else { T::ZERO };
            }
        });
        Batch { rows, x, mask: g.constant([rows, columns], mask) }
    }
}

/// Makes each pixel +1 with the probability intensity/`white`, else −1; one that is NaN stays, and takes its draw too.
pub fn black_and_white(intensities: &mut [f64], white: f64, rng: &mut Stream) {
    for x in intensities {
        let uniform = rng.random::<f64>();
        if !x.is_nan() {
            *x = if uniform < *x / white { 1.0 } else { -1.0 };
        }
    }
}

/// A permutation of 0..rows.
pub fn shuffled(rows: usize, rng: &mut Stream, order: &mut Vec<u32>) {
    order.clear();
    order.extend(0..rows as u32);
    for i in (1..rows).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use autodiff::Tape;
    use samplers::stream::{Purpose, stream};

    use super::*;

    const NAN: f64 = f64::NAN;

    /// Missing where NaN.
    fn table(columns: usize, cells: &[f64]) -> Data<f64> {
        Data::new(columns, cells.to_vec(), cells.iter().map(|x| !x.is_nan()).collect())
    }

    fn rng(epoch: u64) -> Stream {
        stream(1, Purpose::Hide, epoch, 0)
    }

    #[test]
    fn unobserved_cells_hold_zero() {
        let data = Data::new(2, vec![1.0, 7.0, NAN, 4.0], vec![true, false, false, true]);
        assert_eq!(data.values(0..2), [1.0, 0.0, 0.0, 4.0]);
        assert_eq!((data.rows(), data.columns(), data.missing()), (2, 2, 2));
        assert_eq!(data.select(&[1, 1, 0]).observed(0..3), [false, true, false, true, true, false]);
    }

    #[test]
    #[should_panic(expected = "3 values in 2 columns")]
    fn rows_must_be_whole() {
        table(2, &[1.0, 2.0, 3.0]);
    }

    #[test]
    fn standardised_columns_have_mean_0_and_deviation_1() {
        let data = table(3, &[1.0, NAN, 4.0, 2.0, 1e6, 6.0, 6.0, 1e6 + 2.0, NAN]);
        let fitted = Standardisation::fit(&data).expect("three columns with two values at least");
        assert_relative_eq!(fitted.mean[0], 3.0, max_relative = 1e-15);
        // Deviations from 3: −2, −1, 3.
        assert_relative_eq!(fitted.scale[0], (14.0_f64 / 3.0).sqrt(), max_relative = 1e-15);
        assert_eq!((fitted.mean[1], fitted.scale[1]), (1e6 + 1.0, 1.0));
        assert_eq!((fitted.mean[2], fitted.scale[2]), (5.0, 1.0));

        let units: Data<f64> = fitted.apply(&data);
        assert_eq!(units.observed(0..3), data.observed(0..3));
        assert_eq!(units.values(0..1)[1], 0.0);
        for d in 0..3 {
            let column = || (0..3).filter(|&n| data.observed(n..n + 1)[d]).map(|n| units.values(n..n + 1)[d]);
            assert!(column().sum::<f64>().abs() < 1e-14);
        }
        let squares: f64 = (0..3).map(|n| units.values(n..n + 1)[0].powi(2)).sum();
        assert_relative_eq!(squares / 3.0, 1.0, max_relative = 1e-14);
    }

    /// To the value and back: in double precision to rounding; in single precision to that of the standardised value.
    #[test]
    fn standardisation_round_trip() {
        let data = table(2, &[3.5, -1e-3, -120.0, 4e-3, 17.25, NAN]);
        let fitted = Standardisation::fit(&data).expect("two columns with two values at least");
        let (double, single): (Data<f64>, Data<f32>) = (fitted.apply(&data), fitted.apply(&data));
        for (i, &x) in data.values(0..3).iter().enumerate().filter(|(i, _)| data.observed(0..3)[*i]) {
            let d = i % 2;
            assert_relative_eq!(
                fitted.restore(d, double.values(0..3)[i]),
                x,
                epsilon = 1e-15 * fitted.scale[d].max(1.0) * 200.0
            );
            let back = fitted.restore(d, f64::from(single.values(0..3)[i]));
            assert!((back - x).abs() <= 1e-7 * fitted.scale[d] * 2.0, "{x} came back as {back}");
        }
        assert_relative_eq!(fitted.log_volume(&[false, true]), fitted.scale[1].ln(), max_relative = 1e-15);
        assert_eq!(fitted.log_volume(&[false, false]), 0.0);
        assert_eq!(Standardisation::none(2).apply::<f64>(&data), data);
    }

    /// The mean of equal numbers is rounded, so their deviation is not zero: it must not count as one.
    #[test]
    fn columns_that_cannot_be_standardised_are_named() {
        let mut cells = Vec::new();
        for _ in 0..3 {
            cells.extend([0.1, NAN, 1e200, 1.0, 1e-200]);
        }
        cells.extend([NAN, NAN, -1e200, 2.0, 2e-200]);
        assert_eq!(Standardisation::fit(&table(5, &cells)), Err(vec![0, 1, 2, 4]));
    }

    /// Seven digits of a deviation survive single precision; more would be noise in a file.
    #[test]
    fn restored_values_carry_their_own_digits() {
        let units = Standardisation { mean: vec![1.6e9, 43.921_93, 0.0], scale: vec![50.0, 5.46, 1.0] };
        assert_eq!(units.restore_rounded(0, 0.1), 1_600_000_005.0);
        assert_eq!(units.restore_rounded(1, 0.123_456_7), 44.596_004);
        assert_eq!(units.restore_rounded(2, 1.234_567_8e-6), 1.234_568e-6);
        assert_eq!(units.restore_rounded(2, 0.0), 0.0);
    }

    /// Exactly ⌊rate·observed⌋ cells, all of them observed before, listed in order, and no other.
    #[test]
    fn hiding_counts_observed_cells() {
        let cells: Vec<f64> = (0..70).map(|i| if i % 7 == 3 { NAN } else { 1.0 + f64::from(i) }).collect();
        let observed = 60;
        // 0.29·100 < 29 in binary: the floor is of the product as it is.
        for (rate, count) in [(0.0, 0), (0.01, 0), (0.25, 15), (0.5, 30), (0.99, 59), (1.0, observed)] {
            let before = table(7, &cells);
            let mut data = before.clone();
            let hidden = data.hide(rate, &mut rng(0));
            assert_eq!(hidden.len(), count, "rate {rate}");
            assert!(hidden.is_sorted_by(|a, b| a < b));
            assert_eq!(data.missing(), 10 + count);
            for i in 0..70 {
                let is_hidden = hidden.contains(&i);
                assert!(!is_hidden || before.observed[i], "cell {i} was not observed");
                assert_eq!(data.observed[i], before.observed[i] && !is_hidden);
                assert_eq!(data.values[i], if is_hidden { 0.0 } else { before.values[i] });
            }
        }
        let hidden = |epoch| table(7, &cells).hide(0.5, &mut rng(epoch));
        assert_eq!(hidden(1), hidden(1));
        assert_ne!(hidden(1), hidden(2));
    }

    /// Each cell is hidden about equally often: 30 of 60 in 2,000 tables, 1,000 ± 22.4 times; 5.2 standard deviations
    /// are exceeded with probability 2e-7 a cell.
    #[test]
    fn hiding_is_fair() {
        let mut counts = [0i32; 60];
        for epoch in 0..2000 {
            table(6, &[1.0; 60]).hide(0.5, &mut rng(epoch)).into_iter().for_each(|i| counts[i] += 1);
        }
        assert!(counts.iter().all(|count| (count - 1000).abs() < 117), "{counts:?}");
    }

    /// Two of four quadrants of 5 × 5 pixels, whose sizes are 4, 6, 6 and 9; each pair of them about equally often: 400 of
    /// 2,400 with a deviation of 18.3, 5 of which are exceeded with probability 6e-7 a pair.
    #[test]
    fn quadrants_are_hidden_whole() {
        let mut data = Data::new(25, vec![1.0; 25 * 2400], vec![true; 25 * 2400]);
        let stream_of = |n: usize| stream(3, Purpose::HideQuadrants, 0, n as u64);
        data.hide_quadrants(5, 2, stream_of);
        let mut pairs = std::collections::HashMap::new();
        for n in 0..2400 {
            let observed = data.observed(n..n + 1);
            let corners = [0, 4, 20, 24].map(|pixel| observed[pixel]);
            assert_eq!(corners.iter().filter(|corner| !**corner).count(), 2);
            for (pixel, (&observed, &value)) in observed.iter().zip(data.values(n..n + 1)).enumerate() {
                let quadrant = 2 * usize::from(pixel / 5 >= 2) + usize::from(pixel % 5 >= 2);
                assert_eq!((observed, value), (corners[quadrant], if observed { 1.0 } else { 0.0 }));
            }
            *pairs.entry(corners).or_insert(0i32) += 1;
        }
        assert_eq!(pairs.len(), 6);
        assert!(pairs.values().all(|count| (count - 400).abs() < 92), "{pairs:?}");
        let (head, tail) = data.clone().split_at(1000);
        assert_eq!((head.rows(), tail.rows()), (1000, 1400));
        assert_eq!(tail.observed(0..1), data.observed(1000..1001));
    }

    #[test]
    fn splitting_keeps_every_row_once() {
        let cells: Vec<f64> = (0..22).map(f64::from).collect();
        let data = table(2, &cells);
        for (fraction, count) in [(0.0, 0), (0.3, 3), (0.5, 5), (1.0, 11)] {
            let (rest, chosen) = data.split(fraction, &mut rng(0));
            assert_eq!((rest.len(), chosen.len()), (11 - count, count));
            assert!(rest.is_sorted() && chosen.is_sorted());
            let mut all = [rest, chosen].concat();
            all.sort_unstable();
            assert_eq!(all, (0..11).collect::<Vec<_>>());
        }
        assert_ne!(data.split(0.5, &mut rng(1)).1, data.split(0.5, &mut rng(2)).1);
    }

    /// Every rate of whole percents, of numbers that it divides: as exact arithmetic has it, and so one cell less or more.
    #[test]
    fn shares_are_exact() {
        for percent in 0..=100_usize {
            for n in [1, 7, 50, 99, 100, 1000, 96_865, 12_345_600] {
                let rate: f64 = format!("{}.{:02}", percent / 100, percent % 100).parse().unwrap();
                assert_eq!(share_of(rate, n), percent * n / 100, "{percent}% of {n}");
            }
        }
        assert_eq!((share_of(0.289_999_999, 100), share_of(0.3, 0)), (28, 0));
    }

    #[test]
    fn rows_without_cells_are_dropped_and_counted() {
        let data = table(2, &[NAN, NAN, 1.0, NAN, NAN, NAN, 2.0, 3.0]);
        let (kept, dropped) = data.without_empty_rows();
        assert_eq!((kept.values(0..kept.rows()), dropped), (&[1.0, 0.0, 2.0, 3.0][..], 2));
        assert_eq!(kept.clone().without_empty_rows(), (kept, 0));
        assert_eq!(table(1, &[NAN]).without_empty_rows().0.rows(), 0);
    }

    #[test]
    fn a_batch_holds_the_rows_asked_for() {
        let data = table(2, &[1.0, 2.0, NAN, 4.0, 5.0, NAN]);
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let batch = Batch::record(&mut g, &data, [2, 0, 1].into_iter());
        assert_eq!(batch.rows, 3);
        assert_eq!(g.value(batch.x), [5.0, 0.0, 1.0, 2.0, 0.0, 4.0]);
        assert_eq!(g.value(batch.mask), [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]);

        // From slices, what is in a missing cell does not reach the model, whatever it is.
        let same = Batch::from_slices(&mut g, 2, &[5.0, NAN, 1.0, 2.0, -9.0, 4.0], &[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(same.rows, 3);
        assert_eq!(g.value(same.x), g.value(batch.x));
        assert_eq!(g.value(same.mask), g.value(batch.mask));
    }

    /// Every permutation of 4 comes equally often: 24 of them in 24,000, 1,000 ± 31 times each; 5.3 standard deviations
    /// are exceeded with probability 1.2e-7 a permutation.
    #[test]
    fn shuffling_is_a_fair_permutation() {
        let mut counts = std::collections::HashMap::new();
        let mut order = vec![9; 2];
        for epoch in 0..24_000 {
            shuffled(4, &mut stream(1, Purpose::Shuffle, epoch, 0), &mut order);
            *counts.entry(order.clone()).or_insert(0i32) += 1;
        }
        assert_eq!(counts.len(), 24);
        for (order, count) in counts {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            assert!((count - 1000).abs() < 165, "{order:?}: {count}");
        }
    }
}
