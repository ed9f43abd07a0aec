//! One file a command.

mod bench;
mod describe;
pub(crate) mod evaluate;
pub(crate) mod frechet;
mod gradcheck;
mod impute;
mod sample;
pub(crate) mod train;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::args::{Cli, Command, Common, Reading};
use crate::failure::{Failure, Result};
use crate::run::Run;
use missvae::files::write_atomic;
use missvae::table::{MissingValues, ReadOptions};

/// The most threads that can be asked for.
pub(crate) const MOST_THREADS: usize = 1024;
/// The most runs of one setting that can be asked for.
pub(crate) const MOST_SEEDS: usize = 10_000;
/// The most numbers that a result may have: what is beyond it would not fit into memory.
pub(crate) const MOST_NUMBERS: usize = 1 << 32;

/// Carries out a command.
pub(crate) fn dispatch(cli: &Cli) -> Result<()> {
    check_threads(cli.command.common())?;
    linalg::simd::wish().map_err(|error| Failure::usage(error.to_string()))?;
    match &cli.command {
        Command::Train(args) => train::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Impute(args) => impute::run(args),
        Command::Sample(args) => sample::run(args),
        Command::Describe(args) => describe::run(args),
        #[cfg(feature = "paper")]
        Command::Snr(args) => crate::paper::snr::run(args),
        #[cfg(feature = "paper")]
        Command::Reproduce(args) => crate::paper::reproduce::run(args),
        Command::Gradcheck(args) => gradcheck::run(args),
        Command::Bench(args) => bench::run(args),
    }
}

/// A table's path as options hold it, which are kept as text.
pub(crate) fn kept(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let what = format!("{}: this path is not UTF-8, and cannot be kept in a run's config.toml", path.display());
        Failure::usage_hint(what, "rename it")
    })
}

/// Refuses a number of threads that cannot be meant.
pub(crate) fn check_threads(common: &Common) -> Result<()> {
    match common.threads.filter(|threads| !(1..=MOST_THREADS).contains(threads)) {
        Some(threads) => Err(Failure::usage(format!("--threads {threads}: expected from 1 to {MOST_THREADS}"))),
        None => Ok(()),
    }
}

/// Runs `work` inside a pool of the wished-for number of threads.
pub(crate) fn in_pool<R: Send>(common: &Common, work: impl FnOnce() -> Result<R> + Send) -> Result<R> {
    pool(common.threads.unwrap_or(0))?.install(work)
}

/// A pool of so many threads; of all cores for 0.
pub(crate) fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| Failure::Failed(format!("the threads could not be started: {error}")))
}

/// A list without what was there before.
pub(crate) fn distinct<T: PartialEq>(list: Vec<T>) -> Vec<T> {
    let mut out: Vec<T> = Vec::new();
    for item in list {
        if !out.contains(&item) {
            out.push(item);
        }
    }
    out
}

/// A lock that outlives a thread that panicked: what it holds is written whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes records as CSV, under their fields' names.
pub(crate) fn write_records(path: &Path, records: &[impl Serialize]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: String| Failure::Failed(format!("{}: {error}", path.display()));
    for record in records {
        writer.serialize(record).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    write_atomic(path, |out| out.write_all(&bytes))?;
    Ok(())
}

/// How a data file is read.
pub(crate) fn read_options(missing_values: &[String], key: Option<&String>) -> ReadOptions {
    ReadOptions { missing: MissingValues::new(missing_values), key: key.cloned(), ..ReadOptions::default() }
}

impl Reading {
    pub(crate) fn options(&self) -> ReadOptions {
        read_options(&self.missing_value, self.key.as_ref())
    }

    /// For rows that a run's model is to be used on: what stood for a missing value in the table that it was fitted to does so
    /// here, and an array is as wide as that table was, unless columns of that were chosen.
    pub(crate) fn options_for(&self, run: &Run) -> Result<ReadOptions> {
        let Some(trained) = run.read_table_options()? else { return Ok(self.options()) };
        let missing = [trained.missing_value.unwrap_or_default(), self.missing_value.clone()].concat();
        let whole_arrays = trained.columns.is_none() && trained.ignore_columns.is_none();
        Ok(ReadOptions { whole_arrays, ..read_options(&missing, self.key.as_ref()) })
    }
}
