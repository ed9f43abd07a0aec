//! `missvae describe`: what is missing, and how.

mod render;

use crate::args::DescribeArgs;
use crate::failure::Result;
use crate::output::Output;
use missvae::table::{Input, Selection, describe, parse_names};
use render::Rendered;

pub(crate) fn run(args: &DescribeArgs) -> Result<()> {
    let names = |list: &Option<String>| list.as_deref().map(parse_names).transpose();
    let selection =
        Selection { columns: names(&args.columns)?, ignore: names(&args.ignore_columns)?.unwrap_or_default() };
    let description = describe(&Input::from_arg(Some(&args.data)), &args.reading.options(), &selection)?;
    Output::new(&args.common).result(&description, || Rendered(&description).to_string())
}
