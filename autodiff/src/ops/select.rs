//! Pieces of values: slices along an axis, their inverse, and axes in another order.

use std::ops::Range;

use linalg::Scalar;

use super::strided::{AXES, Rows, Steps, aligned, broadcast, steps_of};
use crate::op::{Backward, Forward, Grad, MAX_INPUTS, Op, Reads};
use crate::{Graph, Shape, Var};

/// `shape` with another size of one axis.
#[track_caller]
fn resized(shape: Shape, axis: usize, size: usize) -> Shape {
    let mut sizes = [1; AXES];
    sizes[..shape.rank()].copy_from_slice(shape.dims());
    sizes[axis] = size;
    Shape::new(&sizes[..shape.rank()])
}

/// Number of elements from one index of an axis to the next.
fn stride(shape: Shape, axis: usize) -> usize {
    shape.dims()[axis + 1..].iter().product()
}

/// dx\[i\] ← \[dx\[i\] +\] x\[i\].
fn put<T: Scalar>(dx: &mut [T], x: &[T], accumulate: bool) {
    if accumulate {
        dx.iter_mut().zip(x).for_each(|(d, x)| *d += *x);
    } else {
        dx.copy_from_slice(x);
    }
}

/// out = x\[…, start..start+size, …\]: a range of one axis, all of the others.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// Which axis, counted from the first (outermost), 0.
    pub axis: usize,
    /// First index.
    pub start: usize,
    /// Number of indices.
    pub size: usize,
}

impl Slice {
    /// Elements of *x* in one step of the axes outside of this one, and the range of them that is taken.
    fn piece(&self, shape: Shape) -> (usize, Range<usize>) {
        let stride = stride(shape, self.axis);
        (shape.dims()[self.axis] * stride, self.start * stride..(self.start + self.size) * stride)
    }
}

impl<T: Scalar> Op<T> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let Slice { axis, start, size } = *self;
        let x = inputs[0];
        let inside = x.dims().get(axis).is_some_and(|&n| start <= n && size <= n - start);
        assert!(inside, "{size} indices from {start} on along axis {axis} of a value of shape {x}");
        resized(x, axis, size)
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let (whole, piece) = self.piece(pass.inputs.shape(0));
        if !piece.is_empty() {
            let outs = pass.out.chunks_exact_mut(piece.len());
            for (x, out) in pass.inputs.get(0).chunks_exact(whole).zip(outs) {
                out.copy_from_slice(&x[piece.clone()]);
            }
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dx) = pass.grads.take(0) else { return };
        let (whole, piece) = self.piece(pass.inputs.shape(0));
        let dx = dx.accumulator();
        if !piece.is_empty() {
            let douts = pass.dout.chunks_exact(piece.len());
            for (dx, dout) in dx.chunks_exact_mut(whole).zip(douts) {
                put(&mut dx[piece.clone()], dout, true);
            }
        }
    }
}

/// out = the inputs one after the other along one axis; they agree in the sizes of all others. Up to six of them.
#[derive(Clone, Copy, Debug)]
pub struct Concat {
    /// Which axis, counted from the first (outermost), 0.
    pub axis: usize,
}

impl Concat {
    /// For every input, the range that it fills of each step of the axes outside of this one; and the whole step.
    fn pieces(&self, shapes: &[Shape]) -> ([Range<usize>; MAX_INPUTS], usize) {
        let mut pieces = [const { 0..0 }; MAX_INPUTS];
        let mut end = 0;
        for (piece, &shape) in pieces.iter_mut().zip(shapes) {
            let start = end;
            end += shape.dims()[self.axis] * stride(shape, self.axis);
            *piece = start..end;
        }
        (pieces, end)
    }
}

