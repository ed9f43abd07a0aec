//! Batch normalisation of images' channels.

use linalg::Scalar;
use linalg::parallel::{chunk_pairs_mut, rows_mut};
use linalg::simd::dispatch;

use super::normalise::{BLOCK, Gate, InputGradient, Moments, Normalise, Rows, combine_moments, combine_sums};
use super::sizes;
use crate::graph::{Kind, Place};
use crate::op::{Backward, Forward, Op, Operation, Reads};
use crate::ops::Builtin;
use crate::{Graph, Shape, Var};

/// Elements that are worth a thread's attention.
const TASK: usize = 1 << 15;

/// ε, added to the variance: a part of the definition.
const EPSILON: f64 = 1e-5;

/// Which mean and variance normalise a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// Those of the batch (training).
    Batch,
    /// Given ones (evaluation).
    Given,
}

/// out\[n,y,x,c\] = relu?( dropout\[n,c\]·(scale\[c\]·(in\[n,y,x,c\] − mean\[c\])/√(variance\[c\] + ε) + shift\[c\])
/// + residual\[n,y,x,c\] ), with ε = 1e-5.
///
/// in: N × H × W × C; *scale*, *shift*: C; then, with given statistics, *mean*, *variance*: C, constants; then, with `dropout`,
/// N × C, a constant, 0 where a channel of an image is dropped and 1/(1−p) elsewhere; then, with `residual`, N × H × W × C;
/// out: as in.
///
/// The batch's statistics are those over its images and pixels; its variance is divided by their number. The derivative of
/// a ReLU at zero is zero.  Source: docs/methods.md §2.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm {
    /// What a channel is normalised by.
    pub statistics: Statistics,
    /// Whether channels are dropped; with the batch's statistics only.
    pub dropout: bool,
    /// Whether something is added.
    pub residual: bool,
    /// Whether negative outputs become zero.
    pub relu: bool,
}

impl BatchNorm {
    /// Where the dropout and the residual stand among the inputs.
    fn places(&self) -> (Option<usize>, Option<usize>, usize) {
        let next = if self.statistics == Statistics::Given { 5 } else { 3 };
        let dropout = self.dropout.then_some(next);
        let next = next + usize::from(self.dropout);
        (dropout, self.residual.then_some(next), next + usize::from(self.residual))
    }
}

fn rows_of(x: Shape) -> Rows {
    let [images, height, width, channels] = sizes(x);
    Rows { images, pixels: height * width, channels }
}

