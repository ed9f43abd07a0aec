//! A run with its resolved options and its directory.

use std::path::PathBuf;

use serde_json::Value;

use missvae::config::ResolvedConfig;

use super::spec::Spec;

/// A run that can be started, resumed, or found finished.
pub(super) struct Prepared {
    pub(super) spec: Spec,
    pub(super) config: ResolvedConfig,
    /// Its directory. The name describes the run and ends in a hash of all that it depends on.
    pub(super) directory: PathBuf,
    /// The parts of it that the resolved options lack.
    pub(super) recipe: Option<Value>,
    /// Whether the model itself is needed once the run is finished.
    pub(super) model_wanted: bool,
    /// If the distance to the test rows is measured: the run that gives the features, and the epochs between
    /// measurements.
    pub(super) followed: Option<(PathBuf, u64)>,
}

impl Prepared {
    /// The directory's name.
    pub(super) fn name(&self) -> String {
        self.directory.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Its name in messages.
    pub(super) fn title(&self) -> String {
        let Spec { method, components, seed, imputations, .. } = &self.spec;
        let latent = self.spec.training.latent.map_or(String::new(), |latent| format!("L={latent}, "));
        format!("{}{} K={components}, {latent}{}, seed {seed}", self.spec.prefix(), method.title, imputations.slug())
    }
}
