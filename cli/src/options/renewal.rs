//! How imputations are renewed, resolved and checked.

use clap::ValueEnum;
use missvae::objective::CompletedObjectiveConfig;
use missvae::trainer::ImputationTraining;
use samplers::chains::{ChainConfig, Lair, Sampler};
use serde::{Deserialize, Serialize};

use super::plan::{MOST_ACTIVATIONS, check, lair_points};
use super::{ResamplingOption, ScopeOption, StartOption, TrainOptions, WeightsOption};
use crate::failure::{Failure, Result};

/// Pseudo-Gibbs transitions that begin a Metropolis-within-Gibbs chain.
pub(crate) const WARM_UP: usize = 1;
/// The most iterations, proposals and replenishing proposals.
const MOST: usize = 1 << 20;

/// A sampler that renews imputations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChainOption {
    /// Encoder and decoder in turn
    PseudoGibbs,
    /// Metropolis-within-Gibbs
    Mwg,
    /// Latent-adaptive importance resampling
    Lair,
}

impl ChainOption {
    /// Name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ChainOption::PseudoGibbs => "pseudo-gibbs",
            ChainOption::Mwg => "mwg",
            ChainOption::Lair => "lair",
        }
    }
}

/// The numbers of LAIR that `impute` has too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LairNumbers {
    /// I.
    pub(crate) proposals: usize,
    /// R.
    pub(crate) replenish: usize,
}

impl LairNumbers {
    /// Checks what was said, and fills in the rest.
    pub(crate) fn new(sampler: ChainOption, proposals: Option<usize>, replenish: Option<usize>) -> Result<LairNumbers> {
        if sampler != ChainOption::Lair {
            for (option, value) in [("proposals", proposals), ("replenish", replenish)] {
                only_lair(option, value.map(|n| n.to_string()), sampler)?;
            }
        }
        let most = format!("from 1 to {MOST}");
        let proposals = proposals.unwrap_or(1);
        check("proposals", proposals, (1..=MOST).contains(&proposals), &most)?;
        let replenish = replenish.unwrap_or(0);
        check("replenish", replenish, replenish <= MOST, &format!("from 0 to {MOST}"))?;
        Ok(LairNumbers { proposals, replenish })
    }

    /// Refuses numbers with which completing rows of so many values would take more memory than a machine has.
    pub(crate) fn check_memory(self, rows: usize, copies: usize, numbers: usize) -> Result<()> {
        let points = rows.saturating_mul(lair_points(&self.lair(), copies, 1));
        match points.saturating_mul(numbers) <= MOST_ACTIVATIONS {
            true => Ok(()),
            false => Err(Failure::usage_hint(
                format!("--proposals {} with --replenish {}: too many to hold", self.proposals, self.replenish),
                "lower them; --iterations does as well",
            )),
        }
    }

    /// LAIR with these numbers, and the paper's choices for the rest.
    pub(crate) fn lair(self) -> Lair {
        Lair { proposals: self.proposals, replenish: self.replenish, ..Lair::PAPER }
    }
}

/// An error if an option of LAIR is given to another sampler.
fn only_lair(option: &str, value: Option<String>, sampler: ChainOption) -> Result<()> {
    match value {
        None => Ok(()),
        Some(value) => {
            let given = format!("--{option} {value}");
            let what = format!("{}: {} has no such option", given.trim_end(), sampler.name());
            Err(Failure::usage_hint(what, "it applies to --sampler lair"))
        }
    }
}

/// Iterations of a sampler, checked.
pub(crate) fn iterations(value: Option<usize>, default: usize) -> Result<usize> {
    let value = value.unwrap_or(default);
    check("iterations", value, (1..=MOST).contains(&value), &format!("from 1 to {MOST}"))
}

