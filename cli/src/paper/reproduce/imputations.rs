//! The samplers that update the imputations of a run.

use samplers::chains::Impute;
use samplers::gaussian_mixture::GaussianMixture;
use samplers::gaussian_mixture::oracle::{Family, Interpolation, Oracle};
use samplers::rejection::{Rejection, RejectionConfig};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};

/// A sampler of imputations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Imputations {
    /// The method has no imputations.
    None,
    /// By the training options.
    Lair,
    /// By the training options.
    PseudoGibbs,
    /// Exact draws from the model's p(x_mis|x_obs).
    Rejection(RejectionConfig),
    /// Draws that do not depend on the model.
    Oracle(Interpolation),
}

/// A family's name in files.
pub(super) fn family_name(family: Family) -> &'static str {
    match family {
        Family::Conditional => "conditional",
        Family::Independent => "independent",
        Family::IndependentGaussian => "gaussian",
        Family::Oversampled => "oversampled",
    }
}

/// The same distribution with one name: at an end, the family itself.
fn plain(interpolation: Interpolation) -> Interpolation {
    match interpolation {
        Interpolation { first, alpha: 1.0, .. } => first.into(),
        Interpolation { second, alpha: 0.0, .. } => second.into(),
        between => between,
    }
}

impl Imputations {
    /// Name in files.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Imputations::None => "none",
            Imputations::Lair => "lair",
            Imputations::PseudoGibbs => "pseudo-gibbs",
            Imputations::Rejection(_) => "rejection",
            Imputations::Oracle(_) => "oracle",
        }
    }

    /// A part of a directory's name.
    pub(super) fn slug(&self) -> String {
        match self.interpolation().map(plain) {
            None => self.name().to_owned(),
            Some(Interpolation { first, alpha: 1.0, .. }) => family_name(first).to_owned(),
            Some(Interpolation { first, second, alpha }) => {
                // Shortened: what tells directories apart for sure is the hash.
                let alpha = format!("{alpha:.3}");
                format!("{}-{}-{}", family_name(first), family_name(second), alpha.trim_end_matches('0'))
            }
        }
    }

    pub(super) fn interpolation(&self) -> Option<Interpolation> {
        match self {
            Imputations::Oracle(interpolation) => Some(*interpolation),
            _ => None,
        }
    }

    /// Whether imputations are drawn from the distribution that made the data.
    pub(super) fn needs_truth(&self) -> bool {
        self.interpolation().is_some()
    }

    /// The entry in `recipe.json` of a sampler that the training options do not describe.
    pub(super) fn recipe(&self) -> Option<Value> {
        match self {
            Imputations::None | Imputations::Lair | Imputations::PseudoGibbs => None,
            Imputations::Rejection(RejectionConfig { cells, pools }) => {
                Some(json!({"imputations": "rejection", "cells": cells, "pools": pools}))
            }
            Imputations::Oracle(interpolation) => {
                let Interpolation { first, second, alpha } = plain(*interpolation);
                let [first, second] = [first, second].map(family_name);
                Some(json!({"imputations": "oracle", "first": first, "second": second, "alpha": alpha}))
            }
        }
    }

    /// The sampler, if the training options do not describe it.
    pub(super) fn sampler(&self, truth: Option<&GaussianMixture>) -> Result<Option<Box<dyn Impute<f32>>>> {
        Ok(match self {
            Imputations::None | Imputations::Lair | Imputations::PseudoGibbs => None,
            Imputations::Rejection(config) => Some(Box::new(Rejection::new(*config))),
            Imputations::Oracle(interpolation) => Some(Box::new(oracle(truth, *interpolation)?)),
        })
    }
}

/// The distribution that an interpolation derives from the truth.
pub(super) fn oracle(truth: Option<&GaussianMixture>, interpolation: Interpolation) -> Result<Oracle> {
    let truth = truth.ok_or_else(|| Failure::usage("the distribution that made the data is not known"))?;
    Oracle::new(truth.clone(), plain(interpolation)).map_err(|error| Failure::Failed(error.to_string()))
}
