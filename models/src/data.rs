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

    /// Number of missing cells.
    pub fn missing(&self) -> usize {
        self.observed.iter().filter(|observed| !**observed).count()
    }

    /// The given rows, in the given order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Data {
            columns: self.columns,
            values: rows.iter().flat_map(|&n| self.values(n..n + 1)).copied().collect(),
            observed: rows.iter().flat_map(|&n| self.observed(n..n + 1)).copied().collect(),
        }
    }

    /// The table without rows that have no observed cell, and how many there were. Such rows carry no information
    /// (METHODS §1).
    pub fn without_empty_rows(self) -> (Self, usize) {
        let some: Vec<usize> =
            (0..self.rows()).filter(|&n| self.observed(n..n + 1).iter().any(|&observed| observed)).collect();
        let dropped = self.rows() - some.len();
        if dropped == 0 { (self, 0) } else { (self.select(&some), dropped) }
    }

    /// Hides exactly ⌊rate·(observed cells)⌋ observed cells, chosen at random without replacement, and returns their
    /// positions n·D + d, ascending.
    pub fn hide(&mut self, rate: f64, rng: &mut Stream) -> Vec<usize> {
        let mut cells: Vec<usize> = (0..self.values.len()).filter(|&i| self.observed[i]).collect();
        let count = (rate * cells.len() as f64).floor() as usize;
        let (chosen, _) = cells.partial_shuffle(rng, count);
        let mut chosen = chosen.to_vec();
        chosen.sort_unstable();
        for &i in &chosen {
            self.observed[i] = false;
            self.values[i] = T::ZERO;
        }
        chosen
    }

    /// Splits off ⌊fraction·N⌋ random rows: (the others, the split-off ones), both in the table's order.
    pub fn split(&self, fraction: f64, rng: &mut Stream) -> (Self, Self) {
        let mut order: Vec<usize> = (0..self.rows()).collect();
        let count = (fraction * self.rows() as f64).floor() as usize;
        let (chosen, rest) = order.partial_shuffle(rng, count);
        chosen.sort_unstable();
        rest.sort_unstable();
        (self.select(rest), self.select(chosen))
    }
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

    /// Means and deviations of the observed cells. A column without two distinct values gets scale 1.
    pub fn fit(data: &Data<f64>) -> Self {
        let mut fitted = Self::none(data.columns());
        for d in 0..data.columns() {
            let observed = || {
                let cells = (d..data.values.len()).step_by(data.columns);
                cells.filter(|&i| data.observed[i]).map(|i| data.values[i])
            };
            let count = observed().count() as f64;
            if count == 0.0 {
                continue;
            }
            let mean = observed().sum::<f64>() / count;
            let variance = observed().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
            fitted.mean[d] = mean;
            if variance > 0.0 {
                fitted.scale[d] = variance.sqrt();
            }
        }
        fitted
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
    /// The encoder's input, B × 2D: x·m, then m.
    pub input: Var,
    /// x, B × D.
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
        let mask_value = |observed: bool| if observed { T::ONE } else { T::ZERO };
        let x = g.constant_with([count, columns], |out| {
            for (out, n) in out.chunks_exact_mut(columns).zip(rows.clone()) {
                out.copy_from_slice(data.values(n..n + 1));
            }
        });
        let mask = g.constant_with([count, columns], |out| {
            for (out, n) in out.chunks_exact_mut(columns).zip(rows.clone()) {
                out.iter_mut().zip(data.observed(n..n + 1)).for_each(|(m, &o)| *m = mask_value(o));
            }
        });
        let input = g.constant_with([count, 2 * columns], |out| {
            for (out, n) in out.chunks_exact_mut(2 * columns).zip(rows) {
                let (x, m) = out.split_at_mut(columns);
                x.copy_from_slice(data.values(n..n + 1));
                m.iter_mut().zip(data.observed(n..n + 1)).for_each(|(m, &o)| *m = mask_value(o));
            }
        });
        Batch { rows: count, input, x, mask }
    }

    /// Puts rows given as values and a mask of zeros and ones (B × D each) on the tape.
    pub fn from_slices<T: Scalar>(g: &mut Graph<'_, T>, columns: usize, x: &[T], mask: &[T]) -> Self {
        let rows = x.len() / columns;
        let input = g.constant_with([rows, 2 * columns], |out| {
            for n in 0..rows {
                for d in 0..columns {
                    out[2 * columns * n + d] =
                        if mask[columns * n + d] > T::ZERO { x[columns * n + d] } else { T::ZERO };
                    out[2 * columns * n + columns + d] = mask[columns * n + d];
                }
            }
        });
        let (x, mask) = (g.constant([rows, columns], x), g.constant([rows, columns], mask));
        Batch { rows, input, x, mask }
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
