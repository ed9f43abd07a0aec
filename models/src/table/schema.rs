//! The columns of a table by name and type.

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::values::Table;
use crate::heads::{Block, ColumnType};

/// A column: its name and its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSchema {
    /// The name.
    pub name: String,
    /// What its numbers are.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
}

/// The columns of a table by name and type, in the table's order.
///
/// ```
/// use missvae::{ColumnType, Schema, Table};
///
/// let table = Table::penguins();
/// let schema = Schema::infer(&table).with("Body Mass (g)", ColumnType::Positive)?;
/// schema.check(&table)?;
/// # Ok::<(), missvae::table::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    columns: Vec<ColumnSchema>,
}

impl Schema {
    /// A schema of these columns, all of one type.
    pub fn of(names: impl IntoIterator<Item = impl Into<String>>, column_type: ColumnType) -> Schema {
        let columns = names.into_iter().map(|name| ColumnSchema { name: name.into(), column_type });
        Schema { columns: columns.collect() }
    }

    /// The schema of a table's columns: all are numeric.
    pub fn infer(table: &Table) -> Schema {
        Schema::of(table.columns(), ColumnType::Numeric)
    }

    /// The same schema, with another type for the column of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchColumn`].
    pub fn with(mut self, name: &str, column_type: ColumnType) -> Result<Schema> {
        match self.columns.iter_mut().find(|column| column.name == name) {
            Some(column) => column.column_type = column_type,
            None => {
                let available = self.columns.into_iter().map(|column| column.name).collect();
                return Err(Error::NoSuchColumn { name: name.to_owned(), available });
            }
        }
        Ok(self)
    }

    /// The columns, in the table's order.
    pub fn columns(&self) -> &[ColumnSchema] {
        &self.columns
    }

    /// D, the number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The type of the column of this name.
    pub fn column_type(&self, name: &str) -> Option<ColumnType> {
        self.columns.iter().find(|column| column.name == name).map(|column| column.column_type)
    }

    /// Checks that a table has these columns, in this order, and that their types allow its values. Missing cells are
    /// allowed.
    ///
    /// # Errors
    /// [`Error::OtherColumns`]; [`Error::ValueOfType`] for the first value that its column's type does not allow.
    pub fn check(&self, table: &Table) -> Result<()> {
        if !self.columns.iter().map(|column| &column.name).eq(table.columns()) {
            let expected = self.columns.iter().map(|column| column.name.clone()).collect();
            return Err(Error::OtherColumns { found: table.columns().to_vec(), expected });
        }
        let heads: Vec<Block> = self.columns.iter().map(|column| column.column_type.column()).collect();
        for row in 0..table.rows() {
            for ((column, head), &value) in self.columns.iter().zip(&heads).zip(table.row(row)) {
                if !value.is_nan() && !head.allows(value) {
                    let (column, column_type) = (column.name.clone(), column.column_type);
                    return Err(Error::ValueOfType { row, column, value, column_type });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::new(vec!["a".into(), "b".into()], vec![1.0, f64::NAN, -1.0, 0.5]).unwrap()
    }

    #[test]
    fn types_allow_their_values() {
        let table = table();
        let numeric = Schema::infer(&table);
        numeric.check(&table).unwrap();
        let typed = |name: &str, column_type| numeric.clone().with(name, column_type).unwrap().check(&table);
        typed("a", ColumnType::Binary).unwrap();
        typed("b", ColumnType::Positive).unwrap();
        let error = typed("a", ColumnType::Positive).unwrap_err();
        assert_eq!(error.to_string(), "row 1, column \"a\": -1; expected a number above 0");
        assert!(matches!(typed("b", ColumnType::Binary), Err(Error::ValueOfType { row: 1, .. })));
        assert!(matches!(numeric.clone().with("c", ColumnType::Binary), Err(Error::NoSuchColumn { .. })));
        let other = Schema::of(["b", "a"], ColumnType::Numeric);
        assert!(matches!(other.check(&table), Err(Error::OtherColumns { .. })));
    }

    #[test]
    fn the_names_in_files() {
        let schema = Schema::of(["a", "b"], ColumnType::Numeric).with("b", ColumnType::Positive).unwrap();
        let text = serde_json::to_string(&schema).unwrap();
        assert_eq!(text, r#"[{"name":"a","type":"numeric"},{"name":"b","type":"positive"}]"#);
        assert_eq!(serde_json::from_str::<Schema>(&text).unwrap(), schema);
        assert_eq!(serde_json::to_string(&ColumnType::Binary).unwrap(), "\"binary\"");
    }
}
