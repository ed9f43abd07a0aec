//! The points of finished runs, stored in the output directory. An interrupted study goes on with the runs that are
//! left.

use std::path::{Path, PathBuf};

use missvae::config::Options;
use missvae::files::write_atomic;
use missvae::fingerprint::of_text;
use missvae::snr::Study;

use super::point::Point;
use super::prepare::Prepared;
use super::variants::Variant;
use crate::failure::{Failure, Result};
use crate::paper::shared::read_json;

/// Version of the results. It changes when the same options give other points (beyond rounding).
const VERSION: u32 = 2;
/// The directory of the files.
pub(super) const DIRECTORY: &str = "measured";

/// The file of a run. The name describes the run and ends in a hash of all that it depends on.
pub(super) fn file(out: &Path, run: &Prepared, variant: &Variant, study: &Study) -> Result<PathBuf> {
    // Where the table lies is no part of what the run is.
    let options = Options { data: None, ..run.config.options.clone() };
    let text = options.to_toml();
    let Study { epoch, draws, every } = study;
    let whole = format!("{VERSION}\n{text}\n{epoch} {draws:?} {every}\n{}", run.rows.fingerprint);
    let hash = of_text(&whole);
    let name = format!("{}-seed{}-{hash:016x}.json", variant.slug(), run.config.train.seed);
    Ok(out.join(DIRECTORY).join(name))
}

/// The points of a run that is finished.
pub(super) fn read(path: &Path) -> Result<Option<Vec<Point>>> {
    read_json(path, "the run is made again")
}

/// Stores the points of a run.
pub(super) fn write(path: &Path, points: &[Point]) -> Result<()> {
    let text = serde_json::to_string(points).map_err(|error| Failure::Failed(error.to_string()))?;
    write_atomic(path, |file| writeln!(file, "{text}"))?;
    Ok(())
}
