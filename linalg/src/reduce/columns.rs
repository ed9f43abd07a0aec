//! Sums of the columns of a matrix, block of rows by block of rows.

use crate::Scalar;
use crate::gemm::Scratch;
use crate::parallel::{chunk_pairs_mut, rows_mut};
use crate::simd::{Kernel, Vector, dispatch};

/// Rows that are summed in order before their sum is added to the total, so that rounding grows slowly with the rows: and who
/// sums a block does not matter.
const BLOCK: usize = 64;
/// Elements that are worth a thread's attention: some microseconds from the second cache.
const TASK: usize = 1 << 15;

/// `out[j]` ← Σᵢ `x[i, j]`, added to what `out[j]` holds if `accumulate`.
///
/// *x*: rows × `cols`, row-major; *out*: `cols`. Every 64 rows are summed in order before their sum is added to the
/// total.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn add_column_sums<T: Scalar>(x: &[T], cols: usize, out: &mut [T], accumulate: bool, scratch: &mut Scratch<T>) {
    let (blocks, grain) = blocks(x.len(), cols, out);
    let sums = scratch.grown(blocks * cols);
    rows_mut(&mut *sums, cols, grain, |blocks, sums| {
        let x = &x[blocks.start * BLOCK * cols..];
        dispatch(Sums { x: &x[..x.len().min(blocks.len() * BLOCK * cols)], sums, cols });
    });
    total(sums, out, accumulate);
}

/// Sets x\[i, j\] to zero where `gate[i, j]` is not positive, and then `out[j]` as [`add_column_sums`] does, in one pass.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn gate_and_add_column_sums<T: Scalar>(
    x: &mut [T],
    gate: &[T],
    cols: usize,
    out: &mut [T],
    accumulate: bool,
    scratch: &mut Scratch<T>,
) {
    assert_eq!(x.len(), gate.len(), "column sums: {} elements for {} gates", x.len(), gate.len());
    let (blocks, grain) = blocks(x.len(), cols, out);
    let sums = scratch.grown(blocks * cols);
    chunk_pairs_mut((x, (BLOCK * cols).max(1)), (&mut *sums, cols), grain, |blocks, x, sums| {
        let gate = &gate[blocks.start * BLOCK * cols..][..x.len()];
        dispatch(Sums { x: Gated { x, gate }, sums, cols });
    });
    total(sums, out, accumulate);
}

/// Number of blocks of rows, and how many make a task.
#[track_caller]
fn blocks<T>(len: usize, cols: usize, out: &[T]) -> (usize, usize) {
    assert_eq!(out.len(), cols, "column sums: output of length {} for {cols} columns", out.len());
    assert!(len == 0 || len.is_multiple_of(cols), "column sums: {len} elements in rows of {cols}");
    (len.checked_div(cols).unwrap_or(0).div_ceil(BLOCK), TASK / (BLOCK * cols).max(1))
}

/// The blocks' sums, added in order.
fn total<T: Scalar>(sums: &[T], out: &mut [T], accumulate: bool) {
    if !accumulate {
        out.fill(T::ZERO);
    }
    for sums in sums.chunks_exact(out.len().max(1)) {
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += *sum);
    }
}

/// A row-major matrix, vector by vector. (A trait and not closures, which cannot be made to be compiled into their kernel:
/// outside it each instruction would be a call.)
trait Vectors<T> {
    /// Number of elements.
    fn len(&self) -> usize;

    /// The `lanes` elements from `at` on, zeros behind them; each is asked for once.
    fn vector<V: Vector<T>>(&mut self, at: usize, lanes: usize) -> V;
}

impl<T: Scalar> Vectors<T> for &[T] {
    #[inline(always)]
    fn len(&self) -> usize {
        (**self).len()
    }

    #[inline(always)]
    fn vector<V: Vector<T>>(&mut self, at: usize, lanes: usize) -> V {
        load(&self[at..], lanes)
    }
}

/// What the gates let through; it takes the place of `x`.
struct Gated<'a, T> {
    x: &'a mut [T],
    gate: &'a [T],
}

impl<T: Scalar> Vectors<T> for Gated<'_, T> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.x.len()
    }

    #[inline(always)]
    fn vector<V: Vector<T>>(&mut self, at: usize, lanes: usize) -> V {
        let zero = V::splat(T::ZERO);
        let value = V::select_lt(zero, load(&self.gate[at..], lanes), load(&self.x[at..], lanes), zero);
        if lanes == V::LANES {
            value.store(&mut self.x[at..]);
        } else {
            value.store_partial(&mut self.x[at..at + lanes]);
        }
        value
    }
}

/// The first `lanes` elements, zeros behind them.
#[inline(always)]
fn load<T: Scalar, V: Vector<T>>(x: &[T], lanes: usize) -> V {
    if lanes == V::LANES { V::load(x) } else { V::load_partial(&x[..lanes]) }
}

/// The column sums of each block of rows, `cols` each.
struct Sums<'a, T, X> {
    x: X,
    sums: &'a mut [T],
    cols: usize,
}

impl<T: Scalar, X: Vectors<T>> Kernel<T> for Sums<'_, T, X> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        /// Vectors side by side, so that additions need not wait for each other.
        const WIDTH: usize = 4;
        let Self { mut x, sums, cols } = self;
        let len = x.len();
        let (whole, wide) = (cols / V::LANES * V::LANES, cols / (WIDTH * V::LANES) * (WIDTH * V::LANES));
        for (first, out) in (0..len).step_by(BLOCK * cols).zip(sums.chunks_exact_mut(cols)) {
            let rows = (first..len.min(first + BLOCK * cols)).step_by(cols);
            for start in (0..wide).step_by(WIDTH * V::LANES) {
                let mut sums = [V::splat(T::ZERO); WIDTH];
                for row in rows.clone() {
                    for (j, sum) in sums.iter_mut().enumerate() {
                        *sum = *sum + x.vector::<V>(row + start + j * V::LANES, V::LANES);
                    }
                }
                for (j, sum) in sums.into_iter().enumerate() {
                    sum.store(&mut out[start + j * V::LANES..]);
                }
            }
            for start in (wide..whole).step_by(V::LANES) {
                let mut sum = V::splat(T::ZERO);
                for row in rows.clone() {
                    sum = sum + x.vector::<V>(row + start, V::LANES);
                }
                sum.store(&mut out[start..]);
            }
            if whole < cols {
                let mut sum = V::splat(T::ZERO);
                for row in rows {
                    sum = sum + x.vector::<V>(row + whole, cols - whole);
                }
                sum.store_partial(&mut out[whole..]);
            }
        }
    }
}
