//! The two floating-point types that everything is generic over.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, DivAssign, MulAssign, SubAssign};

use crate::simd::Vector;
use crate::simd::levels::Levels;

/// `f32` (training) or `f64` (verification).
///
/// A scalar is itself a one-lane [`Vector`], so every special function of this crate applies to it.
pub trait Scalar:
    Vector<Self>
    + Levels
    + Debug
    + Display
    + Default
    + PartialEq
    + PartialOrd
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
    + Send
    + Sync
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// ½.
    const HALF: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// Distance from 1 to the next number.
    const EPSILON: Self;
    /// Smallest positive normal number.
    const MIN_POSITIVE: Self;
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// Nearest value of this type.
    fn from_f64(x: f64) -> Self;
    /// The value in double precision (exact).
    fn to_f64(self) -> f64;
    /// Nearest value of this type.
    fn from_usize(n: usize) -> Self {
        Self::from_f64(n as f64)
    }
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// *C* ← α·*A*·*B* + β·*C* by the portable matrix product (see [`crate::gemm`]).
    ///
    /// # Safety
    /// Every element that the sizes and strides address must be valid: readable in *A* and *B*, readable and
    /// writable in *C*, whose elements must be distinct and overlap neither *A* nor *B*.
    unsafe fn portable_gemm(
        size: (usize, usize, usize),
        alpha: Self,
        a: (*const Self, isize, isize),
        b: (*const Self, isize, isize),
        beta: Self,
        c: (*mut Self, isize, isize),
    );
}

macro_rules! scalar {
    ($t:ty, $name:literal, $gemm:path) => {
        impl Scalar for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const HALF: Self = 0.5;
            const INFINITY: Self = <$t>::INFINITY;
            const NEG_INFINITY: Self = <$t>::NEG_INFINITY;
            const EPSILON: Self = <$t>::EPSILON;
            const MIN_POSITIVE: Self = <$t>::MIN_POSITIVE;
            const NAME: &'static str = $name;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                <$t>::is_finite(self)
            }
            unsafe fn portable_gemm(
                (m, k, n): (usize, usize, usize),
                alpha: Self,
                a: (*const Self, isize, isize),
                b: (*const Self, isize, isize),
                beta: Self,
                c: (*mut Self, isize, isize),
            ) {
                // SAFETY: the caller's obligations are those of the called function.
                unsafe { $gemm(m, k, n, alpha, a.0, a.1, a.2, b.0, b.1, b.2, beta, c.0, c.1, c.2) }
            }
        }
    };
}

scalar!(f32, "f32", matrixmultiply::sgemm);
scalar!(f64, "f64", matrixmultiply::dgemm);
