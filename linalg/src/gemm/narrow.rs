//! Products whose rows are too short to fill vectors: computed transposed, or with vectors along the inner size.

use std::ops::Range;

use super::blocked::{self, TASK, aligned, line};
use super::layout::Layout;
use super::shared::{Job, Shared};
use super::transpose::transpose;
use super::{Epilogue, Matrix, MatrixMut, portable};
use crate::Scalar;
use crate::parallel::join_ranges;
use crate::simd::{Kernel, Level, Vector, dispatch_at};

/// The ways to a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Tiles of *C*, with vectors along its rows.
    Tiles,
    /// Tiles of *Cᵀ* = *Bᵀ*·*Aᵀ*, with vectors along its columns.
    Transposed,
    /// Inner products of rows of *A* and columns of *B*, with vectors along them.
    Dots,
}

impl Plan {
    /// The cheapest way, by an estimate in vector operations that depends on sizes and layouts only.
    pub(super) fn choose<T>(level: Level, a: &Matrix<T>, b: &Matrix<T>) -> Self {
        let (m, k, n) = (a.rows, a.cols, b.cols);
        let lanes = Layout::new::<T>(level, m, n).lanes;
        let vectors = |len: usize| len.div_ceil(lanes);
        // An element that is packed by transposition, or stored one at a time, costs a fraction of an operation or a few.
        let transposition = if b.col_stride == 1 { 0 } else { k * n / 4 };
        let tiles = m * k * vectors(n) + transposition;
        let transposed = match a.row_stride {
            1 if n <= 4 * lanes => n * k * vectors(m) + 4 * m * n,
            _ => usize::MAX,
        };
        let dots = match a.col_stride {
            1 => m * n * (vectors(k) + REDUCTION) + if b.row_stride == 1 { 0 } else { 2 * k * n },
            _ => usize::MAX,
        };
        match tiles.min(transposed).min(dots) {
            least if least == tiles => Self::Tiles,
            least if least == transposed => Self::Transposed,
            _ => Self::Dots,
        }
    }
}

/// Cost of summing the lanes of a vector and of storing the sum, in vector operations.
const REDUCTION: usize = 14;

/// Scratch elements that a plan needs.
pub(super) fn scratch_len<T: Copy>(
    plan: Plan,
    level: Level,
    a: &Matrix<T>,
    b: &Matrix<T>,
    epilogue: &Epilogue<T>,
) -> usize {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    match plan {
        Plan::Tiles => blocked::scratch_len(level, m, b, epilogue),
        Plan::Transposed => m * n + blocked::scratch_len(level, n, &a.t(), &Epilogue::default()),
        Plan::Dots if b.row_stride == 1 => 0,
        Plan::Dots => k * n + line::<T>(),
    }
}

/// *C* by way of *Cᵀ*.
pub(super) fn by_transposition<T: Scalar>(
    level: Level,
    a: Matrix<T>,
    b: Matrix<T>,
    c: MatrixMut<T>,
    epilogue: &Epilogue<T>,
    scratch: &mut [T],
) {
    let (m, n) = (a.rows, b.cols);
    let (product, rest) = scratch.split_at_mut(m * n);
    let view = MatrixMut::new(product, n, m);
    blocked::gemm(level, b.t(), a.t(), view, &Epilogue::default(), rest);
    for i in 0..m {
        let row = &mut c.data[i * c.row_stride..][..n];
        for (j, out) in row.iter_mut().enumerate() {
            let value = portable::apply(epilogue, product[j * m + i], j, i * n + j);
            *out = if epilogue.accumulate { *out + value } else { value };
        }
    }
}

/// *C* by inner products; the rows of *A* have unit column stride.
pub(super) fn by_dots<T: Scalar>(
    level: Level,
    a: Matrix<T>,
    b: Matrix<T>,
    c: MatrixMut<T>,
    epilogue: &Epilogue<T>,
    scratch: &mut [T],
) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    let (columns, column_stride) = if b.row_stride == 1 {
        (b.data.as_ptr(), b.col_stride)
    } else {
        let packed = aligned(scratch, k * n);
        // SAFETY: `packed` are k × n elements of scratch, which is borrowed.
        dispatch_at(level, unsafe { Transpose::new(b, packed) });
        (packed.cast_const(), k)
    };
    let job = Dots {
        sizes: (k, n),
        rows: (a.data.as_ptr(), a.row_stride),
        columns: (columns, column_stride),
        c: (c.data.as_mut_ptr(), c.row_stride),
        epilogue: *epilogue,
    };
    // SAFETY: A, B and C were checked against their slices, which are borrowed, or B is packed; rows of C do not overlap.
    let job = unsafe { Shared::new(job) };
    let cost = n * (k + REDUCTION * Layout::new::<T>(level, m, n).lanes);
    // SAFETY: as above; the rows of a range belong to it alone.
    join_ranges(m, TASK.div_ceil(cost), |rows| dispatch_at(level, unsafe { RunDots::new(job.get(), rows) }));
}

