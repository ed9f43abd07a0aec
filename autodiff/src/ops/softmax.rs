//! Softmax and its logarithm, over the last axis.

use linalg::Scalar;
use linalg::reduce::lanes;
use linalg::simd::{Kernel, Vector, dispatch};
use linalg::special::exp;

use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// out = exp(x) / Σ exp(x) over the last axis, or its logarithm x − ln Σ exp(x): the weights of a mixture from its
/// logits. Any shape with at least one axis.
///
/// Computed relative to the largest element. NaN in rows where an element is NaN or all are −∞.
/// Source: docs/methods.md §1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Softmax {
    /// The probabilities.
    Plain,
    /// Their logarithms.
    Log,
}

impl<T: Scalar> Op<T> for Softmax {
    fn name(&self) -> &'static str {
        match self {
            Softmax::Plain => "softmax",
            Softmax::Log => "log_softmax",
        }
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        assert!(inputs[0].rank() > 0, "the softmax of a value of shape {}, which has no axis", inputs[0]);
        inputs[0]
    }

    fn reads(&self) -> Reads {
        Reads::Output
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let width = pass.inputs.shape(0).last();
        dispatch(Rows { kind: *self, width, x: pass.inputs.get(0), out: pass.out });
    }

    /// dx = y·(dout − Σ dout·y), or dout − exp(y)·Σ dout.
    fn backward(&self, mut pass: Backward<'_, T>) {
        if let Some(dx) = pass.grads.take(0) {
            let (dx, accumulate) = dx.parts();
            let width = pass.inputs.shape(0).last();
            dispatch(Gradients { kind: *self, width, y: pass.out, dout: pass.dout, dx, accumulate });
        }
    }
}

struct Rows<'a, T> {
    kind: Softmax,
    width: usize,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let width = self.width.max(1);
        for (x, out) in self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            match self.kind {
                Softmax::Plain => lanes::softmax::<T, V>(x, out),
                Softmax::Log => lanes::log_softmax::<T, V>(x, out),
            }
        }
    }
}

struct Gradients<'a, T> {
    kind: Softmax,
    width: usize,
    y: &'a [T],
    dout: &'a [T],
    dx: &'a mut [T],
    accumulate: bool,
}

impl<T: Scalar> Kernel<T> for Gradients<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let width = self.width.max(1);
        let rows = self.y.chunks_exact(width).zip(self.dout.chunks_exact(width));
        for ((y, dout), dx) in rows.zip(self.dx.chunks_exact_mut(width)) {
            let total = V::splat(match self.kind {
                Softmax::Plain => lanes::dot::<T, V>(dout, y),
                Softmax::Log => lanes::sum::<T, V>(dout),
            });
            for start in (0..width).step_by(V::LANES) {
                let piece = start..width.min(start + V::LANES);
                let (y, dout) = (V::load_partial(&y[piece.clone()]), V::load_partial(&dout[piece.clone()]));
                let slope = match self.kind {
                    Softmax::Plain => y * (dout - total),
                    Softmax::Log => dout - exp(y) * total,
                };
                let dx = &mut dx[piece];
                let sum = if self.accumulate { V::load_partial(dx) + slope } else { slope };
                sum.store_partial(dx);
            }
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records the softmax of *x* over its last axis; see [`Softmax`].
    #[track_caller]
    pub fn softmax(&mut self, x: Var) -> Var {
        self.apply(Softmax::Plain, &[x])
    }

    /// Records the logarithm of the softmax of *x* over its last axis; see [`Softmax`].
    #[track_caller]
    pub fn log_softmax(&mut self, x: Var) -> Var {
        self.apply(Softmax::Log, &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;
    use crate::ops::testing::{assert_precisions_agree, error, run, value};

    const BOTH: [Softmax; 2] = [Softmax::Plain, Softmax::Log];

    #[test]
    fn is_its_composition() {
        for (kind, width) in BOTH.into_iter().flat_map(|kind| [1, 5, 16, 37].map(|width| (kind, width))) {
            let composition = |g: &mut Graph<f64>, x: &[Var]| {
                let total = g.log_sum_exp(x[0], &[2]);
                let column = g.reshape(total, [2, 3, 1]);
                let log = g.sub(x[0], column);
                if kind == Softmax::Log { log } else { g.exp(log) }
            };
            let x = [value([2, 3, width], 0)];
            let (shape, out, grads) = run::<f64>(|g, x| g.apply(kind, x), &x);
            let (plain_shape, plain, plain_grads) = run(composition, &x);
            assert!(shape == plain_shape && error(&out, &plain) < 1e-14);
            assert!(error(&grads[0], &plain_grads[0]) < 1e-14 * width as f64);
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        for kind in BOTH {
            let options = gradcheck::Options::default();
            gradcheck::check(|g, x| g.apply(kind, x), &[value([3, 7], 0)], &options).assert();
        }
    }

    #[test]
    fn precisions_agree() {
        for kind in BOTH {
            assert_precisions_agree(|g, x| g.apply(kind, x), |g, x| g.apply(kind, x), &[value([4, 19], 0)], 5e-6);
        }
    }

    #[test]
    fn extreme_rows_and_empty_ones() {
        let inf = f64::INFINITY;
        let x = (Shape::from([3, 2]), vec![5000.0, -5000.0, 0.0, -inf, f64::NAN, 0.0]);
        let (_, out, grads) = run::<f64>(|g, x| g.log_softmax(x[0]), std::slice::from_ref(&x));
        assert!(error(&out, &[0.0, -10_000.0, 0.0, -inf, f64::NAN, f64::NAN]) == 0.0, "{out:?}");
        assert!(grads[0][..4].iter().all(|d| d.is_finite()));
        let (_, out, grads) = run::<f64>(|g, x| g.softmax(x[0]), &[x]);
        assert!(error(&out, &[1.0, 0.0, 1.0, 0.0, f64::NAN, f64::NAN]) == 0.0, "{out:?}");
        assert_eq!(grads[0][..4], [0.0; 4]);
        for sizes in [[0, 3], [3, 0]] {
            assert!(run::<f32>(|g, x| g.softmax(x[0]), &[value(sizes, 0)]).1.is_empty());
        }
    }
}
