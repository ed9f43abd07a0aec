//! Dense kernels: the numerical floor that everything else stands on.
//!
//! In the order in which a reader needs them:
//! - [`Scalar`]: the two floating-point types;
//! - [`simd`]: vectors of any width, and the run-time choice among them;
//! - [`special`]: exponential, logarithm and normal distribution functions, on scalars, vectors and slices;
//! - [`reduce`]: sums, maxima and log-sum-exps in a fixed order;
//! - [`gemm`]: matrix products with fused epilogues;
//! - [`conv`]: convolutions as products of gathered neighbourhoods;
//! - [`parallel`]: work split over threads without changing any bit of the result;
//! - [`factor`]: small Cholesky factorisations and triangular solves;
//! - [`singular`]: triangular factors and singular values of small matrices;
//! - [`peak`]: the rate that no product can exceed.

pub mod conv;
pub mod factor;
pub mod gemm;
pub mod parallel;
pub mod peak;
pub mod reduce;
mod scalar;
mod scratch;
pub mod simd;
pub mod singular;
pub mod special;

pub use scalar::Scalar;

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
