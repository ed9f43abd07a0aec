//! Polynomials and constants that have one set of digits for `f32` and another for `f64`.

use crate::Scalar;
use crate::simd::Vector;

/// Whether `T` is `f32`. Known at compile time, so that only one of the two branches remains.
#[inline(always)]
const fn is_single<T>() -> bool {
    size_of::<T>() == 4
}

/// A number rounded to each of the two types.
pub(super) struct Constant {
    pub(super) single: f32,
    pub(super) double: f64,
}

impl Constant {
    /// The number in all lanes.
    #[inline(always)]
    pub(super) fn splat<T: Scalar, V: Vector<T>>(&self) -> V {
        splat::<T, V>(if is_single::<T>() { f64::from(self.single) } else { self.double })
    }
}

/// A polynomial with `N` coefficients for `f32` and `M` for `f64`, from the highest power down.
pub(super) struct Polynomial<const N: usize, const M: usize> {
    pub(super) single: [f32; N],
    pub(super) double: [f64; M],
}

impl<const N: usize, const M: usize> Polynomial<N, M> {
    /// The value at `x`, by Horner's rule with fused multiply-adds.
    #[inline(always)]
    pub(super) fn at<T: Scalar, V: Vector<T>>(&self, x: V) -> V {
        let degree = if is_single::<T>() { N - 1 } else { M - 1 };
        let mut sum = self.coefficient::<T, V>(0);
        // A plain loop rather than a fold: the compiler may leave a fold uninlined, and so without vector instructions.
        for i in 1..=degree {
            sum = sum.mul_add(x, self.coefficient::<T, V>(i));
        }
        sum
    }

    #[inline(always)]
    fn coefficient<T: Scalar, V: Vector<T>>(&self, i: usize) -> V {
        splat::<T, V>(if is_single::<T>() { f64::from(self.single[i]) } else { self.double[i] })
    }
}

/// The number in all lanes.
#[inline(always)]
pub(super) fn splat<T: Scalar, V: Vector<T>>(x: f64) -> V {
    V::splat(T::from_f64(x))
}
