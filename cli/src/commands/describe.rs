//! `missvae describe`: what is missing, and how.

use crate::args::DescribeArgs;
use crate::describe::describe;
use crate::failure::Result;
use crate::output::Output;
use crate::table::{Input, Selection, parse_names};

pub(crate) fn run(args: &DescribeArgs) -> Result<()> {
    let names = |list: &Option<String>| list.as_deref().map(parse_names).transpose();
    let selection =
        Selection { columns: names(&args.columns)?, ignore: names(&args.ignore_columns)?.unwrap_or_default() };
    let description = describe(&Input::from_arg(Some(&args.data)), &args.reading.options(), &selection)?;
    Output::new(&args.common).result(&description, || description.to_string())
}
