//! Columns whose density is a plain function of one cell: computed cell by cell, in double precision.
//!
//! Heads of discrete columns are built from it. Their densities need logarithms of factorials or differences of
//! probabilities, which single precision does not hold: ln 10⁶! has an error of a whole nat there.

use std::fmt::Debug;
use std::sync::Arc;

use autodiff::{Backward, Forward, Graph, Op, Operation, Reads, Shape, Var, check_points};
use linalg::Scalar;
use samplers::likelihood::Summary;
use samplers::stream::Stream;

use super::head::{Head, Points, PointsMut, Unit, fill_missing, fill_summaries};

/// The distribution of one column's cells, given the outputs of the decoder's network for it.
pub trait CellDistribution: Clone + Debug + Send + Sync + 'static {
    /// Whether a cell may hold this value.
    fn allows(&self, value: f64) -> bool;

    /// The values that a cell may hold, in words.
    fn values(&self) -> &'static str;

    /// P, outputs of the decoder's network.
    fn outputs(&self) -> usize;

    /// F, inputs of the encoder.
    fn features(&self) -> usize;

    /// The encoder's inputs for an observed value: F.
    fn encode(&self, x: f64, features: &mut [f64]);

    /// ln p(x), in nats, and its derivative by each output. *raw*, *slope*: P.
    fn log_density(&self, x: f64, raw: &[f64], slope: &mut [f64]) -> f64;

    /// A draw. Not a number if the outputs are none.
    fn draw(&self, raw: &[f64], rng: &mut Stream) -> f64;

    /// A value for the mixture of points with these weights, of sum 1. *raw*: N × P. Not a number if the outputs are none.
    fn summary(&self, what: Summary, weights: &[f64], raw: &[f64]) -> f64;
}

/// A head made of cells. All columns of a block have the same numbers of outputs and features.
///
/// The numbers of a decoded point are the outputs of the network as they are.
#[derive(Clone, Debug)]
pub struct Cells<D> {
    /// One for each column; a single one stands for any number of columns.
    columns: Arc<[D]>,
}

impl<D: CellDistribution> Cells<D> {
    /// Columns with these distributions.
    ///
    /// # Panics
    /// If there are no columns, or their numbers of outputs or features differ.
    #[track_caller]
    pub fn of(columns: Vec<D>) -> Self {
        let widths = |cell: &D| (cell.outputs(), cell.features());
        assert!(columns.iter().all(|cell| widths(cell) == widths(&columns[0])), "columns of one width: {columns:?}");
        assert!(!columns.is_empty(), "a block has columns");
        Cells { columns: columns.into() }
    }

    fn first(&self) -> &D {
        &self.columns[0]
    }

    fn cell(&self, d: usize) -> &D {
        if self.columns.len() == 1 { self.first() } else { &self.columns[d] }
    }
}

/// The outputs of column `d`: they stand apart by as many as there are columns.
fn gather<T: Scalar>(point: &[T], d: usize, columns: usize, own: &mut [f64]) {
    own.iter_mut().zip(point[d..].iter().step_by(columns)).for_each(|(own, number)| *own = number.to_f64());
}

impl<T: Scalar, D: CellDistribution> Head<T> for Cells<D> {
    fn outputs(&self) -> usize {
        self.first().outputs()
    }

    fn numbers(&self) -> usize {
        self.first().outputs()
    }

    fn features(&self) -> usize {
        self.first().features()
    }

    fn allows(&self, value: f64) -> bool {
        self.first().allows(value)
    }

