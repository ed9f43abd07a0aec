//! What can go wrong with a table.
//!
//! Every variant says what is wrong, where (file, line, column name) and what was expected. Its text is one line.

use std::io;

use super::dialect::Separator;
use super::parquet_problem::ParquetProblem;
use super::problem::{
    ArrayProblem, GzipProblem, IdxProblem, PixelProblem, PngProblem, RecordLimit, UnusableColumn, reasons,
};
use super::schema_problem::SchemaProblem;
use crate::files::WriteError;
use crate::heads::ColumnType;
use crate::words::{between, listed, quoted};

/// The result of reading or writing a table.
pub type Result<T> = std::result::Result<T, Error>;

/// What keeps a table from being read or written. `file` is the file as the caller named it, or `standard input`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data file is not there.
    #[error("{file}: no such file")]
    NotFound {
        /// The file.
        file: String,
    },
    /// A folder where a data file was expected.
    #[error("{file} is a directory without a PNG image; expected a data file, or a directory of images")]
    IsDirectory {
        /// The folder.
        file: String,
    },
    /// The operating system would not let the file be read.
    #[error("{file}: cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file name whose ending says nothing about the format.
    #[error(
        "{file}: the ending .{ending} is not a known table format; expected .csv, .tsv, .npy, .idx (also .gz), .npz or .parquet"
    )]
    UnknownFormat {
        /// The file.
        file: String,
        /// Its ending, without the first dot.
        ending: String,
    },
    /// An IDX image file by the name of a text.
    #[error("{file}: this is an IDX file; expected a table of text")]
    IdxAsText {
        /// The file.
        file: String,
    },
    /// An IDX file that does not hold images.
    #[error("{file}: {problem}; expected IDX images: three axes (images, height, width) of unsigned bytes")]
    BadIdx {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: IdxProblem,
    },
    /// A PNG file that cannot be part of a set of images.
    #[error("{file}: {problem}; expected PNG images of one size, in shades of grey")]
    BadPng {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: PngProblem,
    },
    /// Images of another size.
    #[error("{file}: rows of {found} numbers; expected images of {size} × {size} pixels, {} numbers a row", size * size)]
    ImageSize {
        /// The file.
        file: String,
        /// Numbers in a row.
        found: usize,
        /// Height and width that were expected.
        size: usize,
    },
    /// Images that are not square.
    #[error("{file}: images of {height} × {width} pixels; expected square ones, of {size} × {size}")]
    ImageShape {
        /// The file.
        file: String,
        /// Pixels from top to bottom.
        height: usize,
        /// Pixels from left to right.
        width: usize,
        /// Height and width that were expected.
        size: usize,
    },
    /// Numbers that are no pixels.
    #[error("{file}: {problem}; expected pixels of -1 and +1, or intensities from 0 to 255")]
    Pixels {
        /// The file.
        file: String,
        /// What is wrong with them.
        problem: PixelProblem,
    },
    /// A file without a single byte, or with blank lines only.
    #[error("{file}: the file is empty; expected a header row and data rows")]
    EmptyFile {
        /// The file.
        file: String,
    },
    /// A header, or the shape of an array, without a data row.
    #[error("{file}: no data row; expected at least one")]
    NoRows {
        /// The file.
        file: String,
    },
    /// A text whose first line holds numbers, none of which would be a name.
    #[error("{file}, line {line}: numbers in the place of column names; expected a header row")]
    NoHeader {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// A column that is to be used has no name.
    #[error("{file}, line {line}: column {position} has no name; every column that is used needs one")]
    UnnamedColumn {
        /// The file.
        file: String,
        /// The header's line, from 1.
        line: u64,
        /// The column, from 1.
        position: usize,
    },
    /// Two columns that are to be used share a name.
    #[error("{file}, line {line}: columns {first} and {second} are both named {}; names must differ", quoted(name))]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The header's line, from 1.
        line: u64,
        /// The name.
        name: String,
        /// The first of the two columns, from 1.
        first: usize,
        /// The second.
        second: usize,
    },
    /// A row with more or fewer cells than the header.
    #[error("{file}, line {line}: found {found} cells; expected {expected}, as in the header")]
    RowWidth {
        /// The file.
        file: String,
        /// The line on which the row starts, from 1.
        line: u64,
        /// Its cells.
        found: usize,
        /// The header's cells.
        expected: usize,
    },
    /// A text whose cells may be separated by either of two separators.
    #[error(
        "{file}: its rows hold {0} and {1}, and cells may be separated by either; expected a text that shows by which",
        separators[0],
        separators[1]
    )]
    AmbiguousSeparator {
        /// The file.
        file: String,
        /// The separators.
        separators: [Separator; 2],
    },
    /// A separator or a decimal mark, with a file that is no text.
    #[error("{file}: a separator and a decimal mark are those of a text; this is not one")]
    SeparatorWithoutText {
        /// The file.
        file: String,
    },
    /// A Parquet file by the name of a text.
    #[error("{file}: this is a Parquet file; expected a table of text")]
    ParquetAsText {
        /// The file.
        file: String,
    },
    /// A Parquet file, where the library is built without its feature `parquet`.
    #[error("{file}: this program was built without its feature `parquet`, which reads such files")]
    NoParquet {
        /// The file.
        file: String,
    },
    /// A Parquet file that cannot be read, or completed.
    #[error("{file}: {problem}")]
    BadParquet {
        /// The file.
        file: String,
        /// What is wrong.
        problem: ParquetProblem,
    },
    /// A table to be written as Parquet that was not read from it, or the other way round.
    #[error(
        "{file}: {}",
        match to_parquet {
            true => "only what was read from a Parquet file is written as one; expected an ending of .csv, .tsv or .npy",
            false => "what was read from a Parquet file is not written as text; expected an ending of .parquet or .npy",
        }
    )]
    FromParquetOnly {
        /// The output.
        file: String,
        /// Whether it was to be Parquet.
        to_parquet: bool,
    },
    /// A quoted cell that never ends.
    #[error("{file}, line {line}: the quote that opens a cell here is never closed")]
    UnclosedQuote {
        /// The file.
        file: String,
        /// The line of the quote, from 1.
        line: u64,
    },
    /// A record that is too long to be one.
    #[error("{file}, line {line}: a row of {limit}; expected a table")]
    RecordTooLong {
        /// The file.
        file: String,
        /// The line on which it starts, from 1.
        line: u64,
        /// What it has too many of.
        limit: RecordLimit,
    },
    /// Bytes that are not UTF-8 text.
    #[error("{file}, line {line}: byte {offset} of the file is not UTF-8; expected UTF-8 text")]
    NotUtf8 {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The byte, from 0.
        offset: u64,
        /// Whether the file begins as UTF-16 does.
        utf16: bool,
    },
    /// A gzip stream that ends too early.
    #[error("{file}: the gzip data end too early; the file is truncated")]
    TruncatedGzip {
        /// The file.
        file: String,
    },
    /// A gzip stream that cannot be decoded.
    #[error("{file}: not valid gzip data: {problem}")]
    BadGzip {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: GzipProblem,
    },
    /// An array file that cannot be read as a table.
    #[error("{file}: {problem}; expected {}", problem.expected())]
    BadArray {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: ArrayProblem,
    },
    /// An array with more columns than a model, which has no names to choose among them.
    #[error("{file}: rows of {found} numbers; the model was fitted to rows of {expected}")]
    ArrayWidth {
        /// The file.
        file: String,
        /// Numbers in a row.
        found: usize,
        /// Columns of the model.
        expected: usize,
    },
    /// An archive of several arrays, or of none with the wanted name.
    #[error("{file}: {}; the file holds {}", key.as_ref().map_or("no array was named".into(), |k| format!("no array named {}", quoted(k))), listed(available))]
    ArrayKey {
        /// The file.
        file: String,
        /// The name that was asked for.
        key: Option<String>,
        /// The names of the arrays.
        available: Vec<String>,
    },
    /// The name of an array, with a file that is no archive of arrays.
    #[error("{file}: a key names an array inside a .npz file; this is not one")]
    KeyWithoutArchive {
        /// The file.
        file: String,
    },
    /// A column was asked for that the file does not have.
    #[error("{file}: no column named {}; the file has {}", listed(unknown), listed(available))]
    UnknownColumns {
        /// The file.
        file: String,
        /// The names that it does not have.
        unknown: Vec<String>,
        /// The names that it has.
        available: Vec<String>,
    },
    /// The table lacks columns that the model was fitted on.
    #[error("{file}: the model needs {}, which the file lacks; the file has {}", listed(missing), listed(available))]
    MissingColumns {
        /// The file.
        file: String,
        /// The names that it lacks.
        missing: Vec<String>,
        /// The names that it has.
        available: Vec<String>,
    },
    /// All columns are left out.
    #[error("{file}: no column is left: each is either not chosen or ignored")]
    NothingSelected {
        /// The file.
        file: String,
    },
    /// A list of column names that cannot be read.
    #[error("{} is not a list of column names; expected names with commas between them", quoted(text))]
    ColumnList {
        /// The list.
        text: String,
    },
    /// Columns that a model cannot use, each with its reason.
    #[error("{file}: {} of {} columns cannot be used: {}", columns.len(), columns.len() + usable.len(), reasons(columns))]
    UnusableColumns {
        /// The file.
        file: String,
        /// These columns.
        columns: Vec<UnusableColumn>,
        /// The names of the others.
        usable: Vec<String>,
        /// Whether the columns were chosen by the caller (and not by a fitted model).
        chosen: bool,
    },
    /// Not one cell is observed.
    #[error("{file}: every cell of every row is missing; expected some numbers")]
    NothingObserved {
        /// The file.
        file: String,
    },
    /// A table without a column.
    #[error("a table needs at least one column")]
    NoColumns,
    /// Two columns of a table in memory share a name.
    #[error("columns {first} and {second} are both named {}; names must differ", quoted(name))]
    SameNames {
        /// The name.
        name: String,
        /// The first of the two columns, from 0.
        first: usize,
        /// The second.
        second: usize,
    },
    /// A name that is not that of a column.
    #[error("no column named {}; the columns are {}", quoted(name), listed(available))]
    NoSuchColumn {
        /// The name.
        name: String,
        /// The names of the columns.
        available: Vec<String>,
    },
    /// A table with other columns than its schema.
    #[error("a table of the columns {}; expected {}, in this order", listed(found), listed(expected))]
    OtherColumns {
        /// The table's columns.
        found: Vec<String>,
        /// The schema's columns.
        expected: Vec<String>,
    },
    /// A value that its column's type does not allow.
    #[error("row {row}, column {}: {value}; expected {}", quoted(column), column_type.values())]
    ValueOfType {
        /// The row, from 0.
        row: usize,
        /// The column's name.
        column: String,
        /// The value.
        value: f64,
        /// The column's type.
        column_type: ColumnType,
    },
    /// A schema's file that says nothing of columns.
    #[error("{file}: {problem}; expected [columns.NAME] with a type")]
    Schema {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: SchemaProblem,
    },
    /// Texts or dates, which an array does not hold.
    #[error(
        "{file}: an array holds numbers, and column {} has none; expected an ending of .csv or .tsv",
        quoted(column)
    )]
    TextInArray {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// A value beyond the bounds of its column.
    #[error("row {row}, column {}: {value}; expected {}", quoted(column), between(bounds))]
    OutOfBounds {
        /// The row, from 0.
        row: usize,
        /// The column's name.
        column: String,
        /// The value, as it stands in a file.
        value: String,
        /// The least and the largest value, likewise.
        bounds: Box<[Option<String>; 2]>,
    },
    /// Values that do not fill whole rows.
    #[error("{values} values do not fill rows of {columns} columns")]
    Values {
        /// The number of values.
        values: usize,
        /// The number of columns.
        columns: usize,
    },
    /// A row that has not a value for each column.
    #[error("row {row} has {found} values; expected {expected}, one a column")]
    Row {
        /// The row, from 0.
        row: usize,
        /// Its values.
        found: usize,
        /// The number of columns.
        expected: usize,
    },
    /// A value that is neither finite nor NaN, which stands for a missing one.
    #[error(
        "row {row}, column {}: {value} is not finite; expected a finite number, or NaN where missing",
        quoted(column)
    )]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The column's name.
        column: String,
        /// The value.
        value: f64,
    },
    /// An output name whose ending is not a format that can be written.
    #[error("{file}: cannot be written in this format; expected an ending of .csv, .tsv or .npy (also .gz)")]
    OutputFormat {
        /// The file.
        file: String,
    },
    /// A long file that is to be no text.
    #[error("{file}: a long file is a text with named columns; expected an ending of .csv or .tsv (also .gz)")]
    LongFormat {
        /// The file.
        file: String,
    },
    /// A table with a column that a long file has of its own.
    #[error("the table has a column {} already; a long file has one of its own", quoted(column))]
    LongColumn {
        /// The column.
        column: String,
    },
    /// The table cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Error {
    /// The error of opening or reading `file`.
    pub fn reading(file: &str, source: io::Error) -> Error {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound { file },
            io::ErrorKind::IsADirectory => Error::IsDirectory { file },
            _ => Error::Read { file, source },
        }
    }
}
