//! The summary of a run.

use missvae::evaluate::HiddenErrors;
use serde::{Deserialize, Serialize};

/// The summary of a run, for `--json` and `summary.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) method: String,
    pub(crate) rows: usize,
    pub(crate) rows_dropped: usize,
    pub(crate) cells_missing: usize,
    /// Columns that get no negative values, as none of their observed ones is negative.
    #[serde(default)]
    pub(crate) never_negative: Vec<String>,
    pub(crate) parameters: usize,
    pub(crate) epochs: u64,
    pub(crate) updates: u64,
    /// Mean of the bound over the last epoch, in nats a row of the data's units; none if the metrics do not tell of it.
    pub(crate) objective: Option<f64>,
    pub(crate) validation: Option<f64>,
    /// The epoch whose parameters are kept, if the best is kept and epochs were scored; its validation score.
    #[serde(default)]
    pub(crate) best_epoch: Option<u64>,
    #[serde(default)]
    pub(crate) best_validation: Option<f64>,
    /// What the validation scores are of: `rows`, in nats a row, or `cells`, in nats a cell.
    #[serde(default)]
    pub(crate) validated_on: String,
    /// Whether patience ended the run.
    #[serde(default)]
    pub(crate) stopped_early: bool,
    /// The last Fréchet distance to the validation rows (in `reproduce`, to test rows), if it was followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frechet: Option<f64>,
    /// Errors on the cells that `--hide` hid.
    pub(crate) hidden: Option<HiddenErrors>,
    /// Of training, as in the metrics.
    pub(crate) seconds: f64,
    /// Since the run was started or resumed, validation included.
    pub(crate) seconds_per_update: f64,
    pub(crate) run: String,
}
