//! Delimited text, one record at a time, with every byte accounted for.
//!
//! The `csv` crate reads cells but does not say where they stand, and a table must go back with its untouched bytes as
//! they were. This splitter follows that crate's reading of the format (a property test compares them): a quote counts
//! only at the start of a cell, `""` inside quotes is a quote, and LF, CRLF or a lone CR ends a record.

use std::borrow::Cow;
use std::io::{self, BufRead};
use std::ops::Range;

use super::problem::RecordLimit;

/// Where a cell stands in its record's bytes, quotes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The cell's bytes within the record.
    pub(super) bytes: Range<usize>,
    /// Whether the cell starts with a quote.
    pub(super) quoted: bool,
}

/// The longest record, in bytes, and the most cells of one: a quote that is not closed must not read a whole disk.
const MOST_BYTES: usize = 1 << 26;
const MOST_CELLS: usize = 1 << 20;

/// Reads records from `reader`; the last one is in `bytes` and `spans`.
pub(super) struct Splitter<R> {
    reader: R,
    delimiter: u8,
    /// The record as it stands in the file: a byte-order mark, cells, delimiters and the line end.
    pub(super) bytes: Vec<u8>,
    /// Its cells; none for a blank line.
    pub(super) spans: Vec<Span>,
    /// The line on which it starts, from 1.
    pub(super) line: u64,
    /// Its first byte's place in the text.
    pub(super) offset: u64,
    next_line: u64,
    next_offset: u64,
    /// Whether the record ended inside quotes, which only the end of the text allows.
    pub(super) unclosed_quote: bool,
    /// What the record has too many of: then it is not whole, and nothing more is read.
    pub(super) beyond: Option<RecordLimit>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// The first byte of the text is next.
    Start,
    /// That many bytes of a byte-order mark were seen.
    Mark(usize),
    CellStart,
    Plain,
    Quoted,
    QuoteInQuoted,
    CarriageReturn,
}

const MARK: &[u8; 3] = b"\xef\xbb\xbf";

impl<R: BufRead> Splitter<R> {
    /// A splitter at the start of a text.
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        let (bytes, spans) = (Vec::new(), Vec::new());
        Self {
            reader,
            delimiter,
            bytes,
            spans,
            line: 1,
            offset: 0,
            next_line: 1,
            next_offset: 0,
            unclosed_quote: false,
            beyond: None,
        }
    }

    /// Moves to the next record (a blank line is one, without cells); false at the end of the text.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.bytes.clear();
        self.spans.clear();
        (self.line, self.offset) = (self.next_line, self.next_offset);
        let mut state = if self.offset == 0 { State::Start } else { State::CellStart };
        let (mut cell, mut quoted) = (0, false);
        let mut ended = false;
        while !ended {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if chunk.is_empty() {
                break;
            }
            let before = self.bytes.len();
            let mut used = 0;
            while used < chunk.len() {
                let byte = chunk[used];
                let at = before + used;
                if state == State::CarriageReturn {
                    used += usize::from(byte == b'\n');
                    ended = true;
                    break;
                }
                used += 1;
                match state {
                    State::Start if byte == MARK[0] => {
                        state = State::Mark(1);
                        continue;
                    }
                    State::Mark(n) if byte == MARK[n] => {
                        if n == 2 {
                            (state, cell) = (State::CellStart, 3);
                        } else {
                            state = State::Mark(n + 1);
                        }
                        continue;
                    }
                    State::Start => state = State::CellStart,
                    State::Mark(_) => state = State::Plain,
                    _ => {}
                }
                let quote = match state {
                    State::CellStart | State::Quoted | State::QuoteInQuoted => byte == b'"',
                    _ => false,
                };
                if quote {
                    if state == State::CellStart {
                        quoted = true;
                    }
                    state = if state == State::Quoted { State::QuoteInQuoted } else { State::Quoted };
                } else if state == State::Quoted {
                    // A line end inside quotes is content, but it is a line of the file all the same.
                    let after_return = byte == b'\n' && at > 0 && previous(&self.bytes, chunk, before, at) == b'\r';
                    self.next_line += u64::from(matches!(byte, b'\n' | b'\r') && !after_return);
                } else if byte == self.delimiter {
                    self.spans.push(Span { bytes: cell..at, quoted });
                    (state, cell, quoted) = (State::CellStart, at + 1, false);
                } else if byte == b'\n' || byte == b'\r' {
                    self.next_line += 1;
                    if at > cell || !self.spans.is_empty() {
                        self.spans.push(Span { bytes: cell..at, quoted });
                    }
                    if byte == b'\r' {
                        state = State::CarriageReturn;
                        continue;
                    }
                    ended = true;
                    break;
                } else {
                    state = State::Plain;
                }
            }
            self.bytes.extend_from_slice(&chunk[..used]);
            self.reader.consume(used);
            self.beyond = match (self.bytes.len(), self.spans.len()) {
                (bytes, _) if bytes > MOST_BYTES => Some(RecordLimit::Bytes(MOST_BYTES)),
                (_, cells) if cells > MOST_CELLS => Some(RecordLimit::Cells(MOST_CELLS)),
                _ => None,
            };
            if self.beyond.is_some() {
                break;
            }
        }
        self.next_offset += self.bytes.len() as u64;
        if !ended && state != State::CarriageReturn {
            let end = self.bytes.len();
            if matches!(state, State::Mark(_)) {
                cell = 0;
            }
            if end > cell || !self.spans.is_empty() {
                self.spans.push(Span { bytes: cell..end, quoted });
            }
        }
        self.unclosed_quote = state == State::Quoted;
        Ok(!self.bytes.is_empty())
    }
}

