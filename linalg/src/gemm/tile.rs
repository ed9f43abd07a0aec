//! One tile of the product: accumulated in registers, then stored through the epilogue.

use std::ptr::null;

use super::Epilogue;
use crate::Scalar;
use crate::simd::{Vector, prefetch_at};

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
        }
    }

    /// The target of one block of inner terms, the `first` and `last` of the product or not. Where *C* is only written,
    /// partial sums wait there for the last block; where the product is added to it, so are the blocks.
    pub(super) fn part(self, first: bool, last: bool) -> Self {
        match (first, last) {
            (true, true) => self,
            (_, true) => Self { resume: true, accumulate: false, ..self },
            (_, false) => {
                let (bias, add, scale, gate) = (null(), null(), null(), null());
                let resume = !first || self.accumulate;
                Self { bias, add, scale, gate, relu: false, resume, accumulate: false, ..self }
            }
        }
    }

    /// Asks for the lines that the epilogue of a tile of so many rows and columns will come to, before the product begins:
    /// they arrive while it is computed.
    #[inline(always)]
    pub(super) fn prefetch(self, rows: usize, columns: usize) {
        let line = 64 / size_of::<T>();
        for (part, stride) in [(self.c.cast_const(), self.c_stride), (self.add, self.stride), (self.gate, self.stride)]
        {
            if part.is_null() {
                continue;
            }
            for i in 0..rows {
                for j in (0..columns).step_by(line) {
                    prefetch_at(part.wrapping_add(i * stride + j));
                }
                prefetch_at(part.wrapping_add(i * stride + columns - 1));
            }
        }
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

/// The last vector of each row of a tile: as the others, ...
pub(super) const WHOLE: u8 = 0;
/// ... read from *B* in part, see [`Right::last`], ...
pub(super) const PARTIAL: u8 = 1;
/// ... or of half the lanes, in addition to the whole ones.
pub(super) const HALF: u8 = 2;

/// A tile of `MR` rows of `NV` vectors, and with `TAIL` = [`HALF`] a half vector more, of the product over `k` terms, to
/// its target.
///
/// `last` lanes of each row's last vector are stored. With [`PARTIAL`], no more than `b.last` lanes of it are read from
/// *B*. Each element is the sum of its `k` terms in order, each added with one rounding, whatever the tile's size.
///
/// # Safety
/// The elements that the arguments describe must be readable, those of the target writable and not overlapping.
#[inline(always)]
pub(super) unsafe fn tile<T: Scalar, V: Vector<T>, const MR: usize, const NV: usize, const TAIL: u8>(
    k: usize,
    a: Left<T>,
    b: Right<T>,
    target: Target<T>,
    last: usize,
) {
    // SAFETY: the caller answers for the elements of the tile.
    unsafe {
        let (sums, halves) = product::<T, V, MR, NV, TAIL>(k, a, b);
        finish(sums, target, if TAIL == HALF { V::LANES } else { last });
        if TAIL == HALF {
            finish(halves, target.offset(0, NV * V::LANES), last);
        }
    }
}

/// The sums of a tile: those of the whole vectors, and those of the half vectors if it has them.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn product<T: Scalar, V: Vector<T>, const MR: usize, const NV: usize, const TAIL: u8>(
    k: usize,
    a: Left<T>,
    b: Right<T>,
) -> ([[V; NV]; MR], [[V::Half; 1]; MR]) {
    let mut sums = [[V::splat(T::ZERO); NV]; MR];
    let mut halves = [[V::Half::splat(T::ZERO)]; MR];
    let stride = a.row_stride;
    let (mut a_at, mut b_at) = (a.at, b.at);
    for _ in 0..k {
        // SAFETY: the caller answers for MR × k elements of A and k rows of B, of NV vectors and the half one.
        unsafe {
            let mut right = [V::splat(T::ZERO); NV];
            for (j, right) in right.iter_mut().enumerate() {
                let at = b_at.add(j * V::LANES);
                *right = if TAIL == PARTIAL && j + 1 == NV { V::load_ptr_partial(at, b.last) } else { V::load_ptr(at) };
            }
            let half = if TAIL == HALF { V::Half::load_ptr(b_at.add(NV * V::LANES)) } else { V::Half::splat(T::ZERO) };
            for (i, sums) in sums.iter_mut().enumerate() {
                let left = V::splat(*a_at.add(i * stride));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = left.mul_add(right, *sum);
                }
            }
            if TAIL == HALF {
                for (i, [sum]) in halves.iter_mut().enumerate() {
                    *sum = V::Half::splat(*a_at.add(i * stride)).mul_add(half, *sum);
                }
            }
        }
        a_at = a_at.wrapping_add(a.col_stride);
        b_at = b_at.wrapping_add(b.row_stride);
    }
    (sums, halves)
}

