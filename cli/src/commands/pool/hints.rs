//! What to do about analyses that cannot be pooled.

use std::path::Path;

use missvae::pool::{Error, FormulaProblem, Problem};
use missvae::table;

use crate::failure::Failure;
use crate::hints::closest;

pub(super) const MORE_TABLES: &str = "`missvae impute RUN DATA --out drawn.csv --draws 20` writes drawn.1.csv … drawn.20.csv, and with --long one file of all";

/// The failure of an analysis. Tables have these names.
pub(super) fn failure(error: Error, names: &[String]) -> Failure {
    let what = match &error {
        Error::Formula(error) => format!("--{error}"),
        Error::Level { level } => format!("--level {level}: expected a number between 0 and 1"),
        Error::InTable { table, problem } if *table <= names.len() => format!("{}: {problem}", names[*table - 1]),
        Error::FewTables { .. } if names.len() == 1 => format!("{}: {error}", names[0]),
        other => other.to_string(),
    };
    let hint = match &error {
        Error::Formula(error) => formula(&error.problem),
        Error::FewTables { .. } => Some(MORE_TABLES),
        Error::TextResponse { levels: 2, .. } => Some("add --family binomial for a logistic regression"),
        Error::TextResponse { .. } | Error::Levels { .. } => Some("make a column of two levels, or of numbers, first"),
        Error::MixedDates { .. } => {
            Some("day and month may change places: write the dates as 2024-01-31, or use --long")
        }
        Error::OneLevel { .. } => Some("leave the column out of the formula"),
        Error::ManyCoefficients { .. } => {
            Some("a column of texts has a coefficient for each level but one: leave identifiers out")
        }
        Error::InTable { problem, .. } => problem_hint(problem),
        _ => None,
    };
    match hint {
        Some(hint) => Failure::usage_hint(what, hint),
        None => Failure::usage(what),
    }
}

fn formula(problem: &FormulaProblem) -> Option<&'static str> {
    const BACKTICKS: &str = "a name with blanks or signs stands in backticks, and the formula in single quotes: \
                             'y ~ `Body Mass (g)`'";
    match problem {
        FormulaProblem::NoTilde => {
            Some("give the whole formula in quotes, or a shell takes it apart: --formula 'y ~ x1 + x2'")
        }
        FormulaProblem::NoResponse => Some(
            "between double quotes a shell runs what stands in backticks: put the formula between single quotes, 'y ~ x'",
        ),
        FormulaProblem::NoOperator { .. } | FormulaProblem::LongResponse | FormulaProblem::Character { .. } => {
            Some(BACKTICKS)
        }
        FormulaProblem::Function { .. } => Some("add a column with the function's values to the tables first"),
        FormulaProblem::NoOperand { .. } | FormulaProblem::NoTerms => Some(
            "put the formula between single quotes, 'y ~ x1 + x2': between double quotes a shell runs what stands in backticks",
        ),
        FormulaProblem::Unsupported { operator } if operator == "." => Some("name the columns"),
        _ => None,
    }
}

fn problem_hint(problem: &Problem) -> Option<&'static str> {
    match problem {
        Problem::MissingCell { .. } => Some(
            "pool takes completed tables: leave out the one that was imputed, and columns that the model does not have",
        ),
        Problem::Rows { .. } => Some("completed tables have the rows of the table that was imputed"),
        Problem::NotBinary { .. } => Some("make a column of 0 and 1, or of two texts, first"),
        Problem::FewRows { .. } => Some("leave terms out"),
        Problem::Aliased { of, .. } if of.is_empty() => {
            Some("a level or a combination of levels does not occur in this table: leave the term out, or merge levels")
        }
        Problem::Aliased { .. } => Some("leave one of them out"),
        Problem::Separated { .. } => Some("leave terms out, or merge rare levels"),
        Problem::NotConverged { .. } => Some("leave terms out, or bring columns to a common scale"),
        _ => None,
    }
}

/// The failure of reading a table.
pub(super) fn reading(error: table::Error, path: &Path, long: bool) -> Failure {
    match &error {
        table::Error::NotFound { .. } if path.to_string_lossy().contains(['*', '?', '[']) => Failure::usage_hint(
            error.to_string(),
            "a shell leaves a pattern as it is where no file fits: look whether the files are there, and named so",
        ),
        table::Error::UnknownColumns { unknown, .. } if long && unknown.iter().any(|name| name == ".imp") => {
            Failure::usage_hint(
                error.to_string(),
                "a long file tells by a column .imp which imputation a row is of; without --long each FILE is one table",
            )
        }
        // A word of a formula without quotes is taken for a file.
        table::Error::NotFound { .. } | table::Error::UnknownFormat { .. } | table::Error::IsDirectory { .. }
            if path.to_str().is_some_and(is_part_of_formula) =>
        {
            Failure::usage_hint(error.to_string(), "put the formula in quotes: --formula 'y ~ x1 + x2'")
        }
        table::Error::UnknownColumns { unknown, available, .. }
            if unknown.iter().all(|name| closest(name, available).is_none()) =>
        {
            Failure::usage_hint(error.to_string(), "the formula names columns of the tables")
        }
        _ => error.into(),
    }
}

fn is_part_of_formula(word: &str) -> bool {
    matches!(word, "+" | "~" | ":" | "*" | "-" | "1" | "0")
}
