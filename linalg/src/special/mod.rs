//! Special functions, branch-free, on scalars, vectors and slices.
//!
//! `exp(x)` takes an `f32`, an `f64`, or, inside a [`Kernel`](crate::simd::Kernel), a vector of either;
//! `exp_slice(x, out)` and its likes choose the vectors at run time; [`map()`] does so for any [`Elementwise`] function,
//! also for one that carries parameters.
//!
//! Everything is accurate to 1e-13 relative in `f64` and 2e-6 in `f32` wherever the exact value is a normal number
//! (measured: 8e-16 and 5e-7), and underflows gradually below. NaN gives NaN. No argument is shifted by an
//! epsilon. The polynomials are those of `coefficients.py`, which regenerates them.

mod coefficients;
mod exponential;
mod map;
mod normal;
mod polynomial;

pub use exponential::{exp, ln, log_sigmoid, log1p, sigmoid, softplus};
pub use map::{
    Elementwise, Exp, Ln, Log1p, LogNdtr, LogSigmoid, Map, Ndtr, NormalPdf, Sigmoid, Softplus, exp_slice, ln_slice,
    log_ndtr_slice, log_sigmoid_slice, log1p_slice, map, ndtr_slice, normal_pdf_slice, sigmoid_slice, softplus_slice,
};
pub use normal::{HALF_LN_TWO_PI, log_ndtr, log_ndtr_and_slope, ndtr, normal_pdf};
