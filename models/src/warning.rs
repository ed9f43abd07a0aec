//! What may be wrong with a result, as fields. A result that may be wrong comes with a warning, or not at all.

use std::fmt;

use crate::heads::ColumnType;
use crate::store::Column;
use crate::table::{
    ColumnSchema, DateFormat, Notation, Reason, Suspect, Table, UnusableColumn, copied_columns, is_missing_elsewhere,
    is_within, repeated_rows, suspects, whole_numbered_categories,
};
use crate::words::quoted;

/// What may be wrong with a result. It displays as a sentence that says what to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// A value far from the others of its column.
    FarValue {
        /// The column.
        column: String,
        /// The value, and how often it occurs.
        suspect: Suspect,
    },
    /// Several values far from the others of their column.
    FarValues {
        /// The column.
        column: String,
        /// The values, ascending.
        suspects: Vec<Suspect>,
    },
    /// Columns that have such values, beside those that are named one by one.
    FarColumns {
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns of a few whole numbers are taken for measurements.
    WholeNumbers {
        /// The columns, each with how many different values it has.
        columns: Vec<(String, usize)>,
    },
    /// Columns that repeat others, exactly or in another unit.
    CopiedColumns {
        /// The columns, each with the one that it repeats.
        columns: Vec<(String, String)>,
    },
    /// Rows that repeat earlier rows.
    RepeatedRows {
        /// How many of the rows.
        rows: usize,
        /// All rows.
        of: usize,
    },
    /// Observed values of rows lie far outside of those that the model was fitted to.
    OutsideTraining {
        /// How many rows.
        rows: usize,
        /// The number of the first one, from 1, with its column and value.
        first: (usize, String, f64),
        /// The range of that column in training.
        range: [f64; 2],
    },
    /// Imputed values lie outside of the range of their column's observed values.
    ImputedOutside {
        /// The columns, the one with the largest share of such values first.
        columns: Vec<ColumnOutside>,
    },
    /// Cells that stay missing, in columns that the model does not have.
    StillMissing {
        /// The columns, each with how many cells.
        columns: Vec<(String, usize)>,
    },
    /// Columns of texts whose order the file that is written does not tell.
    OrderLost {
        /// The columns.
        columns: Vec<String>,
    },
    /// Rows whose importance weights fail.
    UnreliableRows {
        /// How many of the rows.
        rows: usize,
        /// All rows that were sampled.
        of: usize,
        /// The number of the worst row, from 1, and its Pareto k̂.
        worst: (usize, f64),
        /// Samples a row.
        samples: usize,
    },
    /// Columns that no model can be fitted to.
    LeftOut {
        /// The columns, each with the reason.
        columns: Vec<UnusableColumn>,
    },
    /// A column of dates that another format would read as other days.
    AmbiguousDates {
        /// The column.
        column: String,
        /// The format that is taken.
        format: DateFormat,
    },
    /// A level that may stand for a missing value.
    MissingLevel {
        /// The column.
        column: String,
        /// The level.
        level: String,
    },
    /// Levels that the model does not know.
    UnknownLevels {
        /// The columns, each with a level and the cells that hold such ones.
        columns: Vec<(String, String, usize)>,
    },
    /// Too few importance samples to tell whether they can be trusted.
    FewSamples {
        /// Samples of a row.
        samples: usize,
        /// The fewest that tell.
        enough: usize,
    },
    /// A model that predicts held-out values no better than the columns alone do.
    NothingLearned {
        /// Its score, and that of the columns alone, in nats.
        scores: [f64; 2],
        /// Whether a score is a mean over cells, and not over rows.
        cells: bool,
    },
    /// There are too few observed cells to hold some out: nothing tells of overfitting.
    NothingHeldOut,
    /// Nothing is held out: nothing tells of overfitting.
    NothingValidated,
}

