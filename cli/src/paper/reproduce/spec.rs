//! A run of an experiment, as the experiment defines it.

use missvae::config::Options;
use missvae::objective::Method;

use super::imputations::Imputations;

/// A run of an experiment.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) panel: &'static str,
    /// Which of the source's tables it is fitted to.
    pub(super) table: usize,
    pub(super) method: Method,
    /// K, or the number of samples of a method with a single component.
    pub(super) components: usize,
    pub(super) imputations: Imputations,
    pub(super) seed: u64,
    /// The experiment's options of training.
    pub(super) training: Options,
}

impl Spec {
    /// Share of the cells, or number of the quadrants, that are hidden before training.
    pub(super) fn hidden(&self) -> Option<f64> {
        self.training.hide.or(self.training.hide_quadrants.map(|quadrants| quadrants as f64))
    }

    /// Prefix of its name, where runs on several tables share a directory.
    pub(super) fn prefix(&self) -> String {
        self.hidden().map_or(String::new(), |hidden| format!("{}-{hidden}-", self.panel))
    }
}

/// The default sampler of a method's imputations: the preset's, if the method keeps imputations.
pub(super) fn imputations_of(method: &Method) -> Imputations {
    if method.bound().is_some() { Imputations::None } else { Imputations::Lair }
}

/// The name of a budget of samples in figures: K, or, of a method with one component, the number of samples outside of
/// the logarithm (Z) or inside (I).
pub(super) fn budget_label(method: &Method, budget: usize) -> String {
    if !method.single() {
        return format!("*K* = {budget}");
    }
    let (samples, importance_samples) = method.default_samples(1, budget);
    if importance_samples > samples { format!("*I* = {importance_samples}") } else { format!("*Z* = {samples}") }
}
