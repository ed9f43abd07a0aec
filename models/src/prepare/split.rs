//! Validation rows, set aside from a table or read from a file.

use std::sync::{Arc, Mutex, PoisonError};

use samplers::stream::{Purpose, stream};

use super::error::{Error, Result};
use crate::config::{Options, Validation};
use crate::data::Data;
use crate::table::{Dialect, Input, ReadOptions};

/// Some rows of a table.
pub(super) struct Part {
    pub(super) rows: Data<f64>,
    /// Their numbers in the table, from 1.
    pub(super) numbers: Vec<usize>,
}

impl Part {
    /// All rows of a table.
    fn whole(rows: Data<f64>) -> Part {
        Part { numbers: (1..=rows.rows()).collect(), rows }
    }

    /// The chosen rows of a whole table.
    fn chosen(all: &Data<f64>, chosen: &[usize]) -> Part {
        Part { rows: all.select(chosen), numbers: chosen.iter().map(|n| n + 1).collect() }
    }

    /// The numbers of the rows that have an observed cell.
    pub(super) fn numbers_with_cells(&self) -> Vec<usize> {
        self.rows.rows_with_cells().into_iter().map(|n| self.numbers[n]).collect()
    }
}

/// A table without its validation rows.
pub(super) struct Split {
    /// The rows to train on.
    pub(super) rest: Part,
    /// The validation rows.
    pub(super) held_out: Option<Part>,
    /// The file of these, if it is a text that is written otherwise than its name promises.
    pub(super) dialects: Vec<(String, Dialect)>,
}

/// Texts that were read, and how they are written where that is not what their names promise.
#[derive(Clone, Default)]
pub(super) struct Dialects(Arc<Mutex<Vec<(String, Dialect)>>>);

impl Dialects {
    /// Reads with these options are listened to.
    pub(super) fn listen(&self, reading: ReadOptions) -> ReadOptions {
        let told = self.clone();
        reading.on_dialect(move |file, dialect| {
            told.0.lock().unwrap_or_else(PoisonError::into_inner).push((file.to_owned(), dialect));
        })
    }

    /// What was told.
    pub(super) fn told(&self) -> Vec<(String, Dialect)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sets the validation rows aside; `read` reads them where they are in a file. `table` is the table's name in messages.
pub(super) fn set_aside(
    table: &str,
    all: Data<f64>,
    options: &Options,
    read: impl FnOnce(&Input, &ReadOptions) -> Result<Data<f64>>,
) -> Result<Split> {
    match options.validation_rows()? {
        None | Some(Validation::Cells) => Ok(Split { rest: Part::whole(all), held_out: None, dialects: Vec::new() }),
        Some(Validation::File(path)) => {
            // `key` names an array of the table's archive; a file of another kind has none.
            let archive = path.extension().is_some_and(|ending| ending == "npz");
            let reading = read_options(options);
            let reading = if archive { reading } else { reading.without_key() };
            let input = Input::from_arg(Some(&path));
            let reading = if input.is_text() { reading } else { reading.separator(None).decimal(None) };
            let dialects = Dialects::default();
            let held_out = Part::whole(read(&input, &dialects.listen(reading))?);
            Ok(Split { rest: Part::whole(all), held_out: Some(held_out), dialects: dialects.told() })
        }
        Some(Validation::Fraction(share)) => {
            let seed = options.seed.unwrap_or(0);
            let (rest, chosen) = all.split(share, &mut stream(seed, Purpose::Split, 0, 0));
            if chosen.is_empty() || rest.is_empty() {
                return Err(Error::Unsplittable { share, rows: all.rows() });
            }
            let held_out = Some(Part::chosen(&all, &chosen));
            Ok(Split { rest: Part::chosen(&all, &rest), held_out, dialects: Vec::new() })
        }
        Some(Validation::From(row)) => {
            if !(1..all.rows()).contains(&row) {
                let (table, rows) = (table.to_owned(), all.rows());
                return Err(Error::ValidationFrom { table, row, rows, preset: options.preset });
            }
            let (rows, below) = all.split_at(row);
            let numbers = (row + 1..=row + below.rows()).collect();
            let held_out = Some(Part { rows: below, numbers });
            Ok(Split { rest: Part::whole(rows), held_out, dialects: Vec::new() })
        }
    }
}

/// How the files that the options name are read.
pub(super) fn read_options(options: &Options) -> ReadOptions {
    let reading = ReadOptions::new()
        .missing_values(options.missing_value.as_deref().unwrap_or_default())
        .resize(options.resize.unwrap_or(false))
        .whole_arrays(options.columns.is_none() && options.ignore_columns.is_none());
    let reading = reading.typed(options.infers_types()).separator(options.separator).decimal(options.decimal);
    match &options.key {
        Some(key) => reading.key(key),
        None => reading,
    }
}
