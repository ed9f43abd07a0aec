//! 256-bit and 512-bit vectors of x86-64 processors.

use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::vector::sealed;
use super::{Kernel, Vector};

/// Runs a kernel compiled for AVX-512.
///
/// # Safety
/// The processor must have the features named below.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
pub(super) unsafe fn run_avx512<T, V: Vector<T>, K: Kernel<T>>(kernel: K) -> K::Output {
    kernel.run::<V>()
}

/// Runs a kernel compiled for AVX2 with fused multiply-add.
///
/// # Safety
/// The processor must have the features named below.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_avx2<T, V: Vector<T>, K: Kernel<T>>(kernel: K) -> K::Output {
    kernel.run::<V>()
}

/// Eight ones, then eight zeros: a window into it is the lane mask of a partial AVX2 access.
const WINDOW_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
/// The same for four 64-bit lanes.
const WINDOW_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

/// Lane mask with the first `count` of eight 32-bit lanes set.
#[inline(always)]
fn mask_32(count: usize) -> __m256i {
    let count = count.min(8);
    // SAFETY: the window starts at 8 - count ≤ 8 and is 8 values long; AVX2 is implied by the callers' types.
    unsafe { _mm256_loadu_si256(WINDOW_32.as_ptr().add(8 - count).cast()) }
}

/// Lane mask with the first `count` of four 64-bit lanes set.
#[inline(always)]
fn mask_64(count: usize) -> __m256i {
    let count = count.min(4);
    // SAFETY: the window starts at 4 - count ≤ 4 and is 4 values long; AVX2 is implied by the callers' types.
    unsafe { _mm256_loadu_si256(WINDOW_64.as_ptr().add(4 - count).cast()) }
}

macro_rules! vector {
    (
        $(#[$doc:meta])* $name:ident($raw:ty) of $lanes:literal $t:ty, half $half:ty;
        set1 $set1:ident, load $load:ident, store $store:ident,
        add $add:ident, sub $sub:ident, mul $mul:ident, div $div:ident, fma $fma:ident,
        sqrt $sqrt:ident, max $max:ident, min $min:ident,
        partial_load |$lp:ident, $ln:ident| $partial_load:expr,
        partial_store |$sp:ident, $sn:ident, $sv:ident| $partial_store:expr,
        neg |$nv:ident| $neg:expr,
        abs |$av:ident| $abs:expr,
        round |$rv:ident| $round:expr,
        select_lt |$a:ident, $b:ident, $x:ident, $y:ident| $select:expr,
        exp2 |$ev:ident| $exp2:expr,
        significand |$mv:ident| $significand:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(super) struct $name($raw);

        impl sealed::Sealed for $name {}

        // Every intrinsic below is safe to execute: a value of this type exists only inside a kernel that runs
        // on a processor with the instruction set (see the module documentation of `simd`).
        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $add(self.0, other.0) })
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $sub(self.0, other.0) })
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $mul(self.0, other.0) })
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $div(self.0, other.0) })
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                let $nv = self.0;
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $neg })
            }
        }

        impl Vector<$t> for $name {
            const LANES: usize = $lanes;
            type Half = $half;

            #[inline(always)]
            fn splat(x: $t) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $set1(x) })
            }
            #[inline(always)]
            fn load(src: &[$t]) -> Self {
                assert!(src.len() >= $lanes);
                // SAFETY: the slice has LANES values.
                unsafe { Self::load_ptr(src.as_ptr()) }
            }
            #[inline(always)]
            fn load_partial(src: &[$t]) -> Self {
                // SAFETY: the slice has that many values.
                unsafe { Self::load_ptr_partial(src.as_ptr(), src.len().min($lanes)) }
            }
            #[inline(always)]
            fn store(self, dst: &mut [$t]) {
                assert!(dst.len() >= $lanes);
                // SAFETY: the slice has LANES values.
                unsafe { self.store_ptr(dst.as_mut_ptr()) }
            }
            #[inline(always)]
            fn store_partial(self, dst: &mut [$t]) {
                // SAFETY: the slice has that many values.
                unsafe { self.store_ptr_partial(dst.as_mut_ptr(), dst.len().min($lanes)) }
            }
            #[inline(always)]
            unsafe fn load_ptr(src: *const $t) -> Self {
                // SAFETY: the caller answers for LANES readable values; the load needs no alignment.
                Self(unsafe { $load(src) })
            }
            #[inline(always)]
            unsafe fn load_ptr_partial($lp: *const $t, $ln: usize) -> Self {
                // SAFETY: only the lanes below the count, for which the caller vouches, are read.
                Self(unsafe { $partial_load })
            }
            #[inline(always)]
            unsafe fn store_ptr(self, dst: *mut $t) {
                // SAFETY: the caller answers for LANES writable values; the store needs no alignment.
                unsafe { $store(dst, self.0) }
            }
            #[inline(always)]
            unsafe fn store_ptr_partial(self, $sp: *mut $t, $sn: usize) {
                let $sv = self.0;
                // SAFETY: only the lanes below the count, for which the caller vouches, are written.
                unsafe { $partial_store }
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $fma(self.0, b.0, c.0) })
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $sqrt(self.0) })
            }
            #[inline(always)]
            fn abs(self) -> Self {
                let $av = self.0;
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $abs })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $min(self.0, other.0) })
            }
            #[inline(always)]
            fn round(self) -> Self {
                let $rv = self.0;
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $round })
            }
            #[inline(always)]
            fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self {
                let ($a, $b, $x, $y) = (a.0, b.0, x.0, y.0);
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $select })
            }
            #[inline(always)]
            fn exp2_integral(self) -> Self {
                let $ev = self.0;
                // SAFETY: the processor has the instruction set, see above.
                Self(unsafe { $exp2 })
            }
            #[inline(always)]
            fn significand_exponent(self) -> (Self, Self) {
                let $mv = self.0;
                // SAFETY: the processor has the instruction set, see above.
                let (s, e) = unsafe { $significand };
                (Self(s), Self(e))
            }
            #[inline(always)]
            fn sum(self) -> $t {
                let mut lanes = [0.0; $lanes];
                self.store(&mut lanes);
                let mut width = $lanes;
                while width > 1 {
                    width /= 2;
                    for i in 0..width {
                        lanes[i] += lanes[i + width];
                    }
                }
                lanes[0]
            }
            #[inline(always)]
            fn maximum(self) -> $t {
                let mut lanes = [0.0; $lanes];
                self.store(&mut lanes);
                let mut best = lanes[0];
                for x in &lanes[1..] {
                    best = if *x > best { *x } else { best };
                }
                best
            }
        }
    };
}

