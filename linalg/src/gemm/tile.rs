//! One tile of the product: accumulated in registers, then stored through the epilogue.

use std::ptr::null;

use super::Epilogue;
use crate::Scalar;
use crate::simd::Vector;

/// Where the elements of *A* are: element (i, p) of a tile is `at[i * row_stride + p * col_stride]`.
#[derive(Clone, Copy)]
pub(super) struct Left<T> {
    pub(super) at: *const T,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

/// Where the elements of *B* are: element (p, j) of a tile is `at[p * row_stride + j]`.
#[derive(Clone, Copy)]
pub(super) struct Right<T> {
    pub(super) at: *const T,
    pub(super) row_stride: usize,
    /// Elements that may be read in the last vector of a row; the lanes beyond count as zero.
    pub(super) last: usize,
}

/// Where the product goes and what happens on the way: [`Epilogue`] with pointers, null for what is not asked for.
#[derive(Clone, Copy)]
pub(super) struct Target<T> {
    pub(super) c: *mut T,
    pub(super) c_stride: usize,
    /// Row stride of `add`, `scale` and `gate`.
    pub(super) stride: usize,
    pub(super) bias: *const T,
    pub(super) add: *const T,
    pub(super) scale: *const T,
    pub(super) gate: *const T,
    pub(super) relu: bool,
    /// *C* holds a part of the product, to be added before anything else.
    pub(super) resume: bool,
    /// *C* holds what the result is to be added to.
    pub(super) accumulate: bool,
    path: Path,
}

/// How a tile reaches memory: the two commonest ways go there straight from the registers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    /// The product itself.
    Plain,
    /// Bias, perhaps ReLU, and nothing else: the forward pass of a layer.
    Affine,
    General,
}

impl<T> Target<T> {
    pub(super) fn new(c: *mut T, c_stride: usize, n: usize, epilogue: &Epilogue<T>) -> Self {
        let pointer = |part: Option<&[T]>| part.map_or(null(), <[T]>::as_ptr);
        Self {
            c,
            c_stride,
            stride: n,
            bias: pointer(epilogue.bias),
            add: pointer(epilogue.add),
            scale: pointer(epilogue.scale),
            gate: pointer(epilogue.gate),
            relu: epilogue.relu,
            resume: false,
            accumulate: epilogue.accumulate,
            path: Path::General,
        }
    }

    /// The target of one block of inner terms, the `first` and `last` of the product or not. Where *C* is only written,
    /// partial sums wait there for the last block; where the product is added to it, so are the blocks.
    pub(super) fn part(self, first: bool, last: bool) -> Self {
        let mut part = match (first, last) {
            (true, true) => self,
            (_, true) => Self { resume: true, accumulate: false, ..self },
            (_, false) => {
                let (bias, add, scale, gate) = (null(), null(), null(), null());
                let resume = !first || self.accumulate;
                Self { bias, add, scale, gate, relu: false, resume, accumulate: false, ..self }
            }
        };
        let matrices = [part.add, part.scale, part.gate].iter().any(|matrix| !matrix.is_null());
        part.path = match part.bias.is_null() {
            _ if matrices || part.resume || part.accumulate => Path::General,
            true if part.relu => Path::General,
            true => Path::Plain,
            false => Path::Affine,
        };
        part
    }

    /// The same columns one row down.
    #[inline(always)]
    fn next_row(self) -> Self {
        let down = |part: *const T| if part.is_null() { part } else { part.wrapping_add(self.stride) };
        let (add, scale, gate) = (down(self.add), down(self.scale), down(self.gate));
        Self { c: self.c.wrapping_add(self.c_stride), add, scale, gate, ..self }
    }

    /// The target of the tile whose first element is (`row`, `col`) of this one.
    #[inline(always)]
    pub(super) fn offset(self, row: usize, col: usize) -> Self {
        // A null pointer stays null: it is not offset.
        let shift = |part: *const T, by: usize| if part.is_null() { part } else { part.wrapping_add(by) };
        let at = row * self.stride + col;
        Self {
            c: self.c.wrapping_add(row * self.c_stride + col),
            bias: shift(self.bias, col),
            add: shift(self.add, at),
            scale: shift(self.scale, at),
            gate: shift(self.gate, at),
            ..self
        }
    }
}

