//! Exponential, logarithm, and the softplus family built on them.

use super::coefficients::{ATANH, EXP, LN_2_LOW};
use super::polynomial::{Constant, splat};
use crate::Scalar;
use crate::simd::Vector;

/// ln 2 rounded to the type; `LN_2_LOW` is the rest.
const LN_2: Constant = Constant { single: std::f32::consts::LN_2, double: std::f64::consts::LN_2 };

/// Arguments at which the exponential is certain to have rounded to 0 or overflowed to infinity. Beyond them the
/// exponent would not fit the two steps in which [`exp`] applies it.
const EXP_ZERO: Constant = Constant { single: -104.0, double: -746.0 };
const EXP_INFINITE: Constant = Constant { single: 89.0, double: 710.0 };

/// 2ᵏ that makes every subnormal number normal, and k.
const SUBNORMAL_SCALE: Constant = Constant { single: 16_777_216.0, double: 18_014_398_509_481_984.0 };
const SUBNORMAL_BITS: Constant = Constant { single: 24.0, double: 54.0 };

/// eˣ.
///
/// Within 1 ulp. Underflow is gradual (subnormal results are rounded once); overflow gives infinity.
///
/// Source: x = n·ln 2 + r with |r| ≤ ½·ln 2, n·ln 2 subtracted in two parts (W. J. Cody and W. Waite, *Software
/// Manual for the Elementary Functions*, 1980), then a polynomial in r.
#[inline(always)]
pub fn exp<T: Scalar, V: Vector<T>>(x: V) -> V {
    let (low, high) = (EXP_ZERO.splat::<T, V>(), EXP_INFINITE.splat::<T, V>());
    // Written so that NaN, which compares as false, stays.
    let x = V::select_lt(x, low, low, x);
    let x = V::select_lt(high, x, high, x);

    let n = (x * splat(std::f64::consts::LOG2_E)).round();
    // The first step is exact: both operands are multiples of the last bit of ln 2, and the result is small.
    let r = (-n).mul_add(LN_2.splat::<T, V>(), x);
    let r = (-n).mul_add(LN_2_LOW.splat::<T, V>(), r);
    let p = (r * r).mul_add(EXP.at::<T, V>(r), r) + splat(1.0);

    // 2ⁿ itself may be no normal number; its two halves always are. The first product is exact.
    let half = (n * splat(0.5)).round();
    p * half.exp2_integral() * (n - half).exp2_integral()
}

/// `(f, e)` with x = (1 + f)·2ᵉ and √½ ≤ 1 + f < √2, for positive normal lanes; finite nonsense for others.
#[inline(always)]
pub(super) fn split<T: Scalar, V: Vector<T>>(x: V) -> (V, V) {
    let (s, e) = x.significand_exponent();
    let root = splat::<T, V>(std::f64::consts::SQRT_2);
    let one = splat::<T, V>(1.0);
    (V::select_lt(s, root, s, s * splat(0.5)) - one, V::select_lt(s, root, e, e + one))
}

/// ln(1 + f) + e·ln 2 for −½ ≤ f ≤ 1 and integral e, accurate relative to the result where e = 0.
///
/// ln(1 + f) = 2·atanh(s), s = f/(2 + f), rearranged so that the leading term is f itself and the division rounds
/// only a correction: f − f²/2 + s·(f²/2 + s²·P(s²)). Source: FreeBSD msun, `e_log.c`.
#[inline(always)]
pub(super) fn ln_of_split<T: Scalar, V: Vector<T>>(f: V, e: V) -> V {
    let s = f / (f + splat(2.0));
    let z = s * s;
    let half_square = f * f * splat(0.5);
    let inner = z.mul_add(ATANH.at::<T, V>(z), half_square);
    let correction = s.mul_add(inner, e * LN_2_LOW.splat::<T, V>()) - half_square;
    e.mul_add(LN_2.splat::<T, V>(), f + correction)
}

/// Puts the logarithm's special values over `result`: −∞ at 0, NaN below 0, ∞ at ∞ and NaN at NaN.
#[inline(always)]
fn with_special_values<T: Scalar, V: Vector<T>>(x: V, result: V) -> V {
    let zero = splat::<T, V>(0.0);
    let not_positive = V::select_lt(x, zero, splat(f64::NAN), V::splat(T::NEG_INFINITY));
    let result = V::select_lt(zero, x, result, not_positive);
    V::select_lt(x, V::splat(T::INFINITY), result, x)
}

/// Natural logarithm.
///
/// Within 2 ulp, subnormal arguments included. ln 0 = −∞; NaN for negative arguments.
#[inline(always)]
pub fn ln<T: Scalar, V: Vector<T>>(x: V) -> V {
    let tiny = V::splat(T::MIN_POSITIVE);
    let (f, e) = split(V::select_lt(x, tiny, x * SUBNORMAL_SCALE.splat::<T, V>(), x));
    let e = V::select_lt(x, tiny, e - SUBNORMAL_BITS.splat::<T, V>(), e);
    with_special_values(x, ln_of_split(f, e))
}

/// ln(1 + x), accurate relative to the result however small x is.
///
/// log1p(−1) = −∞; NaN for arguments below −1.
#[inline(always)]
pub fn log1p<T: Scalar, V: Vector<T>>(x: V) -> V {
    // Below −½ the sum is exact; above 1 its rounding error is below the logarithm's own.
    let sum = x + splat(1.0);
    let (f, e) = split(sum);
    let (low, high) = (splat::<T, V>(-0.5), splat::<T, V>(1.0));
    let f = V::select_lt(x, low, f, V::select_lt(high, x, f, x));
    let e = V::select_lt(x, low, e, V::select_lt(high, x, e, splat(0.0)));
    let result = ln_of_split(f, e);
    with_special_values(sum, result)
}

/// ln(1 + eˣ) = max(x, 0) + log1p(e^−|x|).
#[inline(always)]
pub fn softplus<T: Scalar, V: Vector<T>>(x: V) -> V {
    x.max(splat(0.0)) + ln_of_split(exp(-x.abs()), splat(0.0))
}

/// Logistic function 1/(1 + e^−x), the derivative of [`softplus`]; accurate relative to the result in the lower tail.
#[inline(always)]
pub fn sigmoid<T: Scalar, V: Vector<T>>(x: V) -> V {
    let e = exp(-x.abs());
    V::select_lt(x, splat(0.0), e, splat(1.0)) / (e + splat(1.0))
}

/// ln of the logistic function, −softplus(−x).
#[inline(always)]
pub fn log_sigmoid<T: Scalar, V: Vector<T>>(x: V) -> V {
    -softplus(-x)
}
