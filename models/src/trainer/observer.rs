//! Observers of training runs.

use std::convert::Infallible;
use std::ops::ControlFlow;

use linalg::Scalar;

use super::progress::{EpochMetrics, UpdateMetrics};
use super::state::Trainer;
use crate::Error;

/// Follows a training run, and can stop it.
///
/// Calls come in this order: [`updated`](Observer::updated) after each update; then, if the update ended an epoch,
/// [`epoch_ended`](Observer::epoch_ended). At each call the trainer stands where the next update begins: a checkpoint
/// of it can be resumed. After the last update of an epoch, its progress is therefore that of the next epoch.
///
/// `Break` interrupts the run, an error ends it. A `Break` from `updated` still lets an epoch that is over end:
/// `epoch_ended` is called before the run returns.
///
/// A pair of observers (A, B) is an observer: each call goes to A, then to B. `()` observes nothing.
pub trait Observer<T: Scalar> {
    /// The observer's own error.
    type Error;

    /// Called after each update.
    ///
    /// # Errors
    /// The observer's own; the run ends with it.
    fn updated(&mut self, trainer: &Trainer<T>, update: &UpdateMetrics) -> Result<ControlFlow<()>, Self::Error> {
        let _ = (trainer, update);
        Ok(ControlFlow::Continue(()))
    }

    /// Called at the end of each epoch, after [`updated`](Observer::updated) and the scoring of the validation rows.
    ///
    /// # Errors
    /// The observer's own; the run ends with it.
    fn epoch_ended(&mut self, trainer: &Trainer<T>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, Self::Error> {
        let _ = (trainer, epoch);
        Ok(ControlFlow::Continue(()))
    }
}

/// Whether a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All updates are made.
    Finished,
    /// The observer interrupted it; it can be resumed.
    Interrupted,
}

/// The failure of a run. `E` is the observer's error.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// Training failed.
    #[error(transparent)]
    Training(#[from] Error),
    /// The observer failed.
    #[error(transparent)]
    Observer(E),
}

impl From<RunError<Infallible>> for Error {
    fn from(error: RunError<Infallible>) -> Self {
        match error {
            RunError::Training(error) => error,
            RunError::Observer(never) => match never {},
        }
    }
}

/// Observes nothing.
impl<T: Scalar> Observer<T> for () {
    type Error = Infallible;
}

impl<T: Scalar, O: Observer<T>> Observer<T> for &mut O {
    type Error = O::Error;

    fn updated(&mut self, trainer: &Trainer<T>, update: &UpdateMetrics) -> Result<ControlFlow<()>, Self::Error> {
        (**self).updated(trainer, update)
    }

    fn epoch_ended(&mut self, trainer: &Trainer<T>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, Self::Error> {
        (**self).epoch_ended(trainer, epoch)
    }
}

/// The first observer is called before the second, which is not called if the first one fails. Either can interrupt.
impl<T: Scalar, A: Observer<T>, B: Observer<T, Error = A::Error>> Observer<T> for (A, B) {
    type Error = A::Error;

    fn updated(&mut self, trainer: &Trainer<T>, update: &UpdateMetrics) -> Result<ControlFlow<()>, Self::Error> {
        let [first, second] = [self.0.updated(trainer, update)?, self.1.updated(trainer, update)?];
        Ok(if first.is_break() { first } else { second })
    }

    fn epoch_ended(&mut self, trainer: &Trainer<T>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, Self::Error> {
        let [first, second] = [self.0.epoch_ended(trainer, epoch)?, self.1.epoch_ended(trainer, epoch)?];
        Ok(if first.is_break() { first } else { second })
    }
}
