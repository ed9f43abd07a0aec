//! Tables with missing cells: from the user's files and back.
//!
//! A [`Table`] holds numbers in rows and named columns; a [`Schema`] says what the numbers of each column are.
//! [`Table::read`] takes a file, [`Table::new`] and [`Table::from_rows`] take numbers, and [`Table::write`] is the way back.
//!
//! For programs that read for a model, or complete a file:
//! - [`Input`]: where a table comes from; [`ReadOptions`]: how it is read;
//! - [`read_to_fit`]: the columns that the user chose, checked to be usable;
//! - [`read_for_model`]: the columns of a fitted model, found by name;
//! - [`read_images`]: rows of pixels; [`binarise`] makes them −1 and +1;
//! - [`Blocks`]: the rows of both, block by block, with their [`Source`], which holds every byte of them;
//! - [`CompletedFile`]: the source again, with only the missing cells changed; [`LongFile`]: that of several imputations;
//!   [`write_numbers`], [`NumbersFile`];
//! - [`describe`]: what is missing, and in which patterns; [`suspects`]: values that may be codes or outliers;
//!   [`copied_columns`], [`repeated_rows`].
//!
//! The files from the bottom up: `dialect`, `problem`, `schema_problem`, `error`; `cell`, `dates`, `schema_file`, `select`,
//! `options`, `open`, `visit`; the formats `split`, `detect` and `text`, `array`, `idx`, `folder`, `parquet_*`; `read`;
//! `notation`, `values`, `columns`, `schema`, `infer`, `source`; `repeats`, `resize`, `column`, `builder`, `blocks`, `build`,
//! `describe`, `pixels`, `write`, `fill`, `completed`, `long`.

mod array;
mod array_header;
mod blocks;
mod build;
mod builder;
mod cell;
mod column;
mod columns;
mod completed;
mod counts;
mod dates;
mod describe;
mod detect;
mod dialect;
mod error;
mod fill;
mod folder;
mod idx;
mod infer;
mod long;
mod notation;
mod open;
mod options;
#[cfg(feature = "parquet")]
mod parquet_cells;
mod parquet_file;
#[cfg(feature = "parquet")]
mod parquet_fill;
#[cfg(feature = "parquet")]
mod parquet_guard;
mod parquet_problem;
mod pixels;
mod png_parts;
mod problem;
mod read;
mod repeats;
mod resize;
mod schema;
mod schema_file;
mod schema_problem;
mod select;
mod source;
mod split;
mod suspects;
mod text;
mod values;
mod visit;
mod write;

#[cfg(test)]
mod tests;

pub use blocks::{Block, BlockSize, Blocks};
pub use build::{read_for_model, read_images, read_to_fit};
pub use builder::ReadTable;
pub use completed::{CompletedFile, check_completed, print_completed};
pub use counts::ValueCounts;
pub use dates::DateFormat;
pub use describe::{
    Bands, ColumnDescription, Description, Difference, Differences, Kind, Nullity, NullityPair, Pattern, describe,
};
pub use dialect::{Decimal, Dialect, Separator};
pub use error::{Error, Result};
pub use infer::Inferred;
pub use long::{LongFile, check_long};
pub use notation::Notation;
pub use open::Input;
pub use options::ReadOptions;
pub use parquet_problem::ParquetProblem;
pub use pixels::{Pixels, binarise};
pub use problem::{
    ArrayProblem, GzipProblem, IdxProblem, PixelProblem, Place, PngProblem, Reason, RecordLimit, UnusableColumn,
};
pub use repeats::{copied_columns, repeated_rows};
pub(crate) use schema::{Beyond, is_within};
pub use schema::{ColumnSchema, Schema};
pub use schema_file::SchemaFile;
pub use schema_problem::SchemaProblem;
pub use select::parse_names;
pub use source::Source;
pub use suspects::{Suspect, is_missing_elsewhere, suspects, whole_numbered_categories};
pub use values::Table;
pub use write::{NumbersFile, check_notations, check_output, check_output_of, write_numbers};
