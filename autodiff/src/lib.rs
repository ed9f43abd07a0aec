//! Reverse-mode differentiation at the grain of the field's operations.
//!
//! In the order in which a reader needs them:
//! - [`Shape`]: sizes of up to five axes;
//! - [`Op`]: what an operation is; the trait that built-in operations and a user's own implement;
//! - [`Tape`] and [`Graph`]: recording a computation and differentiating it;
//! - [`ops`]: the operations, one a file, forward and backward side by side;
//! - [`gradcheck`]: comparing any operation or objective with finite differences;
//! - [`profile`]: what the time of a computation goes to.

mod arena;
mod backward;
pub mod gradcheck;
mod graph;
mod op;
pub mod ops;
pub mod profile;
mod shape;

pub use arena::Aligned;
pub use backward::{Seed, Wanted};
pub use graph::{Graph, Tape, Var};
pub use op::{Backward, Forward, Grad, Grads, Inputs, MAX_INPUTS, Op, Operation, Reads, check_points};
pub use shape::Shape;

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
