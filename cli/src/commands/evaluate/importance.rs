//! Log-likelihoods by importance sampling, with the encoder refitted before if that is wished for.

use std::ops::ControlFlow;

use missvae::Error;
use missvae::data::{Data, Standardisation};
use missvae::evaluate::{RefitConfig, iwelbo, mean_and_standard_error, refit_encoder};
use missvae::impute::FittedModel;
use missvae::trainer::Objective;
use samplers::completion::Completion;

use super::in_data_units;
use crate::failure::{Failure, Result};

/// How to score rows by importance sampling.
pub(crate) struct Importance<'a> {
    /// Samples of a row.
    pub(crate) samples: usize,
    /// Versions of rows with missing cells, where the encoder needs completed ones.
    pub(crate) completion: Option<&'a Completion>,
    /// What refits the encoder before, if anything does.
    pub(crate) refit: Option<Refit<'a>>,
    pub(crate) seed: u64,
}

/// How the encoder is refitted.
pub(crate) struct Refit<'a> {
    /// The rows that it is refitted to.
    pub(crate) rows: &'a Data<f32>,
    /// What the model was trained with.
    pub(crate) trained: &'a Objective,
    pub(crate) config: RefitConfig,
}

/// A log-likelihood by importance sampling.
#[derive(Clone, Debug)]
pub(crate) struct ImportanceScore {
    /// Of each row, in nats of the data's units.
    pub(crate) per_row: Vec<f64>,
    /// Effective number of samples of each row.
    pub(crate) effective: Vec<f64>,
    /// Mean of a row, in nats of the data's units.
    pub(crate) log_likelihood: f64,
    /// Its standard error over rows; `None` of a single row.
    pub(crate) standard_error: Option<f64>,
    /// Mean effective number of samples of a row.
    pub(crate) effective_sample_size: f64,
    /// The mean before the encoder was refitted, if it was.
    pub(crate) before_refit: Option<f64>,
}

impl Importance<'_> {
    /// Scores rows in the current pool. `begin` is called with what is being done, how many there are to do, and of what; it
    /// gives what is called for each of them, which says whether to go on.
    ///
    /// The model's encoder is refitted in place.
    pub(crate) fn score<P: Fn() -> ControlFlow<()> + Sync>(
        &self,
        model: &mut FittedModel<f32>,
        data: &Data<f32>,
        standardisation: &Standardisation,
        begin: impl Fn(&'static str, u64, &'static str) -> P,
    ) -> Result<ImportanceScore> {
        let stopped = |error| match error {
            Error::Stopped => Failure::Interrupted(String::new()),
            other => other.into(),
        };
        let once = |model: &FittedModel<f32>, what| -> Result<ImportanceScore> {
            let progress = begin(what, data.rows() as u64, "rows");
            let result = iwelbo(model, data, self.samples, self.completion, self.seed, progress).map_err(stopped)?;
            let per_row = in_data_units(&result.per_row, data, standardisation);
            let (log_likelihood, error) = mean_and_standard_error(&per_row);
            Ok(ImportanceScore {
                per_row,
                log_likelihood,
                standard_error: error.is_finite().then_some(error),
                effective_sample_size: result.effective_sample_size.iter().sum::<f64>() / data.rows() as f64,
                effective: result.effective_sample_size,
                before_refit: None,
            })
        };
        let mut before_refit = None;
        if let Some(Refit { rows, trained, config }) = &self.refit {
            before_refit = Some(once(model, "before refitting")?.log_likelihood);
            let progress = begin("refitting the encoder", config.updates, "updates");
            refit_encoder(model, rows, trained, config, self.seed, progress).map_err(stopped)?;
        }
        Ok(ImportanceScore { before_refit, ..once(model, "importance sampling")? })
    }
}
