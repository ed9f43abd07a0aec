//! Runs with their settled options and their directories.

use std::path::{Path, PathBuf};

use super::experiment::{Settings, Spec};
use super::source::Source;
use crate::failure::{Failure, Result};
use crate::hash::fnv1a;
use crate::options::{Plan, TrainOptions};

/// Changes whenever what a run computes from its options does by more than rounding, so that old results are not taken for
/// new ones.
const VERSION: u32 = 1;

/// A run that can be begun, gone on with, or found finished.
pub(super) struct Prepared {
    pub(super) spec: Spec,
    pub(super) plan: Plan,
    /// Its directory: what it is, and a hash of all that it depends on.
    pub(super) directory: PathBuf,
}

/// Settles all runs before the first one begins, so that a wrong option is found at once.
pub(super) fn runs(
    settings: &Settings,
    specs: Vec<Spec>,
    source: &impl Source,
    directory: &Path,
) -> Result<Vec<Prepared>> {
    let prepare = |spec: Spec| -> Result<Prepared> {
        // A single component takes the budget as samples: outside the logarithm or inside, as its bound has them.
        let single = spec.method.single();
        let (samples, importance_samples) = spec.method.default_samples(1, spec.components);
        let said = TrainOptions {
            method: Some(spec.method.name.to_owned()),
            components: Some(if single { 1 } else { spec.components }),
            samples: single.then_some(samples),
            importance_samples: single.then_some(importance_samples),
            seed: Some(spec.seed),
            ..spec.training.clone()
        };
        let options = settings.training.clone().over(said).with_preset()?;
        let (rows, columns) = source.size(&spec);
        let plan = options.settle(rows, columns)?;
        let recipe = spec.imputations.recipe().map_or(String::new(), |recipe| recipe.to_string());
        let text = toml::to_string(&plan.options).map_err(|error| Failure::Failed(error.to_string()))?;
        let recipe = format!("{VERSION}\n{text}\n{recipe}\n{}", source.fingerprint(&spec));
        let hash = fnv1a(recipe.bytes().map(u64::from));
        let Spec { method, components, seed, .. } = &spec;
        let prefix = spec.prefix();
        let name = format!("{prefix}{}-k{components}-{}-seed{seed}-{hash:016x}", method.name, spec.imputations.slug());
        // Where the table lies is no part of what the run is.
        let table = source.table(&spec);
        let table = std::path::absolute(table).unwrap_or_else(|_| table.to_owned());
        let options = TrainOptions { data: Some(table.display().to_string()), ..plan.options };
        Ok(Prepared { plan: Plan { options, ..plan }, directory: directory.join(name), spec })
    };
    specs.into_iter().map(prepare).collect()
}

impl Prepared {
    /// The directory's name.
    pub(super) fn name(&self) -> String {
        self.directory.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// What messages call it.
    pub(super) fn title(&self) -> String {
        let Spec { method, components, seed, imputations, .. } = &self.spec;
        let latent = self.spec.training.latent.map_or(String::new(), |latent| format!("L={latent}, "));
        format!("{}{} K={components}, {latent}{}, seed {seed}", self.spec.prefix(), method.title, imputations.slug())
    }
}