/// Writes *Bᵀ* to `packed`, contiguous and row-major.
struct Transpose<'a, T> {
    b: Matrix<'a, T>,
    packed: *mut T,
}

impl<'a, T> Transpose<'a, T> {
    /// # Safety
    /// While it runs, as many elements as *B* has must be writable from `packed` on, and accessed by nobody else.
    unsafe fn new(b: Matrix<'a, T>, packed: *mut T) -> Self {
        Self { b, packed }
    }
}

impl<T: Scalar> Kernel<T> for Transpose<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Self { b, packed } = self;
        // SAFETY: B was checked against its slice; `packed` is as `new` demands.
        unsafe { transpose::<T, V>((b.cols, b.rows), (b.data.as_ptr(), b.row_stride), (packed, b.rows)) };
    }
}

/// Inner products of rows with columns, each contiguous: (pointer, stride from one to the next).
#[derive(Clone, Copy)]
struct Dots<'a, T> {
    sizes: (usize, usize),
    rows: (*const T, usize),
    columns: (*const T, usize),
    c: (*mut T, usize),
    epilogue: Epilogue<'a, T>,
}

// SAFETY: sizes, pointers to scalars, and an epilogue of references to scalars.
unsafe impl<T: Scalar> Job for Dots<'_, T> {}

/// [`Dots`] for a range of rows of *C*.
struct RunDots<'a, T>(Dots<'a, T>, Range<usize>);

impl<'a, T> RunDots<'a, T> {
    /// # Safety
    /// While it runs, rows and columns must be readable, and those rows of *C* writable and accessed by nobody else.
    unsafe fn new(job: Dots<'a, T>, rows: Range<usize>) -> Self {
        Self(job, rows)
    }
}

impl<T: Scalar> Kernel<T> for RunDots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Self(job, rows) = self;
        for i in rows {
            let mut j = 0;
            while j < job.sizes.1 {
                // SAFETY: as `new` demands; row i and the columns from j on exist.
                unsafe {
                    match job.sizes.1 - j {
                        1 => job.row::<V, 1>(i, &mut j),
                        2 => job.row::<V, 2>(i, &mut j),
                        3 => job.row::<V, 3>(i, &mut j),
                        _ => job.row::<V, 4>(i, &mut j),
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Dots<'_, T> {
    /// Elements (i, j) to (i, j + W - 1); *j* moves past them.
    ///
    /// # Safety
    /// The row and the columns must exist, and the pointers be valid.
    #[inline(always)]
    unsafe fn row<V: Vector<T>, const W: usize>(&self, i: usize, j: &mut usize) {
        let (k, n) = self.sizes;
        let row = self.rows.0.wrapping_add(i * self.rows.1);
        let columns: [*const T; W] = std::array::from_fn(|w| self.columns.0.wrapping_add((*j + w) * self.columns.1));
        // Two sums a column, of alternate vectors, so that additions need not wait for each other.
        let mut sums = [[V::splat(T::ZERO); 2]; W];
        let mut p = 0;
        // SAFETY: offsets stay below k, the length of the row and of the columns.
        unsafe {
            while p + 2 * V::LANES <= k {
                let left = [V::load_ptr(row.add(p)), V::load_ptr(row.add(p + V::LANES))];
                for (sums, column) in sums.iter_mut().zip(columns) {
                    sums[0] = left[0].mul_add(V::load_ptr(column.add(p)), sums[0]);
                    sums[1] = left[1].mul_add(V::load_ptr(column.add(p + V::LANES)), sums[1]);
                }
                p += 2 * V::LANES;
            }
            while p < k {
                let count = (k - p).min(V::LANES);
                let left = V::load_ptr_partial(row.add(p), count);
                for (sums, column) in sums.iter_mut().zip(columns) {
                    sums[0] = left.mul_add(V::load_ptr_partial(column.add(p), count), sums[0]);
                }
                p += count;
            }
            for [first, second] in sums {
                let value = portable::apply(&self.epilogue, (first + second).sum(), *j, i * n + *j);
                let out = self.c.0.add(i * self.c.1 + *j);
                *out = if self.epilogue.accumulate { *out + value } else { value };
                *j += 1;
            }
        }
    }
}
