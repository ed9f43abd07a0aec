//! The result of a finished run.

use serde::{Deserialize, Serialize};

use super::source::Score;
use crate::training::Summary;

/// What `evaluation.json` says of a finished run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Evaluation {
    /// Mean of a test row, in nats; none if it is not finite.
    pub(super) log_likelihood: Option<f64>,
    /// Its standard error over rows.
    pub(super) standard_error: Option<f64>,
    /// Rows that were scored.
    pub(super) rows: usize,
    /// The last Fréchet distance to the test rows, where it was followed and is finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) frechet: Option<f64>,
    /// How, see `Source::scoring`.
    #[serde(default = "by_grid")]
    pub(super) scoring: String,
    /// Of an integration over a grid: cells a side of the last one, and by how much it changed the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grid_cells: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grid_change: Option<f64>,
    /// Of importance sampling: samples of a row, their mean effective number, and the mean before the encoder was refitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) importance_samples: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) effective_sample_size: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_likelihood_before_refit: Option<f64>,
    pub(super) epochs: u64,
    pub(super) updates: u64,
    /// Mean of the bound over the last epoch, in nats a row.
    pub(super) objective: Option<f64>,
}

/// How evaluations were made that do not say it.
fn by_grid() -> String {
    "grid".to_owned()
}

impl Evaluation {
    /// Of a run that trained to `summary` and scored `score`; `scoring` says how.
    pub(super) fn new(score: Option<Score>, scoring: String, summary: &Summary) -> Evaluation {
        let finite = |x: f64| x.is_finite().then_some(x);
        let log_likelihood = score.and_then(|score| finite(score.log_likelihood));
        let score = score.unwrap_or_default();
        let importance = score.importance;
        Evaluation {
            log_likelihood,
            standard_error: score.standard_error,
            rows: score.rows,
            frechet: summary.frechet.and_then(finite),
            scoring,
            grid_cells: score.grid.map(|(cells, _)| cells),
            grid_change: score.grid.and_then(|(_, change)| finite(change)),
            importance_samples: importance.map(|(samples, ..)| samples),
            effective_sample_size: importance.and_then(|(_, effective, _)| finite(effective)),
            log_likelihood_before_refit: importance.and_then(|(.., before)| before).and_then(finite),
            epochs: summary.epochs,
            updates: summary.updates,
            objective: summary.objective.and_then(finite),
        }
    }
}
