//! The sampler of missing cells under a fitted model, and its numbers.

use samplers::chains::{ChainConfig, Sampler};
use samplers::importance::{Proposals, Statistic, impute};
use samplers::imputation::{ChainImputation, impute_by_chains};
use samplers::pareto::{FEWEST, worse};
use samplers::stream::Stream;

use super::fitted::FittedModel;
use crate::config::{ChainKind, Error, Expected, LairNumbers, WARM_UP, iterations};
use crate::network::VaeConfig;
use crate::store::ModelInfo;
use crate::warning::Warning;

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
    /// Self-normalised importance resampling; proposals are the encoder, widened too, and the prior
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
#[derive(Clone, Copy, Debug, Default)]
pub struct ImputationSummary {
    /// Rows with missing cells.
    pub rows: usize,
    /// Mean over rows with missing cells, of a sampler with weights.
    pub effective_sample_size: Option<f64>,
    /// Share of the proposals that were accepted, of a sampler that rejects some.
    pub acceptance_rate: Option<f64>,
    /// Values that were not finite.
    pub replaced: u64,
    /// Of importance sampling: how it went, row by row.
    pub weights: Option<WeightSummary>,
}

impl ImputationSummary {
    /// Adds that of further rows, which begin with row `first` of the table.
    pub(super) fn add(&mut self, other: ImputationSummary, first: usize) {
        let shares = [self.rows, other.rows].map(|rows| rows as f64 / (self.rows + other.rows).max(1) as f64);
        let mean = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(shares[0] * one + shares[1] * other),
            (one, other) => one.or(other),
        };
        self.effective_sample_size = mean(self.effective_sample_size, other.effective_sample_size);
        self.acceptance_rate = mean(self.acceptance_rate, other.acceptance_rate);
        self.rows += other.rows;
        self.replaced += other.replaced;
        let moved = other
            .weights
            .map(|weights| WeightSummary { worst: weights.worst.map(|(row, k)| (first + row, k)), ..weights });
        self.weights = match (self.weights, moved) {
            (Some(one), Some(other)) => Some(WeightSummary {
                rows: one.rows + other.rows,
                unreliable: one.unreliable + other.unreliable,
                worst: worse(one.worst, other.worst),
                samples: one.samples,
            }),
            (one, other) => one.or(other),
        };
    }
}

/// How far importance weights can be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightSummary {
    /// Rows that were sampled.
    pub rows: usize,
    /// Of these, rows whose weights fail: Pareto k̂ above 0.7.
    pub unreliable: usize,
    /// The row with the largest k̂, from 0, and this k̂. `None` if there is no row with an observed cell.
    pub worst: Option<(usize, f64)>,
    /// Samples of a row.
    pub samples: usize,
}

impl WeightSummary {
    /// Whether there are enough samples to tell whether they can be trusted.
    pub fn tells(&self) -> bool {
        self.samples >= FEWEST
    }

    /// A warning, if the weights of some rows fail, or it cannot be told whether they do.
    pub fn warning(&self) -> Option<Warning> {
        if !self.tells() && self.rows > 0 {
            return Some(Warning::FewSamples { samples: self.samples, enough: FEWEST });
        }
        let (row, k) = self.worst.filter(|_| self.unreliable > 0)?;
        Some(Warning::UnreliableRows {
            rows: self.unreliable,
            of: self.rows,
            worst: (row + 1, k),
            samples: self.samples,
        })
    }
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

    /// Latent points of a row, about.
    pub(super) fn points(&self) -> usize {
        match self {
            ImputationSampler::Importance(samples) => *samples,
            ImputationSampler::Chain(_, completion) => completion.copies * (completion.burn_in + completion.kept),
        }
        .max(1)
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
                let found = impute(model, rows, mask, Proposals::defensive(*samples), statistic, stream_of, out);
                ImputationSummary {
                    rows: found.rows,
                    // Of rows with a missing cell; there may be none.
                    effective_sample_size: mask.contains(&0.0).then_some(found.effective_sample_size),
                    acceptance_rate: None,
                    replaced: found.replaced as u64,
                    weights: Some(WeightSummary {
                        rows: found.rows,
                        unreliable: found.unreliable,
                        worst: found.worst,
                        samples: *samples,
                    }),
                }
            }
            ImputationSampler::Chain(_, completion) => {
                let found = impute_by_chains(model, rows, mask, completion, statistic, stream_of, out);
                ImputationSummary {
                    rows: mask.chunks_exact(model.vae.config().columns).filter(|row| row.contains(&0.0)).count(),
                    effective_sample_size: found.effective_sample_size(),
                    acceptance_rate: found.acceptance_rate(),
                    replaced: found.replaced,
                    weights: None,
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