    fn values(&self) -> &'static str {
        self.first().values()
    }

    fn is_real(&self) -> bool {
        false
    }

    /// As they are. None for fewer than two distinct values.
    fn unit(&self, values: &[f64]) -> Option<Unit> {
        values.iter().any(|x| *x != values[0]).then_some(Unit { mean: 0.0, scale: 1.0 })
    }

    fn encode(&self, g: &mut Graph<'_, T>, x: Var) -> Var {
        let (shape, each) = (g.shape(x), self.first().features());
        let (rows, columns) = (shape.rows(), shape.last());
        let mut own = vec![0.0; each];
        g.constant_from(x, [rows, columns * each], |x, features| {
            for (x, features) in x.chunks_exact(columns).zip(features.chunks_exact_mut(columns * each)) {
                for (d, x) in x.iter().enumerate() {
                    own.fill(0.0);
                    // A missing cell holds no value of the column.
                    if self.cell(d).allows(x.to_f64()) {
                        self.cell(d).encode(x.to_f64(), &mut own);
                    }
                    own.iter().enumerate().for_each(|(f, own)| features[f * columns + d] = T::from_f64(*own));
                }
            }
        })
    }

    fn log_density(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, raw: Var, inner: usize) -> Var {
        let op = CellLogDensity { cells: self.clone(), inner };
        g.apply(Operation::custom(op), &[x, mask, raw])
    }

    fn decode(&self, raw: Points<'_, T>, decoded: PointsMut<'_, T>) {
        raw.rows().zip(decoded.rows()).for_each(|(raw, decoded)| decoded.copy_from_slice(raw));
    }

    fn add_log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: Points<'_, T>, out: &mut [T]) {
        let mut own = vec![0.0; self.first().outputs()];
        let mut slope = own.clone();
        for d in (0..x.len()).filter(|&d| mask.is_none_or(|mask| mask[d] > T::ZERO)) {
            for (point, out) in decoded.rows().zip(out.iter_mut()) {
                gather(point, d, x.len(), &mut own);
                *out += T::from_f64(self.cell(d).log_density(x[d].to_f64(), &own, &mut slope));
            }
        }
    }

    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize {
        let (columns, mut own) = (x.len(), vec![0.0; self.first().outputs()]);
        fill_missing(mask, x, |d| {
            gather(decoded, d, columns, &mut own);
            T::from_f64(self.cell(d).draw(&own, rng))
        })
    }

    fn summarise(&self, what: Summary, mask: &[T], weights: &[f64], decoded: Points<'_, T>, x: &mut [T]) -> usize {
        let (columns, outputs) = (x.len(), self.first().outputs());
        let counted: Vec<f64> = weights.iter().copied().filter(|weight| *weight > 0.0).collect();
        let mut raw = vec![0.0; counted.len() * outputs];
        fill_summaries(mask, x, |d| {
            let points = decoded.rows().zip(weights).filter(|(_, weight)| **weight > 0.0);
            points.zip(raw.chunks_exact_mut(outputs)).for_each(|((point, _), own)| gather(point, d, columns, own));
            self.cell(d).summary(what, &counted, &raw)
        })
    }
}

/// log p\[n\] = Σ_d m\[b,d\] · ln p_d(x\[b,d\] | raw\[n,·\]), in nats, where b = ⌊n/inner⌋ mod B.
///
/// *x*, *m*: B × C constants; *raw*: … × C·P; out: the shape of *raw* without its last axis. An unobserved column contributes
/// exactly nothing.
#[derive(Debug)]
struct CellLogDensity<D> {
    cells: Cells<D>,
    inner: usize,
}

