//! `missvae describe`: what is missing, and in which patterns.

mod figure;
mod heat;
mod labels;
mod mechanism;
mod palette;
mod render;
mod words;

use std::path::{Path, PathBuf};

use clap::Args;
use figure::figure;
use missvae::files::{Staged, check_place, commit_all, stage};
use missvae::table::{Description, Input, describe, parse_names};
use render::Rendered;

use crate::args::{Common, Reading};
use crate::failure::{Failure, Result};
use crate::output::Output;
#[cfg(feature = "paper")]
use crate::plot::raster;

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
    /// Draw what is missing into a file, .svg or .png: the table's cells, the share observed of each column, and the
    /// correlations of missing cells
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
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
    let plot = args.plot.as_deref().map(Plot::new).transpose()?;
    let output = Output::new(&args.common);
    let reading = output.saying_dialects(reading);
    let description = describe(&Input::from_arg(Some(&args.data)), &reading)?;
    let mut files = Vec::new();
    if let Some(path) = &args.write_schema {
        let schema = description.schema().to_toml();
        files.push(stage(path, |out| out.write_all(schema.as_bytes()))?);
    }
    if let Some(plot) = plot {
        files.push(plot.stage(&description, &output)?);
    }
    commit_all(files)?;
    output.result(&description, || Rendered(&description).to_string())
}

/// The file of the figure.
struct Plot<'a> {
    path: &'a Path,
    format: Format,
}

enum Format {
    Svg,
    #[cfg(feature = "paper")]
    Png,
}

impl<'a> Plot<'a> {
    /// Checks, before the table is read, that a file of this name can be written.
    fn new(path: &'a Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let format = match ending.as_deref() {
            Some("svg") => Format::Svg,
            #[cfg(feature = "paper")]
            Some("png") => Format::Png,
            #[cfg(not(feature = "paper"))]
            Some("png") => {
                let what = format!("--plot {}: this program is built without pixels", path.display());
                return Err(Failure::usage_hint(what, "Name it .svg, or build with the feature `paper`."));
            }
            _ => {
                let what = format!("--plot {}: expected a name that ends in .svg or .png", path.display());
                return Err(Failure::usage(what));
            }
        };
        check_place(path)?;
        Ok(Plot { path, format })
    }

    /// Draws the figure, and leaves it to the caller to give the file its name.
    #[cfg_attr(not(feature = "paper"), expect(unused_variables))]
    fn stage(&self, description: &Description, output: &Output) -> Result<Staged> {
        let svg = figure(description);
        let content = match self.format {
            Format::Svg => svg.into_bytes(),
            #[cfg(feature = "paper")]
            Format::Png => {
                let names = description.columns.iter().map(|column| &column.name[..]).chain([&description.data[..]]);
                let lacking = |letter: &char| !letter.is_control() && !raster::has_letter(*letter);
                if let Some(letter) = names.flat_map(str::chars).find(lacking) {
                    output.warn(format!(
                        "{}: its font lacks letters of the names, such as {letter}; an .svg file has all",
                        self.path.display()
                    ));
                }
                raster::png(&svg).map_err(|what| Failure::Failed(format!("{}: {what}", self.path.display())))?
            }
        };
        Ok(stage(self.path, |out| out.write_all(&content))?)
    }
}