// exp2: adding 1.5·2^mantissa + bias puts n + bias into the low bits, and a shift makes it the exponent field.
// significand: the exponent field, shifted down and put into the mantissa of 2^mantissa, reads as 2^mantissa + e + bias.

vector! {
    /// Sixteen `f32` lanes.
    F32x16(__m512) of 16 f32, half F32x8;
    set1 _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps,
    add _mm512_add_ps, sub _mm512_sub_ps, mul _mm512_mul_ps, div _mm512_div_ps, fma _mm512_fmadd_ps,
    sqrt _mm512_sqrt_ps, max _mm512_max_ps, min _mm512_min_ps,
    partial_load |p, n| _mm512_maskz_loadu_ps(((1u32 << n) - 1) as u16, p),
    partial_store |p, n, v| _mm512_mask_storeu_ps(p, ((1u32 << n) - 1) as u16, v),
    neg |v| _mm512_castsi512_ps(_mm512_xor_epi32(_mm512_castps_si512(v), _mm512_set1_epi32(i32::MIN))),
    abs |v| _mm512_abs_ps(v),
    round |v| _mm512_roundscale_ps::<0>(v),
    select_lt |a, b, x, y| _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), y, x),
    exp2 |v| _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(
        _mm512_add_ps(v, _mm512_set1_ps(12_582_912.0 + 127.0))))),
    significand |v| {
        let bits = _mm512_castps_si512(v);
        let fraction = _mm512_and_epi32(bits, _mm512_set1_epi32(0x007f_ffff));
        let s = _mm512_castsi512_ps(_mm512_or_epi32(fraction, _mm512_set1_epi32(0x3f80_0000)));
        let e = _mm512_or_epi32(_mm512_srli_epi32::<23>(bits), _mm512_set1_epi32(0x4b00_0000));
        (s, _mm512_sub_ps(_mm512_castsi512_ps(e), _mm512_set1_ps(8_388_608.0 + 127.0)))
    }
}

