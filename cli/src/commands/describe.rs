//! `missvae describe`: what is missing, and in which patterns.

mod render;

use std::path::PathBuf;

use clap::Args;
use missvae::files::write_atomic;
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
    /// Write the types of the columns to a TOML file, to be edited and given to `missvae train --schema`
    #[arg(long, value_name = "FILE")]
    pub(crate) write_schema: Option<PathBuf>,
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
    let output = Output::new(&args.common);
    let reading = output.saying_dialects(reading);
    let description = describe(&Input::from_arg(Some(&args.data)), &reading)?;
    if let Some(path) = &args.write_schema {
        let schema = description.schema().to_toml();
        write_atomic(path, |out| out.write_all(schema.as_bytes())).map_err(missvae::table::Error::from)?;
    }
    output.result(&description, || Rendered(&description).to_string())
}
