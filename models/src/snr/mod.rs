//! The signal-to-noise ratio of gradients (Rainforth et al. 2019; paper, appendix F.1.1 and figure 8;
//! docs/methods.md §7).
//!
//! In the order in which a reader needs them:
//! - [`Moments`]: mean and variance of every entry of a gradient; [`Signal`]: what they come to; [`noise_floor`]: what
//!   pure noise comes to;
//! - [`Study`]: what is measured in a training run, and when;
//! - [`measure`]: a training run that is measured;
//! - [`save_moments`]: the moments themselves as a file.
//!
//! The trainer trains; what is here only looks at its gradients before they are clipped, and changes no bit of the run.

mod file;
mod moments;

use std::ops::ControlFlow;

use linalg::Scalar;
use samplers::stream::{Purpose, stream};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::{Data, shuffled};
use crate::objective::{InvalidConfig, Requirement};
use crate::trainer::{Objective, Observer, Outcome, RunError, TrainConfig, Trainer, UpdateMetrics};

pub use file::{MomentsInfo, save_moments};
pub use moments::{Moments, Signal, Signals, noise_floor};

/// Over what a gradient's mean and variance are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The minibatches of a training epoch, the short last one included, while the parameters move: the paper's.
    Epoch,
    /// Repeated draws of the latent variables after an epoch: the parameters and one minibatch are frozen.
    Fixed,
}

/// What is measured in a training run, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Study {
    /// Whether to measure by [`Protocol::Epoch`].
    pub epoch: bool,
    /// How many gradients to draw by [`Protocol::Fixed`], if any.
    pub draws: Option<u64>,
    /// The epochs that are measured: the first, the last, and those whose number this divides; whole ones only, unless there
    /// is none.
    pub every: u64,
}

impl Study {
    /// Whether an epoch, counted from 1, of so many is measured.
    pub fn measures(&self, epoch: u64, epochs: u64) -> bool {
        epoch <= epochs && (epoch == 1 || epoch == epochs || epoch.is_multiple_of(self.every))
    }

    /// The epochs that a run on so many rows can be measured in: a last one that is cut short would be measured by fewer
    /// gradients than the others, whose noise has another floor.
    pub fn epochs(config: &TrainConfig, rows: usize) -> u64 {
        (config.total_updates(rows) / config.updates_per_epoch(rows).max(1)).max(1)
    }

    /// Checks that a training run on so many rows can be measured so.
    ///
    /// # Errors
    /// Says why not.
    pub fn check<T: Scalar>(&self, trainer: &Trainer<T>, rows: usize) -> Result<(), InvalidConfig> {
        let fail = |option, value: u64, requirement| Err(InvalidConfig::new(option, value, requirement));
        if self.every == 0 {
            return fail("every", 0, Requirement::Positive);
        }
        if !matches!(trainer.config().objective, Objective::FiniteMixture(_)) {
            return Err(InvalidConfig::new("method", "with imputations", Requirement::FiniteMixture));
        }
        if let Some(draws) = self.draws.filter(|&draws| draws < 2) {
            return fail("draws", draws, Requirement::Variance { of: "draws", found: draws });
        }
        let minibatches = trainer.updates_per_epoch(rows);
        if self.epoch && minibatches < 2 {
            let batch_size = trainer.config().batch_size as u64;
            return fail("batch-size", batch_size, Requirement::Variance { of: "minibatches", found: minibatches });
        }
        Ok(())
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// How.
    pub protocol: Protocol,
    /// In or after which epoch, counted from 1.
    pub epoch: u64,
    /// Mean and variance of the gradients.
    pub moments: &'a Moments,
}

/// Follows a measured run, and can stop it.
pub trait Monitor {
    /// What can go wrong in the monitor itself.
    type Error;

    /// Called after each update and each draw; `Break` interrupts the run there.
    ///
    /// # Errors
    /// The monitor's own; the run ends with it.
    fn advanced(&mut self) -> Result<ControlFlow<()>, Self::Error>;

