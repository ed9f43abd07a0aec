//! One column as it is read: its numbers, its texts, and what it turns out to hold.

use std::collections::{HashMap, HashSet};

use super::cell::{Cell, MissingValues};
use super::dates::DateFormat;
use super::dialect::Decimal;
use super::notation::{Notation, number_text};
use super::problem::{Place, Reason};

/// The most different texts of a column that are held. It holds neither categories nor dates if it has more.
const MOST_TEXTS: usize = 1 << 20;
/// A column with numbers and texts holds levels, such as 0, 1, 2 and 3+, if there are at most so many, each this often on average.
/// Else it is one of numbers, some of them misspelt.
const MIXED_LEVELS: usize = 10;
const MIXED_OCCURRENCES: usize = 3;

/// What a column's numbers are to be.
pub(super) enum Wish {
    Numbers,
    /// Whole numbers of so many digits.
    Digits(usize),
    /// Texts, these first.
    Texts(Vec<String>),
    Dates(DateFormat),
}

/// How many digits the numbers of a column have.
#[derive(Clone, Copy, Default, PartialEq)]
enum Width {
    #[default]
    Unknown,
    Each(usize),
    /// Not all the same, or some are no whole numbers.
    Different,
}

impl Width {
    fn add(&mut self, digits: impl FnOnce() -> Option<usize>) {
        *self = match (*self, digits) {
            (Width::Different, _) => return,
            (Width::Unknown, digits) => digits().map_or(Width::Different, Width::Each),
            (each, digits) => {
                if digits().map(Width::Each) == Some(each) {
                    each
                } else {
                    Width::Different
                }
            }
        };
    }
}

/// The digits of a whole number from 0.
fn digits(number: f64) -> Option<usize> {
    (number.fract() == 0.0 && (0.0..1e15).contains(&number))
        .then(|| (number as u64).checked_ilog10().map_or(1, |log| log as usize + 1))
}

/// What has been seen of a column.
#[derive(Default)]
pub(super) struct ColumnReader {
    pub(super) name: String,
    /// What stands for missing in this column alone.
    pub(super) missing: MissingValues,
    /// The different texts, and where each is in the list.
    texts: Vec<String>,
    text_places: HashMap<String, u32>,
    /// Whether there are more than are held.
    more_texts: bool,
    /// Rows with a text, and which.
    text_cells: Vec<(usize, u32)>,
    /// Cells with a text, also of rows that were taken before.
    text_count: usize,
    first_text: Option<(Place, String)>,
    infinite: Option<(Place, String)>,
    /// Whether some number has zeros in front, and how many digits all numbers have.
    padded: bool,
    width: Width,
    /// Rows with such a number, and the digits: beside texts it is one.
    padded_cells: Vec<(usize, usize)>,
    /// The different numbers, until there are too many.
    numbers: HashSet<u64>,
    number_cells: usize,
    first: Option<f64>,
    pub(super) varies: bool,
}

impl ColumnReader {
    pub(super) fn new(name: String) -> ColumnReader {
        ColumnReader { name, ..ColumnReader::default() }
    }

    /// Takes the cell of a row. The number to store: NaN for what is none.
    pub(super) fn add(&mut self, row: usize, place: Place, cell: Cell<'_>) -> f64 {
        match cell {
            Cell::Number(value) | Cell::Padded(value, _) => {
                if self.missing.is_number(value) {
                    return f64::NAN;
                }
                let padded = if let Cell::Padded(_, digits) = cell { Some(digits) } else { None };
                // Zeros alone may stand for missing among numbers of one width.
                self.padded |= padded.is_some() && value != 0.0;
                self.padded_cells.extend(padded.map(|digits| (row, digits)));
                self.width.add(|| padded.or_else(|| digits(value)));
                self.number_cells += 1;
                self.varies |= *self.first.get_or_insert(value) != value;
                if self.numbers.len() <= MIXED_LEVELS {
                    self.numbers.insert((value + 0.0).to_bits());
                }
                value
            }
            Cell::Missing => f64::NAN,
            Cell::Text(text) if self.missing.is_text(text) => f64::NAN,
            Cell::Text(text) => {
                if self.first_text.is_none() {
                    self.first_text = Some((place, text.to_owned()));
                }
                let index = match self.texts.len() == MOST_TEXTS && !self.text_places.contains_key(text) {
                    true => {
                        self.more_texts = true;
                        u32::MAX
                    }
                    false => self.text_index(text),
                };
                self.text_cells.push((row, index));
                self.text_count += 1;
                f64::NAN
            }
            Cell::Infinite(text) => {
                self.infinite.get_or_insert_with(|| (place, text.to_owned()));
                f64::NAN
            }
        }
    }

    /// The place of a text in the list.
    fn text_index(&mut self, text: &str) -> u32 {
        if let Some(&index) = self.text_places.get(text) {
            return index;
        }
        let index = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.text_places.insert(text.to_owned(), index);
        index
    }

    /// Forgets the texts of rows that were taken, but for the first one.
    pub(super) fn begin_block(&mut self) {
        self.texts.clear();
        self.text_places.clear();
        self.text_cells.clear();
        self.padded_cells.clear();
        self.more_texts = false;
    }

