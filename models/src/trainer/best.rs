//! The best epoch of a run.

use autodiff::Aligned;
use linalg::Scalar;

/// The epoch with the best validation score so far.
#[derive(Clone, Debug)]
pub struct Best<T: Scalar> {
    /// Its number, from 1.
    pub epoch: u64,
    /// Its score: see [`EpochMetrics::validation`](super::EpochMetrics::validation).
    pub validation: f64,
    /// The parameters after it.
    pub parameters: Aligned<T>,
}
