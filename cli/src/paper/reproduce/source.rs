//! The data that the runs of an experiment are fitted to and scored on.

use std::path::Path;
use std::sync::Arc;

use missvae::impute::FittedModel;
use missvae::prepare::TrainingRows;
use samplers::gaussian_mixture::GaussianMixture;
use samplers::gaussian_mixture::oracle::Interpolation;
use samplers::gaussian_mixture::oracle::divergence::Divergence;

use super::measure::Measure;
use super::prepared::Prepared;
use super::settings::Settings;
use super::spec::Spec;
use crate::failure::Result;
use crate::frechet::Frechet;

/// Tables to train on, and rows to score models on.
pub(super) trait Source: Sync {
    /// One line about them.
    fn describe(&self) -> String;

    /// Writes what was generated in the form in which `--data` takes it.
    fn keep(&self) -> Result<()> {
        Ok(())
    }

    /// The truth that made the rows, where it is known.
    fn truth(&self) -> Option<&GaussianMixture> {
        None
    }

    /// The divergence of a distribution of imputations from the true conditional, where that is known.
    fn divergence(&self, _: Interpolation) -> Result<Option<Divergence>> {
        Ok(None)
    }

    /// A message at the end.
    fn remark(&self) -> Option<String> {
        None
    }

    /// The file that a run's rows come from.
    fn table(&self, spec: &Spec) -> &Path;

    /// Columns, and rows to train on (before hiding empties some of them).
    fn size(&self, spec: &Spec) -> (usize, usize);

    /// Identifies all that a run depends on beside its options.
    fn fingerprint(&self, spec: &Spec) -> String;

    /// The rows of a run.
    fn rows(&self, run: &Prepared) -> Result<Arc<TrainingRows>>;

    /// The measure that compares runs.
    fn measure(&self) -> Measure {
        Measure::LogLikelihood
    }

    /// Runs that give features to the others, one for each table. Empty if no distances are measured.
    fn features(&self, _: &Settings) -> Vec<Spec> {
        Vec::new()
    }

    /// Measures the distance of a run's model from the test rows, in the features of the run in a directory. `None` if
    /// no distances are measured.
    fn frechet(&self, _: &Prepared, _: &TrainingRows, _: &Path) -> Result<Option<Frechet>> {
        Ok(None)
    }

    /// A description of the scoring, so that scores made in different ways are told apart.
    fn scoring(&self, run: &Prepared) -> String;

    /// Scores a fitted model in the current pool. This may change the model.
    fn score(&self, run: &Prepared, rows: &TrainingRows, model: &mut FittedModel<f32>) -> Result<Score>;

    /// An estimate of the seconds that scoring takes, from a part of it.
    fn seconds_to_score(&self, run: &Prepared, rows: &TrainingRows, model: &mut FittedModel<f32>) -> Result<f64>;
}

/// A log-likelihood of test rows, in nats of the data's units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    /// Mean of a row.
    pub(super) log_likelihood: f64,
    /// Its standard error over rows; `None` of a single row.
    pub(super) standard_error: Option<f64>,
    /// Rows that were scored.
    pub(super) rows: usize,
    /// Of an integration over a grid: cells a side of the last one, and by how much it changed the mean.
    pub(super) grid: Option<(usize, f64)>,
    /// Of importance sampling: samples of a row, their mean effective number, and the mean log-likelihood before the
    /// encoder was refitted, if it was.
    pub(super) importance: Option<(usize, f64, Option<f64>)>,
}