impl<T: Scalar> Op<T> for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let (dropout, residual, count) = self.places();
        assert!(inputs.len() == count, "{count} inputs of {self:?} were expected, not {inputs:?}");
        assert!(!self.dropout || self.statistics == Statistics::Batch, "dropout is for the batch's statistics");
        let x = inputs[0];
        let Rows { images, channels, .. } = rows_of(x);
        let vectors = if self.statistics == Statistics::Given { 1..5 } else { 1..3 };
        for &vector in &inputs[vectors] {
            assert!(vector == Shape::from([channels]), "{vector} for the channels of {x}");
        }
        if let Some(dropout) = dropout {
            let dropout = inputs[dropout];
            assert!(dropout == Shape::from([images, channels]), "dropout {dropout} for images {x}");
        }
        if let Some(residual) = residual {
            assert!(inputs[residual] == x, "residual {} for images {x}", inputs[residual]);
        }
        x
    }

    /// Mean, 1/√(variance + ε), unbiased variance (C each), and room for two sums a block of rows and channel.
    fn saved_len(&self, inputs: &[Shape]) -> usize {
        let rows = rows_of(inputs[0]);
        (3 + 2 * rows.blocks()) * rows.channels
    }

    fn differentiable(&self, input: usize) -> bool {
        input < 3 || Some(input) == self.places().1
    }

    fn reads(&self) -> Reads {
        if self.relu { Reads::Both } else { Reads::Inputs }
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let inputs = &pass.inputs;
        let rows = rows_of(inputs.shape(0));
        let (x, channels) = (inputs.get(0), rows.channels);
        let (dropout, residual, _) = self.places();
        let (statistics, blocks) = pass.saved.split_at_mut(3 * channels);
        if self.statistics == Statistics::Batch {
            rows_mut(blocks, 2 * channels, TASK.div_ceil(BLOCK * channels.max(1)), |range, sums| {
                dispatch(Moments { rows, x, blocks: range, sums });
            });
            combine_moments(rows, blocks, EPSILON, statistics);
        } else {
            let (mean, variance) = (inputs.get(3), inputs.get(4));
            for c in 0..channels {
                statistics[c] = mean[c];
                statistics[channels + c] = T::from_f64(1.0 / (variance[c].to_f64() + EPSILON).sqrt());
                statistics[2 * channels + c] = variance[c];
            }
        }
        let (mean, rest) = statistics.split_at(channels);
        let inverse = &rest[..channels];
        rows_mut(pass.out, channels, TASK.div_ceil(channels.max(1)), |range, out| {
            dispatch(Normalise {
                rows,
                range,
                x,
                vectors: [inputs.get(1), inputs.get(2), mean, inverse],
                dropout: dropout.map(|i| inputs.get(i)),
                residual: residual.map(|i| inputs.get(i)),
                relu: self.relu,
                out,
            });
        });
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let inputs = &pass.inputs;
        let rows = rows_of(inputs.shape(0));
        let (x, channels) = (inputs.get(0), rows.channels);
        let (dropout, residual, _) = self.places();
        let dropout = dropout.map(|i| inputs.get(i));
        let (mean, rest) = pass.saved.split_at(channels);
        let inverse = &rest[..channels];

        // The gradient before the ReLU replaces dout; with dropout, its sums are those of what reaches the normalised values.
        let (vectors, sums) = pass.work.split_at_mut(3 * channels);
        let out = self.relu.then_some(pass.out);
        let grain = TASK.div_ceil(BLOCK * channels.max(1));
        chunk_pairs_mut((&mut *pass.dout, BLOCK * channels), (sums, 2 * channels), grain, |blocks, dout, sums| {
            dispatch(Gate { rows, blocks, x, mean, out, dropout, dout, sums });
        });
        let (shift_sums, rest) = vectors.split_at_mut(channels);
        let (scale_sums, gains) = rest.split_at_mut(channels);
        combine_sums(sums, inverse, shift_sums, scale_sums);
        if let Some(dshift) = pass.grads.take(2) {
            dshift.add_slice(shift_sums);
        }
        if let Some(dscale) = pass.grads.take(1) {
            dscale.add_slice(scale_sums);
        }
        let dresidual = residual.and_then(|i| pass.grads.take(i));
        let Some(dx) = pass.grads.take(0) else {
            if let Some(dresidual) = dresidual {
                dresidual.add_slice(pass.dout);
            }
            return;
        };
        let count = (rows.images * rows.pixels) as f64;
        for c in 0..channels {
            gains[c] = inputs.get(1)[c] * inverse[c];
            let share = if self.statistics == Statistics::Batch { 1.0 / count } else { 0.0 };
            shift_sums[c] = T::from_f64(shift_sums[c].to_f64() * share);
            scale_sums[c] = T::from_f64(scale_sums[c].to_f64() * share * inverse[c].to_f64());
        }
        let vectors = [mean, &*gains, &*shift_sums, &*scale_sums];
        let (dx, accumulate) = dx.parts();
        let (dresidual, accumulate_residual) = dresidual.map_or((&mut [][..], false), |grad| grad.parts());
        // Without a residual, its chunks are empty.
        let width = if dresidual.is_empty() { 0 } else { BLOCK * channels };
        let dout = &*pass.dout;
        chunk_pairs_mut((dx, BLOCK * channels), (dresidual, width), grain, |blocks, dx, dresidual| {
            let start = blocks.start * BLOCK * channels;
            let dout = &dout[start..start + dx.len()];
            dispatch(InputGradient { rows, blocks, x, vectors, dropout, dout, dx: (dx, accumulate) });
            if accumulate_residual {
                dresidual.iter_mut().zip(dout).for_each(|(d, dout)| *d += *dout);
            } else if !dresidual.is_empty() {
                dresidual.copy_from_slice(dout);
            }
        });
    }
}

