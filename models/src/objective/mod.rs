//! The bounds and one minibatch's objective (docs/methods.md §3 to §5).
//!
//! In the order in which a reader needs them:
//! - [`Method`]: the methods of the paper as values: bound × mixture sampling × estimator;
//! - [`bound`]: the bounds as functions of log weights;
//! - [`record`]: a minibatch of incomplete rows, from rows to the bound and its gradient;
//! - [`record_completed`]: a minibatch of completed rows, with a bound for the decoder and one for the encoder.

mod bounds;
mod completed;
mod finite;
mod invalid;
mod method;

pub use bounds::bound;
pub use completed::{CompletedBatch, RecordedCompleted, record_completed};
pub use finite::{Mode, Randomness, Recorded, record};
pub use invalid::{InvalidConfig, Requirement};
pub use method::{
    Bound, CompletedBound, CompletedObjectiveConfig, Estimator, Family, LogitGradient, METHODS, Method,
    ObjectiveConfig, UnknownMethod, finite_mixtures,
};
