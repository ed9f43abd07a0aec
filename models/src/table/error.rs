//! What can go wrong between the program and the user's files.
//!
//! Every variant says what is wrong, where (file, line, column name) and what was expected. [`std::fmt::Display`] is
//! one line; [`Error::hint`] adds a sentence about the way out, where there is one; [`Error::exit_code`] tells bad
//! input (2) from a failure of the environment (1).

use std::fmt;
use std::io;
use std::path::Path;

use super::{closest, side_of};

/// The result of everything that touches the user's files.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure that the user sees.
#[expect(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data file is not there.
    #[error("{file}: no such file")]
    NotFound { file: String },
    /// A folder where a data file was expected.
    #[error("{file} is a directory without a PNG image; expected a data file, or a directory of images")]
    IsDirectory { file: String },
    /// The operating system would not let the file be read.
    #[error("{file}: cannot be read: {source}")]
    Read { file: String, source: io::Error },
    /// A file name whose ending says nothing about the format.
    #[error(
        "{file}: the ending .{ending} is not a known table format; expected .csv, .tsv, .npy, .idx (also .gz) or .npz"
    )]
    UnknownFormat { file: String, ending: String },
    /// An IDX image file by another name.
    #[error("{file}: this is an IDX file; expected a table of text")]
    Images { file: String },
    /// An IDX file that does not hold images.
    #[error("{file}: {what}; expected IDX images: three axes (images, height, width) of unsigned bytes")]
    BadImages { file: String, what: String },
    /// A PNG file that cannot be part of a set of images.
    #[error("{file}: {what}; expected PNG images of one size, in shades of grey")]
    BadPng { file: String, what: String },
    /// Images of another size.
    #[error("{file}: rows of {found} numbers; expected images of {size} × {size} pixels, {} numbers a row", size * size)]
    ImageSize { file: String, found: usize, size: usize },
    /// Images that are not square.
    #[error("{file}: images of {height} × {width} pixels; expected square ones, of {size} × {size}")]
    ImageShape { file: String, height: usize, width: usize, size: usize },
    /// Numbers that are no pixels.
    #[error("{file}: {what}; expected pixels of -1 and +1, or intensities from 0 to 255")]
    Pixels { file: String, what: String },
    /// A file without a single byte, or with blank lines only.
    #[error("{file}: the file is empty; expected a header row and data rows")]
    EmptyFile { file: String },
    /// A header, or the shape of an array, without a data row.
    #[error("{file}: no data row; expected at least one")]
    NoRows { file: String },
    /// A text whose first line holds numbers, none of which would be a name.
    #[error("{file}, line {line}: numbers in the place of column names; expected a header row")]
    NoHeader { file: String, line: u64 },
    /// A column that is to be used has no name.
    #[error("{file}, line {line}: column {position} has no name; every column that is used needs one")]
    UnnamedColumn { file: String, line: u64, position: usize },
    /// Two columns that are to be used share a name.
    #[error("{file}, line {line}: columns {first} and {second} are both named {name:?}; names must differ")]
    DuplicateColumn { file: String, line: u64, name: String, first: usize, second: usize },
    /// A row with more or fewer cells than the header.
    #[error("{file}, line {line}: found {found} cells; expected {expected}, as in the header")]
    RowWidth { file: String, line: u64, found: usize, expected: usize },
    /// A quoted cell that never ends.
    #[error("{file}, line {line}: the quote that opens a cell here is never closed")]
    UnclosedQuote { file: String, line: u64 },
    /// Bytes that are not UTF-8 text.
    #[error("{file}, line {line}: byte {offset} of the file is not UTF-8; expected UTF-8 text")]
    NotUtf8 { file: String, line: u64, offset: u64, utf16: bool },
    /// A gzip stream that ends too early.
    #[error("{file}: the gzip data end too early; the file is truncated")]
    TruncatedGzip { file: String },
    /// A gzip stream that cannot be decoded.
    #[error("{file}: not valid gzip data: {what}")]
    BadGzip { file: String, what: String },
    /// An array file that cannot be read as a table.
    #[error("{file}: {what}; expected {expected}")]
    BadArray { file: String, what: String, expected: &'static str },
    /// An array with other columns than those of a model.
    #[error("{file}: rows of {found} numbers; the model was fitted to rows of {expected}")]
    ArrayWidth { file: String, found: usize, expected: usize },
    /// An array archive with several arrays, or none of the wanted name.
    #[error("{file}: {}; the file holds {}", key.as_ref().map_or("--key is needed".into(), |k| format!("no array named {k:?}")), quoted(available))]
    ArrayKey { file: String, key: Option<String>, available: Vec<String> },
    /// `--key` with a file that is not an archive.
    #[error("{file}: --key names an array inside a .npz file; this is not one")]
    KeyWithoutArchive { file: String },
    /// A column was asked for that the file does not have.
    #[error("{file}: no column named {}; the file has {}", quoted(unknown), quoted(available))]
    UnknownColumns { file: String, unknown: Vec<String>, available: Vec<String> },
    /// The table lacks columns that the model was fitted on.
    #[error("{file}: the model needs {}, which the file lacks; the file has {}", quoted(missing), quoted(available))]
    MissingColumns { file: String, missing: Vec<String>, available: Vec<String> },
    /// `--columns` and `--ignore-columns` leave nothing.
    #[error("{file}: no column is left after --columns and --ignore-columns")]
    NothingSelected { file: String },
    /// A list of column names that cannot be read.
    #[error("{text:?} is not a list of column names; expected names with commas between them")]
    ColumnList { text: String },
    /// Columns that a model cannot use, each with its reason.
    #[error("{file}: {} of {} columns cannot be used: {}", columns.len(), columns.len() + usable.len(), reasons(columns))]
    UnusableColumns {
        file: String,
        columns: Vec<UnusableColumn>,
        usable: Vec<String>,
        /// Whether the user chose the columns (and not a model).
        chosen: bool,
    },
    /// Not one cell is observed.
    #[error("{file}: every cell of every row is missing; expected some numbers")]
    NothingObserved { file: String },
    /// The directory of an output file is not there.
    #[error("{file}: cannot be written: there is no directory {directory}")]
    NoOutputDirectory { file: String, directory: String },
    /// A directory that cannot be made.
    #[error("{directory}: the directory cannot be made: {source}")]
    Directory { directory: String, source: io::Error },
    /// An output name that is a directory.
    #[error("{file}: cannot be written: it is a directory; expected a file name")]
    OutputIsDirectory { file: String },
    /// An output name whose ending is not a format that can be written.
    #[error("{file}: cannot be written in this format; expected an ending of .csv, .tsv or .npy (also .gz)")]
    OutputFormat { file: String },
    /// No space left, or a quota reached; nothing was changed.
    #[error("{file}: cannot be written: the disk is full ({source})")]
    DiskFull { file: String, source: io::Error },
    /// Any other failure to write; nothing was changed.
    #[error("{file}: cannot be written: {source}")]
    Write { file: String, source: io::Error },
}