impl<T: Scalar> Op<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let axis = self.axis;
        let first = *inputs.first().expect("at least one input");
        assert!(axis < first.rank(), "concat along axis {axis} of values of shape {first}");
        for &other in inputs {
            let fits = other.rank() == first.rank() && resized(other, axis, 0) == resized(first, axis, 0);
            assert!(fits, "concat along axis {axis} of values of shapes {first} and {other}");
        }
        resized(first, axis, inputs.iter().map(|shape| shape.dims()[axis]).sum())
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let (pieces, whole) = self.pieces(pass.inputs.shapes());
        for (i, piece) in pieces.into_iter().enumerate().filter(|(_, piece)| !piece.is_empty()) {
            let xs = pass.inputs.get(i).chunks_exact(piece.len());
            for (out, x) in pass.out.chunks_exact_mut(whole).zip(xs) {
                out[piece.clone()].copy_from_slice(x);
            }
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let (pieces, whole) = self.pieces(pass.inputs.shapes());
        for (i, piece) in pieces.into_iter().enumerate() {
            let Some((dx, accumulate)) = pass.grads.take(i).map(Grad::parts) else { continue };
            if !piece.is_empty() {
                for (dx, dout) in dx.chunks_exact_mut(piece.len()).zip(pass.dout.chunks_exact(whole)) {
                    put(dx, &dout[piece.clone()], accumulate);
                }
            }
        }
    }
}

/// out = x with its axes in another order: axis i of the output is axis `order[i]` of *x*.
#[derive(Clone, Copy, Debug)]
pub struct Permute {
    order: [u8; AXES],
    rank: usize,
}

impl Permute {
    /// Puts the axes into this order.
    ///
    /// # Panics
    /// Unless `order` holds each of 0, 1, … once, at most five of them.
    #[track_caller]
    pub fn new(order: &[usize]) -> Self {
        let complete = order.len() <= AXES && (0..order.len()).all(|axis| order.contains(&axis));
        assert!(complete, "{order:?} is no order of axes");
        let mut permute = Permute { order: [0; AXES], rank: order.len() };
        for (to, &from) in permute.order.iter_mut().zip(order) {
            *to = from as u8;
        }
        permute
    }

    fn permuted(&self, shape: Shape) -> Shape {
        assert_eq!(self.rank, shape.rank(), "an order of axes for a value of shape {shape}");
        let mut sizes = [1; AXES];
        for (size, &from) in sizes.iter_mut().zip(&self.order[..self.rank]) {
            *size = shape.dims()[usize::from(from)];
        }
        Shape::new(&sizes[..self.rank])
    }

    /// Steps of *x*, whose shape this is, in a loop over the output.
    fn steps(&self, shape: Shape) -> Steps {
        let missing = AXES - self.rank;
        let dense = steps_of(aligned(shape), |_| true);
        let mut steps = [0; AXES];
        for (step, &from) in steps[missing..].iter_mut().zip(&self.order) {
            *step = dense[missing + usize::from(from)];
        }
        steps
    }
}

