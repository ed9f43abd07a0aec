//! What separates the cells of a text, and its decimal mark, from its first bytes.
//!
//! A separator fits if the header and all rows have the same number of cells with it, more than one. Quotes count as in
//! [`super::split`], after whichever separator. Where one separator fits it is taken, and where none does the one that the file's
//! name promises. It is in doubt which one it is where several fit, or where the header holds a single separator that is not
//! promised, which may be a part of a name, and rows hold the promised one too.

use super::cell::MissingValues;
use super::dialect::{Decimal, Dialect, Separator};
use super::split::{Splitter, unquoted};

/// The bytes that are looked at.
pub(super) const WINDOW: usize = 1 << 18;

/// Two separators, either of which may be that of a text.
pub(super) type Doubt = [Separator; 2];

/// The beginning of a text.
pub(super) struct Beginning<'a> {
    /// Its first bytes.
    pub(super) bytes: &'a [u8],
    /// Whether it ends with these.
    pub(super) whole: bool,
}

/// How often each separator stands in a record, outside of quotes.
type Counts = [usize; 4];

/// The records of a beginning.
#[derive(Default)]
struct Survey {
    header: Option<Counts>,
    first_row: Option<Counts>,
    /// Whether rows differ, and whether some row has one at all.
    uneven: [bool; 4],
    some: [bool; 4],
    /// Whether some tab stands between two texts. Others may be blanks around cells.
    tab_inside: bool,
}

impl Survey {
    fn of(text: &Beginning<'_>) -> Survey {
        let bytes = text.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text.bytes);
        let mut survey = Survey::default();
        let (mut counts, mut blank) = ([0; 4], true);
        let (mut at_start, mut quoted) = (true, false);
        // Whether a text stands behind the last boundary that is no tab, and a tab behind it.
        let (mut text_seen, mut tab) = (false, false);
        let mut rest = bytes.iter().copied().peekable();
        while let Some(byte) = rest.next() {
            if quoted {
                // Two quotes are one inside.
                quoted = byte != b'"' || rest.next_if_eq(&b'"').is_some();
                continue;
            }
            if matches!(byte, b'\n' | b'\r') {
                if !blank {
                    survey.add(counts);
                }
                (counts, blank, at_start) = ([0; 4], true, true);
                (text_seen, tab) = (false, false);
                continue;
            }
            blank = false;
            let separator = Separator::ALL.iter().position(|separator| separator.byte() == byte);
            if let Some(place) = separator {
                counts[place] += 1;
            }
            match byte {
                b'\t' => tab = text_seen,
                b' ' => {}
                _ if separator.is_some() => (text_seen, tab) = (false, false),
                _ => {
                    survey.tab_inside |= tab;
                    text_seen = true;
                }
            }
            quoted = byte == b'"' && at_start;
            at_start = separator.is_some();
        }
        // Of a record that goes on behind these bytes, only a header is better than nothing.
        if !blank && (text.whole || survey.header.is_none()) {
            survey.add(counts);
        }
        survey
    }

    fn add(&mut self, counts: Counts) {
        if self.header.is_none() {
            self.header = Some(counts);
            return;
        }
        let first = *self.first_row.get_or_insert(counts);
        for place in 0..counts.len() {
            self.uneven[place] |= counts[place] != first[place];
            self.some[place] |= counts[place] > 0;
        }
    }

    fn separator(&self, promised: Separator) -> Result<Separator, Doubt> {
        let Some(header) = self.header else { return Ok(promised) };
        let place = |separator: Separator| Separator::ALL.iter().position(|other| *other == separator).unwrap_or(0);
        let in_header = |separator: &Separator| header[place(*separator)] > 0;
        let only = |found: Vec<Separator>| if let [only] = found[..] { Some(only) } else { None };
        let Some(first) = self.first_row else {
            let split = only(Separator::ALL.into_iter().filter(in_header).collect());
            return Ok(split.filter(|_| !in_header(&promised)).unwrap_or(promised));
        };
        let fits = |separator: &Separator| {
            let place = place(*separator);
            header[place] > 0 && first[place] == header[place] && !self.uneven[place]
        };
        let mut fitting: Vec<Separator> = Separator::ALL.into_iter().filter(fits).collect();
        if fitting.len() > 1 && !self.tab_inside {
            fitting.retain(|separator| *separator != Separator::Tab);
        }
        match fitting[..] {
            [one] if one != promised && self.some[place(promised)] && header[place(one)] == 1 => Err([one, promised]),
            [one] => Ok(one),
            [one, other, ..] => Err([one, other]),
            // A row may have lost a cell: then it is this row that is to be told of.
            [] => {
                let split = only(Separator::ALL.into_iter().filter(in_header).collect());
                Ok(split.filter(|one| self.some[place(*one)]).unwrap_or(promised))
            }
        }
    }
}

