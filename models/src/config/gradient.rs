//! How gradients are estimated, resolved and checked.

use super::choices::PathwiseOption;
use super::error::{Error, Result};
use super::options::Options;
use crate::objective::{Bound, Estimator, Method, ObjectiveConfig};

impl Options {
    /// Resolves the objective of a finite mixture, and fills in its options.
    pub(super) fn resolve_finite(
        &mut self,
        method: Method,
        bound: Bound,
        components: usize,
        samples: usize,
        importance_samples: usize,
    ) -> Result<ObjectiveConfig> {
        let estimator = self.estimator.unwrap_or(Estimator::Stl);
        let pathwise = self.pathwise.unwrap_or(PathwiseOption::Implicit);
        let mut objective = ObjectiveConfig {
            samples,
            importance_samples,
            estimator,
            pathwise: pathwise.into(),
            ..ObjectiveConfig::new(bound, components)
        };
        let logit_gradient = self.logit_gradient.unwrap_or_else(|| objective.default_logit_gradient());
        objective.logit_gradient = logit_gradient;
        if !objective.ancestral() && (self.pathwise == Some(PathwiseOption::Responsibility)) {
            return Err(Error::NoAncestralSamples { method: method.name, components });
        }
        objective.check()?;
        self.estimator = Some(estimator);
        self.pathwise = Some(pathwise);
        self.logit_gradient = Some(logit_gradient);
        Ok(objective)
    }

    /// The estimator of an imputation mixture; refuses what only finite mixtures have.
    pub(super) fn resolve_completed(&mut self, method: &'static str) -> Result<Estimator> {
        let given = [
            ("importance-samples", self.importance_samples.is_some_and(|n| n != 1)),
            ("pathwise", self.pathwise.is_some()),
            ("logit-gradient", self.logit_gradient.is_some()),
        ];
        if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(Error::OnlyFiniteMixtures { option, method });
        }
        let estimator = self.estimator.unwrap_or(Estimator::Stl);
        self.estimator = Some(estimator);
        Ok(estimator)
    }
}
