//! Why a command failed, and with which status the program exits.

use std::io::Write;
use std::path::PathBuf;

use missvae::config;
use missvae::objective::UnknownMethod;
use missvae::prepare;
use missvae::table::Error;

use crate::hints;

/// A command's failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A data or output file.
    #[error(transparent)]
    File(#[from] Error),
    /// Fitting or using a model.
    #[error(transparent)]
    Model(missvae::Error),
    /// Options of a model.
    #[error("{}", hints::config_text(.0))]
    Config(#[from] config::Error),
    /// The rows for a model.
    #[error("{}", hints::rows_text(.0))]
    Rows(prepare::Error),
    /// Options of a model, in a configuration file.
    #[error("{file}, {error}")]
    ConfigFile {
        /// The file.
        file: String,
        /// What is wrong in it.
        error: config::Error,
    },
    /// Options that make no sense, alone or together.
    #[error("{what}")]
    Usage {
        /// What is wrong.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The run directory cannot be used.
    #[error("{}: {what}", path.display())]
    Run {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The system failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Some check did not pass; the report says which.
    #[error("{0}")]
    Failed(String),
    /// Stopped by a signal, after a checkpoint.
    #[error("interrupted; {0}")]
    Interrupted(String),
}

impl From<missvae::Error> for Failure {
    fn from(error: missvae::Error) -> Self {
        match error {
            missvae::Error::Config(error) => Failure::Config(error),
            missvae::Error::Rows(error) => error.into(),
            other => Failure::Model(other),
        }
    }
}

impl From<prepare::Error> for Failure {
    fn from(error: prepare::Error) -> Self {
        match error {
            prepare::Error::Config(error) => Failure::Config(error),
            prepare::Error::Table(error) => Failure::File(error),
            other => Failure::Rows(other),
        }
    }
}

impl From<UnknownMethod> for Failure {
    fn from(error: UnknownMethod) -> Self {
        Failure::Config(error.into())
    }
}

impl Failure {
    /// Bad usage, without a hint.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Failure::Usage { what: what.into(), hint: None }
    }

    /// Bad usage, and what to do.
    pub(crate) fn usage_hint(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::Usage { what: what.into(), hint: Some(hint.into()) }
    }

    /// 1 for a failure, 2 for bad usage or input, 130 after an interruption.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::File(error) => error.exit_code(),
            Failure::Model(error) if error.is_environment() => 1,
            Failure::Model(_) | Failure::Config(_) | Failure::Rows(_) | Failure::ConfigFile { .. } => 2,
            Failure::Usage { .. } | Failure::Run { .. } => 2,
            Failure::System { .. } | Failure::Failed(_) => 1,
            Failure::Interrupted(_) => 130,
        }
    }

    /// Says on standard error what failed and what to do.
    pub(crate) fn print(&self) {
        // What cannot be told is lost; the exit status still says it.
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "missvae: {self}");
        let hint = match self {
            Failure::File(error) => error.hint(),
            Failure::Usage { hint, .. } | Failure::Run { hint, .. } => hint.clone(),
            Failure::Rows(error) => hints::rows(error),
            Failure::Config(error) | Failure::ConfigFile { error, .. } => hints::config(error),
            Failure::Model(missvae::Error::NotFinite { .. }) => Some(
                "a smaller --learning-rate or --clip usually helps, or --no-standardize=false for a table whose columns are taken \
                 as they are (as --preset mog does); the last checkpoint, if there is one, is kept"
                    .to_owned(),
            ),
            Failure::Model(missvae::Error::SingleValues) => Some(hints::SINGLE_IMAGE.to_owned()),
            Failure::Model(missvae::Error::Malformed { .. }) => {
                Some("copy the file again from where it is whole, or start a new run".to_owned())
            }
            _ => None,
        };
        if let Some(hint) = hint {
            let _ = writeln!(err, "hint: {hint}");
        }
    }
}

/// The result of a command.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
