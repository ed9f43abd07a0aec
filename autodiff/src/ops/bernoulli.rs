//! Log density of independent binary pixels over observed columns.

use linalg::Scalar;
use linalg::simd::{Kernel, Vector, dispatch};
use linalg::special::{sigmoid, softplus};

use crate::op::{Backward, Forward, Op, Reads, check_points};
use crate::{Graph, Shape, Var};

/// Log probability of binary data given logits, over the observed columns (masked sum).
///
/// log p\[n\] = Σ_d m\[b,d\] · (x\[b,d\]·logits\[n,d\] − softplus(logits\[n,d\])), in nats, where b = ⌊n/inner⌋ mod B is
/// the data row that row n of the logits belongs to.
/// *x*, in {0, 1}, and *m*: B × D constants; *logits*: … × D; out: the logits' shape without its last axis. An
/// unobserved column contributes exactly nothing.  Source: docs/methods.md §1.
#[derive(Clone, Copy, Debug)]
pub struct BernoulliLogDensity {
    /// Consecutive rows of the logits that belong to one data row (K samples from each of K components, else 1).
    pub inner: usize,
}

impl<T: Scalar> Op<T> for BernoulliLogDensity {
    fn name(&self) -> &'static str {
        "bernoulli_log_density"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [x, mask, logits] = inputs else { panic!("x, mask and logits were expected, not {inputs:?}") };
        assert!(
            logits.rank() > 0 && logits.last() == x.last(),
            "logits {logits} for x {x}: as many columns are needed"
        );
        check_points("logits", *logits, (*x, *mask), self.inner);
        logits.without_last()
    }

    /// ∂ log p\[n\] / ∂ logits\[n, ·\].
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
        dispatch(LogDensity {
            x: pass.inputs.get(0),
            mask: pass.inputs.get(1),
            logits: pass.inputs.get(2),
            data_rows: pass.inputs.shape(0).rows(),
            columns: pass.inputs.shape(0).last(),
            inner: self.inner,
            out: pass.out,
            slope: pass.saved,
        });
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        if let Some(dlogits) = pass.grads.take(2) {
            dlogits.add_scaled_rows(pass.dout, pass.saved);
        }
    }
}

/// The density and its derivative in one pass over the rows.
struct LogDensity<'a, T> {
    x: &'a [T],
    mask: &'a [T],
    logits: &'a [T],
    data_rows: usize,
    columns: usize,
    inner: usize,
    out: &'a mut [T],
    slope: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for LogDensity<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let d = self.columns;
        let (zero, one) = (V::splat(T::ZERO), V::splat(T::ONE));
        for (n, out) in self.out.iter_mut().enumerate() {
            let b = n / self.inner % self.data_rows;
            let (x, mask) = (&self.x[b * d..(b + 1) * d], &self.mask[b * d..(b + 1) * d]);
            let logits = &self.logits[n * d..(n + 1) * d];
            let slope = &mut self.slope[n * d..(n + 1) * d];
            let mut total = zero;
            for start in (0..d).step_by(V::LANES) {
                let piece = start..(start + V::LANES).min(d);
                let observed = V::load_partial(&mask[piece.clone()]);
                let x = V::load_partial(&x[piece.clone()]);
                let logit = V::load_partial(&logits[piece.clone()]);
                // With softplus(l) = max(l, 0) + softplus(−|l|) and sigmoid(l) = 1 − sigmoid(−l), what is nearly certain
                // cancels exactly, and the rest keeps all its digits.
                let far = -logit.abs();
                let log_p = x * logit - V::select_lt(zero, logit, logit, zero) - softplus(far);
                let rest = sigmoid(far);
                let by_logit = V::select_lt(zero, logit, (x - one) + rest, x - rest);
                total = total + V::select_lt(zero, observed, log_p, zero);
                V::select_lt(zero, observed, by_logit, zero).store_partial(&mut slope[piece]);
            }
            *out = total.sum();
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a [`BernoulliLogDensity`] of the data *x* (B × D, with its mask) under *logits* (… × D).
    #[track_caller]
    pub fn bernoulli_log_density(&mut self, x: Var, mask: Var, logits: Var, inner: usize) -> Var {
        self.apply(BernoulliLogDensity { inner }, &[x, mask, logits])
    }
}

#[cfg(test)]
mod tests {
    use linalg::Scalar;
    use proptest::prelude::*;

    use crate::gradcheck::{self, Options};
    use crate::{Graph, Seed, Shape, Tape, Var, Wanted};

