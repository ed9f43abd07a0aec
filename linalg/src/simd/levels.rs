//! The vectors of each scalar, at each level. They are concrete here and not associated types: those could be named,
//! and their safe methods called, where the processor does not have the instructions.

use super::level::level_available;
#[cfg(target_arch = "x86_64")]
use super::x86;
use super::{Kernel, Level, array, level};

/// What runs a kernel on the vectors of a level.
pub trait Levels: Sized {
    /// Runs `kernel` at `at`. Panics if the processor does not have that level.
    fn at_level<K: Kernel<Self>>(at: Level, kernel: K) -> K::Output;
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

/// Runs `kernel` with the widest vectors that [`level`] allows.
#[inline]
pub fn dispatch<T: Levels, K: Kernel<T>>(kernel: K) -> K::Output {
    dispatch_at(level(), kernel)
}

/// Runs `kernel` at a given level, for tests that compare levels.
///
/// # Panics
/// If the processor does not have that level.
#[inline]
pub fn dispatch_at<T: Levels, K: Kernel<T>>(at: Level, kernel: K) -> K::Output {
    T::at_level(at, kernel)
}
