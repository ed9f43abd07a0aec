//! Places for a bounded number of a table's columns.

/// The most columns that are compared with each other: memory grows with their square.
pub(super) const MOST_COMPARED: usize = 256;

/// Gives places to the first columns that ask for one.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// For each column of the table, its place.
    places: Vec<Option<usize>>,
    /// The columns that have places, in the order of these.
    pub(super) columns: Vec<usize>,
}

impl Slots {
    /// For a table of so many columns.
    pub(super) fn new(width: usize) -> Slots {
        Slots { places: vec![None; width], columns: Vec::new() }
    }

    /// The place of a column; `None` where all are taken.
    pub(super) fn place(&mut self, column: usize) -> Option<usize> {
        if self.places[column].is_none() && self.columns.len() < MOST_COMPARED {
            self.places[column] = Some(self.columns.len());
            self.columns.push(column);
        }
        self.places[column]
    }
}
