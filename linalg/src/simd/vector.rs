//! What a vector can do, and computations that are written for vectors of any width.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A register of [`LANES`](Vector::LANES) values of type `T`, with element-wise arithmetic.
///
/// `min`, `max` and comparisons treat NaN as the hardware does: a kernel that must pass NaN on does so by
/// arithmetic, not by comparison.
pub trait Vector<T>:
    sealed::Sealed
    + Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Number of lanes.
    const LANES: usize;

    /// Vectors of half the lanes, where the processor is done with them sooner; elsewhere these vectors themselves.
    type Half: Vector<T>;

    /// All lanes equal to `x`.
    fn splat(x: T) -> Self;

    /// The first `LANES` values of `src`. Panics if there are fewer.
    fn load(src: &[T]) -> Self;

    /// Up to `LANES` values from `src`; lanes past its end are zero.
    fn load_partial(src: &[T]) -> Self;

    /// Writes all lanes to the start of `dst`. Panics if it is shorter.
    fn store(self, dst: &mut [T]);

    /// Writes the first `min(LANES, dst.len())` lanes to `dst`.
    fn store_partial(self, dst: &mut [T]);

    /// As [`load`](Vector::load), from a pointer.
    ///
    /// # Safety
    /// `src` must be valid for reading `LANES` values.
    unsafe fn load_ptr(src: *const T) -> Self;

    /// The first `count` lanes from a pointer, the others zero; `count <= LANES`.
    ///
    /// # Safety
    /// `src` must be valid for reading `count` values.
    unsafe fn load_ptr_partial(src: *const T, count: usize) -> Self;

    /// As [`store`](Vector::store), to a pointer.
    ///
    /// # Safety
    /// `dst` must be valid for writing `LANES` values.
    unsafe fn store_ptr(self, dst: *mut T);

    /// The first `count` lanes to a pointer; `count <= LANES`.
    ///
    /// # Safety
    /// `dst` must be valid for writing `count` values.
    unsafe fn store_ptr_partial(self, dst: *mut T, count: usize);

    /// `self · b + c` with one rounding.
    fn mul_add(self, b: Self, c: Self) -> Self;

    /// Square root.
    fn sqrt(self) -> Self;

    /// Absolute value.
    fn abs(self) -> Self;

    /// The larger of the two, lane by lane.
    fn max(self, other: Self) -> Self;

    /// The smaller of the two, lane by lane.
    fn min(self, other: Self) -> Self;

    /// Nearest integer, ties to even.
    fn round(self) -> Self;

    /// `x` in the lanes where `a < b`, `y` in the others (and where either is NaN).
    fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self;

    /// 2ⁿ for lanes that hold an integer n whose power is a normal number.
    fn exp2_integral(self) -> Self;

    /// `(s, e)` with self = s·2ᵉ and 1 ≤ s < 2, for positive normal lanes.
    fn significand_exponent(self) -> (Self, Self);

    /// Sum of the lanes, in a fixed order.
    fn sum(self) -> T;

    /// Largest lane.
    fn maximum(self) -> T;
}

/// A computation written for any vector width: its arguments are the fields, its body is [`run`](Kernel::run).
pub trait Kernel<T> {
    /// What the computation returns.
    type Output;

    /// The computation. Implementations must be `#[inline(always)]`, as must whatever they call in their inner
    /// loops: only then is it compiled for the instruction set that `V` needs.
    fn run<V: Vector<T>>(self) -> Self::Output;
}

/// Lanes of the widest vector: what a buffer for any vector's lanes needs.
pub const MAX_LANES: usize = 16;

pub(super) mod sealed {
    /// Keeps `Vector` to the types of this module.
    pub trait Sealed {}
}
