//! Transposition of small square blocks in registers, for packing a matrix that is stored by columns.

use std::mem::size_of;

use crate::Scalar;
use crate::simd::{Vector, prefetch_at};

/// Bytes of each row of the source that are asked for before they are read. All rows are read side by side, which are more
/// streams than a processor follows by itself.
const BYTES_AHEAD: usize = 256;

/// Writes `dst[i * dst_stride + j] = src[j * src_stride + i]` for *i* < `rows` and *j* < `cols`.
///
/// # Safety
/// Those elements must be readable in `src` and writable in `dst`, and the two must not overlap.
#[inline(always)]
pub(super) unsafe fn transpose<T: Scalar, V: Vector<T>>(
    (rows, cols): (usize, usize),
    (src, src_stride): (*const T, usize),
    (dst, dst_stride): (*mut T, usize),
) {
    let side = Block::<T, V>::SIDE;
    let line = 64 / size_of::<T>();
    let ahead = BYTES_AHEAD / size_of::<T>();
    for j in 0..cols {
        for i in (0..ahead.min(rows)).step_by(line) {
            prefetch_at(src.wrapping_add(j * src_stride + i));
        }
    }
    let mut i = 0;
    while i < rows {
        if i % line == 0 && i + ahead < rows {
            for j in 0..cols {
                prefetch_at(src.wrapping_add(j * src_stride + i + ahead));
            }
        }
        let height = (rows - i).min(side);
        let mut j = 0;
        while j < cols {
            let width = (cols - j).min(side);
            // SAFETY: the block at (i, j) lies inside the matrices that the caller answers for.
            unsafe {
                let from = (src.add(j * src_stride + i), src_stride);
                let to = (dst.add(i * dst_stride + j), dst_stride);
                if height == side && width == side {
                    Block::<T, V>::transpose(from, to);
                } else {
                    scalar((height, width), from, to);
                }
            }
            j += side;
        }
        i += side;
    }
}

/// The same, one element at a time.
///
/// # Safety
/// As for [`transpose`].
#[inline(always)]
unsafe fn scalar<T: Copy>(
    (rows, cols): (usize, usize),
    (src, src_stride): (*const T, usize),
    (dst, dst_stride): (*mut T, usize),
) {
    for j in 0..cols {
        for i in 0..rows {
            // SAFETY: inside the block that the caller answers for.
            unsafe { *dst.add(i * dst_stride + j) = *src.add(j * src_stride + i) };
        }
    }
}

/// The largest square block that the vectors `V` of `T` transpose in registers.
struct Block<T, V>(std::marker::PhantomData<(T, V)>);

impl<T: Scalar, V: Vector<T>> Block<T, V> {
    /// Vectors of 256 bits or more, and with them AVX.
    const AVX: bool = cfg!(target_arch = "x86_64") && size_of::<V>() >= 32;

    const SIDE: usize = if Self::AVX { 32 / size_of::<T>() } else { 4 };

    /// # Safety
    /// A block of `SIDE` × `SIDE` elements must be readable at `src` and writable at `dst`, without overlap.
    #[inline(always)]
    unsafe fn transpose((src, src_stride): (*const T, usize), (dst, dst_stride): (*mut T, usize)) {
        // SAFETY: the caller answers for the elements; wide vectors exist only on processors with AVX; a scalar of
        // four bytes is `f32` and one of eight is `f64`.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            if Self::AVX {
                return match size_of::<T>() {
                    4 => x86::transpose_8x8(src.cast(), src_stride, dst.cast(), dst_stride),
                    _ => x86::transpose_4x4(src.cast(), src_stride, dst.cast(), dst_stride),
                };
            }
            scalar((Self::SIDE, Self::SIDE), (src, src_stride), (dst, dst_stride));
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// Eight rows of eight `f32`.
    ///
    /// # Safety
    /// The rows must be readable and writable, without overlap, and the processor must have AVX.
    #[inline(always)]
    pub(super) unsafe fn transpose_8x8(src: *const f32, src_stride: usize, dst: *mut f32, dst_stride: usize) {
        // SAFETY: the caller answers for the rows and for AVX.
        unsafe {
            // Row q of the upper half beside row q + 4: the 128-bit halves are then transposed in place.
            let pair = |j: usize, i: usize| {
                let low = _mm256_castps128_ps256(_mm_loadu_ps(src.add(j * src_stride + i)));
                _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(src.add((j + 4) * src_stride + i)))
            };
            for i in [0, 4] {
                let (r0, r1, r2, r3) = (pair(0, i), pair(1, i), pair(2, i), pair(3, i));
                let (s0, s1) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
                let (s2, s3) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
                let join = |x, y| (_mm256_castps_pd(x), _mm256_castps_pd(y));
                let low = |x, y| {
                    let (x, y) = join(x, y);
                    _mm256_castpd_ps(_mm256_unpacklo_pd(x, y))
                };
                let high = |x, y| {
                    let (x, y) = join(x, y);
                    _mm256_castpd_ps(_mm256_unpackhi_pd(x, y))
                };
                _mm256_storeu_ps(dst.add(i * dst_stride), low(s0, s2));
                _mm256_storeu_ps(dst.add((i + 1) * dst_stride), high(s0, s2));
                _mm256_storeu_ps(dst.add((i + 2) * dst_stride), low(s1, s3));
                _mm256_storeu_ps(dst.add((i + 3) * dst_stride), high(s1, s3));
            }
        }
    }

    /// Four rows of four `f64`.
    ///
    /// # Safety
    /// As for [`transpose_8x8`].
    #[inline(always)]
    pub(super) unsafe fn transpose_4x4(src: *const f64, src_stride: usize, dst: *mut f64, dst_stride: usize) {
        // SAFETY: the caller answers for the rows and for AVX.
        unsafe {
            let pair = |j: usize, i: usize| {
                let low = _mm256_castpd128_pd256(_mm_loadu_pd(src.add(j * src_stride + i)));
                _mm256_insertf128_pd::<1>(low, _mm_loadu_pd(src.add((j + 2) * src_stride + i)))
            };
            for i in [0, 2] {
                let (r0, r1) = (pair(0, i), pair(1, i));
                _mm256_storeu_pd(dst.add(i * dst_stride), _mm256_unpacklo_pd(r0, r1));
                _mm256_storeu_pd(dst.add((i + 1) * dst_stride), _mm256_unpackhi_pd(r0, r1));
            }
        }
    }
}
