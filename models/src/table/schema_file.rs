//! Schemas in TOML files: what a user says of columns.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dates::DateFormat;
use super::error::{Error, Result};
use super::schema_problem::SchemaProblem;
use crate::heads::ColumnType;

/// The most bytes of a schema's file.
const MOST_BYTES: u64 = 1 << 24;

/// What a user says of columns by name. A column that it does not name is inferred.
///
/// ```
/// use missvae::table::{ReadOptions, SchemaFile};
///
/// let schema: SchemaFile = r#"
///     [columns.stage]
///     type = "ordinal"
///     levels = ["I", "II", "III", "IV"]
///     missing = ["unknown"]
///     [columns.note]
///     type = "ignore"
/// "#.parse()?;
/// let options = ReadOptions::new().schema(schema);
/// # Ok::<(), missvae::table::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaFile {
    pub(super) columns: BTreeMap<String, Given>,
}

/// What a user says of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// A column type, or `ignore`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) levels: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) missing: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<Bound>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<Bound>,
}

/// A bound as a schema's file has it: a number, or a date as a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Bound {
    Number(f64),
    Text(String),
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bound::Number(number) => write!(f, "{number}"),
            Bound::Text(text) => f.write_str(text),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    columns: toml::Table,
}

impl Given {
    /// The type. None: the column is left out.
    pub(super) fn column_type(&self) -> Option<ColumnType> {
        self.kind.parse().ok()
    }

    /// A bound as a number of the column's unit. None if it is none.
    pub(super) fn value(&self, bound: &Bound) -> Option<f64> {
        let is_date = self.column_type() == Some(ColumnType::Date);
        match bound {
            Bound::Number(number) => Some(*number).filter(|number| number.is_finite() && !is_date),
            Bound::Text(text) if is_date => {
                let said = self.format.as_deref().and_then(DateFormat::new);
                let format = said.or_else(|| DateFormat::of_all(std::iter::once(&text[..])).map(|(format, _)| format));
                format?.parse(text)
            }
            Bound::Text(_) => None,
        }
    }

    fn problem(&self) -> Option<SchemaProblem> {
        let kind = match self.kind.parse::<ColumnType>() {
            Ok(kind) => kind,
            Err(_) if self.kind == "ignore" => return None,
            Err(_) => return Some(SchemaProblem::Type(self.kind.clone())),
        };
        let mut sorted = self.levels.clone();
        sorted.sort();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Some(SchemaProblem::SameLevels(pair[0].clone()));
        }
        match (kind, self.levels.len()) {
            (_, 0) => {}
            (ColumnType::Binary, 2) => {}
            (ColumnType::Binary, found) => return Some(SchemaProblem::Levels { kind, found }),
            (ColumnType::Categorical | ColumnType::Ordinal, 1) => {
                return Some(SchemaProblem::Levels { kind, found: 1 });
            }
            (ColumnType::Categorical | ColumnType::Ordinal, _) => {}
            _ => return Some(SchemaProblem::NoLevels(kind)),
        }
        if (self.min.is_some() || self.max.is_some()) && !kind.has_bounds() {
            return Some(SchemaProblem::NoBounds(kind));
        }
        for bound in self.min.iter().chain(&self.max) {
            if self.value(bound).is_none() {
                return Some(SchemaProblem::Bound { kind, bound: bound.to_string() });
            }
        }
        if let Some((min, max)) = self.min.as_ref().zip(self.max.as_ref())
            && self.value(min) >= self.value(max)
        {
            return Some(SchemaProblem::Bounds { min: min.to_string(), max: max.to_string() });
        }
        match &self.format {
            Some(_) if kind != ColumnType::Date => Some(SchemaProblem::NoFormat(kind)),
            Some(format) if DateFormat::new(format).is_none() => Some(SchemaProblem::Format(format.clone())),
            _ => None,
        }
    }
}

impl SchemaFile {
    /// Reads a schema's file.
    ///
    /// # Errors
    /// If the file cannot be read; [`Error::Schema`] with what is wrong in it.
    pub fn read(path: &Path) -> Result<SchemaFile> {
        let file = path.display().to_string();
        let length = std::fs::metadata(path).map_err(|e| Error::reading(&file, e))?.len();
        if length > MOST_BYTES {
            return Err(Error::Schema { file, problem: SchemaProblem::TooLong(MOST_BYTES) });
        }
        let text = std::fs::read_to_string(path).map_err(|e| Error::reading(&file, e))?;
        SchemaFile::parse(&file, &text)
    }