/// What a [`BatchNorm`] normalises by, and what it does beside.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchNormInputs {
    /// Mean and variance, C each; without them, those of the batch.
    pub statistics: Option<(Var, Var)>,
    /// The factor of each channel of each image, N × C.
    pub dropout: Option<Var>,
    /// What is added, in the images' shape.
    pub residual: Option<Var>,
    /// Whether negative outputs become zero.
    pub relu: bool,
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a [`BatchNorm`] of images *x* (N × H × W × C) with *scale* and *shift* (C).
    #[track_caller]
    pub fn batch_norm(&mut self, x: Var, scale: Var, shift: Var, beside: BatchNormInputs) -> Var {
        let BatchNormInputs { statistics, dropout, residual, relu } = beside;
        let op = BatchNorm {
            statistics: if statistics.is_some() { Statistics::Given } else { Statistics::Batch },
            dropout: dropout.is_some(),
            residual: residual.is_some(),
            relu,
        };
        let (mean, variance) = statistics.unzip();
        let mut inputs = [x; crate::MAX_INPUTS + 1];
        let all = [Some(x), Some(scale), Some(shift), mean, variance, dropout, residual];
        let mut count = 0;
        for input in all.into_iter().flatten() {
            inputs[count] = input;
            count += 1;
        }
        self.apply(op, &inputs[..count])
    }

    /// Mean and unbiased variance (Σ(x − mean)²/(n − 1)) of each channel of what a [`BatchNorm`] with the batch's statistics
    /// has normalised: C each. NaN where there is none: both of an empty batch, and the variance of a single value.
    ///
    /// # Panics
    /// If `x` is no such value.
    #[track_caller]
    pub fn batch_statistics(&self, x: Var) -> [&[T]; 2] {
        assert!(is_of_batch(&self.node(x).kind), "only batch normalisation with the batch's statistics has them");
        let (channels, saved) = (self.shape(x).last(), self.saved(x));
        [&saved[..channels], &saved[2 * channels..3 * channels]]
    }

    /// Every [`BatchNorm`] with the batch's statistics whose scale is a parameter, in the order in which they were recorded:
    /// where its scale begins in the parameter buffer, and its [`batch_statistics`](Graph::batch_statistics). Without those
    /// that had fewer than two values of a channel: they have no variance.
    pub fn batch_norms(&self) -> impl Iterator<Item = (usize, [&[T]; 2])> {
        let nodes = self.tape.nodes.iter().enumerate().filter(|(_, node)| is_of_batch(&node.kind));
        nodes.filter_map(|(index, node)| {
            let scale = self.tape.edges[node.edges.0 + 1];
            let Place::Parameters(start) = self.node(scale).place else { return None };
            let x = Var(u32::try_from(index).ok()?);
            (rows_of(self.shape(x)).count() > 1).then(|| (start, self.batch_statistics(x)))
        })
    }
}

fn is_of_batch<T: Scalar>(kind: &Kind<T>) -> bool {
    let Kind::Computed(Operation::Builtin(Builtin::BatchNorm(op))) = kind else { return false };
    op.statistics == Statistics::Batch
}

#[cfg(test)]
mod tests {
    use linalg::Scalar;
    use proptest::prelude::*;

    use super::*;
    use crate::gradcheck::{self, Options};
    use crate::ops::testing::{Value, error, numbers, run, value};
    use crate::{Seed, Tape, Wanted};

    /// What a case has beside images, scale and shift.
    #[derive(Clone, Copy, Debug)]
    struct Case {
        given: bool,
        dropout: bool,
        residual: bool,
        relu: bool,
    }

    /// Images, scale, shift and residual with which no sum lies near the ReLU's kink: a value is at most √n deviations from
    /// the mean of n.
    fn inputs(shape: Shape, seed: usize) -> Vec<Value> {
        let channels = shape.last();
        let sign = |c: usize| if (c + seed).is_multiple_of(2) { 1.0 } else { -1.0 };
        let scale = numbers(channels, seed + 1).iter().map(|x| 0.05 * x).collect();
        let shift = (0..channels).map(|c| 2.0 * sign(c)).collect();
        let residual = numbers(shape.len(), seed + 2).iter().map(|x| 0.2 * x.signum() + 0.2 * x).collect();
        let vector = Shape::from([channels]);
        vec![value(shape, seed), (vector, scale), (vector, shift), (shape, residual)]
    }

