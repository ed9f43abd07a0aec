//! Completed tables on their way out: the file that was read, with only its missing cells changed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::dialect::Separator;
use super::error::{Error, Result};
use super::fill::Fill;
use super::open::Format;
use super::source::{Content, Numbers, Source};
use super::values::Table;
use super::write::{Encoder, check_notations, npy, output_format};
use crate::files::{Staged, WriteError};

/// A completed table on its way to a file, block by block.
///
/// Text comes back byte for byte except for the missing cells, with its separator, other columns, header, quoting, blanks, line
/// ends and byte-order mark. Under another ending it has that ending's separator; decimal commas then stand between semicolons
/// in a `.csv` file. Imputed numbers are written as the shortest text that reads back the same, with the text's decimal mark.
/// What goes from text or Parquet to a `.npy` file is reduced to the table's columns, in the file's order, in double precision;
/// an array keeps all its columns and its precision. Parquet, which is one block, keeps the types of its columns. The ending of
/// the path decides (`.csv`, `.tsv`, `.npy`, each also `.gz`; `.parquet`). Numbers that go to an array are held in memory to the
/// end: it begins with their number.
pub struct CompletedFile {
    path: PathBuf,
    out: Encoder,
    format: Format,
    array: Numbers,
    width: usize,
}

impl CompletedFile {
    /// Begins a file. It has a temporary name.
    ///
    /// # Errors
    /// [`Error::OutputFormat`], and those of [`write_atomic`](crate::files::write_atomic).
    pub fn create(path: &Path) -> Result<CompletedFile> {
        let (format, array) = (output_format(path)?, Numbers::default());
        Ok(CompletedFile { path: path.to_owned(), out: Encoder::create(path)?, format, array, width: 0 })
    }

    /// Writes the rows that `table` was read from, with missing cells filled in from `completed` (N × D, row-major, in the
    /// table's column order).
    ///
    /// # Errors
    /// Those of [`write_atomic`](crate::files::write_atomic), and of [`check_completed`]; [`Error::BadParquet`] for a number
    /// that a column's type does not hold.
    ///
    /// # Panics
    /// If `completed` and the table differ in their number of values.
    pub fn write(&mut self, source: &Source, table: &Table, completed: &[f64]) -> Result<()> {
        let fill = Fill::new(source, table, completed);
        let from_parquet_only =
            |to_parquet| Error::FromParquetOnly { file: self.path.display().to_string(), to_parquet };
        let written = match (self.format, &source.content) {
            (Format::Parquet, Content::Parquet(parquet)) => {
                parquet.write(self.out.out(), &source.columns, table, completed)?
            }
            (Format::Parquet, _) => return Err(from_parquet_only(true)),
            (Format::Text { .. }, Content::Parquet(_)) => return Err(from_parquet_only(false)),
            (Format::Text { separator }, _) => fill.write(self.out.out(), separator, None),
            _ => {
                self.width = fill.numbers(&mut self.array);
                Ok(())
            }
        };
        Ok(written.map_err(|error| WriteError::new(&self.path, error))?)
    }

    /// Ends the file. The last step, which gives it its name, is left to the caller: several tables get their names together.
    ///
    /// # Errors
    /// Those of [`write_atomic`](crate::files::write_atomic).
    pub fn finish(mut self) -> Result<Staged> {
        if self.format == Format::Npy {
            let (width, values) = (self.width.max(1), std::mem::take(&mut self.array.values));
            let (rows, out) = (values.len() / width, self.out.out());
            let written = match self.array.single {
                true => npy(out, rows, width, values.into_iter().map(|value| value as f32)),
                false => npy(out, rows, width, values.into_iter()),
            };
            written.map_err(|error| WriteError::new(&self.path, error))?;
        }
        self.out.finish(&self.path)
    }
}

/// Writes completed rows as CSV, to any output: see [`CompletedFile::write`].
///
/// # Errors
/// Those of the output; [`io::ErrorKind::Unsupported`] for what was read from Parquet.
///
/// # Panics
/// If `completed` and the table differ in their number of values.
pub fn print_completed(out: &mut dyn Write, source: &Source, table: &Table, completed: &[f64]) -> io::Result<()> {
    Fill::new(source, table, completed).write(out, Separator::Comma, None)
}

/// Checks that the completed table can be written under this name, or to standard output where there is none, before any work is
/// done for it. `whole` says whether only whole numbers are imputed to a column of the table.
///
/// # Errors
/// Those of [`check_notations`]; [`Error::FromParquetOnly`]; [`Error::BadParquet`] where a column of whole numbers would get
/// fractions.
pub fn check_completed(
    path: Option<&Path>,
    source: &Source,
    table: &Table,
    whole: impl Fn(usize) -> bool,
) -> Result<()> {
    let format = path.map_or(Ok(Format::Text { separator: Separator::Comma }), output_format)?;
    let file = || path.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
    match (format, &source.content, path) {
        (Format::Parquet, Content::Parquet(parquet), _) => parquet.check(&source.columns, table, &whole),
        (Format::Text { .. }, Content::Parquet(_), _) => {
            Err(Error::FromParquetOnly { file: file(), to_parquet: false })
        }
        (Format::Parquet, _, _) => Err(Error::FromParquetOnly { file: file(), to_parquet: true }),
        (_, _, Some(path)) => check_notations(path, table),
        (_, _, None) => Ok(()),
    }
}
