//! Lines of `metrics.jsonl`.

use serde::{Deserialize, Serialize};

#[cfg(feature = "paper")]
use crate::failure::{Failure, Result};
#[cfg(feature = "paper")]
use crate::run::{Run, system};

/// A line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct MetricsLine {
    pub(super) epoch: u64,
    pub(super) update: u64,
    /// Mean of the bound, in nats a row of the data's units. (Of an epoch that `--updates` cuts short, the rows seen;
    /// the change of units is that of all rows.)
    pub(crate) objective: f64,
    pub(super) gradient_norm: f64,
    pub(super) learning_rate: f64,
    /// Of training, those before the run was last resumed included; but not those of an epoch's part before that.
    pub(crate) seconds: f64,
    /// Mean of the bound over the validation rows, where there are any, in nats a row of the data's units; null if it
    /// is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<Option<f64>>,
    /// The Fréchet distance to the validation rows (in `reproduce`, to test rows), where it is asked for and due; null
    /// if it is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frechet: Option<Option<f64>>,
    /// Mean over rows of the components with a weight above 0.01, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) components_in_use: Option<f64>,
    /// Of the sampler of imputations, where it has one and has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) effective_sample_size: Option<f64>,
    /// Of the sampler of imputations, where it has one and has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acceptance_rate: Option<f64>,
    /// Drawn values that were not finite, where there are imputations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaced: Option<u64>,
    /// Proposals above the envelope of exact imputations, where there are any: their draws are not exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) envelope_violations: Option<u64>,
}

/// The finite distances that were measured during a run, each with its epoch and update.
#[cfg(feature = "paper")]
pub(crate) fn distances(run: &Run) -> Result<Vec<(u64, u64, f64)>> {
    let path = run.metrics();
    let text = std::fs::read_to_string(&path).map_err(|error| system(&path, error))?;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line: MetricsLine = serde_json::from_str(line)
            .map_err(|error| Failure::Failed(format!("{}, line {}: {error}", path.display(), number + 1)))?;
        found.extend(line.frechet.flatten().map(|distance| (line.epoch, line.update, distance)));
    }
    Ok(found)
}
