//! `missvae describe`: what is missing, and in which patterns.

mod render;

use std::path::PathBuf;

use clap::Args;
use missvae::table::{Input, describe, parse_names};
use render::Rendered;

use crate::args::{Common, Reading};
use crate::failure::Result;
use crate::output::Output;

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// Table
    pub(crate) data: PathBuf,
    /// Use only these columns (names separated by commas)
    #[arg(long, value_name = "A,B", help_heading = "Data")]
    pub(crate) columns: Option<String>,
    /// Leave out these columns (names separated by commas)
    #[arg(long, value_name = "A,B", help_heading = "Data")]
    pub(crate) ignore_columns: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) fn run(args: &DescribeArgs) -> Result<()> {
    let mut reading = args.reading.options();
    if let Some(names) = &args.columns {
        reading = reading.columns(parse_names(names)?);
    }
    if let Some(names) = &args.ignore_columns {
        reading = reading.ignore_columns(parse_names(names)?);
    }
    let description = describe(&Input::from_arg(Some(&args.data)), &reading)?;
    Output::new(&args.common).result(&description, || Rendered(&description).to_string())
}
