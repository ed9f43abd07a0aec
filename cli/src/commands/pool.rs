//! `missvae pool`: a regression on completed tables, pooled by Rubin's rules.

mod hints;
mod render;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Args;
use missvae::files::{check_place, same_file, stage};
use missvae::pool::{Analysis, Error, Family, IMPUTATION, Term, split_long};
use missvae::table::{Input, ReadOptions, Table};
use render::Rendered;
use serde::Serialize;

use crate::args::{Common, Reading};
use crate::failure::{Failure, Result};
use crate::output::Output;

#[derive(Debug, Args)]
pub(crate) struct PoolArgs {
    /// Completed tables, two or more, in any order
    #[arg(value_name = "FILE", required_unless_present = "long", conflicts_with = "long")]
    pub(crate) files: Vec<PathBuf>,
    /// One table that holds all completed ones, with a column .imp, as `missvae impute --long` and mice write it. Rows of .imp 0
    /// are left out; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) long: Option<PathBuf>,
    /// What is regressed on what, as in R and in quotes: 'y ~ x1 + x2*g', or 'y ~ 1' for a mean. A name with blanks stands in
    /// backticks
    #[arg(long, value_name = "FORMULA")]
    pub(crate) formula: String,
    /// What the response is
    #[arg(long, value_enum, default_value_t)]
    pub(crate) family: Family,
    /// Confidence of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub(crate) level: f64,
    /// Write the terms to a file as well, with all columns of --json
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct PoolReport<'a> {
    formula: String,
    family: &'static str,
    /// Completed tables, and rows of each.
    m: usize,
    rows: usize,
    level: f64,
    /// The text that is the success of a logistic regression; null if the response is 0 and 1.
    success: Option<&'a str>,
    terms: &'a [Term],
}

pub(crate) fn run(args: &PoolArgs) -> Result<()> {
    let output = Output::new(&args.common);
    // All of the command line first: reading may take its time.
    let analysis = Analysis::new(&args.formula).map_err(|error| hints::failure(error, &[]))?;
    let analysis = analysis.family(args.family).level(args.level);
    analysis.check().map_err(|error| hints::failure(error, &[]))?;
    if analysis.formula().columns().contains(&IMPUTATION) {
        return Err(Failure::usage_hint(
            format!("--formula: {IMPUTATION} is the number of the imputation"),
            "name columns of the table",
        ));
    }
    if let Some(path) = &args.csv {
        check_csv(path, args)?;
    }
    let reading = output.saying_dialects(args.reading.options());
    let (names, tables) = match &args.long {
        Some(path) => long(path, &analysis, reading)?,
        None => files(&args.files, &analysis, &reading)?,
    };
    let pooled = analysis.run(&tables).map_err(|error| hints::failure(error, &names))?;
    drop(tables);
    pooled.warnings.iter().for_each(|warning| output.warn(warning));
    if let Some(path) = &args.csv {
        write_csv(path, &pooled.terms)?;
    }
    let report = PoolReport {
        formula: analysis.formula().to_string(),
        family: args.family.name(),
        m: names.len(),
        rows: pooled.rows,
        level: args.level,
        success: pooled.success.as_deref(),
        terms: &pooled.terms,
    };
    output.result(&report, || rendered(&report, &analysis))
}

fn rendered(report: &PoolReport<'_>, analysis: &Analysis) -> String {
    let PoolReport { m, rows, level, success, terms, .. } = *report;
    let response = analysis.formula().response();
    Rendered { terms, m, rows, level, family: report.family, success, response, formula: &report.formula }.to_string()
}

/// The tables of some files, with their names.
fn files(paths: &[PathBuf], analysis: &Analysis, reading: &ReadOptions) -> Result<(Vec<String>, Vec<Table>)> {
    let mut seen = HashSet::new();
    let mut tables = Vec::with_capacity(paths.len());
    for path in paths {
        if path == Path::new("-") {
            let what = "-: standard input holds one table";
            return Err(Failure::usage_hint(what, "give --long - for one that holds all"));
        }
        if let Ok(whole) = path.canonicalize()
            && !seen.insert(whole)
        {
            let what = format!("{}: this table is named twice", path.display());
            return Err(Failure::usage_hint(what, "every completed table counts once"));
        }
    }
    // Of the first one, for all are of a kind.
    if let Some(first) = paths.first()
        && Table::read_with(first, &reading.clone().columns([IMPUTATION])).is_ok()
    {
        let what = format!("{}: this file has a column {IMPUTATION}, and so holds several tables", first.display());
        return Err(Failure::usage_hint(what, "give a long file by --long"));
    }
    let reading = reading.clone().columns(analysis.formula().columns());
    for path in paths {
        let table = Table::read_with(path, &reading).map_err(|error| hints::reading(error, path, false))?;
        tables.push(table);
    }
    Ok((paths.iter().map(|path| path.display().to_string()).collect(), tables))
}

/// The tables of a long file, with their names.
fn long(path: &Path, analysis: &Analysis, reading: ReadOptions) -> Result<(Vec<String>, Vec<Table>)> {
    let input = Input::from_arg(Some(path));
    let columns = [&[IMPUTATION][..], &analysis.formula().columns()].concat();
    let reading = reading.columns(columns);
    let table = Table::read_input(&input, &reading).map_err(|error| hints::reading(error, path, true))?;
    let parts = split_long(&table).map_err(|error| match error {
        Error::Imputation { .. } => Failure::usage_hint(
            format!("{}, {error}", input.name()),
            "a long file has a column .imp with the number of the imputation, 0 for the incomplete table",
        ),
        other => hints::failure(other, &[]),
    })?;
    let (numbers, tables): (Vec<u64>, Vec<Table>) = parts.into_iter().unzip();
    match numbers.len() {
        count @ (0 | 1) => {
            let what = format!("{}: {count} imputations (.imp from 1 on); pooling needs at least two", input.name());
            Err(Failure::usage_hint(what, hints::MORE_TABLES))
        }
        _ => Ok((numbers.iter().map(|number| format!("{}, .imp {number}", input.name())).collect(), tables)),
    }
}

/// Checks, before the tables are read, that a file of this name can be written.
fn check_csv(path: &Path, args: &PoolArgs) -> Result<()> {
    if path == Path::new("-") {
        return Err(Failure::usage_hint("--csv -: expected the name of a file", "--json prints the same numbers"));
    }
    if args.files.iter().chain(&args.long).any(|table| same_file(path, table)) {
        let what = format!("--csv {}: this is one of the completed tables", path.display());
        return Err(Failure::usage_hint(what, "give --csv another name"));
    }
    Ok(check_place(path)?)
}

fn write_csv(path: &Path, terms: &[Term]) -> Result<()> {
    let write = |out: &mut dyn std::io::Write| -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        terms.iter().try_for_each(|term| writer.serialize(term))?;
        writer.flush()
    };
    Ok(stage(path, write)?.commit()?)
}