    fn constants<T: Scalar>(g: &mut Graph<T>, x: Var, case: Case, seed: usize) -> BatchNormInputs {
        let shape = g.shape(x);
        let (images, channels) = (shape.dims()[0], shape.last());
        let mut constant = |shape: Shape, f: &dyn Fn(f64) -> f64| {
            let values: Vec<T> = numbers(shape.len(), seed + 5).iter().map(|&x| T::from_f64(f(x))).collect();
            g.constant(shape, &values)
        };
        let vector = Shape::from([channels]);
        BatchNormInputs {
            statistics: case.given.then(|| (constant(vector, &|x| 0.3 * x), constant(vector, &|x| 0.7 + 0.3 * x))),
            dropout: case.dropout.then(|| constant([images, channels].into(), &|x| if x > 0.3 { 0.0 } else { 1.5 })),
            residual: None,
            relu: case.relu,
        }
    }

    fn fused<T: Scalar>(g: &mut Graph<T>, v: &[Var], case: Case, seed: usize) -> Var {
        let beside = constants(g, v[0], case, seed);
        let residual = case.residual.then(|| v[3]);
        g.batch_norm(v[0], v[1], v[2], BatchNormInputs { residual, ..beside })
    }

    fn composed(g: &mut Graph<f64>, v: &[Var], case: Case, seed: usize) -> Var {
        let beside = constants(g, v[0], case, seed);
        let [images, height, width, channels] = sizes(g.shape(v[0]));
        let x = g.reshape(v[0], [images * height * width, channels]);
        let (mean, variance) = beside.statistics.unwrap_or_else(|| {
            let mean = g.mean(x, &[0]);
            let off = g.sub(x, mean);
            let squares = g.square(off);
            (mean, g.mean(squares, &[0]))
        });
        let off = g.sub(x, mean);
        let variance = g.add_scalar(variance, EPSILON);
        let deviation = g.sqrt(variance);
        let y = g.div(off, deviation);
        let y = g.mul(y, v[1]);
        let mut y = g.add(y, v[2]);
        y = g.reshape(y, [images, height, width, channels]);
        if let Some(dropout) = beside.dropout {
            let dropout = g.reshape(dropout, [images, 1, 1, channels]);
            y = g.mul(y, dropout);
        }
        if case.residual {
            y = g.add(y, v[3]);
        }
        if case.relu { g.relu(y) } else { y }
    }

    fn check(shape: Shape, case: Case, seed: usize) {
        let mut inputs = inputs(shape, seed);
        inputs.truncate(if case.residual { 4 } else { 3 });
        let expected = run::<f64>(|g, v| composed(g, v, case, seed), &inputs);
        let in_f64 = run::<f64>(|g, v| fused(g, v, case, seed), &inputs);
        let in_f32 = run::<f32>(|g, v| fused(g, v, case, seed), &inputs);
        for ((_, out, grads), tolerance) in [(in_f64, 1e-12), (in_f32, 5e-5)] {
            assert!(error(&out, &expected.1) <= tolerance, "{case:?}: {out:?}, not {:?}", expected.1);
            for (grad, expected) in grads.iter().zip(&expected.2) {
                let size = expected.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
                let [grad, expected] = [grad, expected].map(|x| x.iter().map(|x| x / size).collect::<Vec<_>>());
                assert!(error(&grad, &expected) <= tolerance, "{case:?}, gradient: {grad:?}, not {expected:?}");
            }
        }
        let options = Options { full_limit: 1000, ..Options::default() };
        gradcheck::check(|g, v| fused(g, v, case, seed), &inputs, &options).assert_unless_empty();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn is_its_composition(
            (images, height, width) in (0..5usize, 1..5usize, 1..5usize),
            channels in 1..20usize,
            [given, dropout, residual, relu] in prop::array::uniform4(any::<bool>()),
            seed in 0..1000usize,
        ) {
            // Of few values, the variance may be as small as ε, and differences of no use.
            prop_assume!(images == 0 || images * height * width > 7);
            let case = Case { given, dropout: dropout && !given, residual, relu };
            check(Shape::from([images, height, width, channels]), case, seed);
        }
    }

