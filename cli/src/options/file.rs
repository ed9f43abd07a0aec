//! Configuration files: options by their long names, as TOML.

use std::path::{Path, PathBuf};
use std::result::Result as Either;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::TrainOptions;
use crate::args::TrainArgs;
use crate::failure::{Failure, Result};
use missvae::table::Error;
use missvae::table::closest;

/// Options of `missvae train` that say nothing of the model: where it goes, with what means, and what is said on the way.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Manner {
    out: Option<PathBuf>,
    overwrite: bool,
    checkpoint_every: Option<f64>,
    threads: Option<usize>,
    json: bool,
    quiet: bool,
}

/// What [`Manner`] has.
const MANNER: [&str; 6] = ["out", "overwrite", "checkpoint-every", "threads", "json", "quiet"];
/// What only a command line can say: which file to read, and that there is none.
const ONLY_GIVEN: [&str; 2] = ["config", "resume"];

impl Manner {
    /// Fills in what the command line does not say. Only the file's own run directory is replaced because the file says so.
    pub(crate) fn below(self, args: &mut TrainArgs) {
        args.overwrite |= self.overwrite && args.out.is_none();
        args.out = args.out.take().or(self.out);
        args.checkpoint_every = args.checkpoint_every.or(self.checkpoint_every);
        args.common.threads = args.common.threads.or(self.threads);
        args.common.json |= self.json;
        args.common.quiet |= self.quiet;
    }
}

/// What is wrong with a text, the line named, and maybe a hint.
type Wrong = (String, Option<String>);

impl TrainOptions {
    /// Reads a run's configuration.
    pub(crate) fn from_file(path: &Path) -> Result<TrainOptions> {
        read(path, Self::from_toml)
    }

    /// Reads a configuration file, which may have every option.
    pub(crate) fn from_file_of_all(path: &Path) -> Result<(TrainOptions, Manner)> {
        read(path, |text| {
            let wrong = |error| wrong(text, &error, &MANNER);
            let mut options = DeTable::parse(text).map_err(wrong)?;
            let mut manner = DeTable::new();
            for name in MANNER {
                manner.extend(options.get_mut().remove_entry(name));
            }
            let manner = Spanned::new(options.span(), manner);
            let manner = Manner::deserialize(Deserializer::from(manner)).map_err(wrong)?;
            let options = TrainOptions::deserialize(Deserializer::from(options)).map_err(wrong)?;
            if manner.out.as_ref().is_some_and(|out| out.as_os_str().is_empty()) {
                return Err(("out is empty".to_owned(), Some("name a directory".to_owned())));
            }
            Ok((options.consistent()?, manner))
        })
    }

    fn from_toml(text: &str) -> Either<TrainOptions, Wrong> {
        toml::from_str::<TrainOptions>(text).map_err(|error| wrong(text, &error, &[]))?.consistent()
    }

    /// Refuses options of which a file can have only one.
    fn consistent(self) -> Either<TrainOptions, Wrong> {
        let both = |one, other| Err((format!("{one} and {other} are both given"), Some("keep one".to_owned())));
        if self.validation.is_some() && self.validation_from.is_some() {
            return both("validation", "validation-from");
        }
        if self.epochs.is_some() && self.updates.is_some() {
            return both("epochs", "updates");
        }
        Ok(self)
    }
}

/// Reads a file of options.
fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Either<T, Wrong>) -> Result<T> {
    let file = path.display().to_string();
    if path.is_dir() {
        return Err(Failure::usage(format!("{file} is a directory; expected a configuration file")));
    }
    let bytes = std::fs::read(path).map_err(|source| Error::reading(&file, source))?;
    let text = str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
        Failure::usage(format!("{file}, line {line}: not UTF-8 text"))
    })?;
    parse(text).map_err(|(what, hint)| Failure::Usage { what: format!("{file}, {what}"), hint })
}

/// A TOML reader's error in one line that names the line of the text, in the user's words, and a hint; `also` are options that
/// there are beside those that the reader tells of.
fn wrong(text: &str, error: &toml::de::Error, also: &[&str]) -> Wrong {
    let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
    let (what, hint) = plainly(&error.message().replace('\n', " "), also);
    (format!("line {line}: {what}"), hint)
}

/// A TOML reader's message in the user's words, and a hint.
fn plainly(message: &str, also: &[&str]) -> Wrong {
    // The list of all options would be too long.
    if let Some((unknown, known)) = message.split_once(", expected one of ")
        && let Some(name) = unknown.strip_prefix("unknown field `")
    {
        let name = name.trim_end_matches('`');
        let known = known.split('`').skip(1).step_by(2).chain(also.iter().copied());
        let known: Vec<String> = known.map(str::to_owned).collect();
        let hint = match closest(name, &known) {
            _ if ONLY_GIVEN.contains(&name) || MANNER.contains(&name) => "this is for the command line only".to_owned(),
            Some(near) => format!("did you mean {near}?"),
            None => "options are called by their long names, as in `missvae train --help`".to_owned(),
        };
        return (format!("there is no option {name:?}"), Some(hint));
    }
    let mut message = message.to_owned();
    for (technical, plain) in [
        ("expected usize", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected f64", "expected a number"),
    ] {
        message = message.replace(technical, plain);
    }
    (message, None)
}
