//! The columns of a table by name and type.

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::notation::{Notation, number_text};
use super::values::Table;
use crate::heads::{Block, ColumnType};

/// A column: its name and its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnSchema {
    /// The name.
    pub name: String,
    /// What its numbers are.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// The levels of a binary, categorical or ordinal column as a file has them; those of an ordinal one in their order. A
    /// binary column without levels holds −1 and +1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Texts that stand for a missing value in this column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// How dates are written, as in `%Y-%m-%d`. A date column without a format holds days since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The least value that a number, count or date can have, in the table's unit; of dates in days since 1970. Imputed values
    /// keep to it, and observed ones must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest value, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl ColumnSchema {
    /// A column of this name and type.
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> ColumnSchema {
        ColumnSchema {
            name: name.into(),
            column_type,
            levels: Vec::new(),
            missing: Vec::new(),
            format: None,
            min: None,
            max: None,
        }
    }

    /// The same column with these levels.
    #[must_use]
    pub fn with_levels(self, levels: Vec<String>) -> ColumnSchema {
        ColumnSchema { levels, ..self }
    }

    /// The same column of dates with this format.
    #[must_use]
    pub fn with_format(self, format: impl Into<String>) -> ColumnSchema {
        ColumnSchema { format: Some(format.into()), ..self }
    }

    /// The same column with bounds, in the table's unit. See [`ColumnSchema::min`].
    #[must_use]
    pub fn with_bounds(self, min: impl Into<Option<f64>>, max: impl Into<Option<f64>>) -> ColumnSchema {
        ColumnSchema { min: min.into(), max: max.into(), ..self }
    }

    /// The first value of a table's column beyond the bounds, if there is one.
    pub(crate) fn first_beyond(&self, table: &Table, d: usize) -> Option<Beyond> {
        let beyond = |row: &usize| table.value(*row, d).is_some_and(|value| !is_within([self.min, self.max], value));
        let row = (0..table.rows()).find(beyond)?;
        Some(Beyond {
            row,
            column: self.name.clone(),
            value: table.text(row, d)?,
            bounds: Box::new([self.min, self.max].map(|bound| bound.map(|bound| table.notation(d).text(bound)))),
        })
    }

    /// Whether some level is no number.
    pub(crate) fn has_text_levels(&self) -> bool {
        self.levels.iter().any(|level| level.parse::<f64>().is_err())
    }

    /// How the levels stand in a file.
    pub(crate) fn level_notation(&self) -> Notation {
        let digits = self.levels.first().map_or(0, String::len);
        let padded = || self.levels.iter().any(|level| level.starts_with('0'));
        let alike = |level: &String| level.len() == digits && level.bytes().all(|byte| byte.is_ascii_digit());
        match self.has_text_levels() {
            true => Notation::Texts(self.levels.clone().into()),
            false if digits > 1 && padded() && self.levels.iter().all(alike) => Notation::Digits(digits),
            false => Notation::Numbers,
        }
    }

    /// The levels as a table has them: numbers in one way of writing, where all are numbers. Then it makes no difference
    /// whether there are texts beside them.
    pub(crate) fn level_texts(&self) -> Vec<String> {
        match self.has_text_levels() {
            true => self.levels.clone(),
            false => self.levels.iter().map(|level| number_text(level.parse().unwrap_or(f64::NAN), false)).collect(),
        }
    }

    /// What the numbers of a table mean, whose column has this notation.
    pub(crate) fn level_index(&self, notation: &Notation) -> LevelIndex {
        match notation {
            Notation::Texts(texts) => {
                let levels = self.level_texts();
                let place = |text: &String| levels.iter().position(|level| level == text);
                LevelIndex::Texts(texts.iter().map(place).collect())
            }
            _ => LevelIndex::Numbers(self.levels.iter().map(|level| level.parse().unwrap_or(f64::NAN)).collect()),
        }
    }
}

/// Whether a value keeps to the least and the largest one, as far as these are given.
pub(crate) fn is_within([min, max]: [Option<f64>; 2], value: f64) -> bool {
    min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max)
}

