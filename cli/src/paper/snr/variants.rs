//! Methods with their gradient estimators.

use autodiff::ops::Pathwise;
use clap::ValueEnum;
use missvae::config::{Options, PathwiseOption};
use missvae::objective::{Bound, Estimator, LogitGradient, Method, ObjectiveConfig, finite_mixtures};

use super::args::SnrArgs;
use crate::failure::{Failure, Result};
use crate::hints::closest;
use crate::paper::shared::distinct;

/// Components of a mixture by default, as in `train`.
const COMPONENTS: usize = 5;

/// A method with its gradient estimator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) method: Method,
    /// Gradients through ancestral samples, if it has some.
    pub(super) ancestral: Option<(PathwiseOption, LogitGradient)>,
    pub(super) estimator: Estimator,
}

/// An option's value as the user writes it.
pub(super) fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// All requested variants that apply, and a description of those that do not.
pub(super) fn all(args: &SnrArgs) -> Result<(Vec<Variant>, Vec<String>)> {
    let mut variants = Vec::new();
    let mut left_out = Vec::new();
    for name in &args.methods {
        let (method, bound) = finite(name)?;
        let components = if method.single() { 1 } else { args.model.components.unwrap_or(COMPONENTS) };
        let (samples, _) = method.default_samples(components, 1);
        let samples = args.model.samples.unwrap_or(samples);
        // Importance samples have no say in what applies.
        let config = |estimator, pathwise| ObjectiveConfig {
            samples: samples.max(1),
            estimator,
            pathwise,
            ..ObjectiveConfig::new(bound, components.max(1))
        };
        for &estimator in &args.estimator {
            if config(estimator, Pathwise::Implicit).check().is_err() {
                left_out.push(format!("{} with {name}", word(estimator)));
                continue;
            }
            if !config(estimator, Pathwise::Implicit).ancestral() {
                variants.push(Variant { method, ancestral: None, estimator });
                continue;
            }
            for &pathwise in &args.pathwise {
                let config = config(estimator, pathwise.into());
                let by_pathwise = config.default_logit_gradient();
                let said = &args.logit_gradient;
                for &logits in if said.is_empty() { std::slice::from_ref(&by_pathwise) } else { said } {
                    if logits == LogitGradient::LeaveOneOut && !config.allows_leave_one_out() {
                        left_out.push(format!("{} with {name}", word(logits)));
                    } else {
                        variants.push(Variant { method, ancestral: Some((pathwise, logits)), estimator });
                    }
                }
            }
        }
    }
    let (variants, left_out) = (distinct(variants), distinct(left_out));
    if variants.is_empty() {
        let what = format!("nothing is left to measure: {} cannot be combined", left_out.join(", "));
        return Err(Failure::usage_hint(
            what,
            "dreg needs an importance-weighted bound, leave-one-out needs miss-vae with several samples",
        ));
    }
    Ok((variants, left_out))
}

/// A method with a finite mixture, by its name.
fn finite(name: &str) -> Result<(Method, Bound)> {
    finite_mixtures().find(|(method, _)| method.name == name).ok_or_else(|| {
        let names: Vec<String> = finite_mixtures().map(|(method, _)| method.name.to_owned()).collect();
        let list = names.join(", ");
        let what = match Method::named(name) {
            Some(_) => {
                format!("--methods {name}: it keeps imputations; snr measures methods with finite mixtures: {list}")
            }
            None => format!("--methods {name}: expected some of {list}"),
        };
        Failure::Usage { what, hint: closest(name, &names).map(|near| format!("did you mean {near}?")) }
    })
}

impl Variant {
    /// The options of its training; `common` are those of all variants.
    pub(super) fn training(&self, common: Options) -> Options {
        Options {
            method: Some(self.method),
            // A single Gaussian beside mixtures is what it is.
            components: common.components.filter(|_| !self.method.single()),
            pathwise: self.ancestral.map(|(pathwise, _)| pathwise),
            logit_gradient: self.ancestral.map(|(_, logits)| logits),
            estimator: Some(self.estimator),
            ..common
        }
    }

    /// Its name in messages, the table and the legend. It has the estimator only where there are `several`.
    pub(super) fn title(&self, several: bool) -> String {
        let mut title = self.method.title.to_owned();
        if let Some((pathwise, logits)) = self.ancestral {
            title += &format!(" {}", word(pathwise));
            // Logits by the implicit form go without saying where all else is by it.
            if (pathwise, logits) != (PathwiseOption::Implicit, LogitGradient::Implicit) {
                title += &format!(" + {}", word(logits));
            }
        }
        if several {
            title += &format!(", {}", word(self.estimator));
        }
        title
    }

    /// Its name in file names.
    pub(super) fn slug(&self) -> String {
        let ancestral =
            self.ancestral.map_or(String::new(), |(pathwise, logits)| format!("-{}-{}", word(pathwise), word(logits)));
        format!("{}{ancestral}-{}", self.method.name, word(self.estimator))
    }
}

/// Whether variants differ in their estimators.
pub(super) fn several_estimators(variants: &[Variant]) -> bool {
    variants.iter().any(|variant| variant.estimator != variants[0].estimator)
}
