//! Sums, maxima and log-sum-exps in a fixed order.
//!
//! The order of a reduction depends on its length and on the width of the vectors ([`crate::simd::level`]) and on
//! nothing else: the same data give the same bits in any thread and in any call. The functions on slices choose
//! the width at run time; those in [`lanes`] are for use inside other kernels.

mod columns;
pub mod lanes;

pub use columns::{add_column_sums, gate_and_add_column_sums};

use crate::Scalar;
use crate::simd::{Kernel, Vector, dispatch};

/// Defines the kernel of a slice function and runs it: `run!(T, (x: &[T], …) -> Output, body)`.
macro_rules! run {
    ($t:ident, $v:ident, ($($field:ident: $type:ty),*) -> $output:ty, $body:expr) => {{
        struct Run<'a, $t> {
            $($field: $type),*
        }
        impl<$t: Scalar> Kernel<$t> for Run<'_, $t> {
            type Output = $output;
            #[inline(always)]
            fn run<$v: Vector<$t>>(self) -> $output {
                let Run { $($field),* } = self;
                $body
            }
        }
        dispatch(Run { $($field),* })
    }};
}

/// Σᵢ xᵢ; 0 for no elements.
pub fn sum<T: Scalar>(x: &[T]) -> T {
    run!(T, V, (x: &'a [T]) -> T, lanes::sum::<T, V>(x))
}

/// Σᵢ xᵢ·yᵢ.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn dot<T: Scalar>(x: &[T], y: &[T]) -> T {
    assert_eq!(x.len(), y.len(), "dot: lengths {} and {}", x.len(), y.len());
    run!(T, V, (x: &'a [T], y: &'a [T]) -> T, lanes::dot::<T, V>(x, y))
}

/// Largest element; −∞ for no elements, NaN if one is NaN.
pub fn max<T: Scalar>(x: &[T]) -> T {
    run!(T, V, (x: &'a [T]) -> T, lanes::max::<T, V>(x))
}

/// Σᵢ xᵢ² in double precision, in the same order at every vector width.
pub fn sum_of_squares<T: Scalar>(x: &[T]) -> f64 {
    /// Partial sums: the lanes of two wide vectors.
    const LANES: usize = 16;
    run!(T, V, (x: &'a [T]) -> f64, {
        let square = |x: T| x.to_f64() * x.to_f64();
        let mut sums = [0.0; LANES];
        let blocks = x.chunks_exact(LANES);
        let tail: f64 = blocks.remainder().iter().map(|&x| square(x)).sum();
        for block in blocks {
            for (sum, &x) in sums.iter_mut().zip(block) {
                *sum += square(x);
            }
        }
        sums.iter().sum::<f64>() + tail
    })
}

/// ln Σᵢ exp(xᵢ), in nats, without overflow.
///
/// −∞ for no elements and where all are −∞; ∞ if one is ∞; NaN if one is NaN. Of one element, that element exactly.
pub fn log_sum_exp<T: Scalar>(x: &[T]) -> T {
    run!(T, V, (x: &'a [T]) -> T, lanes::log_sum_exp::<T, V>(x))
}

/// `out[i]` ← xᵢ − ln Σⱼ exp(xⱼ), the logarithm of [`softmax`].
///
/// NaN everywhere if an element is NaN; NaN or −∞ if one is ∞; NaN if all are −∞: there is then no distribution.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn log_softmax<T: Scalar>(x: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "log_softmax: input of length {}, output of length {}", x.len(), out.len());
    run!(T, V, (x: &'a [T], out: &'a mut [T]) -> (), lanes::log_softmax::<T, V>(x, out));
}

/// `out[i]` ← exp(xᵢ) / Σⱼ exp(xⱼ), without overflow.
///
/// NaN everywhere if an element is NaN; NaN or 0 if one is ∞; NaN if all are −∞: there is then no distribution.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn softmax<T: Scalar>(x: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "softmax: input of length {}, output of length {}", x.len(), out.len());
    run!(T, V, (x: &'a [T], out: &'a mut [T]) -> (), lanes::softmax::<T, V>(x, out));
}
