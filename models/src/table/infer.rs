//! The types of columns, inferred from what they hold.

use std::collections::HashSet;

use super::notation::Notation;
use super::problem::Reason;
use super::schema::{ColumnSchema, Schema};
use super::values::Table;
use crate::heads::ColumnType;

/// The most levels of a column of texts.
const MOST_LEVELS: usize = 100;
/// Each level occurs so often on average, or there are few.
const OCCURRENCES: usize = 3;
const FEW_LEVELS: usize = 5;
/// The most different whole numbers that are grades. Each occurs so often on average.
const MOST_GRADES: usize = 10;
const GRADE_OCCURRENCES: usize = 5;
/// The fewest rows in which numbers that are all different tell an identifier.
const IDENTIFIERS: usize = 20;

/// Orders of levels that are known by their words.
const ORDERS: [&[&str]; 8] = [
    &["low", "medium", "high"],
    &["low", "mid", "high"],
    &["small", "medium", "large"],
    &["never", "former", "current"],
    &["never", "rarely", "sometimes", "often", "always"],
    &["poor", "fair", "good", "very good", "excellent"],
    &["strongly disagree", "disagree", "neutral", "agree", "strongly agree"],
    &["none", "mild", "moderate", "severe"],
];

/// What the columns of a table seem to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Inferred {
    /// The columns that a model can be fitted to.
    pub schema: Schema,
    /// The others, and why.
    pub left_out: Vec<(String, Reason)>,
}

impl Inferred {
    /// Infers the types of a table's columns.
    pub fn of(table: &Table) -> Inferred {
        let (mut columns, mut left_out) = (Vec::new(), Vec::new());
        for (d, name) in table.columns().iter().enumerate() {
            match column_type(table, d) {
                Ok(column) => columns.push(column),
                Err(reason) => left_out.push((name.clone(), reason)),
            }
        }
        Inferred { schema: Schema::new(columns), left_out }
    }
}

impl Schema {
    /// The schema of a table's columns, from what they hold. Columns that a model cannot be fitted to are left out: see
    /// [`Inferred`].
    pub fn infer(table: &Table) -> Schema {
        Inferred::of(table).schema
    }
}

/// The levels of a column of codes or texts: what it holds, ascending, or in the order of its words.
pub(super) fn levels_of(table: &Table, d: usize) -> Vec<String> {
    let values: Vec<f64> = (0..table.rows()).filter_map(|row| table.value(row, d)).collect();
    let mut levels: Vec<String> = distinct(&values).into_iter().map(|value| table.notation(d).text(value)).collect();
    if matches!(table.notation(d), Notation::Texts(_)) {
        order(&mut levels);
    }
    levels
}

/// What a column seems to hold, or why no model can be fitted to it.
pub(super) fn column_type(table: &Table, d: usize) -> Result<ColumnSchema, Reason> {
    let values: Vec<f64> = (0..table.rows()).filter_map(|row| table.value(row, d)).collect();
    column(&table.columns()[d], &values, table.notation(d))
}

/// The type of one column, from its observed values.
fn column(name: &str, values: &[f64], notation: &Notation) -> Result<ColumnSchema, Reason> {
    let Some(&first) = values.first() else { return Err(Reason::Empty) };
    let plain = |column_type| ColumnSchema::new(name, column_type);
    if values.iter().all(|value| *value == first) {
        return Err(match notation {
            Notation::Numbers => Reason::Constant { value: first },
            _ => Reason::ConstantText { text: notation.text(first) },
        });
    }
    match notation {
        Notation::Dates(format) => Ok(plain(ColumnType::Date).with_format(format.pattern())),
        Notation::Texts(_) | Notation::Digits(_) => {
            let mut levels: Vec<String> = distinct(values).into_iter().map(|value| notation.text(value)).collect();
            if levels.len() == values.len() && values.len() > FEW_LEVELS {
                return Err(Reason::Identifier);
            }
            if levels.len() > MOST_LEVELS || (levels.len() > FEW_LEVELS && values.len() < OCCURRENCES * levels.len()) {
                let (distinct, observed) = (levels.len(), values.len());
                return Err(match notation {
                    Notation::Digits(_) => Reason::Codes { distinct, observed },
                    _ => Reason::FreeText { distinct, observed },
                });
            }
            let ordered = order(&mut levels);
            let column_type = match levels.len() {
                2 => ColumnType::Binary,
                _ if ordered => ColumnType::Ordinal,
                _ => ColumnType::Categorical,
            };
            Ok(plain(column_type).with_levels(levels))
        }
        Notation::Numbers => numbers(name, values).map(|(column_type, levels)| plain(column_type).with_levels(levels)),
    }
}

