//! From cells to a [`Table`], and what its columns hold.

use super::cell::{Cell, MissingValues};
use super::column::{ColumnReader, Wish};
use super::dates::DateFormat;
use super::error::{Error, Result};
use super::infer::{column_type, levels_of};
use super::notation::Notation;
use super::problem::{PixelProblem, Place, Reason, UnusableColumn};
use super::resize::{Resizer, square_side};
use super::schema::{ColumnSchema, Schema};
use super::schema_file::{Given, SchemaFile};
use super::select::{Header, Selection};
use super::values::Table;
use super::visit::Visitor;
use crate::heads::ColumnType;

/// A table that a model can be fitted to, and what its columns hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadTable {
    /// The columns that can be used.
    pub table: Table,
    /// What they hold.
    pub schema: Schema,
    /// Columns that cannot be used and were not asked for by name, and why.
    pub left_out: Vec<(String, Reason)>,
    /// Columns of dates that have another format by which they mean other days.
    pub ambiguous_dates: Vec<(String, DateFormat)>,
}

/// What is to be read.
pub(super) enum Wanted<'a> {
    Chosen {
        selection: &'a Selection,
        /// Whether columns must vary, as they must for a model to be fitted to them.
        to_fit: bool,
    },
    Model {
        columns: &'a [ColumnSchema],
        whole_arrays: bool,
    },
    /// All columns, the pixels of images of this height and width, or of larger ones that are made so.
    Images {
        size: usize,
        resize: bool,
    },
}

