//! Samplers of every kind, and rows of every kind.

use missvae_samplers::chains::{ChainConfig, ChainSampler, Impute, Lair, Resampling, Sampler, Scope, Weights};

use crate::linear::{D, Versions};

pub(crate) const LAIR: Lair = Lair {
    proposals: 2,
    replenish: 1,
    weights: Weights::Dmis,
    scope: Scope::Global,
    resampling: Resampling::Systematic,
    resample_final: false,
};
pub(crate) const METROPOLIS: Sampler = Sampler::MetropolisWithinGibbs { warm_up: 2 };
pub(crate) const SAMPLERS: [Sampler; 5] = [
    Sampler::PseudoGibbs,
    METROPOLIS,
    Sampler::Lair(LAIR),
    Sampler::Lair(Lair { resample_final: true, ..LAIR }),
    Sampler::Lair(Lair { scope: Scope::Local, resample_final: true, weights: Weights::Smis, ..LAIR }),
];
pub(crate) const ITERATIONS: usize = 3;
pub(crate) const K: usize = 3;

/// Two rows with a chain, a complete one, one without a cell, and one more chain. Negative zeros and subnormal
/// numbers: bits count.
pub(crate) const ROWS: [f64; 5 * D] = [
    -0.0,
    1e-310,
    0.0,
    f64::MIN_POSITIVE, //
    0.1,
    0.0,
    0.0,
    -1.0 / 3.0, //
    1.0,
    -0.0,
    2.0,
    5e-324, //
    0.0,
    0.0,
    0.0,
    0.0, //
    0.0,
    -0.7,
    0.0,
    0.0,
];
pub(crate) const MASK: [f64; 5 * D] = [
    1.0, 1.0, 0.0, 1.0, //
    1.0, 0.0, 0.0, 1.0, //
    1.0, 1.0, 1.0, 1.0, //
    0.0, 0.0, 0.0, 0.0, //
    0.0, 1.0, 0.0, 0.0,
];

pub(crate) fn sampler(sampler: Sampler) -> ChainSampler<f64> {
    ChainSampler::new(ChainConfig { sampler, iterations: ITERATIONS })
}

pub(crate) fn versions(sampler: &dyn Impute<f64>) -> Versions<f64> {
    Versions::new(&ROWS, &MASK, K, 4.0, sampler.keeps_latents())
}