/// A value beyond the bounds of its column. The numbers are texts, as they stand in the table's file.
pub(crate) struct Beyond {
    /// From 0.
    pub(crate) row: usize,
    pub(crate) column: String,
    pub(crate) value: String,
    /// The least and the largest value.
    pub(crate) bounds: Box<[Option<String>; 2]>,
}

/// The levels of a column by the numbers of a table.
pub(crate) enum LevelIndex {
    /// For each text of the table, the place of its level.
    Texts(Vec<Option<usize>>),
    /// The levels as numbers.
    Numbers(Vec<f64>),
}

impl LevelIndex {
    /// The place of a number's level. None if there is no such level.
    pub(crate) fn of(&self, value: f64) -> Option<usize> {
        match self {
            LevelIndex::Texts(places) => places.get(value as usize).copied().flatten(),
            LevelIndex::Numbers(levels) => levels.iter().position(|level| *level == value),
        }
    }
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    columns: Vec<ColumnSchema>,
}

impl Schema {
    /// A schema of these columns, all of one type.
    pub fn of(names: impl IntoIterator<Item = impl Into<String>>, column_type: ColumnType) -> Schema {
        Schema::new(names.into_iter().map(|name| ColumnSchema::new(name, column_type)))
    }

    /// A schema of these columns.
    pub fn new(columns: impl IntoIterator<Item = ColumnSchema>) -> Schema {
        Schema { columns: columns.into_iter().collect() }
    }

    /// The same schema, with another type for the column of this name. Levels, a format and bounds go with the old type, unless
    /// the new one has some too.
    ///
    /// # Errors
    /// [`Error::NoSuchColumn`].
    pub fn with(mut self, name: &str, column_type: ColumnType) -> Result<Schema> {
        match self.columns.iter_mut().find(|column| column.name == name) {
            Some(column) => {
                let levels = if column_type.has_levels() { std::mem::take(&mut column.levels) } else { Vec::new() };
                let format = column.format.take().filter(|_| column_type == ColumnType::Date);
                let bounds = if column_type.has_bounds() { (column.min, column.max) } else { (None, None) };
                *column =
                    ColumnSchema { column_type, levels, format, ..column.clone() }.with_bounds(bounds.0, bounds.1);
            }
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
    /// [`Error::OtherColumns`]; [`Error::ValueOfType`] for the first value that its column's type does not allow;
    /// [`Error::OutOfBounds`].
    pub fn check(&self, table: &Table) -> Result<()> {
        if !self.columns.iter().map(|column| &column.name).eq(table.columns()) {
            let expected = self.columns.iter().map(|column| column.name.clone()).collect();
            return Err(Error::OtherColumns { found: table.columns().to_vec(), expected });
        }
        let heads: Vec<Block> = self.columns.iter().map(|column| column.column_type.column()).collect();
        let indices: Vec<Option<LevelIndex>> = self
            .columns
            .iter()
            .enumerate()
            .map(|(d, column)| (!column.levels.is_empty()).then(|| column.level_index(table.notation(d))))
            .collect();
        for row in 0..table.rows() {
            for (d, ((column, head), &value)) in self.columns.iter().zip(&heads).zip(table.row(row)).enumerate() {
                let allowed = || match &indices[d] {
                    None => head.allows(value),
                    Some(index) => index.of(value).is_some(),
                };
                if !value.is_nan() && !allowed() {
                    let (column, column_type) = (column.name.clone(), column.column_type);
                    return Err(Error::ValueOfType { row, column, value, column_type });
                }
            }
        }
        let mut beyond = self.columns.iter().enumerate().filter_map(|(d, column)| column.first_beyond(table, d));
        match beyond.next() {
            None => Ok(()),
            Some(Beyond { row, column, value, bounds }) => Err(Error::OutOfBounds { row, column, value, bounds }),
        }
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
        let numeric = Schema::of(["a", "b"], ColumnType::Numeric);
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
