//! `missvae sample`: rows drawn from the model.

use std::path::PathBuf;

use clap::Args;
use missvae::config::check_drawn_rows;
use missvae::impute::sample_table;
use missvae::table::check_output;
use serde::Serialize;

use crate::args::Common;
use crate::failure::{Failure, Result};
use crate::output::{Output, counted};
use crate::run::Run;
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
    let Some(drawn) = in_pool(&args.common, || Ok(sample_table(&model, &info, args.rows, seed)))? else {
        let path = args.run.display();
        return Err(Failure::Failed(format!(
            "{path}: the model draws numbers that are not finite: its training diverged"
        )));
    };
    drawn.write(&args.out)?;
    let report = SampleReport { rows: args.rows, out: args.out.display().to_string() };
    output.result(&report, || format!("{} in {}", counted(report.rows, "row"), report.out))
}
