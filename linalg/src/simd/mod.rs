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
mod level;
pub(crate) mod levels;
mod plain;
mod prefetch;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use level::{Level, NoSuchLevel, level, level_available, wish};
pub use levels::{dispatch, dispatch_at};
pub use prefetch::prefetch;
pub(crate) use prefetch::prefetch_at;
pub use vector::{Kernel, MAX_LANES, Vector};
