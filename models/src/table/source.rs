//! A whole file in memory, so that it can be written back with only the missing cells changed.

/// The file that a table was read from, with every byte of it.
pub struct Source {
    pub(super) content: Content,
    /// For every column of the file, the table's column that was read from it.
    pub(super) columns: Vec<Option<usize>>,
}

/// What a file holds.
pub(super) enum Content {
    /// Delimited text.
    Text { bytes: Vec<u8>, delimiter: u8 },
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
