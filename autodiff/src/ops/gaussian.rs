//! Log density of diagonal Gaussians over observed columns.

use linalg::Scalar;
use linalg::simd::{Kernel, Vector, dispatch};
use linalg::special::{HALF_LN_TWO_PI, ln, sigmoid, softplus};

use crate::op::{Backward, Forward, Op, Reads, check_points};
use crate::{Graph, Shape, Var};

/// Log density of a diagonal Gaussian over the observed columns (masked sum).
///
/// log p\[n\] = Σ_d m\[b,d\] · log N(x\[b,d\]; mean\[n,d\], softplus(raw\[n,d\]) + floor\[d\]), in nats, where b = ⌊n/inner⌋ mod B
/// is the data row that row n of the head belongs to.
/// *x*, *m*: B × D constants; *head*: … × 2D, the means, then the raw scales; *floor*: D constants, the smallest scales; out:
/// the head's shape without its last axis. An unobserved column contributes exactly nothing, whatever its mean and
/// scale.  Source: docs/methods.md §1.
#[derive(Clone, Copy, Debug)]
pub struct GaussianLogDensity {
    /// Consecutive rows of the head that belong to one data row (K samples from each of K components, else 1).
    pub inner: usize,
}

impl<T: Scalar> Op<T> for GaussianLogDensity {
    fn name(&self) -> &'static str {
        "gaussian_log_density"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [x, mask, head, floor] = inputs else { panic!("x, mask, head and floor were expected, not {inputs:?}") };
        assert!(floor.len() == x.last(), "floor {floor} for x {x}: one for each column is needed");
        let fits = head.rank() > 0 && head.last() == 2 * x.last();
        assert!(fits, "head {head} for x {x}: twice as many columns are needed");
        check_points("head", *head, (*x, *mask), self.inner);
        head.without_last()
    }

    /// ∂ log p\[n\] / ∂ head\[n, ·\].
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
            head: pass.inputs.get(2),
            data_rows: pass.inputs.shape(0).rows(),
            columns: pass.inputs.shape(0).last(),
            inner: self.inner,
            floor: pass.inputs.get(3),
            out: pass.out,
            slope: pass.saved,
        });
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        if let Some(dhead) = pass.grads.take(2) {
            dhead.add_scaled_rows(pass.dout, pass.saved);
        }
    }
}

/// The density and its derivative in one pass over the rows.
struct LogDensity<'a, T> {
    x: &'a [T],
    mask: &'a [T],
    head: &'a [T],
    data_rows: usize,
    columns: usize,
    inner: usize,
    floor: &'a [T],
    out: &'a mut [T],
    slope: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for LogDensity<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let d = self.columns;
        let (zero, one, half) = (V::splat(T::ZERO), V::splat(T::ONE), V::splat(T::HALF));
        let constant = V::splat(T::from_f64(HALF_LN_TWO_PI));
        for (n, out) in self.out.iter_mut().enumerate() {
            let b = n / self.inner % self.data_rows;
            let (x, mask) = (&self.x[b * d..(b + 1) * d], &self.mask[b * d..(b + 1) * d]);
            let (mean, raw) = self.head[2 * d * n..2 * d * (n + 1)].split_at(d);
            let (dmean, draw) = self.slope[2 * d * n..2 * d * (n + 1)].split_at_mut(d);
            let mut total = zero;
            for start in (0..d).step_by(V::LANES) {
                let piece = start..(start + V::LANES).min(d);
                let observed = V::load_partial(&mask[piece.clone()]);
                let raw = V::load_partial(&raw[piece.clone()]);
                let scale = softplus(raw) + V::load_partial(&self.floor[piece.clone()]);
                let t = (V::load_partial(&x[piece.clone()]) - V::load_partial(&mean[piece.clone()])) / scale;
                let log_p = -(t * t).mul_add(half, ln(scale) + constant);
                total = total + V::select_lt(zero, observed, log_p, zero);
                let by_mean = t / scale;
                // The ratio is at most 1; formed first, it keeps a tiny scale from overflowing its reciprocal.
                let by_raw = t.mul_add(t, -one) * (sigmoid(raw) / scale);
                V::select_lt(zero, observed, by_mean, zero).store_partial(&mut dmean[piece.clone()]);
                V::select_lt(zero, observed, by_raw, zero).store_partial(&mut draw[piece]);
            }
            *out = total.sum();
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a [`GaussianLogDensity`] of the data *x* (B × D, with its mask) under *head* (… × 2D), with the smallest scales
    /// *floor* (D).
    #[track_caller]
    pub fn gaussian_log_density(&mut self, x: Var, mask: Var, head: Var, inner: usize, floor: Var) -> Var {
        self.apply(GaussianLogDensity { inner }, &[x, mask, head, floor])
    }
}

