//! Rows for a fitted model, in its units.

use super::coding::coded;
use super::error::{Error, Result};
use crate::data::{Data, Standardisation};
use crate::heads::ColumnType;
use crate::store::{Column, ModelInfo};
use crate::table::{self, Beyond, ColumnSchema, Input, Pixels, ReadOptions, Table, binarise, read_images};

/// A table's numbers in their own units.
pub fn table_data(table: &Table) -> Data<f64> {
    Data::new(table.width(), table.values().to_vec(), table.mask())
}

/// The names of a model's columns.
pub fn column_names(info: &ModelInfo) -> Vec<String> {
    info.columns.iter().map(|column| column.name.clone()).collect()
}

/// A table's numbers in a model's units; `file` is its name in messages.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Value`].
pub fn standardised(file: &str, table: &Table, info: &ModelInfo) -> Result<Data<f32>> {
    standardised_from(file, 0, table, info)
}

/// [`standardised`], of rows that have `first` before them.
pub(super) fn standardised_from(file: &str, first: usize, table: &Table, info: &ModelInfo) -> Result<Data<f32>> {
    let units = info.standardisation();
    let data = units.apply(&coded(table.clone(), &info.schema()));
    check_values(&data, &units, &info.columns, |n| (file.to_owned(), first + n + 1))?;
    Ok(data)
}

/// Refuses numbers whose squares, in model units, single precision does not hold: their densities would not be numbers.
/// `place` is the file of a row, and its number there, from 1.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn check_magnitudes(
    data: &Data<f32>,
    units: &Standardisation,
    names: &[String],
    place: impl Fn(usize) -> (String, usize),
) -> Result<()> {
    let values = data.values(0..data.rows());
    let Some(cell) = values.iter().position(|x| !(x * x).is_finite()) else { return Ok(()) };
    let (n, d) = (cell / names.len(), cell % names.len());
    let (file, row) = place(n);
    Err(Error::TooLarge { file, row, column: names[d].clone(), value: units.restore(d, f64::from(values[cell])) })
}

/// Refuses values that a column's type does not allow, and numbers whose squares, in model units, single precision does not
/// hold: their densities would not be numbers. `place` is the file of a row, and its number there, from 1.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Value`].
pub fn check_values(
    data: &Data<f32>,
    units: &Standardisation,
    columns: &[Column],
    place: impl Fn(usize) -> (String, usize),
) -> Result<()> {
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    check_magnitudes(data, units, &names, &place)?;
    let (values, observed) = (data.values(0..data.rows()), data.observed(0..data.rows()));
    let kinds = columns.iter().map(|column| column.kind).enumerate();
    for (d, kind) in kinds.filter(|(_, kind)| *kind != ColumnType::Numeric) {
        let head = kind.column();
        let mut cells = (d..values.len()).step_by(columns.len()).filter(|&cell| observed[cell]);
        if let Some(cell) = cells.find(|&cell| !head.allows(f64::from(values[cell]))) {
            let (file, row) = place(cell / columns.len());
            let value = units.restore(d, f64::from(values[cell]));
            return Err(Error::Value { file, row, column: names[d].clone(), value, column_type: kind });
        }
    }
    Ok(())
}

/// Refuses values beyond the bounds that the user gives for their column.
///
/// # Errors
/// [`Error::OutOfBounds`].
pub(super) fn check_bounds(file: &str, table: &Table, columns: &[ColumnSchema]) -> Result<()> {
    let mut beyond = columns.iter().enumerate().filter_map(|(d, column)| column.first_beyond(table, d));
    match beyond.next() {
        None => Ok(()),
        Some(Beyond { row, column, value, bounds }) => {
            Err(Error::OutOfBounds { file: file.to_owned(), row: row + 1, column, value, bounds })
        }
    }
}

/// The rows of a table in memory for a model, in its units: the model's columns, found by name; of images, all columns.
/// Images are made binary by the seed.
///
/// # Errors
/// If the table lacks a column, is not of the images' size, or holds a number that is too large.
pub fn model_rows(table: &Table, info: &ModelInfo, seed: u64) -> Result<Data<f32>> {
    let file = "the table";
    match &info.vae.images {
        None => standardised(file, &table.select(&column_names(info))?, info),
        Some(images) => image_rows(table, images.size, seed).map(|(data, _)| data),
    }
}

/// The rows of a table in memory as images of `size` × `size` binary pixels, and what the pixels were.
pub(crate) fn image_rows(table: &Table, size: usize, seed: u64) -> Result<(Data<f32>, Pixels)> {
    check_image_size(table, size)?;
    binary_pixels("the table", table, seed)
}

/// Refuses a table whose rows are not images of `size` × `size` pixels.
pub(super) fn check_image_size(table: &Table, size: usize) -> Result<()> {
    match table.width() {
        found if found == size * size => Ok(()),
        found => Err(table::Error::ImageSize { file: "the table".to_owned(), found, size }.into()),
    }
}

/// A file of images of `size` × `size` pixels, made binary by the seed, and the names of the pixels.
///
/// # Errors
/// If the file cannot be read, or its numbers are no pixels.
pub fn binary_images(input: &Input, options: &ReadOptions, size: usize, seed: u64) -> Result<(Vec<String>, Data<f64>)> {
    binary_table(&input.name(), read_images(input, options, size)?, seed)
}

/// A table of images, made binary by the seed, and the names of the pixels; `file` is its name in messages.
pub(super) fn binary_table(file: &str, table: Table, seed: u64) -> Result<(Vec<String>, Data<f64>)> {
    let (names, mut values, observed) = table.into_parts();
    binarise(file, &mut values, names.len(), seed)?;
    let data = Data::new(names.len(), values, observed);
    Ok((names, data))
}

/// A table of images as binary pixels, and what they were; `file` is its name in messages.
///
/// # Errors
/// If its numbers are no pixels.
pub fn binary_pixels(file: &str, table: &Table, seed: u64) -> Result<(Data<f32>, Pixels)> {
    let mut values = table.values().to_vec();
    let pixels = binarise(file, &mut values, table.width(), seed)?;
    let data = Data::new(table.width(), values, table.mask());
    Ok((Standardisation::none(table.width()).apply(&data), pixels))
}
