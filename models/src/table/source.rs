//! Rows of a file with every byte of them, so that they can be written back with only the missing cells changed.

use std::sync::Arc;

use super::cell::MissingValues;
use super::dialect::Dialect;
use super::error::Result;
use super::parquet_file::ParquetFile;
use super::split::{Span, unquoted};

/// Rows of a file as they stand there: a block of it, or all. The first block has the header.
pub struct Source {
    pub(super) content: Content,
    /// For every column of the file, the table's column that was read from it.
    pub(super) columns: Arc<[Option<usize>]>,
}

/// What a file holds.
pub(super) enum Content {
    /// Delimited text.
    Text {
        text: RawText,
        dialect: Dialect,
        /// Whether the first record with cells is the header.
        header: bool,
    },
    /// An array.
    Array(Numbers),
    /// Parquet, which is read once more.
    Parquet(ParquetFile),
}

/// Records of a text, one after the other.
#[derive(Default)]
pub(super) struct RawText {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// Where each record ends: in the bytes, and in the cells.
    ends: Vec<(usize, usize)>,
}

impl RawText {
    /// Adds a record. Its cells stand at `spans` in it; a blank line has none.
    pub(super) fn push(&mut self, record: &[u8], spans: &[Span]) {
        self.bytes.extend_from_slice(record);
        self.spans.extend_from_slice(spans);
        self.ends.push((self.bytes.len(), self.spans.len()));
    }

    /// Whether there is no record.
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The records, each with its cells.
    pub(super) fn records(&self) -> impl Iterator<Item = (&[u8], &[Span])> {
        let starts = std::iter::once((0, 0)).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(from, to)| (&self.bytes[from.0..to.0], &self.spans[from.1..to.1]))
    }
}

/// All numbers of an array file.
#[derive(Default)]
pub(super) struct Numbers {
    /// Row-major.
    pub(super) values: Vec<f64>,
    /// Whether the file holds single precision.
    pub(super) single: bool,
}

impl Source {
    /// The columns of texts whose order the file tells, and a Parquet file that is written from it does not.
    ///
    /// # Errors
    /// If the file, which was read before, cannot be read once more.
    pub fn ordered_texts(&self) -> Result<Vec<String>> {
        match &self.content {
            Content::Parquet(parquet) => parquet.ordered(),
            _ => Ok(Vec::new()),
        }
    }

    /// The names of a text's columns, if its header is in it.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.content {
            Content::Text { text, header: true, .. } => {
                let mut records = text.records().filter(|(_, spans)| !spans.is_empty());
                let Some((record, spans)) = records.next() else { return Vec::new() };
                // The text was read before: it is one.
                let Ok(record) = str::from_utf8(record) else { return Vec::new() };
                spans.iter().map(|span| unquoted(record, span).trim_ascii().to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        match &self.content {
            Content::Text { text, .. } => text.is_empty(),
            Content::Array(numbers) => numbers.values.is_empty(),
            Content::Parquet(_) => false,
        }
    }
}

/// Missing cells in the columns of a file that are not the table's.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// The places of these columns, with a name and a count for each.
    columns: Vec<(usize, String, usize)>,
}

impl Elsewhere {
    /// Of a file whose columns are `columns` of the table.
    pub(super) fn new(columns: &[Option<usize>]) -> Elsewhere {
        let others = columns.iter().enumerate().filter(|(_, column)| column.is_none());
        Elsewhere { columns: others.map(|(place, _)| (place, format!("x{place}"), 0)).collect() }
    }

    /// Counts those of further rows.
    pub(super) fn add(&mut self, source: &Source, missing: &MissingValues) -> Result<()> {
        match &source.content {
            _ if self.columns.is_empty() => {}
            Content::Parquet(parquet) => {
                let places: Vec<usize> = self.columns.iter().map(|(place, ..)| *place).collect();
                for ((_, name, count), found) in self.columns.iter_mut().zip(parquet.missing(&places, missing)?) {
                    *name = found.0;
                    *count += found.1;
                }
            }
            Content::Array(numbers) => {
                for row in numbers.values.chunks_exact(source.columns.len()) {
                    for (place, _, count) in &mut self.columns {
                        *count += usize::from(missing.read_number(row[*place]).is_missing());
                    }
                }
            }
            Content::Text { text, header, dialect } => {
                let mut header = *header;
                for (record, spans) in text.records().filter(|(_, spans)| !spans.is_empty()) {
                    // The text was read before: it is one.
                    let Ok(record) = str::from_utf8(record) else { break };
                    for (place, name, count) in &mut self.columns {
                        let text = unquoted(record, &spans[*place]);
                        match header {
                            true => *name = text.trim_ascii().to_owned(),
                            false => *count += usize::from(missing.read(&text, dialect.decimal).is_missing()),
                        }
                    }
                    header = false;
                }
            }
        }
        Ok(())
    }

    /// The columns that have some, in the order of the file: the name of each, and how many.
    pub(super) fn found(&self) -> Vec<(String, usize)> {
        let some = self.columns.iter().filter(|(_, _, count)| *count > 0);
        some.map(|(_, name, count)| (name.clone(), *count)).collect()
    }
}
