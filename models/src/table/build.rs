//! Building a [`Table`], and saying which columns cannot be part of one.

use super::error::{Error, Result};
use super::problem::{PixelProblem, Place, Reason, UnusableColumn};
use std::path::Path;

use crate::heads::ColumnType;

use super::cell::{Cell, MissingValues};
use super::column::ColumnReader;
use super::dates::DateFormat;
use super::infer::{Inferred, column_type, levels_of};
use super::notation::Notation;
use super::open::Input;
use super::options::ReadOptions;
use super::read::{read, read_retained};
use super::resize::{Resizer, square_side};
use super::schema::{ColumnSchema, Schema};
use super::schema_file::{Given, SchemaFile};
use super::select::{Header, Selection};
use super::source::Source;
use super::values::Table;
use super::visit::Visitor;

/// The columns of the bundled table that are used when nothing else is asked for: its measurements.
const PENGUIN_MEASUREMENTS: [&str; 6] = [
    "Culmen Length (mm)",
    "Culmen Depth (mm)",
    "Flipper Length (mm)",
    "Body Mass (g)",
    "Delta 15 N (o/oo)",
    "Delta 13 C (o/oo)",
];

impl Selection {
    /// What this choice means for `input`: for the bundled table, no choice means its six measurements.
    pub(super) fn for_input(&self, input: &Input) -> Selection {
        let mut selection = self.clone();
        if *input == Input::Bundled && selection.columns.is_none() {
            selection.columns = Some(PENGUIN_MEASUREMENTS.map(String::from).into());
        }
        selection
    }
}

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

/// Reads the columns that the user chose, to fit a model to them. With [`ReadOptions::typed`] their types are inferred; columns
/// that cannot be used are left out, unless they were chosen by name. Without, all are numeric.
///
/// # Errors
/// Whatever keeps the file from being a table; [`Error::UnusableColumns`], once, for all columns that cannot be used;
/// [`Error::NothingObserved`] if the whole table is missing.
pub fn read_to_fit(input: &Input, options: &ReadOptions) -> Result<ReadTable> {
    let mut selection = options.selection.for_input(input);
    selection.ignore.extend(options.schema.iter().flat_map(SchemaFile::ignored).cloned());
    let mut builder = Builder::new(Wanted::Chosen { selection: &selection, to_fit: true });
    builder.given = options.schema.clone().unwrap_or_default();
    read(input, options, &mut builder)?;
    if !options.typed && options.schema.is_none() {
        let table = builder.finish()?;
        let schema = Schema::of(table.columns(), ColumnType::Numeric);
        return Ok(ReadTable { table, schema, left_out: Vec::new(), ambiguous_dates: Vec::new() });
    }
    builder.finish_typed(selection.columns.is_some(), options.typed)
}

/// Reads a table once for another visitor, and what its columns seem to hold, or why no model can be fitted to them. None where
/// a model cannot have the columns' names.
///
/// # Errors
/// As those of the reading, and of the visitor.
pub(super) fn read_with_types(
    input: &Input,
    options: &ReadOptions,
    selection: &Selection,
    other: &mut dyn Visitor,
) -> Result<Option<Vec<std::result::Result<ColumnSchema, Reason>>>> {
    let mut both = Both { other, builder: Some(Builder::new(Wanted::Chosen { selection, to_fit: true })) };
    read(input, options, &mut both)?;
    Ok(both.builder.map(Builder::types))
}

/// Shows a table to two visitors.
struct Both<'a, 'b> {
    other: &'a mut dyn Visitor,
    /// None once it has refused the header.
    builder: Option<Builder<'b>>,
}

impl Visitor for Both<'_, '_> {
    fn header(&mut self, header: &Header) -> Result<Vec<usize>> {
        let places = self.other.header(header)?;
        self.builder = self.builder.take().filter(|_| header.check_names(&places).is_ok());
        if let Some(builder) = &mut self.builder {
            builder.header(header)?;
        }
        Ok(places)
    }

    fn cell(&mut self, place: Place, column: usize, cell: Cell<'_>) {
        self.other.cell(place, column, cell);
        self.builder.iter_mut().for_each(|builder| builder.cell(place, column, cell));
    }