/// The dialect of a text whose name promises a separator. What is given is not detected.
///
/// # Errors
/// Two separators, if either may be that of the text.
pub(super) fn detect(
    text: &Beginning<'_>,
    promised: Separator,
    separator: Option<Separator>,
    decimal: Option<Decimal>,
) -> Result<Dialect, Doubt> {
    let separator = separator.map_or_else(|| Survey::of(text).separator(promised), Ok)?;
    let decimal = decimal.unwrap_or_else(|| match separator {
        Separator::Comma => Decimal::Point,
        _ => decimal_mark(text, separator),
    });
    Ok(Dialect { separator, promised, decimal })
}

/// The decimal mark: a comma if some cell is a number with one, and none is a number with a point. Cells such as `1,234` alone
/// do not tell: their commas may be marks of thousands.
fn decimal_mark(text: &Beginning<'_>, separator: Separator) -> Decimal {
    let mut splitter = Splitter::new(text.bytes, separator.byte());
    let missing = MissingValues::default();
    let (mut header, mut commas) = (true, false);
    let mut read = 0;
    // Bytes in memory are read without an error.
    while splitter.advance().unwrap_or(false) {
        read += splitter.bytes.len();
        if splitter.spans.is_empty() || std::mem::take(&mut header) {
            continue;
        }
        if read == text.bytes.len() && !text.whole {
            break;
        }
        let Ok(record) = str::from_utf8(&splitter.bytes) else { continue };
        for span in &splitter.spans {
            let cell = unquoted(record, span);
            let cell = cell.trim_ascii();
            let is_number = |decimal| missing.read(cell, decimal).is_number();
            if cell.contains('.') && is_number(Decimal::Point) {
                return Decimal::Point;
            }
            commas |= cell.contains(',') && !like_thousands(cell) && is_number(Decimal::Comma);
        }
    }
    if commas { Decimal::Comma } else { Decimal::Point }
}

