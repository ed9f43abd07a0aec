//! The directory of a training run.

mod metrics;
mod takeover;

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use autodiff::Aligned;
use missvae::config::Options;
use missvae::files::{remove_stale, replace};
use missvae::impute::FittedModel;
use missvae::store::{self, ModelInfo};
use missvae::table::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config_file;
use crate::failure::{Failure, Result};
pub(crate) use metrics::Metrics;

/// A lock that keeps other processes out of a run's directory.
#[must_use]
#[derive(Debug)]
pub(crate) struct DirLock {
    /// The locked directory. `None` where the system cannot lock it, as on some network drives.
    _directory: Option<File>,
}

/// The part of a run's options that says how its table was read. Using a model needs no other part.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct TableOptions {
    pub(crate) missing_value: Option<Vec<String>>,
    pub(crate) columns: Option<String>,
    pub(crate) ignore_columns: Option<String>,
}

impl TableOptions {
    /// The part of these options.
    pub(crate) fn of(options: &Options) -> TableOptions {
        TableOptions {
            missing_value: options.missing_value.clone(),
            columns: options.columns.clone(),
            ignore_columns: options.ignore_columns.clone(),
        }
    }
}

/// What is wrong with a link that leads nowhere.
const DANGLING: &str = "this is a link to something that is not there";

/// Whether a path is a link that leads nowhere.
fn is_dangling(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// The failure of a directory that is not what it should be.
fn refusal(path: &Path, what: &str, hint: &str) -> Failure {
    Failure::Run { path: path.to_owned(), what: what.to_owned(), hint: Some(hint.to_owned()) }
}

/// A run directory: `config.toml`, `model.safetensors`, `checkpoint.safetensors`, `metrics.jsonl`, `summary.json`.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    path: PathBuf,
    /// Whether this process made the directory.
    made: bool,
    /// Whether it holds another run, which this one is to replace.
    replaces: bool,
    /// Whether the files of this run still stand apart from those of the run that it is to replace: see [`takeover`].
    apart: Arc<AtomicBool>,
}

impl Run {
    /// A run directory that exists.
    pub(crate) fn open(path: &Path) -> Result<Run> {
        if is_dangling(path) {
            return Err(refusal(path, DANGLING, "point it to a run directory"));
        }
        if !path.exists() {
            return Err(refusal(path, "there is no such run directory", "`missvae train` makes one"));
        }
        if !path.is_dir() {
            return Err(refusal(path, "this is not a run directory", "give the directory that `missvae train` wrote"));
        }
        Ok(Run { path: path.to_owned(), made: false, replaces: false, apart: Arc::default() })
    }

