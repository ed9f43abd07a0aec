//! Building a [`Table`], and saying which columns cannot be part of one.

use super::error::{Error, Result};
use super::problem::{PixelProblem, Place, Reason, UnusableColumn};
use std::path::Path;

use super::cell::Cell;
use super::open::Input;
use super::options::ReadOptions;
use super::read::{read, read_retained};
use super::resize::{Resizer, square_side};
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

/// Reads the columns that the user chose, to fit a model to them.
///
/// # Errors
/// Whatever keeps the file from being a table; [`Error::UnusableColumns`], once, for all columns with text, infinite values,
/// a single observed value or none; [`Error::NothingObserved`] if the whole table is missing.
pub fn read_to_fit(input: &Input, options: &ReadOptions) -> Result<Table> {
    let selection = options.selection.for_input(input);
    let mut builder = Builder::new(Wanted::Chosen { selection: &selection, to_fit: true });
    read(input, options, &mut builder)?;
    builder.finish()
}

/// Reads a fitted model's columns, found by name and put in the model's order; others are left alone. Here a column may
/// be constant or wholly missing.
///
/// # Errors
/// Whatever keeps the file from being a table; [`Error::MissingColumns`]; [`Error::ArrayWidth`], if the options ask for that;
/// [`Error::UnusableColumns`] for text and infinite values.
pub fn read_for_model(input: &Input, options: &ReadOptions, columns: &[String]) -> Result<Table> {
    let mut builder = Builder::new(Wanted::Model { columns, whole_arrays: options.whole_arrays });
    read(input, options, &mut builder)?;
    builder.finish()
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
pub fn read_to_complete(input: &Input, options: &ReadOptions, columns: &[String]) -> Result<(Table, Source)> {
    let mut builder = Builder::new(Wanted::Model { columns, whole_arrays: options.whole_arrays });
    let (width, content) = read_retained(input, options, &mut builder)?;
    let mut table_columns = vec![None; width];
    for (column, &place) in builder.places.iter().enumerate() {
        table_columns[place] = Some(column);
    }
    let table = builder.finish()?;
    Ok((table, Source { content, columns: table_columns }))
}

impl Table {
    /// Reads a table by the ending of its name: `.csv` and `.tsv` with a header, `.npy`, IDX images (`.idx`, `-ubyte`), each
    /// also `.gz`; `.npz`; or a directory of PNG images. Columns of arrays and images are called x0, x1, …
    ///
    /// # Errors
    /// Whatever keeps the file from being a table; [`Error::UnusableColumns`], once, for all columns with text or infinite
    /// values.
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
        builder.finish()
    }

    /// The bundled table: 344 penguins of the Palmer archipelago with six measurements, 35 of 2064 cells missing
    /// (Horst, Hill & Gorman 2020, doi:10.5281/zenodo.3960218, CC0).
    pub fn penguins() -> Table {
        read_to_fit(&Input::Bundled, &ReadOptions::default()).expect("the bundled table is one")
    }
}

enum Wanted<'a> {
    Chosen {
        selection: &'a Selection,
        /// Whether columns must vary, as they must for a model to be fitted to them.
        to_fit: bool,
    },
    Model {
        columns: &'a [String],
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
    file: String,
    places: Vec<usize>,
    columns: Vec<Column>,
    values: Vec<f64>,
    /// What makes each row smaller, and whether a number below 0 has met it.
    resizer: Option<Resizer>,
    negative: bool,
}

/// What has been seen of a column.
#[derive(Default)]
struct Column {
    name: String,
    text: Option<(Place, String)>,
    text_cells: u64,
    infinite: Option<(Place, String)>,
    first: Option<f64>,
    varies: bool,
}

impl<'a> Builder<'a> {
    fn new(wanted: Wanted<'a>) -> Self {
        Self {
            wanted,
            file: String::new(),
            places: Vec::new(),
            columns: Vec::new(),
            values: Vec::new(),
            resizer: None,
            negative: false,
        }
    }

    fn finish(mut self) -> Result<Table> {
        let chosen = matches!(self.wanted, Wanted::Chosen { .. });
        let fitting = matches!(self.wanted, Wanted::Chosen { to_fit: true, .. });
        let empty = |column: &Column| column.first.is_none() && column.text.is_none() && column.infinite.is_none();
        if fitting && self.columns.iter().all(empty) {
            return Err(Error::NothingObserved { file: self.file });
        }
        let (mut columns, mut usable) = (Vec::new(), Vec::new());
        for column in self.columns {
            let name = column.name;
            let reason = match (column.text, column.infinite, column.first) {
                (Some((place, text)), _, _) => Reason::Text { place, text, cells: column.text_cells },
                (None, Some((place, text)), _) => Reason::Infinite { place, text },
                (None, None, None) if fitting => Reason::Empty,
                (None, None, Some(value)) if fitting && !column.varies => Reason::Constant { value },
                _ => {
                    usable.push(name);
                    continue;
                }
            };
            columns.push(UnusableColumn { name, reason });
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
                header.locate(columns)?
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
        self.columns = self
            .places
            .iter()
            .map(|&place| Column { name: header.names[place].clone(), ..Column::default() })
            .collect();
        Ok(self.places.clone())
    }

    fn cell(&mut self, place: Place, column: usize, cell: Cell<'_>) {
        let column = &mut self.columns[column];
        let value = match cell {
            Cell::Number(value) => {
                column.varies |= *column.first.get_or_insert(value) != value;
                value
            }
            Cell::Missing => f64::NAN,
            Cell::Text(text) => {
                column.text_cells += 1;
                column.text.get_or_insert_with(|| (place, text.to_owned()));
                f64::NAN
            }
            Cell::Infinite(text) => {
                column.infinite.get_or_insert_with(|| (place, text.to_owned()));
                f64::NAN
            }
        };
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
