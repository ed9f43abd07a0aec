//! Options of methods that keep imputations, and of the chains that update them, resolved and checked.

use samplers::chains::{ChainConfig, Lair, Sampler};

use super::choices::{ChainKind, ResamplingOption, ScopeOption, WeightsOption};
use super::error::{Error, Expected, Result, check};
use super::options::Options;
use super::sizes::{MOST_ACTIVATIONS, lair_points};
use crate::objective::CompletedObjectiveConfig;
use crate::trainer::ImputationTraining;
use crate::trainer::Start;

/// Pseudo-Gibbs transitions that begin a Metropolis-within-Gibbs chain.
pub const WARM_UP: usize = 1;
/// The most iterations, proposals and replenishing proposals.
const MOST: u64 = 1 << 20;

/// The numbers of LAIR that training and imputation share.
#[derive(Clone, Copy, Debug)]
pub struct LairNumbers {
    /// I, samples of each proposal.
    pub proposals: usize,
    /// R, proposals that are the prior.
    pub replenish: usize,
}

impl LairNumbers {
    /// Checks the numbers that are given, and fills in the rest.
    ///
    /// # Errors
    /// If one is out of range, or given to another sampler than LAIR.
    pub fn new(sampler: ChainKind, proposals: Option<usize>, replenish: Option<usize>) -> Result<LairNumbers> {
        if sampler != ChainKind::Lair {
            for (option, value) in [("proposals", proposals), ("replenish", replenish)] {
                only_lair(option, value, value.is_some(), sampler)?;
            }
        }
        let proposals = proposals.unwrap_or(1);
        check("proposals", proposals, (1..=MOST).contains(&(proposals as u64)), Expected::Between(1, MOST))?;
        let replenish = replenish.unwrap_or(0);
        check("replenish", replenish, replenish as u64 <= MOST, Expected::Between(0, MOST))?;
        Ok(LairNumbers { proposals, replenish })
    }

    /// Refuses numbers with which imputing `rows` rows at a time, `copies` imputations of each and `numbers` values of
    /// a latent point, would take more memory than a machine has.
    ///
    /// # Errors
    /// If they would.
    pub fn check_memory(self, rows: usize, copies: usize, numbers: usize) -> Result<()> {
        let points = rows.saturating_mul(lair_points(&self.lair(), copies, 1));
        match points.saturating_mul(numbers) <= MOST_ACTIVATIONS {
            true => Ok(()),
            false => Err(Error::ProposalMemory { proposals: self.proposals, replenish: self.replenish }),
        }
    }

    /// LAIR with these numbers, and the paper's choices for the rest.
    pub fn lair(self) -> Lair {
        Lair { proposals: self.proposals, replenish: self.replenish, ..Lair::PAPER }
    }
}

/// Refuses an option of LAIR that is given to another sampler.
fn only_lair(option: &'static str, value: Option<usize>, given: bool, sampler: ChainKind) -> Result<()> {
    match given {
        true => Err(Error::OnlyLair { option, value, sampler: sampler.name() }),
        false => Ok(()),
    }
}

/// Iterations of a sampler.
///
/// # Errors
/// If they are out of range.
pub fn iterations(value: Option<usize>, default: usize) -> Result<usize> {
    let value = value.unwrap_or(default);
    check("iterations", value, (1..=MOST).contains(&(value as u64)), Expected::Between(1, MOST))
}

impl Options {
    /// Refuses options of methods that keep imputations.
    pub(super) fn refuse_imputations(&self, method: &'static str) -> Result<()> {
        let number = |n: Option<usize>| n.map(|n| Some(n.to_string()));
        let given = |given: bool| given.then_some(None);
        let given = [
            ("sampler", self.sampler.map(|sampler| Some(sampler.name().to_owned()))),
            ("iterations", number(self.iterations)),
            ("proposals", number(self.proposals)),
            ("replenish", number(self.replenish)),
            ("proposal-weights", given(self.proposal_weights.is_some())),
            ("resampling", given(self.resampling.is_some())),
            ("resampling-scope", given(self.resampling_scope.is_some())),
            ("resample-final", given(self.resample_final == Some(true))),
            ("initial-imputations", given(self.initial_imputations.is_some())),
            ("impute-from-epoch", self.impute_from_epoch.map(|n| Some(n.to_string()))),
        ];
        match given.into_iter().find_map(|(option, value)| Some((option, value?))) {
            None => Ok(()),
            Some((option, value)) => Err(Error::NoImputations { option, value, method }),
        }
    }

    /// Resolves the options of methods that keep imputations.
    pub(super) fn resolve_imputations(&mut self, objective: CompletedObjectiveConfig) -> Result<ImputationTraining> {
        let chosen = self.sampler.unwrap_or(ChainKind::Lair);
        let iterations = iterations(self.iterations, 1)?;
        let LairNumbers { proposals, replenish } = LairNumbers::new(chosen, self.proposals, self.replenish)?;
        let weights = self.proposal_weights.unwrap_or(WeightsOption::Dmis);
        let resampling = self.resampling.unwrap_or(ResamplingOption::Multinomial);
        let scope = self.resampling_scope.unwrap_or(ScopeOption::Global);
        let resample_final = self.resample_final.unwrap_or(false);
        let sampler = match chosen {
            ChainKind::PseudoGibbs => Sampler::PseudoGibbs,
            ChainKind::Mwg => Sampler::MetropolisWithinGibbs { warm_up: WARM_UP },
            ChainKind::Lair => Sampler::Lair(Lair {
                proposals,
                replenish,
                weights: weights.into(),
                scope: scope.into(),
                resampling: resampling.into(),
                resample_final,
            }),
        };
        if chosen == ChainKind::Lair {
            if resample_final && iterations == 1 {
                return Err(Error::NothingToResample);
            }
            self.proposals = Some(proposals);
            self.replenish = Some(replenish);
            self.proposal_weights = Some(weights);
            self.resampling = Some(resampling);
            self.resampling_scope = Some(scope);
            self.resample_final = Some(resample_final);
        } else {
            only_lair("proposal-weights", None, self.proposal_weights.is_some(), chosen)?;
            only_lair("resampling", None, self.resampling.is_some(), chosen)?;
            only_lair("resampling-scope", None, self.resampling_scope.is_some(), chosen)?;
            only_lair("resample-final", None, self.resample_final == Some(true), chosen)?;
        }
        let start = self.initial_imputations.unwrap_or(Start::Observed);
        let renew_from = self.impute_from_epoch.unwrap_or(2);
        check("impute-from-epoch", renew_from, renew_from >= 1, Expected::AtLeast(1))?;
        self.sampler = Some(chosen);
        self.iterations = Some(iterations);
        self.initial_imputations = Some(start);
        self.impute_from_epoch = Some(renew_from);
        let sampler = ChainConfig { sampler, iterations };
        Ok(ImputationTraining { objective, start, renew_from, sampler })
    }
}
