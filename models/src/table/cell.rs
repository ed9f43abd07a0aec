//! What one cell says: a number, nothing, or something else.

use super::dialect::Decimal;

/// The cell texts that always mean "missing", beside a blank cell.
const MISSING: [&str; 6] = ["NA", "NaN", "nan", "null", "NULL", "?"];

/// One cell, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// No value.
    Missing,
    /// A finite number.
    Number(f64),
    /// A whole number with zeros in front, and the number of its digits: `007`.
    Padded(f64, usize),
    /// A number beyond any finite one, as written: `inf`, `1e400`.
    Infinite(&'a str),
    /// Anything else.
    Text(&'a str),
}

impl Cell<'_> {
    /// Whether there is no value.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Cell::Missing)
    }

    /// Whether it is a finite number.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Cell::Number(_) | Cell::Padded(..))
    }
}

/// The texts and numbers that stand for a missing value.
#[derive(Clone, Debug, Default)]
pub(super) struct MissingValues {
    texts: Vec<String>,
    numbers: Vec<f64>,
}

impl MissingValues {
    /// The built-in texts and `extra` ones. An extra text that is a number, with either decimal mark, stands for all its
    /// spellings: `-999` is also `-999.0`, and counts in arrays.
    pub(super) fn new<S: AsRef<str>>(extra: impl IntoIterator<Item = S>) -> Self {
        let texts: Vec<String> = extra.into_iter().map(|text| text.as_ref().trim_ascii().to_owned()).collect();
        let numbers =
            texts.iter().filter_map(|text| Decimal::Point.parse(text).or_else(|| Decimal::Comma.parse(text))).collect();
        Self { texts, numbers }
    }

    /// Reads a cell's text, without the ASCII blanks around it.
    pub(super) fn read<'a>(&self, text: &'a str, decimal: Decimal) -> Cell<'a> {
        let text = text.trim_ascii();
        if text.is_empty() || MISSING.contains(&text) || self.texts.iter().any(|missing| missing == text) {
            return Cell::Missing;
        }
        match decimal.parse(text) {
            Some(number) if number.is_nan() || self.numbers.contains(&number) => Cell::Missing,
            Some(number) if is_padded(text) => Cell::Padded(number, text.len()),
            Some(number) if number.is_finite() => Cell::Number(number),
            Some(_) => Cell::Infinite(text),
            None => Cell::Text(text),
        }
    }

    /// Whether a text is one of those given.
    pub(super) fn is_text(&self, text: &str) -> bool {
        self.texts.iter().any(|missing| missing == text)
    }

    /// Whether a number is one of those given.
    pub(super) fn is_number(&self, number: f64) -> bool {
        self.numbers.contains(&number)
    }

    /// Reads an array's number.
    pub(super) fn read_number(&self, number: f64) -> Cell<'static> {
        // An array of single precision holds the nearest such number to the one that the user wrote.
        let is = |missing: &f64| number == *missing || number == f64::from(*missing as f32);
        if number.is_nan() || self.numbers.iter().any(is) {
            Cell::Missing
        } else if number.is_finite() {
            Cell::Number(number)
        } else {
            Cell::Infinite(if number > 0.0 { "inf" } else { "-inf" })
        }
    }
}

/// Whether a text is digits alone, a zero first. No more than a number holds exactly.
fn is_padded(text: &str) -> bool {
    (2..=15).contains(&text.len()) && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let plain = MissingValues::default();
        for text in ["", " ", "\t", "NA", "NaN", "nan", "null", "NULL", "?", " NA ", "-nan"] {
            assert_eq!(plain.read(text, Decimal::Point), Cell::Missing, "{text:?}");
        }
        for (text, number) in [(" 1.5\t", 1.5), ("-2e-3", -0.002), ("+7", 7.0), (".5", 0.5), ("5.", 5.0), ("-0", 0.0)] {
            assert_eq!(plain.read(text, Decimal::Point), Cell::Number(number), "{text:?}");
        }
        for (text, number, digits) in [("007", 7.0, 3), ("00", 0.0, 2), (" 0100", 100.0, 4)] {
            assert_eq!(plain.read(text, Decimal::Point), Cell::Padded(number, digits), "{text:?}");
        }
        for (text, number) in [("0", 0.0), ("00.5", 0.5), ("-01", -1.0), ("0e1", 0.0), ("0000000000000012", 12.0)] {
            assert_eq!(plain.read(text, Decimal::Point), Cell::Number(number), "{text:?}");
        }
        for text in ["inf", "-Infinity", "1e400"] {
            assert_eq!(plain.read(text, Decimal::Point), Cell::Infinite(text));
        }
        for text in ["n/a", "1,5", "1 2", "0x10", "1_000", "é", "-"] {
            assert_eq!(plain.read(text, Decimal::Point), Cell::Text(text));
        }
    }

    #[test]
    fn more_missing_values() {
        let more = MissingValues::new(["-999", " none "]);
        assert_eq!(more.read("-999.0", Decimal::Point), Cell::Missing);
        assert_eq!(more.read("-999,0", Decimal::Comma), Cell::Missing);
        assert_eq!(MissingValues::new(["-9,5"]).read("-9.50", Decimal::Point), Cell::Missing);
        assert_eq!(more.read("none", Decimal::Point), Cell::Missing);
        assert_eq!(more.read("NA", Decimal::Point), Cell::Missing);
        assert_eq!(more.read("-99", Decimal::Point), Cell::Number(-99.0));
        assert_eq!(more.read_number(-999.0), Cell::Missing);
        assert_eq!(more.read_number(f64::NEG_INFINITY), Cell::Infinite("-inf"));
    }
}
