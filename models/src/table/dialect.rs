//! How a text is written: what separates its cells, and what its decimal mark is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What separates the cells of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Separator {
    /// A comma
    #[serde(rename = ",")]
    #[cfg_attr(feature = "clap", value(name = ",", alias = "comma"))]
    Comma,
    /// A semicolon
    #[serde(rename = ";")]
    #[cfg_attr(feature = "clap", value(name = ";", alias = "semicolon"))]
    Semicolon,
    /// A tab
    #[serde(rename = "tab", alias = "\t")]
    #[cfg_attr(feature = "clap", value(name = "tab", alias = "\t"))]
    Tab,
    /// A vertical bar
    #[serde(rename = "|")]
    #[cfg_attr(feature = "clap", value(name = "|", alias = "bar"))]
    Bar,
}

impl Separator {
    /// All of them.
    pub(super) const ALL: [Separator; 4] = [Separator::Comma, Separator::Semicolon, Separator::Tab, Separator::Bar];

    /// The byte.
    pub fn byte(self) -> u8 {
        match self {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Tab => b'\t',
            Separator::Bar => b'|',
        }
    }

    /// Its name as an option.
    pub fn name(self) -> &'static str {
        match self {
            Separator::Comma => ",",
            Separator::Semicolon => ";",
            Separator::Tab => "tab",
            Separator::Bar => "|",
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Separator::Comma => "commas",
            Separator::Semicolon => "semicolons",
            Separator::Tab => "tabs",
            Separator::Bar => "vertical bars",
        })
    }
}

/// What stands between the whole part of a number and its fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Decimal {
    /// A point: 3.5
    #[default]
    #[serde(rename = ".")]
    #[cfg_attr(feature = "clap", value(name = ".", alias = "point"))]
    Point,
    /// A comma: 3,5
    #[serde(rename = ",")]
    #[cfg_attr(feature = "clap", value(name = ",", alias = "comma"))]
    Comma,
}

impl Decimal {
    /// The number that a text is with this decimal mark, which may be infinite or NaN. There are no marks of thousands.
    pub(super) fn parse(self, text: &str) -> Option<f64> {
        match self {
            Decimal::Comma if text.contains('.') => None,
            Decimal::Comma if text.contains(',') => text.replacen(',', ".", 1).parse().ok(),
            _ => text.parse().ok(),
        }
    }

    /// A number's text, which has a point, with this mark.
    pub(super) fn mark(self, text: String) -> String {
        if self == Decimal::Comma { text.replacen('.', ",", 1) } else { text }
    }
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What separates its cells.
    pub separator: Separator,
    /// What separates them by the ending of its name.
    pub promised: Separator,
    /// Its decimal mark.
    pub decimal: Decimal,
}

impl Dialect {
    /// What separates the cells of a text that this one is written to, under a name that promises `ending`: what its ending
    /// promises, unless that is the ending of this one. Decimal commas are not put between commas.
    pub(super) fn separator_under(self, ending: Separator) -> Separator {
        match (ending, self.decimal) {
            _ if ending == self.promised => self.separator,
            (Separator::Comma, Decimal::Comma) => Separator::Semicolon,
            _ => ending,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.decimal {
            Decimal::Point => "points",
            Decimal::Comma => "commas",
        };
        write!(f, "cells are separated by {}, and decimals have {mark}", self.separator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_either_mark() {
        let comma = |text| Decimal::Comma.parse(text);
        assert_eq!(
            (comma("-3,5"), comma(",5"), comma("5,"), comma("1,5e3")),
            (Some(-3.5), Some(0.5), Some(5.0), Some(1500.0))
        );
        assert_eq!((comma("7"), comma("inf")), (Some(7.0), Some(f64::INFINITY)));
        for text in ["3.5", "1.234,5", "1,234,567", ",", "3,5 kg", ""] {
            assert_eq!(comma(text), None, "{text:?}");
        }
        assert_eq!((Decimal::Point.parse("3,5"), Decimal::Point.parse("3.5")), (None, Some(3.5)));
        assert_eq!(Decimal::Comma.mark("-1.5e-7".to_owned()), "-1,5e-7");
    }

    #[test]
    fn separators_of_other_endings() {
        let german = Dialect { separator: Separator::Semicolon, promised: Separator::Comma, decimal: Decimal::Comma };
        assert_eq!(german.separator_under(Separator::Comma), Separator::Semicolon);
        assert_eq!(german.separator_under(Separator::Tab), Separator::Tab);
        let tabs = Dialect { separator: Separator::Tab, promised: Separator::Tab, decimal: Decimal::Comma };
        assert_eq!(tabs.separator_under(Separator::Comma), Separator::Semicolon);
        assert_eq!(Dialect { decimal: Decimal::Point, ..tabs }.separator_under(Separator::Comma), Separator::Comma);
    }
}