/// Builds a table as it is read.
pub(super) struct Builder<'a> {
    wanted: Wanted<'a>,
    /// What the user says of columns.
    given: SchemaFile,
    file: String,
    /// The places of its columns in the file, which has so many.
    pub(super) places: Vec<usize>,
    pub(super) file_width: usize,
    columns: Vec<ColumnReader>,
    values: Vec<f64>,
    /// What makes each row smaller, and whether a number below 0 has met it.
    resizer: Option<Resizer>,
    negative: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(wanted: Wanted<'a>) -> Self {
        Builder::with_schema(wanted, SchemaFile::default())
    }

    /// With what the user says of columns.
    pub(super) fn with_schema(wanted: Wanted<'a>, given: SchemaFile) -> Self {
        Self {
            wanted,
            given,
            file: String::new(),
            places: Vec::new(),
            file_width: 0,
            columns: Vec::new(),
            values: Vec::new(),
            resizer: None,
            negative: false,
        }
    }

    /// A table of numbers.
    pub(super) fn finish(mut self) -> Result<Table> {
        let chosen = matches!(self.wanted, Wanted::Chosen { .. });
        let fitting = matches!(self.wanted, Wanted::Chosen { to_fit: true, .. });
        if fitting && self.columns.iter().all(ColumnReader::is_empty) {
            return Err(Error::NothingObserved { file: self.file });
        }
        let reason = |column: &ColumnReader| column.not_numbers().or_else(|| column.not_varied().filter(|_| fitting));
        let unusable = self.columns.iter().enumerate().filter_map(|(d, column)| Some((d, reason(column)?)));
        self.check_usable(unusable.collect(), chosen)?;
        let mut names = self.names();
        if let Some(resizer) = self.resizer {
            if self.negative {
                return Err(Error::Pixels { file: self.file, problem: PixelProblem::MeansOfBinary });
            }
            names = (0..resizer.pixels()).map(|pixel| format!("x{pixel}")).collect();
        }
        self.values.shrink_to_fit();
        Ok(Table::of_parts(names, self.values))
    }

    /// The names of the columns.
    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The table, each column in the notation that `decide` says, and the columns that have none, with the reason.
    fn with_notations(
        &mut self,
        decide: impl Fn(usize, &ColumnReader) -> std::result::Result<Wish, Reason>,
    ) -> (Table, Vec<(usize, Reason)>) {
        let (names, width) = (self.names(), self.columns.len());
        let (mut notations, mut unusable) = (Vec::with_capacity(width), Vec::new());
        for (d, column) in self.columns.iter_mut().enumerate() {
            let cells = self.values.get_mut(d..).unwrap_or_default();
            let notation = column.too_many_texts().map_or_else(|| decide(d, column), Err).and_then(|wish| match wish {
                Wish::Numbers => Ok(Notation::Numbers),
                Wish::Digits(digits) => Ok(Notation::Digits(digits)),
                Wish::Texts(levels) => Ok(column.write_texts(cells, width, &levels)),
                Wish::Dates(format) => column.write_dates(cells, width, &format),
            });
            notations.push(notation.unwrap_or_else(|reason| {
                unusable.push((d, reason));
                Notation::Numbers
            }));
        }
        self.values.shrink_to_fit();
        (Table::of_parts(names, std::mem::take(&mut self.values)).with_notations(notations), unusable)
    }

    /// The whole table, whatever its columns hold.
    pub(super) fn finish_untyped(mut self) -> Result<Table> {
        let (table, unusable) = self.with_notations(|_, column| by_content(column));
        self.check_usable(unusable, true)?;
        Ok(table)
    }

    /// The columns that a model can be fitted to, and what they hold: what the user says, else what is inferred. All columns
    /// must be usable where they are `named`.
    pub(super) fn finish_typed(mut self, named: bool, infer: bool) -> Result<ReadTable> {
        if self.columns.iter().all(ColumnReader::is_empty) {
            return Err(Error::NothingObserved { file: self.file });
        }
        let given = std::mem::take(&mut self.given);
        self.check_separator(&given)?;
        self.check_schema(&given)?;
        let names = self.names();
        let given_of = |d: usize| given.columns.get(&names[d]);
        let ambiguous = |(d, column): (usize, &ColumnReader)| {
            let (format, other) = column.date_format().filter(|_| given_of(d).is_none())?;
            other.then(|| (names[d].clone(), format))
        };
        let ambiguous_dates = self.columns.iter().enumerate().filter_map(ambiguous).collect();
        let (whole, unusable) = self.with_notations(|d, column| match given_of(d) {
            Some(given) => by_schema(given, column),
            None if !infer => column.numbers_only(),
            None => by_content(column),
        });
        // A text in a column of numbers may stand for missing: it is for the user to say so.
        self.check_usable(unusable, true)?;
        let (mut columns, mut left_out, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (d, name) in names.iter().enumerate() {
            let complete = || (0..whole.rows()).all(|row| whole.observed(row, d));
            match (given_of(d), column_type(&whole, d)) {
                // To leave it out would leave its cells missing.
                (_, Err(reason)) if reason.is_constant() && !complete() => refused.push((name.clone(), reason)),
                (given, Err(reason)) if given.is_none() || reason.is_constant() => {
                    left_out.push((name.clone(), reason))
                }
                (Some(given), _) => columns.push(given.column(name, &whole, d)),
                (None, Ok(inferred)) if infer => columns.push(inferred),
                (None, _) => columns.push(ColumnSchema::new(name, ColumnType::Numeric)),
            }
        }
        if columns.is_empty() || named {
            refused.append(&mut left_out);
        }
        if !refused.is_empty() {
            let unusable = refused.into_iter().map(|(name, reason)| UnusableColumn { name, reason }).collect();
            let usable = columns.into_iter().map(|column| column.name).collect();
            return Err(Error::UnusableColumns { file: self.file, columns: unusable, usable, chosen: true });
        }
        let names: Vec<&str> = columns.iter().map(|column| &column.name[..]).collect();
        let table = if left_out.is_empty() { whole } else { whole.select(&names)? };
        Ok(ReadTable { table, schema: Schema::new(columns), left_out, ambiguous_dates })
    }

    /// Refuses a file of one column whose name has another separator in it: it is no text with commas.
    fn check_separator(&self, given: &SchemaFile) -> Result<()> {
        match &self.columns[..] {
            [only] if given.columns.is_empty() && only.name.contains([';', '\t', '|']) => {
                self.check_usable(only.not_numbers().map(|reason| (0, reason)).into_iter().collect(), true)
            }
            _ => Ok(()),
        }
    }

    /// Refuses a schema with columns that the file does not have, but for those that are to be left out.
    fn check_schema(&self, given: &SchemaFile) -> Result<()> {
        let names = self.names();
        let unknown: Vec<String> = given
            .columns
            .iter()
            .filter(|(name, given)| given.column_type().is_some() && !names.contains(name))
            .map(|(name, _)| name.clone())
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Error::UnknownColumns { file: self.file.clone(), unknown, available: names })
    }

    /// What each column seems to hold, or why no model can be fitted to it.
    pub(super) fn types(mut self) -> Vec<std::result::Result<ColumnSchema, Reason>> {
        let (whole, unusable) = self.with_notations(|_, column| by_content(column));
        let mut types: Vec<_> = (0..whole.width()).map(|d| column_type(&whole, d)).collect();
        unusable.into_iter().for_each(|(d, reason)| types[d] = Err(reason));
        types
    }

    /// The rows so far, of a model's columns, and the columns that cannot be used, each with the reason. The builder goes on
    /// with the next rows.
    pub(super) fn take_rows(&mut self, columns: &[ColumnSchema]) -> (Table, Vec<(usize, Reason)>) {
        let taken = self.with_notations(|d, column| by_model(&columns[d], column));
        self.columns.iter_mut().for_each(ColumnReader::begin_block);
        taken
    }

    /// The rows that are held.
    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }

    /// Refuses columns that cannot be used.
    pub(super) fn check_usable(&self, unusable: Vec<(usize, Reason)>, chosen: bool) -> Result<()> {
        if unusable.is_empty() {
            return Ok(());
        }
        let names = self.names();
        let usable = names.iter().enumerate().filter(|(d, _)| unusable.iter().all(|(other, _)| other != d));
        let usable = usable.map(|(_, name)| name.clone()).collect();
        let named = |(d, reason): (usize, Reason)| UnusableColumn { name: names[d].clone(), reason };
        let columns = unusable.into_iter().map(named).collect();
        Err(Error::UnusableColumns { file: self.file.clone(), columns, usable, chosen })
    }
}

