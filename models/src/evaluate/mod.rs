//! Log-likelihoods, by integration over a grid and by importance sampling; the Fréchet distance; and how far densities on a
//! grid are from each other.

mod divergence;
mod frechet;
mod grid;
mod iwelbo;
mod refit;

pub use divergence::{Divergences, divergences};
pub use frechet::{features, frechet_distance};
pub use grid::{Grid, GridResult, grid_log_likelihood, grid_log_likelihood_converged};
pub use iwelbo::{IwelboResult, iwelbo, proposal};
pub use refit::{RefitConfig, refit_encoder};

/// Mean over rows and its standard error.
pub fn mean_and_standard_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
