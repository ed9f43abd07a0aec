//! Log-likelihoods by importance sampling, with the encoder refitted before if that is asked for.

use std::ops::ControlFlow;

use samplers::imputation::ChainImputation;
use samplers::pareto::{UNRELIABLE, worse};

use super::iwelbo::iwelbo;
use super::refit::{RefitConfig, refit_encoder};
use super::units::{in_data_units, mean_and_standard_error};
use crate::Error;
use crate::data::{Data, Standardisation};
use crate::impute::{FittedModel, WeightSummary};
use crate::trainer::Objective;

/// How to score rows by importance sampling.
pub struct Importance<'a> {
    /// Samples of a row.
    pub samples: usize,
    /// Imputations of rows with missing cells, where the encoder needs completed ones.
    pub completion: Option<&'a ChainImputation>,
    /// What refits the encoder before, if anything does.
    pub refit: Option<Refit<'a>>,
    /// Seed of the samples.
    pub seed: u64,
}

/// How the encoder is refitted.
pub struct Refit<'a> {
    /// The rows that it is refitted to.
    pub rows: &'a Data<f32>,
    /// What the model was trained with.
    pub trained: &'a Objective,
    /// Numbers of the refit.
    pub config: RefitConfig,
}

/// A log-likelihood by importance sampling.
#[derive(Clone, Debug)]
pub struct ImportanceScore {
    /// Of each row, in nats of the data's units.
    pub per_row: Vec<f64>,
    /// Effective number of samples of each row.
    pub effective: Vec<f64>,
    /// Pareto k̂ of each row's weights; NaN where there is no tail to fit it to.
    pub pareto_k: Vec<f64>,
    /// Mean of a row, in nats of the data's units.
    pub log_likelihood: f64,
    /// Its standard error over rows; `None` of a single row.
    pub standard_error: Option<f64>,
    /// Mean effective number of samples of a row.
    pub effective_sample_size: f64,
    /// The mean before the encoder was refitted, if it was.
    pub before_refit: Option<f64>,
}

impl ImportanceScore {
    /// How far the weights can be trusted; `samples` is their number in a row.
    pub fn weights(&self, samples: usize) -> WeightSummary {
        let known = self.pareto_k.iter().copied().enumerate().filter(|(_, k)| !k.is_nan());
        WeightSummary {
            rows: self.pareto_k.len(),
            unreliable: known.clone().filter(|(_, k)| *k > UNRELIABLE).count(),
            worst: known.fold(None, |worst, one| worse(worst, Some(one))),
            samples,
        }
    }
}

impl Importance<'_> {
    /// Scores rows in the current pool. `begin` is called with what is being done, how many there are to do, and of what; it
    /// gives what is called for each of them, which says whether to go on.
    ///
    /// The model's encoder is refitted in place.
    ///
    /// # Errors
    /// As [`iwelbo`] and [`refit_encoder`].
    pub fn score<P: Fn() -> ControlFlow<()> + Sync>(
        &self,
        model: &mut FittedModel<f32>,
        data: &Data<f32>,
        standardisation: &Standardisation,
        begin: impl Fn(&'static str, u64, &'static str) -> P,
    ) -> Result<ImportanceScore, Error> {
        let once = |model: &FittedModel<f32>, what| -> Result<ImportanceScore, Error> {
            let progress = begin(what, data.rows() as u64, "rows");
            let result = iwelbo(model, data, self.samples, self.completion, self.seed, progress)?;
            let per_row = in_data_units(&result.per_row, data, standardisation);
            let (log_likelihood, error) = mean_and_standard_error(&per_row);
            Ok(ImportanceScore {
                per_row,
                log_likelihood,
                standard_error: error.is_finite().then_some(error),
                effective_sample_size: result.effective_sample_size.iter().sum::<f64>() / data.rows() as f64,
                effective: result.effective_sample_size,
                pareto_k: result.pareto_k,
                before_refit: None,
            })
        };
        let mut before_refit = None;
        if let Some(Refit { rows, trained, config }) = &self.refit {
            before_refit = Some(once(model, "before refitting")?.log_likelihood);
            let progress = begin("refitting the encoder", config.updates, "updates");
            refit_encoder(model, rows, trained, config, self.seed, progress)?;
        }
        Ok(ImportanceScore { before_refit, ..once(model, "importance sampling")? })
    }
}
