//! What can go wrong in fitting and using a model.

use std::fmt;

use crate::config::error as config;
use crate::objective::UnknownMethod;
use crate::prepare::error as prepare;

/// A number of a training step that has to be finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// The mean bound of a minibatch.
    Objective,
    /// The norm of its gradient, before clipping.
    GradientNorm,
    /// The square of that norm after clipping, in the parameters' precision.
    SquaredGradientNorm,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quantity::Objective => "objective",
            Quantity::GradientNorm => "norm of the gradient",
            Quantity::SquaredGradientNorm => "squared norm of the gradient",
        })
    }
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option that cannot be used.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Rows that a model cannot be fitted to or used on.
    #[error(transparent)]
    Rows(#[from] prepare::Error),
    /// Options that do not fit together.
    #[error(transparent)]
    InvalidConfig(#[from] crate::objective::InvalidConfig),

    /// A number that is not finite appeared in training.
    #[error("the {quantity} is {value} at epoch {epoch}, update {update}")]
    NotFinite {
        /// Which number.
        quantity: Quantity,
        /// The number.
        value: f64,
        /// Epoch, from 1.
        epoch: u64,
        /// Update, from 1.
        update: u64,
    },

    /// A model draws numbers that are not finite: its training diverged.
    #[error("the model draws numbers that are not finite: its training diverged")]
    Diverged,

    /// Imputed values that were not finite: what would stand in their cells is no imputation.
    #[error("{values} imputed values are not finite")]
    NotImputed {
        /// How many, over all draws and sweeps.
        values: u64,
    },

    /// There is nothing to train on.
    #[error("no row has an observed cell")]
    NoRows,
    /// An encoder of completed rows was to be fitted to rows with missing cells, without imputations.
    #[error(
        "{missing} cells are missing, and without imputations this model's encoder can only be fitted to complete rows"
    )]
    IncompleteRows {
        /// Missing cells.
        missing: usize,
    },
    /// Minibatches too small for batch normalisation.
    #[error(
        "in a minibatch of one image, batch normalisation has a single value of each channel where the networks have halved it to one pixel"
    )]
    BatchNormUndefined,

    /// Whoever is told of the progress of a computation wished it to stop.
    #[error("stopped before it was done")]
    Stopped,

    /// A table could not be read or written.
    #[error(transparent)]
    Table(#[from] crate::table::Error),

    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] crate::files::WriteError),

    /// An analysis that cannot be pooled.
    #[error(transparent)]
    Pool(#[from] crate::pool::Error),

    /// A model file or checkpoint that cannot be read.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

impl From<UnknownMethod> for Error {
    fn from(error: UnknownMethod) -> Self {
        Error::Config(error.into())
    }
}
