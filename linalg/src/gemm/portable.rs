//! The product without vectors of our own: a portable matrix product, then the epilogue in a second pass.

use super::{Epilogue, Matrix, MatrixMut};
use crate::Scalar;

/// As [`super::gemm`], on shapes that have been checked. It allocates the product.
pub(super) fn gemm<T: Scalar>(a: Matrix<T>, b: Matrix<T>, c: MatrixMut<T>, epilogue: Epilogue<T>) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    if m == 0 || n == 0 {
        return;
    }
    let mut product = vec![T::ZERO; m * n];
    if k > 0 {
        let strides = |x: &Matrix<T>| (x.data.as_ptr(), x.row_stride as isize, x.col_stride as isize);
        // SAFETY: the views were checked against their slices when made; the product is m × n and contiguous.
        unsafe {
            let out = (product.as_mut_ptr(), n as isize, 1);
            T::portable_gemm((m, k, n), T::ONE, strides(&a), strides(&b), T::ZERO, out);
        }
    }
    for (i, row) in product.chunks_exact(n).enumerate() {
        let out = &mut c.data[i * c.row_stride..][..n];
        for (j, (out, &ab)) in out.iter_mut().zip(row).enumerate() {
            let value = apply(&epilogue, ab, j, i * n + j);
            *out = if epilogue.accumulate { *out + value } else { value };
        }
    }
}

/// The epilogue of one element, at column `j` and row-major index `at`, all but the accumulation.
pub(super) fn apply<T: Scalar>(epilogue: &Epilogue<T>, ab: T, j: usize, at: usize) -> T {
    let mut value = ab;
    if let Some(bias) = epilogue.bias {
        value += bias[j];
    }
    if let Some(add) = epilogue.add {
        value += add[at];
    }
    if epilogue.relu && value < T::ZERO {
        value = T::ZERO;
    }
    if let Some(scale) = epilogue.scale {
        value *= scale[at];
    }
    match epilogue.gate {
        None => value,
        Some(gate) if gate[at] > T::ZERO => value,
        Some(_) => T::ZERO,
    }
}
