//! What the layers made of matrix products share.

use linalg::Scalar;
use linalg::gemm::{Epilogue, Matrix, MatrixMut, Scratch, gemm};
use linalg::reduce;
use linalg::simd::{Kernel, Vector, dispatch};

use crate::op::{Grad, Inputs};

/// Input `i` as a matrix: all axes but the last are its rows.
pub(super) fn matrix<'a, T: Scalar>(inputs: &Inputs<'a, T>, i: usize) -> Matrix<'a, T> {
    let shape = inputs.shape(i);
    Matrix::new(inputs.get(i), shape.rows(), shape.last())
}

/// Adds epilogue(*A*·*B*) to a gradient.
pub(super) fn add_product<T: Scalar>(
    grad: Grad<'_, T>,
    a: Matrix<T>,
    b: Matrix<T>,
    epilogue: Epilogue<T>,
    scratch: &mut Scratch<T>,
) {
    let (data, accumulate) = grad.parts();
    gemm(a, b, MatrixMut::new(data, a.rows(), b.cols()), Epilogue { accumulate, ..epilogue }, scratch);
}

/// Sets `gradient` to zero where a ReLU's output is not positive, and adds Σ_n gradient\[n, ·\] to the bias's gradient if
/// that is wanted.
pub(super) fn gate<T: Scalar>(gradient: &mut [T], out: &[T], dbias: Option<Grad<'_, T>>, scratch: &mut Scratch<T>) {
    match dbias {
        Some(dbias) => {
            let (sums, accumulate) = dbias.parts();
            reduce::gate_and_add_column_sums(gradient, out, sums.len(), sums, accumulate, scratch);
        }
        None => dispatch(Gate { gradient, out }),
    }
}

struct Gate<'a, T> {
    gradient: &'a mut [T],
    out: &'a [T],
}

impl<T: Scalar> Kernel<T> for Gate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let zero = V::splat(T::ZERO);
        let whole = self.out.len() - self.out.len() % V::LANES;
        let (gradient, last_gradient) = self.gradient.split_at_mut(whole);
        let (out, last_out) = self.out.split_at(whole);
        for (g, o) in gradient.chunks_exact_mut(V::LANES).zip(out.chunks_exact(V::LANES)) {
            V::select_lt(zero, V::load(o), V::load(g), zero).store(g);
        }
        let last = V::select_lt(zero, V::load_partial(last_out), V::load_partial(last_gradient), zero);
        last.store_partial(last_gradient);
    }
}

/// Adds Σ_n rows\[n, ·\] to a gradient; every row is as long as the gradient.
pub(super) fn add_column_sums<T: Scalar>(grad: Grad<'_, T>, rows: &[T], scratch: &mut Scratch<T>) {
    let (sums, accumulate) = grad.parts();
    reduce::add_column_sums(rows, sums.len(), sums, accumulate, scratch);
}
