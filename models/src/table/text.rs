//! Reading delimited text.
//!
//! Blank lines are skipped, as by most readers, so in a table of one column a missing cell is written `NA` or `""`.
//! Nothing but one record is held in memory, unless the caller keeps the text.

use std::str;

use super::cell::Cell;
use super::detect::{Beginning, WINDOW, detect};
use super::dialect::{Dialect, Separator};
use super::error::{Error, Result};
use super::idx;
use super::open::Stream;
use super::options::ReadOptions;
use super::problem::Place;
use super::select::Header;
use super::split::{Splitter, unquoted};
use super::visit::Visitor;

/// Shows a text with a header to `visitor`; adds every byte of it to `retained`, if given. `promised` is the separator that the
/// text's name promises. The text's width is returned, and how it is written.
pub(super) fn read(
    mut stream: Stream,
    promised: Separator,
    options: &ReadOptions,
    visitor: &mut dyn Visitor,
    mut retained: Option<&mut Vec<u8>>,
) -> Result<(usize, Dialect)> {
    let explain = stream.explain();
    let file = stream.file.clone();
    let start = stream.first_bytes::<WINDOW>().map_err(&explain)?;
    if idx::is_idx(&start[..start.len().min(4)]) {
        return Err(Error::IdxAsText { file });
    }
    let utf16 = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);

    let beginning = Beginning { bytes: &start, whole: start.len() < WINDOW };
    let dialect = detect(&beginning, promised, options.separator, options.decimal)
        .map_err(|separators| Error::AmbiguousSeparator { file: file.clone(), separators })?;
    drop(start);
    options.tell(&file, dialect);

    let (missing, decimal) = (&options.missing, dialect.decimal);
    let mut splitter = Splitter::new(stream.reader, dialect.separator.byte());
    let mut wanted: Option<(Vec<usize>, usize)> = None;
    let mut rows = 0_u64;
    while splitter.advance().map_err(&explain)? {
        if let Some(retained) = &mut retained {
            retained.extend_from_slice(&splitter.bytes);
        }
        let line = splitter.line;
        if let Some(limit) = splitter.beyond {
            return Err(Error::RecordTooLong { file, line, limit });
        }
        let record = str::from_utf8(&splitter.bytes).map_err(|e| {
            let before = &splitter.bytes[..e.valid_up_to()];
            let line = line + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
            Error::NotUtf8 { file: file.clone(), line, offset: splitter.offset + before.len() as u64, utf16 }
        })?;
        if splitter.unclosed_quote {
            let line = line + quote_line(record, &splitter.spans);
            return Err(Error::UnclosedQuote { file, line });
        }
        if splitter.spans.is_empty() {
            continue;
        }
        let Some((places, width)) = &wanted else {
            let names: Vec<_> =
                splitter.spans.iter().map(|span| unquoted(record, span).trim_ascii().to_owned()).collect();
            if all_measured(&names, |name| missing.read(name, decimal)) {
                return Err(Error::NoHeader { file, line });
            }
            let width = names.len();
            let header = Header { file: file.clone(), line, names, image: None, dialect: Some(dialect) };
            wanted = Some((visitor.header(&header)?, width));
            continue;
        };
        if splitter.spans.len() != *width {
            return Err(Error::RowWidth { file, line, found: splitter.spans.len(), expected: *width });
        }
        for (column, &place) in places.iter().enumerate() {
            let text = unquoted(record, &splitter.spans[place]);
            visitor.cell(Place::Line(line), column, missing.read(&text, decimal));
        }
        visitor.end_row();
        rows += 1;
    }
    match wanted {
        None => Err(Error::EmptyFile { file }),
        Some(_) if rows == 0 => Err(Error::NoRows { file }),
        Some((_, width)) => Ok((width, dialect)),
    }
}

/// Whether the names are really data: all are numbers or missing values, and some number is not all digits (a year is).
/// Never with an empty first name: some programs write one above an index, beside columns called 0.5 and 1.0.
fn all_measured<'a>(names: &'a [String], read: impl Fn(&'a str) -> Cell<'a>) -> bool {
    let cells = || names.iter().map(|name| (name, read(name)));
    let digits = |name: &String| name.chars().all(|letter| letter.is_ascii_digit());
    names.first().is_some_and(|name| !name.is_empty())
        && cells().all(|(_, cell)| matches!(cell, Cell::Number(_) | Cell::Missing))
        && cells().any(|(name, cell)| matches!(cell, Cell::Number(_)) && !digits(name))
}

/// How many lines below its record's start the last cell starts.
fn quote_line(record: &str, spans: &[super::split::Span]) -> u64 {
    let start = spans.last().map_or(0, |span| span.bytes.start);
    record[..start].bytes().filter(|&byte| byte == b'\n').count() as u64
}
