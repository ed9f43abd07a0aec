//! Configuration files: the options of a model by their long names, and those of the command.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use missvae::config::Options;
use missvae::table::Error;

use crate::command_options::{COMMAND_OPTIONS, CommandOptions};
use crate::failure::{Failure, Result};

/// The longest configuration file, in bytes. The names of a million columns fit.
const LONGEST: u64 = 1 << 26;

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
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|source| source.take(LONGEST + 1).read_to_end(&mut bytes));
    read.map_err(|source| Error::reading(&file, source))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::usage(format!("{file} has more than {LONGEST} bytes; expected a configuration file")));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((file, text)),
        Err(error) => {
            let whole = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = whole.iter().filter(|&&byte| byte == b'\n').count() + 1;
            Err(Failure::usage(format!("{file}, line {line}: not UTF-8 text")))
        }
    }
}

/// A table's path as options hold it, which are kept as text.
pub(crate) fn path_text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let what = format!("{}: this path is not UTF-8, and cannot be kept in a run's config.toml", path.display());
        Failure::usage_hint(what, "rename it")
    })
}
