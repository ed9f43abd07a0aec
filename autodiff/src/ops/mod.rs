//! The operations, one a file.
//!
//! Each file holds a declaration with its formula, shapes and source, the forward and the backward pass, the method of
//! [`Graph`](crate::Graph) that records it, and its tests.

mod bernoulli;
mod dense;
mod gate;
mod identity;
mod linear;
mod residual_block;
mod standard_normal;
mod gaussian;
mod elementwise;
mod log_sum_exp;
mod matmul;
mod mixture;
mod reduce;
mod select;
mod softmax;
mod strided;
#[cfg(test)]
mod testing;
mod unary;

pub use gaussian::GaussianLogDensity;
pub use bernoulli::BernoulliLogDensity;
pub use gate::Gate;
pub use identity::Identity;
pub use linear::Linear;
pub use residual_block::ResidualBlock;
pub use standard_normal::StandardNormalLogDensity;
pub use elementwise::{Affine, Elementwise};
pub use log_sum_exp::LogSumExp;
pub use matmul::MatMul;
pub use mixture::{
    AncestralSample, DetachComponents, Mixture, MixtureLogDensity, MixtureLogWeights, MixtureParameters, Pathwise,
    StratifiedSample,
};
pub use reduce::{Axes, Reduce};
pub use select::{Concat, Permute, Slice};
pub use softmax::Softmax;
pub use unary::Unary;

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

        impl Builtin {
            pub(crate) fn as_op<T: Scalar>(&self) -> &dyn Op<T> {
                match self {
                    $(Builtin::$name(op) => op,)*
                }
            }
        }

        $(impl<T: Scalar> From<$name> for Operation<T> {
            fn from(op: $name) -> Self {
                Operation::Builtin(Builtin::$name(op))
            }
        })*
    };
}

builtins!(Identity, Linear, ResidualBlock, Gate, StandardNormalLogDensity, BernoulliLogDensity, GaussianLogDensity, Elementwise, Affine, Unary, Reduce, LogSumExp, Softmax, Slice, Concat, Permute, MatMul, AncestralSample, DetachComponents, MixtureLogDensity, MixtureLogWeights, MixtureParameters, StratifiedSample);