/// Imputed values of a column that lie outside of its observed range.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnOutside {
    /// The column.
    pub column: String,
    /// How many of the imputed values.
    pub count: usize,
    /// All imputed values of the column.
    pub of: usize,
    /// The furthest one.
    pub furthest: f64,
    /// The range in training.
    pub range: [f64; 2],
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::FarValue { column, suspect: Suspect { value, count, code, others: (low, high) } } => {
                let cells = if *count == 1 { "one cell".to_owned() } else { format!("{count} cells") };
                write!(
                    f,
                    "column {}: {value} in {cells} is far from the other values, {low} to {high}; ",
                    quoted(column)
                )?;
                match code {
                    true => write!(f, "if it stands for missing, add --missing-value {value}"),
                    false => write!(f, "an outlier of this size pulls the column's mean and scale: check it"),
                }
            }
            Warning::FarValues { column, suspects } => {
                let ends = suspects.first().zip(suspects.last());
                let Some((lowest, highest)) = ends else { return Ok(()) };
                let (cells, (low, high)) = (suspects.iter().map(|one| one.count).sum::<usize>(), lowest.others);
                let (column, different, lowest, highest) =
                    (quoted(column), suspects.len(), lowest.value, highest.value);
                write!(
                    f,
                    "column {column}: {different} different values in {cells} cells, from {lowest} to {highest}, are "
                )?;
                write!(f, "far from the others, {low} to {high}; they pull the column's mean and scale: check them")
            }
            Warning::FarColumns { columns } => {
                let names = listed(columns, |name| quoted(name));
                write!(f, "values far from the others are in {} more columns: {names}; check them too", columns.len())
            }
            Warning::WholeNumbers { columns } => {
                let names = listed(columns, |(name, distinct)| format!("{} ({distinct} values)", quoted(name)));
                write!(f, "columns of few whole numbers, as codes or counts: {names}; the model takes them for ")?;
                write!(
                    f,
                    "measurements and may impute values between them: say what they are by --schema, or leave them out"
                )
            }
            Warning::CopiedColumns { columns } => {
                let text = |(copy, original): &(String, String)| format!("{} (of {})", quoted(copy), quoted(original));
                write!(f, "columns that repeat another, exactly or in another unit: {}; ", listed(columns, text))?;
                write!(f, "the model only comes near what such a pair determines: leave one of each out")
            }
            Warning::RepeatedRows { rows, of } => {
                let repeat = if *rows == 1 { "repeats" } else { "repeat" };
                write!(
                    f,
                    "{rows} of {of} rows {repeat} an earlier row: what is held out is known from the copies, so "
                )?;
                write!(f, "validation looks better than it is; remove copies that are no rows of their own")
            }
            Warning::OutsideTraining { rows, first: (row, column, value), range: [low, high] } => {
                let rows = if *rows == 1 { "1 row has".to_owned() } else { format!("{rows} rows have") };
                let column = quoted(column);
                write!(f, "{rows} values far outside of the training range (row {row}, column {column}: {value}, in ")?;
                write!(f, "training {low} to {high}); what the model says of such rows is extrapolated")
            }
            Warning::ImputedOutside { columns } => {
                let text = |one: &ColumnOutside| {
                    let ColumnOutside { column, count, of, furthest, range: [low, high] } = one;
                    format!(
                        "{} ({count} of {of}, down or up to {furthest:.4}; observed {low} to {high})",
                        quoted(column)
                    )
                };
                write!(f, "imputed values lie outside of the observed range: {}", listed(columns, text))
            }
            Warning::StillMissing { columns } => {
                let text = |(name, count): &(String, usize)| {
                    format!("{count} {} in {}", if *count == 1 { "cell" } else { "cells" }, quoted(name))
                };
                write!(f, "still missing, as the model has no such columns: {}", listed(columns, text))
            }
            Warning::OrderLost { columns } => {
                write!(
                    f,
                    "the order of categories is not written, set it again: {}",
                    listed(columns, |name| quoted(name))
                )
            }
            Warning::UnreliableRows { rows, of, worst: (row, k), samples } => {
                write!(f, "importance weights fail in {rows} of {of} rows (Pareto k above 0.7; worst: row {row}, ")?;
                write!(
                    f,
                    "k = {k:.2}, {samples} samples): their results may be wrong; take more samples or another sampler"
                )
            }
            Warning::LeftOut { columns } => {
                write!(f, "left out of the model: {}", listed(columns, UnusableColumn::to_string))
            }
            Warning::AmbiguousDates { column, format } => {
                let column = quoted(column);
                write!(
                    f,
                    "column {column}: its dates are read as {format}, but another order of day and month fits too; "
                )?;
                write!(f, "say which by a format in --schema")
            }
            Warning::MissingLevel { column, level } => {
                let (column, level) = (quoted(column), quoted(level));
                write!(f, "column {column}: the model takes {level} for a category; if it stands for missing, add ")?;
                write!(f, "--missing-value={level}")
            }
            Warning::UnknownLevels { columns } => {
                let text = |(name, level, cells): &(String, String, usize)| {
                    format!(
                        "{} in {} ({cells} {})",
                        quoted(level),
                        quoted(name),
                        if *cells == 1 { "cell" } else { "cells" }
                    )
                };
                write!(f, "levels that training did not have, such as {}; ", listed(columns, text))?;
                write!(f, "the model takes them for missing, and the cells stay as they are")
            }
            Warning::FewSamples { samples, enough } => {
                let samples = if *samples == 1 { "1 sample is".to_owned() } else { format!("{samples} samples are") };
                write!(f, "{samples} too few to tell whether the importance weights can be trusted; ")?;
                write!(f, "take {enough} at least, and for good results some hundred")
            }
            Warning::NothingLearned { scores: [found, alone], cells } => {
                let of = if *cells { "held-out cell" } else { "row" };
                write!(
                    f,
                    "the model scores {found:.4} nats a {of}, and its columns alone {alone:.4}: it has learned "
                )?;
                write!(
                    f,
                    "nothing that holds for new values: its training was too short or failed, or columns are independent"
                )
            }
            Warning::NothingValidated => {
                write!(f, "no cells or rows are held out, so nothing tells of overfitting; see --validation")
            }
            Warning::NothingHeldOut => {
                write!(f, "the table has too few observed cells to hold some out, so nothing tells of overfitting")
            }
        }
    }
}