/// Where in a file a cell stands, as a person counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a text file, from 1 (the header's).
    Line(u64),
    /// A row of an array, from 1.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(n) => write!(f, "line {n}"),
            Place::Row(n) => write!(f, "row {n}"),
        }
    }
}

/// A column that a model cannot use.
#[derive(Clone, Debug, PartialEq)]
pub struct UnusableColumn {
    /// The column's name.
    pub name: String,
    /// Why it cannot be used.
    pub reason: Reason,
}

/// Why a column cannot be used.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs)]
pub enum Reason {
    /// Cells that are neither a number nor missing; the first of them is shown.
    Text { place: Place, text: String, cells: u64 },
    /// Values beyond any finite number; the first of them is shown.
    Infinite { place: Place, text: String },
    /// One distinct observed value.
    Constant { value: f64 },
    /// No observed value.
    Empty,
}

impl fmt::Display for UnusableColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.reason {
            Reason::Text { place, text, cells: 1 } => {
                write!(f, "{name:?} has text ({:?} in {place}, expected a number)", shortened(text))
            }
            Reason::Text { place, text, cells } => {
                let text = shortened(text);
                write!(f, "{name:?} has text ({text:?} in {place} and {} more, expected numbers)", cells - 1)
            }
            Reason::Infinite { place, text } => {
                write!(f, "{name:?} has an infinite value ({:?} in {place})", shortened(text))
            }
            Reason::Constant { value } => write!(f, "{name:?} is constant (every observed value is {value})"),
            Reason::Empty => write!(f, "{name:?} has no observed value"),
        }
    }
}

