//! From an input to a visitor, whatever the format.

use super::error::{Error, Result};
use super::open::{Format, Input};
use super::options::ReadOptions;
use super::source::{Content, Numbers};
use super::text::TextReader;
use super::visit::Visitor;
use super::{array, folder, idx, parquet_file};

/// Shows a table to `visitor`, in memory that does not grow with the table.
///
/// # Errors
/// Whatever keeps the file from being a table; see [`Error`].
pub(super) fn read(input: &Input, options: &ReadOptions, visitor: &mut dyn Visitor) -> Result<()> {
    match open_text(input, options)? {
        Some(mut reader) => while reader.next_row(visitor, None)? {},
        None => {
            read_whole(input, options, visitor, false)?;
        }
    }
    Ok(())
}

/// A reader of the rows of a text; none of what is no text.
///
/// # Errors
/// If it cannot be opened, or is none of text after all.
pub(super) fn open_text(input: &Input, options: &ReadOptions) -> Result<Option<TextReader>> {
    let format = input.format()?;
    if format != Format::Npz && options.key.is_some() {
        return Err(Error::KeyWithoutArchive { file: input.name() });
    }
    let Format::Text { separator } = format else {
        if options.separator.is_some() || options.decimal.is_some() {
            return Err(Error::SeparatorWithoutText { file: input.name() });
        }
        return Ok(None);
    };
    TextReader::new(input.open()?, separator, options).map(Some)
}

/// Shows a table that is no text to `visitor`. What stands in it is returned if `retain`, and else an empty array.
///
/// # Errors
/// As [`read`].
pub(super) fn read_whole(
    input: &Input,
    options: &ReadOptions,
    visitor: &mut dyn Visitor,
    retain: bool,
) -> Result<Content> {
    let missing = &options.missing;
    let (format, mut numbers) = (input.format()?, Numbers::default());
    if let (Format::Parquet, Input::File(path)) = (format, input) {
        let parquet = parquet_file::read(path, missing, visitor)?;
        return Ok(if retain { Content::Parquet(parquet) } else { Content::Array(numbers) });
    }
    let retained = retain.then_some(&mut numbers);
    match (format, input) {
        (Format::Npz, Input::File(path)) => array::read_npz(path, options.key.as_deref(), missing, visitor, retained),
        (Format::Folder, Input::File(path)) => folder::read_folder(path, missing, visitor, retained),
        (Format::Idx, _) => idx::read_idx(input.open()?, missing, visitor, retained),
        _ => array::read_npy(input.open()?, missing, visitor, retained),
    }?;
    Ok(Content::Array(numbers))
}
