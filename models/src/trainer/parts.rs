//! Observers to combine: a record of the epochs, checkpoints, early stopping.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use linalg::Scalar;

use super::observer::Observer;
use super::progress::{EpochMetrics, UpdateMetrics};
use super::state::Trainer;

/// Keeps the metrics of every epoch. `E` is the error of the observers beside it; it has none of its own.
#[derive(Clone, Debug)]
pub struct History<E = Infallible> {
    /// The epochs, in their order.
    pub epochs: Vec<EpochMetrics>,
    error: PhantomData<fn() -> E>,
}

impl<E> Default for History<E> {
    fn default() -> Self {
        History { epochs: Vec::new(), error: PhantomData }
    }
}

impl<T: Scalar, E> Observer<T> for History<E> {
    type Error = E;

    fn epoch_ended(&mut self, _: &Trainer<T>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, E> {
        self.epochs.push(*epoch);
        Ok(ControlFlow::Continue(()))
    }
}

/// Interrupts a run when the bound of the validation rows has not risen for some epochs. Without validation rows it
/// looks at the objective. `E` is the error of the observers beside it; it has none of its own.
#[derive(Clone, Debug)]
pub struct EarlyStopping<E = Infallible> {
    patience: u64,
    /// The best bound so far, and the epochs since then.
    best: f64,
    since: u64,
    error: PhantomData<fn() -> E>,
}

impl<E> EarlyStopping<E> {
    /// Interrupts after `patience` epochs in a row, at least 1, without a rise.
    pub fn after(patience: u64) -> Self {
        EarlyStopping { patience: patience.max(1), best: f64::NEG_INFINITY, since: 0, error: PhantomData }
    }
}

impl<T: Scalar, E> Observer<T> for EarlyStopping<E> {
    type Error = E;

    fn epoch_ended(&mut self, _: &Trainer<T>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, E> {
        let bound = epoch.validation.unwrap_or(epoch.objective);
        if bound > self.best {
            (self.best, self.since) = (bound, 0);
        } else {
            self.since += 1;
        }
        Ok(if self.since >= self.patience { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

/// Calls a function that saves the trainer, at intervals of time.
///
/// At the end of an epoch it is called when the epoch has ended, not after its last update: an observer before this one
/// has then recorded the epoch that the checkpoint counts.
#[derive(Debug)]
pub struct Checkpoints<F> {
    every: Duration,
    last: Instant,
    save: F,
}

impl<F> Checkpoints<F> {
    /// Saves whenever `every` has passed since the last time.
    pub fn new(every: Duration, save: F) -> Self {
        Checkpoints { every, last: Instant::now(), save }
    }

    fn save_if_due<T: Scalar, E>(&mut self, trainer: &Trainer<T>) -> Result<ControlFlow<()>, E>
    where
        F: FnMut(&Trainer<T>) -> Result<(), E>,
    {
        if self.last.elapsed() >= self.every {
            (self.save)(trainer)?;
            self.last = Instant::now();
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A function that can be called with trainers of `T`.
impl<T: Scalar, E, F: FnMut(&Trainer<T>) -> Result<(), E>> Observer<T> for Checkpoints<F> {
    type Error = E;

    fn updated(&mut self, trainer: &Trainer<T>, update: &UpdateMetrics) -> Result<ControlFlow<()>, E> {
        if update.ends_epoch { Ok(ControlFlow::Continue(())) } else { self.save_if_due(trainer) }
    }

    fn epoch_ended(&mut self, trainer: &Trainer<T>, _: &EpochMetrics) -> Result<ControlFlow<()>, E> {
        self.save_if_due(trainer)
    }
}