    fn end_row(&mut self) {
        self.other.end_row();
        self.builder.iter_mut().for_each(Builder::end_row);
    }
}

/// Reads a fitted model's columns, found by name and put in the model's order; others are left alone. Here a column may
/// be constant or wholly missing. Texts of a column with levels have their places among the levels, and others follow them.
///
/// # Errors
/// Whatever keeps the file from being a table; [`Error::MissingColumns`]; [`Error::ArrayWidth`], if the options ask for that;
/// [`Error::UnusableColumns`] for infinite values, for texts in columns of numbers, and for what is no date of its column.
pub fn read_for_model(input: &Input, options: &ReadOptions, columns: &[ColumnSchema]) -> Result<Table> {
    let mut builder = Builder::new(Wanted::Model { columns, whole_arrays: options.whole_arrays });
    read(input, options, &mut builder)?;
    builder.finish_model(columns)
}

/// Reads images of `size` × `size` pixels, a row each, whatever the columns are called. Pixels may be constant or missing.
/// Larger square ones are made smaller where the options say so.
///
/// # Errors
/// Whatever keeps the file from being a table; [`Error::ImageSize`]; [`Error::UnusableColumns`] for text and infinite values.
pub fn read_images(input: &Input, options: &ReadOptions, size: usize) -> Result<Table> {
    let mut builder = Builder::new(Wanted::Images { size, resize: options.resize });
    read(input, options, &mut builder)?;
    builder.finish()
}

/// [`read_images`], with the source that [`super::write_completed`] needs.
///
/// # Errors
/// As [`read_images`].
pub fn read_images_to_complete(input: &Input, options: &ReadOptions, size: usize) -> Result<(Table, Source)> {
    let mut builder = Builder::new(Wanted::Images { size, resize: false });
    let (width, content) = read_retained(input, options, &mut builder)?;
    Ok((builder.finish()?, Source { content, columns: (0..width).map(Some).collect() }))
}

/// [`read_for_model`], with the source that [`super::write_completed`] needs. The whole file is kept in memory.
///
/// # Errors
/// As [`read_for_model`].
pub fn read_to_complete(input: &Input, options: &ReadOptions, columns: &[ColumnSchema]) -> Result<(Table, Source)> {
    let mut builder = Builder::new(Wanted::Model { columns, whole_arrays: options.whole_arrays });
    let (width, content) = read_retained(input, options, &mut builder)?;
    let mut table_columns = vec![None; width];
    for (column, &place) in builder.places.iter().enumerate() {
        table_columns[place] = Some(column);
    }
    let table = builder.finish_model(columns)?;
    Ok((table, Source { content, columns: table_columns }))
}

impl Table {
    /// Reads a table by the ending of its name: `.csv` and `.tsv` with a header, `.npy`, IDX images (`.idx`, `-ubyte`), each
    /// also `.gz`; `.npz`; or a directory of PNG images. Columns of arrays and images are called x0, x1, … Columns of dates
    /// become days since 1970, and columns with other texts places in a list of them: see [`Notation`].
    ///
    /// # Errors
    /// Whatever keeps the file from being a table; [`Error::UnusableColumns`], once, for all columns with infinite values.
    pub fn read(path: impl AsRef<Path>) -> Result<Table> {
        Table::read_with(path, &ReadOptions::default())
    }

    /// [`Table::read`], with options.
    ///
    /// # Errors
    /// As [`Table::read`]; [`Error::UnknownColumns`] and [`Error::NothingSelected`] for the choice of columns.
    pub fn read_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Table> {
        let mut builder = Builder::new(Wanted::Chosen { selection: &options.selection, to_fit: false });
        read(&Input::File(path.as_ref().to_owned()), options, &mut builder)?;
        builder.finish_untyped()
    }

    /// The bundled table: 344 penguins of the Palmer archipelago with six measurements, 35 of 2064 cells missing
    /// (Horst, Hill & Gorman 2020, doi:10.5281/zenodo.3960218, CC0).
    pub fn penguins() -> Table {
        read_to_fit(&Input::Bundled, &ReadOptions::default()).expect("the bundled table is one").table
    }
}

enum Wanted<'a> {
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