impl TrainOptions {
    /// Refuses what only methods with imputations have.
    pub(super) fn refuse_renewal(&self, method: &str) -> Result<()> {
        let switched = |on: Option<bool>| on.filter(|on| *on).map(|_| String::new());
        let given = [
            ("sampler", self.sampler.map(|sampler| sampler.name().to_owned())),
            ("iterations", self.iterations.map(|n| n.to_string())),
            ("proposals", self.proposals.map(|n| n.to_string())),
            ("replenish", self.replenish.map(|n| n.to_string())),
            ("proposal-weights", self.proposal_weights.map(|_| String::new())),
            ("resampling", self.resampling.map(|_| String::new())),
            ("resampling-scope", self.resampling_scope.map(|_| String::new())),
            ("resample-final", switched(self.resample_final)),
            ("initial-imputations", self.initial_imputations.map(|_| String::new())),
            ("impute-from-epoch", self.impute_from_epoch.map(|n| n.to_string())),
        ];
        match given.into_iter().find_map(|(option, value)| Some((option, value?))) {
            None => Ok(()),
            Some((option, value)) => {
                let given = format!("--{option} {value}");
                Err(Failure::usage_hint(
                    format!("{}: {method} keeps no imputations", given.trim_end()),
                    "it applies to demiss-vae, cvi-vae and mvb-vae",
                ))
            }
        }
    }

    /// Settles how imputations are renewed; fills in the options that say so.
    pub(super) fn settle_renewal(&mut self, objective: CompletedObjectiveConfig) -> Result<ImputationTraining> {
        let chosen = self.sampler.unwrap_or(ChainOption::Lair);
        let iterations = iterations(self.iterations, 1)?;
        let LairNumbers { proposals, replenish } = LairNumbers::new(chosen, self.proposals, self.replenish)?;
        let weights = self.proposal_weights.unwrap_or(WeightsOption::Dmis);
        let resampling = self.resampling.unwrap_or(ResamplingOption::Multinomial);
        let scope = self.resampling_scope.unwrap_or(ScopeOption::Global);
        let resample_final = self.resample_final.unwrap_or(false);
        let sampler = match chosen {
            ChainOption::PseudoGibbs => Sampler::PseudoGibbs,
            ChainOption::Mwg => Sampler::MetropolisWithinGibbs { warm_up: WARM_UP },
            ChainOption::Lair => Sampler::Lair(Lair {
                proposals,
                replenish,
                weights: weights.into(),
                scope: scope.into(),
                resampling: resampling.into(),
                resample_final,
            }),
        };
        if chosen == ChainOption::Lair {
            if resample_final && iterations == 1 {
                return Err(Failure::usage_hint(
                    "--resample-final: a renewal of one iteration has no other proposals to draw from",
                    "add --iterations with more than one",
                ));
            }
            self.proposals = Some(proposals);
            self.replenish = Some(replenish);
            self.proposal_weights = Some(weights);
            self.resampling = Some(resampling);
            self.resampling_scope = Some(scope);
            self.resample_final = Some(resample_final);
        } else {
            let word = |given: bool| given.then(String::new);
            only_lair("proposal-weights", word(self.proposal_weights.is_some()), chosen)?;
            only_lair("resampling", word(self.resampling.is_some()), chosen)?;
            only_lair("resampling-scope", word(self.resampling_scope.is_some()), chosen)?;
            only_lair("resample-final", word(self.resample_final == Some(true)), chosen)?;
        }
        let start = self.initial_imputations.unwrap_or(StartOption::Observed);
        let renew_from = self.impute_from_epoch.unwrap_or(2);
        check("impute-from-epoch", renew_from, renew_from >= 1, "an epoch, counted from 1")?;
        self.sampler = Some(chosen);
        self.iterations = Some(iterations);
        self.initial_imputations = Some(start);
        self.impute_from_epoch = Some(renew_from);
        let sampler = ChainConfig { sampler, iterations };
        Ok(ImputationTraining { objective, start: start.into(), renew_from, sampler })
    }
}
