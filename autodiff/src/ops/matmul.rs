//! Product of two matrices.

use linalg::Scalar;
use linalg::gemm::{Epilogue, Matrix, MatrixMut, gemm};

use crate::op::{Backward, Forward, Grad, Op, Reads};
use crate::{Graph, Shape, Var};

/// out = op(a) · op(b), where op is the transposition or nothing.
///
/// *op(a)*: M × K; *op(b)*: K × N; out: M × N.
#[derive(Clone, Copy, Debug)]
pub struct MatMul {
    /// Whether *a* (then K × M) is transposed.
    pub transpose_a: bool,
    /// Whether *b* (then N × K) is transposed.
    pub transpose_b: bool,
}

/// A value as a matrix, transposed if asked for.
fn matrix<T>(data: &[T], shape: Shape, transpose: bool) -> Matrix<'_, T> {
    let matrix = Matrix::new(data, shape.rows(), shape.last());
    if transpose { matrix.t() } else { matrix }
}

impl<T: Scalar> Op<T> for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [a, b] = inputs else { panic!("two matrices were expected, not {inputs:?}") };
        assert!(a.rank() == 2 && b.rank() == 2, "product of values of shapes {a} and {b}, not both matrices");
        let (m, k) = if self.transpose_a { (a.last(), a.rows()) } else { (a.rows(), a.last()) };
        let (also_k, n) = if self.transpose_b { (b.last(), b.rows()) } else { (b.rows(), b.last()) };
        let of = |transpose| if transpose { ", transposed" } else { "" };
        assert_eq!(k, also_k, "product of {a}{} and {b}{}", of(self.transpose_a), of(self.transpose_b));
        Shape::new(&[m, n])
    }

    fn reads(&self) -> Reads {
        Reads::Inputs
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let Forward { inputs, out, scratch, .. } = pass;
        let a = matrix(inputs.get(0), inputs.shape(0), self.transpose_a);
        let b = matrix(inputs.get(1), inputs.shape(1), self.transpose_b);
        let out = MatrixMut::new(out, a.rows(), b.cols());
        gemm(a, b, out, Epilogue::default(), scratch);
    }

    /// d op(a) = dout · op(b)ᵀ and d op(b) = op(a)ᵀ · dout, each transposed if its operand is.
    fn backward(&self, pass: Backward<'_, T>) {
        let Backward { inputs, dout, mut grads, scratch, .. } = pass;
        let a = matrix(inputs.get(0), inputs.shape(0), self.transpose_a);
        let b = matrix(inputs.get(1), inputs.shape(1), self.transpose_b);
        let dout = Matrix::new(&*dout, a.rows(), b.cols());
        let mut product = |left: Matrix<'_, T>, right: Matrix<'_, T>, grad: Grad<'_, T>| {
            let (data, accumulate) = grad.parts();
            let grad = MatrixMut::new(data, left.rows(), right.cols());
            gemm(left, right, grad, Epilogue { accumulate, ..Epilogue::default() }, scratch);
        };
        if let Some(da) = grads.take(0) {
            if self.transpose_a { product(b, dout.t(), da) } else { product(dout, b.t(), da) }
        }
        if let Some(db) = grads.take(1) {
            if self.transpose_b { product(dout.t(), a, db) } else { product(a.t(), dout, db) }
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a · b; see [`MatMul`].
    #[track_caller]
    pub fn matmul(&mut self, a: Var, b: Var) -> Var {
        self.apply(MatMul { transpose_a: false, transpose_b: false }, &[a, b])
    }

    /// Records a · bᵀ; see [`MatMul`].
    #[track_caller]
    pub fn matmul_nt(&mut self, a: Var, b: Var) -> Var {
        self.apply(MatMul { transpose_a: false, transpose_b: true }, &[a, b])
    }

    /// Records aᵀ · b; see [`MatMul`].
    #[track_caller]
    pub fn matmul_tn(&mut self, a: Var, b: Var) -> Var {
        self.apply(MatMul { transpose_a: true, transpose_b: false }, &[a, b])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;
    use crate::ops::testing::{Value, assert_precisions_agree, error, run, value};

    const FLAGS: [MatMul; 4] = [
        MatMul { transpose_a: false, transpose_b: false },
        MatMul { transpose_a: false, transpose_b: true },
        MatMul { transpose_a: true, transpose_b: false },
        MatMul { transpose_a: true, transpose_b: true },
    ];

    fn inputs(op: MatMul, m: usize, k: usize, n: usize) -> [Value; 2] {
        [value(if op.transpose_a { [k, m] } else { [m, k] }, 0), value(if op.transpose_b { [n, k] } else { [k, n] }, 1)]
    }

    #[test]
    fn is_the_sum_of_products() {
        for (op, (m, k, n)) in FLAGS
            .into_iter()
            .flat_map(|op| [(1, 1, 1), (3, 4, 5), (17, 9, 33), (0, 2, 3), (2, 0, 3), (2, 3, 0)].map(|size| (op, size)))
        {
            let x = inputs(op, m, k, n);
            // The same with plain operations: [M, K, 1] · [1, K, N], summed over K.
            let composition = |g: &mut Graph<f64>, x: &[Var]| {
                let a = if op.transpose_a { g.permute(x[0], &[1, 0]) } else { x[0] };
                let b = if op.transpose_b { g.permute(x[1], &[1, 0]) } else { x[1] };
                let (a, b) = (g.reshape(a, [m, k, 1]), g.reshape(b, [1, k, n]));
                let products = g.mul(a, b);
                g.sum(products, &[1])
            };
            let (shape, out, grads) = run::<f64>(|g, x| g.apply(op, x), &x);
            let (plain_shape, plain, plain_grads) = run(composition, &x);
            assert!(shape == plain_shape && error(&out, &plain) < 1e-13, "{op:?} of {m} × {k} × {n}");
            assert!(grads.iter().zip(&plain_grads).all(|(a, b)| error(a, b) < 1e-13), "{op:?} of {m} × {k} × {n}");
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        for op in FLAGS {
            let options = gradcheck::Options::default();
            gradcheck::check(|g, x| g.apply(op, x), &inputs(op, 3, 4, 2), &options).assert();
        }
    }

    #[test]
    fn precisions_agree() {
        for op in FLAGS {
            assert_precisions_agree(|g, x| g.apply(op, x), |g, x| g.apply(op, x), &inputs(op, 5, 6, 7), 1e-5);
        }
    }

    #[test]
    #[should_panic(expected = "product of [2 × 3] and [4 × 3]")]
    fn inner_sizes_must_agree() {
        run::<f64>(|g, x| g.matmul(x[0], x[1]), &[value([2, 3], 0), value([4, 3], 0)]);
    }
}
