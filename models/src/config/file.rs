//! Configuration files: options by their long names, as TOML.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::error::{Error, Result};
use super::options::Options;

impl Options {
    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// Names the line.
    pub fn from_toml(text: &str) -> Result<Options> {
        let options: Options = toml::from_str(text).map_err(|error| located(text, &error, &[]))?;
        options.check_pairs()?;
        Ok(options)
    }

    /// Reads the text of a configuration file that has other keys too: those of `also`, which `T` is read from.
    ///
    /// # Errors
    /// Names the line.
    pub fn from_toml_with<T: DeserializeOwned>(text: &str, also: &[&str]) -> Result<(Options, T)> {
        let located = |error| located(text, &error, also);
        let mut options = DeTable::parse(text).map_err(located)?;
        let mut others = DeTable::new();
        for name in also {
            others.extend(options.get_mut().remove_entry(*name));
        }
        let others = Spanned::new(options.span(), others);
        let others = T::deserialize(Deserializer::from(others)).map_err(located)?;
        let options = Options::deserialize(Deserializer::from(options)).map_err(located)?;
        options.check_pairs()?;
        Ok((options, others))
    }

    /// The text of a configuration file with these options.
    pub fn to_toml(&self) -> String {
        // Only maps with other keys than text, and values of no type of TOML's, cannot be written.
        toml::to_string(self).expect("options are numbers, texts and lists of texts")
    }
}

/// A TOML reader's error with its line; `also` are names that there are beside those that the reader tells of.
fn located(text: &str, error: &toml::de::Error, also: &[&str]) -> Error {
    let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
    let mut message = error.message().replace('\n', " ");
    // The list of all options would be too long for a message.
    if let Some((unknown, known)) = message.split_once(", expected one of ")
        && let Some(name) = unknown.strip_prefix("unknown field `")
    {
        let known = known.split('`').skip(1).step_by(2).chain(also.iter().copied());
        let known = known.map(str::to_owned).collect();
        return Error::UnknownOption { line, name: name.trim_end_matches('`').to_owned(), known };
    }
    for (technical, plain) in [
        ("expected usize", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected f64", "expected a number"),
    ] {
        message = message.replace(technical, plain);
    }
    Error::Toml { line, message }
}
