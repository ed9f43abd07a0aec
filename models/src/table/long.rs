//! Long files: the incomplete table and all completed ones, one below the other.

use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::{SpooledTempFile, spooled_tempfile_in};

use super::dialect::Separator;
use super::error::{Error, Result};
use super::fill::{Fill, LABELS, Label};
use super::open::Format;
use super::source::{Content, Source};
use super::values::Table;
use super::write::{Encoder, output_format};
use crate::files::{Staged, WriteError};

/// The most bytes of a completed table that wait in memory.
const IN_MEMORY: usize = 1 << 16;

/// The incomplete table and M completed ones on their way to one file, block by block.
///
/// It is the long format of mice: the columns `.imp` (0 for the incomplete table, and then 1 to M) and `.id` (the row, from 1)
/// stand before those of the table. Rows come back byte for byte but for the missing cells of completed tables, as in
/// [`CompletedFile`](super::CompletedFile). Completed tables wait in temporary files without a name, in the directory of the file:
/// memory does not grow with the rows.
pub struct LongFile {
    path: PathBuf,
    out: Encoder,
    separator: Separator,
    draws: Vec<BufWriter<SpooledTempFile>>,
    rows: usize,
}

impl LongFile {
    /// Begins a file of M completed tables. It has a temporary name.
    ///
    /// # Errors
    /// As [`check_long`], and [`write_atomic`](crate::files::write_atomic).
    pub fn create(path: &Path, draws: usize) -> Result<LongFile> {
        let (separator, out) = (separator(path)?, Encoder::create(path)?);
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let draws = (0..draws).map(|_| BufWriter::new(spooled_tempfile_in(IN_MEMORY, directory))).collect();
        Ok(LongFile { path: path.to_owned(), out, separator, draws, rows: 0 })
    }

    /// Writes the rows that `table` was read from, as they are, and once for each of the M `completed` tables (N × D each,
    /// row-major, in the table's column order).
    ///
    /// # Errors
    /// Those of [`write_atomic`](crate::files::write_atomic).
    ///
    /// # Panics
    /// If there are not M completed tables with a number for each of the table's cells.
    pub fn write(&mut self, source: &Source, table: &Table, completed: &[Vec<f64>]) -> Result<()> {
        assert_eq!(completed.len(), self.draws.len(), "completed tables of a long file");
        let (separator, first) = (self.separator, self.rows);
        let write = |out: &mut dyn Write, imputation: usize, values: &[f64]| {
            let label = Label { imputation, first, names: imputation == 0 && first == 0 };
            Fill::new(source, table, values).write(out, separator, Some(label))
        };
        let incomplete = write(self.out.out(), 0, table.values());
        let mut draws = self.draws.iter_mut().zip(completed).enumerate();
        let written = incomplete.and_then(|()| draws.try_for_each(|(n, (draw, values))| write(draw, n + 1, values)));
        self.rows += table.rows();
        Ok(written.map_err(|error| WriteError::new(&self.path, error))?)
    }

    /// Ends the file. The last step, which gives it its name, is left to the caller.
    ///
    /// # Errors
    /// Those of [`write_atomic`](crate::files::write_atomic).
    pub fn finish(mut self) -> Result<Staged> {
        let out = self.out.out();
        let mut draws = self.draws.into_iter();
        let joined = draws.try_for_each(|draw| -> io::Result<()> {
            let mut draw = draw.into_inner().map_err(io::IntoInnerError::into_error)?;
            draw.rewind()?;
            io::copy(&mut draw, &mut *out)?;
            Ok(())
        });
        joined.map_err(|error| WriteError::new(&self.path, error))?;
        self.out.finish(&self.path)
    }
}

/// Checks that a file of this name can be a long one, before any work is done for it; and, where it is given, that the rows of
/// `source` can stand in it.
///
/// # Errors
/// [`Error::LongFormat`]; [`Error::OutputFormat`]; [`Error::LongColumn`]; [`Error::FromParquetOnly`].
pub fn check_long(path: &Path, source: Option<&Source>) -> Result<()> {
    separator(path)?;
    let Some(source) = source else { return Ok(()) };
    if let Content::Parquet(_) = source.content {
        return Err(Error::FromParquetOnly { file: path.display().to_string(), to_parquet: false });
    }
    match source.names().into_iter().find(|name| LABELS.contains(&&name[..])) {
        Some(column) => Err(Error::LongColumn { column }),
        None => Ok(()),
    }
}

/// The separator that a name promises.
fn separator(path: &Path) -> Result<Separator> {
    match output_format(path)? {
        Format::Text { separator } => Ok(separator),
        _ => Err(Error::LongFormat { file: path.display().to_string() }),
    }
}