/// What a column's numbers are by its content.
fn by_content(column: &ColumnReader) -> std::result::Result<Wish, Reason> {
    if !column.has_texts() {
        return column.numbers_or_codes();
    }
    match column.date_format() {
        Some((format, _)) => Ok(Wish::Dates(format)),
        None if column.is_mixed() || column.has_other_decimals() => column.numbers_only(),
        None => Ok(Wish::Texts(Vec::new())),
    }
}

/// What a column's numbers are by what the user says.
fn by_schema(given: &Given, column: &ColumnReader) -> std::result::Result<Wish, Reason> {
    match given.column_type() {
        Some(kind) if kind.has_levels() && !column.has_texts() => column.numbers_or_codes(),
        _ if !column.has_texts() => column.numbers_only(),
        Some(ColumnType::Date) => {
            let said = given.format.as_deref().and_then(DateFormat::new);
            let format = said.or_else(|| column.date_format().map(|(format, _)| format));
            format.map_or_else(|| column.numbers_only(), |format| Ok(Wish::Dates(format)))
        }
        Some(kind) if kind.has_levels() => Ok(Wish::Texts(given.levels.clone())),
        _ => column.numbers_only(),
    }
}

/// What a column's numbers are in a model's column.
fn by_model(own: &ColumnSchema, column: &ColumnReader) -> std::result::Result<Wish, Reason> {
    if let Some(format) = own.format.as_deref().and_then(DateFormat::new) {
        return Ok(Wish::Dates(format));
    }
    // Levels that are numbers stay numbers, unless there is a text.
    let texts = !own.levels.is_empty() && (column.has_texts() || own.has_text_levels());
    match (texts, own.level_notation()) {
        (true, _) => Ok(Wish::Texts(own.level_texts())),
        (false, Notation::Digits(digits)) => column.numbers_only().map(|_| Wish::Digits(digits)),
        (false, _) => column.numbers_only(),
    }
}

