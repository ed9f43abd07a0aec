//! Log-sum-exp and log-mean-exp over axes.

use linalg::Scalar;
use linalg::simd::Vector;
use linalg::special::{exp, ln};

use super::reduce::Axes;
use super::strided::{Itself, Product, Term, broadcast, each, fold};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// out = ln Σ exp(x), or ln of the mean of exp(x), over a set of axes, which the result does not have. In nats.
///
/// Computed relative to the largest element. −∞ where all elements are −∞, with gradient zero. Over an empty axis
/// the log-sum-exp is −∞ and the log-mean-exp NaN. NaN where an element is NaN.
/// Importance weights' average in the bounds of eqs. 5, 7 and 8.
#[derive(Clone, Copy, Debug)]
pub struct LogSumExp {
    /// Over which axes.
    pub axes: Axes,
    /// Whether to divide the sum by the number of elements.
    pub mean: bool,
}

impl<T: Scalar> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        if self.mean { "log_mean_exp" } else { "log_sum_exp" }
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        self.axes.dropped_from(inputs[0])
    }

    /// exp(x − m) with the largest element m, then its sums. From them the gradient's weights are accurate; from the
    /// output they would lose as many digits as it has before the point.
    fn saved_len(&self, inputs: &[Shape]) -> usize {
        inputs[0].len() + self.axes.dropped_from(inputs[0]).len()
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let Forward { inputs, out, saved, .. } = pass;
        let shape = inputs.shape(0);
        let (steps, dense) = (self.axes.steps(shape), broadcast(shape));
        let x = (inputs.get(0), dense);
        let (weights, totals) = saved.split_at_mut(shape.len());

        fold(Largest, shape, (&mut *out, steps), false, [x]);
        out.iter_mut().filter(|m| !m.is_finite()).for_each(|m| *m = T::ZERO);
        fold(ExpDifference, shape, (&mut *weights, dense), false, [x, (&*out, steps)]);
        fold(Itself, shape, (&mut *totals, steps), false, [(&*weights, dense)]);
        let count = if self.mean { T::from_usize(self.axes.count(shape)) } else { T::ONE };
        each(LnQuotient { count }, out, true, [&*totals]);
    }

    /// dx = dout · exp(x − m) / Σ exp(x − m).
    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dx) = pass.grads.take(0) else { return };
        let shape = pass.inputs.shape(0);
        let (steps, dense) = (self.axes.steps(shape), broadcast(shape));
        let (weights, totals) = pass.saved.split_at(shape.len());
        for (d, &total) in pass.dout.iter_mut().zip(totals) {
            *d = if total == T::ZERO { T::ZERO } else { *d / total };
        }
        let (dx, accumulate) = dx.parts();
        fold(Product, shape, (dx, dense), accumulate, [(&*pass.dout, steps), (weights, dense)]);
    }
}

/// The largest number that is not NaN, −∞ if there is none.
struct Largest;

impl<T: Scalar> Term<T, 1> for Largest {
    const NEUTRAL: T = T::NEG_INFINITY;

    #[inline(always)]
    fn at<V: Vector<T>>(&self, [x]: [V; 1]) -> V {
        x
    }
    #[inline(always)]
    fn join<V: Vector<T>>(a: V, b: V) -> V {
        V::select_lt(a, b, b, a)
    }
    #[inline(always)]
    fn collapse<V: Vector<T>>(x: V) -> T {
        x.maximum()
    }
}

struct ExpDifference;

impl<T: Scalar> Term<T, 2> for ExpDifference {
    #[inline(always)]
    fn at<V: Vector<T>>(&self, [x, m]: [V; 2]) -> V {
        exp(x - m)
    }
}

struct LnQuotient<T> {
    count: T,
}

