//! The directory of a training run.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use autodiff::Aligned;
use missvae::config::Options;
use missvae::files::{WriteError, remove_if_there, remove_stale, write_atomic};
use missvae::impute::FittedModel;
use missvae::store::{self, ModelInfo};
use missvae::table::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config_file;
use crate::failure::{Failure, Result};

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

/// A run directory: `config.toml`, `model.safetensors`, `checkpoint.safetensors`, `metrics.jsonl`, `summary.json`.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    path: PathBuf,
    /// Whether this process made the directory.
    made: bool,
    /// Whether it holds another run, which is removed when this one's configuration is written.
    replaces: bool,
}

impl Run {
    /// A run directory that exists.
    pub(crate) fn open(path: &Path) -> Result<Run> {
        let fail = |what: &str, hint: &str| {
            Err(Failure::Run { path: path.to_owned(), what: what.to_owned(), hint: Some(hint.to_owned()) })
        };
        if !path.exists() {
            return fail("there is no such run directory", "`missvae train` makes one");
        }
        if !path.is_dir() {
            return fail("this is not a run directory", "give the directory that `missvae train` wrote");
        }
        Ok(Run { path: path.to_owned(), made: false, replaces: false })
    }

    /// Makes a run directory. An existing run in it is only replaced if `overwrite`.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Run> {
        let mut run = Run { path: path.to_owned(), made: !path.exists(), replaces: false };
        if path.exists() && !path.is_dir() {
            let hint = Some("give --out another name".to_owned());
            return Err(Failure::Run { path: path.to_owned(), what: "a file has this name".to_owned(), hint });
        }
        let holds_run = [run.config(), run.checkpoint(), run.model()].iter().any(|file| file.exists());
        if holds_run && !overwrite {
            return Err(Failure::Run {
                path: path.to_owned(),
                what: "there is a run in this directory already".to_owned(),
                hint: Some("go on with it by --resume, replace it by --overwrite, or give another --out".to_owned()),
            });
        }
        fs::create_dir_all(path).map_err(|source| match source.kind() {
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => Failure::Run {
                path: path.to_owned(),
                what: "the run directory cannot be made: a part of this path is a file".to_owned(),
                hint: Some("give --out another name".to_owned()),
            },
            _ => Failure::System { what: format!("{}: the run directory cannot be made", path.display()), source },
        })?;
        run.made &= path.is_dir();
        run.replaces = run.config().exists();
        if holds_run && !run.replaces {
            // What is left without a configuration is no run that anything could be done with.
            run.remove_results().map_err(|error| system(path, error))?;
        }
        Ok(run)
    }

    /// Removes all files of a run but its configuration.
    fn remove_results(&self) -> io::Result<()> {
        self.results().iter().try_for_each(|file| remove_if_there(file))
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
        self.path.join("config.toml")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    pub(crate) fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    pub(crate) fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// How imputations are drawn, or distances measured, if `config.toml` cannot describe it. Written by
    /// `missvae reproduce`.
    pub(crate) fn recipe(&self) -> PathBuf {
        self.path.join("recipe.json")
    }

    /// The model's score. Written by `missvae reproduce`.
    pub(crate) fn evaluation(&self) -> PathBuf {
        self.path.join("evaluation.json")
    }

    /// Writes the resolved options. An old run in the directory is removed after the new text is on the disk, and
    /// before it takes its name. So a full disk leaves the old run as it was, and options never stand beside another
    /// run's results.
    pub(crate) fn write_config(&self, options: &Options) -> Result<()> {
        let text = options.to_toml();
        let write = |out: &mut dyn Write| {
            out.write_all(text.as_bytes())?;
            out.flush()?;
            if self.replaces { self.remove_results() } else { Ok(()) }
        };
        write_atomic(&self.config(), write).map_err(|error| {
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
            return Err(Failure::Run {
                path: self.path.clone(),
                what: "there is no config.toml in this directory".to_owned(),
                hint: Some("give the directory of a run of `missvae train`".to_owned()),
            });
        }
        config_file::read(&self.config())
    }

    /// Locks the directory for this process: two that wrote to it would remove each other's files.
    pub(crate) fn lock(&self) -> Result<DirLock> {
        let Ok(directory) = File::open(&self.path) else { return Ok(DirLock { _directory: None }) };
        match directory.try_lock() {
            Ok(()) => Ok(DirLock { _directory: Some(directory) }),
            Err(TryLockError::WouldBlock) => Err(Failure::Run {
                path: self.path.clone(),
                what: "another process is at work in this directory".to_owned(),
                hint: Some("wait until it has ended, or give another --out".to_owned()),
            }),
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
    pub(crate) fn remove_stale_files(&self) {
        std::iter::once(self.config()).chain(self.results()).for_each(|file| remove_stale(&file));
    }

    /// Writes the summary.
    pub(crate) fn write_summary(&self, summary: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(summary).map_err(|error| Failure::Failed(error.to_string()))?;
        write_atomic(&self.summary(), |out| writeln!(out, "{text}"))?;
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

    /// The file of metrics, open for lines to be added, holding only the first `epochs` lines.
    pub(crate) fn metrics_after(&self, epochs: u64) -> Result<Metrics> {
        let path = self.metrics();
        let old = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read.map_err(|error| system(&path, error))?,
        };
        let whole = old.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let kept: String = whole.take(usize::try_from(epochs).unwrap_or(usize::MAX)).collect();
        if kept != old {
            write_atomic(&path, |out| out.write_all(kept.as_bytes()))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|error| system(&path, error))?;
        let last = kept.lines().last().map(str::to_owned);
        Ok(Metrics { path, file, length: kept.len() as u64, last })
    }

    /// Brings the lines of metrics to the disk: before a checkpoint that relies on them.
    pub(crate) fn sync_metrics(&self) -> Result<()> {
        let path = self.metrics();
        let file = OpenOptions::new().append(true).open(&path);
        Ok(file.and_then(|file| file.sync_data()).map_err(|error| WriteError::new(&path, error))?)
    }
}

/// A file of one JSON object a line.
#[derive(Debug)]
pub(crate) struct Metrics {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    length: u64,
    /// The last line that was there when it was opened.
    pub(crate) last: Option<String>,
}

impl Metrics {
    /// Adds a line, whole or not at all.
    pub(crate) fn add(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(line).map_err(|error| Failure::Failed(error.to_string()))?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|error| {
            // If this fails too, the part of a line is dropped when the run is resumed.
            let _ = self.file.set_len(self.length);
            WriteError::new(&self.path, error)
        })?;
        self.length += text.len() as u64;
        Ok(())
    }
}

/// A failure of the system at a path.
pub(crate) fn system(path: &Path, source: std::io::Error) -> Failure {
    Failure::System { what: path.display().to_string(), source }
}
