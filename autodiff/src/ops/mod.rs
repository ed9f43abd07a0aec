//! The operations, one a file.
//!
//! Each file holds a declaration with its formula, shapes and source, the forward and the backward pass, the method of
//! [`Graph`](crate::Graph) that records it, and its tests.

mod bernoulli;
mod dense;
mod elementwise;
mod gate;
mod gaussian;
mod identity;
mod images;
mod linear;
mod log_sum_exp;
mod matmul;
mod mixture;
mod reduce;
mod residual_block;
mod select;
mod softmax;
mod standard_normal;
mod strided;
#[cfg(test)]
mod testing;
mod unary;

pub use bernoulli::BernoulliLogDensity;
pub use elementwise::{Affine, Elementwise};
pub use gate::Gate;
pub use gaussian::GaussianLogDensity;
pub use identity::Identity;
pub use images::{BatchNorm, BatchNormInputs, Conv2d, ResizeNearest, Statistics};
pub use linear::Linear;
pub use log_sum_exp::LogSumExp;
pub use matmul::MatMul;
pub use mixture::{
    AncestralSample, DetachComponents, Mixture, MixtureLogDensity, MixtureLogWeights, MixtureParameters, Pathwise,
    StratifiedSample,
};
pub use reduce::{Axes, Reduce};
pub use residual_block::ResidualBlock;
pub use select::{Concat, Permute, Slice};
pub use softmax::Softmax;
pub use standard_normal::StandardNormalLogDensity;
pub use unary::Unary;

use std::any::Any;

use linalg::Scalar;

use crate::op::{Op, Operation};

/// Lists the built-in operations: they are stored in the tape without a box.
macro_rules! builtins {
    ($($name:ident),* $(,)?) => {
        /// A built-in operation.
        #[derive(Clone, Copy, Debug)]
        pub enum Builtin {
            $(#[allow(missing_docs, reason = "documented at its type")] $name($name),)*
        }

        /// The operations for one scalar type, compiled in this crate rather than again in each that uses them.
        #[inline(never)]
        fn single(op: &Builtin) -> &dyn Op<f32> {
            match op {
                $(Builtin::$name(op) => op,)*
            }
        }

        /// As [`single`], in double precision.
        #[inline(never)]
        fn double(op: &Builtin) -> &dyn Op<f64> {
            match op {
                $(Builtin::$name(op) => op,)*
            }
        }

        $(impl<T: Scalar> From<$name> for Operation<T> {
            fn from(op: $name) -> Self {
                Operation::Builtin(Builtin::$name(op))
            }
        })*
    };
}

/// Finds the operation in a [`Builtin`].
type Select<T> = fn(&Builtin) -> &dyn Op<T>;

impl Builtin {
    pub(crate) fn as_op<T: Scalar>(&self) -> &dyn Op<T> {
        let both: [&dyn Any; 2] = [&(single as Select<f32>), &(double as Select<f64>)];
        let select = both.iter().find_map(|select| select.downcast_ref::<Select<T>>());
        select.expect("a scalar is f32 or f64")(self)
    }
}

builtins!(
    Affine,
    AncestralSample,
    BatchNorm,
    BernoulliLogDensity,
    Concat,
    Conv2d,
    DetachComponents,
    Elementwise,
    Gate,
    GaussianLogDensity,
    Identity,
    Linear,
    LogSumExp,
    MatMul,
    MixtureLogDensity,
    MixtureLogWeights,
    MixtureParameters,
    Permute,
    Reduce,
    ResidualBlock,
    ResizeNearest,
    Slice,
    Softmax,
    StandardNormalLogDensity,
    StratifiedSample,
    Unary,
);
