//! One file a command.

mod bench;
mod describe;
pub(crate) mod evaluate;
pub(crate) mod frechet;
mod gradcheck;
pub(crate) mod imputation;
mod impute;
mod sample;
pub(crate) mod train;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use missvae::data::{Data, Standardisation};
use missvae::store::ModelInfo;
use serde::Serialize;

use crate::args::{Cli, Command, Common, Reading};
use crate::failure::{Failure, Result};
use crate::run::Run;
use missvae::files::write_atomic;
use missvae::table::{Input, MissingValues, ReadOptions, Table, read_for_model, read_images};
use missvae::table::{Pixels, binarise};

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

/// A table's numbers in their own units.
pub(crate) fn data_of(table: &Table) -> Data<f64> {
    Data::new(table.width(), table.values().to_vec(), table.mask())
}

/// A table's numbers in a model's units; `file` is what the user calls it.
pub(crate) fn standardised(file: &str, table: &Table, info: &ModelInfo) -> Result<Data<f32>> {
    let units = info.standardisation();
    let data = units.apply(&data_of(table));
    check_sizes(&data, &units, &column_names(info), |n| format!("{file}, row {}", n + 1))?;
    Ok(data)
}

/// Refuses numbers whose squares, in model units, single precision does not hold: their densities would not be numbers.
/// `place` names the file of a row, and where it is there.
pub(crate) fn check_sizes(
    data: &Data<f32>,
    units: &Standardisation,
    names: &[String],
    place: impl Fn(usize) -> String,
) -> Result<()> {
    let Some(cell) = data.values(0..data.rows()).iter().position(|x| !(x * x).is_finite()) else { return Ok(()) };
    let (n, d) = (cell / names.len(), cell % names.len());
    let value = units.restore(d, f64::from(data.values(n..n + 1)[d]));
    let value = if value.is_finite() { format!("about {value:.0e} is") } else { "its number is".to_owned() };
    Err(Failure::usage_hint(
        format!("{}, column {:?}: {value} too large beside the rest of the column", place(n), names[d]),
        "if it stands for a missing value, say so by --missing-value; else correct it, or change the column's unit",
    ))
}

/// A file's rows for a model: their numbers in the model's units. Images are made binary by the seed.
pub(crate) fn rows_for_model(input: &Input, options: &ReadOptions, info: &ModelInfo, seed: u64) -> Result<Data<f32>> {
    let Some(images) = &info.vae.images else {
        return standardised(&input.name(), &read_for_model(input, options, &column_names(info))?, info);
    };
    binary(&input.name(), &read_images(input, options, images.size)?, seed).map(|(data, _)| data)
}

/// A file of images of `size` × `size` pixels, made binary by the seed, and the names of the pixels.
pub(crate) fn binary_images(
    input: &Input,
    options: &ReadOptions,
    size: usize,
    seed: u64,
) -> Result<(Vec<String>, Data<f64>)> {
    let (names, mut values, observed) = read_images(input, options, size)?.into_parts();
    binarise(&input.name(), &mut values, names.len(), seed)?;
    let data = Data::new(names.len(), values, observed);
    Ok((names, data))
}

/// A table of images as binary pixels, and what they were.
pub(crate) fn binary(file: &str, table: &Table, seed: u64) -> Result<(Data<f32>, Pixels)> {
    let mut values = table.values().to_vec();
    let pixels = binarise(file, &mut values, table.width(), seed)?;
    let data = Data::new(table.width(), values, table.mask());
    Ok((Standardisation::none(table.width()).apply(&data), pixels))
}

/// The names of a model's columns.
pub(crate) fn column_names(info: &ModelInfo) -> Vec<String> {
    info.columns.iter().map(|column| column.name.clone()).collect()
}
