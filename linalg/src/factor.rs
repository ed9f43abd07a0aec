//! Small dense Cholesky factorisations and what follows from them: solves, inverse, log-determinant.
//!
//! Matrices are row-major. These are the textbook loops, for orders up to a few hundred; nothing allocates.
//! Source: G. H. Golub and C. F. Van Loan, *Matrix Computations*, 4th ed., §3.1 and §4.2.

use thiserror::Error;

use crate::Scalar;
use crate::special::ln;

/// The matrix given to [`cholesky`] has no Cholesky factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("matrix is not positive definite: pivot {pivot} is not a positive number")]
pub struct NotPositiveDefinite {
    /// Row, counted from 0, at which the factorisation broke down: the leading minor of order `pivot + 1` is not
    /// positive (or not finite).
    pub pivot: usize,
}

/// Σₖ aₖ·bₖ in order.
#[inline(always)]
fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + a * b)
}

#[track_caller]
fn assert_square<T>(name: &str, a: &[T], n: usize) {
    assert_eq!(a.len(), n * n, "{name}: {} elements for a {n} × {n} matrix", a.len());
}

#[track_caller]
fn assert_right_sides<T>(name: &str, b: &[T], n: usize, columns: usize) {
    assert_eq!(b.len(), n * columns, "{name}: {} elements for {n} × {columns} right-hand sides", b.len());
}

/// Replaces the symmetric matrix *A* by its Cholesky factor *L*, with *A* = *L*·*L*ᵀ.
///
/// *A*: `n` × `n`; only its lower triangle is read. *L* is lower triangular; the part above the diagonal becomes zero.
///
/// # Errors
/// If *A* is not positive definite to working precision, or holds NaN or infinities; `a` is then left half factorised.
///
/// # Panics
/// If `a` does not have `n * n` elements.
#[track_caller]
pub fn cholesky<T: Scalar>(a: &mut [T], n: usize) -> Result<(), NotPositiveDefinite> {
    assert_square("cholesky", a, n);
    for i in 0..n {
        let (above, row) = a.split_at_mut(i * n);
        for j in 0..i {
            let other = &above[j * n..=j * n + j];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        // NaN is not above zero either.
        if !(pivot > T::ZERO && pivot.is_finite()) {
            return Err(NotPositiveDefinite { pivot: i });
        }
        row[i] = pivot.sqrt();
        row[i + 1..n].fill(T::ZERO);
    }
    Ok(())
}

/// `row` ← `row` − `factor` · `other`.
#[inline(always)]
fn subtract_multiple<T: Scalar>(row: &mut [T], factor: T, other: &[T]) {
    for (x, &y) in row.iter_mut().zip(other) {
        *x -= factor * y;
    }
}

/// Solves *L*·*X* = *B* in place (forward substitution).
///
/// *L*: `n` × `n`, lower triangular with a non-zero diagonal, nothing above which is read; *B*, replaced by *X*:
/// `n` × `columns`.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn solve_lower<T: Scalar>(l: &[T], n: usize, b: &mut [T], columns: usize) {
    assert_square("solve_lower", l, n);
    assert_right_sides("solve_lower", b, n, columns);
    for i in 0..n {
        let (solved, rest) = b.split_at_mut(i * columns);
        let row = &mut rest[..columns];
        for j in 0..i {
            subtract_multiple(row, l[i * n + j], &solved[j * columns..(j + 1) * columns]);
        }
        row.iter_mut().for_each(|x| *x /= l[i * n + i]);
    }
}

/// Solves *L*ᵀ·*X* = *B* in place (backward substitution).
///
/// *L*: `n` × `n`, lower triangular with a non-zero diagonal, nothing above which is read; *B*, replaced by *X*:
/// `n` × `columns`.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn solve_lower_transposed<T: Scalar>(l: &[T], n: usize, b: &mut [T], columns: usize) {
    assert_square("solve_lower_transposed", l, n);
    assert_right_sides("solve_lower_transposed", b, n, columns);
    for i in (0..n).rev() {
        let (rest, solved) = b.split_at_mut((i + 1) * columns);
        let row = &mut rest[i * columns..];
        for j in i + 1..n {
            let start = (j - i - 1) * columns;
            subtract_multiple(row, l[j * n + i], &solved[start..start + columns]);
        }
        row.iter_mut().for_each(|x| *x /= l[i * n + i]);
    }
}

/// Solves *A*·*X* = *B* in place, given the factor *L* of *A* from [`cholesky`].
///
/// *L*: `n` × `n`; *B*, replaced by *X*: `n` × `columns`.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn cholesky_solve<T: Scalar>(l: &[T], n: usize, b: &mut [T], columns: usize) {
    solve_lower(l, n, b, columns);
    solve_lower_transposed(l, n, b, columns);
}

/// *A*⁻¹ into `out`, given the factor *L* of *A* from [`cholesky`]. The result is exactly symmetric.
///
/// *L* and *out*: `n` × `n`.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn cholesky_inverse<T: Scalar>(l: &[T], n: usize, out: &mut [T]) {
    assert_square("cholesky_inverse", l, n);
    assert_square("cholesky_inverse", out, n);
    out.fill(T::ZERO);
    for i in 0..n {
        out[i * n + i] = T::ONE;
    }
    cholesky_solve(l, n, out, n);
    for i in 0..n {
        for j in 0..i {
            out[j * n + i] = out[i * n + j];
        }
    }
}

/// ln det *A* = 2·Σᵢ ln *L*ᵢᵢ, given the factor *L* (`n` × `n`) of *A* from [`cholesky`].
///
/// # Panics
/// If `l` does not have `n * n` elements.
#[track_caller]
pub fn log_determinant<T: Scalar>(l: &[T], n: usize) -> T {
    assert_square("log_determinant", l, n);
    let sum: T = (0..n).map(|i| ln(l[i * n + i])).sum();
    sum + sum
}
