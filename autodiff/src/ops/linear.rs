//! Affine maps, with or without a ReLU.

use linalg::Scalar;
use linalg::gemm::{Epilogue, Matrix, MatrixMut, gemm};

use super::dense::{add_column_sums, add_product, gate, matrix};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// out\[n,o\] = relu?( Σ_i x\[n,i\]·weight\[o,i\] + bias\[o\] ).
///
/// *x*: … × I; *weight*: O × I; *bias*: O; out: … × O. The ReLU's derivative at zero is zero.
/// Source: docs/methods.md §2.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// Whether negative outputs become zero.
    pub relu: bool,
}

impl<T: Scalar> Op<T> for Linear {
    fn name(&self) -> &'static str {
        if self.relu { "linear_relu" } else { "linear" }
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [x, weight, bias] = inputs else { panic!("x, weight and bias were expected, not {inputs:?}") };
        assert!(weight.rank() == 2, "weight {weight} must be a matrix");
        assert!(x.rank() > 0 && x.last() == weight.last(), "x {x} for weight {weight}: as many columns are needed");
        assert!(*bias == Shape::from([weight.rows()]), "bias {bias} for weight {weight}: one a row is needed");
        x.with_last(weight.rows())
    }

    fn reads(&self) -> Reads {
        if self.relu { Reads::Both } else { Reads::Inputs }
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let (x, weight) = (matrix(&pass.inputs, 0), matrix(&pass.inputs, 1));
        let epilogue = Epilogue { bias: Some(pass.inputs.get(2)), relu: self.relu, ..Epilogue::default() };
        let out = MatrixMut::new(pass.out, x.rows(), weight.rows());
        gemm(x, weight.t(), out, epilogue, pass.scratch);
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let (x, weight) = (matrix(&pass.inputs, 0), matrix(&pass.inputs, 1));
        let dbias = pass.grads.take(2);
        if self.relu {
            gate(pass.dout, pass.out, dbias, pass.scratch);
        } else if let Some(dbias) = dbias {
            add_column_sums(dbias, pass.dout, pass.scratch);
        }
        let dout = Matrix::new(pass.dout, x.rows(), weight.rows());
        if let Some(dweight) = pass.grads.take(1) {
            add_product(dweight, dout.t(), x, Epilogue::default(), pass.scratch);
        }
        if let Some(dx) = pass.grads.take(0) {
            add_product(dx, dout, weight, Epilogue::default(), pass.scratch);
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// *x*·*weight*ᵀ + *bias*, a [`Linear`] map.
    #[track_caller]
    pub fn linear(&mut self, x: Var, weight: Var, bias: Var) -> Var {
        self.apply(Linear { relu: false }, &[x, weight, bias])
    }

    /// relu(*x*·*weight*ᵀ + *bias*), a [`Linear`] map with a ReLU.
    #[track_caller]
    pub fn linear_relu(&mut self, x: Var, weight: Var, bias: Var) -> Var {
        self.apply(Linear { relu: true }, &[x, weight, bias])
    }
}

#[cfg(test)]
mod tests {
    use linalg::Scalar;
    use proptest::prelude::*;

    use crate::gradcheck::{self, Options};
    use crate::{Graph, Shape, Tape, Var};

    fn layer<T: Scalar>(g: &mut Graph<T>, v: &[Var], relu: bool) -> Var {
        if relu { g.linear_relu(v[0], v[1], v[2]) } else { g.linear(v[0], v[1], v[2]) }
    }

    /// x, weight and bias of these sizes; no sum lies near the ReLU's kink.
    fn inputs(outer: usize, n: usize, i: usize, o: usize, seed: u32) -> [(Shape, Vec<f64>); 3] {
        let wave =
            |len: usize, by: f64| (0..len).map(|k| (f64::from(seed) + by * k as f64).sin()).collect::<Vec<f64>>();
        let x = wave(outer * n * i, 1.37);
        let weight = wave(o * i, 0.91).iter().map(|w| w / (i.max(1) as f64)).collect();
        let bias = (0..o).map(|k| if (k as u32 + seed).is_multiple_of(2) { 1.2 } else { -1.2 }).collect();
        [(Shape::from([outer, n, i]), x), (Shape::from([o, i]), weight), (Shape::from([o]), bias)]
    }

    fn evaluate<T: Scalar>(inputs: &[(Shape, Vec<f64>)], relu: bool) -> Vec<f64> {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let mut vars = Vec::new();
        for (shape, values) in inputs {
            vars.push(g.variable(*shape, &values.iter().map(|v| T::from_f64(*v)).collect::<Vec<T>>()));
        }
        let y = layer(&mut g, &vars, relu);
        g.value(y).iter().map(|v| v.to_f64()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn follows_the_formula(
            (outer, n, i, o) in (0..3usize, 1..4usize, 0..20usize, 0..20usize),
            seed in 0..1000u32,
            relu: bool,
        ) {
            let inputs = inputs(outer, n, i, o, seed);
            let [(_, x), (_, w), (_, b)] = &inputs;
            let expected = (0..outer * n * o).map(|k| {
                let (row, col) = (k / o, k % o);
                let y = b[col] + (0..i).map(|j| x[row * i + j] * w[col * i + j]).sum::<f64>();
                if relu { y.max(0.0) } else { y }
            });
            let actual = evaluate::<f64>(&inputs, relu).into_iter().zip(evaluate::<f32>(&inputs, relu));
            for ((in_f64, in_f32), e) in actual.zip(expected) {
                prop_assert!((in_f64 - e).abs() < 1e-14, "{in_f64} for {e}");
                prop_assert!((in_f32 - e).abs() < 2e-6, "{in_f32} for {e}");
            }
            let options = Options { full_limit: 2000, ..Options::default() };
            gradcheck::check(|g, v| layer(g, v, relu), &inputs, &options).assert_unless_empty();
        }
    }

    #[test]
    fn many_rows_and_a_shared_input() {
        // More rows than are summed at once; x and the weight are the same value.
        let (shape, values) = inputs(1, 150, 1, 1, 3)[0].clone();
        let square = (Shape::from([3, 3]), (0..9).map(|k| 0.1 * f64::from(k) - 0.2).collect());
        let options = Options::default();
        let bias = (Shape::from([1]), vec![2.0]);
        let weight = (Shape::from([1, 1]), vec![0.7]);
        gradcheck::check(|g, v| g.linear_relu(v[0], v[1], v[2]), &[(shape, values), weight, bias], &options).assert();
        let bias = (Shape::from([3]), vec![0.3, -0.1, 0.2]);
        gradcheck::check(|g, v| g.linear(v[0], v[0], v[1]), &[square, bias], &options).assert();
    }

    #[test]
    fn nan_passes() {
        let mut inputs = inputs(1, 2, 2, 2, 0);
        inputs[0].1[0] = f64::NAN;
        for relu in [false, true] {
            let y = evaluate::<f64>(&inputs, relu);
            assert!(y[..2].iter().all(|y| y.is_nan()) && y[2..].iter().all(|y| y.is_finite()));
        }
    }

    #[test]
    #[should_panic(expected = "x [2 × 3] for weight [4 × 2]")]
    fn sizes_that_do_not_fit_are_refused() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let x = g.variable([2, 3], &[0.0f32; 6]);
        let weight = g.variable([4, 2], &[0.0; 8]);
        let bias = g.variable([4], &[0.0; 4]);
        g.linear(x, weight, bias);
    }
}