impl<T: Scalar> Term<T, 1> for LnQuotient<T> {
    #[inline(always)]
    fn at<V: Vector<T>>(&self, [total]: [V; 1]) -> V {
        ln(total / V::splat(self.count))
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records ln Σ exp(x) over these axes; see [`LogSumExp`].
    #[track_caller]
    pub fn log_sum_exp(&mut self, x: Var, axes: &[usize]) -> Var {
        self.apply(LogSumExp { axes: Axes::new(axes), mean: false }, &[x])
    }

    /// Records the logarithm of the mean of exp(x) over these axes; see [`LogSumExp`].
    #[track_caller]
    pub fn log_mean_exp(&mut self, x: Var, axes: &[usize]) -> Var {
        self.apply(LogSumExp { axes: Axes::new(axes), mean: true }, &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;
    use crate::ops::testing::{assert_precisions_agree, error, run, value};

    const INF: f64 = f64::INFINITY;

    /// SIWELBO (eq. 8) of log weights, Z × I × B × K, and logits, B × K; I = 3.
    fn stratified<T: Scalar>(g: &mut Graph<'_, T>, x: &[Var]) -> Var {
        let log_pi = g.log_softmax(x[1]);
        let joint = g.add(x[0], log_pi);
        let per_sample = g.log_sum_exp(joint, &[1, 3]);
        let mean = g.mean(per_sample, &[0]);
        g.add_scalar(mean, -3.0_f64.ln())
    }

    #[test]
    fn is_its_composition() {
        for axes in [&[][..], &[0], &[1, 3], &[3], &[0, 1, 2, 3]] {
            let x = [value([2, 3, 4, 21], 0)];
            let composition = |g: &mut Graph<f64>, x: &[Var]| {
                let weights = g.exp(x[0]);
                let sum = g.sum(weights, axes);
                g.ln(sum)
            };
            let (shape, out, grads) = run::<f64>(|g, x| g.log_sum_exp(x[0], axes), &x);
            let (plain_shape, plain, plain_grads) = run(composition, &x);
            assert!(shape == plain_shape && error(&out, &plain) < 1e-14 && error(&grads[0], &plain_grads[0]) < 1e-14);
            let count = (x[0].0.len() / shape.len()) as f64;
            let (_, mean, mean_grads) = run::<f64>(|g, x| g.log_mean_exp(x[0], axes), &x);
            let means: Vec<f64> = out.iter().map(|y| y - count.ln()).collect();
            assert!(error(&mean, &means) < 1e-14 && mean_grads == grads);
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let options = gradcheck::Options::default();
        gradcheck::check(|g, x| g.log_sum_exp(x[0], &[1]), &[value([3, 5, 2], 0)], &options).assert();
        gradcheck::check(|g, x| g.log_mean_exp(x[0], &[1, 3]), &[value([2, 3, 2, 5], 0)], &options).assert();
        gradcheck::check(stratified, &[value([2, 3, 4, 5], 0), value([4, 5], 1)], &options).assert();
    }

    #[test]
    fn precisions_agree() {
        let inputs = [value([2, 3, 4, 5], 0), value([4, 5], 1)];
        assert_precisions_agree(stratified, stratified, &inputs, 2e-6);
        // Far from zero the output has few digits left after the point; the gradient keeps all.
        let far = [(Shape::from([2, 3]), vec![-90_000.0, -90_001.0, -90_002.5, 1e6, 1e6 - 2.0, -3.0])];
        let ((_, _, single), (_, _, double)) =
            (run::<f32>(|g, x| g.log_sum_exp(x[0], &[1]), &far), run::<f64>(|g, x| g.log_sum_exp(x[0], &[1]), &far));
        assert!(error(&single[0], &double[0]) < 1e-6);
    }

    #[test]
    fn infinities_empty_axes_and_nan() {
        let x = vec![-INF, -INF, -INF, 0.0, -INF, 0.0, 800.0, 800.0, 800.0, 1.0, f64::NAN, 2.0];
        let (_, out, grads) = run::<f64>(|g, x| g.log_sum_exp(x[0], &[1]), &[(Shape::from([4, 3]), x)]);
        assert!(error(&out, &[-INF, 2_f64.ln(), 800.0 + 3_f64.ln(), f64::NAN]) < 1e-15, "{out:?}");
        assert_eq!(grads[0][..3], [0.0; 3]);
        assert_eq!(grads[0][4], 0.0);
        assert!(grads[0][3..9].iter().all(|d| d.is_finite()) && grads[0][9..].iter().all(|d| d.is_nan()));

        let nothing = [(Shape::from([2, 0]), vec![])];
        let (shape, out, _) = run::<f32>(|g, x| g.log_sum_exp(x[0], &[1]), &nothing);
        assert!(shape == Shape::from([2]) && out == [-INF, -INF]);
        let (_, out, _) = run::<f32>(|g, x| g.log_mean_exp(x[0], &[1]), &nothing);
        assert!(out.iter().all(|y| y.is_nan()));
        let (_, out, _) = run::<f64>(|g, x| g.log_sum_exp(x[0], &[0]), &nothing);
        assert!(out.is_empty());
    }

    #[test]
    fn of_equal_elements_the_mean_is_exact() {
        let x = vec![-12.3; 21];
        let (_, out, _) = run::<f64>(|g, x| g.log_mean_exp(x[0], &[0]), &[(Shape::from([21]), x)]);
        assert_eq!(out, [-12.3]);
    }
}