impl Given {
    /// The column, with the levels that it has where the user says none.
    fn column(&self, name: &str, table: &Table, d: usize) -> ColumnSchema {
        let kind = self.column_type().unwrap_or_default();
        let levels = match table.notation(d) {
            _ if kind.has_levels() && self.levels.is_empty() => levels_of(table, d),
            // As the file writes them.
            notation @ Notation::Digits(_) => {
                let text =
                    |level: &String| level.parse().map_or_else(|_| level.clone(), |number| notation.text(number));
                self.levels.iter().map(text).collect()
            }
            _ => self.levels.clone(),
        };
        let format = match table.notation(d) {
            Notation::Dates(format) => Some(format.pattern().to_owned()),
            _ => None,
        };
        let [min, max] = [&self.min, &self.max].map(|bound| bound.as_ref().and_then(|bound| self.value(bound)));
        ColumnSchema { levels, format, missing: self.missing.clone(), min, max, ..ColumnSchema::new(name, kind) }
    }
}

impl Visitor for Builder<'_> {
    fn header(&mut self, header: &Header) -> Result<Vec<usize>> {
        self.file.clone_from(&header.file);
        self.file_width = header.names.len();
        self.places = match self.wanted {
            Wanted::Chosen { selection, .. } => {
                let places = selection.resolve(header)?;
                header.check_names(&places)?;
                places
            }
            Wanted::Model { columns, whole_arrays } => {
                let found = header.names.len();
                if whole_arrays && header.of_array() && found > columns.len() {
                    return Err(Error::ArrayWidth { file: header.file.clone(), found, expected: columns.len() });
                }
                let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
                header.locate(&names)?
            }
            Wanted::Images { size, resize } => {
                let found = header.names.len();
                if let Some([height, width]) = header.image.filter(|[height, width]| height != width) {
                    return Err(Error::ImageShape { file: header.file.clone(), height, width, size });
                }
                self.resizer = square_side(found)
                    .filter(|&side| resize && side > size && size > 0)
                    .map(|side| Resizer::new(side, size));
                if found != size * size && self.resizer.is_none() {
                    return Err(Error::ImageSize { file: header.file.clone(), found, size });
                }
                (0..found).collect()
            }
        };
        self.columns = self.places.iter().map(|&place| ColumnReader::new(header.names[place].clone())).collect();
        // A model's columns are in its own order.
        let model = if let Wanted::Model { columns, .. } = self.wanted { columns } else { &[] };
        for (d, column) in self.columns.iter_mut().enumerate() {
            let given = self.given.columns.get(&column.name).map(|given| &given.missing);
            let own = model.get(d).map(|own| &own.missing);
            if let Some(missing) = given.or(own).filter(|missing| !missing.is_empty()) {
                column.missing = MissingValues::new(missing);
            }
        }
        Ok(self.places.clone())
    }

    fn cell(&mut self, place: Place, column: usize, cell: Cell<'_>) {
        let row = self.values.len() / self.columns.len();
        let value = self.columns[column].add(row, place, cell);
        self.values.push(value);
    }

    fn end_row(&mut self) {
        if let Some(resizer) = &mut self.resizer {
            let start = self.values.len() - self.columns.len();
            self.negative |= self.values[start..].iter().any(|x| *x < 0.0);
            let image = resizer.resize(&self.values[start..]);
            self.values.truncate(start);
            self.values.extend_from_slice(image);
        }
    }
}