/// The first few of a list, and how many more there are.
fn listed<T>(all: &[T], text: impl Fn(&T) -> String) -> String {
    const SHOWN: usize = 4;
    let mut parts: Vec<String> = all.iter().take(SHOWN).map(text).collect();
    if all.len() > SHOWN {
        parts.push(format!("and {} more", all.len() - SHOWN));
    }
    parts.join(", ")
}

/// What may be wrong with the columns of a table that a model is fitted to.
pub fn of_columns(table: &Table, columns: &[ColumnSchema]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (mut whole, mut far) = (Vec::new(), Vec::new());
    for (d, name) in table.columns().iter().enumerate() {
        if let Notation::Texts(_) = table.notation(d) {
            let codes = columns[d].levels.iter().filter(|level| is_missing_elsewhere(level));
            warnings.extend(codes.map(|level| Warning::MissingLevel { column: name.clone(), level: level.clone() }));
        }
        if *table.notation(d) != Notation::Numbers {
            continue;
        }
        let column = || (0..table.rows()).filter_map(|n| table.value(n, d));
        far.push((name.clone(), suspects(column())));
        let whole_numbers =
            whole_numbered_categories(column()).filter(|_| columns[d].column_type == ColumnType::Numeric);
        whole.extend(whole_numbers.map(|distinct| (name.clone(), distinct)));
    }
    warnings.extend(of_suspects(far));
    if !whole.is_empty() {
        warnings.push(Warning::WholeNumbers { columns: whole });
    }
    warnings
}

/// What the values far from the others of some columns may be: codes first, and outliers one by one where they are few.
pub(crate) fn of_suspects(columns: Vec<(String, Vec<Suspect>)>) -> Vec<Warning> {
    const COLUMNS: usize = 10;
    const VALUES: usize = 8;
    let mut warnings = Vec::new();
    let mut with_outliers = Vec::new();
    for (column, suspects) in columns {
        // So many repeated values are no codes.
        let many = suspects.iter().filter(|suspect| suspect.code).count() > VALUES;
        let (codes, outliers): (Vec<_>, Vec<_>) = suspects.into_iter().partition(|suspect| suspect.code && !many);
        warnings.extend(codes.into_iter().map(|suspect| Warning::FarValue { column: column.clone(), suspect }));
        with_outliers.extend((!outliers.is_empty()).then_some((column, outliers)));
    }
    let more = with_outliers.split_off(COLUMNS.min(with_outliers.len()));
    for (column, suspects) in with_outliers {
        match suspects.len() <= VALUES {
            true => warnings
                .extend(suspects.into_iter().map(|suspect| Warning::FarValue { column: column.clone(), suspect })),
            false => warnings.push(Warning::FarValues { column, suspects }),
        }
    }
    let columns: Vec<String> = more.into_iter().map(|(column, _)| column).collect();
    warnings.extend((!columns.is_empty()).then_some(Warning::FarColumns { columns }));
    warnings
}

/// What repeats in a table that a model is fitted to.
pub fn of_repeats(table: &Table) -> Vec<Warning> {
    let name = |d: usize| table.columns()[d].clone();
    let columns: Vec<_> = copied_columns(table).into_iter().map(|(copy, of)| (name(copy), name(of))).collect();
    let columns = (!columns.is_empty()).then_some(Warning::CopiedColumns { columns });
    let rows = repeated_rows(table).map(|rows| Warning::RepeatedRows { rows, of: table.rows() });
    columns.into_iter().chain(rows).collect()
}