struct Builder<'a> {
    wanted: Wanted<'a>,
    /// What the user says of columns.
    given: SchemaFile,
    file: String,
    places: Vec<usize>,
    columns: Vec<ColumnReader>,
    values: Vec<f64>,
    /// What makes each row smaller, and whether a number below 0 has met it.
    resizer: Option<Resizer>,
    negative: bool,
}

impl<'a> Builder<'a> {
    fn new(wanted: Wanted<'a>) -> Self {
        Self {
            wanted,
            given: SchemaFile::default(),
            file: String::new(),
            places: Vec::new(),
            columns: Vec::new(),
            values: Vec::new(),
            resizer: None,
            negative: false,
        }
    }

    /// A table of numbers.
    fn finish(mut self) -> Result<Table> {
        let chosen = matches!(self.wanted, Wanted::Chosen { .. });
        let fitting = matches!(self.wanted, Wanted::Chosen { to_fit: true, .. });
        if fitting && self.columns.iter().all(ColumnReader::is_empty) {
            return Err(Error::NothingObserved { file: self.file });
        }
        let (mut columns, mut usable) = (Vec::new(), Vec::new());
        for column in self.columns {
            let reason = column.not_numbers().or_else(|| column.not_varied().filter(|_| fitting));
            match reason {
                Some(reason) => columns.push(UnusableColumn { name: column.name, reason }),
                None => usable.push(column.name),
            }
        }
        if !columns.is_empty() {
            return Err(Error::UnusableColumns { file: self.file, columns, usable, chosen });
        }
        if let Some(resizer) = self.resizer {
            if self.negative {
                return Err(Error::Pixels { file: self.file, problem: PixelProblem::MeansOfBinary });
            }
            usable = (0..resizer.pixels()).map(|pixel| format!("x{pixel}")).collect();
        }
        self.values.shrink_to_fit();
        Ok(Table::of_parts(usable, self.values))
    }

    /// The columns' notations: numbers, texts or dates, as `decide` says of a column that has texts. Columns with other than
    /// these are told with the reason.
    fn notations(
        &mut self,
        decide: impl Fn(&str, &ColumnReader) -> std::result::Result<Wish, Reason>,
    ) -> (Vec<Notation>, Vec<(usize, Reason)>) {
        let width = self.columns.len();
        let (mut notations, mut unusable) = (Vec::with_capacity(width), Vec::new());
        for (d, column) in self.columns.iter_mut().enumerate() {
            let cells = self.values.get_mut(d..).unwrap_or_default();
            let name = column.name.clone();
            let notation = match decide(&name, column) {
                Ok(Wish::Numbers) => Ok(Notation::Numbers),
                Ok(Wish::Texts(levels)) => Ok(column.write_texts(cells, width, &levels)),
                Ok(Wish::Dates(format)) => column
                    .write_dates(cells, width, &format)
                    .map_err(|text| Reason::NoDate { text, format: format.pattern().to_owned() }),
                Err(reason) => Err(reason),
            };
            notations.push(notation.unwrap_or_else(|reason| {
                unusable.push((d, reason));
                Notation::Numbers
            }));
        }
        (notations, unusable)
    }

    /// The whole table, whatever its columns hold.
    fn finish_untyped(mut self) -> Result<Table> {
        let (notations, unusable) = self.notations(|_, column| by_content(column).map(|(wish, _)| wish));
        self.check_usable(unusable, true)?;
        let names = self.columns.into_iter().map(|column| column.name).collect();
        Ok(Table::of_parts(names, self.values).with_notations(notations))
    }

