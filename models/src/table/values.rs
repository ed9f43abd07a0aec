//! Tables in memory.

use std::collections::HashMap;

use super::error::{Error, Result};
use super::notation::Notation;

/// Numbers in rows and named columns; some are missing. A number of a column of texts or dates stands for one of them: see
/// [`Notation`].
///
/// ```
/// use missvae::Table;
///
/// let columns = vec!["height".to_owned(), "weight".to_owned()];
/// let table = Table::from_rows(columns, [[1.8, f64::NAN], [1.6, 55.0]])?;
/// assert_eq!((table.rows(), table.width(), table.missing_cells()), (2, 2, 1));
/// assert_eq!(table.value(1, 1), Some(55.0));
/// assert_eq!(table.value(0, 1), None);
/// # Ok::<(), missvae::table::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<String>,
    /// Row-major; NaN where missing, finite elsewhere.
    values: Vec<f64>,
    /// One for each column.
    notations: Vec<Notation>,
}

impl Table {
    /// A table of D named columns and N·D `values`, row by row; NaN stands for a missing value.
    ///
    /// # Errors
    /// [`Error::NoColumns`]; [`Error::SameNames`]; [`Error::Values`] if the values do not fill whole rows;
    /// [`Error::NotFinite`] for an infinite value.
    pub fn new(columns: Vec<String>, values: Vec<f64>) -> Result<Table> {
        let width = columns.len();
        if width == 0 {
            return Err(Error::NoColumns);
        }
        let mut places = HashMap::new();
        for (place, name) in columns.iter().enumerate() {
            if let Some(first) = places.insert(name, place) {
                return Err(Error::SameNames { name: name.clone(), first, second: place });
            }
        }
        if !values.len().is_multiple_of(width) {
            return Err(Error::Values { values: values.len(), columns: width });
        }
        if let Some(cell) = values.iter().position(|value| value.is_infinite()) {
            let (row, column) = (cell / width, columns[cell % width].clone());
            return Err(Error::NotFinite { row, column, value: values[cell] });
        }
        Ok(Table { notations: vec![Notation::Numbers; width], columns, values })
    }

    /// A table of rows, with a value for each column; NaN stands for a missing value.
    ///
    /// # Errors
    /// [`Error::Row`] for a row with more or fewer values; otherwise as [`Table::new`].
    pub fn from_rows<R: AsRef<[f64]>>(columns: Vec<String>, rows: impl IntoIterator<Item = R>) -> Result<Table> {
        let mut values = Vec::new();
        for (number, row) in rows.into_iter().enumerate() {
            let row = row.as_ref();
            if row.len() != columns.len() {
                return Err(Error::Row { row: number, found: row.len(), expected: columns.len() });
            }
            values.extend_from_slice(row);
        }
        Table::new(columns, values)
    }

    /// A table that a reader has built: names may be those of a model's columns, and all values are finite or NaN.
    pub(crate) fn of_parts(columns: Vec<String>, values: Vec<f64>) -> Table {
        debug_assert!(!columns.is_empty() && values.len().is_multiple_of(columns.len()));
        Table { notations: vec![Notation::Numbers; columns.len()], columns, values }
    }

    /// The same table, its numbers written in another way.
    ///
    /// # Panics
    /// If there is not one notation for each column.
    #[track_caller]
    pub(crate) fn with_notations(self, notations: Vec<Notation>) -> Table {
        assert_eq!(notations.len(), self.width(), "notations of a table's columns");
        Table { notations, ..self }
    }

    /// How the numbers of a column stand in a file. Columns are counted from 0.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn notation(&self, column: usize) -> &Notation {
        &self.notations[column]
    }

    /// The notations of all columns.
    pub(crate) fn notations(&self) -> &[Notation] {
        &self.notations
    }

    /// A cell as it is written to a file, or none where it is missing. Rows and columns are counted from 0.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn text(&self, row: usize, column: usize) -> Option<String> {
        self.value(row, column).map(|value| self.notations[column].text(value))
    }

    /// The columns' names.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// D, the number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// N, the number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// All cells, N × D, row-major; NaN where missing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// A row's cells, D of them; NaN where missing. Rows are counted from 0.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width()..][..self.width()]
    }

    /// A cell's value, or none where it is missing. Rows and columns are counted from 0.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn value(&self, row: usize, column: usize) -> Option<f64> {
        Some(self.row(row)[column]).filter(|value| !value.is_nan())
    }

    /// m\[n,d\]: whether a cell is observed.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn observed(&self, row: usize, column: usize) -> bool {
        self.value(row, column).is_some()
    }

    /// m: for every cell, N × D, row-major, whether it is observed.
    pub fn mask(&self) -> Vec<bool> {
        self.values.iter().map(|value| !value.is_nan()).collect()
    }

    /// How many cells are missing.
    pub fn missing_cells(&self) -> usize {
        self.values.iter().filter(|value| value.is_nan()).count()
    }

    /// The columns' names, the values (NaN where missing) and the mask, without a copy of the values.
    pub fn into_parts(self) -> (Vec<String>, Vec<f64>, Vec<bool>) {
        let mask = self.mask();
        (self.columns, self.values, mask)
    }
}

/// Tables are equal if their names, their values, how these are written, and their missing cells are.
impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        self.columns == other.columns
            && self.notations == other.notations
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn what_is_no_table() {
        let nan = f64::NAN;
        assert!(matches!(Table::new(Vec::new(), vec![1.0]), Err(Error::NoColumns)));
        assert!(matches!(Table::new(names(&["a", "b"]), vec![1.0; 3]), Err(Error::Values { values: 3, columns: 2 })));
        let twice = Table::new(names(&["a", "b", "a"]), vec![1.0; 3]);
        assert!(matches!(twice, Err(Error::SameNames { first: 0, second: 2, .. })));
        let infinite = Table::new(names(&["a", "b"]), vec![1.0, nan, 2.0, f64::INFINITY]).unwrap_err();
        assert!(infinite.to_string().starts_with("row 1, column \"b\": inf is not finite"), "{infinite}");
        let short = Table::from_rows(names(&["a", "b"]), [&[1.0, 2.0][..], &[3.0]]);
        assert!(matches!(short, Err(Error::Row { row: 1, found: 1, expected: 2 })));
    }

    #[test]
    fn missing_cells_are_equal() {
        let table = |value: f64| Table::new(names(&["a", "b"]), vec![f64::NAN, value]).unwrap();
        assert_eq!(table(1.0), table(1.0));
        assert_ne!(table(1.0), table(2.0));
        assert_ne!(table(1.0), table(f64::NAN));
        assert_eq!((table(1.0).value(0, 0), table(1.0).value(0, 1)), (None, Some(1.0)));
        assert!(Table::new(names(&["a"]), Vec::new()).unwrap().rows() == 0);
    }
}