/// Whether a score, in nats, is below that of the columns alone. `cells`: both are means over cells, and not over rows.
pub fn of_score(found: f64, alone: Option<f64>, cells: bool) -> Option<Warning> {
    let alone = alone.filter(|alone| found < *alone)?;
    Some(Warning::NothingLearned { scores: [found, alone], cells })
}

/// What may be wrong with how a table was read.
pub fn of_reading(left_out: &[(String, Reason)], ambiguous_dates: &[(String, DateFormat)]) -> Vec<Warning> {
    let unusable = |(name, reason): &(String, Reason)| UnusableColumn { name: name.clone(), reason: reason.clone() };
    let columns: Vec<UnusableColumn> = left_out.iter().map(unusable).collect();
    let left_out = (!columns.is_empty()).then_some(Warning::LeftOut { columns });
    let ambiguous = |(column, format): &(String, DateFormat)| Warning::AmbiguousDates {
        column: column.clone(),
        format: format.clone(),
    };
    left_out.into_iter().chain(ambiguous_dates.iter().map(ambiguous)).collect()
}

/// Whether a table has levels that are none of its columns, which are a model's.
pub(crate) fn of_levels(table: &Table, columns: &[ColumnSchema]) -> Option<Warning> {
    let columns: Vec<_> = unknown_levels(table, columns).into_iter().map(|(_, unknown)| unknown).collect();
    (!columns.is_empty()).then_some(Warning::UnknownLevels { columns })
}

/// The columns with levels that are none of theirs, each with its place, its name, the first such level, and the cells that hold
/// such ones.
pub(crate) fn unknown_levels(table: &Table, columns: &[ColumnSchema]) -> Vec<(usize, (String, String, usize))> {
    let unknown = |(d, column): (usize, &ColumnSchema)| {
        let index = column.level_index(table.notation(d));
        let is_unknown = |row: &usize| table.value(*row, d).is_some_and(|value| index.of(value).is_none());
        let mut rows = (0..table.rows()).filter(is_unknown);
        let first = rows.next()?;
        Some((d, (column.name.clone(), table.text(first, d)?, 1 + rows.count())))
    };
    columns.iter().enumerate().filter(|(_, column)| !column.levels.is_empty()).filter_map(unknown).collect()
}

/// A column far outside of whose training range a value lies: by how many times the range's width.
const OUTSIDE: f64 = 0.5;

/// Whether rows have values far outside of the training range. `value` gives an observed cell, by row and column, in the data's
/// unit; `number` a row's number, from 1.
pub(crate) fn of_rows(
    rows: usize,
    columns: &[Column],
    value: impl Fn(usize, usize) -> Option<f64>,
    number: impl Fn(usize) -> usize,
) -> Option<Warning> {
    let outside = |n: usize| {
        columns.iter().enumerate().find_map(|(d, column)| {
            let (value, range) = (value(n, d)?, column.range?);
            let margin = OUTSIDE * (range[1] - range[0]);
            let far = value < range[0] - margin || value > range[1] + margin;
            let far = far || !is_within([column.min, column.max], value);
            far.then(|| ((number(n), column.name.clone(), value), range))
        })
    };
    let rows: Vec<_> = (0..rows).filter_map(outside).collect();
    let (first, range) = rows.first()?.clone();
    Some(Warning::OutsideTraining { rows: rows.len(), first, range })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of many columns with outliers, or one with many outliers, gets a few lines.
    #[test]
    fn many_suspects_in_few_lines() {
        let suspects = |count: usize| -> Vec<Suspect> {
            let one = |i: usize| Suspect { value: 100.0 + i as f64, count: 2, code: false, others: (0.0, 1.0) };
            (0..count).map(one).collect()
        };
        let columns: Vec<_> = (0..14).map(|d| (format!("c{d}"), suspects([0, 1, 9][d.min(2)]))).collect();
        let texts: Vec<String> = of_suspects(columns).iter().map(Warning::to_string).collect();
        assert_eq!(texts.len(), 11, "{texts:#?}");
        assert!(texts[0].starts_with("column \"c1\": 100 in 2 cells is far"));
        assert!(texts[1].starts_with("column \"c2\": 9 different values in 18 cells, from 100 to 108, are far"));
        let code = Suspect { value: -999.0, count: 15, code: true, others: (0.0, 1.0) };
        let both = [vec![code], suspects(12)].concat();
        let texts_of_both: Vec<String> =
            of_suspects(vec![("x".to_owned(), both)]).iter().map(Warning::to_string).collect();
        assert!(texts_of_both.len() == 2 && texts_of_both[0].contains("--missing-value -999"), "{texts_of_both:#?}");
        assert!(texts[10].starts_with("values far from the others are in 3 more columns: \"c11\", \"c12\", \"c13\""));
    }
}