/// The type of a column of numbers, and its levels.
fn numbers(name: &str, values: &[f64]) -> Result<(ColumnType, Vec<String>), Reason> {
    let whole = |value: &f64| value.fract() == 0.0 && value.abs() < 9e15;
    if !values.iter().all(whole) {
        return Ok((ColumnType::Numeric, Vec::new()));
    }
    let distinct = distinct(values);
    if distinct.len() == values.len() && values.len() >= IDENTIFIERS {
        let counting = values.windows(2).all(|pair| pair[1] == pair[0] + 1.0);
        if counting || is_identifier(name) {
            return Err(Reason::Identifier);
        }
    }
    let (low, high) = (distinct[0], distinct[distinct.len() - 1]);
    let often = values.len() >= GRADE_OCCURRENCES * distinct.len();
    let levels = || distinct.iter().map(|value| Notation::Numbers.text(*value)).collect();
    if distinct.len() == 2 && often {
        return Ok((ColumnType::Binary, levels()));
    }
    if distinct.len() <= MOST_GRADES && often && high - low < 2.0 * MOST_GRADES as f64 {
        return Ok((ColumnType::Ordinal, levels()));
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    // From 0 or 1 on, skewed, and at least as spread as a Poisson variable.
    let counts = (low == 0.0 || low == 1.0) && variance >= mean && mean < 0.4 * high;
    Ok((if counts { ColumnType::Count } else { ColumnType::Numeric }, Vec::new()))
}

/// The different values, ascending.
fn distinct(values: &[f64]) -> Vec<f64> {
    let different: HashSet<u64> = values.iter().map(|value| (value + 0.0).to_bits()).collect();
    let mut different: Vec<f64> = different.into_iter().map(f64::from_bits).collect();
    different.sort_unstable_by(f64::total_cmp);
    different
}

/// Whether a column's name is that of an identifier.
fn is_identifier(name: &str) -> bool {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    words.iter().any(|word| ["id", "ids", "identifier", "index", "key", "uuid", "rownames"].contains(word))
}

/// Puts levels in their order, if they have one: by known words, or by numbers behind a common beginning.
fn order(levels: &mut Vec<String>) -> bool {
    let lower: Vec<String> = levels.iter().map(|level| level.to_lowercase()).collect();
    for known in ORDERS {
        let places: Option<Vec<usize>> =
            lower.iter().map(|level| known.iter().position(|word| word == level)).collect();
        // Spellings of one word have no order.
        let different = |places: &Vec<usize>| places.iter().collect::<HashSet<_>>().len() == places.len();
        if let Some(places) = places.filter(different) {
            let mut placed: Vec<(usize, String)> = places.into_iter().zip(std::mem::take(levels)).collect();
            placed.sort();
            *levels = placed.into_iter().map(|(_, level)| level).collect();
            return true;
        }
    }
    let split = |level: &str| {
        let digits = level.chars().rev().take_while(char::is_ascii_digit).count();
        let (start, number) = level.split_at(level.len() - digits);
        number.parse::<u32>().ok().map(|number| (start.to_owned(), number))
    };
    let Some(mut parts) = levels.iter().map(|level| split(level)).collect::<Option<Vec<_>>>() else { return false };
    parts.sort();
    let first = parts[0].clone();
    // One beginning, such as G in G1, G2 and G3, and numbers without a gap.
    let ordered =
        parts.iter().enumerate().all(|(i, (start, number))| *start == first.0 && *number == first.1 + i as u32);
    if ordered {
        levels.sort_by_key(|level| split(level));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Input, ReadOptions, read_to_fit};

    #[expect(clippy::type_complexity, reason = "names, types and levels, and what is left out")]
    fn types(text: &str) -> (Vec<(String, &'static str, Vec<String>)>, Vec<(String, Reason)>) {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let read = read_to_fit(&Input::File(file.path().into()), &ReadOptions::default().typed(true)).unwrap();
        let columns = read.schema.columns().iter();
        let columns = columns.map(|column| (column.name.clone(), column.column_type.name(), column.levels.clone()));
        (columns.collect(), read.left_out)
    }

    /// A table of 60 rows from functions of the row's number.
    fn table(columns: &[(&str, &dyn Fn(usize) -> String)]) -> String {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let row = |n: usize| columns.iter().map(|(_, text)| text(n)).collect::<Vec<String>>().join(",");
        let rows: Vec<String> = (0..60).map(row).collect();
        format!("{}\n{}\n", names.join(","), rows.join("\n"))
    }

    #[test]
    fn types_of_columns() {
        let text = table(&[
            ("real", &|n| format!("{}.5", n * 7 % 31)),
            ("id", &|n| (n * 37 % 1000).to_string()),
            ("row", &|n| (n + 1).to_string()),
            ("sex", &|n| ["male", "female", "NA"][n % 3].to_owned()),
            ("flag", &|n| (n % 2).to_string()),
            ("stage", &|n| (1 + n % 4).to_string()),
            ("grade", &|n| format!("G{}", 1 + n % 3)),
            ("level", &|n| ["high", "low", "medium"][n % 3].to_owned()),
            ("species", &|n| ["b", "c", "a"][n % 3].to_owned()),
            ("spelt", &|n| ["low", "LOW", "Low"][n % 3].to_owned()),
            ("day", &|n| format!("2024-01-{:02}", 1 + n % 28)),
            ("visits", &|n| (n * n % 61 * (n % 3)).to_string()),
            ("height", &|n| (150 + n * 11 % 47).to_string()),
            ("note", &|n| format!("text {}", n * n)),
            ("same", &|_| "x".to_owned()),
            ("one", &|_| "1".to_owned()),
            ("month", &|n| format!("{:02}", 1 + n % 12)),
            ("site", &|n| ["007", "010", "120"][n % 3].to_owned()),
            ("postcode", &|n| format!("{:05}", 37 * (n % 40))),
            ("padded", &|n| format!("{:02}.5", n)),
            ("widths", &|n| ["01", "1", "2"][n % 3].to_owned()),
            ("year", &|n| if n == 7 { "0000".to_owned() } else { (1950 + n * 7 % 60).to_string() }),
            ("department", &|n| ["01", "02", "2A", "10"][n % 4].to_owned()),
        ]);
        let (columns, left_out) = types(&text);
        let months = ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"];
        let expected: [(&str, &str, &[&str]); 17] = [
            ("real", "numeric", &[]),
            ("sex", "binary", &["female", "male"]),
            ("flag", "binary", &["0", "1"]),
            ("stage", "ordinal", &["1", "2", "3", "4"]),
            ("grade", "ordinal", &["G1", "G2", "G3"]),
            ("level", "ordinal", &["low", "medium", "high"]),
            ("species", "categorical", &["a", "b", "c"]),
            ("spelt", "categorical", &["LOW", "Low", "low"]),
            ("day", "date", &[]),
            ("visits", "count", &[]),
            ("height", "numeric", &[]),
            ("month", "ordinal", &months),
            ("site", "categorical", &["007", "010", "120"]),
            ("padded", "numeric", &[]),
            ("widths", "binary", &["1", "2"]),
            ("year", "numeric", &[]),
            ("department", "categorical", &["01", "02", "10", "2A"]),
        ];
        let levels = |levels: &[&str]| levels.iter().map(|level| (*level).to_owned()).collect::<Vec<String>>();
        let expected: Vec<_> = expected.map(|(name, kind, own)| (name.to_owned(), kind, levels(own))).into();
        assert_eq!(columns, expected);
        let names: Vec<&str> = left_out.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["id", "row", "note", "same", "one", "postcode"]);
    }
}