    /// Whether no cell of it holds anything.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.first_text.is_none() && self.infinite.is_none()
    }

    /// Why it is no column of numbers, if it is none.
    pub(super) fn not_numbers(&self) -> Option<Reason> {
        match (&self.first_text, &self.infinite) {
            (Some((place, text)), _) => {
                Some(Reason::Text { place: *place, text: text.clone(), cells: self.text_count as u64 })
            }
            (None, Some((place, text))) => Some(Reason::Infinite { place: *place, text: text.clone() }),
            (None, None) => None,
        }
    }

    /// Why it cannot be read, if it has more texts than are held.
    pub(super) fn too_many_texts(&self) -> Option<Reason> {
        self.more_texts.then_some(Reason::ManyTexts { most: MOST_TEXTS })
    }

    /// Whether some cell of it is a text.
    pub(super) fn has_texts(&self) -> bool {
        self.first_text.is_some()
    }

    /// A column of numbers.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn numbers_only(&self) -> Result<Wish, Reason> {
        self.not_numbers().map_or(Ok(Wish::Numbers), Err)
    }

    /// A column of numbers, or of codes: whole numbers of one width, some with zeros in front.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn numbers_or_codes(&self) -> Result<Wish, Reason> {
        match (self.numbers_only()?, self.width) {
            (_, Width::Each(digits)) if self.padded => Ok(Wish::Digits(digits)),
            (wish, _) => Ok(wish),
        }
    }

    /// Whether its texts are numbers with the other decimal mark than the file's.
    pub(super) fn has_other_decimals(&self) -> bool {
        let is_number = |text: &String| {
            [Decimal::Point, Decimal::Comma].into_iter().any(|decimal| decimal.parse(text).is_some_and(f64::is_finite))
        };
        !self.texts.is_empty() && self.texts.iter().all(is_number)
    }

    /// Whether it is a column of numbers, some of whose cells are texts.
    pub(super) fn is_mixed(&self) -> bool {
        let (levels, cells) = (self.numbers.len() + self.texts.len(), self.number_cells + self.text_count);
        let are_levels = levels <= MIXED_LEVELS && cells >= MIXED_OCCURRENCES * levels;
        self.first_text.is_some() && self.first.is_some() && !are_levels
    }

    /// Texts as places in a list: their numbers are written to the column's cells, `width` apart. The list is `levels` and
    /// what stands there beside them, in the order of the characters.
    pub(super) fn write_texts(&mut self, cells: &mut [f64], width: usize, levels: &[String]) -> Notation {
        for (row, digits) in std::mem::take(&mut self.padded_cells) {
            let value = std::mem::replace(&mut cells[row * width], f64::NAN);
            let index = self.text_index(&format!("{value:0digits$}"));
            self.text_cells.push((row, index));
        }
        let mut others: Vec<String> = self.texts.iter().filter(|text| !levels.contains(text)).cloned().collect();
        for value in cells.iter().step_by(width).filter(|value| !value.is_nan()) {
            let text = number_text(*value, false);
            if !levels.contains(&text) && !others.contains(&text) {
                others.push(text);
            }
        }
        others.sort();
        let texts: Vec<String> = levels.iter().cloned().chain(others).collect();
        let places: HashMap<&str, usize> = texts.iter().enumerate().map(|(place, text)| (&text[..], place)).collect();
        for value in cells.iter_mut().step_by(width).filter(|value| !value.is_nan()) {
            *value = places[&number_text(*value, false)[..]] as f64;
        }
        for &(row, index) in &self.text_cells {
            cells[row * width] = places[&self.texts[index as usize][..]] as f64;
        }
        Notation::Texts(texts.into())
    }

    /// The format of its texts if all are dates, and whether it could be another one.
    pub(super) fn date_format(&self) -> Option<(DateFormat, bool)> {
        self.first.is_none().then(|| DateFormat::of_all(self.texts.iter().map(String::as_str))).flatten()
    }

    /// Dates as days: their numbers are written to the column's cells, `width` apart.
    ///
    /// # Errors
    /// A text that is none of the format.
    pub(super) fn write_dates(&self, cells: &mut [f64], width: usize, format: &DateFormat) -> Result<Notation, Reason> {
        let no_date = |text: String| Reason::NoDate { text, format: format.pattern().to_owned() };
        if let Some(number) = cells.iter().step_by(width).find(|value| !value.is_nan()) {
            return Err(no_date(number_text(*number, false)));
        }
        let days: Vec<Option<f64>> = self.texts.iter().map(|text| format.parse(text)).collect();
        if let Some(wrong) = days.iter().position(Option::is_none) {
            return Err(no_date(self.texts[wrong].clone()));
        }
        for &(row, index) in &self.text_cells {
            cells[row * width] = days[index as usize].unwrap_or(f64::NAN);
        }
        Ok(Notation::Dates(format.clone()))
    }

    /// What keeps it from being fitted to, where it has no text: nothing observed, or one value.
    pub(super) fn not_varied(&self) -> Option<Reason> {
        match self.first {
            None => Some(Reason::Empty),
            Some(value) if !self.varies => Some(Reason::Constant { value }),
            Some(_) => None,
        }
    }
}
