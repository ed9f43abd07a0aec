//! Tables on their way out.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use npyz::WriterBuilder;

use super::dialect::{Decimal, Separator};
use super::error::{Error, Result};
use super::notation::{Notation, number_text};
use super::open::{Format, Input, has_ending};
use super::values::Table;
use crate::files::{Staged, Staging, WriteError, check_place};

/// The bytes of a file on their way.
pub(super) enum Encoder {
    Plain(Box<Staging>),
    Gzip(Box<GzEncoder<Staging>>),
}

impl Encoder {
    pub(super) fn create(path: &Path) -> Result<Encoder> {
        let staging = Staging::create(path)?;
        Ok(match has_ending(path, "gz") {
            true => Encoder::Gzip(Box::new(GzEncoder::new(staging, Compression::default()))),
            false => Encoder::Plain(Box::new(staging)),
        })
    }

    pub(super) fn out(&mut self) -> &mut dyn Write {
        match self {
            Encoder::Plain(staging) => staging,
            Encoder::Gzip(gzip) => gzip,
        }
    }

    pub(super) fn finish(self, path: &Path) -> Result<Staged> {
        let staging = match self {
            Encoder::Plain(staging) => *staging,
            Encoder::Gzip(gzip) => gzip.finish().map_err(|error| WriteError::new(path, error))?,
        };
        Ok(staging.finish()?)
    }
}

/// Rows of numbers on their way to a file: see [`write_numbers`].
pub struct NumbersFile {
    path: PathBuf,
    out: Encoder,
    /// None of an array, whose numbers are held to the end.
    delimiter: Option<u8>,
    width: usize,
    array: Vec<f64>,
}

impl NumbersFile {
    /// Begins a file with these columns.
    ///
    /// # Errors
    /// As [`write_numbers`].
    ///
    /// # Panics
    /// If there are no columns.
    pub fn create(path: &Path, columns: &[String]) -> Result<NumbersFile> {
        assert!(!columns.is_empty(), "a file without columns");
        let delimiter = match numbers_format(path)? {
            Format::Text { separator } => Some(separator.byte()),
            _ => None,
        };
        let mut out = Encoder::create(path)?;
        if let Some(delimiter) = delimiter {
            header(out.out(), columns, delimiter).map_err(|error| WriteError::new(path, error))?;
        }
        Ok(NumbersFile { path: path.to_owned(), out, delimiter, width: columns.len(), array: Vec::new() })
    }

    /// Writes rows of `values` (row-major; NaN where missing).
    ///
    /// # Errors
    /// As [`write_numbers`].
    pub fn write(&mut self, values: &[f64]) -> Result<()> {
        match self.delimiter {
            Some(delimiter) => {
                let notations = vec![Notation::Numbers; self.width];
                rows(self.out.out(), values, &notations, delimiter)
                    .map_err(|error| WriteError::new(&self.path, error))?;
            }
            None => self.array.extend_from_slice(values),
        }
        Ok(())
    }

    /// Ends the file, all but the name.
    ///
    /// # Errors
    /// As [`write_numbers`].
    pub fn finish(mut self) -> Result<Staged> {
        if self.delimiter.is_none() {
            let rows = self.array.len() / self.width;
            npy(self.out.out(), rows, self.width, self.array.into_iter())
                .map_err(|error| WriteError::new(&self.path, error))?;
        }
        self.out.finish(&self.path)
    }
}

/// Writes `values` (row-major; NaN where missing) under a header, or as an array, by the ending of `path`.
///
/// # Errors
/// [`Error::OutputFormat`]; [`Error::FromParquetOnly`]; those of [`write_atomic`](crate::files::write_atomic).
///
/// # Panics
/// If there are no columns.
pub fn write_numbers(path: &Path, columns: &[String], values: &[f64]) -> Result<()> {
    Ok(stage_cells(path, columns, values, &vec![Notation::Numbers; columns.len()])?.commit()?)
}

fn stage_cells(path: &Path, columns: &[String], values: &[f64], notations: &[Notation]) -> Result<Staged> {
    let (format, mut encoder) = (numbers_format(path)?, Encoder::create(path)?);
    let (width, out) = (columns.len(), encoder.out());
    match format {
        Format::Text { separator } => {
            let delimiter = separator.byte();
            header(out, columns, delimiter).and_then(|()| rows(out, values, notations, delimiter))
        }
        _ => npy(out, values.len() / width, width, values.iter().copied()),
    }
    .map_err(|error| WriteError::new(path, error))?;
    encoder.finish(path)
}

/// Rows of cells, as many in each as there are notations.
fn rows(out: &mut dyn Write, values: &[f64], notations: &[Notation], delimiter: u8) -> io::Result<()> {
    let width = notations.len();
    for row in values.chunks_exact(width) {
        for (column, &value) in row.iter().enumerate() {
            cell(out, &cell_text(&notations[column], value, Decimal::Point), delimiter)?;
            out.write_all(&[if column + 1 == width { b'\n' } else { delimiter }])?;
        }
    }
    Ok(())
}

