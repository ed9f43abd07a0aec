//! 128-bit vectors as plain arrays.
//!
//! On aarch64, where 128-bit vectors with fused multiply-add belong to every processor, the compiler turns each of
//! these loops into one instruction. They run on any processor, so that tests cover them everywhere.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Vector;
use super::vector::sealed;

macro_rules! array {
    ($(#[$doc:meta])* $name:ident of $lanes:literal $t:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(super) struct $name([$t; $lanes]);

        impl $name {
            #[inline(always)]
            fn map(self, f: impl Fn($t) -> $t) -> Self {
                Self(std::array::from_fn(|i| f(self.0[i])))
            }
            #[inline(always)]
            fn zip(self, other: Self, f: impl Fn($t, $t) -> $t) -> Self {
                Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
            }
        }

        impl sealed::Sealed for $name {}

        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.zip(other, |a, b| a + b)
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.zip(other, |a, b| a - b)
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.zip(other, |a, b| a * b)
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                self.zip(other, |a, b| a / b)
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                self.map(|a| -a)
            }
        }

        impl Vector<$t> for $name {
            const LANES: usize = $lanes;
            type Half = Self;

            #[inline(always)]
            fn splat(x: $t) -> Self {
                Self([x; $lanes])
            }
            #[inline(always)]
            fn load(src: &[$t]) -> Self {
                Self(std::array::from_fn(|i| src[..$lanes][i]))
            }
            #[inline(always)]
            fn load_partial(src: &[$t]) -> Self {
                Self(std::array::from_fn(|i| src.get(i).copied().unwrap_or(0.0)))
            }
            #[inline(always)]
            fn store(self, dst: &mut [$t]) {
                dst[..$lanes].copy_from_slice(&self.0);
            }
            #[inline(always)]
            fn store_partial(self, dst: &mut [$t]) {
                let count = dst.len().min($lanes);
                dst[..count].copy_from_slice(&self.0[..count]);
            }
            #[inline(always)]
            unsafe fn load_ptr(src: *const $t) -> Self {
                // SAFETY: the caller answers for LANES readable values; an array needs no more alignment than its
                // elements.
                Self(unsafe { src.cast::<[$t; $lanes]>().read() })
            }
            #[inline(always)]
            unsafe fn load_ptr_partial(src: *const $t, count: usize) -> Self {
                // SAFETY: the caller answers for `count` readable values.
                Self::load_partial(unsafe { std::slice::from_raw_parts(src, count) })
            }
            #[inline(always)]
            unsafe fn store_ptr(self, dst: *mut $t) {
                // SAFETY: the caller answers for LANES writable values.
                unsafe { dst.cast::<[$t; $lanes]>().write(self.0) }
            }
            #[inline(always)]
            unsafe fn store_ptr_partial(self, dst: *mut $t, count: usize) {
                // SAFETY: the caller answers for `count` writable values.
                self.store_partial(unsafe { std::slice::from_raw_parts_mut(dst, count) })
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                Self(std::array::from_fn(|i| <$t>::mul_add(self.0[i], b.0[i], c.0[i])))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.map(<$t>::sqrt)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.map(<$t>::abs)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                self.zip(other, |a, b| if a > b { a } else { b })
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                self.zip(other, |a, b| if a < b { a } else { b })
            }
            #[inline(always)]
            fn round(self) -> Self {
                self.map(<$t>::round_ties_even)
            }
            #[inline(always)]
            fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self {
                Self(std::array::from_fn(|i| if a.0[i] < b.0[i] { x.0[i] } else { y.0[i] }))
            }
            #[inline(always)]
            fn exp2_integral(self) -> Self {
                self.map(|n| n.exp2_integral())
            }
            #[inline(always)]
            fn significand_exponent(self) -> (Self, Self) {
                (self.map(|x| x.significand_exponent().0), self.map(|x| x.significand_exponent().1))
            }
            #[inline(always)]
            fn sum(self) -> $t {
                let mut lanes = self.0;
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
                let mut best = self.0[0];
                for x in &self.0[1..] {
                    best = if *x > best { *x } else { best };
                }
                best
            }
        }
    };
}

array! {
    /// Four `f32` lanes.
    F32x4 of 4 f32
}
array! {
    /// Two `f64` lanes.
    F64x2 of 2 f64
}
