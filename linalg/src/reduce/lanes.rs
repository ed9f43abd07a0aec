//! The reductions at a width that the surrounding [`Kernel`] chooses.

use crate::Scalar;
use crate::simd::{Kernel, MAX_LANES, Vector};
use crate::special::{Elementwise, Map, exp, ln};

/// Independent accumulators of a sum: enough to hide the latency of an addition.
const ACCUMULATORS: usize = 4;

/// The terms of a sum, a block of up to `LANES` at a time.
///
/// A trait rather than a closure: a closure cannot be forced inline, and what is not inlined is compiled without the
/// vector instructions.
trait Terms<T: Scalar>: Copy {
    /// Number of terms.
    fn count(self) -> usize;
    /// `sum` plus the `length <= LANES` terms from `start` on, each in a lane of its own.
    fn add<V: Vector<T>>(self, start: usize, length: usize, sum: V) -> V;
}

/// The sum of all terms.
#[inline(always)]
fn total<T: Scalar, V: Vector<T>>(terms: impl Terms<T>) -> T {
    let count = terms.count();
    let mut sums = [V::splat(T::ZERO); ACCUMULATORS];
    let stride = ACCUMULATORS * V::LANES;
    let whole = count - count % stride;
    for start in (0..whole).step_by(stride) {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = terms.add(start + i * V::LANES, V::LANES, *sum);
        }
    }
    for (sum, start) in sums.iter_mut().zip((whole..count).step_by(V::LANES)) {
        *sum = terms.add(start, V::LANES.min(count - start), *sum);
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum()
}

/// `length <= LANES` values of `x` from `start` on, the other lanes zero.
#[inline(always)]
fn block<T: Scalar, V: Vector<T>>(x: &[T], start: usize, length: usize) -> V {
    let x = &x[start..start + length];
    if length == V::LANES { V::load(x) } else { V::load_partial(x) }
}

/// Zeros, then as many −∞: a window into it is what makes the lanes past the end of a block −∞.
struct Padding<T>(T);

impl<T: Scalar> Padding<T> {
    const VALUES: [T; 2 * MAX_LANES] = {
        let mut values = [T::NEG_INFINITY; 2 * MAX_LANES];
        let mut i = 0;
        while i < MAX_LANES {
            values[i] = T::ZERO;
            i += 1;
        }
        values
    };
}

/// As [`block`], the other lanes −∞.
#[inline(always)]
fn block_of_logs<T: Scalar, V: Vector<T>>(x: &[T], start: usize, length: usize) -> V {
    let x = &x[start..start + length];
    if length == V::LANES {
        V::load(x)
    } else {
        V::load_partial(x) + V::load(&Padding::<T>::VALUES[MAX_LANES - length..])
    }
}

/// xᵢ.
#[derive(Clone, Copy)]
struct Values<'a, T>(&'a [T]);

impl<T: Scalar> Terms<T> for Values<'_, T> {
    #[inline(always)]
    fn count(self) -> usize {
        self.0.len()
    }
    #[inline(always)]
    fn add<V: Vector<T>>(self, start: usize, length: usize, sum: V) -> V {
        sum + block(self.0, start, length)
    }
}

/// xᵢ·yᵢ.
#[derive(Clone, Copy)]
struct Products<'a, T>(&'a [T], &'a [T]);

impl<T: Scalar> Terms<T> for Products<'_, T> {
    #[inline(always)]
    fn count(self) -> usize {
        self.0.len().min(self.1.len())
    }
    #[inline(always)]
    fn add<V: Vector<T>>(self, start: usize, length: usize, sum: V) -> V {
        block::<T, V>(self.0, start, length).mul_add(block(self.1, start, length), sum)
    }
}

/// exp(xᵢ − shift).
#[derive(Clone, Copy)]
struct Exponentials<'a, T> {
    x: &'a [T],
    shift: T,
}

impl<T: Scalar> Terms<T> for Exponentials<'_, T> {
    #[inline(always)]
    fn count(self) -> usize {
        self.x.len()
    }
    #[inline(always)]
    fn add<V: Vector<T>>(self, start: usize, length: usize, sum: V) -> V {
        sum + exp(block_of_logs::<T, V>(self.x, start, length) - V::splat(self.shift))
    }
}

/// 0 for numbers, infinities included; NaN for NaN, which compares above and below nothing.
#[derive(Clone, Copy)]
struct Poison<'a, T>(&'a [T]);

