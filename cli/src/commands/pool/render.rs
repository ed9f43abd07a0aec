//! A pooled regression as text.

use std::fmt;

use missvae::pool::Term;

use crate::output::{aligned, counted};

/// A pooled regression to be shown.
pub(super) struct Rendered<'a> {
    pub(super) terms: &'a [Term],
    pub(super) m: usize,
    pub(super) rows: usize,
    pub(super) level: f64,
    pub(super) family: &'static str,
    pub(super) success: Option<&'a str>,
    pub(super) response: &'a str,
    pub(super) formula: &'a str,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = short(100.0 * self.level);
        let interval = format!("{percent}% interval");
        let head = ["term", "estimate", "std. error", "df", "p", &interval, "", "fmi"];
        let row = |term: &Term| {
            vec![
                term.term.clone(),
                short(term.estimate),
                short(term.std_error),
                format!("{:.1}", term.df),
                probability(term.p_value),
                short(term.conf_low),
                short(term.conf_high),
                format!("{:.3}", term.fmi),
            ]
        };
        let rows = std::iter::once(head.map(String::from).to_vec()).chain(self.terms.iter().map(row));
        f.write_str(&aligned(&rows.collect::<Vec<_>>()))?;
        let (tables, rows) = (counted(self.m, "completed table"), counted(self.rows, "row"));
        match (self.family, self.success) {
            ("binomial", Some(success)) => {
                write!(f, "logistic regression {}, log odds of {} being {success:?}", self.formula, self.response)
            }
            ("binomial", None) => {
                write!(f, "logistic regression {}, log odds of {} being 1", self.formula, self.response)
            }
            _ => write!(f, "linear regression {}", self.formula),
        }?;
        write!(
            f,
            "; {tables} of {rows}, pooled by Rubin's rules (df: Barnard & Rubin 1999; fmi: fraction of missing "
        )?;
        write!(f, "information)")
    }
}

/// A number with five digits, or as many as it has.
fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 {
        return format!("{value}");
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.4e}");
    }
    // Digits before the point count too.
    let decimals = (4 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn probability(p: f64) -> String {
    match p {
        _ if p >= 0.001 => format!("{p:.4}"),
        _ if p > 0.0 => format!("{p:.1e}"),
        _ => short(p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_five_digits() {
        for (value, text) in [
            (0.0, "0"),
            (95.0, "95"),
            (1.23456789, "1.2346"),
            (-123456.789, "-123457"),
            (0.000123456, "0.00012346"),
            (0.0000123456, "1.2346e-5"),
            (12345678.0, "1.2346e7"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!([0.04567, 0.00001234, 0.0, f64::NAN].map(probability), ["0.0457", "1.2e-5", "0", "NaN"]);
    }
}
