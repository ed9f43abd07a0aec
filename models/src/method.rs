//! The methods of the paper as values: bound × mixture sampling × estimator.

use std::fmt;

use autodiff::ops::Pathwise;
use serde::{Deserialize, Serialize};

/// How log weights are combined into a lower bound of log p(x_obs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// ELBO, eq. 4.
    Elbo,
    /// Stratified ELBO, eq. 5.
    Selbo,
    /// Importance-weighted ELBO, eq. 7.
    Iwelbo,
    /// Stratified importance-weighted ELBO, eq. 8.
    Siwelbo,
    /// The looser stratified bound of footnote 7.
    SiwelboLoose,
}

impl Bound {
    /// Whether every component is sampled and its samples weighted by its probability.
    pub fn stratified(self) -> bool {
        matches!(self, Bound::Selbo | Bound::Siwelbo | Bound::SiwelboLoose)
    }

    /// Whether there is a logarithm of an average of importance weights.
    pub fn importance_weighted(self) -> bool {
        matches!(self, Bound::Iwelbo | Bound::Siwelbo | Bound::SiwelboLoose)
    }
}

/// A method: its name on the command line and the bound it maximises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Name on the command line.
    pub name: &'static str,
    /// Name in the paper.
    pub title: &'static str,
    /// The bound.
    pub bound: Bound,
    /// Whether the encoder is a single Gaussian (K = 1).
    pub single: bool,
}

/// The methods with finite mixtures (paper, section 4.1, and the two that they extend). To add one, add a line.
pub const METHODS: [Method; 7] = [
    Method { name: "mvae", title: "MVAE", bound: Bound::Elbo, single: true },
    Method { name: "miss-vae", title: "MissVAE", bound: Bound::Elbo, single: false },
    Method { name: "miss-svae", title: "MissSVAE", bound: Bound::Selbo, single: false },
    Method { name: "miwae", title: "MIWAE", bound: Bound::Iwelbo, single: true },
    Method { name: "miss-iwae", title: "MissIWAE", bound: Bound::Iwelbo, single: false },
    Method { name: "miss-siwae", title: "MissSIWAE", bound: Bound::Siwelbo, single: false },
    Method { name: "miss-siwae-loose", title: "MissSIWAE (looser)", bound: Bound::SiwelboLoose, single: false },
];

impl Method {
    /// The method of this name.
    pub fn named(name: &str) -> Option<Method> {
        METHODS.into_iter().find(|method| method.name == name)
    }

    /// The paper's numbers of samples (Z, I) for K components (its table 3, with a budget of `budget` for K = 1).
    pub fn default_samples(self, components: usize, budget: usize) -> (usize, usize) {
        match self.bound {
            Bound::Elbo if self.single => (budget, 1),
            Bound::Elbo => (components, 1),
            Bound::Iwelbo if self.single => (1, budget),
            Bound::Iwelbo => (1, components),
            Bound::Selbo | Bound::Siwelbo | Bound::SiwelboLoose => (1, 1),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How the gradient of a bound is estimated (METHODS §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// Differentiate everything.
    Plain,
    /// Sticking the landing: the parameters inside log q(z|·) are detached (Roeder et al. 2017).
    Stl,
    /// Doubly reparametrised: as `Stl`, and the gradient that arrives at each sample is multiplied by its normalised
    /// importance weight (Tucker et al. 2018). For eq. 8 with K > 1 it is an extension, biased for the encoder.
    Dreg,
}

/// How the gradient with respect to the mixture's logits is estimated where samples are ancestral.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogitGradient {
    /// Implicit reparametrisation with the components detached.
    Implicit,
    /// A score-function gradient whose baseline is the mean of the other samples (ELBO with Z ≥ 2).
    LeaveOneOut,
}

/// Everything that determines the objective beside the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjectiveConfig {
    /// The bound.
    pub bound: Bound,
    /// K.
    pub components: usize,
    /// Z, samples averaged outside the logarithm.
    pub samples: usize,
    /// I, samples averaged inside it.
    pub importance_samples: usize,
    /// Gradient estimator.
    pub estimator: Estimator,
    /// Gradient through ancestral samples to means and scales.
    pub pathwise: Pathwise,
    /// Gradient through ancestral samples to logits.
    pub logit_gradient: LogitGradient,
}

/// Why a combination of options cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

impl ObjectiveConfig {
    /// Whether samples are drawn from the mixture as a whole (and not from each component).
    pub fn ancestral(&self) -> bool {
        self.components > 1 && !self.bound.stratified()
    }

    /// Importance samples of one row in one of the Z repetitions: I, or K·I.
    pub fn samples_per_row(&self) -> usize {
        let each = if self.ancestral() { 1 } else { self.components };
        self.samples * self.importance_samples * each
    }

    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// Says which do not.
    pub fn check(&self) -> Result<(), Unusable> {
        let fail = |what: &str| Err(Unusable(what.to_owned()));
        if self.components == 0 || self.samples == 0 || self.importance_samples == 0 {
            return fail("components, samples and importance samples must be at least 1");
        }
        if self.importance_samples > 1 && !self.bound.importance_weighted() {
            return fail(
                "this bound has no importance samples: more than one of them needs an importance-weighted method",
            );
        }
        if self.estimator == Estimator::Dreg && !matches!(self.bound, Bound::Iwelbo | Bound::Siwelbo) {
            return fail("the estimator dreg needs an importance-weighted bound (miwae, miss-iwae, miss-siwae)");
        }
        let leave_one_out = self.ancestral() && self.bound == Bound::Elbo && self.samples >= 2;
        if self.logit_gradient == LogitGradient::LeaveOneOut && !leave_one_out {
            return fail("the leave-one-out logit gradient needs miss-vae with at least 2 samples");
        }
        Ok(())
    }
}