    /// Called with what was measured, once for each protocol and measured epoch, before [`advanced`](Monitor::advanced) is
    /// called for the last of its updates, and after it was called for the last of its draws.
    ///
    /// # Errors
    /// The monitor's own; the run ends with it.
    fn measured(&mut self, measured: Measured<'_>) -> Result<(), Self::Error>;
}

/// Trains to the end as [`Trainer::run`] does, to the same bits, and measures on the way.
///
/// The minibatch of [`Protocol::Fixed`] is the first one of the first epoch. Interrupted and called again, it goes on, but
/// the epoch in which it was interrupted is measured from there on only.
///
/// # Errors
/// Those of [`Study::check`] and [`Trainer::run`], and the monitor's.
pub fn measure<T: Scalar, M: Monitor>(
    trainer: &mut Trainer<T>,
    data: &Data<T>,
    study: &Study,
    monitor: &mut M,
) -> Result<Outcome, RunError<M::Error>> {
    study.check(trainer, data.rows()).map_err(Error::from)?;
    let mut recorder = Recorder {
        study,
        epochs: Study::epochs(trainer.config(), data.rows()),
        moments: Moments::new(trainer.parameters().len()),
        stop: None,
        monitor,
    };
    let minibatch = first_minibatch(data.rows(), trainer.config().batch_size, trainer.config().seed);
    loop {
        let outcome = trainer.run(data, None, &mut recorder)?;
        let Recorder { stop, moments, monitor, .. } = &mut recorder;
        match (stop.take(), study.draws) {
            (Some(Stop::Monitor), _) => return Ok(Outcome::Interrupted),
            (Some(Stop::Draws { epoch }), Some(draws)) => {
                for draw in 0..draws {
                    moments.add(trainer.redraw_gradient(data, &minibatch, draw)?);
                    if monitor.advanced().map_err(RunError::Observer)?.is_break() {
                        return Ok(Outcome::Interrupted);
                    }
                }
                let measured = Measured { protocol: Protocol::Fixed, epoch, moments };
                monitor.measured(measured).map_err(RunError::Observer)?;
                moments.clear();
            }
            _ => {}
        }
        if outcome == Outcome::Finished {
            return Ok(Outcome::Finished);
        }
    }
}

/// The rows of a training run's first minibatch.
fn first_minibatch(rows: usize, batch_size: usize, seed: u64) -> Vec<usize> {
    let mut order = Vec::new();
    shuffled(rows, &mut stream(seed, Purpose::Shuffle, 0, 0), &mut order);
    order.iter().take(batch_size).map(|&n| n as usize).collect()
}

/// Collects gradients of updates, and stops the run where draws are to be made.
struct Recorder<'a, M> {
    study: &'a Study,
    /// As [`Study::epochs`] has them.
    epochs: u64,
    moments: Moments,
    /// Why the run was stopped.
    stop: Option<Stop>,
    monitor: &'a mut M,
}

/// Why a measured run is stopped.
#[derive(Clone, Copy, Debug)]
enum Stop {
    /// The monitor wants it.
    Monitor,
    /// Gradients are to be drawn after this epoch.
    Draws { epoch: u64 },
}

impl<T: Scalar, M: Monitor> Observer<T> for Recorder<'_, M> {
    type Error = M::Error;

    fn updated(&mut self, trainer: &Trainer<T>, update: &UpdateMetrics) -> Result<ControlFlow<()>, M::Error> {
        let UpdateMetrics { epoch, ends_epoch, .. } = *update;
        let measures = self.study.measures(epoch, self.epochs);
        if measures && self.study.epoch {
            self.moments.add(trainer.gradient());
            if ends_epoch {
                self.monitor.measured(Measured { protocol: Protocol::Epoch, epoch, moments: &self.moments })?;
                self.moments.clear();
            }
        }
        self.stop = if self.monitor.advanced()?.is_break() {
            Some(Stop::Monitor)
        } else if ends_epoch && measures && self.study.draws.is_some() {
            Some(Stop::Draws { epoch })
        } else {
            None
        };
        Ok(if self.stop.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }
}
