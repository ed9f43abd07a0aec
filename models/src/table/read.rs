//! From an input to a visitor, whatever the format.

use super::error::{Error, Result};
use super::open::{Format, Input};
use super::options::ReadOptions;
use super::source::{Content, Numbers};
use super::visit::Visitor;
use super::{array, folder, idx, text};

/// Shows a table to `visitor`, in memory that does not grow with the table.
///
/// # Errors
/// Whatever keeps the file from being a table; see [`Error`].
pub(super) fn read(input: &Input, options: &ReadOptions, visitor: &mut dyn Visitor) -> Result<()> {
    read_file(input, options, visitor, false).map(|_| ())
}

/// [`read`], with the whole content of the file, and its number of columns.
///
/// # Errors
/// As [`read`].
pub(super) fn read_retained(
    input: &Input,
    options: &ReadOptions,
    visitor: &mut dyn Visitor,
) -> Result<(usize, Content)> {
    let (width, content) = read_file(input, options, visitor, true)?;
    Ok((width, content.expect("a reader that is told to retain the file does")))
}

fn read_file(
    input: &Input,
    options: &ReadOptions,
    visitor: &mut dyn Visitor,
    retain: bool,
) -> Result<(usize, Option<Content>)> {
    let format = input.format()?;
    let missing = &options.missing;
    match (format, input) {
        (Format::Npz, _) => {}
        _ if options.key.is_some() => return Err(Error::KeyWithoutArchive { file: input.name() }),
        _ => {}
    }
    if let Format::Text { separator } = format {
        let mut bytes = Vec::new();
        let (width, dialect) = text::read(input.open()?, separator, options, visitor, retain.then_some(&mut bytes))?;
        return Ok((width, retain.then_some(Content::Text { bytes, dialect })));
    }
    if options.separator.is_some() || options.decimal.is_some() {
        return Err(Error::SeparatorWithoutText { file: input.name() });
    }
    let mut numbers = Numbers::default();
    let retained = retain.then_some(&mut numbers);
    let width = match (format, input) {
        (Format::Npz, Input::File(path)) => array::read_npz(path, options.key.as_deref(), missing, visitor, retained),
        (Format::Folder, Input::File(path)) => folder::read_folder(path, missing, visitor, retained),
        (Format::Idx, _) => idx::read_idx(input.open()?, missing, visitor, retained),
        _ => array::read_npy(input.open()?, missing, visitor, retained),
    }?;
    Ok((width, retain.then_some(Content::Array(numbers))))
}
