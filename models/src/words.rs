//! What messages repeat of files and of other libraries: one line each, and not long.

use std::fmt::{self, Display};

/// The most characters of a name or a cell.
const NAME: usize = 60;
/// The most characters of what another library says.
const SAYING: usize = 240;

/// A name in quotation marks, with escapes in place of control characters, and its beginning only if it is long.
pub(crate) fn quoted(name: &str) -> String {
    format!("{:?}", beginning(name, NAME))
}

/// The names in quotation marks: the first few, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut parts: Vec<String> = names.iter().take(SHOWN).map(|name| quoted(name)).collect();
    match names.len() {
        0 => return "none".into(),
        n if n > SHOWN => parts.push(format!("and {} more", n - SHOWN)),
        _ => {}
    }
    parts.join(", ")
}

/// The values between two bounds, in words.
pub(crate) fn between([min, max]: &[Option<String>; 2]) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any value".to_owned(),
    }
}

/// The first characters of a text, and an ellipsis if there are more.
pub(crate) fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// What another library says, as one short line.
pub(crate) struct Short<D>(pub(crate) D);

impl<D: Display> Display for Short<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let line = text.split(|letter: char| letter.is_control() || letter == ' ').filter(|word| !word.is_empty());
        let line = line.collect::<Vec<_>>().join(" ");
        f.write_str(&beginning(&line, SAYING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_short_line() {
        assert_eq!(quoted("a\n\"b\""), "\"a\\n\\\"b\\\"\"");
        assert_eq!(quoted(&"é".repeat(61)), format!("\"{}…\"", "é".repeat(60)));
        assert_eq!(Short("one\n  two\tthree\u{7f}").to_string(), "one two three");
        assert_eq!(Short("x".repeat(1000)).to_string().chars().count(), SAYING + 1);
        let names: Vec<String> = (0..22).map(|n| n.to_string()).collect();
        assert!(listed(&names).ends_with("\"19\", and 2 more"));
        assert_eq!(listed(&[]), "none");
    }
}
