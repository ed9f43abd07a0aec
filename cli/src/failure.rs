//! Failures of commands, and their exit statuses.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use missvae::config;
use missvae::files::WriteError;
use missvae::objective::UnknownMethod;
use missvae::prepare;
use missvae::store;
use missvae::table::Error;
use missvae::trainer::RunError;

use crate::hints;

/// A command's failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A table, on its way in or out.
    #[error(transparent)]
    File(#[from] Error),
    /// Another file that is written.
    #[error(transparent)]
    Write(#[from] WriteError),
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
    /// Rows were written before something failed.
    #[error("{failure}; the completed rows before it are written: {rows}")]
    AfterRows {
        /// What failed.
        failure: Box<Failure>,
        /// How many rows were written.
        rows: usize,
    },
    /// Some check did not pass; the report says which.
    #[error("{0}")]
    Failed(String),
    /// Stopped by a signal; what to do now, if there is something.
    #[error("interrupted{}", if .0.is_empty() { String::new() } else { format!("; {}", .0) })]
    Interrupted(String),
}

impl From<missvae::Error> for Failure {
    fn from(error: missvae::Error) -> Self {
        match error {
            missvae::Error::Config(error) => Failure::Config(error),
            missvae::Error::Rows(error) => error.into(),
            missvae::Error::Table(error) => Failure::File(error),
            missvae::Error::Write(error) => Failure::Write(error),
            missvae::Error::Stopped => Failure::Interrupted(String::new()),
            other => Failure::Model(other),
        }
    }
}

/// Training failed, or its monitor did.
impl From<RunError<Failure>> for Failure {
    fn from(error: RunError<Failure>) -> Self {
        match error {
            RunError::Training(error) => error.into(),
            RunError::Observer(failure) => failure,
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
            Failure::File(error) => table_code(error),
            Failure::Write(error) => write_code(error),
            Failure::Model(error) => model_code(error),
            Failure::Config(_) | Failure::Rows(_) | Failure::ConfigFile { .. } => 2,
            Failure::Usage { .. } | Failure::Run { .. } => 2,
            Failure::System { .. } | Failure::Failed(_) => 1,
            Failure::Interrupted(_) => 130,
            Failure::AfterRows { failure, .. } => failure.exit_code(),
        }
    }

    /// Prints to standard error what failed and what to do.
    pub(crate) fn print(&self) {
        // What cannot be told is lost; the exit status still says it.
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "missvae: {self}");
        if let Some(hint) = self.hint() {
            let _ = writeln!(err, "hint: {hint}");
        }
    }

    /// What to do.
    fn hint(&self) -> Option<String> {
        match self {
            Failure::File(error) => hints::table(error),
            Failure::Usage { hint, .. } | Failure::Run { hint, .. } => hint.clone(),
            Failure::Rows(error) => hints::rows(error),
            Failure::Config(error) | Failure::ConfigFile { error, .. } => hints::config(error),
            Failure::Write(error) => hints::writing(error),
            Failure::Model(error) => hints::model(error),
            Failure::AfterRows { failure, .. } => failure.hint(),
            _ => None,
        }
    }
}

/// 2 for a model, options or rows that do not fit together; 1 for a fault of the system or of the numbers.
fn model_code(error: &missvae::Error) -> u8 {
    match error {
        missvae::Error::Table(error) => table_code(error),
        missvae::Error::Write(error) => write_code(error),
        missvae::Error::Store(error) => match &error.problem {
            store::Problem::Io(source) if source.kind() != ErrorKind::NotFound => 1,
            _ => 2,
        },
        missvae::Error::NotFinite { .. } | missvae::Error::Diverged | missvae::Error::Stopped => 1,
        _ => 2,
    }
}

/// 2 for a faulty table; 1 for a fault of the system.
fn table_code(error: &Error) -> u8 {
    match error {
        Error::Write(error) => write_code(error),
        Error::Read { .. } => 1,
        _ => 2,
    }
}

/// 2 for a name that the file or directory cannot have; 1 for a fault of the system.
fn write_code(error: &WriteError) -> u8 {
    match error {
        WriteError::NoDirectory { .. } | WriteError::IsDirectory { .. } => 2,
        WriteError::Directory { source, .. } => match source.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => 2,
            _ => 1,
        },
        _ => 1,
    }
}

/// The result of a command.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
