//! A table with missing cells.

use std::ops::Range;

use linalg::Scalar;
use rand::RngExt;
use rand::seq::SliceRandom;
use samplers::stream::Stream;

/// A table with missing cells: N × D values, row-major. Unobserved cells hold zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Data<T> {
    pub(super) columns: usize,
    pub(super) values: Vec<T>,
    pub(super) observed: Vec<bool>,
}

impl<T: Scalar> Data<T> {
    /// A table from its values and the mask of observed cells. Other values are ignored.
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

    /// N, the number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// D, the number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Values of some rows; zero where unobserved.
    pub fn values(&self, rows: Range<usize>) -> &[T] {
        &self.values[rows.start * self.columns..rows.end * self.columns]
    }

    /// Whether each cell of some rows is observed.
    pub fn observed(&self, rows: Range<usize>) -> &[bool] {
        &self.observed[rows.start * self.columns..rows.end * self.columns]
    }

    /// The mask of some rows: 1 where observed, else 0.
    pub fn mask(&self, rows: Range<usize>) -> impl Iterator<Item = T> {
        self.observed(rows).iter().map(|&observed| if observed { T::ONE } else { T::ZERO })
    }

    /// Number of missing cells.
    pub fn missing(&self) -> usize {
        self.observed.iter().filter(|observed| !**observed).count()
    }

    /// The observed values of a column, from the first row to the last.
    pub fn observed_values(&self, column: usize) -> impl Iterator<Item = T> {
        let cells = (column..self.values.len()).step_by(self.columns);
        cells.filter(|&cell| self.observed[cell]).map(|cell| self.values[cell])
    }

    /// Mean of each column's observed cells; 0 where there is none.
    pub fn column_means(&self) -> Vec<f64> {
        let mean = |d: usize| {
            let add = |(count, sum), x: T| (count + 1, sum + x.to_f64());
            let (count, sum) = self.observed_values(d).fold((0_usize, 0.0), add);
            if count == 0 { 0.0 } else { sum / count as f64 }
        };
        (0..self.columns).map(mean).collect()
    }

    /// The smallest and the largest observed value of each column, if there is one.
    pub fn column_ranges(&self) -> Vec<Option<[f64; 2]>> {
        let range = |d: usize| {
            self.observed_values(d).map(T::to_f64).fold(None, |range: Option<[f64; 2]>, x| {
                let [low, high] = range.unwrap_or([x, x]);
                Some([low.min(x), high.max(x)])
            })
        };
        (0..self.columns).map(range).collect()
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

    /// The table without its empty rows, and the number of these. A row without an observed cell carries no information
    /// (docs/methods.md §1).
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

    /// Hides `count` random quadrants of each row, an image of `size` × `size` pixels. If the size is odd, the middle
    /// row and column belong to the lower and right quadrants. Image n takes the stream that `stream_of(n)` gives.
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

    /// Splits the table: the rows before `row`, and the rows from `row` on.
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

/// ⌊rate·n⌋, with the rate as it is written in decimals: 0.29 of 100 are 29, although the double 0.29 is a little less.
fn share_of(rate: f64, n: usize) -> usize {
    let product = rate * n as f64;
    let nearest = product.round();
    // Both the rate and the product are rounded, by half a unit in the last place each.
    let whole = (product - nearest).abs() <= f64::EPSILON * product;
    if whole { nearest as usize } else { product.floor() as usize }
}

/// Makes each pixel +1 with probability intensity/`white`, else −1. A pixel that is NaN stays, and takes its draw too.
pub fn binarise_pixels(intensities: &mut [f64], white: f64, rng: &mut Stream) {
    for x in intensities {
        let uniform = rng.random::<f64>();
        if !x.is_nan() {
            *x = if uniform < *x / white { 1.0 } else { -1.0 };
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use samplers::stream::{Purpose, stream};

    use super::*;

    pub(in crate::data) const NAN: f64 = f64::NAN;

    /// A table in which NaN is missing.
    pub(in crate::data) fn table(columns: usize, cells: &[f64]) -> Data<f64> {
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

    /// Two of four quadrants of 5 × 5 pixels, whose sizes are 4, 6, 6 and 9; each pair of them about equally often: 400
    /// of 2,400 with a deviation of 18.3, 5 of which are exceeded with probability 6e-7 a pair.
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

    /// Every rate of whole percents, of numbers that it divides: as exact arithmetic has it, and so one cell less or
    /// more.
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
}