impl Error {
    /// The process's exit status: 2 for bad input or usage, 1 where the environment failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Directory { source, .. } => match source.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => 2,
                _ => 1,
            },
            Error::Read { .. } | Error::DiskFull { .. } | Error::Write { .. } => 1,
            _ => 2,
        }
    }

    /// The error of opening or reading `file`.
    pub fn reading(file: &str, source: io::Error) -> Error {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound { file },
            io::ErrorKind::IsADirectory => Error::IsDirectory { file },
            _ => Error::Read { file, source },
        }
    }

    /// The error of writing `path`.
    pub fn writing(path: &Path, source: io::Error) -> Error {
        use io::ErrorKind as Kind;
        let file = path.display().to_string();
        match source.kind() {
            Kind::NotFound | Kind::NotADirectory if !path.parent().is_some_and(Path::is_dir) => {
                let directory = path.parent().unwrap_or(Path::new("")).display().to_string();
                Error::NoOutputDirectory { file, directory }
            }
            Kind::IsADirectory => Error::OutputIsDirectory { file },
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Error::DiskFull { file, source },
            _ => Error::Write { file, source },
        }
    }

    /// A way out, if there is one to suggest.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Read { source, .. } | Error::Write { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                "Check the permissions of the file and of its directory."
            }
            Error::UnknownFormat { .. } => "Pipe comma-separated text in with - as the file name.",
            Error::ImageSize { found, size, .. } if side_of(*found).is_some_and(|side| side > *size) => {
                "train and evaluate make larger images smaller by --resize; impute needs images of the model's size."
            }
            Error::Images { .. } => "Let its name end in .idx or -ubyte (also .gz).",
            Error::UnnamedColumn { .. } => {
                "R and pandas write row names without a title: give the column one, or choose others with --columns."
            }
            Error::NoHeader { .. } => {
                "Put a line with the columns' names on top: without it the first row would be lost."
            }
            Error::DuplicateColumn { .. } => "Rename one of them.",
            Error::RowWidth { .. } => "A cell that contains the delimiter must be in double quotes.",
            Error::NotUtf8 { utf16: true, .. } => "It looks like UTF-16: save it as UTF-8.",
            Error::NotUtf8 { .. } => "Convert it, for example with iconv -f latin1 -t utf-8.",
            Error::TruncatedGzip { .. } => "Download or copy it again.",
            Error::ArrayKey { .. } => {
                "Choose an array with --key; where a command has none, give it a file with one array."
            }
            Error::NoOutputDirectory { .. } => "Create the directory first.",
            Error::Directory { .. } => "Give --out another name.",
            Error::DiskFull { .. } => "Nothing was changed; make room or choose another place.",
            Error::UnknownColumns { unknown, available, .. } => return did_you_mean(unknown, available),
            Error::MissingColumns { missing, available, .. } => {
                return did_you_mean(missing, available).or(Some("Columns are matched by name.".into()));
            }
            Error::UnusableColumns { columns, usable, chosen, .. } => return way_around(columns, usable, *chosen),
            _ => return None,
        };
        Some(hint.into())
    }
}

/// What other programs, in whatever case, write for a missing value.
const MISSING_ELSEWHERE: [&str; 18] = [
    "-", "--", ".", "n/a", "#n/a", "na", "n.a.", "<na>", "#na", "none", "null", "(null)", "#null!", "#num!", "#value!",
    "missing", "nil", "unknown",
];

/// What a column with a few odd cells, or a choice of columns, suggests.
fn way_around(columns: &[UnusableColumn], usable: &[String], chosen: bool) -> Option<String> {
    for column in columns {
        if let Reason::Text { text, .. } = &column.reason {
            let text = text.trim();
            if MISSING_ELSEWHERE.contains(&text.to_lowercase().as_str()) {
                return Some(format!("If {text:?} stands for a missing value, add --missing-value='{text}'."));
            }
            if column.name.contains([';', '\t']) && usable.is_empty() && columns.len() == 1 {
                return Some(
                    "The file seems to be separated by something other than commas (tabs: name it .tsv).".into(),
                );
            }
        }
    }
    let list = |names: Vec<&String>| {
        let quote = |name: &&String| match name.contains([',', '"']) {
            true => format!("\"{}\"", name.replace('"', "\"\"")),
            false => (*name).clone(),
        };
        names.iter().map(quote).collect::<Vec<_>>().join(",").replace('\'', "'\\''")
    };
    match usable {
        _ if !chosen => None,
        [] => None,
        _ if usable.len() <= columns.len() => Some(format!("Use --columns '{}'.", list(usable.iter().collect()))),
        _ => {
            let left_out = list(columns.iter().map(|column| &column.name).collect());
            Some(format!("Use --ignore-columns '{left_out}', or choose with --columns."))
        }
    }
}

/// "Did you mean …?", if a name in the file is near to one that was asked for.
fn did_you_mean(wanted: &[String], available: &[String]) -> Option<String> {
    let near: Vec<String> = wanted.iter().filter_map(|name| closest(name, available)).cloned().collect();
    if near.is_empty() { None } else { Some(format!("Did you mean {}?", quoted(&near))) }
}

/// Names in quotes, with commas between them; a long list is cut.
fn quoted(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    match names.len() {
        0 => return "none".into(),
        n if n > SHOWN => text.push(format!("and {} more", n - SHOWN)),
        _ => {}
    }
    text.join(", ")
}

fn reasons(columns: &[UnusableColumn]) -> String {
    columns.iter().map(UnusableColumn::to_string).collect::<Vec<_>>().join("; ")
}

/// A cell's text, short enough for a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 30;
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN).chain(['…']).collect() }
}