impl<T: Scalar> Op<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        self.permuted(inputs[0])
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let shape = pass.inputs.shape(0);
        let full = self.permuted(shape);
        let rows = Rows::new(full, broadcast(full), [self.steps(shape)]);
        let (length, (_, [step])) = (rows.length(), rows.inner_steps());
        let x = pass.inputs.get(0);
        for (to, [from]) in rows {
            for (i, out) in pass.out[to..to + length].iter_mut().enumerate() {
                *out = x[from + i * step];
            }
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some((dx, accumulate)) = pass.grads.take(0).map(Grad::parts) else { return };
        let shape = pass.inputs.shape(0);
        let full = self.permuted(shape);
        let rows = Rows::new(full, broadcast(full), [self.steps(shape)]);
        let (length, (_, [step])) = (rows.length(), rows.inner_steps());
        for (from, [to]) in rows {
            for (i, &dout) in pass.dout[from..from + length].iter().enumerate() {
                let dx = &mut dx[to + i * step];
                *dx = if accumulate { *dx + dout } else { dout };
            }
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a range of one axis; see [`Slice`].
    #[track_caller]
    pub fn slice(&mut self, x: Var, axis: usize, range: Range<usize>) -> Var {
        assert!(range.start <= range.end, "indices {range:?}");
        self.apply(Slice { axis, start: range.start, size: range.len() }, &[x])
    }

    /// Records values one after the other along an axis; see [`Concat`].
    #[track_caller]
    pub fn concat(&mut self, xs: &[Var], axis: usize) -> Var {
        self.apply(Concat { axis }, xs)
    }

    /// Records *x* with its axes in this order; see [`Permute`].
    #[track_caller]
    pub fn permute(&mut self, x: Var, order: &[usize]) -> Var {
        self.apply(Permute::new(order), &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;
    use crate::ops::testing::{indices, position, run, value};

    #[test]
    fn concat_puts_slices_together_again() {
        for (sizes, axis) in [[4, 3, 5], [4, 1, 2], [3, 0, 2]].into_iter().flat_map(|s| [0, 1, 2].map(|a| (s, a))) {
            let n = sizes[axis];
            let cuts = [0..n / 3, n / 3..n / 2, n / 2..n];
            let round_trip = |g: &mut Graph<f64>, x: &[Var]| {
                let pieces = cuts.clone().map(|cut| g.slice(x[0], axis, cut));
                g.concat(&pieces, axis)
            };
            let copy = |g: &mut Graph<f64>, x: &[Var]| g.apply(crate::ops::Identity, x);
            let x = [value(sizes, 0)];
            assert_eq!(run(round_trip, &x), run(copy, &x));
        }
    }

    #[test]
    fn a_slice_is_the_elements_of_its_range() {
        let shape = Shape::from([3, 4, 2]);
        let x = value(shape, 0);
        let (out_shape, out, grads) = run::<f64>(|g, x| g.slice(x[0], 1, 1..3), std::slice::from_ref(&x));
        let inside: Vec<bool> = indices(shape).iter().map(|index| (1..3).contains(&index[1])).collect();
        let expected: Vec<f64> = x.1.iter().zip(&inside).filter(|(_, inside)| **inside).map(|(x, _)| *x).collect();
        assert!(out_shape == Shape::from([3, 2, 2]) && out == expected);
        assert!(grads[0].iter().zip(&inside).all(|(&d, &inside)| (d != 0.0) == inside));
    }

    #[test]
    fn permute_moves_every_element_to_its_place() {
        for (sizes, order) in
            [([2, 3, 4, 1, 5], [4, 0, 2, 3, 1]), ([2, 3, 4, 2, 5], [0, 1, 3, 2, 4]), ([3, 0, 2, 2, 2], [2, 1, 0, 4, 3])]
        {
            let x = value(sizes, 0);
            let (shape, out, grads) = run::<f64>(|g, x| g.permute(x[0], &order), std::slice::from_ref(&x));
            assert_eq!(shape, Shape::from(order.map(|axis| sizes[axis])));
            for (at, index) in indices(sizes.into()).iter().enumerate() {
                assert_eq!(out[position(shape, &order.map(|axis| index[axis]))], x.1[at]);
            }
            let mut inverse = [0; 5];
            order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
            let seeds = (shape, crate::ops::testing::numbers(shape.len(), 7));
            assert_eq!(grads[0], run::<f64>(|g, x| g.permute(x[0], &inverse), &[seeds]).1);
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let options = gradcheck::Options::default();
        let inputs = [value([2, 3, 4], 0), value([2, 2, 4], 1)];
        gradcheck::check(|g, x| g.slice(x[0], 2, 1..3), &inputs[..1], &options).assert();
        gradcheck::check(|g, x| g.permute(x[0], &[2, 0, 1]), &inputs[..1], &options).assert();
        gradcheck::check(|g, x| g.concat(&[x[0], x[1], x[0]], 1), &inputs, &options).assert();
    }

    #[test]
    #[should_panic(expected = "2 indices from 2 on along axis 1 of a value of shape [2 × 3]")]
    fn slices_beyond_the_end_are_refused() {
        run::<f64>(|g, x| g.slice(x[0], 1, 2..4), &[value([2, 3], 0)]);
    }

    #[test]
    #[should_panic(expected = "concat along axis 0 of values of shapes [2 × 3] and [2 × 4]")]
    fn pieces_that_differ_elsewhere_are_refused() {
        run::<f64>(|g, x| g.concat(x, 0), &[value([2, 3], 0), value([2, 4], 0)]);
    }
}