    fn parse(file: &str, text: &str) -> Result<SchemaFile> {
        let wrong = |problem| Error::Schema { file: file.to_owned(), problem };
        let no_toml = |error: toml::de::Error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            wrong(SchemaProblem::Toml { line, message: error.message().to_owned() })
        };
        let document: Document = toml::from_str(text).map_err(no_toml)?;
        let mut columns = BTreeMap::new();
        for (name, value) in document.columns {
            let of_column = |problem| wrong(SchemaProblem::Column { name: name.clone(), problem: Box::new(problem) });
            let given: Given = value.try_into().map_err(|error: toml::de::Error| {
                of_column(SchemaProblem::Toml { line: None, message: error.message().to_owned() })
            })?;
            if let Some(problem) = given.problem() {
                return Err(of_column(problem));
            }
            columns.insert(name, given);
        }
        Ok(SchemaFile { columns })
    }

    /// As TOML.
    pub fn to_toml(&self) -> String {
        let columns: toml::Table = self
            .columns
            .iter()
            .filter_map(|(name, given)| Some((name.clone(), toml::Value::try_from(given).ok()?)))
            .collect();
        toml::to_string(&Document { columns }).unwrap_or_default()
    }

    /// The columns that are to be left out.
    pub fn ignored(&self) -> impl Iterator<Item = &String> {
        self.columns.iter().filter(|(_, given)| given.column_type().is_none()).map(|(name, _)| name)
    }
}

impl std::str::FromStr for SchemaFile {
    type Err = Error;

    fn from_str(text: &str) -> Result<SchemaFile> {
        SchemaFile::parse("the schema", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| text.parse::<SchemaFile>().unwrap_err().to_string();
        for (text, expected) in [
            ("columns = 1", "the schema"),
            ("[columns.a]\ntype = \"x\"", "column \"a\": there is no column type \"x\""),
            ("[columns.a]\nlevels = []", "column \"a\": missing field `type`"),
            ("[columns.a]\ntype = \"binary\"\nlevels = [\"a\"]", "column \"a\": 1 level; expected 2"),
            ("[columns.a]\ntype = \"ordinal\"\nlevels = [\"a\", \"a\"]", "column \"a\": the level \"a\" stands twice"),
            ("[columns.a]\ntype = \"date\"\nformat = \"%Q\"", "column \"a\": \"%Q\" is no format of dates"),
            ("[columns.a]\ntype = \"count\"\nformat = \"%Y\"", "column \"a\": a count column has no format"),
            ("[columns.a]\ntype = \"count\"\nlevels = [\"1\"]", "column \"a\": a count column has no levels"),
            ("[columns.a]\ntype = \"binary\"\nmin = 0", "column \"a\": a binary column has no bounds"),
            ("[columns.a]\ntype = \"numeric\"\nmin = 1\nmax = 1", "column \"a\": min 1 is not below max 1"),
            ("[columns.a]\ntype = \"numeric\"\nmin = \"x\"", "column \"a\": the bound \"x\" is no number"),
            ("[columns.a]\ntype = \"date\"\nmax = \"2024-13-01\"", "column \"a\": the bound \"2024-13-01\" is no date"),
            ("[columns.a]\ntype = \"date\"\nmax = 3", "column \"a\": the bound \"3\" is no date"),
            ("[columns.a]\ntype = \"count\"\ncolour = 1", "column \"a\": unknown field `colour`"),
        ] {
            let found = error(text);
            assert!(found.contains(expected) && found.lines().count() == 1, "{text:?}: {found}");
        }
    }

    #[test]
    fn there_and_back() {
        let text = "[columns.\"a b\"]\ntype = \"ordinal\"\nlevels = [\"x\", \"y\"]\nmissing = [\"?\"]\n\n[columns.c]\ntype = \"ignore\"\n";
        let schema: SchemaFile = text.parse().unwrap();
        assert_eq!(schema.to_toml().parse::<SchemaFile>().unwrap(), schema);
        assert_eq!(schema.ignored().collect::<Vec<_>>(), ["c"]);
    }
}
