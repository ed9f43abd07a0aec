//! How the numbers of a column stand in a file.

use std::sync::Arc;

use super::dates::DateFormat;

/// How the numbers of a column stand in a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Notation {
    /// As numbers.
    #[default]
    Numbers,
    /// As whole numbers of so many digits, with zeros in front: `007`.
    Digits(usize),
    /// As texts: a number is the place of its text in this list, from 0.
    Texts(Arc<[String]>),
    /// As dates, whose numbers are days since 1970.
    Dates(DateFormat),
}

impl Notation {
    /// How a number is written: the shortest text that reads back the same, a text of the list, or a date.
    pub fn text(&self, number: f64) -> String {
        match self {
            Notation::Texts(texts) => texts.get(number as usize).cloned().unwrap_or_else(|| "NaN".to_owned()),
            Notation::Dates(format) => format.text(number),
            Notation::Numbers => number_text(number, false),
            Notation::Digits(digits) => format!("{number:0digits$}"),
        }
    }

    /// Whether the numbers say what they are: they are no places in a list, and no days.
    pub(crate) fn is_numbers(&self) -> bool {
        matches!(self, Notation::Numbers | Notation::Digits(_))
    }
}

/// The shortest text that reads back as the same number, of single precision if `single` (and if it has the range).
pub(super) fn number_text(number: f64, single: bool) -> String {
    let size = number.abs();
    let plain = size == 0.0 || (1e-5..1e16).contains(&size) || !size.is_finite();
    let narrow = number as f32;
    match (single && narrow.is_finite() && (narrow != 0.0 || number == 0.0), plain) {
        (true, true) => format!("{narrow}"),
        (true, false) => format!("{narrow:e}"),
        (false, true) => format!("{number}"),
        (false, false) => format!("{number:e}"),
    }
}