    /// Makes a run directory. A run that is in it is only replaced if `overwrite`, and not before this one has a checkpoint.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Run> {
        let mut run = Run { path: path.to_owned(), made: !path.exists(), replaces: false, apart: Arc::default() };
        if is_dangling(path) {
            return Err(refusal(path, DANGLING, "remove the link, or give --out another name"));
        }
        if path.exists() && !path.is_dir() {
            return Err(refusal(path, "a file has this name", "give --out another name"));
        }
        if let Some(directory) = Run::directory_in_the_way(path) {
            let what = "a run has a file of this name; this is a directory";
            return Err(refusal(&directory, what, "move it, or give another --out"));
        }
        let holds_run = [run.config(), run.checkpoint(), run.model()].iter().any(|file| file.exists());
        if holds_run && !overwrite {
            let hint = "go on with it by --resume, replace it by --overwrite, or give another --out";
            return Err(refusal(path, "there is a run in this directory already", hint));
        }
        fs::create_dir_all(path).map_err(|source| match source.kind() {
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                let what = "the run directory cannot be made: a part of this path is a file";
                refusal(path, what, "give --out another name")
            }
            _ => Failure::System { what: format!("{}: the run directory cannot be made", path.display()), source },
        })?;
        run.made &= path.is_dir();
        run.replaces = holds_run;
        Ok(run)
    }

    /// All files but the configuration.
    fn results(&self) -> [PathBuf; 6] {
        [self.checkpoint(), self.model(), self.metrics(), self.summary(), self.recipe(), self.evaluation()]
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.file("config.toml")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.file("checkpoint.safetensors")
    }

    pub(crate) fn model(&self) -> PathBuf {
        self.file("model.safetensors")
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.file("metrics.jsonl")
    }

    pub(crate) fn summary(&self) -> PathBuf {
        self.file("summary.json")
    }

    /// How imputations are drawn, or distances measured, if `config.toml` cannot describe it. Written by
    /// `missvae reproduce`.
    pub(crate) fn recipe(&self) -> PathBuf {
        self.file("recipe.json")
    }

    /// The model's score. Written by `missvae reproduce`.
    pub(crate) fn evaluation(&self) -> PathBuf {
        self.file("evaluation.json")
    }

    /// Writes the resolved options.
    pub(crate) fn write_config(&self, options: &Options) -> Result<()> {
        let text = options.to_toml();
        replace(&self.config(), |out| out.write_all(text.as_bytes())).map_err(|error| {
            self.give_up();
            if self.made {
                // An empty directory is no run; one that cannot be removed does no harm.
                let _ = fs::remove_dir(&self.path);
            }
            error.into()
        })
    }

    /// Reads the resolved options back.
    pub(crate) fn read_config(&self) -> Result<Options> {
        if !self.config().exists() {
            let what = "there is no config.toml in this directory";
            return Err(refusal(&self.path, what, "give the directory of a run of `missvae train`"));
        }
        config_file::read(&self.config())
    }

    /// Locks the directory for this process: two that wrote to it would remove each other's files. Then it clears away what
    /// killed processes left, and makes room for a run that is to replace another.
    pub(crate) fn lock(&self) -> Result<DirLock> {
        let lock = self.lock_directory()?;
        self.settle()?;
        self.clear_apart()?;
        self.remove_stale_files();
        if self.replaces {
            self.stand_apart()?;
        }
        Ok(lock)
    }

    fn lock_directory(&self) -> Result<DirLock> {
        let Ok(directory) = File::open(&self.path) else { return Ok(DirLock { _directory: None }) };
        match directory.try_lock() {
            Ok(()) => Ok(DirLock { _directory: Some(directory) }),
            Err(TryLockError::WouldBlock) => {
                let what = "another process is at work in this directory";
                Err(refusal(&self.path, what, "wait until it has ended, or give another --out"))
            }
            Err(TryLockError::Error(_)) => Ok(DirLock { _directory: None }),
        }
    }

    /// The options of reading the table. `None` for a model file alone.
    pub(crate) fn read_table_options(&self) -> Result<Option<TableOptions>> {
        let path = self.config();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(|error| system(&path, error))?;
        toml::from_str(&text).map(Some).map_err(|error| {
            let what = format!("{}: {}", path.display(), error.message());
            Failure::usage_hint(
                what,
                "restore the file; without it, --missing-value says what stands for a missing value",
            )
        })
    }

    /// Removes the temporary files that a killed process left behind.
    fn remove_stale_files(&self) {
        std::iter::once(self.config()).chain(self.results()).for_each(|file| remove_stale(&file));
    }

    /// Writes the summary.
    pub(crate) fn write_summary(&self, summary: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(summary).map_err(|error| Failure::Failed(error.to_string()))?;
        replace(&self.summary(), |out| writeln!(out, "{text}"))?;
        Ok(())
    }

    /// Reads the summary back.
    pub(crate) fn read_summary<S: DeserializeOwned>(&self) -> Result<S> {
        let path = self.summary();
        let text = fs::read_to_string(&path).map_err(|error| system(&path, error))?;
        serde_json::from_str(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    }

    /// The model, and the description in its file.
    pub(crate) fn load_model(&self) -> Result<(FittedModel<f32>, ModelInfo)> {
        let path = self.model();
        if path.is_dir() {
            return Err(Failure::Run {
                path: self.path.clone(),
                what: "model.safetensors is a directory; expected a file".to_owned(),
                hint: Some("give the directory of a run of `missvae train`".to_owned()),
            });
        }
        if !path.exists() {
            return Err(Failure::Run {
                path: self.path.clone(),
                what: "there is no model.safetensors in this directory".to_owned(),
                hint: Some(
                    "give the directory of a run of `missvae train`; an unfinished one needs --resume".to_owned(),
                ),
            });
        }
        let (vae, info, parameters): (_, _, Aligned<f32>) = store::load_model(&path).map_err(|error| match error {
            store::Error { path, problem: store::Problem::Io(source) } => {
                Failure::from(Error::reading(&path.display().to_string(), source))
            }
            other => missvae::Error::from(other).into(),
        })?;
        Ok((FittedModel::new(vae, parameters), info))
    }
}

/// A failure of the system at a path.
pub(crate) fn system(path: &Path, source: std::io::Error) -> Failure {
    Failure::System { what: path.display().to_string(), source }
}
