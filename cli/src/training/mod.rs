//! A training run, from its resolved options to a model file.
//!
//! - `job`: carrying out a run; `summary`: its summary;
//! - `checkpoint`: the checkpoints of a run directory: writing them, and going on from one; `extension`: a new length for it;
//! - `monitor`: metrics and signals on the way; `metrics`: the lines of `metrics.jsonl`; `bar`: progress;
//! - `frechet_tracker`: the Fréchet distance on the way.

mod bar;
mod checkpoint;
mod extension;
mod frechet_tracker;
mod job;
mod metrics;
mod monitor;
mod summary;

pub(crate) use bar::Bar;
pub(crate) use extension::{NewLength, with_length};
pub(crate) use frechet_tracker::FrechetTracker;
pub(crate) use job::{Fitted, Job};
#[cfg(feature = "paper")]
pub(crate) use metrics::distances;
pub(crate) use summary::Summary;
