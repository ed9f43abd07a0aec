//! Log-likelihoods, by integration over a grid and by importance sampling; the Fréchet distance; and how far densities on a
//! grid are from each other.

mod divergence;
mod frechet;
mod grid;
mod hidden;
mod importance;
mod iwelbo;
mod refit;
mod running;
mod score;
mod units;

pub use divergence::{Divergences, divergences};
pub use frechet::{features, frechet_distance};
pub use grid::{Grid, GridResult, grid_log_likelihood, grid_log_likelihood_converged};
pub use hidden::{
    DRAWS as PREVIEW_DRAWS, HiddenColumn, HiddenErrors, HiddenLevels, LevelErrors, Preview, PreviewCell, hidden_errors,
    preview,
};
pub use importance::{Importance, ImportanceScore, Refit};
pub use iwelbo::{IwelboResult, iwelbo, iwelbo_after, proposal};
pub use refit::{RefitConfig, refit_encoder};
pub use running::{RowScores, RunningScore, ScoreSummary};
pub use score::{GRID_TOLERANCE, GridScore, Likelihood, ScoreOptions, Scoring, on_grid, trained_with};
pub use units::{in_data_units, independent_columns, mean_and_standard_error};
