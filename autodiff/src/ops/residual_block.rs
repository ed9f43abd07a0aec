//! A block of the residual network.

use linalg::Scalar;
use linalg::gemm::{Epilogue, Matrix, MatrixMut, gemm};

use super::dense::{add_column_sums, add_product, gate, matrix};
use crate::op::{Backward, Forward, Op};
use crate::{Graph, Shape, Var};

/// out = relu( h + hidden·weight2ᵀ + bias2 ), where hidden = dropout ⊙ relu( h·weight1ᵀ + bias1 ).
///
/// *h*: … × H; *weight1*, *weight2*: H × H; *bias1*, *bias2*: H; *dropout*, a sixth input that may be left out: a
/// constant in the shape of h, 0 where a unit is dropped and 1/(1−p) elsewhere; out: as h. The derivative of a
/// ReLU at zero is zero.  Source: docs/methods.md §2.
#[derive(Clone, Copy, Debug)]
pub struct ResidualBlock;

impl<T: Scalar> Op<T> for ResidualBlock {
    fn name(&self) -> &'static str {
        "residual_block"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        assert!(matches!(inputs.len(), 5 | 6), "h, two layers and perhaps a dropout were expected, not {inputs:?}");
        let h = inputs[0];
        assert!(h.rank() > 0, "h must have columns");
        let width = h.last();
        for layer in inputs[1..5].chunks_exact(2) {
            let (weight, bias) = (layer[0], layer[1]);
            assert!(weight == Shape::from([width, width]), "weight {weight} of a residual block for h {h}");
            assert!(bias == Shape::from([width]), "bias {bias} of a residual block for h {h}");
        }
        if let Some(dropout) = inputs.get(5) {
            assert!(*dropout == h, "dropout {dropout} of a residual block for h {h}");
        }
        h
    }

    /// The hidden units, after dropout.
    fn saved_len(&self, inputs: &[Shape]) -> usize {
        inputs[0].len()
    }

    fn differentiable(&self, input: usize) -> bool {
        input < 5
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let inputs = &pass.inputs;
        let (h, weight1, weight2) = (matrix(inputs, 0), matrix(inputs, 1), matrix(inputs, 3));
        let (rows, width) = (h.rows(), h.cols());
        let scale = (inputs.count() == 6).then(|| inputs.get(5));
        let epilogue = Epilogue { bias: Some(inputs.get(2)), relu: true, scale, ..Epilogue::default() };
        gemm(h, weight1.t(), MatrixMut::new(pass.saved, rows, width), epilogue, pass.scratch);
        let hidden = Matrix::new(pass.saved, rows, width);
        let add = Some(inputs.get(0));
        let epilogue = Epilogue { bias: Some(inputs.get(4)), add, relu: true, ..Epilogue::default() };
        gemm(hidden, weight2.t(), MatrixMut::new(pass.out, rows, width), epilogue, pass.scratch);
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let inputs = &pass.inputs;
        let (h, weight1, weight2) = (matrix(inputs, 0), matrix(inputs, 1), matrix(inputs, 3));
        let (rows, width) = (h.rows(), h.cols());
        gate(pass.dout, pass.out, pass.grads.take(4), pass.scratch);
        let dout = Matrix::new(pass.dout, rows, width);
        if let Some(dweight2) = pass.grads.take(3) {
            let hidden = Matrix::new(pass.saved, rows, width);
            add_product(dweight2, dout.t(), hidden, Epilogue::default(), pass.scratch);
        }
        if !(0..3).any(|i| pass.grads.wants(i)) {
            return;
        }
        // The gradient before the first ReLU. A unit that was dropped is closed for both reasons.
        let scale = (inputs.count() == 6).then(|| inputs.get(5));
        let epilogue = Epilogue { scale, gate: Some(pass.saved), ..Epilogue::default() };
        gemm(dout, weight2, MatrixMut::new(pass.work, rows, width), epilogue, pass.scratch);
        let dhidden = Matrix::new(pass.work, rows, width);
        if let Some(dbias1) = pass.grads.take(2) {
            add_column_sums(dbias1, pass.work, pass.scratch);
        }
        if let Some(dweight1) = pass.grads.take(1) {
            add_product(dweight1, dhidden.t(), h, Epilogue::default(), pass.scratch);
        }
        if let Some(dh) = pass.grads.take(0) {
            let epilogue = Epilogue { add: Some(pass.dout), ..Epilogue::default() };
            add_product(dh, dhidden, weight1, epilogue, pass.scratch);
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a [`ResidualBlock`] on *h* (… × H), with the weight and bias of each of its two layers and, in training
    /// with dropout, the scale of each hidden unit.
    #[track_caller]
    pub fn residual_block(&mut self, h: Var, layer1: (Var, Var), layer2: (Var, Var), dropout: Option<Var>) -> Var {
        let inputs = [h, layer1.0, layer1.1, layer2.0, layer2.1];
        match dropout {
            None => self.apply(ResidualBlock, &inputs),
            Some(dropout) => self.apply(ResidualBlock, &[h, layer1.0, layer1.1, layer2.0, layer2.1, dropout]),
        }
    }
}

#[cfg(test)]
mod tests {
    use linalg::Scalar;
    use proptest::prelude::*;

    use crate::gradcheck::{self, Options};
    use crate::{Graph, Shape, Tape, Var};

    /// h, weights and biases; no sum lies near a kink.
    fn inputs(outer: usize, n: usize, width: usize, seed: u32) -> [(Shape, Vec<f64>); 5] {
        let wave = |len: usize, by: f64, scale: f64| -> Vec<f64> {
            (0..len).map(|k| scale * (f64::from(seed) + by * k as f64).sin()).collect()
        };
        let sign = |k: usize, every: usize| if (k + seed as usize).is_multiple_of(every) { -1.0 } else { 1.0 };
        let small = 0.5 / width.max(1) as f64;
        let bias1 = (0..width).map(|k| sign(k, 3) * 0.6).collect();
        // |W2·hidden| ≤ 0.5 · 2 · 1.1 and |h| ≤ 1.
        let bias2 = (0..width).map(|k| sign(k, 2) * 2.5).collect();
        let matrix = Shape::from([width, width]);
        [
            (Shape::from([outer, n, width]), wave(outer * n * width, 1.37, 1.0)),
            (matrix, wave(width * width, 0.91, small)),
            (Shape::from([width]), bias1),
            (matrix, wave(width * width, 1.71, small)),
            (Shape::from([width]), bias2),
        ]
    }

    fn dropout(len: usize, seed: u32) -> Vec<f64> {
        (0..len).map(|k| if (f64::from(seed) + 2.3 * k as f64).cos() > 0.0 { 2.0 } else { 0.0 }).collect()
    }

    fn block<T: Scalar>(g: &mut Graph<T>, v: &[Var], dropout: Option<&[f64]>) -> Var {
        let shape = g.shape(v[0]);
        let dropout = dropout.map(|d| g.constant(shape, &d.iter().map(|&d| T::from_f64(d)).collect::<Vec<T>>()));
        g.residual_block(v[0], (v[1], v[2]), (v[3], v[4]), dropout)
    }

    fn evaluate<T: Scalar>(inputs: &[(Shape, Vec<f64>)], dropout: Option<&[f64]>) -> Vec<f64> {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let mut vars = Vec::new();
        for (shape, values) in inputs {
            vars.push(g.variable(*shape, &values.iter().map(|v| T::from_f64(*v)).collect::<Vec<T>>()));
        }
        let y = block(&mut g, &vars, dropout);
        g.value(y).iter().map(|v| v.to_f64()).collect()
    }

    fn by_formula(inputs: &[(Shape, Vec<f64>)], dropout: Option<&[f64]>) -> Vec<f64> {
        let width = inputs[0].0.last();
        let affine = |x: &[f64], layer: usize| -> Vec<f64> {
            let (weight, bias) = (&inputs[layer].1, &inputs[layer + 1].1);
            (0..x.len())
                .map(|k| {
                    let (row, col) = (k / width, k % width);
                    bias[col] + (0..width).map(|j| x[row * width + j] * weight[col * width + j]).sum::<f64>()
                })
                .collect()
        };
        let h = &inputs[0].1;
        let hidden: Vec<f64> =
            affine(h, 1).iter().enumerate().map(|(k, a)| a.max(0.0) * dropout.map_or(1.0, |d| d[k])).collect();
        affine(&hidden, 3).iter().zip(h).map(|(a, h)| (h + a).max(0.0)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn follows_the_formula(
            (outer, n, width) in (0..3usize, 1..4usize, 0..10usize),
            seed in 0..1000u32,
            dropped: bool,
        ) {
            let inputs = inputs(outer, n, width, seed);
            let mask = dropout(outer * n * width, seed);
            let mask = dropped.then_some(&mask[..]);
            let actual = evaluate::<f64>(&inputs, mask).into_iter().zip(evaluate::<f32>(&inputs, mask));
            for ((in_f64, in_f32), e) in actual.zip(by_formula(&inputs, mask)) {
                prop_assert!((in_f64 - e).abs() < 1e-14, "{in_f64} for {e}");
                prop_assert!((in_f32 - e).abs() < 2e-6, "{in_f32} for {e}");
            }
            let options = Options { full_limit: 2000, ..Options::default() };
            gradcheck::check(|g, v| block(g, v, mask), &inputs, &options).assert_unless_empty();
        }
    }

    #[test]
    fn layers_may_share_their_parameters() {
        let [h, weight, bias, ..] = inputs(1, 4, 5, 7);
        let f = |g: &mut Graph<f64>, v: &[Var]| g.residual_block(v[0], (v[1], v[2]), (v[1], v[2]), None);
        gradcheck::check(f, &[h, weight, bias], &Options::default()).assert();
    }

    #[test]
    #[should_panic(expected = "dropout [2 × 3] of a residual block for h [3 × 3]")]
    fn sizes_that_do_not_fit_are_refused() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let weight = g.variable([3, 3], &[0.0f32; 9]);
        let bias = g.variable([3], &[0.0; 3]);
        let dropout = g.constant([2, 3], &[0.0; 6]);
        g.residual_block(weight, (weight, bias), (weight, bias), Some(dropout));
    }
}
