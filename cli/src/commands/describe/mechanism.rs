//! How cells came to be missing, as plain text: which columns are missing together, and what differs where one is.

use std::fmt;

use missvae::table::{Difference, Differences, Nullity};

use super::words::{compact, counted, short};
use crate::output::aligned;

/// How many pairs of columns are listed; all are in the JSON.
const LISTED: usize = 10;

/// What a description says of how cells came to be missing.
pub(super) struct Mechanism<'a> {
    pub(super) nullity: &'a Nullity,
    pub(super) differences: &'a Differences,
}

impl fmt::Display for Mechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        together(self.nullity, f)?;
        differing(self.differences, f)
    }
}

/// The columns that are missing together.
fn together(nullity: &Nullity, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let count = nullity.columns.len() as u64;
    let pairs = count * count.saturating_sub(1) / 2;
    if pairs == 0 {
        return Ok(());
    }
    let (found, threshold) = (nullity.strong.len(), nullity.threshold);
    writeln!(f, "\nmissing together: {found} of {} of columns{}", counted(pairs, "pair"), strongest(found))?;
    for pair in nullity.strong.iter().take(LISTED) {
        let names = pair.columns.each_ref().map(|name| short(name)).join(", ");
        let both = counted(pair.rows_both, "row");
        writeln!(f, "{:>6}  {names}  ({both} with both missing)", decimals(pair.correlation))?;
    }
    if nullity.cut {
        let all = nullity.columns_partly_missing;
        writeln!(f, "Compared are the {count} columns that are the first to have a missing cell, of {all}.")?;
    }
    writeln!(
        f,
        "The number is the correlation of the columns' missing cells; {threshold} or more is listed, of either sign."
    )
}

/// The columns whose means differ where another is missing.
fn differing(differences: &Differences, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Differences { threshold, level, smallest_group, comparisons, .. } = *differences;
    if comparisons == 0 {
        return Ok(());
    }
    let found = differences.found.len();
    writeln!(
        f,
        "\ndifferent where another column is missing: {found} of {} of means{}",
        counted(comparisons, "comparison"),
        strongest(found)
    )?;
    if found > 0 {
        let heading = ["column", "mean", "where missing", "mean elsewhere", "difference"].map(String::from).to_vec();
        let rows: Vec<_> =
            std::iter::once(heading).chain(differences.found.iter().take(LISTED).map(difference)).collect();
        f.write_str(&aligned(&rows))?;
        writeln!(f, "So these cells are probably not missing completely at random.")?;
    }
    if differences.cut {
        writeln!(f, "Compared are 256 columns with numbers, and 256 with missing cells: the first ones of each.")?;
    }
    writeln!(
        f,
        "A difference is in standard deviations; {threshold} or more is listed, of either sign, if chance alone lists any in \
         at most\n{:.0} of 100 tables. Each mean is of {smallest_group} values at least.",
        100.0 * level
    )
}

/// That not all are listed.
fn strongest(found: usize) -> String {
    if found > LISTED { format!(", of which the {LISTED} strongest are") } else { String::new() }
}

fn difference(one: &Difference) -> Vec<String> {
    vec![
        short(&one.column),
        compact(one.mean_missing),
        short(&one.missing),
        compact(one.mean_observed),
        decimals(one.difference),
    ]
}

/// A number in two decimals.
fn decimals(number: f64) -> String {
    if number.is_infinite() { if number > 0.0 { "∞" } else { "-∞" }.into() } else { format!("{number:.2}") }
}