#[cfg(test)]
mod tests {
    use linalg::Scalar;
    use proptest::prelude::*;

    use crate::gradcheck::{self, Options};
    use crate::{Graph, Seed, Shape, Tape, Var, Wanted};

    /// A problem of `outer` × B × `inner` rows of the head.
    #[derive(Clone, Debug)]
    struct Problem {
        sizes: (usize, usize, usize, usize),
        floor: Vec<f64>,
        x: Vec<f64>,
        mask: Vec<f64>,
        head: Vec<f64>,
    }

    impl Problem {
        fn new(sizes: (usize, usize, usize, usize), min_scale: f64, seed: u32) -> Self {
            let (outer, b, inner, d) = sizes;
            let wave = |i: usize, by: f64| (f64::from(seed) + by * i as f64).sin();
            Problem {
                sizes,
                // Another one for every second column.
                floor: (0..d).map(|j| if j % 2 == 0 { min_scale } else { 2.0 * min_scale }).collect(),
                x: (0..b * d).map(|i| 2.0 * wave(i, 1.3)).collect(),
                mask: (0..b * d).map(|i| f64::from(wave(i, 2.1) > -0.3)).collect(),
                head: (0..outer * b * inner * 2 * d).map(|i| 2.0 * wave(i, 0.7)).collect(),
            }
        }

        fn shape(&self) -> Shape {
            let (outer, b, inner, d) = self.sizes;
            Shape::from([outer, b, inner, 2 * d])
        }

        fn record<T: Scalar>(&self, g: &mut Graph<T>, head: Var) -> Var {
            let (_, b, inner, d) = self.sizes;
            let (x, mask) = (g.constant([b, d], &convert(&self.x)), g.constant([b, d], &convert(&self.mask)));
            let floor = g.constant([d], &convert(&self.floor));
            g.gaussian_log_density(x, mask, head, inner, floor)
        }

        /// The densities and the gradient of their sum.
        fn evaluate<T: Scalar>(&self) -> (Vec<f64>, Vec<f64>) {
            let mut tape = Tape::<T>::new();
            let mut g = tape.graph(&[]);
            let head = g.variable(self.shape(), &convert(&self.head));
            let y = self.record(&mut g, head);
            g.backward(&[(y, Seed::Uniform(T::ONE))], Wanted::All, &mut []);
            let back = |v: &[T]| v.iter().map(|v| v.to_f64()).collect();
            (back(g.value(y)), back(g.gradient(head)))
        }

        fn by_formula(&self) -> Vec<f64> {
            let (outer, b, inner, d) = self.sizes;
            let row = |n: usize| {
                let head = &self.head[2 * d * n..2 * d * (n + 1)];
                (0..d).map(move |j| {
                    let at = n / inner % b * d + j;
                    let scale = (1.0 + head[d + j].exp()).ln() + self.floor[j];
                    let t = (self.x[at] - head[j]) / scale;
                    -self.mask[at] * (0.5 * t * t + scale.ln() + 0.5 * std::f64::consts::TAU.ln())
                })
            };
            (0..outer * b * inner).map(|n| row(n).sum()).collect()
        }
    }

