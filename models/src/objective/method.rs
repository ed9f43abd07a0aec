//! The methods of the paper as values: bound × mixture sampling × estimator.

use std::fmt;
use std::str::FromStr;

use autodiff::ops::Pathwise;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::invalid::{InvalidConfig, Requirement};
use crate::words::Short;

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

/// A lower bound that is computed on completed rows; the two of section 4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompletedBound {
    /// L_CVI, eq. 10: the missing cells are marginalised out, and q is the mixture over the imputations.
    Cvi,
    /// L_LMVB, eq. 12: the complete-data ELBO, averaged over the imputations.
    Lmvb,
}

/// The kind of a method: its mixture, and what it maximises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The encoder turns an incomplete row into a finite mixture of Gaussians (section 4.1).
    FiniteMixture {
        /// The bound.
        bound: Bound,
        /// Whether it is a single Gaussian (K = 1).
        single: bool,
    },
    /// The encoder turns each completed version of a row into a Gaussian; their mixture is the posterior (section 4.2).
    ImputationMixture {
        /// What the decoder's parameters maximise.
        decoder: CompletedBound,
        /// What the encoder's parameters maximise.
        encoder: CompletedBound,
    },
}

/// A method: its names, its mixture, and what it maximises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Name on the command line.
    pub name: &'static str,
    /// Name in the paper.
    pub title: &'static str,
    /// Its mixture, and what it maximises.
    pub family: Family,
}

/// The methods of the paper, and those that they extend or are compared with. To add one, add a line.
pub const METHODS: [Method; 10] = [
    finite("mvae", "MVAE", Bound::Elbo, true),
    finite("miss-vae", "MissVAE", Bound::Elbo, false),
    Method::MISS_SVAE,
    Method::MIWAE,
    finite("miss-iwae", "MissIWAE", Bound::Iwelbo, false),
    Method::MISS_SIWAE,
    finite("miss-siwae-loose", "MissSIWAE (looser)", Bound::SiwelboLoose, false),
    imputed("demiss-vae", "DeMissVAE", CompletedBound::Cvi, CompletedBound::Lmvb),
    imputed("cvi-vae", "CVI-VAE", CompletedBound::Cvi, CompletedBound::Cvi),
    imputed("mvb-vae", "MVB-VAE", CompletedBound::Lmvb, CompletedBound::Lmvb),
];

const fn finite(name: &'static str, title: &'static str, bound: Bound, single: bool) -> Method {
    Method { name, title, family: Family::FiniteMixture { bound, single } }
}

const fn imputed(name: &'static str, title: &'static str, decoder: CompletedBound, encoder: CompletedBound) -> Method {
    Method { name, title, family: Family::ImputationMixture { decoder, encoder } }
}

/// The methods with finite mixtures, and their bounds.
pub fn finite_mixtures() -> impl Iterator<Item = (Method, Bound)> {
    METHODS.into_iter().filter_map(|method| Some((method, method.bound()?)))
}

/// No method has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("method {}: expected one of {}", Short(name), METHODS.map(|method| method.name).join(", "))]
pub struct UnknownMethod {
    /// The name.
    pub name: String,
}

impl Method {
    /// The default of the presets and for images.
    pub const MISS_SVAE: Method = finite("miss-svae", "MissSVAE", Bound::Selbo, false);
    /// The default for narrow tables.
    pub const MISS_SIWAE: Method = finite("miss-siwae", "MissSIWAE", Bound::Siwelbo, false);
    /// The default for wide tables.
    pub const MIWAE: Method = finite("miwae", "MIWAE", Bound::Iwelbo, true);

    /// The method of this name.
    pub fn named(name: &str) -> Option<Method> {
        METHODS.into_iter().find(|method| method.name == name)
    }

    /// The bound of a method with a finite mixture.
    pub fn bound(self) -> Option<Bound> {
        match self.family {
            Family::FiniteMixture { bound, .. } => Some(bound),
            Family::ImputationMixture { .. } => None,
        }
    }

    /// Whether it keeps imputations of the training rows: the methods of section 4.2.
    pub fn keeps_imputations(self) -> bool {
        matches!(self.family, Family::ImputationMixture { .. })
    }

    /// Whether the encoder's mixture has one component whatever is asked for.
    pub fn single(self) -> bool {
        matches!(self.family, Family::FiniteMixture { single: true, .. })
    }

