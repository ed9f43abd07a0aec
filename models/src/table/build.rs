//! Reading a [`Table`], for what it is to be used.

use std::path::Path;

use super::blocks::{BlockSize, Blocks};
use super::builder::{Builder, ReadTable, Wanted};
use super::cell::Cell;
use super::error::Result;
use super::open::Input;
use super::options::ReadOptions;
use super::problem::{Place, Reason};
use super::read::read;
use super::schema::{ColumnSchema, Schema};
use super::schema_file::SchemaFile;
use super::select::{Header, Selection};
use super::values::Table;
use super::visit::Visitor;
use crate::heads::ColumnType;

/// The columns of the bundled table that are used when nothing else is asked for: its measurements.
const PENGUIN_MEASUREMENTS: [&str; 6] = [
    "Culmen Length (mm)",
    "Culmen Depth (mm)",
    "Flipper Length (mm)",
    "Body Mass (g)",
    "Delta 15 N (o/oo)",
    "Delta 13 C (o/oo)",
];

impl Selection {
    /// What this choice means for `input`: for the bundled table, no choice means its six measurements.
    pub(super) fn for_input(&self, input: &Input) -> Selection {
        let mut selection = self.clone();
        if *input == Input::Bundled && selection.columns.is_none() {
            selection.columns = Some(PENGUIN_MEASUREMENTS.map(String::from).into());
        }
        selection
    }
}

/// Reads the columns that the user chose, to fit a model to them. With [`ReadOptions::typed`] their types are inferred; columns
/// that cannot be used are left out, unless they were chosen by name. Without, all are numeric.
///
/// # Errors
/// Whatever keeps the file from being a table; [`super::Error::UnusableColumns`], once, for all columns that cannot be used;
/// [`super::Error::NothingObserved`] if the whole table is missing.
pub fn read_to_fit(input: &Input, options: &ReadOptions) -> Result<ReadTable> {
    let mut selection = options.selection.for_input(input);
    selection.ignore.extend(options.schema.iter().flat_map(SchemaFile::ignored).cloned());
    let given = options.schema.clone().unwrap_or_default();
    let mut builder = Builder::with_schema(Wanted::Chosen { selection: &selection, to_fit: true }, given);
    read(input, options, &mut builder)?;
    if !options.typed && options.schema.is_none() {
        let table = builder.finish()?;
        let schema = Schema::of(table.columns(), ColumnType::Numeric);
        return Ok(ReadTable { table, schema, left_out: Vec::new(), ambiguous_dates: Vec::new() });
    }
    builder.finish_typed(selection.columns.is_some(), options.typed)
}

/// Reads a table once for another visitor, and what its columns seem to hold, or why no model can be fitted to them. None where
/// a model cannot have the columns' names.
///
/// # Errors
/// As those of the reading, and of the visitor.
pub(super) fn read_with_types(
    input: &Input,
    options: &ReadOptions,
    selection: &Selection,
    other: &mut dyn Visitor,
) -> Result<Option<Vec<std::result::Result<ColumnSchema, Reason>>>> {
    let mut both = Both { other, builder: Some(Builder::new(Wanted::Chosen { selection, to_fit: true })) };
    read(input, options, &mut both)?;
    Ok(both.builder.map(Builder::types))
}

/// Shows a table to two visitors.
struct Both<'a, 'b> {
    other: &'a mut dyn Visitor,
    /// None once it has refused the header.
    builder: Option<Builder<'b>>,
}

impl Visitor for Both<'_, '_> {
    fn header(&mut self, header: &Header) -> Result<Vec<usize>> {
        let places = self.other.header(header)?;
        self.builder = self.builder.take().filter(|_| header.check_names(&places).is_ok());
        if let Some(builder) = &mut self.builder {
            builder.header(header)?;
        }
        Ok(places)
    }

    fn cell(&mut self, place: Place, column: usize, cell: Cell<'_>) {
        self.other.cell(place, column, cell);
        self.builder.iter_mut().for_each(|builder| builder.cell(place, column, cell));
    }

    fn end_row(&mut self) {
        self.other.end_row();
        self.builder.iter_mut().for_each(Builder::end_row);
    }
}

/// Reads a fitted model's columns: all rows of [`Blocks::of_model`].
///
/// # Errors
/// As [`Blocks::next_block`].
pub fn read_for_model(input: &Input, options: &ReadOptions, columns: &[ColumnSchema]) -> Result<Table> {
    whole(Blocks::of_model(input, options, columns, BlockSize::WHOLE, false)?)
}

/// Reads images of `size` × `size` pixels: all rows of [`Blocks::of_images`].
///
/// # Errors
/// As [`Blocks::next_block`]; [`super::Error::UnusableColumns`] for text.
pub fn read_images(input: &Input, options: &ReadOptions, size: usize) -> Result<Table> {
    whole(Blocks::of_images(input, options, size, false)?)
}

/// The table of a file that is one block.
fn whole(mut blocks: Blocks<'_>) -> Result<Table> {
    let block = blocks.next_block()?;
    Ok(block.expect("a file without a row is refused").table)
}

impl Table {
    /// Reads a table by the ending of its name: `.csv` and `.tsv` with a header, `.npy`, IDX images (`.idx`, `-ubyte`), each
    /// also `.gz`; `.npz`; `.parquet`, with the feature `parquet`; or a directory of PNG images. Columns of arrays and images
    /// are called x0, x1, … Columns of dates become days since 1970, and columns with other texts places in a list of them:
    /// see [`super::Notation`].
    ///
    /// # Errors
    /// Whatever keeps the file from being a table; [`super::Error::UnusableColumns`], once, for all columns with infinite values.
    pub fn read(path: impl AsRef<Path>) -> Result<Table> {
        Table::read_with(path, &ReadOptions::default())
    }

    /// [`Table::read`], with options.
    ///
    /// # Errors
    /// As [`Table::read`]; [`super::Error::UnknownColumns`] and [`super::Error::NothingSelected`] for the choice of columns.
    pub fn read_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Table> {
        Table::read_input(&Input::File(path.as_ref().to_owned()), options)
    }

    /// [`Table::read_with`], from any input.
    ///
    /// # Errors
    /// As [`Table::read_with`].
    pub fn read_input(input: &Input, options: &ReadOptions) -> Result<Table> {
        let mut builder = Builder::new(Wanted::Chosen { selection: &options.selection, to_fit: false });
        read(input, options, &mut builder)?;
        builder.finish_untyped()
    }

    /// The bundled table: 344 penguins of the Palmer archipelago with six measurements, 35 of 2064 cells missing
    /// (Horst, Hill & Gorman 2020, doi:10.5281/zenodo.3960218, CC0).
    pub fn penguins() -> Table {
        read_to_fit(&Input::Bundled, &ReadOptions::default()).expect("the bundled table is one").table
    }
}
