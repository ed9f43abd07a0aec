//! Vectors of floating-point lanes, and the run-time choice of their width.
//!
//! A kernel is written once, generic over [`Vector`], as the [`Kernel::run`] of a small struct that holds its arguments.
//! [`dispatch`] instantiates it for the widest vectors that the processor has and calls it inside a function
//! compiled for that instruction set. The one-lane vectors are `f32` and `f64` themselves, so that the same
//! code serves scalars, processors without a known instruction set, and Miri.
//!
//! The wide vector types are private to this module: outside it, a `Vector` other than a scalar is met only
//! inside a `Kernel::run`, where the processor is known to have it. That is what makes its safe methods sound.

mod array;
mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::OnceLock;

use thiserror::Error;

use crate::Scalar;

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

mod sealed {
    /// Keeps `Vector` to the types of this module.
    pub trait Sealed {}
}

/// A computation written for any vector width: its arguments are the fields, its body is [`run`](Kernel::run).
pub trait Kernel<T: Scalar> {
    /// What the computation returns.
    type Output;

    /// The computation. Implementations must be `#[inline(always)]`, as must whatever they call in their inner
    /// loops: only then is it compiled for the instruction set that `V` needs.
    fn run<V: Vector<T>>(self) -> Self::Output;
}

/// Lanes of the widest vector: what a buffer for any vector's lanes needs.
pub const MAX_LANES: usize = 16;

/// Instruction sets, from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One lane.
    Plain,
    /// 128-bit vectors: what every aarch64 processor has. They run on any processor, for tests.
    Neon,
    /// 256-bit vectors with fused multiply-add (x86-64).
    Avx2,
    /// 512-bit vectors (x86-64; F, VL, DQ, BW).
    Avx512,
}

impl Level {
    /// The name used by the environment variable `MISSVAE_SIMD` and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Level::Plain => "plain",
            Level::Neon => "neon",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }
}

/// What [`wish`] finds where the environment variable asks for a level that there is not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{VARIABLE}={wish}: expected one of {}", .levels.join(", "))]
pub struct NoSuchLevel {
    /// What was asked for.
    pub wish: String,
    /// What this processor has.
    pub levels: Vec<&'static str>,
}

/// The environment variable that asks for a lower level.
const VARIABLE: &str = "MISSVAE_SIMD";

/// The level that the environment variable `MISSVAE_SIMD` (`plain`, `neon`, `avx2`, `avx512`) asks for, if it is set.
///
/// # Errors
/// If there is no level of this name, or this processor does not have it.
pub fn wish() -> Result<Option<Level>, NoSuchLevel> {
    let Some(wish) = std::env::var_os(VARIABLE).filter(|wish| !wish.is_empty()) else { return Ok(None) };
    // Elsewhere 128-bit vectors are an imitation for tests.
    let real = |level: &Level| *level != Level::Neon || cfg!(target_arch = "aarch64");
    let levels = [Level::Plain, Level::Neon, Level::Avx2, Level::Avx512].into_iter();
    let levels = levels.filter(|level| *level <= detect() && real(level));
    match levels.clone().find(|level| wish == level.name()) {
        Some(level) => Ok(Some(level)),
        None => {
            Err(NoSuchLevel { wish: wish.to_string_lossy().into_owned(), levels: levels.map(Level::name).collect() })
        }
    }
}

/// The level that kernels run at: the lower one that [`wish`] finds, or else the widest that this processor has. It is fixed
/// at the first call.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| wish().ok().flatten().unwrap_or_else(detect))
}

fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        if avx2 && avx512 {
            return Level::Avx512;
        }
        if avx2 {
            return Level::Avx2;
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        return Level::Neon;
    }
    #[allow(unreachable_code)]
    Level::Plain
}

/// Runs `kernel` with the widest vectors that [`level`] allows.
#[inline]
pub fn dispatch<T: Scalar, K: Kernel<T>>(kernel: K) -> K::Output {
    dispatch_at(level(), kernel)
}

/// Runs `kernel` at a given level, for tests that compare levels.
///
/// # Panics
/// If the processor does not have that level.
#[inline]
pub fn dispatch_at<T: Scalar, K: Kernel<T>>(at: Level, kernel: K) -> K::Output {
    T::at_level(at, kernel)
}

/// The widest level that this processor has, whatever `MISSVAE_SIMD` says.
#[inline]
pub fn level_available() -> Level {
    static BEST: OnceLock<Level> = OnceLock::new();
    *BEST.get_or_init(detect)
}

/// Asks the processor for the cache line of `x[index]`, which a loop will come to soon. Where that lies past the end, or
/// where there is no such instruction, nothing happens.
#[inline(always)]
pub fn prefetch<T>(x: &[T], index: usize) {
    prefetch_at(x.as_ptr().wrapping_add(index));
}

/// As [`prefetch`], of any address.
#[inline(always)]
pub(crate) fn prefetch_at<T>(at: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 processor has the instruction, which reads nothing and faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = at;
}

pub(crate) mod levels {
    //! The vectors of each scalar, at each level. They are concrete here and not associated types: those could be named,
    //! and their safe methods called, where the processor does not have the instructions.

    #[cfg(target_arch = "x86_64")]
    use super::x86;
    use super::{Kernel, Level, array, level_available};
    use crate::Scalar;

    /// What runs a kernel on the vectors of a level.
    pub trait Levels: Sized {
        /// Runs `kernel` at `at`. Panics if the processor does not have that level.
        fn at_level<K: Kernel<Self>>(at: Level, kernel: K) -> K::Output
        where
            Self: Scalar;
    }

    macro_rules! levels {
        ($t:ty, $avx512:ident, $avx2:ident, $array:ident) => {
            impl Levels for $t {
                #[inline]
                fn at_level<K: Kernel<Self>>(at: Level, kernel: K) -> K::Output {
                    match at {
                        #[cfg(target_arch = "x86_64")]
                        Level::Avx512 if at <= level_available() => {
                            // SAFETY: the processor has the features that the function is compiled for.
                            unsafe { x86::run_avx512::<$t, x86::$avx512, K>(kernel) }
                        }
                        #[cfg(target_arch = "x86_64")]
                        Level::Avx2 if at <= level_available() => {
                            // SAFETY: as above.
                            unsafe { x86::run_avx2::<$t, x86::$avx2, K>(kernel) }
                        }
                        Level::Neon => kernel.run::<array::$array>(),
                        Level::Plain => kernel.run::<$t>(),
                        #[allow(unreachable_patterns, reason = "reached where the arms above are configured out")]
                        other => panic!("this processor has no {} vectors", other.name()),
                    }
                }
            }
        };
    }

    levels!(f32, F32x16, F32x8, F32x4);
    levels!(f64, F64x8, F64x4, F64x2);
}
