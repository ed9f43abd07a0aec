//! Sums, maxima and log-sum-exps in a fixed order.
//!
//! The order of a reduction depends on its length and on the width of the vectors ([`crate::simd::level`]) and on
//! nothing else: the same data give the same bits in any thread and in any call. The functions on slices choose
//! the width at run time; those in [`lanes`] are for use inside other kernels.

pub mod lanes;

use crate::Scalar;
use crate::simd::{Kernel, Vector, dispatch};

/// Defines the kernel of a slice function and runs it: `run!(T, (x: &[T], …) -> Output, body)`.
macro_rules! run {
    ($t:ident, $v:ident, ($($field:ident: $type:ty),*) -> $output:ty, $body:expr) => {{
        struct Run<'a, $t> {
            $($field: $type),*
        }
        impl<$t: Scalar> Kernel<$t> for Run<'_, $t> {
            type Output = $output;
            #[inline(always)]
            fn run<$v: Vector<$t>>(self) -> $output {
                let Run { $($field),* } = self;
                $body
            }
        }
        dispatch(Run { $($field),* })
    }};
}

/// Σᵢ xᵢ; 0 for no elements.
pub fn sum<T: Scalar>(x: &[T]) -> T {
    run!(T, V, (x: &'a [T]) -> T, lanes::sum::<T, V>(x))
}

/// Σᵢ xᵢ·yᵢ.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn dot<T: Scalar>(x: &[T], y: &[T]) -> T {
    assert_eq!(x.len(), y.len(), "dot: lengths {} and {}", x.len(), y.len());
    run!(T, V, (x: &'a [T], y: &'a [T]) -> T, lanes::dot::<T, V>(x, y))
}

/// Largest element; −∞ for no elements, NaN if one is NaN.
pub fn max<T: Scalar>(x: &[T]) -> T {
    run!(T, V, (x: &'a [T]) -> T, lanes::max::<T, V>(x))
}

/// Σᵢ xᵢ² in double precision, in the same order at every vector width.
pub fn sum_of_squares<T: Scalar>(x: &[T]) -> f64 {
    /// Partial sums: the lanes of two wide vectors.
    const LANES: usize = 16;
    run!(T, V, (x: &'a [T]) -> f64, {
        let square = |x: T| x.to_f64() * x.to_f64();
        let mut sums = [0.0; LANES];
        let blocks = x.chunks_exact(LANES);
        let tail: f64 = blocks.remainder().iter().map(|&x| square(x)).sum();
        for block in blocks {
            for (sum, &x) in sums.iter_mut().zip(block) {
                *sum += square(x);
            }
        }
        sums.iter().sum::<f64>() + tail
    })
}

/// ln Σᵢ exp(xᵢ), in nats, without overflow.
///
/// −∞ for no elements and where all are −∞; ∞ if one is ∞; NaN if one is NaN. Of one element, that element exactly.
pub fn log_sum_exp<T: Scalar>(x: &[T]) -> T {
    run!(T, V, (x: &'a [T]) -> T, lanes::log_sum_exp::<T, V>(x))
}

/// `out[i]` ← xᵢ − ln Σⱼ exp(xⱼ), the logarithm of [`softmax`].
///
/// NaN everywhere if an element is NaN; NaN or −∞ if one is ∞; NaN if all are −∞: there is then no distribution.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn log_softmax<T: Scalar>(x: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "log_softmax: input of length {}, output of length {}", x.len(), out.len());
    run!(T, V, (x: &'a [T], out: &'a mut [T]) -> (), lanes::log_softmax::<T, V>(x, out));
}

/// `out[i]` ← exp(xᵢ) / Σⱼ exp(xⱼ), without overflow.
///
/// NaN everywhere if an element is NaN; NaN or 0 if one is ∞; NaN if all are −∞: there is then no distribution.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn softmax<T: Scalar>(x: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "softmax: input of length {}, output of length {}", x.len(), out.len());
    run!(T, V, (x: &'a [T], out: &'a mut [T]) -> (), lanes::softmax::<T, V>(x, out));
}

/// `out[j]` ← Σᵢ `x[i, j]`, added to what `out[j]` holds if `accumulate`.
///
/// *x*: `rows` × `cols`, row-major; *out*: `cols`. Every 64 rows are summed in order before their sum is added to the
/// total, so that rounding grows slowly with the rows.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn add_column_sums<T: Scalar>(x: &[T], rows: usize, cols: usize, out: &mut [T], accumulate: bool) {
    assert_eq!(x.len(), rows * cols, "add_column_sums: {} elements for a {rows} × {cols} matrix", x.len());
    assert_eq!(out.len(), cols, "add_column_sums: output of length {} for a {rows} × {cols} matrix", out.len());
    run!(T, V, (x: &'a [T], out: &'a mut [T], accumulate: bool) -> (), {
        column_sums::<T, V>(x.len(), out, accumulate, |at, lanes| load(&x[at..], lanes));
    });
}

/// Sets x\[i, j\] to zero where `gate[i, j]` is not positive, and then `out[j]` as [`add_column_sums`] does, in one pass.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn gate_and_add_column_sums<T: Scalar>(x: &mut [T], gate: &[T], cols: usize, out: &mut [T], accumulate: bool) {
    assert_eq!(x.len(), gate.len(), "gate_and_add_column_sums: {} elements for {} gates", x.len(), gate.len());
    assert_eq!(out.len(), cols, "gate_and_add_column_sums: output of length {} for {cols} columns", out.len());
    assert!(
        x.is_empty() || x.len().is_multiple_of(cols),
        "gate_and_add_column_sums: {} elements in rows of {cols}",
        x.len()
    );
    run!(T, V, (x: &'a mut [T], gate: &'a [T], out: &'a mut [T], accumulate: bool) -> (), {
        let zero = V::splat(T::ZERO);
        column_sums::<T, V>(x.len(), out, accumulate, |at, lanes| {
            let value = V::select_lt(zero, load(&gate[at..], lanes), load(&x[at..], lanes), zero);
            if lanes == V::LANES { value.store(&mut x[at..]) } else { value.store_partial(&mut x[at..at + lanes]) }
            value
        });
    });
}

/// The first `lanes` elements, zeros behind them.
#[inline(always)]
fn load<T: Scalar, V: Vector<T>>(x: &[T], lanes: usize) -> V {
    if lanes == V::LANES { V::load(x) } else { V::load_partial(&x[..lanes]) }
}

/// The column sums of a row-major matrix of `len` elements, whose `lanes` elements from `at` on are `value(at, lanes)`: each
/// is asked for once.
#[inline(always)]
fn column_sums<T: Scalar, V: Vector<T>>(
    len: usize,
    out: &mut [T],
    accumulate: bool,
    mut value: impl FnMut(usize, usize) -> V,
) {
    /// Rows that are summed before their sum is added to the total.
    const ROWS_AT_ONCE: usize = 64;
    /// Vectors side by side, so that additions need not wait for each other.
    const WIDTH: usize = 4;
    if !accumulate {
        out.fill(T::ZERO);
    }
    let cols = out.len();
    let (whole, wide) = (cols / V::LANES * V::LANES, cols / (WIDTH * V::LANES) * (WIDTH * V::LANES));
    for first in (0..len).step_by((ROWS_AT_ONCE * cols).max(1)) {
        let rows = (first..len.min(first + ROWS_AT_ONCE * cols)).step_by(cols.max(1));
        for start in (0..wide).step_by(WIDTH * V::LANES) {
            let mut sums = [V::splat(T::ZERO); WIDTH];
            for row in rows.clone() {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = *sum + value(row + start + j * V::LANES, V::LANES);
                }
            }
            for (j, sum) in sums.into_iter().enumerate() {
                let out = &mut out[start + j * V::LANES..];
                (V::load(out) + sum).store(out);
            }
        }
        for start in (wide..whole).step_by(V::LANES) {
            let mut sum = V::splat(T::ZERO);
            for row in rows.clone() {
                sum = sum + value(row + start, V::LANES);
            }
            (V::load(&out[start..]) + sum).store(&mut out[start..]);
        }
        if whole < cols {
            let mut sum = V::splat(T::ZERO);
            for row in rows {
                sum = sum + value(row + whole, cols - whole);
            }
            (V::load_partial(&out[whole..]) + sum).store_partial(&mut out[whole..]);
        }
    }
}
