//! Tables on their way out.

use std::io::{self, Write};
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use npyz::WriterBuilder;

use super::dialect::{Decimal, Dialect, Separator};
use super::error::{Error, Result};
use super::notation::{Notation, number_text};
use super::open::{Format, has_ending};
use super::source::{Content, Numbers, Source};
use super::split::Splitter;
use super::values::Table;
use crate::files::{Staged, WriteError, stage};

/// Writes the file that `table` was read from, with missing cells filled in from `completed` (N × D, row-major, in the
/// table's column order).
///
/// Text comes back byte for byte except for the missing cells, with its separator, other columns, header, quoting, blanks, line
/// ends and byte-order mark. Under another ending it has that ending's separator; decimal commas then stand between semicolons
/// in a `.csv` file. Imputed numbers are written as the shortest text that reads back the same, with the text's decimal mark. Text that goes
/// to a `.npy` file is reduced to the table's columns, in the file's order, in double precision; an array keeps all its
/// columns and its precision. The ending of `path` decides (`.csv`, `.tsv`, `.npy`, each also `.gz`).
///
/// # Errors
/// [`Error::OutputFormat`], and those of [`write_atomic`](crate::files::write_atomic).
///
/// # Panics
/// If `completed` and the table differ in their number of values.
pub fn write_completed(path: &Path, source: &Source, table: &Table, completed: &[f64]) -> Result<()> {
    Ok(stage_completed(path, source, table, completed)?.commit()?)
}

/// The same, with the last step left to the caller: several tables get their names together.
///
/// # Errors
/// As [`write_completed`].
///
/// # Panics
/// As [`write_completed`].
pub fn stage_completed(path: &Path, source: &Source, table: &Table, completed: &[f64]) -> Result<Staged> {
    let (format, fill) = (output_format(path)?, Fill::new(source, table, completed));
    to_file(path, |out| fill.write(out, format))
}

/// The same as CSV, to any output.
///
/// # Errors
/// Those of the output.
///
/// # Panics
/// As [`write_completed`].
pub fn print_completed(out: &mut dyn Write, source: &Source, table: &Table, completed: &[f64]) -> io::Result<()> {
    Fill::new(source, table, completed).write(out, Format::Text { separator: Separator::Comma })
}

/// Writes `values` (row-major; NaN where missing) under a header, or as an array, by the ending of `path`.
///
/// # Errors
/// [`Error::OutputFormat`], and those of [`write_atomic`](crate::files::write_atomic).
///
/// # Panics
/// If there are no columns.
pub fn write_numbers(path: &Path, columns: &[String], values: &[f64]) -> Result<()> {
    write_cells(path, columns, values, &vec![Notation::Numbers; columns.len()])
}

fn write_cells(path: &Path, columns: &[String], values: &[f64], notations: &[Notation]) -> Result<()> {
    let width = columns.len();
    match output_format(path)? {
        Format::Text { separator } => to_file(path, |out| {
            let delimiter = separator.byte();
            header(out, columns, delimiter)?;
            for row in values.chunks_exact(width) {
                for (column, &value) in row.iter().enumerate() {
                    cell(out, &cell_text(&notations[column], value, Decimal::Point), delimiter)?;
                    out.write_all(&[if column + 1 == width { b'\n' } else { delimiter }])?;
                }
            }
            Ok(())
        }),
        _ => to_file(path, |out| npy(out, values.len() / width, width, values.iter().copied())),
    }?
    .commit()?;
    Ok(())
}

impl Table {
    /// Writes the table by the ending of `path`: `.csv`, `.tsv` or `.npy`, each also `.gz`. Missing cells become NaN. A
    /// file of this name is replaced as a whole, or not at all.
    ///
    /// # Errors
    /// [`Error::OutputFormat`]; [`Error::TextInArray`]; [`Error::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        check_notations(path.as_ref(), self)?;
        write_cells(path.as_ref(), self.columns(), self.values(), self.notations())
    }
}

/// Checks that a table can be written under this name, before any work is done for it.
///
/// # Errors
/// [`Error::OutputFormat`]; [`Error::Write`] where the name is that of a directory, or its directory is not there.
pub fn check_output(path: &Path) -> Result<()> {
    output_format(path)?;
    if path.is_dir() {
        return Err(WriteError::new(path, io::ErrorKind::IsADirectory.into()).into());
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            Err(WriteError::new(path, io::ErrorKind::NotFound.into()).into())
        }
        _ => Ok(()),
    }
}

/// Checks that a file of this name can hold the columns of a table: an array has numbers only.
///
/// # Errors
/// [`Error::OutputFormat`]; [`Error::TextInArray`].
pub fn check_notations(path: &Path, table: &Table) -> Result<()> {
    let texts = table.notations().iter().position(|notation| *notation != Notation::Numbers);
    match (output_format(path)?, texts) {
        (Format::Npy, Some(d)) => {
            Err(Error::TextInArray { file: path.display().to_string(), column: table.columns()[d].clone() })
        }
        _ => Ok(()),
    }
}

