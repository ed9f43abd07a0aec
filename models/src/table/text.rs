//! Reading delimited text.
//!
//! Blank lines are skipped, as by most readers, so in a table of one column a missing cell is written `NA` or `""`.
//! Nothing but one record is held in memory, unless the caller keeps the text.

use std::{io, str};

use super::cell::{Cell, MissingValues};
use super::detect::{Beginning, WINDOW, detect};
use super::dialect::{Dialect, Separator};
use super::error::{Error, Result};
use super::idx;
use super::open::{Reader, Stream};
use super::options::ReadOptions;
use super::problem::Place;
use super::select::Header;
use super::source::RawText;
use super::split::{Splitter, unquoted};
use super::visit::Visitor;

/// A text with a header, read row by row.
pub(super) struct TextReader {
    splitter: Splitter<Reader>,
    /// How it is written.
    pub(super) dialect: Dialect,
    missing: MissingValues,
    file: String,
    explain: Box<dyn Fn(io::Error) -> Error + Send>,
    utf16: bool,
    /// The places of the wanted columns, and how many the header has; none before it is read.
    wanted: Option<(Vec<usize>, usize)>,
    rows: u64,
}

impl TextReader {
    /// A reader at the start of a text. `promised` is the separator that the text's name promises.
    pub(super) fn new(mut stream: Stream, promised: Separator, options: &ReadOptions) -> Result<TextReader> {
        let explain = stream.explain();
        let file = stream.file.clone();
        let start = stream.first_bytes::<WINDOW>().map_err(&explain)?;
        if idx::is_idx(&start[..start.len().min(4)]) {
            return Err(Error::IdxAsText { file });
        }
        if start.starts_with(b"PAR1") {
            return Err(Error::ParquetAsText { file });
        }
        let utf16 = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
        let beginning = Beginning { bytes: &start, whole: start.len() < WINDOW };
        let dialect = detect(&beginning, promised, options.separator, options.decimal)
            .map_err(|separators| Error::AmbiguousSeparator { file: file.clone(), separators })?;
        drop(start);
        options.tell(&file, dialect);
        Ok(TextReader {
            splitter: Splitter::new(stream.reader, dialect.separator.byte()),
            dialect,
            missing: options.missing.clone(),
            file,
            explain: Box::new(explain),
            utf16,
            wanted: None,
            rows: 0,
        })
    }

    /// Columns of the header; 0 before it is read.
    pub(super) fn width(&self) -> usize {
        self.wanted.as_ref().map_or(0, |(_, width)| *width)
    }

    /// Shows the next row to `visitor`, and the header before the first one; adds every record that is met to `retained`, if
    /// given. False at the end of the text.
    pub(super) fn next_row(&mut self, visitor: &mut dyn Visitor, mut retained: Option<&mut RawText>) -> Result<bool> {
        let (splitter, file) = (&mut self.splitter, &self.file);
        while splitter.advance().map_err(&self.explain)? {
            if let Some(retained) = &mut retained {
                retained.push(&splitter.bytes, &splitter.spans);
            }
            let line = splitter.line;
            if let Some(limit) = splitter.beyond {
                return Err(Error::RecordTooLong { file: file.clone(), line, limit });
            }
            let record = str::from_utf8(&splitter.bytes).map_err(|e| {
                let before = &splitter.bytes[..e.valid_up_to()];
                let line = line + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
                let offset = splitter.offset + before.len() as u64;
                Error::NotUtf8 { file: file.clone(), line, offset, utf16: self.utf16 }
            })?;
            if splitter.unclosed_quote {
                let line = line + quote_line(record, &splitter.spans);
                return Err(Error::UnclosedQuote { file: file.clone(), line });
            }
            if splitter.spans.is_empty() {
                continue;
            }
            let Some((places, width)) = &self.wanted else {
                let names: Vec<_> =
                    splitter.spans.iter().map(|span| unquoted(record, span).trim_ascii().to_owned()).collect();
                if all_measured(&names, |name| self.missing.read(name, self.dialect.decimal)) {
                    return Err(Error::NoHeader { file: file.clone(), line });
                }
                let width = names.len();
                let header = Header { file: file.clone(), line, names, image: None, dialect: Some(self.dialect) };
                self.wanted = Some((visitor.header(&header)?, width));
                continue;
            };
            if splitter.spans.len() != *width {
                let found = splitter.spans.len();
                return Err(Error::RowWidth { file: file.clone(), line, found, expected: *width });
            }
            for (column, &place) in places.iter().enumerate() {
                let text = unquoted(record, &splitter.spans[place]);
                visitor.cell(Place::Line(line), column, self.missing.read(&text, self.dialect.decimal));
            }
            visitor.end_row();
            self.rows += 1;
            return Ok(true);
        }
        match self.wanted {
            None => Err(Error::EmptyFile { file: file.clone() }),
            Some(_) if self.rows == 0 => Err(Error::NoRows { file: file.clone() }),
            Some(_) => Ok(false),
        }
    }
}

/// Whether the names are really data: all are numbers or missing values, and some number is not all digits (a year is).
/// Never with an empty first name: some programs write one above an index, beside columns called 0.5 and 1.0.
fn all_measured<'a>(names: &'a [String], read: impl Fn(&'a str) -> Cell<'a>) -> bool {
    let cells = || names.iter().map(|name| (name, read(name)));
    let digits = |name: &String| name.chars().all(|letter| letter.is_ascii_digit());
    names.first().is_some_and(|name| !name.is_empty())
        && cells().all(|(_, cell)| cell.is_number() || cell.is_missing())
        && cells().any(|(name, cell)| cell.is_number() && !digits(name))
}

/// How many lines below its record's start the last cell starts.
fn quote_line(record: &str, spans: &[super::split::Span]) -> u64 {
    let start = spans.last().map_or(0, |span| span.bytes.start);
    record[..start].bytes().filter(|&byte| byte == b'\n').count() as u64
}