/// A tile of `MR` rows of `NV` vectors, of the product over `k` terms, to its target.
///
/// `last` lanes of each row's last vector are stored. With `PARTIAL`, no more than `b.last` lanes of it are read from
/// *B*. Each element is the sum of its `k` terms in order, each added with one rounding, whatever the tile's size.
///
/// # Safety
/// The elements that the arguments describe must be readable, those of the target writable and not overlapping.
#[inline(always)]
pub(super) unsafe fn tile<T: Scalar, V: Vector<T>, const MR: usize, const NV: usize, const PARTIAL: bool>(
    k: usize,
    a: Left<T>,
    b: Right<T>,
    target: Target<T>,
    last: usize,
) {
    // SAFETY: the caller vouches for the elements of the tile.
    unsafe {
        let sums = product::<T, V, MR, NV, PARTIAL>(k, a, b);
        if target.path == Path::Plain {
            for (i, row) in sums.iter().enumerate() {
                store_row(*row, target.c.add(i * target.c_stride), last);
            }
        } else if target.path == Path::Affine {
            let floor = V::splat(if target.relu { T::ZERO } else { T::NEG_INFINITY });
            for (i, row) in sums.iter().enumerate() {
                let mut row = *row;
                for (j, value) in row.iter_mut().enumerate() {
                    let sum = *value + load::<T, V, NV>(target.bias, j, last);
                    *value = V::select_lt(sum, floor, floor, sum);
                }
                store_row(row, target.c.add(i * target.c_stride), last);
            }
        } else {
            // A copy whose rows are taken by a run-time index, so that the accumulators proper stay in registers.
            let rows = sums;
            let mut target = target;
            for row in &rows {
                finish_row(*row, target, last);
                target = target.next_row();
            }
        }
    }
}

/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn product<T: Scalar, V: Vector<T>, const MR: usize, const NV: usize, const PARTIAL: bool>(
    k: usize,
    a: Left<T>,
    b: Right<T>,
) -> [[V; NV]; MR] {
    let mut sums = [[V::splat(T::ZERO); NV]; MR];
    let stride = a.row_stride;
    let (mut a_at, mut b_at) = (a.at, b.at);
    for _ in 0..k {
        // SAFETY: the caller vouches for MR × k elements of A and k × NV vectors of B.
        unsafe {
            let mut right = [V::splat(T::ZERO); NV];
            for (j, right) in right.iter_mut().enumerate() {
                let at = b_at.add(j * V::LANES);
                *right = if PARTIAL && j + 1 == NV { V::load_ptr_partial(at, b.last) } else { V::load_ptr(at) };
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let left = V::splat(*a_at.add(i * stride));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = left.mul_add(right, *sum);
                }
            }
        }
        a_at = a_at.wrapping_add(a.col_stride);
        b_at = b_at.wrapping_add(b.row_stride);
    }
    sums
}

/// Vector `j` of the `NV` that start at `part`.
///
/// # Safety
/// `(NV - 1) * LANES + last` elements must be readable at `part`.
#[inline(always)]
unsafe fn load<T: Scalar, V: Vector<T>, const NV: usize>(part: *const T, j: usize, last: usize) -> V {
    // SAFETY: the caller vouches for the elements.
    unsafe {
        let at = part.add(j * V::LANES);
        if j + 1 == NV && last < V::LANES { V::load_ptr_partial(at, last) } else { V::load_ptr(at) }
    }
}

/// # Safety
/// `(NV - 1) * LANES + last` elements must be writable at `c`.
#[inline(always)]
unsafe fn store_row<T: Scalar, V: Vector<T>, const NV: usize>(row: [V; NV], c: *mut T, last: usize) {
    for (j, value) in row.into_iter().enumerate() {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let at = c.add(j * V::LANES);
            if j + 1 == NV && last < V::LANES { value.store_ptr_partial(at, last) } else { value.store_ptr(at) }
        }
    }
}

/// The epilogue of one row of a tile, from its sums to memory.
///
/// # Safety
/// `(NV - 1) * LANES + last` elements must be readable at every pointer of `target` that is not null, and writable
/// at `c`.
#[inline(always)]
unsafe fn finish_row<T: Scalar, V: Vector<T>, const NV: usize>(mut row: [V; NV], target: Target<T>, last: usize) {
    let zero = V::splat(T::ZERO);
    // SAFETY: the caller vouches for the elements.
    let load = |part: *const T, j: usize| unsafe { load::<T, V, NV>(part, j, last) };
    if target.resume {
        for (j, value) in row.iter_mut().enumerate() {
            *value = load(target.c, j) + *value;
        }
    }
    for part in [target.bias, target.add] {
        if !part.is_null() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = *value + load(part, j);
            }
        }
    }
    if target.relu {
        for value in &mut row {
            *value = V::select_lt(*value, zero, zero, *value);
        }
    }
    if !target.scale.is_null() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = *value * load(target.scale, j);
        }
    }
    if !target.gate.is_null() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = V::select_lt(zero, load(target.gate, j), *value, zero);
        }
    }
    if target.accumulate {
        for (j, value) in row.iter_mut().enumerate() {
            *value = load(target.c, j) + *value;
        }
    }
    // SAFETY: the caller vouches for the elements.
    unsafe { store_row(row, target.c, last) };
}
