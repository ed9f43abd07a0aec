//! How a file is read.

use std::fmt;
use std::sync::Arc;

use super::cell::MissingValues;
use super::dialect::{Decimal, Dialect, Separator};
use super::schema_file::SchemaFile;
use super::select::Selection;

/// How a file is read: what stands for a missing value, and which columns are wanted.
///
/// ```
/// use missvae::table::ReadOptions;
///
/// let options = ReadOptions::new().missing_values(["-999"]).ignore_columns(["id"]);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    pub(super) missing: MissingValues,
    pub(super) separator: Option<Separator>,
    pub(super) decimal: Option<Decimal>,
    told: Option<Told>,
    pub(super) key: Option<String>,
    pub(super) resize: bool,
    pub(super) whole_arrays: bool,
    pub(super) selection: Selection,
    pub(super) typed: bool,
    pub(super) schema: Option<SchemaFile>,
}

impl ReadOptions {
    /// All columns; an empty cell, `NA`, `NaN`, `nan`, `null`, `NULL` and `?` are missing.
    pub fn new() -> ReadOptions {
        ReadOptions::default()
    }

    /// These texts are missing values as well. A text that is a number stands for every way of writing it: `-999` is
    /// also `-999.0`, and counts in arrays.
    pub fn missing_values<S: AsRef<str>>(mut self, texts: impl IntoIterator<Item = S>) -> ReadOptions {
        self.missing = MissingValues::new(texts);
        self
    }

    /// What separates the cells of texts. `None`, the default: it is detected.
    pub fn separator(mut self, separator: impl Into<Option<Separator>>) -> ReadOptions {
        self.separator = separator.into();
        self
    }

    /// The decimal mark of texts. `None`, the default: it is detected, and a point in texts with commas between their cells.
    pub fn decimal(mut self, decimal: impl Into<Option<Decimal>>) -> ReadOptions {
        self.decimal = decimal.into();
        self
    }

    /// Calls `tell` with the name of a text and how it is written, where that was detected to be other than its name promises.
    pub fn on_dialect(mut self, tell: impl Fn(&str, Dialect) + Send + Sync + 'static) -> ReadOptions {
        self.told = Some(Told(Arc::new(tell)));
        self
    }

    /// Tells how a text is written, if there is something to tell that these options do not say.
    pub(super) fn tell(&self, file: &str, dialect: Dialect) {
        let separator = self.separator.is_none() && dialect.separator != dialect.promised;
        let decimal = self.decimal.is_none() && dialect.decimal != Decimal::Point;
        if let Some(Told(tell)) = self.told.as_ref().filter(|_| separator || decimal) {
            tell(file, dialect);
        }
    }

    /// The name of the array in a `.npz` file; not needed where the file holds only one.
    pub fn key(mut self, name: impl Into<String>) -> ReadOptions {
        self.key = Some(name.into());
        self
    }

    /// No name of an array.
    pub(crate) fn without_key(mut self) -> ReadOptions {
        self.key = None;
        self
    }

    /// Only these columns, in the file's order. Has no meaning where a model says which columns are read.
    pub fn columns<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> ReadOptions {
        self.selection.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// All columns but these. Has no meaning where a model says which columns are read.
    pub fn ignore_columns<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> ReadOptions {
        self.selection.ignore = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the types of columns are inferred, and texts and dates are read. Default: no, all are numbers.
    pub fn typed(mut self, typed: bool) -> ReadOptions {
        self.typed = typed;
        self
    }

    /// What is known of the columns beforehand. It wins over what is inferred.
    pub fn schema(mut self, schema: SchemaFile) -> ReadOptions {
        self.schema = Some(schema);
        self
    }

    /// Whether square images that are larger than asked for are made smaller. Default: no.
    pub fn resize(mut self, resize: bool) -> ReadOptions {
        self.resize = resize;
        self
    }

    /// Whether an array for a model may have no more columns than the model. Its columns have no names, so that others
    /// than the model's cannot be told apart. Default: no.
    pub fn whole_arrays(mut self, whole: bool) -> ReadOptions {
        self.whole_arrays = whole;
        self
    }
}

type Tell = dyn Fn(&str, Dialect) + Send + Sync;

/// Who is told how a text is written.
#[derive(Clone)]
struct Told(Arc<Tell>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}