vector! {
    /// Eight `f64` lanes.
    F64x8(__m512d) of 8 f64, half F64x4;
    set1 _mm512_set1_pd, load _mm512_loadu_pd, store _mm512_storeu_pd,
    add _mm512_add_pd, sub _mm512_sub_pd, mul _mm512_mul_pd, div _mm512_div_pd, fma _mm512_fmadd_pd,
    sqrt _mm512_sqrt_pd, max _mm512_max_pd, min _mm512_min_pd,
    partial_load |p, n| _mm512_maskz_loadu_pd(((1u32 << n) - 1) as u8, p),
    partial_store |p, n, v| _mm512_mask_storeu_pd(p, ((1u32 << n) - 1) as u8, v),
    neg |v| _mm512_castsi512_pd(_mm512_xor_epi64(_mm512_castpd_si512(v), _mm512_set1_epi64(i64::MIN))),
    abs |v| _mm512_abs_pd(v),
    round |v| _mm512_roundscale_pd::<0>(v),
    select_lt |a, b, x, y| _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b), y, x),
    exp2 |v| _mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_castpd_si512(
        _mm512_add_pd(v, _mm512_set1_pd(6_755_399_441_055_744.0 + 1023.0))))),
    significand |v| {
        let bits = _mm512_castpd_si512(v);
        let fraction = _mm512_and_epi64(bits, _mm512_set1_epi64(0x000f_ffff_ffff_ffff));
        let s = _mm512_castsi512_pd(_mm512_or_epi64(fraction, _mm512_set1_epi64(0x3ff0_0000_0000_0000)));
        let e = _mm512_or_epi64(_mm512_srli_epi64::<52>(bits), _mm512_set1_epi64(0x4330_0000_0000_0000));
        (s, _mm512_sub_pd(_mm512_castsi512_pd(e), _mm512_set1_pd(4_503_599_627_370_496.0 + 1023.0)))
    }
}

vector! {
    /// Eight `f32` lanes.
    F32x8(__m256) of 8 f32, half Self;
    set1 _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps,
    add _mm256_add_ps, sub _mm256_sub_ps, mul _mm256_mul_ps, div _mm256_div_ps, fma _mm256_fmadd_ps,
    sqrt _mm256_sqrt_ps, max _mm256_max_ps, min _mm256_min_ps,
    partial_load |p, n| _mm256_maskload_ps(p, mask_32(n)),
    partial_store |p, n, v| _mm256_maskstore_ps(p, mask_32(n), v),
    neg |v| _mm256_xor_ps(v, _mm256_set1_ps(-0.0)),
    abs |v| _mm256_andnot_ps(_mm256_set1_ps(-0.0), v),
    round |v| _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v),
    select_lt |a, b, x, y| _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)),
    exp2 |v| _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(
        _mm256_add_ps(v, _mm256_set1_ps(12_582_912.0 + 127.0))))),
    significand |v| {
        let bits = _mm256_castps_si256(v);
        let fraction = _mm256_and_si256(bits, _mm256_set1_epi32(0x007f_ffff));
        let s = _mm256_castsi256_ps(_mm256_or_si256(fraction, _mm256_set1_epi32(0x3f80_0000)));
        let e = _mm256_or_si256(_mm256_srli_epi32::<23>(bits), _mm256_set1_epi32(0x4b00_0000));
        (s, _mm256_sub_ps(_mm256_castsi256_ps(e), _mm256_set1_ps(8_388_608.0 + 127.0)))
    }
}

vector! {
    /// Four `f64` lanes.
    F64x4(__m256d) of 4 f64, half Self;
    set1 _mm256_set1_pd, load _mm256_loadu_pd, store _mm256_storeu_pd,
    add _mm256_add_pd, sub _mm256_sub_pd, mul _mm256_mul_pd, div _mm256_div_pd, fma _mm256_fmadd_pd,
    sqrt _mm256_sqrt_pd, max _mm256_max_pd, min _mm256_min_pd,
    partial_load |p, n| _mm256_maskload_pd(p, mask_64(n)),
    partial_store |p, n, v| _mm256_maskstore_pd(p, mask_64(n), v),
    neg |v| _mm256_xor_pd(v, _mm256_set1_pd(-0.0)),
    abs |v| _mm256_andnot_pd(_mm256_set1_pd(-0.0), v),
    round |v| _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v),
    select_lt |a, b, x, y| _mm256_blendv_pd(y, x, _mm256_cmp_pd::<_CMP_LT_OQ>(a, b)),
    exp2 |v| _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(
        _mm256_add_pd(v, _mm256_set1_pd(6_755_399_441_055_744.0 + 1023.0))))),
    significand |v| {
        let bits = _mm256_castpd_si256(v);
        let fraction = _mm256_and_si256(bits, _mm256_set1_epi64x(0x000f_ffff_ffff_ffff));
        let s = _mm256_castsi256_pd(_mm256_or_si256(fraction, _mm256_set1_epi64x(0x3ff0_0000_0000_0000)));
        let e = _mm256_or_si256(_mm256_srli_epi64::<52>(bits), _mm256_set1_epi64x(0x4330_0000_0000_0000));
        (s, _mm256_sub_pd(_mm256_castsi256_pd(e), _mm256_set1_pd(4_503_599_627_370_496.0 + 1023.0)))
    }
}