    fn convert<T: Scalar>(values: &[f64]) -> Vec<T> {
        values.iter().map(|&v| T::from_f64(v)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn follows_the_formula(
            sizes in (0..3usize, 1..4usize, 1..3usize, 1..20usize),
            min_scale in prop::sample::select(vec![0.0, 1e-5, 0.3]),
            seed in 0..1000u32,
        ) {
            let problem = Problem::new(sizes, min_scale, seed);
            let expected = problem.by_formula();
            for (tolerance, (actual, _)) in [(1e-13, problem.evaluate::<f64>()), (4e-6, problem.evaluate::<f32>())] {
                for (y, e) in actual.iter().zip(&expected) {
                    prop_assert!((y - e).abs() <= tolerance * e.abs().max(1.0), "{y} for {e}");
                }
            }
            let options = Options { full_limit: 500, ..Options::default() };
            let inputs = [(problem.shape(), problem.head.clone())];
            gradcheck::check(|g, v| problem.record(g, v[0]), &inputs, &options).assert_unless_empty();
        }
    }

    #[test]
    fn tiny_and_huge_scales() {
        // With no least scale, scale = eʳᵃʷ far below zero and raw far above: log p and its slopes follow.
        for (raw, in_f32) in [(-80.0, 80.0), (-86.0, 86.0), (1e4, -(1e4f64).ln())] {
            let problem = Problem {
                sizes: (1, 1, 1, 1),
                floor: vec![0.0],
                x: vec![0.25],
                mask: vec![1.0],
                head: vec![0.25, raw],
            };
            let expected = in_f32 - 0.5 * std::f64::consts::TAU.ln();
            let slope = if raw < 0.0 { -1.0 } else { -1.0 / raw };
            for (tolerance, (y, dhead)) in [(1e-13, problem.evaluate::<f64>()), (2e-6, problem.evaluate::<f32>())] {
                assert!((y[0] / expected - 1.0).abs() < tolerance, "{} for {expected}", y[0]);
                assert_eq!(dhead[0], 0.0);
                assert!((dhead[1] / slope - 1.0).abs() < tolerance, "{} for {slope}", dhead[1]);
            }
        }
    }

    #[test]
    fn unobserved_columns_do_not_count_and_nan_stays_in_its_row() {
        let mut problem = Problem::new((1, 2, 1, 2), 1e-5, 5);
        problem.mask = vec![1.0, 0.0, 1.0, 1.0];
        let (y, _) = problem.evaluate::<f64>();
        // Mean and raw scale of the unobserved column, and a mean in the other row.
        problem.head[1] = f64::INFINITY;
        problem.head[3] = f64::NAN;
        problem.head[4] = f64::NAN;
        let (with_nan, dhead) = problem.evaluate::<f64>();
        assert_eq!(with_nan[0], y[0]);
        assert!(with_nan[1].is_nan() && dhead[4].is_nan());
        assert!(dhead[1] == 0.0 && dhead[3] == 0.0 && dhead[5].is_finite());
    }

    #[test]
    fn no_columns_and_no_rows() {
        let empty = |sizes| Problem::new(sizes, 1e-5, 0).evaluate::<f32>();
        assert_eq!(empty((2, 3, 1, 0)), (vec![0.0; 6], vec![]));
        assert_eq!(empty((2, 0, 1, 3)), (vec![], vec![]));
    }

    #[test]
    #[should_panic(expected = "head [2 × 1 × 2 × 5] for x [1 × 2]")]
    fn columns_that_do_not_fit_are_refused() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let x = g.constant([1, 2], &[0.0f32; 2]);
        let head = g.variable([2, 1, 2, 5], &[0.0; 20]);
        let floor = g.constant([2], &[0.0; 2]);
        g.gaussian_log_density(x, x, head, 2, floor);
    }
}
