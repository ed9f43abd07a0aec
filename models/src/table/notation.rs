//! How the numbers of a column stand in a file.

use std::sync::Arc;

use super::dates::DateFormat;
use super::write::number_text;

/// How the numbers of a column stand in a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Notation {
    /// As numbers.
    #[default]
    Numbers,
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
        }
    }
}
