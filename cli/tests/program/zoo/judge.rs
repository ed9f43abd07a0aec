//! Whether a completed table is right: what was observed is there byte for byte, and what was missing is a value of its column.

use std::collections::BTreeSet;

use missvae::table::DateFormat;
use serde_json::Value;

use super::draft::{Draft, Piece};

/// Checks a completed file against the table that it was made of; `columns` is what `describe --json` says of its columns.
///
/// # Errors
/// What is wrong.
pub(super) fn judge(draft: &Draft, columns: &Value, completed: &[u8]) -> Result<(), String> {
    let mut rest = completed;
    for (number, piece) in draft.pieces().iter().enumerate() {
        match piece {
            Piece::Missing(column, bytes) if columns[column]["type"] == "ignore" => take(&mut rest, bytes, number)?,
            Piece::Fixed(bytes) => take(&mut rest, bytes, number)?,
            Piece::Missing(column, _) => {
                let text = cell(&mut rest);
                let values: BTreeSet<&str> = draft.rows.iter().filter_map(|row| row[*column].as_deref()).collect();
                value(&text, &columns[column], &values)
                    .map_err(|what| format!("{text:?} in {:?} {what}", draft.header[*column]))?;
            }
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(format!("{} more bytes", rest.len())) }
}

fn take(rest: &mut &[u8], bytes: &[u8], number: usize) -> Result<(), String> {
    *rest = rest.strip_prefix(bytes).ok_or_else(|| {
        let [expected, found] =
            [bytes, rest].map(|text| String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned());
        format!("piece {number} is {expected:?} no longer, but {found:?}")
    })?;
    Ok(())
}

/// Takes a cell off, to the next comma or line end outside of quotes, and says what it holds.
fn cell(rest: &mut &[u8]) -> String {
    let mut in_quotes = false;
    let end = rest.iter().position(|&byte| {
        in_quotes ^= byte == b'"';
        !in_quotes && matches!(byte, b',' | b'\n' | b'\r')
    });
    let (text, others) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = others;
    let text = String::from_utf8_lossy(text);
    let text = text.trim_matches([' ', '\t']);
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => text.to_owned(),
    }
}

/// Whether a text is a value of a column of this type, whose observed texts are `values`.
fn value(text: &str, column: &Value, values: &BTreeSet<&str>) -> Result<(), &'static str> {
    let number = text.parse::<f64>();
    let finite = || number.clone().ok().filter(|number| number.is_finite()).ok_or("is no finite number");
    let observed = || values.iter().filter_map(|value| value.trim().parse::<f64>().ok());
    let whole = |number: f64| number.fract() == 0.0;
    match column["type"].as_str().unwrap_or_default() {
        "numeric" | "positive" => {
            let number = finite()?;
            if observed().all(whole) && !whole(number) {
                return Err("is not whole, as all others are");
            }
            if observed().all(|value| value >= 0.0) && number < 0.0 {
                return Err("is negative, as no other is");
            }
            Ok(())
        }
        "count" => match finite()? {
            number if whole(number) && number >= 0.0 => Ok(()),
            _ => Err("is no count"),
        },
        "binary" | "categorical" | "ordinal" => {
            // A number may be written in another way: 2 beside 1.0 and 2.0. A code with zeros in front may not.
            let is_code = |text: &&str| text.len() > 1 && text.starts_with('0') && !text.contains('.');
            let codes = values.iter().any(is_code);
            let same = |value: f64| !codes && number.as_ref().is_ok_and(|number| *number == value);
            match values.iter().any(|value| value.trim_ascii() == text) || observed().any(same) {
                true => Ok(()),
                false => Err("is none of the observed levels"),
            }
        }
        "date" => {
            let format = column["format"].as_str().and_then(DateFormat::new).ok_or("has no format")?;
            let day = format.parse(text).ok_or("is no date of its column")?;
            if format.text(day) == text { Ok(()) } else { Err("is written otherwise than its column") }
        }
        _ => Err("is in a column of no type"),
    }
}
