//! Numbers and names as a description shows them.

/// How many characters of a name are shown.
const NAME: usize = 40;

/// A number with a word, which takes an s unless there is one of it.
pub(super) fn counted(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// A share in per cent; what is not quite nothing or all never reads as 0 or 100.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        some if some > 0.0 && some < 0.05 => "<0.1 %".into(),
        most if (99.95..100.0).contains(&most) => ">99.9 %".into(),
        other => format!("{other:.1} %"),
    }
}

/// A number in five significant digits.
pub(super) fn compact(number: f64) -> String {
    let exponent = if number == 0.0 { 0 } else { number.abs().log10().floor() as i32 };
    if !(-4..9).contains(&exponent) {
        return format!("{number:.4e}");
    }
    let text = format!("{number:.*}", (4 - exponent).max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}

/// A name that fits in a listing, without control characters.
pub(super) fn short(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match width(&name) > NAME {
        true => name.chars().take(NAME - 1).chain(['…']).collect(),
        false => name,
    }
}

pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let cases =
            [(0.0, "0"), (43.921_93, "43.922"), (-4201.754, "-4201.8"), (0.000_123, "0.000123"), (1e6, "1000000")];
        for (number, text) in cases {
            assert_eq!(compact(number), text);
        }
        assert_eq!((compact(1.5e-7), compact(2e12)), ("1.5000e-7".into(), "2.0000e12".into()));
        assert_eq!(
            (percent(1e-9), percent(0.999_999), percent(1.0)),
            ("<0.1 %".into(), ">99.9 %".into(), "100.0 %".into())
        );
        assert_eq!(short("a\nb"), "a b");
        assert_eq!(width(&short(&"é".repeat(99))), NAME);
    }
}
