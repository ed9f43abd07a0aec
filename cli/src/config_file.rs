//! Configuration files: the options of a model by their long names, and those of the command.

use std::path::{Path, PathBuf};

use missvae::config::Options;
use missvae::table::Error;
use serde::Deserialize;

use crate::args::TrainArgs;
use crate::failure::{Failure, Result};

/// Options of `missvae train` that are no options of the model: its directory, its threads, its output.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct CommandOptions {
    out: Option<PathBuf>,
    overwrite: bool,
    checkpoint_every: Option<f64>,
    threads: Option<usize>,
    json: bool,
    quiet: bool,
}

/// The names of [`CommandOptions`].
pub(crate) const COMMAND_OPTIONS: [&str; 6] = ["out", "overwrite", "checkpoint-every", "threads", "json", "quiet"];
/// Options that only a command line can have.
pub(crate) const ONLY_ON_COMMAND_LINE: [&str; 2] = ["config", "resume"];

impl CommandOptions {
    /// Fills in options that the command line does not give. The file's `overwrite` applies to the file's own run
    /// directory only.
    pub(crate) fn below(self, args: &mut TrainArgs) {
        args.overwrite |= self.overwrite && args.out.is_none();
        args.out = args.out.take().or(self.out);
        args.checkpoint_every = args.checkpoint_every.or(self.checkpoint_every);
        args.common.threads = args.common.threads.or(self.threads);
        args.common.json |= self.json;
        args.common.quiet |= self.quiet;
    }
}

/// Reads a run's configuration.
pub(crate) fn read(path: &Path) -> Result<Options> {
    let (file, text) = text(path)?;
    Options::from_toml(&text).map_err(|error| Failure::ConfigFile { file, error })
}

/// Reads a configuration file, which may have every option.
pub(crate) fn read_all(path: &Path) -> Result<(Options, CommandOptions)> {
    let (file, text) = text(path)?;
    let (options, command): (Options, CommandOptions) = Options::from_toml_with(&text, &COMMAND_OPTIONS)
        .map_err(|error| Failure::ConfigFile { file: file.clone(), error })?;
    if command.out.as_ref().is_some_and(|out| out.as_os_str().is_empty()) {
        return Err(Failure::usage_hint(format!("{file}, out is empty"), "name a directory"));
    }
    Ok((options, command))
}

/// The name and the text of a file.
fn text(path: &Path) -> Result<(String, String)> {
    let file = path.display().to_string();
    if path.is_dir() {
        return Err(Failure::usage(format!("{file} is a directory; expected a configuration file")));
    }
    let bytes = std::fs::read(path).map_err(|source| Error::reading(&file, source))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok((file, text)),
        Err(error) => {
            let whole = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = whole.iter().filter(|&&byte| byte == b'\n').count() + 1;
            Err(Failure::usage(format!("{file}, line {line}: not UTF-8 text")))
        }
    }
}