    /// The columns that a model can be fitted to, and what they hold: what the user says, else what is inferred.
    fn finish_typed(mut self, named: bool, infer: bool) -> Result<ReadTable> {
        if self.columns.iter().all(ColumnReader::is_empty) {
            return Err(Error::NothingObserved { file: self.file });
        }
        let given = std::mem::take(&mut self.given);
        // One column whose name has another separator in it: the file is no text with commas.
        if let [only] = &self.columns[..]
            && only.name.contains([';', '\t', '|'])
            && given.columns.is_empty()
            && let Some(reason) = only.not_numbers()
        {
            self.check_usable(vec![(0, reason)], true)?;
        }
        if let Some(name) = given.columns.keys().find(|name| self.columns.iter().all(|column| column.name != **name))
            && given.columns[name].column_type().is_some()
        {
            let available = self.columns.iter().map(|column| column.name.clone()).collect();
            return Err(Error::UnknownColumns { file: self.file, unknown: vec![name.clone()], available });
        }
        let ambiguous = |column: &ColumnReader| {
            let given = given.columns.contains_key(&column.name);
            column.date_format().filter(|(_, other)| *other && !given).map(|(format, _)| (column.name.clone(), format))
        };
        let ambiguous_dates = self.columns.iter().filter_map(ambiguous).collect();
        let (notations, mut unusable) = self.notations(|name, column| match given.columns.get(name) {
            Some(given) => by_schema(given, column),
            None if !infer => column.not_numbers().map_or(Ok(Wish::Numbers), Err),
            None => by_content(column).map(|(wish, _)| wish),
        });
        // A text in a column of numbers may stand for missing: it is for the user to say so.
        self.check_usable(std::mem::take(&mut unusable), true)?;
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let whole = Table::of_parts(names, self.values).with_notations(notations);
        let Inferred { schema, left_out: not_inferred } = Inferred::of(&whole);
        let (mut columns, mut left_out, mut incomplete) = (Vec::new(), Vec::new(), Vec::new());
        for name in whole.columns() {
            let inferred = schema.columns().iter().find(|column| column.name == *name);
            let reason = not_inferred.iter().find(|(other, _)| other == name).map(|(_, reason)| reason.clone());
            match (given.columns.get(name), inferred, reason) {
                // To leave it out would leave its cells missing.
                (_, _, Some(reason)) if reason.is_constant() && !is_complete(&whole, name) => {
                    incomplete.push((name.clone(), reason))
                }
                (given, _, Some(reason)) if given.is_none() || reason.is_constant() => {
                    left_out.push((name.clone(), reason))
                }
                (Some(given), ..) => columns.push(given.column(name, &whole)),
                (None, Some(_), _) if !infer => columns.push(ColumnSchema::new(name, ColumnType::Numeric)),
                (None, Some(column), _) => columns.push(column.clone()),
                (None, None, _) => {}
            }
        }
        if columns.is_empty() || named {
            incomplete.append(&mut left_out);
        }
        if !incomplete.is_empty() {
            let unusable = incomplete.into_iter().map(|(name, reason)| UnusableColumn { name, reason }).collect();
            let usable = columns.into_iter().map(|column| column.name).collect();
            return Err(Error::UnusableColumns { file: self.file, columns: unusable, usable, chosen: true });
        }
        let names: Vec<&str> = columns.iter().map(|column| &column.name[..]).collect();
        let table = if left_out.is_empty() { whole } else { whole.select(&names)? };
        Ok(ReadTable { table, schema: Schema::new(columns), left_out, ambiguous_dates })
    }

    /// What each column seems to hold, or why no model can be fitted to it.
    fn types(mut self) -> Vec<std::result::Result<ColumnSchema, Reason>> {
        let (notations, unusable) = self.notations(|_, column| by_content(column).map(|(wish, _)| wish));
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let whole = Table::of_parts(names, self.values).with_notations(notations);
        let unusable = |d: usize| unusable.iter().find(|(other, _)| *other == d).map(|(_, reason)| reason.clone());
        (0..whole.width()).map(|d| unusable(d).map_or_else(|| column_type(&whole, d), Err)).collect()
    }

    /// The columns of a model.
    fn finish_model(mut self, columns: &[ColumnSchema]) -> Result<Table> {
        let own = |name: &str| columns.iter().find(|column| column.name == name);
        let (notations, unusable) = self.notations(|name, column| {
            let Some(own) = own(name) else { return Ok(Wish::Numbers) };
            match own.format.as_deref().and_then(DateFormat::new) {
                Some(format) if !column.is_empty() => Ok(Wish::Dates(format)),
                Some(format) => Ok(Wish::Dates(format)),
                // Levels that are numbers stay numbers, unless there is a text.
                None if own.levels.iter().any(|level| level.parse::<f64>().is_err()) => {
                    Ok(Wish::Texts(own.levels.clone()))
                }
                None if !own.levels.is_empty() && matches!(column.not_numbers(), Some(Reason::Text { .. })) => {
                    Ok(Wish::Texts(own.levels.clone()))
                }
                None => column.not_numbers().map_or(Ok(Wish::Numbers), Err),
            }
        });
        self.check_usable(unusable, false)?;
        let names = self.columns.into_iter().map(|column| column.name).collect();
        self.values.shrink_to_fit();
        Ok(Table::of_parts(names, self.values).with_notations(notations))
    }

