//! One-lane vectors: the scalars themselves.

use super::Vector;
use super::vector::sealed;

macro_rules! plain {
    ($t:ty, $bits:ty, $mantissa_bits:literal, $bias:literal) => {
        impl sealed::Sealed for $t {}

        impl Vector<$t> for $t {
            const LANES: usize = 1;
            type Half = Self;

            #[inline(always)]
            fn splat(x: $t) -> Self {
                x
            }
            #[inline(always)]
            fn load(src: &[$t]) -> Self {
                src[0]
            }
            #[inline(always)]
            fn load_partial(src: &[$t]) -> Self {
                src.first().copied().unwrap_or(0.0)
            }
            #[inline(always)]
            fn store(self, dst: &mut [$t]) {
                dst[0] = self;
            }
            #[inline(always)]
            fn store_partial(self, dst: &mut [$t]) {
                if let Some(first) = dst.first_mut() {
                    *first = self;
                }
            }
            #[inline(always)]
            unsafe fn load_ptr(src: *const $t) -> Self {
                // SAFETY: the caller answers for one readable value.
                unsafe { *src }
            }
            #[inline(always)]
            unsafe fn load_ptr_partial(src: *const $t, count: usize) -> Self {
                // SAFETY: the caller answers for `count` readable values.
                if count == 0 { 0.0 } else { unsafe { *src } }
            }
            #[inline(always)]
            unsafe fn store_ptr(self, dst: *mut $t) {
                // SAFETY: the caller answers for one writable value.
                unsafe { *dst = self }
            }
            #[inline(always)]
            unsafe fn store_ptr_partial(self, dst: *mut $t, count: usize) {
                if count > 0 {
                    // SAFETY: the caller answers for `count` writable values.
                    unsafe { *dst = self }
                }
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                <$t>::mul_add(self, b, c)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                if self < other { self } else { other }
            }
            #[inline(always)]
            fn round(self) -> Self {
                self.round_ties_even()
            }
            #[inline(always)]
            fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self {
                if a < b { x } else { y }
            }
            #[inline(always)]
            fn exp2_integral(self) -> Self {
                // Adding 1.5·2^mantissa puts n + bias into the low bits of the sum.
                let magic = (3u64 << ($mantissa_bits - 1)) as $t + $bias as $t;
                <$t>::from_bits((self + magic).to_bits() << $mantissa_bits)
            }
            #[inline(always)]
            fn significand_exponent(self) -> (Self, Self) {
                let bits = self.to_bits();
                let one = (1.0 as $t).to_bits();
                let fraction = bits & ((1 << $mantissa_bits) - 1);
                let exponent = (bits >> $mantissa_bits) as $t - $bias as $t;
                (<$t>::from_bits(fraction | one), exponent)
            }
            #[inline(always)]
            fn sum(self) -> $t {
                self
            }
            #[inline(always)]
            fn maximum(self) -> $t {
                self
            }
        }
    };
}

plain!(f32, u32, 23, 127);
plain!(f64, u64, 52, 1023i64);
