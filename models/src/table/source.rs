//! A whole file in memory, so that it can be written back with only the missing cells changed.

use super::dialect::Dialect;
use super::options::ReadOptions;
use super::split::{Splitter, unquoted};

/// The file that a table was read from, with every byte of it.
pub struct Source {
    pub(super) content: Content,
    /// For every column of the file, the table's column that was read from it.
    pub(super) columns: Vec<Option<usize>>,
}

/// What a file holds.
pub(super) enum Content {
    /// Delimited text.
    Text { bytes: Vec<u8>, dialect: Dialect },
    /// An array.
    Array(Numbers),
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
    /// The columns of the file that are not the table's and have missing cells, in the order of the file: the name of each, and
    /// how many.
    pub fn missing_elsewhere(&self, options: &ReadOptions) -> Vec<(String, usize)> {
        let others: Vec<usize> = (0..self.columns.len()).filter(|&place| self.columns[place].is_none()).collect();
        let mut counts = vec![0; others.len()];
        let mut names: Vec<String> = others.iter().map(|place| format!("x{place}")).collect();
        match &self.content {
            _ if others.is_empty() => {}
            Content::Array(numbers) => {
                for row in numbers.values.chunks_exact(self.columns.len()) {
                    let missing = others.iter().map(|&place| options.missing.read_number(row[place]).is_missing());
                    counts.iter_mut().zip(missing).for_each(|(count, missing)| *count += usize::from(missing));
                }
            }
            Content::Text { bytes, dialect } => {
                let mut splitter = Splitter::new(&bytes[..], dialect.separator.byte());
                let mut header = true;
                // The text was read before: there is no error in it.
                while splitter.advance().unwrap_or(false) {
                    let Ok(record) = str::from_utf8(&splitter.bytes) else { break };
                    if splitter.spans.len() != self.columns.len() {
                        continue;
                    }
                    for (i, &place) in others.iter().enumerate() {
                        let text = unquoted(record, &splitter.spans[place]);
                        if header {
                            names[i] = text.trim_ascii().to_owned();
                        } else {
                            counts[i] += usize::from(options.missing.read(&text, dialect.decimal).is_missing());
                        }
                    }
                    header = false;
                }
            }
        }
        names.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}