    #[test]
    fn a_single_value_is_shifted_only() {
        let case = Case { given: false, dropout: false, residual: true, relu: true };
        check(Shape::from([1, 1, 1, 3]), case, 4);
    }

    /// More rows than a block has, in pieces on several threads: the same bits, and the statistics of the formula.
    #[test]
    fn many_rows_on_any_number_of_threads() {
        let shape = Shape::from([5, 30, 31, 17]);
        let inputs = inputs(shape, 3);
        let single: Vec<Vec<f32>> = inputs.iter().map(|(_, x)| x.iter().map(|&x| 5.0 + x as f32).collect()).collect();
        let train = || {
            let mut tape = Tape::<f32>::new();
            let mut g = tape.graph(&[]);
            let v: Vec<Var> = inputs.iter().zip(&single).map(|((shape, _), x)| g.variable(*shape, x)).collect();
            let beside = BatchNormInputs { residual: Some(v[3]), relu: true, ..BatchNormInputs::default() };
            let y = g.batch_norm(v[0], v[1], v[2], beside);
            let seeds: Vec<f32> = numbers(shape.len(), 9).iter().map(|&x| x as f32).collect();
            g.backward(&[(y, Seed::Each(&seeds))], Wanted::All, &mut []);
            let [mean, variance] = g.batch_statistics(y);
            let mut all = vec![mean.to_vec(), variance.to_vec(), g.value(y).to_vec()];
            all.extend(v.iter().map(|&v| g.gradient(v).to_vec()));
            all
        };
        let alone = train();
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            assert!(pool.install(train) == alone, "{threads} threads");
        }
        for (c, (found_mean, found_variance)) in alone[0].iter().zip(&alone[1]).enumerate() {
            let column = || single[0].iter().skip(c).step_by(17).map(|&x| f64::from(x));
            let n = (5 * 30 * 31) as f64;
            let mean = column().sum::<f64>() / n;
            let variance = column().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
            assert!((f64::from(*found_mean) / mean - 1.0).abs() < 2e-7, "{found_mean} for {mean}");
            assert!((f64::from(*found_variance) / variance - 1.0).abs() < 1e-6, "{found_variance} for {variance}");
        }
    }

    #[test]
    fn statistics_of_small_batches() {
        let mut tape = Tape::<f64>::new();
        let mut g = tape.graph(&[]);
        let one = g.constant([1], &[1.0]);
        let pair = g.constant([2, 1, 1, 1], &[1.0, 4.0]);
        let y = g.batch_norm(pair, one, one, BatchNormInputs::default());
        assert_eq!(g.batch_statistics(y), [&[2.5][..], &[4.5][..]]);
        let single = g.constant([1, 1, 1, 1], &[4.0]);
        let y = g.batch_norm(single, one, one, BatchNormInputs::default());
        let [mean, variance] = g.batch_statistics(y);
        assert!(mean == [4.0] && variance[0].is_nan());
        let none = g.constant([0, 1, 1, 1], &[]);
        let y = g.batch_norm(none, one, one, BatchNormInputs::default());
        assert!(g.batch_statistics(y).iter().all(|statistic| statistic[0].is_nan()));
    }

    #[test]
    fn nan_stays_in_its_channel() {
        let mut inputs = inputs(Shape::from([2, 1, 3, 2]), 1);
        inputs[0].1[2] = f64::NAN;
        let case = Case { given: false, dropout: false, residual: true, relu: true };
        let (_, out, _) = run::<f64>(|g, v| fused(g, v, case, 1), &inputs);
        assert!(out.iter().enumerate().all(|(i, y)| y.is_nan() == i.is_multiple_of(2)), "{out:?}");
    }

    #[test]
    #[should_panic(expected = "dropout [2 × 2] for images [3 × 1 × 1 × 2]")]
    fn sizes_that_do_not_fit_are_refused() {
        let mut tape = Tape::<f32>::new();
        let mut g = tape.graph(&[]);
        let (x, vector) = (g.constant([3, 1, 1, 2], &[0.5; 6]), g.constant([2], &[1.0; 2]));
        let dropout = Some(g.constant([2, 2], &[1.0; 4]));
        g.batch_norm(x, vector, vector, BatchNormInputs { dropout, ..BatchNormInputs::default() });
    }
}
