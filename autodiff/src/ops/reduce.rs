//! Sums and means over axes.

use linalg::Scalar;

use super::strided::{AXES, Itself, Steps, aligned, broadcast, fold, steps_of};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// A set of axes, counted from the first (outermost), 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes(u8);

impl Axes {
    /// The set of these axes.
    ///
    /// # Panics
    /// If one is 5 or more, or is named twice.
    #[track_caller]
    pub fn new(axes: &[usize]) -> Self {
        let mut set = 0;
        for &axis in axes {
            assert!(axis < AXES && set & (1 << axis) == 0, "axes {axes:?}: each once, less than {AXES}");
            set |= 1 << axis;
        }
        Axes(set)
    }

    /// Whether this axis is one of them.
    pub fn contains(self, axis: usize) -> bool {
        self.0 & (1 << axis) != 0
    }

    /// The shape without these axes.
    ///
    /// # Panics
    /// If it does not have one of them.
    #[track_caller]
    pub(super) fn dropped_from(self, shape: Shape) -> Shape {
        assert!(self.0 < 1 << shape.rank(), "{self:?} of a value of shape {shape}");
        let mut sizes = [1; AXES];
        let mut rank = 0;
        for (_, &size) in shape.dims().iter().enumerate().filter(|&(axis, _)| !self.contains(axis)) {
            sizes[rank] = size;
            rank += 1;
        }
        Shape::new(&sizes[..rank])
    }

    /// Number of elements of `shape` that fall on one of the result.
    pub(super) fn count(self, shape: Shape) -> usize {
        shape.dims().iter().enumerate().filter(|&(axis, _)| self.contains(axis)).map(|(_, &size)| size).product()
    }

    /// Steps of a value of the reduced shape in a loop over `shape`.
    pub(super) fn steps(self, shape: Shape) -> Steps {
        let missing = AXES - shape.rank();
        steps_of(aligned(shape), |axis| axis >= missing && !self.contains(axis - missing))
    }
}

/// out = Σ x or the mean of x, over a set of axes, which the result does not have.
///
/// Over an empty axis the sum is 0 and the mean NaN.
#[derive(Clone, Copy, Debug)]
pub struct Reduce {
    /// Over which axes.
    pub axes: Axes,
    /// Whether to divide by the number of elements.
    pub mean: bool,
}

impl<T: Scalar> Op<T> for Reduce {
    fn name(&self) -> &'static str {
        if self.mean { "mean" } else { "sum" }
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        self.axes.dropped_from(inputs[0])
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let shape = pass.inputs.shape(0);
        let x = (pass.inputs.get(0), broadcast(shape));
        fold(Itself, shape, (&mut *pass.out, self.axes.steps(shape)), false, [x]);
        if self.mean {
            let count = T::from_usize(self.axes.count(shape));
            pass.out.iter_mut().for_each(|y| *y /= count);
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dx) = pass.grads.take(0) else { return };
        let shape = pass.inputs.shape(0);
        let (dx, accumulate) = dx.parts();
        if self.mean {
            let count = T::from_usize(self.axes.count(shape));
            pass.dout.iter_mut().for_each(|d| *d /= count);
        }
        fold(Itself, shape, (dx, broadcast(shape)), accumulate, [(&*pass.dout, self.axes.steps(shape))]);
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records the sum of *x* over these axes; see [`Reduce`].
    #[track_caller]
    pub fn sum(&mut self, x: Var, axes: &[usize]) -> Var {
        self.apply(Reduce { axes: Axes::new(axes), mean: false }, &[x])
    }

    /// Records the mean of *x* over these axes; see [`Reduce`].
    #[track_caller]
    pub fn mean(&mut self, x: Var, axes: &[usize]) -> Var {
        self.apply(Reduce { axes: Axes::new(axes), mean: true }, &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;
    use crate::ops::testing::{assert_precisions_agree, error, indices, numbers, run, value};

    const SHAPES: [[usize; 5]; 4] = [[2, 3, 1, 4, 5], [3, 1, 2, 2, 37], [2, 0, 3, 1, 2], [1, 1, 1, 1, 1]];

    /// Every set of the five axes.
    fn subsets() -> impl Iterator<Item = Vec<usize>> {
        (0..32_usize).map(|set| (0..5).filter(|axis| set & (1 << axis) != 0).collect())
    }

    #[test]
    fn sums_every_set_of_axes_as_the_formula() {
        for (sizes, axes) in SHAPES.into_iter().flat_map(|sizes| subsets().map(move |axes| (sizes, axes))) {
            let x = value(sizes, 1);
            let kept: Vec<usize> = (0..5).filter(|axis| !axes.contains(axis)).map(|axis| sizes[axis]).collect();
            let kept = Shape::new(&kept);
            let count = axes.iter().map(|&axis| sizes[axis]).product::<usize>() as f64;
            let (mut sums, mut gradient) = (vec![0.0; kept.len()], Vec::new());
            let seeds = numbers(kept.len(), 7);
            for (index, x) in indices(sizes.into()).iter().zip(&x.1) {
                let at = (0..5).filter(|axis| !axes.contains(axis)).fold(0, |at, axis| at * sizes[axis] + index[axis]);
                sums[at] += x;
                gradient.push(seeds[at]);
            }
            let (shape, out, grads) = run::<f64>(|g, x| g.sum(x[0], &axes), std::slice::from_ref(&x));
            assert!(shape == kept && error(&out, &sums) < 1e-13, "sum of {sizes:?} over {axes:?}");
            assert_eq!(grads[0], gradient);

            let (_, out, grads) = run::<f64>(|g, x| g.mean(x[0], &axes), &[x]);
            let means: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
            gradient.iter_mut().for_each(|seed| *seed /= count);
            assert!(error(&out, &means) < 1e-13 && error(&grads[0], &gradient) == 0.0);
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let options = gradcheck::Options::default();
        let inputs = [value([2, 3, 4], 0)];
        gradcheck::check(|g, x| g.sum(x[0], &[0, 2]), &inputs, &options).assert();
        gradcheck::check(|g, x| g.mean(x[0], &[1]), &inputs, &options).assert();
    }

    #[test]
    fn precisions_agree() {
        let inputs = [value([8, 41, 3], 0)];
        assert_precisions_agree(|g, x| g.mean(x[0], &[1]), |g, x| g.mean(x[0], &[1]), &inputs, 1e-6);
        assert_precisions_agree(|g, x| g.sum(x[0], &[0, 2]), |g, x| g.sum(x[0], &[0, 2]), &inputs, 1e-5);
    }

    #[test]
    #[should_panic(expected = "of a value of shape [2 × 3]")]
    fn axes_that_are_not_there_are_refused() {
        run::<f64>(|g, x| g.sum(x[0], &[2]), &[value([2, 3], 0)]);
    }
}
