//! The sampler of missing cells under a fitted model, and its numbers.

use samplers::chains::{ChainConfig, Sampler};
use samplers::importance::{Statistic, impute};
use samplers::imputation::{ChainImputation, impute_by_chains};
use samplers::stream::Stream;

use super::fitted::FittedModel;
use crate::config::{ChainKind, Error, Expected, LairNumbers, WARM_UP, iterations};
use crate::network::VaeConfig;
use crate::store::ModelInfo;

/// Importance samples of a row by default.
const IMPORTANCE_SAMPLES: usize = 1000;
/// The most importance samples a row.
const MOST_IMPORTANCE_SAMPLES: usize = 1_000_000;
/// Sweeps of a chain by default. The first half is burn-in.
const ITERATIONS: usize = 100;
/// Parallel chains of a row.
const COPIES: usize = 20;

/// Kinds of samplers of missing values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum SamplerKind {
    /// Self-normalised importance resampling with the encoder as proposal
    Importance,
    /// Encoder and decoder in turn
    PseudoGibbs,
    /// Metropolis-within-Gibbs
    Mwg,
    /// Latent-adaptive importance resampling
    Lair,
}

/// Options of a sampler of missing cells. An option that is not given is `None`; then the model's default holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SamplerOptions {
    /// The sampler (default: importance; LAIR for models of methods that keep imputations).
    pub sampler: Option<SamplerKind>,
    /// Iterations of a chain; the first half does not count (default: 100).
    pub iterations: Option<usize>,
    /// Importance samples of a row (default: 1000), or I of LAIR (default: 1).
    pub proposals: Option<usize>,
    /// R of LAIR (default: 0).
    pub replenish: Option<usize>,
}

/// A sampler of missing cells with its numbers.
#[derive(Clone, Copy, Debug)]
pub enum ImputationSampler {
    /// Self-normalised importance resampling with this many samples of a row.
    Importance(usize),
    /// A chain.
    Chain(ChainKind, ChainImputation),
}

/// How the sampling of missing cells went.
#[derive(Clone, Copy, Debug)]
pub struct ImputationSummary {
    /// Mean over rows with missing cells, of a sampler with weights.
    pub effective_sample_size: Option<f64>,
    /// Share of the proposals that were accepted, of a sampler that rejects some.
    pub acceptance_rate: Option<f64>,
    /// Values that were not finite.
    pub replaced: u64,
}

impl ImputationSampler {
    /// The sampler that the options ask for, or the model's own.
    ///
    /// # Errors
    /// Names the option that the sampler or the model cannot have.
    pub fn new(options: SamplerOptions, model: &VaeConfig) -> Result<ImputationSampler, Error> {
        let encoder = model.encoder_input;
        let own = if encoder.completed() { SamplerKind::Lair } else { SamplerKind::Importance };
        let chain = match options.sampler.unwrap_or(own) {
            SamplerKind::Importance if encoder.completed() => {
                return Err(Error::NeedsCompletedRows);
            }
            SamplerKind::Importance => return importance(options),
            SamplerKind::PseudoGibbs => ChainKind::PseudoGibbs,
            SamplerKind::Mwg => ChainKind::Mwg,
            SamplerKind::Lair => ChainKind::Lair,
        };
        let numbers = LairNumbers::new(chain, options.proposals, options.replenish)?;
        numbers.check_memory(samplers::imputation::ROWS, COPIES, model.latent + model.row().numbers())?;
        let sampler = match chain {
            ChainKind::PseudoGibbs => Sampler::PseudoGibbs,
            ChainKind::Mwg => Sampler::MetropolisWithinGibbs { warm_up: WARM_UP },
            ChainKind::Lair => Sampler::Lair(numbers.lair()),
        };
        let iterations = iterations(options.iterations, ITERATIONS)?;
        let sampler = ChainConfig { sampler, iterations: 1 };
        let completion =
            ChainImputation { sampler, copies: COPIES, burn_in: iterations / 2, kept: iterations.div_ceil(2) };
        Ok(ImputationSampler::Chain(chain, completion))
    }

    /// Name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            ImputationSampler::Importance(_) => "importance",
            ImputationSampler::Chain(chain, _) => chain.name(),
        }
    }

    /// The sweeps of a chain.
    pub fn iterations(&self) -> Option<usize> {
        match self {
            ImputationSampler::Importance(_) => None,
            ImputationSampler::Chain(_, completion) => Some(completion.burn_in + completion.kept),
        }
    }

    /// The chain that makes the proposals of incomplete rows where the encoder takes completed ones: as many
    /// imputations of a row as the model was trained with. `None` for an encoder of incomplete rows.
    ///
    /// # Errors
    /// If the chain would take more memory than there is.
    pub fn for_proposals(model: &ModelInfo) -> Result<Option<ChainImputation>, Error> {
        Ok(match (ImputationSampler::new(SamplerOptions::default(), &model.vae)?, model.imputations) {
            (ImputationSampler::Chain(_, completion), Some(copies)) => Some(ChainImputation { copies, ..completion }),
            _ => None,
        })
    }

    /// Imputes rows; the arguments are those of [`impute`] and of [`impute_by_chains`].
    pub fn complete(
        &self,
        model: &FittedModel<f32>,
        rows: &[f32],
        mask: &[f32],
        statistic: Statistic,
        stream_of: impl Fn(usize) -> Stream + Sync,
        out: &mut [f32],
    ) -> ImputationSummary {
        match self {
            ImputationSampler::Importance(samples) => {
                let found = impute(model, rows, mask, *samples, statistic, stream_of, out);
                ImputationSummary {
                    // Of rows with a missing cell; there may be none.
                    effective_sample_size: mask.contains(&0.0).then_some(found.effective_sample_size),
                    acceptance_rate: None,
                    replaced: found.replaced as u64,
                }
            }
            ImputationSampler::Chain(_, completion) => {
                let found = impute_by_chains(model, rows, mask, completion, statistic, stream_of, out);
                ImputationSummary {
                    effective_sample_size: found.effective_sample_size(),
                    acceptance_rate: found.acceptance_rate(),
                    replaced: found.replaced,
                }
            }
        }
    }
}

/// Importance resampling. Refuses options that only chains have.
fn importance(options: SamplerOptions) -> Result<ImputationSampler, Error> {
    for (option, value) in [("iterations", options.iterations), ("replenish", options.replenish)] {
        if let Some(value) = value {
            return Err(Error::NotOfImportance { option, value });
        }
    }
    let samples = options.proposals.unwrap_or(IMPORTANCE_SAMPLES);
    if !(1..=MOST_IMPORTANCE_SAMPLES).contains(&samples) {
        let expected = Expected::Between(1, MOST_IMPORTANCE_SAMPLES as u64);
        return Err(Error::Value { option: "proposals", value: samples.to_string(), expected });
    }
    Ok(ImputationSampler::Importance(samples))
}
