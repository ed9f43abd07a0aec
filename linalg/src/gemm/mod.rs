//! Matrix products with fused epilogues.
//!
//! [`gemm`] computes *C* ← epilogue(*A*·*B*) for row-major or transposed views. With *W* stored *N* × *K*, as a layer
//! with *K* inputs and *N* outputs has it, the three products of training are:
//! - forward, *Y* = *X*·*Wᵀ*: `gemm(x, w.t(), y, …)`, with bias and ReLU in the epilogue;
//! - data gradient, *dX* = *dY*·*W*: `gemm(dy, w, dx, …)`, with the ReLU's gate;
//! - weight gradient, *dW* = *dYᵀ*·*X*: `gemm(dy.t(), x, dw, …)`, accumulating.
//!
//! From the outside in: `narrow` chooses among the ways to a product and has those for short rows, `layout` cuts *C* into
//! tiles, `blocked` loops over them and splits them over threads, `pack` and `transpose` bring *B* into the order in which
//! tiles read it, `tile` computes one in registers. `portable` serves processors without known vectors and tests.
//!
//! Which tile an element falls into never matters to its value: it is the sum of its terms in an order that depends
//! on sizes and layouts only.

mod blocked;
mod epilogue;
mod layout;
mod narrow;
mod pack;
mod portable;
mod shared;
mod tile;
mod transpose;
mod view;

pub use epilogue::Epilogue;
pub use view::{Matrix, MatrixMut};

pub use crate::scratch::Scratch;

use std::any::Any;

use crate::Scalar;
use crate::simd::{Level, level};
use narrow::Plan;

/// Scratch elements that [`gemm`] needs for a product; what the matrices and the epilogue hold does not matter.
pub fn gemm_scratch_len<T: Scalar>(a: Matrix<T>, b: Matrix<T>, epilogue: &Epilogue<T>) -> usize {
    scratch_len_at(level(), &a, &b, epilogue)
}

fn scratch_len_at<T: Scalar>(level: Level, a: &Matrix<T>, b: &Matrix<T>, epilogue: &Epilogue<T>) -> usize {
    match level {
        Level::Plain => 0,
        _ => narrow::scratch_len(Plan::choose(level, a, b), level, a, b, epilogue),
    }
}

/// *C* ← epilogue(*A*·*B*): *A* is *M* × *K*, *B* is *K* × *N*, *C* is *M* × *N*.
///
/// Any of the sizes may be zero; with *K* = 0 the product is zero and the epilogue applies to that. The result has
/// the same bits whatever the number of threads.
///
/// # Panics
/// If the inner sizes differ, if *C* is not *M* × *N*, or if a part of the epilogue has the wrong length.
#[track_caller]
pub fn gemm<T: Scalar>(a: Matrix<T>, b: Matrix<T>, c: MatrixMut<T>, epilogue: Epilogue<T>, scratch: &mut Scratch<T>) {
    gemm_at(level(), a, b, c, epilogue, scratch);
}

/// As [`gemm`], at a given level, for tests that compare levels.
///
/// # Panics
/// As [`gemm`], and if the processor does not have that level.
#[track_caller]
pub fn gemm_at<T: Scalar>(
    level: Level,
    a: Matrix<T>,
    b: Matrix<T>,
    c: MatrixMut<T>,
    epilogue: Epilogue<T>,
    scratch: &mut Scratch<T>,
) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert!(k == b.rows, "product of {m} × {k} by {} × {n}", b.rows);
    assert!((c.rows, c.cols) == (m, n), "product of {m} × {k} by {k} × {n} into {} × {}", c.rows, c.cols);
    epilogue.check(m, n);
    scratch.operations += 2 * m as u64 * n as u64 * k as u64;
    if level == Level::Plain || m == 0 || n == 0 || k == 0 {
        return portable::gemm(a, b, c, epilogue);
    }
    let scratch = scratch.grown(scratch_len_at(level, &a, &b, &epilogue));
    let run = compiled::<T>();
    run(level, a, b, c, &epilogue, scratch);
}

/// A product of checked, positive sizes with enough scratch.
type Run<T> = fn(Level, Matrix<T>, Matrix<T>, MatrixMut<T>, &Epilogue<T>, &mut [T]);

/// The product for one scalar type, compiled in this crate rather than again in each that uses it: it is large.
fn compiled<T: Scalar>() -> Run<T> {
    let both: [&dyn Any; 2] = [&(run_f32 as Run<f32>), &(run_f64 as Run<f64>)];
    *both.iter().find_map(|run| run.downcast_ref()).expect("a scalar is f32 or f64")
}

#[inline(never)]
fn run_f32(
    level: Level,
    a: Matrix<f32>,
    b: Matrix<f32>,
    c: MatrixMut<f32>,
    epilogue: &Epilogue<f32>,
    scratch: &mut [f32],
) {
    run(level, a, b, c, epilogue, scratch);
}

#[inline(never)]
fn run_f64(
    level: Level,
    a: Matrix<f64>,
    b: Matrix<f64>,
    c: MatrixMut<f64>,
    epilogue: &Epilogue<f64>,
    scratch: &mut [f64],
) {
    run(level, a, b, c, epilogue, scratch);
}

fn run<T: Scalar>(
    level: Level,
    a: Matrix<T>,
    b: Matrix<T>,
    c: MatrixMut<T>,
    epilogue: &Epilogue<T>,
    scratch: &mut [T],
) {
    match Plan::choose(level, &a, &b) {
        Plan::Tiles => blocked::gemm(level, a, b, c, epilogue, scratch),
        Plan::Transposed => narrow::by_transposition(level, a, b, c, epilogue, scratch),
        Plan::Dots => narrow::by_dots(level, a, b, c, epilogue, scratch),
    }
}
