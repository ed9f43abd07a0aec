//! Small pieces that the paper's commands share.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use missvae::files::write_atomic;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, Result};
use crate::run::system;

/// The most runs of one setting that can be asked for.
pub(crate) const MOST_SEEDS: usize = 10_000;

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

/// The content of a JSON file. `None` if there is no such file. `again` says what happens once a damaged one is
/// removed.
pub(crate) fn read_json<S: DeserializeOwned>(path: &Path, again: &str) -> Result<Option<S>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|error| system(path, error))?;
    serde_json::from_str(&text).map(Some).map_err(|error| {
        Failure::usage_hint(format!("{}: {error}", path.display()), format!("remove the file, and {again}"))
    })
}

/// A table without the columns in which no row but the title has a value: "–" stands for none.
pub(super) fn without_empty_columns(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    if rows.len() < 2 {
        return rows;
    }
    let filled = |column: usize| rows.iter().skip(1).any(|row| row.get(column).is_some_and(|cell| cell != "–"));
    let columns: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).filter(|&column| filled(column)).collect();
    let chosen = |row: &Vec<String>| columns.iter().filter_map(|&column| row.get(column).cloned()).collect();
    rows.iter().map(chosen).collect()
}