    /// The paper's numbers of samples (Z, I) for K components (its table 3, with a budget of `budget` for K = 1).
    pub fn default_samples(self, components: usize, budget: usize) -> (usize, usize) {
        match self.bound() {
            Some(Bound::Elbo) if self.single() => (budget, 1),
            Some(Bound::Elbo) => (components, 1),
            Some(Bound::Iwelbo) if self.single() => (1, budget),
            Some(Bound::Iwelbo) => (1, components),
            Some(Bound::Selbo | Bound::Siwelbo | Bound::SiwelboLoose) | None => (1, 1),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Method, UnknownMethod> {
        Method::named(name).ok_or_else(|| UnknownMethod { name: name.to_owned() })
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// How the gradient of a bound is estimated (docs/methods.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
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
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum LogitGradient {
    /// Implicit reparametrisation with the components detached.
    Implicit,
    /// A score-function gradient whose baseline is the mean of the other samples (miss-vae with Z ≥ 2).
    LeaveOneOut,
}

/// Everything that determines the objective of a finite mixture beside the model.
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

impl ObjectiveConfig {
    /// A bound with one sample (Z = I = 1) of each of K components, or of their mixture; `stl` gradients, implicit through
    /// samples.
    pub const fn new(bound: Bound, components: usize) -> Self {
        ObjectiveConfig {
            bound,
            components,
            samples: 1,
            importance_samples: 1,
            estimator: Estimator::Stl,
            pathwise: Pathwise::Implicit,
            logit_gradient: LogitGradient::Implicit,
        }
    }

    /// Whether samples are drawn from the mixture as a whole (and not from each component).
    pub fn ancestral(&self) -> bool {
        self.components > 1 && !self.bound.stratified()
    }

    /// Whether logits can have leave-one-out gradients: in the ELBO of ancestral samples, of which there are several.
    pub fn allows_leave_one_out(&self) -> bool {
        self.ancestral() && self.bound == Bound::Elbo && self.samples >= 2
    }

    /// The gradient of the logits that goes with that of means and scales where nothing else is asked for:
    /// leave-one-out beside responsibilities as far as it applies, implicit otherwise.
    pub fn default_logit_gradient(&self) -> LogitGradient {
        match self.pathwise {
            Pathwise::Responsibility if self.allows_leave_one_out() => LogitGradient::LeaveOneOut,
            _ => LogitGradient::Implicit,
        }
    }

    /// Importance samples of one row in one of the Z repetitions: I, or K·I.
    pub fn samples_per_row(&self) -> usize {
        let each = if self.ancestral() { 1 } else { self.components };
        self.samples * self.importance_samples * each
    }

    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// The first option that does not fit the others.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        InvalidConfig::check_positive(&[
            ("components", self.components),
            ("samples", self.samples),
            ("importance-samples", self.importance_samples),
        ])?;
        let fail = |option, value: &dyn fmt::Display, requirement| Err(InvalidConfig::new(option, value, requirement));
        if self.importance_samples > 1 && !self.bound.importance_weighted() {
            return fail("importance-samples", &self.importance_samples, Requirement::ImportanceWeightedMethod);
        }
        if self.estimator == Estimator::Dreg && !matches!(self.bound, Bound::Iwelbo | Bound::Siwelbo) {
            return fail("estimator", &"dreg", Requirement::ImportanceWeightedBound);
        }
        if self.logit_gradient == LogitGradient::LeaveOneOut && !self.allows_leave_one_out() {
            return fail("logit-gradient", &"leave-one-out", Requirement::SeveralSamplesOfMissVae);
        }
        Ok(())
    }
}

/// Everything that determines the objectives of an imputation mixture beside the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompletedObjectiveConfig {
    /// What the decoder's parameters maximise.
    pub decoder: CompletedBound,
    /// What the encoder's parameters maximise.
    pub encoder: CompletedBound,
    /// K, imputations of each row.
    pub imputations: usize,
    /// Z, samples of the latent variables for each imputation.
    pub samples: usize,
    /// Gradient estimator.
    pub estimator: Estimator,
}

impl CompletedObjectiveConfig {
    /// Samples of the latent variables for one row: Z·K.
    pub fn samples_per_row(&self) -> usize {
        self.samples * self.imputations
    }

    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// The first option that does not fit the others.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        InvalidConfig::check_positive(&[("components", self.imputations), ("samples", self.samples)])?;
        if self.estimator == Estimator::Dreg {
            return Err(InvalidConfig::new("estimator", "dreg", Requirement::ImportanceWeightedBound));
        }
        Ok(())
    }
}
