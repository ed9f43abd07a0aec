//! What the Rust peers of missvae's training step share: the configurations, the command line, the
//! timing, and the check against golden fixtures. A peer brings the step itself, as a [`Peer`], and
//! hands it to [`main`].
//!
//! Options, configurations and output are those of `step_torch.py`.

mod check;
mod problem;
mod timing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use serde::Deserialize;

pub use problem::{Problem, Table};

/// A dense array in row-major order, as the fixtures write it.
#[derive(Clone, Debug, Deserialize)]
pub struct Array {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

/// Arrays by name. Parameters are named as in the model files, behind `enc:` or `dec:`; weights are `[out, in]`.
pub type Arrays = BTreeMap<String, Array>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    F32,
    F64,
}

/// The training step on one library.
pub trait Peer {
    /// The name of the library in the output.
    const ENGINE: &'static str;
    /// The crate whose version the output gives.
    const CRATE: &'static str;
    /// The `Cargo.lock` that the peer was built with.
    const LOCK: &'static str;
    /// What distinguishes this build of the peer from others.
    const MODE: &'static str;

    /// The bound and its gradient on given `x`, `mask`, `noise` and parameters: `value`, `per_row`, `log_weights`,
    /// and every parameter's gradient under `d` and its name.
    fn evaluate(problem: &Problem, inputs: &Arrays, precision: Precision) -> Result<Arrays>;

    /// A closure that makes one whole update in f32 and returns the minibatch's bound.
    fn training(
        problem: &Problem,
        parameters: &Arrays,
        table: &Table,
        clip: f64,
    ) -> Result<impl FnMut() -> Result<f64>>;
}

/// Times one training step, or checks it against golden fixtures.
#[derive(Parser)]
struct Arguments {
    /// What to time [default: every configuration]
    #[arg(value_name = "CONFIG")]
    configs: Vec<String>,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Time budget of a configuration
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Golden fixtures of kind 'objective'; nothing is timed
    #[arg(long, num_args = 1.., value_name = "FILE")]
    check: Vec<PathBuf>,
}

/// Runs the peer's command line.
pub fn main<P: Peer>() -> ExitCode {
    match run::<P>(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error:#}", P::ENGINE);
            ExitCode::FAILURE
        }
    }
}

/// Whether every fixture agrees, if fixtures were given.
fn run<P: Peer>(arguments: &Arguments) -> Result<bool> {
    let configs = problem::configurations(&arguments.configs)?;
    confine(arguments.threads.into())?;
    if !arguments.check.is_empty() {
        // Every file is checked and reported, also after a failure.
        return arguments.check.iter().try_fold(true, |all, path| Ok(check::fixture::<P>(path)? && all));
    }
    for config in &configs {
        timing::print::<P>(config, arguments)?;
    }
    Ok(true)
}

/// Gives rayon, and what asks for its variable, so many threads, this one among them: on one thread, no work is
/// handed to another.
fn confine(threads: usize) -> Result<()> {
    // SAFETY: no other thread has been started yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", threads.to_string()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .use_current_thread()
        .build_global()
        .context("cannot start the threads")
}
