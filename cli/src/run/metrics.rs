//! `metrics.jsonl`: one JSON object a line.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};

use missvae::files::{WriteError, replace};
use serde::Serialize;

use super::{Run, system};
use crate::failure::{Failure, Result};

/// A file of one JSON object a line.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// The run, which knows where the file is: it moves when the run takes another's place.
    run: Run,
    file: File,
    /// Bytes of whole lines.
    length: u64,
    /// The last line that was there when it was opened.
    pub(crate) last: Option<String>,
}

impl Metrics {
    /// Adds a line, whole or not at all.
    pub(crate) fn add(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(line).map_err(|error| Failure::Failed(error.to_string()))?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|error| {
            // If this fails too, the part of a line is dropped when the run is resumed.
            let _ = self.file.set_len(self.length);
            WriteError::new(&self.run.metrics(), error)
        })?;
        self.length += text.len() as u64;
        Ok(())
    }
}

impl Run {
    /// The file of metrics, open for lines to be added, holding only the first `epochs` lines.
    pub(crate) fn metrics_after(&self, epochs: u64) -> Result<Metrics> {
        let path = self.metrics();
        let old = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| system(&path, error))?,
        };
        let whole = old.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let lines: Vec<&[u8]> = whole.take(usize::try_from(epochs).unwrap_or(usize::MAX)).collect();
        let kept = lines.concat();
        if kept != old || path.is_symlink() {
            replace(&path, |out| out.write_all(&kept))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|error| system(&path, error))?;
        // A line that is damaged tells nothing, and does not keep the run from going on.
        let last = lines.last().and_then(|line| str::from_utf8(line).ok()).map(str::to_owned);
        Ok(Metrics { run: self.clone(), file, length: kept.len() as u64, last })
    }

    /// Brings the lines of metrics to the disk: before a checkpoint that relies on them.
    pub(crate) fn sync_metrics(&self) -> Result<()> {
        let path = self.metrics();
        let file = OpenOptions::new().append(true).open(&path);
        Ok(file.and_then(|file| file.sync_data()).map_err(|error| WriteError::new(&path, error))?)
    }
}
