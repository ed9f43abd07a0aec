//! Resolves the options of all runs, and names their directories.

use std::path::Path;

use missvae::config::{Options, ResolvedConfig};
use missvae::fingerprint::of_text;
use serde_json::{Value, json};

use super::prepared::Prepared;
use super::settings::Settings;
use super::source::Source;
use super::spec::Spec;
use crate::config_file::path_text;
use crate::failure::Result;

/// Version of the results. It changes when the same options give other results (beyond rounding), so that old results
/// are not taken for new ones.
const VERSION: u32 = 1;

/// Times that the distance to the test rows is measured during training: at least this many, and less than twice as
/// many.
const DISTANCES: u64 = 50;

/// The purpose of runs.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// To be scored.
    Scored,
    /// Others take features from them.
    Features,
    /// Their distance to the test rows is followed, in the features of the run on the same table.
    Followed(&'a [Prepared]),
}

/// Resolves all runs before the first one begins, so that a wrong option is found at once.
pub(super) fn runs(
    settings: &Settings,
    specs: Vec<Spec>,
    source: &impl Source,
    directory: &Path,
    role: Role<'_>,
) -> Result<Vec<Prepared>> {
    let prepare = |spec: Spec| -> Result<Prepared> {
        // A single component takes the budget as samples: outside the logarithm or inside, as its bound has them.
        let single = spec.method.single();
        let (samples, importance_samples) = spec.method.default_samples(1, spec.components);
        let said = Options {
            method: Some(spec.method),
            components: Some(if single { 1 } else { spec.components }),
            samples: single.then_some(samples),
            importance_samples: single.then_some(importance_samples),
            seed: Some(spec.seed),
            ..spec.training.clone()
        };
        let options = settings.training.clone().merge(said).with_preset();
        let (rows, columns) = source.size(&spec);
        let config = options.resolve(rows, columns)?;
        config.check_minibatches(rows)?;
        let features = match role {
            Role::Scored | Role::Features => None,
            Role::Followed(features) => features.iter().find(|features| features.spec.table == spec.table),
        };
        let followed = features.map(|features| {
            let epochs = config.train.total_updates(rows) / config.train.updates_per_epoch(rows).max(1);
            (features, (epochs / DISTANCES).max(1))
        });
        let recipe = match (role, &followed) {
            // A run that is not scored is not to be taken for one that is.
            (Role::Features, _) => Some(json!({"for": "features"})),
            (_, Some((features, every))) => Some(json!({"frechet_every": every, "features": features.name()})),
            (_, None) => spec.imputations.recipe(),
        };
        let text = config.options.to_toml();
        let told = recipe.as_ref().map_or(String::new(), Value::to_string);
        let whole = format!("{VERSION}\n{text}\n{told}\n{}", source.fingerprint(&spec));
        let hash = of_text(&whole);
        let Spec { method, components, seed, .. } = &spec;
        let prefix = spec.prefix();
        let name = format!("{prefix}{}-k{components}-{}-seed{seed}-{hash:016x}", method.name, spec.imputations.slug());
        // Where the table lies is no part of what the run is.
        let table = source.table(&spec);
        let table = std::path::absolute(table).unwrap_or_else(|_| table.to_owned());
        let options = Options { data: Some(path_text(&table)?), ..config.options };
        let followed = followed.map(|(features, every)| (features.directory.clone(), every));
        let (config, directory) = (ResolvedConfig { options, ..config }, directory.join(name));
        let model_wanted = matches!(role, Role::Features);
        Ok(Prepared { spec, config, directory, recipe, model_wanted, followed })
    };
    specs.into_iter().map(prepare).collect()
}
