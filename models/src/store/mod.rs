//! Model files and checkpoints: safetensors, written atomically.
//!
//! - [`ModelInfo`], [`save_model`], [`load_model`]: a fitted model, with everything needed to use it;
//! - [`CheckpointInfo`], [`save_checkpoint`], [`load_checkpoint`]: a run in the middle of its training;
//! - [`Error`]: what can be wrong with a file; `sizes`: what a file may claim;
//! - `file`: safetensors files with a description in their metadata, which both are.

mod checkpoint;
pub(crate) mod error;
mod file;
mod info;
mod model;
mod sizes;

pub use checkpoint::{CheckpointInfo, load_checkpoint, save_checkpoint};
pub use error::{Error, Expected, Kind, Problem, TensorProblem};
pub use info::{Column, ModelInfo};
pub use model::{load_model, save_model};
