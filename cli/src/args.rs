//! Options that several commands have.

use clap::Args;
use missvae::store::ModelInfo;
use missvae::table::{Decimal, ReadOptions, Separator};

use crate::failure::Result;
use crate::run::{Run, TableOptions};

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Common {
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only warnings and errors
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Seed of all random numbers (default: always the same)
    #[arg(long, global = true, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Threads (default: all cores); the results do not depend on it
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

/// How data files are read.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Reading {
    /// Another text that stands for a missing value (may be repeated). A fitted model remembers those given in training
    #[arg(long, value_name = "TEXT", help_heading = "Data")]
    pub(crate) missing_value: Vec<String>,
    /// What separates the cells of a text: , ; tab or | (default: detected)
    #[arg(
        long,
        alias = "delimiter",
        value_enum,
        value_name = "SEPARATOR",
        hide_possible_values = true,
        help_heading = "Data"
    )]
    pub(crate) separator: Option<Separator>,
    /// Decimal mark of a text: . or , (default: detected)
    #[arg(long, value_enum, value_name = "MARK", hide_possible_values = true, help_heading = "Data")]
    pub(crate) decimal: Option<Decimal>,
    /// Array of a .npz file to read
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub(crate) key: Option<String>,
}

impl Reading {
    /// Without a model.
    pub(crate) fn options(&self) -> ReadOptions {
        self.options_with(&self.missing_value)
    }

    /// With these texts for missing values.
    fn options_with(&self, missing_values: &[String]) -> ReadOptions {
        let options = ReadOptions::new().missing_values(missing_values).separator(self.separator).decimal(self.decimal);
        match &self.key {
            Some(key) => options.key(key),
            None => options,
        }
    }

    /// For rows that a run's model is used on. Texts that stood for a missing value in training do so here. An array
    /// must be as wide as the table in training, unless columns were chosen there.
    pub(crate) fn options_for(&self, run: &Run, info: &ModelInfo) -> Result<ReadOptions> {
        // A model file of format 1 does not say how its table was read; the run's configuration does.
        let trained = match &info.options {
            Some(options) => {
                TableOptions { missing_value: Some(info.missing_values.clone()), ..TableOptions::of(options) }
            }
            None => match run.read_table_options()? {
                Some(options) => options,
                None => return Ok(self.options()),
            },
        };
        let missing = [trained.missing_value.unwrap_or_default(), self.missing_value.clone()].concat();
        let whole_arrays = trained.columns.is_none() && trained.ignore_columns.is_none() && info.left_out.is_empty();
        Ok(self.options_with(&missing).whole_arrays(whole_arrays))
    }
}
