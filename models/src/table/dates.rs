//! Dates and times as texts and as numbers: days since the first of January 1970.

use std::fmt;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

const SECONDS: f64 = 86_400.0;

/// How the dates of a column are written, as in `%Y-%m-%d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat {
    pattern: String,
    /// Whether there is a time of day.
    timed: bool,
}

/// The formats that are recognised. Where several suit all texts of a column, the first is taken.
const FORMATS: [&str; 18] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M",
];

impl DateFormat {
    /// A format in the notation of `strftime`. None if it has an unknown specifier, or no year, month and day.
    pub fn new(pattern: &str) -> Option<DateFormat> {
        let known = !StrftimeItems::new(pattern).any(|item| matches!(item, Item::Error));
        let probe = NaiveDate::from_ymd_opt(2001, 2, 3)?.and_hms_opt(4, 5, 6)?;
        if !known {
            return None;
        }
        // What is written must be read as a day again.
        [true, false].into_iter().map(|timed| DateFormat { pattern: pattern.to_owned(), timed }).find(|format| {
            let text = format.text(days(probe));
            format.parse(&text).is_some_and(|found| (found - days(probe)).abs() < 1.0)
        })
    }

    /// The format of all these texts, if they have one of those that are recognised, and whether another one would do that
    /// means other days.
    pub(super) fn of_all<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<(DateFormat, bool)> {
        let mut texts = texts.peekable();
        // Digits alone are numbers.
        texts.peek()?;
        let mut suiting = FORMATS.iter().filter_map(|pattern| DateFormat::new(pattern)).filter(|format| {
            let exact = |text: &str| format.parse(text).is_some_and(|days| format.text(days) == text);
            texts.clone().all(exact)
        });
        let first = suiting.next()?;
        let other = suiting.any(|other| texts.clone().any(|text| other.parse(text) != first.parse(text)));
        Some((first, other))
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The days since 1970 that a text means.
    pub fn parse(&self, text: &str) -> Option<f64> {
        match self.timed {
            true => NaiveDateTime::parse_from_str(text, &self.pattern).ok().map(days),
            false => {
                NaiveDate::parse_from_str(text, &self.pattern).ok().map(|date| days(date.and_time(NaiveTime::MIN)))
            }
        }
    }

    /// The text of a number of days since 1970, to the nearest that the format can say. `NaN` of what is no date.
    pub fn text(&self, number: f64) -> String {
        date_time(self.nearest(number)).map_or_else(|| "NaN".to_owned(), |date| date.format(&self.pattern).to_string())
    }

    /// The nearest number that the format can say.
    pub(crate) fn nearest(&self, number: f64) -> f64 {
        if !self.timed {
            return number.round();
        }
        // What the format cuts off: a second's or a minute's part, or that of an hour.
        let unit =
            ["%S", "%M"].into_iter().zip([1.0, 60.0]).find(|(part, _)| self.has(part)).map_or(3600.0, |(_, unit)| unit);
        (number * SECONDS / unit).round() * unit / SECONDS
    }

    fn has(&self, part: &str) -> bool {
        self.pattern.contains(part) || self.pattern.contains("%T") || (part == "%M" && self.pattern.contains("%R"))
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

fn days(date: NaiveDateTime) -> f64 {
    date.and_utc().timestamp_millis() as f64 / 1e3 / SECONDS
}

fn date_time(days: f64) -> Option<NaiveDateTime> {
    let milliseconds = (days * SECONDS * 1e3).round();
    let near = (milliseconds.abs() < 1e15).then_some(milliseconds as i64)?;
    DateTime::UNIX_EPOCH.checked_add_signed(TimeDelta::try_milliseconds(near)?).map(|date| date.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Option<(String, bool)> {
        DateFormat::of_all(texts.iter().copied()).map(|(format, other)| (format.pattern, other))
    }

    #[test]
    fn formats_of_texts() {
        assert_eq!(of(&["2024-02-29", "1969-12-31"]), Some(("%Y-%m-%d".into(), false)));
        assert_eq!(of(&["11/11/07", "11/16/07"]), Some(("%m/%d/%y".into(), false)));
        assert_eq!(of(&["01/02/2003", "03/04/2005"]), Some(("%m/%d/%Y".into(), true)));
        assert_eq!(of(&["31/12/2003", "03/04/2005"]), Some(("%d/%m/%Y".into(), false)));
        assert_eq!(of(&["2013-01-01 05:00:00"]), Some(("%Y-%m-%d %H:%M:%S".into(), false)));
        assert_eq!(of(&["2013-01-01T05:00:00Z"]), Some(("%Y-%m-%dT%H:%M:%SZ".into(), false)));
        for texts in [&["2024-02-30"][..], &["2024-2-3"], &["a"], &["2024-01-01", "x"], &[]] {
            assert_eq!(of(texts), None, "{texts:?}");
        }
    }

    #[test]
    fn numbers_and_texts() {
        let format = DateFormat::new("%Y-%m-%d").unwrap();
        assert_eq!(format.parse("1970-01-02"), Some(1.0));
        assert_eq!(format.text(1.4), "1970-01-02");
        assert_eq!(format.text(-0.6), "1969-12-31");
        assert_eq!((format.text(f64::NAN), format.text(1e300)), ("NaN".into(), "NaN".into()));
        let timed = DateFormat::new("%d.%m.%Y %H:%M").unwrap();
        assert_eq!(timed.parse("01.01.1970 12:00"), Some(0.5));
        assert_eq!(timed.text(0.5 + 29.0 / 86_400.0), "01.01.1970 12:00");
        for pattern in ["%Q", "%H:%M", "", "text"] {
            assert_eq!(DateFormat::new(pattern), None, "{pattern:?}");
        }
    }
}
