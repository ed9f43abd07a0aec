//! How gradients are estimated, resolved and checked.

use missvae::objective::{Bound, Estimator, LogitGradient, Method, ObjectiveConfig};

use super::{EstimatorOption, PathwiseOption, TrainOptions};
use crate::failure::{Failure, Result};

impl TrainOptions {
    /// Settles the objective of a finite mixture; fills in the options that say so.
    pub(super) fn settle_finite(
        &mut self,
        method: Method,
        bound: Bound,
        components: usize,
        samples: usize,
        importance_samples: usize,
    ) -> Result<ObjectiveConfig> {
        let estimator = self.estimator.unwrap_or(EstimatorOption::Stl);
        let pathwise = self.pathwise.unwrap_or(PathwiseOption::Implicit);
        let mut objective = ObjectiveConfig {
            bound,
            components,
            samples,
            importance_samples,
            estimator: estimator.into(),
            pathwise: pathwise.into(),
            logit_gradient: LogitGradient::Implicit,
        };
        let logit_gradient = self.logit_gradient.unwrap_or_else(|| objective.default_logit_gradient().into());
        objective.logit_gradient = logit_gradient.into();
        if !objective.ancestral() && (self.pathwise == Some(PathwiseOption::Responsibility)) {
            let what = format!("--pathwise responsibility: {} with {components} components", method.name);
            return Err(Failure::usage_hint(
                format!("{what} draws no ancestral samples"),
                "it applies to miss-vae and miss-iwae with at least 2 components",
            ));
        }
        objective.check().map_err(missvae::Error::from)?;
        self.estimator = Some(estimator);
        self.pathwise = Some(pathwise);
        self.logit_gradient = Some(logit_gradient);
        Ok(objective)
    }

    /// The estimator of an imputation mixture; refuses what only finite mixtures have.
    pub(super) fn settle_completed(&mut self, method: &str) -> Result<Estimator> {
        let given = [
            ("importance-samples", self.importance_samples.is_some_and(|n| n != 1)),
            ("pathwise", self.pathwise.is_some()),
            ("logit-gradient", self.logit_gradient.is_some()),
        ];
        if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
            let what = format!("--{option}: {method} has neither importance samples nor ancestral ones");
            return Err(Failure::usage_hint(what, "leave it out, or choose a method with a finite mixture"));
        }
        let estimator = self.estimator.unwrap_or(EstimatorOption::Stl);
        self.estimator = Some(estimator);
        Ok(estimator.into())
    }
}
