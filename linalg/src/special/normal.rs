//! The standard normal distribution: density, distribution function Φ, and ln Φ.
//!
//! All of them rest on the scaled tail Φ(−a)·exp(a²/2), which falls only like 1/a, so that nothing underflows
//! before the result does.

use super::coefficients::{TAIL, TAIL_CENTRE};
use super::exponential::{exp, ln_of_split, split};
use super::polynomial::{Constant, splat};
use crate::Scalar;
use crate::simd::Vector;

/// ½·ln 2π: minus the log density of the standard normal at 0.
pub const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// 1/√2π, the density at 0.
const DENSITY_AT_ZERO: f64 = 0.398_942_280_401_432_7;

/// Distance from 0 beyond which the density is certain to have rounded to 0.
const DENSITY_ZERO: Constant = Constant { single: 15.0, double: 40.0 };

/// Φ(−a)·exp(a²/2) for a ≥ 0.
#[inline(always)]
fn scaled_tail<T: Scalar, V: Vector<T>>(a: V) -> V {
    let w = splat::<T, V>(1.0) / (a + splat(TAIL_CENTRE));
    // (a − c)/(a + c), which would be NaN at infinity as written.
    let t = w.mul_add(splat(-2.0 * TAIL_CENTRE), splat(1.0));
    TAIL.at::<T, V>(t) * w
}

/// exp(−a²/2) for a ≥ 0. The rounding error of a², by which large arguments would lose digits, is put back.
#[inline(always)]
fn exp_minus_half_square<T: Scalar, V: Vector<T>>(a: V) -> V {
    let limit = DENSITY_ZERO.splat::<T, V>();
    let a = V::select_lt(limit, a, limit, a);
    let square = a * a;
    let error = a.mul_add(a, -square);
    let e = exp(square * splat(-0.5));
    e.mul_add(error * splat(-0.5), e)
}

/// Density of the standard normal, exp(−x²/2)/√2π.
#[inline(always)]
pub fn normal_pdf<T: Scalar, V: Vector<T>>(x: V) -> V {
    exp_minus_half_square(x.abs()) * splat(DENSITY_AT_ZERO)
}

/// Distribution function Φ of the standard normal, accurate relative to the result in the lower tail.
#[inline(always)]
pub fn ndtr<T: Scalar, V: Vector<T>>(x: V) -> V {
    let a = x.abs();
    let tail = scaled_tail(a) * exp_minus_half_square(a);
    V::select_lt(x, splat(0.0), tail, splat::<T, V>(1.0) - tail)
}

/// ln Φ, accurate relative to the result in both tails.
///
/// For x < 0 it is −x²/2 + ln of the scaled tail, two terms of the same sign; for x ≥ 0 it is log1p(−Φ(−x)).
#[inline(always)]
pub fn log_ndtr<T: Scalar, V: Vector<T>>(x: V) -> V {
    log_ndtr_and_slope(x).0
}

/// ln Φ(x) and its derivative φ(x)/Φ(x), which share most of their work.
///
/// The slope grows like −x in the lower tail and falls like the density in the upper one.
#[inline(always)]
pub fn log_ndtr_and_slope<T: Scalar, V: Vector<T>>(x: V) -> (V, V) {
    let (zero, one) = (splat::<T, V>(0.0), splat::<T, V>(1.0));
    let a = x.abs();
    let scaled = scaled_tail(a);
    let e = exp_minus_half_square(a);
    let tail = scaled * e;

    // One logarithm serves both sides: of the scaled tail on the left, of 1 − Φ(−x) on the right.
    let (f, exponent) = split(scaled);
    let f = V::select_lt(x, zero, f, -tail);
    let logarithm = ln_of_split(f, V::select_lt(x, zero, exponent, zero));
    let half_square = a * splat(0.5) * a;
    let value = V::select_lt(x, zero, logarithm - half_square, logarithm);

    let numerator = V::select_lt(x, zero, one, e) * splat(DENSITY_AT_ZERO);
    let slope = numerator / V::select_lt(x, zero, scaled, one - tail);
    (value, slope)
}