/// The format of an output file; unlike an input, it needs a known ending.
fn output_format(path: &Path) -> Result<Format> {
    let stem = if has_ending(path, "gz") { path.with_extension("") } else { path.to_owned() };
    if has_ending(&stem, "csv") {
        Ok(Format::Text { separator: Separator::Comma })
    } else if has_ending(&stem, "tsv") {
        Ok(Format::Text { separator: Separator::Tab })
    } else if has_ending(&stem, "npy") {
        Ok(Format::Npy)
    } else {
        Err(Error::OutputFormat { file: path.display().to_string() })
    }
}

fn to_file(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Staged> {
    Ok(stage(path, |out| {
        if !has_ending(path, "gz") {
            return content(out);
        }
        let mut gzip = GzEncoder::new(out, Compression::default());
        content(&mut gzip)?;
        gzip.finish().map(|_| ())
    })?)
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

    /// The whole completed file.
    fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        let Fill { source, table, completed } = self;
        match (format, &source.content) {
            (Format::Text { separator }, Content::Text { bytes, dialect }) => {
                self.text(out, bytes, *dialect, dialect.separator_under(separator).byte())
            }
            (Format::Text { separator }, Content::Array(numbers)) => {
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
            (_, Content::Text { .. }) => {
                let order: Vec<usize> = source.columns.iter().flatten().copied().collect();
                let width = order.len();
                let value = |row: usize, column: usize| {
                    let cell = row * width + column;
                    if table.observed(row, column) { table.values()[cell] } else { completed[cell] }
                };
                let values = (0..table.rows() * width).map(|cell| value(cell / width, order[cell % width]));
                npy(out, table.rows(), width, values)
            }
            (_, Content::Array(numbers)) => {
                let width = source.columns.len();
                let values = (0..table.rows() * width).map(|cell| self.array_cell(numbers, cell / width, cell % width));
                match numbers.single {
                    true => npy(out, table.rows(), width, values.map(|value| value as f32)),
                    false => npy(out, table.rows(), width, values),
                }
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

    fn text(&self, out: &mut dyn Write, bytes: &[u8], dialect: Dialect, new: u8) -> io::Result<()> {
        let Fill { source, table, .. } = self;
        let old = dialect.separator.byte();
        let mut splitter = Splitter::new(bytes, old);
        // The first record with cells is the header.
        let mut row = None;
        while splitter.advance()? {
            let record = &splitter.bytes;
            let mut written = 0;
            for (place, span) in splitter.spans.iter().enumerate() {
                let between = &record[written..span.bytes.start];
                out.write_all(if place > 0 { std::slice::from_ref(&new) } else { between })?;
                written = span.bytes.end;
                let cell = &record[span.bytes.clone()];
                match row.and_then(|row| self.missing(row, place)) {
                    Some(number) => {
                        let column = source.columns[place].unwrap_or_default();
                        self::cell(out, &cell_text(table.notation(column), number, dialect.decimal), new)?;
                    }
                    None if new != old && !span.quoted && cell.contains(&new) => quoted(out, cell)?,
                    None => out.write_all(cell)?,
                }
            }
            out.write_all(&record[written..])?;
            if !splitter.spans.is_empty() {
                row = Some(row.map_or(0, |row| row + 1));
            }
        }
        Ok(())
    }
}

fn header(out: &mut dyn Write, names: &[String], delimiter: u8) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
    writer.write_record(names)?;
    writer.flush()
}

/// A number as its column has it; that of a missing cell is NaN.
fn cell_text(notation: &Notation, number: f64, decimal: Decimal) -> String {
    let text = if number.is_nan() { number_text(number, false) } else { notation.text(number) };
    // A level may be a number too.
    if text.parse::<f64>().is_ok() { decimal.mark(text) } else { text }
}

/// A cell, in quotes where it needs them.
fn cell(out: &mut dyn Write, text: &str, delimiter: u8) -> io::Result<()> {
    let special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    // Blanks around a text would be lost on reading without quotes in some programs.
    match text.is_empty() || text.bytes().any(special) || text.trim_ascii() != text {
        true => quoted(out, text.as_bytes()),
        false => out.write_all(text.as_bytes()),
    }
}

/// A cell in quotes.
fn quoted(out: &mut dyn Write, cell: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    for (part, text) in cell.split(|&byte| byte == b'"').enumerate() {
        out.write_all(if part > 0 { b"\"\"" } else { b"" })?;
        out.write_all(text)?;
    }
    out.write_all(b"\"")
}

fn npy<T>(out: &mut dyn Write, rows: usize, width: usize, values: impl Iterator<Item = T>) -> io::Result<()>
where
    T: npyz::AutoSerialize + npyz::Serialize,
{
    let shape = [rows as u64, width as u64];
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(out).begin_nd()?;
    writer.extend(values)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let text = |number| number_text(number, true);
        assert_eq!(text(0.1_f32 as f64), "0.1");
        assert_eq!(text(-3.0), "-3");
        assert_eq!(text(1e-7), "1e-7");
        assert_eq!(text(1.5e20), "1.5e20");
        assert_eq!(text(1e300), "1e300");
        assert_eq!(text(1e-300), "1e-300");
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(number_text(0.1, false), "0.1");
        assert_eq!(number_text(1.0 / 3.0, false), "0.3333333333333333");
        for bits in (0..u32::MAX).step_by(104_729) {
            let number = f32::from_bits(bits);
            if number.is_finite() {
                assert_eq!(text(number.into()).parse::<f32>().unwrap().to_bits(), bits);
            }
        }
    }
}
