//! Tables with missing cells: from the user's files and back.
//!
//! [`Input`] is where a table comes from, [`Selection`] which of its columns are wanted, [`Table`] the numbers. A table
//! that is to be written back completed comes with its [`Source`], which remembers every byte of the file.
//!
//! - [`read_to_fit`]: the columns that the user chose, checked to be usable;
//! - [`read_for_model`]: the columns of a fitted model, found by name;
//! - [`read_to_complete`]: the same, with the source;
//! - [`read_images`], [`read_images_to_complete`]: rows of pixels;
//! - [`write_completed`], [`write_numbers`]: the way back.

mod array;
mod build;
mod cell;
mod describe;
mod error;
mod folder;
mod idx;
mod open;
mod pixels;
mod problem;
mod resize;
mod select;
mod split;
mod text;
mod write;

#[cfg(test)]
mod tests;

pub use build::{read_for_model, read_images, read_images_to_complete, read_to_complete, read_to_fit};
pub use cell::{Cell, MissingValues};
pub use describe::{ColumnDescription, Description, Kind, Pattern, describe};
pub use error::{Error, Result};
pub use open::Input;
pub use pixels::{Pixels, binarise};
pub use problem::{ArrayProblem, GzipProblem, IdxProblem, PixelProblem, Place, PngProblem, Reason, UnusableColumn};
pub use select::{Header, Selection, parse_names};
pub use write::{check_output, write_completed, write_numbers};

use open::Format;

/// Numbers in rows and named columns; some are missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    /// Row-major; NaN where missing, finite elsewhere.
    values: Vec<f64>,
}

impl Table {
    /// A table of `values`, row-major, NaN where missing.
    ///
    /// # Panics
    /// If there are no columns, or the values do not fill whole rows.
    #[track_caller]
    pub fn new(columns: Vec<String>, values: Vec<f64>) -> Self {
        let width = columns.len();
        assert!(width > 0 && values.len().is_multiple_of(width), "{} values in rows of {width}", values.len());
        Self { columns, values }
    }

    /// The columns' names.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// D, the number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// N, the number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// All cells, N × D, row-major; NaN where missing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// A row's cells; NaN where missing.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width()..][..self.width()]
    }

    /// m\[n,d\]: whether a cell is observed.
    pub fn observed(&self, row: usize, column: usize) -> bool {
        !self.row(row)[column].is_nan()
    }

    /// m: for every cell, N × D, row-major, whether it is observed.
    pub fn mask(&self) -> Vec<bool> {
        self.values.iter().map(|value| !value.is_nan()).collect()
    }

    /// The columns' names, the values (NaN where missing) and the mask, without a copy of the values.
    pub fn into_parts(self) -> (Vec<String>, Vec<f64>, Vec<bool>) {
        let mask = self.mask();
        (self.columns, self.values, mask)
    }

    /// How many cells are missing.
    pub fn missing_cells(&self) -> usize {
        self.values.iter().filter(|value| value.is_nan()).count()
    }
}

/// How DATA is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What stands for a missing value.
    pub missing: MissingValues,
    /// The array of a `.npz` file (`--key`).
    pub key: Option<String>,
    /// Whether larger images are made smaller (`--resize`).
    pub resize: bool,
    /// Whether an array for a model must have just the model's columns: its columns have no names to be found by.
    pub whole_arrays: bool,
}

/// The file that a table was read from, whole, so that it can be written back with only the missing cells changed.
pub struct Source {
    content: Content,
    /// For every column of the file, the table's column that was read from it.
    columns: Vec<Option<usize>>,
}

enum Content {
    Text { bytes: Vec<u8>, delimiter: u8 },
    Array(Numbers),
}

/// All numbers of an array file.
#[derive(Default)]
struct Numbers {
    /// Row-major.
    values: Vec<f64>,
    /// Whether the file holds single precision.
    single: bool,
}

/// What goes through a table cell by cell: builds it, or describes it.
pub trait Sink {
    /// Takes the file's column names and answers with the places of the columns that it wants, in its own order.
    fn header(&mut self, header: &Header) -> Result<Vec<usize>>;
    /// Takes the next cell of the row; `column` counts the wanted columns.
    fn cell(&mut self, place: Place, column: usize, cell: Cell<'_>);
    /// The row is complete.
    fn end_row(&mut self);
}

/// Feeds a table to `sink`, in memory that does not grow with it.
///
/// # Errors
/// Whatever keeps the file from being a table; see [`Error`].
pub fn scan(input: &Input, options: &ReadOptions, sink: &mut dyn Sink) -> Result<()> {
    read(input, options, sink, false).map(|_| ())
}

/// [`scan`], remembering the file if `keep`; also the file's width.
fn read(input: &Input, options: &ReadOptions, sink: &mut dyn Sink, keep: bool) -> Result<(usize, Option<Content>)> {
    let format = input.format()?;
    let missing = &options.missing;
    match (format, input) {
        (Format::Npz, _) => {}
        _ if options.key.is_some() => return Err(Error::KeyWithoutArchive { file: input.name() }),
        _ => {}
    }
    if let Format::Text { delimiter } = format {
        let mut bytes = Vec::new();
        let width = text::scan(input.open()?, delimiter, missing, sink, keep.then_some(&mut bytes))?;
        return Ok((width, keep.then_some(Content::Text { bytes, delimiter })));
    }
    let mut numbers = Numbers::default();
    let kept = keep.then_some(&mut numbers);
    let width = match (format, input) {
        (Format::Npz, Input::File(path)) => array::scan_npz(path, options.key.as_deref(), missing, sink, kept),
        (Format::Folder, Input::File(path)) => folder::scan_folder(path, missing, sink, kept),
        (Format::Idx, _) => idx::scan_idx(input.open()?, missing, sink, kept),
        _ => array::scan_npy(input.open()?, missing, sink, kept),
    }?;
    Ok((width, keep.then_some(Content::Array(numbers))))
}
