//! How missing cells are sampled under a fitted model.

use missvae::config::{ChainKind, LairNumbers, WARM_UP, iterations};
use missvae::impute::FittedModel;
use missvae::network::VaeConfig;
use missvae::store::ModelInfo;
use samplers::chains::{ChainConfig, Sampler};
use samplers::completion::{Completion, complete};
use samplers::importance::{Statistic, impute};
use samplers::stream::Stream;

use crate::args::ImputeSampler;
use crate::failure::{Failure, Result};

/// Importance samples a row, unless another number is asked for.
const IMPORTANCE_SAMPLES: usize = 1000;
/// The most importance samples a row.
const MOST_IMPORTANCE_SAMPLES: usize = 1_000_000;
/// Renewals of a chain, unless another number is asked for. The first half does not count.
const ITERATIONS: usize = 100;
/// Completed versions of a row that a chain renews side by side.
const COPIES: usize = 20;

/// What is asked for; what is not is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) sampler: Option<ImputeSampler>,
    pub(crate) iterations: Option<usize>,
    pub(crate) proposals: Option<usize>,
    pub(crate) replenish: Option<usize>,
}

/// A sampler of missing cells with its numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Imputation {
    /// Self-normalised importance resampling with so many samples a row.
    Importance(usize),
    /// A chain.
    Chain(ChainKind, Completion),
}

/// How the sampling went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) effective_sample_size: Option<f64>,
    pub(crate) acceptance_rate: Option<f64>,
    /// Values that were not finite.
    pub(crate) replaced: u64,
}

impl Imputation {
    /// The sampler that is asked for, or the model's own.
    pub(crate) fn new(asked: Asked, model: &VaeConfig) -> Result<Imputation> {
        let encoder = model.encoder_input;
        let own = if encoder.completed() { ImputeSampler::Lair } else { ImputeSampler::Importance };
        let chain = match asked.sampler.unwrap_or(own) {
            ImputeSampler::Importance if encoder.completed() => {
                return Err(Failure::usage_hint(
                    "--sampler importance: this model's encoder needs completed rows",
                    "use lair, mwg or pseudo-gibbs",
                ));
            }
            ImputeSampler::Importance => return importance(asked),
            ImputeSampler::PseudoGibbs => ChainKind::PseudoGibbs,
            ImputeSampler::Mwg => ChainKind::Mwg,
            ImputeSampler::Lair => ChainKind::Lair,
        };
        let numbers = LairNumbers::new(chain, asked.proposals, asked.replenish)?;
        numbers.check_memory(samplers::completion::ROWS, COPIES, model.latent + 2 * model.columns)?;
        let sampler = match chain {
            ChainKind::PseudoGibbs => Sampler::PseudoGibbs,
            ChainKind::Mwg => Sampler::MetropolisWithinGibbs { warm_up: WARM_UP },
            ChainKind::Lair => Sampler::Lair(numbers.lair()),
        };
        let iterations = iterations(asked.iterations, ITERATIONS)?;
        let sampler = ChainConfig { sampler, iterations: 1 };
        let completion = Completion { sampler, copies: COPIES, burn_in: iterations / 2, kept: iterations.div_ceil(2) };
        Ok(Imputation::Chain(chain, completion))
    }

    /// Name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Imputation::Importance(_) => "importance",
            Imputation::Chain(chain, _) => chain.name(),
        }
    }

    /// The renewals of a chain.
    pub(crate) fn iterations(&self) -> Option<usize> {
        match self {
            Imputation::Importance(_) => None,
            Imputation::Chain(_, completion) => Some(completion.burn_in + completion.kept),
        }
    }

    /// What makes the proposals of incomplete rows where the encoder takes completed ones: as many versions of a row as the
    /// model was trained with. `None` for an encoder of incomplete rows.
    pub(crate) fn for_proposals(model: &ModelInfo) -> Result<Option<Completion>> {
        Ok(match (Imputation::new(Asked::default(), &model.vae)?, model.imputations) {
            (Imputation::Chain(_, completion), Some(copies)) => Some(Completion { copies, ..completion }),
            _ => None,
        })
    }

    /// Completes rows; the arguments are those of [`impute`] and of [`complete`].
    pub(crate) fn complete(
        &self,
        model: &mut FittedModel<f32>,
        rows: &[f32],
        mask: &[f32],
        statistic: Statistic,
        stream_of: impl FnMut(usize) -> Stream,
        out: &mut [f32],
    ) -> Outcome {
        match self {
            Imputation::Importance(samples) => {
                let found = impute(model, rows, mask, *samples, statistic, stream_of, out);
                Outcome {
                    // Of rows with a missing cell; there may be none.
                    effective_sample_size: mask.contains(&0.0).then_some(found.effective_sample_size),
                    acceptance_rate: None,
                    replaced: found.replaced as u64,
                }
            }
            Imputation::Chain(_, completion) => {
                let found = complete(model, rows, mask, completion, statistic, stream_of, out);
                Outcome {
                    effective_sample_size: found.effective_sample_size(),
                    acceptance_rate: found.acceptance_rate(),
                    replaced: found.replaced,
                }
            }
        }
    }
}

/// Importance resampling; refuses what only chains have.
fn importance(asked: Asked) -> Result<Imputation> {
    for (option, value) in [("iterations", asked.iterations), ("replenish", asked.replenish)] {
        if let Some(value) = value {
            return Err(Failure::usage_hint(
                format!("--{option} {value}: importance has no such option"),
                "it applies to --sampler lair, and --iterations to mwg and pseudo-gibbs too",
            ));
        }
    }
    let samples = asked.proposals.unwrap_or(IMPORTANCE_SAMPLES);
    if !(1..=MOST_IMPORTANCE_SAMPLES).contains(&samples) {
        return Err(Failure::usage(format!("--proposals {samples}: expected from 1 to {MOST_IMPORTANCE_SAMPLES}")));
    }
    Ok(Imputation::Importance(samples))
}
