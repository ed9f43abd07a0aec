//! `missvae sample`: rows drawn from the model.

use std::path::PathBuf;

use clap::Args;
use missvae::config::check_drawn_rows;
use missvae::files::remove_stale;
use missvae::impute::sample_table;
use missvae::table::check_output;
use serde::Serialize;

use crate::args::Common;
use crate::failure::{Failure, Result};
use crate::output::{Output, counted};
use crate::run::Run;
use crate::signal;
use crate::threads::in_pool;

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Run directory
    pub(crate) run: PathBuf,
    /// Rows to draw
    #[arg(long, value_name = "N")]
    pub(crate) rows: usize,
    /// File of the drawn rows: .csv, .tsv or .npy
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct SampleReport {
    rows: usize,
    out: String,
}

pub(crate) fn run(args: &SampleArgs) -> Result<()> {
    let output = Output::new(&args.common);
    if args.rows == 0 {
        return Err(Failure::usage("--rows 0: expected at least 1"));
    }
    check_output(&args.out)?;
    let (model, info) = Run::open(&args.run)?.load_model()?;
    check_drawn_rows(args.rows, info.vae.columns)?;
    let seed = args.common.seed.unwrap_or(0);
    remove_stale(&args.out);
    signal::listen()?;
    let bar = output.bar(args.rows as u64, "rows");
    let progress = |done: usize| {
        bar.set_position(done as u64);
        signal::progress()
    };
    let drawn = in_pool(&args.common, || Ok(sample_table(&model, &info, args.rows, seed, progress)));
    bar.finish_and_clear();
    let drawn = drawn?.map_err(|error| match error {
        missvae::Error::Diverged => {
            let path = args.run.display();
            Failure::Failed(format!("{path}: the model draws numbers that are not finite: its training diverged"))
        }
        other => other.into(),
    })?;
    let staged = drawn.stage(&args.out)?;
    // Writing a large table takes seconds: a signal of that time counts too.
    if signal::progress().is_break() {
        return Err(missvae::Error::Stopped.into());
    }
    staged.commit().map_err(missvae::table::Error::from)?;
    let report = SampleReport { rows: args.rows, out: args.out.display().to_string() };
    output.result(&report, || format!("{} in {}", counted(report.rows, "row"), report.out))
}
