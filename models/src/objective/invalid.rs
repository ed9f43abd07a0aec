//! Configurations whose parts do not fit together.

use std::fmt;

use samplers::chains::ChainError;

/// An option of an objective or of its training that does not fit the others, or the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option} {value}: {requirement}")]
pub struct InvalidConfig {
    /// The option, as in configuration files.
    pub option: &'static str,
    /// Its value.
    pub value: String,
    /// What it needs.
    pub requirement: Requirement,
}

/// What an option needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// At least 1.
    Positive,
    /// An importance-weighted method: others have no importance samples.
    ImportanceWeightedMethod,
    /// An importance-weighted bound.
    ImportanceWeightedBound,
    /// MissVAE, with several samples.
    SeveralSamplesOfMissVae,
    /// Imputations of pixels start as observed values.
    StartOfPixels,
    /// An imputation mixture has an encoder of completed rows with one Gaussian.
    EncoderOfCompletedRows,
    /// A sampler of imputations that can run.
    Sampler(ChainError),
    /// A finite mixture: the gradient of an imputation mixture depends on imputations that move with the parameters.
    FiniteMixture,
    /// A variance needs this many, at least.
    Variance {
        /// Of what: draws, minibatches.
        of: &'static str,
        /// How many there are.
        found: u64,
    },
}

impl InvalidConfig {
    /// The option with this value does not meet the requirement.
    pub(crate) fn new(option: &'static str, value: impl fmt::Display, requirement: Requirement) -> Self {
        InvalidConfig { option, value: value.to_string(), requirement }
    }

    /// Checks that each of these numbers is at least 1.
    pub(crate) fn check_positive(numbers: &[(&'static str, usize)]) -> Result<(), Self> {
        match numbers.iter().find(|(_, number)| *number == 0) {
            Some((option, _)) => Err(Self::new(option, 0, Requirement::Positive)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Requirement::Positive => f.write_str("expected at least 1"),
            Requirement::ImportanceWeightedMethod => f.write_str(
                "this bound has no importance samples: more than one of them needs an importance-weighted method",
            ),
            Requirement::ImportanceWeightedBound => {
                f.write_str("dreg needs an importance-weighted bound (miwae, miss-iwae, miss-siwae)")
            }
            Requirement::SeveralSamplesOfMissVae => {
                f.write_str("this gradient of the logits needs miss-vae with at least 2 samples")
            }
            Requirement::StartOfPixels => f.write_str(
                "imputations of pixels and positive numbers start as observed values: zero is neither, and a mean is no pixel",
            ),
            Requirement::EncoderOfCompletedRows => {
                f.write_str("an imputation mixture needs an encoder of completed rows with one Gaussian")
            }
            Requirement::Sampler(error) => error.fmt(f),
            Requirement::FiniteMixture => f.write_str(
                "expected a finite mixture: the gradient of an imputation mixture depends on imputations, which move with the parameters",
            ),
            Requirement::Variance { of, found } => write!(f, "a variance needs at least 2 {of}, not {found}"),
        }
    }
}