    fn check_usable(&self, unusable: Vec<(usize, Reason)>, chosen: bool) -> Result<()> {
        if unusable.is_empty() {
            return Ok(());
        }
        let is_usable = |d: &usize| unusable.iter().all(|(other, _)| other != d);
        let usable = (0..self.columns.len()).filter(is_usable).map(|d| self.columns[d].name.clone()).collect();
        let named = |(d, reason): (usize, Reason)| UnusableColumn { name: self.columns[d].name.clone(), reason };
        let columns = unusable.iter().cloned().map(named).collect();
        Err(Error::UnusableColumns { file: self.file.clone(), columns, usable, chosen })
    }
}

/// Whether no cell of a column is missing.
fn is_complete(table: &Table, name: &str) -> bool {
    let place = table.columns().iter().position(|column| column == name);
    place.is_some_and(|d| (0..table.rows()).all(|row| table.observed(row, d)))
}

/// What a column's numbers are to be.
enum Wish {
    Numbers,
    /// Texts, these first.
    Texts(Vec<String>),
    Dates(DateFormat),
}

/// What a column's numbers are by its content, and whether dates may mean others.
fn by_content(column: &ColumnReader) -> std::result::Result<(Wish, bool), Reason> {
    match column.not_numbers() {
        None => Ok((Wish::Numbers, false)),
        Some(reason @ Reason::Text { .. }) => match column.date_format() {
            Some((format, other)) => Ok((Wish::Dates(format), other)),
            None if column.is_mixed() || column.has_decimal_commas() => Err(reason),
            None => Ok((Wish::Texts(Vec::new()), false)),
        },
        Some(reason) => Err(reason),
    }
}

/// What a column's numbers are by what the user says.
fn by_schema(given: &Given, column: &ColumnReader) -> std::result::Result<Wish, Reason> {
    let texts = matches!(column.not_numbers(), Some(Reason::Text { .. }));
    match given.column_type() {
        Some(ColumnType::Date) if texts => {
            match (given.format.as_deref().and_then(DateFormat::new), column.date_format()) {
                (Some(format), _) | (None, Some((format, _))) => Ok(Wish::Dates(format)),
                (None, None) => column.not_numbers().map_or(Ok(Wish::Numbers), Err),
            }
        }
        Some(ColumnType::Binary | ColumnType::Categorical | ColumnType::Ordinal) if texts => {
            Ok(Wish::Texts(given.levels.clone()))
        }
        _ => column.not_numbers().map_or(Ok(Wish::Numbers), Err),
    }
}

impl Given {
    /// The column, with the levels that it has where the user says none.
    fn column(&self, name: &str, table: &Table) -> ColumnSchema {
        let kind = self.column_type().unwrap_or_default();
        let d = table.columns().iter().position(|column| column == name).unwrap_or_default();
        let leveled = matches!(kind, ColumnType::Binary | ColumnType::Categorical | ColumnType::Ordinal);
        let levels = if leveled && self.levels.is_empty() { levels_of(table, d) } else { self.levels.clone() };
        let format = match table.notation(d) {
            Notation::Dates(format) => Some(format.pattern().to_owned()),
            _ => None,
        };
        ColumnSchema { levels, format, missing: self.missing.clone(), ..ColumnSchema::new(name, kind) }
    }
}

impl Visitor for Builder<'_> {
    fn header(&mut self, header: &Header) -> Result<Vec<usize>> {
        self.file.clone_from(&header.file);
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
        let model = if let Wanted::Model { columns, .. } = self.wanted { columns } else { &[] };
        for column in &mut self.columns {
            let given = self.given.columns.get(&column.name).map(|given| &given.missing);
            let own = model.iter().find(|own| own.name == column.name).map(|own| &own.missing);
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