    /// Values and gradients of their sum for `outer` × B × `inner` rows of logits.
    fn evaluate<T: Scalar>(b: usize, d: usize, inner: usize, x: &[f64], m: &[f64], l: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let convert = |v: &[f64]| v.iter().map(|&v| T::from_f64(v)).collect::<Vec<T>>();
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let (x, m) = (g.constant([b, d], &convert(x)), g.constant([b, d], &convert(m)));
        let logits = g.variable([l.len() / (b * inner * d), b, inner, d], &convert(l));
        let y = g.bernoulli_log_density(x, m, logits, inner);
        g.backward(&[(y, Seed::Uniform(T::ONE))], Wanted::All, &mut []);
        let back = |v: &[T]| v.iter().map(|v| v.to_f64()).collect();
        (back(g.value(y)), back(g.gradient(logits)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn follows_the_formula(
            (outer, b, inner, d) in (0..3usize, 1..4usize, 1..3usize, 1..20usize),
            seed in 0..1000u32,
        ) {
            let wave = |i: usize, by: f64| (f64::from(seed) + by * i as f64).sin();
            let x: Vec<f64> = (0..b * d).map(|i| f64::from(wave(i, 1.3) > 0.0)).collect();
            let m: Vec<f64> = (0..b * d).map(|i| f64::from(wave(i, 2.1) > -0.3)).collect();
            let shape = Shape::from([outer, b, inner, d]);
            let logits: Vec<f64> = (0..shape.len()).map(|i| 6.0 * wave(i, 0.7)).collect();
            let mut expected = vec![0.0; outer * b * inner];
            for (i, l) in logits.iter().enumerate() {
                let at = i / d / inner % b * d + i % d;
                expected[i / d] += m[at] * (x[at] * l - (1.0 + l.exp()).ln());
            }
            for (tolerance, (actual, _)) in [
                (1e-14, evaluate::<f64>(b, d, inner, &x, &m, &logits)),
                (2e-6, evaluate::<f32>(b, d, inner, &x, &m, &logits)),
            ] {
                for (y, e) in actual.iter().zip(&expected) {
                    prop_assert!((y - e).abs() <= tolerance * e.abs().max(1.0), "{y} for {e}");
                }
            }
            let f = |g: &mut Graph<f64>, v: &[Var]| {
                let (x, m) = (g.constant([b, d], &x), g.constant([b, d], &m));
                g.bernoulli_log_density(x, m, v[0], inner)
            };
            let options = Options { full_limit: 500, ..Options::default() };
            gradcheck::check(f, &[(shape, logits)], &options).assert_unless_empty();
        }
    }

    #[test]
    fn near_certainty_keeps_its_digits() {
        let x = [1.0, 0.0, 1.0, 0.0];
        let l = [50.0, -50.0, -50.0, 50.0];
        let tail = (-50.0f64).exp();
        for i in 0..4 {
            let expected = if i < 2 { (-tail, tail) } else { (-50.0 - tail, 1.0 - tail) };
            let sign = if x[i] == 1.0 { 1.0 } else { -1.0 };
            let check = |(y, dy): (Vec<f64>, Vec<f64>), tolerance: f64| {
                assert!((y[0] / expected.0 - 1.0).abs() < tolerance, "{} for {}", y[0], expected.0);
                assert!((sign * dy[0] / expected.1 - 1.0).abs() < tolerance, "{} for {}", dy[0], expected.1);
            };
            check(evaluate::<f64>(1, 1, 1, &x[i..=i], &[1.0], &l[i..=i]), 1e-13);
            check(evaluate::<f32>(1, 1, 1, &x[i..=i], &[1.0], &l[i..=i]), 2e-6);
        }
    }

    #[test]
    fn unobserved_columns_do_not_count_and_nan_stays_in_its_row() {
        let x = [1.0, 0.0, 0.0, 1.0];
        let m = [1.0, 0.0, 1.0, 1.0];
        let (y, dy) = evaluate::<f64>(2, 2, 1, &x, &m, &[0.5, f64::INFINITY, f64::NAN, 0.5]);
        assert!((y[0] + (-0.5f64).exp().ln_1p()).abs() < 1e-15 && dy[1] == 0.0);
        assert!(y[1].is_nan() && dy[2].is_nan() && dy[3].is_finite());
    }

    #[test]
    fn no_columns_and_no_rows() {
        let mut tape = Tape::<f64>::new();
        let mut g = tape.graph(&[]);
        for (b, d, expected) in [(2, 0, &[0.0, 0.0][..]), (0, 3, &[])] {
            let (x, m) = (g.constant([b, d], &[]), g.constant([b, d], &[]));
            let logits = g.variable([b, d], &[]);
            let y = g.bernoulli_log_density(x, m, logits, 1);
            assert_eq!(g.value(y), expected);
            g.backward(&[(y, Seed::Uniform(1.0))], Wanted::All, &mut []);
        }
    }

    #[test]
    #[should_panic(expected = "logits [3 × 2] for x [2 × 2], 1 rows each")]
    fn rows_that_do_not_fit_are_refused() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let x = g.constant([2, 2], &[0.0; 4]);
        let logits = g.variable([3, 2], &[0.0f32; 6]);
        g.bernoulli_log_density(x, x, logits, 1);
    }
}