/// Vector `j` of the `NV` that start at `part`.
///
/// # Safety
/// `(NV - 1) * LANES + last` elements must be readable at `part`.
#[inline(always)]
unsafe fn load<T: Scalar, V: Vector<T>, const NV: usize>(part: *const T, j: usize, last: usize) -> V {
    // SAFETY: the caller answers for the elements.
    unsafe {
        let at = part.add(j * V::LANES);
        if j + 1 == NV && last < V::LANES { V::load_ptr_partial(at, last) } else { V::load_ptr(at) }
    }
}

/// Replaces each vector of a tile by `f` of it and the vector of `part` in its place, rows `stride` apart; not where
/// `part` is null.
///
/// # Safety
/// `(NV - 1) * LANES + last` elements must be readable in each of the `MR` rows of `part`.
#[inline(always)]
unsafe fn with<T: Scalar, V: Vector<T>, const MR: usize, const NV: usize>(
    sums: &mut [[V; NV]; MR],
    (part, stride): (*const T, usize),
    last: usize,
    f: impl Fn(V, V) -> V,
) {
    if part.is_null() {
        return;
    }
    for (i, row) in sums.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            // SAFETY: the caller answers for the elements.
            *value = f(*value, unsafe { load::<T, V, NV>(part.add(i * stride), j, last) });
        }
    }
}

/// The epilogue of a tile, from its sums to memory: step by step, so that what is not asked for costs a branch a tile,
/// and the sums stay in registers.
///
/// # Safety
/// `(NV - 1) * LANES + last` elements must be readable in `MR` rows at every pointer of `target` that is not null (one row at
/// `bias`), and writable at `c`.
#[inline(always)]
unsafe fn finish<T: Scalar, V: Vector<T>, const MR: usize, const NV: usize>(
    mut sums: [[V; NV]; MR],
    target: Target<T>,
    last: usize,
) {
    let zero = V::splat(T::ZERO);
    let c = |asked: bool| if asked { (target.c.cast_const(), target.c_stride) } else { (null(), 0) };
    // SAFETY: the caller answers for the elements.
    unsafe {
        with(&mut sums, c(target.resume), last, |value, c| c + value);
        with(&mut sums, (target.bias, 0), last, |value, bias| value + bias);
        with(&mut sums, (target.add, target.stride), last, |value, add| value + add);
        if target.relu {
            for value in sums.as_flattened_mut() {
                // In this order NaN passes: where a comparison fails, the result is the second operand.
                *value = zero.max(*value);
            }
        }
        with(&mut sums, (target.scale, target.stride), last, |value, scale| value * scale);
        with(&mut sums, (target.gate, target.stride), last, |value, gate| V::select_lt(zero, gate, value, zero));
        with(&mut sums, c(target.accumulate), last, |value, c| c + value);
        for (i, row) in sums.into_iter().enumerate() {
            for (j, value) in row.into_iter().enumerate() {
                let at = target.c.add(i * target.c_stride + j * V::LANES);
                if j + 1 == NV && last < V::LANES { value.store_ptr_partial(at, last) } else { value.store_ptr(at) }
            }
        }
    }
}