impl Table {
    /// Writes the table by the ending of `path`: `.csv`, `.tsv` or `.npy`, each also `.gz`. Missing cells become NaN. A
    /// file of this name is replaced as a whole, or not at all.
    ///
    /// # Errors
    /// [`Error::OutputFormat`]; [`Error::FromParquetOnly`]; [`Error::TextInArray`]; [`Error::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(self.stage(path)?.commit()?)
    }

    /// The same, with the last step left to the caller: until then the file does not have its name.
    ///
    /// # Errors
    /// As [`Table::write`].
    pub fn stage(&self, path: impl AsRef<Path>) -> Result<Staged> {
        check_notations(path.as_ref(), self)?;
        stage_cells(path.as_ref(), self.columns(), self.values(), self.notations())
    }
}

/// Checks that a table can be written under this name, before any work is done for it.
///
/// # Errors
/// [`Error::OutputFormat`]; [`Error::Write`] where the name is that of a directory, or its directory is not there.
pub fn check_output(path: &Path) -> Result<()> {
    check_output_of(path, &Input::Stdin)
}

/// [`check_output`], for what is read from `input`: a Parquet file can become another one.
///
/// # Errors
/// As [`check_output`]; [`Error::FromParquetOnly`].
pub fn check_output_of(path: &Path, input: &Input) -> Result<()> {
    let to_parquet = output_format(path)? == Format::Parquet;
    if to_parquet && input.format()? != Format::Parquet {
        return Err(Error::FromParquetOnly { file: path.display().to_string(), to_parquet });
    }
    Ok(check_place(path)?)
}

/// Checks that a file of this name can hold the columns of a table: an array has numbers only.
///
/// # Errors
/// [`Error::OutputFormat`]; [`Error::TextInArray`].
pub fn check_notations(path: &Path, table: &Table) -> Result<()> {
    let texts = table.notations().iter().position(|notation| !notation.is_numbers());
    match (output_format(path)?, texts) {
        (Format::Npy, Some(d)) => {
            Err(Error::TextInArray { file: path.display().to_string(), column: table.columns()[d].clone() })
        }
        _ => Ok(()),
    }
}

/// The format of an output file of numbers that are not a file's: it is not Parquet.
fn numbers_format(path: &Path) -> Result<Format> {
    match output_format(path)? {
        Format::Parquet => Err(Error::FromParquetOnly { file: path.display().to_string(), to_parquet: true }),
        format => Ok(format),
    }
}

/// The format of an output file; unlike an input, it needs a known ending.
pub(super) fn output_format(path: &Path) -> Result<Format> {
    let stem = if has_ending(path, "gz") { path.with_extension("") } else { path.to_owned() };
    if has_ending(&stem, "csv") {
        Ok(Format::Text { separator: Separator::Comma })
    } else if has_ending(&stem, "tsv") {
        Ok(Format::Text { separator: Separator::Tab })
    } else if has_ending(&stem, "npy") {
        Ok(Format::Npy)
    } else if has_ending(path, "parquet") {
        Ok(Format::Parquet)
    } else {
        Err(Error::OutputFormat { file: path.display().to_string() })
    }
}

pub(super) fn header(out: &mut dyn Write, names: &[String], delimiter: u8) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
    writer.write_record(names)?;
    writer.flush()
}

/// A number as its column has it; that of a missing cell is NaN.
pub(super) fn cell_text(notation: &Notation, number: f64, decimal: Decimal) -> String {
    let text = if number.is_nan() { number_text(number, false) } else { notation.text(number) };
    // A level may be a number too.
    if text.parse::<f64>().is_ok() { decimal.mark(text) } else { text }
}

/// A cell, in quotes where it needs them.
pub(super) fn cell(out: &mut dyn Write, text: &str, delimiter: u8) -> io::Result<()> {
    let special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    // Blanks around a text would be lost on reading without quotes in some programs.
    match text.is_empty() || text.bytes().any(special) || text.trim_ascii() != text {
        true => quoted(out, text.as_bytes()),
        false => out.write_all(text.as_bytes()),
    }
}

/// A cell in quotes.
pub(super) fn quoted(out: &mut dyn Write, cell: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    for (part, text) in cell.split(|&byte| byte == b'"').enumerate() {
        out.write_all(if part > 0 { b"\"\"" } else { b"" })?;
        out.write_all(text)?;
    }
    out.write_all(b"\"")
}

pub(super) fn npy<T>(out: &mut dyn Write, rows: usize, width: usize, values: impl Iterator<Item = T>) -> io::Result<()>
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