impl<T: Scalar, D: CellDistribution> Op<T> for CellLogDensity<D> {
    fn name(&self) -> &'static str {
        "cell_log_density"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [x, mask, raw] = inputs else { panic!("x, mask and outputs were expected, not {inputs:?}") };
        let outputs = self.cells.first().outputs();
        assert!(raw.rank() > 0 && raw.last() == x.last() * outputs, "outputs {raw} for x {x}: {outputs} a column");
        check_points("outputs", *raw, (*x, *mask), self.inner);
        raw.without_last()
    }

    /// ∂ log p\[n\] / ∂ raw\[n, ·\].
    fn saved_len(&self, inputs: &[Shape]) -> usize {
        inputs[2].len()
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 2
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let (x, mask, raw) = (pass.inputs.get(0), pass.inputs.get(1), pass.inputs.get(2));
        let (rows, columns) = (pass.inputs.shape(0).rows(), pass.inputs.shape(0).last());
        let outputs = self.cells.first().outputs();
        let width = columns * outputs;
        let (mut own, mut slope) = (vec![0.0; outputs], vec![0.0; outputs]);
        pass.saved.fill(T::ZERO);
        for (n, out) in pass.out.iter_mut().enumerate() {
            let b = n / self.inner % rows;
            let mut total = 0.0;
            for d in (0..columns).filter(|&d| mask[b * columns + d] > T::ZERO) {
                gather(&raw[n * width..][..width], d, columns, &mut own);
                total += self.cells.cell(d).log_density(x[b * columns + d].to_f64(), &own, &mut slope);
                let saved = pass.saved[n * width + d..].iter_mut().step_by(columns);
                saved.zip(&slope).for_each(|(saved, slope)| *saved = T::from_f64(*slope));
            }
            *out = T::from_f64(total);
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        if let Some(draw) = pass.grads.take(2) {
            draw.add_scaled_rows(pass.dout, pass.saved);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use approx::assert_relative_eq;
    use autodiff::Tape;
    use autodiff::gradcheck::{self, Options};
    use samplers::likelihood::RowLikelihood;

    use super::*;
    use crate::heads::{Block, Row};

    /// Checks a block of columns on rows of them: gradients by finite differences in both precisions, unobserved cells, and
    /// decoded points against the tape. *x*: B × C; *raw*: B·2 × C·P, two points for each row.
    pub(in crate::heads) fn check_head<D: CellDistribution>(head: &Cells<D>, columns: usize, x: &[f64], raw: &[f64]) {
        let row = Row::new([Block::new(head.clone(), columns)]);
        let rows = x.len() / columns;
        let mask: Vec<f64> = (0..x.len()).map(|i| f64::from(i % 3 != 1)).collect();
        let shape = Shape::from([rows, 2, columns * head.first().outputs()]);
        let record = |g: &mut Graph<'_, f64>, v: &[Var]| {
            let (x, mask) = (g.constant([rows, columns], x), g.constant([rows, columns], &mask));
            row.log_density(g, x, mask, v[0], 2)
        };
        gradcheck::check(record, &[(shape, raw.to_vec())], &Options::default()).assert();

        let mut tape = Tape::<f64>::new();
        let mut g = tape.graph(&[]);
        let outputs = g.variable(shape, raw);
        let y = record(&mut g, &[outputs]);
        let on_tape = g.value(y).to_vec();
        let single: Vec<f32> = {
            let narrow = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<f32>>();
            let mut tape = Tape::<f32>::new();
            let mut g = tape.graph(&[]);
            let (x, mask) = (g.constant([rows, columns], &narrow(x)), g.constant([rows, columns], &narrow(&mask)));
            let outputs = g.variable(shape, &narrow(raw));
            let y = row.log_density(&mut g, x, mask, outputs, 2);
            g.value(y).to_vec()
        };
        let mut decoded = vec![0.0; raw.len()];
        row.decode(raw, &mut decoded);
        let width = decoded.len() / rows;
        for b in 0..rows {
            let (x, mask) = (&x[b * columns..][..columns], &mask[b * columns..][..columns]);
            let mut found = [0.0; 2];
            row.log_densities(x, Some(mask), &decoded[b * width..][..width], &mut found);
            for (n, found) in found.iter().enumerate() {
                assert_relative_eq!(*found, on_tape[2 * b + n], max_relative = 1e-13);
                assert_relative_eq!(f64::from(single[2 * b + n]), *found, max_relative = 2e-5, epsilon = 1e-6);
            }
        }
    }
}
