//! Columns of a table, chosen by name.

use super::error::{Error, Result};
use super::values::Table;

impl Table {
    /// The columns of these names, in their order.
    ///
    /// # Errors
    /// [`Error::MissingColumns`]; otherwise as [`Table::new`].
    pub fn select<S: AsRef<str>>(&self, names: &[S]) -> Result<Table> {
        let places = self.places(names)?;
        let rows = self.values().chunks_exact(self.width());
        let values = rows.flat_map(|row| places.iter().map(|&place| row[place])).collect();
        let notations = places.iter().map(|&place| self.notation(place).clone()).collect();
        Ok(Table::new(names.iter().map(|name| name.as_ref().to_owned()).collect(), values)?.with_notations(notations))
    }

    /// The places of the columns of these names, counted from 0.
    ///
    /// # Errors
    /// [`Error::MissingColumns`].
    pub(crate) fn places<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<usize>> {
        let place = |name: &S| self.columns().iter().position(|column| column == name.as_ref());
        let missing: Vec<String> =
            names.iter().filter(|name| place(name).is_none()).map(|name| name.as_ref().to_owned()).collect();
        if !missing.is_empty() {
            let available = self.columns().to_vec();
            return Err(Error::MissingColumns { file: "the table".to_owned(), missing, available });
        }
        Ok(names.iter().filter_map(place).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_selected_by_name() {
        let names = ["a", "b", "c"].map(String::from);
        let table = Table::new(names.into(), vec![1.0, 2.0, 3.0, 4.0, f64::NAN, 6.0]).unwrap();
        let selected = table.select(&["c", "b"]).unwrap();
        let expected = ["c", "b"].map(String::from);
        assert_eq!(selected, Table::new(expected.into(), vec![3.0, 2.0, 6.0, f64::NAN]).unwrap());
        let missing = table.select(&["d"]).unwrap_err();
        assert!(matches!(missing, Error::MissingColumns { missing, .. } if missing == ["d"]));
    }
}
