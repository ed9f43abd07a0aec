//! The choice of how rows are scored, and scores on a grid.

use super::grid::grid_log_likelihood_converged;
use super::refit::RefitConfig;
use super::units::{in_data_units, mean_and_standard_error};
use crate::config::{Error, Expected, Options, check_size};
use crate::data::{Data, Standardisation};
use crate::impute::FittedModel;
use crate::network::VaeConfig;
use crate::trainer::TrainConfig;

/// Times the grid is refined at most: 500, 1000, 2000 cells a side.
const DOUBLINGS: usize = 2;
/// Change of the mean at which the grid is fine enough, in nats.
pub const GRID_TOLERANCE: f64 = 1e-4;
/// Latent dimensions that a grid can have.
const GRID_DIMENSIONS: usize = 2;
/// Importance samples of a row of a table, and of an image, unless another number is asked for.
const SAMPLES: usize = 50_000;
const SAMPLES_OF_IMAGES: usize = 1000;

/// How a log-likelihood is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Likelihood {
    /// Integration over a grid of latent points (at most 2 latent dimensions)
    Grid,
    /// Importance sampling with the encoder as proposal
    Iwelbo,
    /// Grid with at most 2 latent dimensions, else iwelbo
    #[default]
    Auto,
}

/// Options of a score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScoreOptions {
    /// How the log-likelihood is computed.
    pub likelihood: Likelihood,
    /// Importance samples of a row (default: 50000; 1000 for images).
    pub importance_samples: Option<usize>,
    /// Updates that refit the encoder to the rows first.
    pub refit_updates: u64,
}

/// How rows are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// On a grid of latent points.
    Grid,
    /// By importance sampling.
    Importance {
        /// Samples of a row.
        samples: usize,
    },
}

impl ScoreOptions {
    /// How a model's rows are scored.
    ///
    /// # Errors
    /// Names the option that the model cannot have.
    pub fn resolve(&self, model: &VaeConfig) -> Result<Scoring, Error> {
        if self.importance_samples == Some(0) {
            let (option, value) = ("importance-samples", "0".to_owned());
            return Err(Error::Value { option, value, expected: Expected::AtLeast(1) });
        }
        let (latent, images) = (model.latent, model.images.is_some());
        let grid = match self.likelihood {
            Likelihood::Grid if images => return Err(Error::GridOfImages),
            Likelihood::Grid if latent > GRID_DIMENSIONS => return Err(Error::GridDimensions { latent }),
            Likelihood::Grid => true,
            Likelihood::Iwelbo => false,
            Likelihood::Auto => latent <= GRID_DIMENSIONS && !images,
        };
        if !grid {
            let default = if images { SAMPLES_OF_IMAGES } else { SAMPLES };
            return Ok(Scoring::Importance { samples: self.importance_samples.unwrap_or(default) });
        }
        for (option, given) in
            [("refit-updates", self.refit_updates > 0), ("importance-samples", self.importance_samples.is_some())]
        {
            if given {
                return Err(Error::NotOfGrid { option });
            }
        }
        Ok(Scoring::Grid)
    }

    /// How the encoder is refitted to so many rows before they are scored, as in the paper (docs/methods.md §7); `batch_size`
    /// is that of training.
    ///
    /// # Errors
    /// If an update would take more memory than there is.
    pub fn refit(&self, model: &VaeConfig, batch_size: usize, rows: usize) -> Result<Option<RefitConfig>, Error> {
        if self.refit_updates == 0 {
            return Ok(None);
        }
        let config = RefitConfig::for_model(model, self.refit_updates, batch_size.min(rows));
        let points = config.batch_size.saturating_mul(config.samples);
        check_size(model, config.batch_size, points)
            .map_err(|error| Error::RefitSize { updates: self.refit_updates, error: Box::new(error) })?;
        Ok(Some(config))
    }
}

/// How a model with these options was trained, as far as a refit of its encoder needs to know.
///
/// # Errors
/// Names the option that cannot be used.
pub fn trained_with(options: &Options, columns: usize) -> Result<TrainConfig, Error> {
    // Files, the length of training, and the memory that it takes, are no matter here: as if for a single row.
    Ok(options.clone().with_preset().without_paths().resolve(1, columns)?.train)
}

/// A log-likelihood by integration over a grid.
#[derive(Clone, Debug)]
pub struct GridScore {
    /// Of each row, in nats of the data's units.
    pub per_row: Vec<f64>,
    /// Mean of a row, in nats of the data's units.
    pub log_likelihood: f64,
    /// Its standard error over rows; `None` of a single row.
    pub standard_error: Option<f64>,
    /// Cells a side of the last grid.
    pub cells: usize,
    /// Change of the mean by the last refinement, in nats.
    pub change: f64,
}

/// Scores rows on a grid that is refined until their mean stands still.
///
/// # Panics
/// If the model has more than two latent dimensions.
pub fn on_grid(model: &FittedModel<f32>, data: &Data<f32>, standardisation: &Standardisation) -> GridScore {
    let result = grid_log_likelihood_converged(model, data, GRID_TOLERANCE, DOUBLINGS);
    let per_row = in_data_units(&result.per_row, data, standardisation);
    let (mean, error) = mean_and_standard_error(&per_row);
    GridScore {
        per_row,
        log_likelihood: mean,
        standard_error: error.is_finite().then_some(error),
        cells: result.grid.cells,
        change: result.change,
    }
}
