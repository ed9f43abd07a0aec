//! Completed tables on their way out: the file that was read, with only its missing cells changed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::dialect::{Dialect, Separator};
use super::error::{Error, Result};
use super::notation::number_text;
use super::open::Format;
use super::source::{Content, Numbers, RawText, Source};
use super::values::Table;
use super::write::{self, Encoder, cell_text, check_notations, header, npy, output_format, quoted};
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
            (Format::Text { separator }, _) => fill.write(self.out.out(), separator),
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
    Fill::new(source, table, completed).write(out, Separator::Comma)
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

struct Fill<'a> {
    source: &'a Source,
    table: &'a Table,
    completed: &'a [f64],
}

impl<'a> Fill<'a> {
    #[track_caller]
    fn new(source: &'a Source, table: &'a Table, completed: &'a [f64]) -> Self {
        assert_eq!(completed.len(), table.values().len(), "values of a completed table");
        Fill { source, table, completed }
    }

    /// The completed rows as text, under a name that promises a separator.
    fn write(&self, out: &mut dyn Write, separator: Separator) -> io::Result<()> {
        let Fill { source, table, .. } = self;
        match &source.content {
            Content::Text { text, dialect, header } => {
                self.text(out, text, *dialect, dialect.separator_under(separator).byte(), *header)
            }
            Content::Array(numbers) => {
                let delimiter = separator.byte();
                let names: Vec<String> = (0..source.columns.len()).map(|column| format!("x{column}")).collect();
                header(out, &names, delimiter)?;
                for row in 0..table.rows() {
                    for column in 0..names.len() {
                        let number = self.array_cell(numbers, row, column);
                        let single = numbers.single || self.missing(row, column).is_some();
                        let end = if column + 1 == names.len() { b'\n' } else { delimiter };
                        write!(out, "{}{}", number_text(number, single), end as char)?;
                    }
                }
                Ok(())
            }
            Content::Parquet(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Adds the completed rows to an array. Its width is returned.
    fn numbers(&self, array: &mut Numbers) -> usize {
        let Fill { source, table, completed } = self;
        match &source.content {
            Content::Text { .. } | Content::Parquet(_) => {
                let order: Vec<usize> = source.columns.iter().flatten().copied().collect();
                let width = order.len();
                let value = |row: usize, column: usize| {
                    let cell = row * width + column;
                    if table.observed(row, column) { table.values()[cell] } else { completed[cell] }
                };
                let cells = 0..table.rows() * width;
                array.values.extend(cells.map(|cell| value(cell / width, order[cell % width])));
                width
            }
            Content::Array(numbers) => {
                let width = source.columns.len();
                let cells = 0..table.rows() * width;
                array.values.extend(cells.map(|cell| self.array_cell(numbers, cell / width, cell % width)));
                array.single = numbers.single;
                width
            }
        }
    }

    /// The imputed number for a cell of the file, if it is one of the table's missing cells.
    fn missing(&self, row: usize, place: usize) -> Option<f64> {
        let column = self.source.columns[place]?;
        (!self.table.observed(row, column)).then(|| self.completed[row * self.table.width() + column])
    }

    fn array_cell(&self, numbers: &Numbers, row: usize, place: usize) -> f64 {
        self.missing(row, place).unwrap_or_else(|| numbers.values[row * self.source.columns.len() + place])
    }

    /// The records of a text, with `new` between cells. If `header`, the first record with cells is no row.
    fn text(&self, out: &mut dyn Write, text: &RawText, dialect: Dialect, new: u8, header: bool) -> io::Result<()> {
        let Fill { source, table, .. } = self;
        let old = dialect.separator.byte();
        let mut row = if header { None } else { Some(0) };
        for (record, spans) in text.records() {
            let mut written = 0;
            for (place, span) in spans.iter().enumerate() {
                let between = &record[written..span.bytes.start];
                out.write_all(if place > 0 { std::slice::from_ref(&new) } else { between })?;
                written = span.bytes.end;
                let cell = &record[span.bytes.clone()];
                match row.and_then(|row| self.missing(row, place)) {
                    Some(number) => {
                        let column = source.columns[place].unwrap_or_default();
                        write::cell(out, &cell_text(table.notation(column), number, dialect.decimal), new)?;
                    }
                    None if new != old && !span.quoted && cell.contains(&new) => quoted(out, cell)?,
                    None => out.write_all(cell)?,
                }
            }
            out.write_all(&record[written..])?;
            if !spans.is_empty() {
                row = Some(row.map_or(0, |row| row + 1));
            }
        }
        Ok(())
    }
}
