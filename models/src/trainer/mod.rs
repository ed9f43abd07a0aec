//! Training: epochs, validation, interruption, exact resumption.
//!
//! In the order in which a reader needs them:
//! - [`TrainConfig`]: the objective, the optimiser's settings, the length of training;
//! - [`AmsGrad`], [`Schedule`]: the optimiser and its learning rate;
//! - [`Imputations`]: completed versions of every training row, kept from epoch to epoch;
//! - `learner`: one training step, of training and of refitting;
//! - [`Trainer`]: a model being fitted; [`State`]: its state in a checkpoint; [`Progress`]: its counters;
//! - [`Observer`]: a follower of a run, and the order of its calls;
//! - [`History`], [`EarlyStopping`], [`Checkpoints`]: observers that can be combined;
//! - [`Validation`], [`Best`]: what an epoch is scored on, and the best epoch so far;
//! - `run`, `update`, `validation`, `held_out`: a run, its updates, and the scoring of validation rows or held-out cells.

mod average;
mod best;
mod config;
mod held_out;
mod imputed_rows;
mod learner;
mod observer;
mod optimiser;
mod parts;
mod progress;
mod run;
mod state;
mod update;
mod validation;

pub use average::Average;
pub use best::Best;
pub use config::{ImputationTraining, Length, Objective, TrainConfig};
pub use imputed_rows::{Imputations, Start, Stored};
pub(crate) use learner::{Learner, Networks, NotFinite, Streams};
pub use observer::{Observer, Outcome, RunError};
pub use optimiser::{AmsGrad, Schedule, clip_factor};
pub use parts::{Checkpoints, EarlyStopping, History};
pub use progress::{EpochMetrics, IN_USE, Progress, SamplerSums, UpdateMetrics};
pub use state::{State, Trainer};
pub use validation::Validation;
