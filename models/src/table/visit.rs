//! Going through a table cell by cell.

use super::cell::Cell;
use super::error::Result;
use super::problem::Place;
use super::select::Header;

/// Is shown a table cell by cell: builds it, or describes it.
pub(super) trait Visitor {
    /// Takes the file's column names and answers with the places of the columns that it wants, in its own order.
    fn header(&mut self, header: &Header) -> Result<Vec<usize>>;
    /// Takes the next cell of the row; `column` counts the wanted columns.
    fn cell(&mut self, place: Place, column: usize, cell: Cell<'_>);
    /// The row is complete.
    fn end_row(&mut self);
}
