//! Orthogonal transformations of small dense matrices: triangular factor and singular values.
//!
//! Matrices are row-major, of orders up to a few hundred. Both functions only rotate, so errors stay at the level of
//! rounding even where a matrix is singular.
//! Source: G. H. Golub and C. F. Van Loan, *Matrix Computations*, 4th ed., §5.1.8–5.2.5 (Givens rotations) and §8.6.3
//! (one-sided Jacobi).

use thiserror::Error;

use crate::Scalar;

/// Passes over all pairs of rows after which [`singular_values`] gives up; it takes about ten.
const SWEEPS: usize = 60;

/// The matrix given to [`singular_values`] holds NaN or infinities, or the sum of its squares is infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no singular values: the matrix, or the sum of its squares, is not finite")]
pub struct NotFinite;

/// Rotates a new row into the upper triangular `r` (`n` × `n`), so that afterwards *RᵀR* has grown by the row's outer
/// product with itself. Begin with zeros; `row` (`n` elements) is used up.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn add_row<T: Scalar>(r: &mut [T], row: &mut [T]) {
    let n = row.len();
    assert_eq!(r.len(), n * n, "add_row: {} elements for a {n} × {n} matrix", r.len());
    for i in 0..n {
        if row[i] == T::ZERO {
            continue;
        }
        let own = &mut r[i * n + i..(i + 1) * n];
        let length = hypotenuse(own[0], row[i]);
        let (cosine, sine) = (own[0] / length, row[i] / length);
        rotate(own, &mut row[i..], cosine, sine);
    }
}

/// √(a² + b²) without overflow, of two numbers that are not both zero.
fn hypotenuse<T: Scalar>(a: T, b: T) -> T {
    let (a, b) = (a.abs(), b.abs());
    let (large, small) = if a > b { (a, b) } else { (b, a) };
    let ratio = small / large;
    large * (T::ONE + ratio * ratio).sqrt()
}

/// (x, y) ← (c·x + s·y, c·y − s·x).
fn rotate<T: Scalar>(x: &mut [T], y: &mut [T], cosine: T, sine: T) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (cosine * *x + sine * *y, cosine * *y - sine * *x);
    }
}

/// The singular values of `a` (`n` × `n`, used up) into `values`, in no particular order, with errors of some n·ε times the
/// largest.
///
/// # Errors
/// If `a` holds NaN or infinities, or numbers whose squares do not have a finite sum.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn singular_values<T: Scalar>(a: &mut [T], values: &mut [T]) -> Result<(), NotFinite> {
    let n = values.len();
    assert_eq!(a.len(), n * n, "singular_values: {} elements for a {n} × {n} matrix", a.len());
    let norm = dot(a, a).sqrt();
    if !norm.is_finite() {
        return Err(NotFinite);
    }
    // A matrix without full rank leaves rows of rounding errors, which point anywhere and would be turned for ever.
    let negligible = T::from_f64(n as f64) * T::EPSILON * norm;
    // Rows are made orthogonal to one another, pair by pair: then their lengths are the singular values.
    for _ in 0..SWEEPS {
        let mut turned = false;
        for i in 0..n {
            for j in i + 1..n {
                let (above, below) = a.split_at_mut(j * n);
                turned |= make_orthogonal(&mut above[i * n..(i + 1) * n], &mut below[..n], negligible);
            }
        }
        if !turned {
            values.iter_mut().zip(a.chunks_exact(n)).for_each(|(value, row)| *value = dot(row, row).sqrt());
            return Ok(());
        }
    }
    Err(NotFinite)
}

/// Turns two rows in their plane until they are orthogonal, unless one of them is as short as `negligible`; whether there
/// was anything to do.
fn make_orthogonal<T: Scalar>(x: &mut [T], y: &mut [T], negligible: T) -> bool {
    let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y));
    let tolerance = T::from_f64(x.len() as f64) * T::EPSILON;
    let (x_length, y_length) = (xx.sqrt(), yy.sqrt());
    if x_length <= negligible || y_length <= negligible || xy.abs() <= tolerance * x_length * y_length {
        return false;
    }
    // The smaller root of t² + 2·half·t = 1 is the tangent of the angle.
    let half = (yy - xx) / (xy + xy);
    let length = hypotenuse(half, T::ONE);
    let tangent = if half < T::ZERO { T::ONE / (half - length) } else { T::ONE / (half + length) };
    let cosine = T::ONE / (T::ONE + tangent * tangent).sqrt();
    rotate(x, y, cosine, -(cosine * tangent));
    true
}

fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + a * b)
}
