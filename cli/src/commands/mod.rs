//! One file a command.

mod describe;
mod evaluate;
mod gradcheck;
mod impute;
mod sample;
mod train;

use models::data::Data;
use models::store::ModelInfo;

use crate::args::{Cli, Command, Common, Reading};
use crate::failure::{Failure, Result};
use crate::table::{MissingValues, ReadOptions, Table};

/// Carries out a command.
pub(crate) fn dispatch(cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::Train(args) => train::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Impute(args) => impute::run(args),
        Command::Sample(args) => sample::run(args),
        Command::Describe(args) => describe::run(args),
        Command::Gradcheck(args) => gradcheck::run(args),
    }
}

/// Runs `work` inside a pool of the wished-for number of threads.
fn in_pool<R: Send>(common: &Common, work: impl FnOnce() -> Result<R> + Send) -> Result<R> {
    if common.threads == Some(0) {
        return Err(Failure::usage("--threads 0: expected at least 1"));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(common.threads.unwrap_or(0)).build();
    let pool = pool.map_err(|error| Failure::Failed(format!("the threads could not be started: {error}")))?;
    pool.install(work)
}

/// How a data file is read.
fn read_options(missing_values: &[String], key: Option<&String>) -> ReadOptions {
    ReadOptions { missing: MissingValues::new(missing_values), key: key.cloned() }
}

impl Reading {
    fn options(&self) -> ReadOptions {
        read_options(&self.missing_value, self.key.as_ref())
    }
}

/// A table's numbers in their own units.
fn data_of(table: &Table) -> Data<f64> {
    Data::new(table.width(), table.values().to_vec(), table.mask())
}

/// A table's numbers in a model's units.
fn standardised(table: &Table, info: &ModelInfo) -> Data<f32> {
    info.standardisation().apply(&data_of(table))
}

/// The names of a model's columns.
fn column_names(info: &ModelInfo) -> Vec<String> {
    info.columns.iter().map(|column| column.name.clone()).collect()
}
