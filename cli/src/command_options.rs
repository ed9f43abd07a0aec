//! Options of `missvae train` in a configuration file that are no options of the model.

use std::path::PathBuf;

use serde::Deserialize;

/// Options of `missvae train` that are no options of the model: its directory, its threads, its output.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct CommandOptions {
    pub(crate) out: Option<PathBuf>,
    pub(crate) overwrite: bool,
    pub(crate) checkpoint_every: Option<f64>,
    pub(crate) threads: Option<usize>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

/// The names of [`CommandOptions`].
pub(crate) const COMMAND_OPTIONS: [&str; 6] = ["out", "overwrite", "checkpoint-every", "threads", "json", "quiet"];
/// Options that only a command line can have.
pub(crate) const ONLY_ON_COMMAND_LINE: [&str; 2] = ["config", "resume"];