/// The byte before `at`, which may be in the chunk that was read before.
fn previous(bytes: &[u8], chunk: &[u8], before: usize, at: usize) -> u8 {
    if at > before { chunk[at - 1 - before] } else { bytes[at - 1] }
}

/// What a cell says: its text without the quotes around it.
pub(super) fn unquoted<'a>(record: &'a str, span: &Span) -> Cow<'a, str> {
    let raw = &record[span.bytes.clone()];
    if !span.quoted {
        return Cow::Borrowed(raw);
    }
    let inner = &raw[1..];
    match inner.find('"') {
        None => return Cow::Borrowed(inner),
        Some(at) if at + 1 == inner.len() => return Cow::Borrowed(&inner[..at]),
        Some(_) => {}
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('"') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                text.push('"');
                rest = after;
            }
            None => break,
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// Cells of every record that is not blank, with its line; checks that no byte is lost.
    fn split(text: &str, buffer: usize) -> Vec<(u64, Vec<String>)> {
        let mut splitter = Splitter::new(BufReader::with_capacity(buffer, text.as_bytes()), b',');
        let (mut records, mut whole) = (Vec::new(), Vec::new());
        while splitter.advance().unwrap() {
            assert_eq!(splitter.offset, whole.len() as u64);
            whole.extend_from_slice(&splitter.bytes);
            let record = std::str::from_utf8(&splitter.bytes).unwrap();
            let cells: Vec<_> = splitter.spans.iter().map(|span| unquoted(record, span).into_owned()).collect();
            if !cells.is_empty() {
                records.push((splitter.line, cells));
            }
        }
        assert_eq!(whole, text.as_bytes());
        records
    }

    fn by_the_csv_crate(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn nasty_text() {
        let text = "\u{feff}\"a \"\"x\"\"\",b\r\n\r\n1,\"2\r\n3\"\n\"\",\r4,\"5\"z\n,";
        for buffer in 1..20 {
            let records = split(text, buffer);
            let lines: Vec<_> = records.iter().map(|(line, _)| *line).collect();
            let cells: Vec<_> = records.into_iter().map(|(_, cells)| cells).collect();
            assert_eq!(lines, [1, 3, 5, 6, 7]);
            let expected: [&[&str]; 5] = [&["a \"x\"", "b"], &["1", "2\r\n3"], &["", ""], &["4", "5z"], &["", ""]];
            assert_eq!(cells, expected);
        }
    }

    #[test]
    fn agrees_with_the_csv_crate() {
        // Every byte that means something, in random order: short texts meet each transition of the format.
        let alphabet = ["a", "1", ",", ",", "\"", "\"", "\n", "\r\n", "\r", " ", "é", "\t"];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for case in 0..60_000 {
            let mut text = String::new();
            for _ in 0..case % 23 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(alphabet[(state >> 33) as usize % alphabet.len()]);
            }
            let ours: Vec<_> = split(&text, 1 + case % 7).into_iter().map(|(_, cells)| cells).collect();
            assert_eq!(ours, by_the_csv_crate(&text), "{text:?}");
        }
    }

    #[test]
    fn an_open_quote_is_noticed() {
        let mut splitter = Splitter::new(&b"a,b\n1,\"2\n3,4\n"[..], b',');
        assert!(splitter.advance().unwrap() && !splitter.unclosed_quote);
        assert!(splitter.advance().unwrap() && splitter.unclosed_quote);
        assert_eq!(splitter.line, 2);
        assert!(!splitter.advance().unwrap());
        assert!(!Splitter::new(&b""[..], b',').advance().unwrap());
    }

    #[test]
    fn a_record_without_end_is_left() {
        let commas = vec![b','; MOST_CELLS + 10];
        let mut splitter = Splitter::new(&commas[..], b',');
        assert!(splitter.advance().unwrap());
        assert_eq!(splitter.beyond, Some(RecordLimit::Cells(MOST_CELLS)));
        // Past the buffer that the limit was met in, nothing is read.
        let quoted = io::Read::chain(&b"\""[..], io::repeat(b'x'));
        let mut splitter = Splitter::new(io::BufReader::with_capacity(1 << 20, quoted), b',');
        assert!(splitter.advance().unwrap());
        assert_eq!(splitter.beyond, Some(RecordLimit::Bytes(MOST_BYTES)));
    }

    #[test]
    fn half_a_byte_order_mark_is_text() {
        for text in ["\u{feff}", "\u{feff}\n", "ﺀa,b", "é"] {
            let records = split(text, 1);
            assert_eq!(records.len(), usize::from(text.chars().any(|c| c != '\u{feff}' && c != '\n')), "{text:?}");
        }
    }
}