/// Whether a comma may be a mark of thousands, as in `1,234`.
fn like_thousands(text: &str) -> bool {
    let Some((whole, fraction)) = text.trim_start_matches(['-', '+']).split_once(',') else { return false };
    (1..=3).contains(&whole.len()) && !whole.starts_with('0') && fraction.len() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(text: &str, promised: Separator) -> Result<(char, Decimal), Doubt> {
        let found = detect(&Beginning { bytes: text.as_bytes(), whole: true }, promised, None, None)?;
        Ok((char::from(found.separator.byte()), found.decimal))
    }

    #[test]
    fn separators() {
        let of = |text| dialect(text, Separator::Comma).map(|(separator, _)| separator);
        for (text, separator) in [
            ("a,b\n1,2\n", ','),
            ("a;b\n1;2\n3;\n", ';'),
            ("a\tb\n1\t2\n", '\t'),
            ("a|b|c\n1|2|3", '|'),
            ("\u{feff}\"a,x\";b\r\n\r\n\"1;\"\"2\";3\r\n4;5\r\n", ';'),
            // Separators within quotes are none, nor are those of some rows alone.
            ("a,\"b;c\"\n1,\"2;3\"\n", ','),
            ("a;b;c\n1,5;2;x\n1;2,5;y\n", ';'),
            ("a;b;c\n1,5;2,5;3,5\n1,5;2,5;3,5\n", ';'),
            ("a,t\n1,x;y\n2,z;u\n", ','),
            // Tabs around cells are blanks.
            ("\ta\t,\tb\t\n\t1\t,\t2\t\n", ','),
            ("a\t;b\t\n1\t;\"2\"\t\n", ';'),
            // One column.
            ("a\n1\n2\n", ','),
            ("price; EUR\n1\n2\n", ','),
            ("a;b\n", ';'),
            ("", ','),
            ("\n\n", ','),
            // A row that lost a cell, or has one more.
            ("a;b\n1;2\n3\n", ';'),
            ("a,b\n1,2\n3\n", ','),
            ("a,b;c\n1,2;3\n3\n", ','),
        ] {
            assert_eq!(of(text), Ok(separator), "{text:?}");
        }
        assert_eq!(dialect("a\n1\n", Separator::Tab).unwrap().0, '\t');
        assert_eq!(dialect("a,b\n1,2\n", Separator::Tab).unwrap().0, ',');
    }

    #[test]
    fn doubts() {
        let of = |text| dialect(text, Separator::Comma).unwrap_err();
        let expected = [Separator::Semicolon, Separator::Comma];
        assert_eq!(of("a;b\n1,5;2,5\n3,5;4\n"), expected);
        assert_eq!(of("height, cm;weight, kg\n1,5;2,5\n"), [Separator::Comma, Separator::Semicolon]);
        // Told, or promised, it is no doubt.
        assert_eq!(dialect("a\tb\n1,5\t2,5\n", Separator::Tab), Ok(('\t', Decimal::Comma)));
        let text = Beginning { bytes: b"a;b\n1,5;2,5\n3,5;4\n", whole: true };
        let found = detect(&text, Separator::Comma, Some(Separator::Semicolon), None).unwrap();
        assert_eq!((found.separator, found.decimal), (Separator::Semicolon, Decimal::Comma));
    }

    #[test]
    fn decimal_marks() {
        let of = |text| dialect(text, Separator::Semicolon).unwrap().1;
        assert_eq!(of("a;b\n1,5;2\n3;4\n"), Decimal::Comma);
        assert_eq!(of("a;b\n\"1,5\";2\n3;4\n"), Decimal::Comma);
        assert_eq!(of("a;b\n1.5;2\n3;4\n"), Decimal::Point);
        assert_eq!(of("a;b\n1.5;2,5\n3;4\n"), Decimal::Point, "both");
        assert_eq!(of("a;b\n1,234;2\n3;4\n"), Decimal::Point, "may be thousands");
        assert_eq!(of("a;b\n0,234;2\n3;4\n"), Decimal::Comma);
        assert_eq!(of("a;b\n1,2,3;2\n3;4\n"), Decimal::Point, "no number");
        assert_eq!(of("a;b\n03.12.2020;1,5\n04.12.2020;2\n"), Decimal::Comma, "a date is no number");
        assert_eq!(of("a,b,c\n\"1,5\",2,1\n3,4,1\n"), Decimal::Point, "commas separate");
        assert_eq!(of("1,5;b\n1;2\n3;4\n"), Decimal::Point, "a name");
    }

    /// Only whole records are looked at, unless there is none.
    #[test]
    fn a_beginning_that_is_cut() {
        let of = |text: &str| {
            let text = Beginning { bytes: text.as_bytes(), whole: false };
            detect(&text, Separator::Comma, None, None).map(|found| (found.separator, found.decimal))
        };
        assert_eq!(of("a;b\n1;2\n3"), Ok((Separator::Semicolon, Decimal::Point)));
        assert_eq!(of("a;b\n1;2\n3;1,5"), Ok((Separator::Semicolon, Decimal::Point)));
        assert_eq!(of("a;b;\"c"), Ok((Separator::Semicolon, Decimal::Point)));
        assert_eq!(of("a;b;c,d"), Ok((Separator::Comma, Decimal::Point)));
    }
}
