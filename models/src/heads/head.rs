//! A head, and the rows that it works on.

use std::fmt::Debug;

use autodiff::{Graph, Var};
use linalg::Scalar;
use samplers::likelihood::Summary;
use samplers::stream::Stream;

/// A column's unit: model values are (x − mean)/scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// The data's value that is 0 in a model.
    pub mean: f64,
    /// The distance in the data that is 1 in a model.
    pub scale: f64,
}

/// A type of column: how a latent point describes its values. C is the number of columns of a block. *x* is in model
/// units.
///
/// A head is implemented for `f32` and `f64`; both together make a [`Block`](super::Block) of a row.
pub trait Head<T: Scalar>: Debug + Send + Sync {
    /// Outputs of the decoder's network a column.
    fn outputs(&self) -> usize;

    /// Numbers of a decoded point a column.
    fn numbers(&self) -> usize;

    /// Inputs of the encoder a column, the mask's aside.
    fn features(&self) -> usize {
        1
    }

    /// Whether a column may hold this value, in the data's units or a model's.
    fn allows(&self, value: f64) -> bool {
        value.is_finite()
    }

    /// The values that a column may hold, in words.
    fn values(&self) -> &'static str {
        "a number"
    }

    /// Whether every real number is a possible value. If not, imputations can only start as observed values.
    fn is_real(&self) -> bool {
        true
    }

    /// The unit for a column's observed values. `None` if no model can be fitted to them.
    fn unit(&self, values: &[f64]) -> Option<Unit>;

    /// The encoder's inputs for *x* (B × C; zero where a cell is missing) → B × C·features. By default *x* as it is.
    fn encode(&self, _g: &mut Graph<'_, T>, x: Var) -> Var {
        x
    }

    /// log p(x|z) of each decoded point over the observed columns, in nats, on the tape.
    ///
    /// *x*, *mask*: B × C, constants; *raw*: … × C·outputs, with `inner` consecutive points of one row → the shape of
    /// *raw* without its last axis. A column that is not observed contributes exactly nothing.
    fn log_density(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, raw: Var, inner: usize) -> Var;

    /// Turns outputs of the decoder's network into numbers of decoded points: *raw* (N points, C·outputs each) to
    /// *decoded* (N points, C·numbers).
    fn decode(&self, raw: Points<'_, T>, decoded: PointsMut<'_, T>);

    /// Adds log p(x_obs|z) of one row under each decoded point, in nats. Without a mask it is over all columns.
    ///
    /// *x*, *mask*: C; *decoded*: N points; *out*: N.
    fn add_log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: Points<'_, T>, out: &mut [T]);

    /// Numbers of a tabulated point a column.
    fn tabulated(&self) -> usize {
        self.numbers()
    }

    /// Tabulates decoded points for many rows; see [`add_tabulated`](Head::add_tabulated). Appends N × C × tabulated
    /// numbers to *table*, in an order of the head's own.
    fn tabulate(&self, decoded: Points<'_, T>, table: &mut Vec<T>) {
        decoded.rows().for_each(|point| table.extend_from_slice(point));
    }

    /// Adds log p(x_obs|z) of one row under each tabulated point, in nats.
    ///
    /// *x*, *mask*: C; *table*: what [`tabulate`](Head::tabulate) appended; *out*: N.
    fn add_tabulated(&self, x: &[T], mask: &[T], table: &[T], out: &mut [T]) {
        let width = x.len() * self.numbers();
        self.add_log_densities(x, Some(mask), Points::new(table, width, 0, width), out);
    }

    /// Draws the missing columns of one row from one decoded point (*decoded*: C·numbers). Every column takes a draw. A
    /// draw that is not finite leaves the previous value. Returns the number of those.
    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize;

    /// Summarises each missing column under weighted points. A summary that is not finite leaves the previous value.
    /// Points of weight 0 do not count, whatever they are. Returns the number of summaries that were not finite.
    fn summarise(&self, what: Summary, mask: &[T], weights: &[f64], decoded: Points<'_, T>, x: &mut [T]) -> usize;
}

/// The numbers of one block in rows that may be wider.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a, T> {
    numbers: &'a [T],
    stride: usize,
    start: usize,
    len: usize,
}

impl<'a, T> Points<'a, T> {
    /// `len` numbers from `start` on of each row of `stride` numbers.
    pub fn new(numbers: &'a [T], stride: usize, start: usize, len: usize) -> Self {
        Points { numbers, stride, start, len }
    }

    /// The block's numbers in each row.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T> {
        let (start, end) = (self.start, self.start + self.len);
        self.numbers.chunks_exact(self.stride).map(move |row| &row[start..end])
    }
}

/// As [`Points`], to be written.
#[derive(Debug)]
pub struct PointsMut<'a, T> {
    numbers: &'a mut [T],
    stride: usize,
    start: usize,
    len: usize,
}

impl<'a, T> PointsMut<'a, T> {
    /// `len` numbers from `start` on of each row of `stride` numbers.
    pub fn new(numbers: &'a mut [T], stride: usize, start: usize, len: usize) -> Self {
        PointsMut { numbers, stride, start, len }
    }

    /// The block's numbers in each row.
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a mut [T]> + use<'a, T> {
        let (start, end) = (self.start, self.start + self.len);
        self.numbers.chunks_exact_mut(self.stride).map(move |row| &mut row[start..end])
    }
}

/// Writes the draws of the missing columns, one for every column: `value(d)` in the order of the columns. Returns how
/// many of the missing ones were not finite.
#[inline]
pub(super) fn fill_missing<T: Scalar>(mask: &[T], x: &mut [T], mut value: impl FnMut(usize) -> T) -> usize {
    let mut replaced = 0;
    for d in 0..x.len() {
        let value = value(d);
        if mask[d] > T::ZERO {
            continue;
        }
        if value.is_finite() {
            x[d] = value;
        } else {
            replaced += 1;
        }
    }
    replaced
}

/// Writes the summaries of the missing columns: `value(d)` for each of them. Returns how many were not finite.
#[inline]
pub(super) fn fill_summaries<T: Scalar>(mask: &[T], x: &mut [T], mut value: impl FnMut(usize) -> f64) -> usize {
    let mut replaced = 0;
    for d in (0..x.len()).filter(|&d| mask[d] <= T::ZERO) {
        let value = value(d);
        if value.is_finite() {
            x[d] = T::from_f64(value);
        } else {
            replaced += 1;
        }
    }
    replaced
}

/// Σ w·number of each of the first `columns` numbers of the points, in double precision, in the order of the points.
pub(super) fn weighted_sums<T: Scalar>(
    columns: usize,
    weights: &[f64],
    points: Points<'_, T>,
    number: impl Fn(&[T], usize) -> f64,
) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    for (&weight, point) in weights.iter().zip(points.rows()) {
        if weight > 0.0 {
            sums.iter_mut().enumerate().for_each(|(d, sum)| *sum += weight * number(point, d));
        }
    }
    sums
}