impl<T: Scalar> Terms<T> for Poison<'_, T> {
    #[inline(always)]
    fn count(self) -> usize {
        self.0.len()
    }
    #[inline(always)]
    fn add<V: Vector<T>>(self, start: usize, length: usize, sum: V) -> V {
        let x = block(self.0, start, length);
        let (zero, nan) = (V::splat(T::ZERO), V::splat(T::from_f64(f64::NAN)));
        let not_low = V::select_lt(x, V::splat(T::INFINITY), zero, nan);
        sum + V::select_lt(V::splat(T::NEG_INFINITY), x, zero, not_low)
    }
}

/// Σᵢ xᵢ.
#[inline(always)]
pub fn sum<T: Scalar, V: Vector<T>>(x: &[T]) -> T {
    total::<T, V>(Values(x))
}

/// Σᵢ xᵢ·yᵢ, of as many elements as the shorter has.
#[inline(always)]
pub fn dot<T: Scalar, V: Vector<T>>(x: &[T], y: &[T]) -> T {
    total::<T, V>(Products(x, y))
}

/// Largest element that is not NaN; −∞ if there is none.
#[inline(always)]
fn largest<T: Scalar, V: Vector<T>>(x: &[T]) -> T {
    let mut best = V::splat(T::NEG_INFINITY);
    for start in (0..x.len()).step_by(V::LANES) {
        let x = block_of_logs(x, start, V::LANES.min(x.len() - start));
        best = V::select_lt(best, x, x, best);
    }
    best.maximum()
}

/// Largest element; −∞ if there is none, NaN if one is NaN.
#[inline(always)]
pub fn max<T: Scalar, V: Vector<T>>(x: &[T]) -> T {
    largest::<T, V>(x) + total::<T, V>(Poison(x))
}

/// `(m, Σᵢ exp(xᵢ − m))` with m the largest element, or 0 where that is infinite.
#[inline(always)]
fn scaled_exponential_sum<T: Scalar, V: Vector<T>>(x: &[T]) -> (T, T) {
    let largest = largest::<T, V>(x);
    let shift = if largest.is_finite() { largest } else { T::ZERO };
    (shift, total::<T, V>(Exponentials { x, shift }))
}

/// ln Σᵢ exp(xᵢ); see [`log_sum_exp`](super::log_sum_exp).
#[inline(always)]
pub fn log_sum_exp<T: Scalar, V: Vector<T>>(x: &[T]) -> T {
    let (shift, total) = scaled_exponential_sum::<T, V>(x);
    shift + ln_by_lanes::<T, V>(total)
}

/// The logarithm of one number. Computed in a vector, because the scalar code has no fused multiply-add instruction
/// unless the whole program was compiled for one.
#[inline(always)]
fn ln_by_lanes<T: Scalar, V: Vector<T>>(x: T) -> T {
    let mut first = [T::ZERO];
    ln(V::splat(x)).store_partial(&mut first);
    first[0]
}

/// (xᵢ − shift) − `log_total`: the difference from the largest element first, exact where the result is near zero.
struct LogSoftmax<T> {
    shift: T,
    log_total: T,
}

impl<T: Scalar> Elementwise<T> for LogSoftmax<T> {
    #[inline(always)]
    fn apply<V: Vector<T>>(&self, x: V) -> V {
        (x - V::splat(self.shift)) - V::splat(self.log_total)
    }
}

/// `out[i]` ← xᵢ − ln Σⱼ exp(xⱼ), for slices of the same length; see [`log_softmax`](super::log_softmax).
#[inline(always)]
pub fn log_softmax<T: Scalar, V: Vector<T>>(x: &[T], out: &mut [T]) {
    let (shift, total) = scaled_exponential_sum::<T, V>(x);
    Map { f: LogSoftmax { shift, log_total: ln_by_lanes::<T, V>(total) }, x, out }.run::<V>();
}

/// exp(xᵢ − shift) / total.
struct Softmax<T> {
    shift: T,
    total: T,
}

impl<T: Scalar> Elementwise<T> for Softmax<T> {
    #[inline(always)]
    fn apply<V: Vector<T>>(&self, x: V) -> V {
        exp(x - V::splat(self.shift)) / V::splat(self.total)
    }
}

/// `out[i]` ← exp(xᵢ) / Σⱼ exp(xⱼ), for slices of the same length; see [`softmax`](super::softmax).
#[inline(always)]
pub fn softmax<T: Scalar, V: Vector<T>>(x: &[T], out: &mut [T]) {
    let (shift, total) = scaled_exponential_sum::<T, V>(x);
    Map { f: Softmax { shift, total }, x, out }.run::<V>();
}
