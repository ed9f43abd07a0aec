//! Operations on mixtures of diagonal Gaussians: parameters, log density, samples and their pathwise gradients.
//!
//! In the order in which an encoder meets them: [`MixtureParameters`] makes natural parameters of a network's output;
//! [`StratifiedSample`] and [`AncestralSample`] carry gradients through samples; [`MixtureLogDensity`] scores them;
//! [`DetachComponents`] and [`MixtureLogWeights`] serve the estimators and the stratified bounds.

mod ancestral;
mod columns;
#[cfg(test)]
mod continuity;
mod implicit;
mod log_density;
mod parameters;
mod stratified;
mod table;
#[cfg(test)]
mod testing;

pub use ancestral::{AncestralSample, Pathwise};
pub use columns::{DetachComponents, MixtureLogWeights};
pub use log_density::MixtureLogDensity;
pub use parameters::MixtureParameters;
pub use stratified::StratifiedSample;

use std::ops::Range;

use crate::Shape;

/// Sizes of a mixture of diagonal Gaussians, and with them the layouts of its rows.
///
/// - A *head* row, a network's output: K·L means, K·L raw scales, K logits; 2·L without a logit for K = 1.
/// - A *parameter* row: K·L means, K·L scales, K normalised log weights, for every K (the log weight is 0 for K = 1).
///
/// Means and scales are component-major: all L of component 0, then component 1, ….  Source: docs/methods.md §1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mixture {
    /// Number of components, K ≥ 1.
    pub components: usize,
    /// Number of latent dimensions, L ≥ 1.
    pub latent: usize,
}

impl Mixture {
    /// Number of means, and of scales: K·L.
    pub fn moments(&self) -> usize {
        self.components * self.latent
    }

    /// Length of a head row: 2·K·L + K, or 2·L for K = 1.
    pub fn head_len(&self) -> usize {
        2 * self.moments() + if self.components == 1 { 0 } else { self.components }
    }

    /// Length of a parameter row: K·(2·L + 1).
    pub fn params_len(&self) -> usize {
        2 * self.moments() + self.components
    }

    /// A row's means, (raw) scales and log weights or logits.
    #[inline(always)]
    pub fn split<'a, T>(&self, row: &'a [T]) -> (&'a [T], &'a [T], &'a [T]) {
        let (means, rest) = row.split_at(self.moments());
        let (scales, weights) = rest.split_at(self.moments());
        (means, scales, weights)
    }

    /// As [`split`](Mixture::split), to write to.
    #[inline(always)]
    pub fn split_mut<'a, T>(&self, row: &'a mut [T]) -> (&'a mut [T], &'a mut [T], &'a mut [T]) {
        let (means, rest) = row.split_at_mut(self.moments());
        let (scales, weights) = rest.split_at_mut(self.moments());
        (means, scales, weights)
    }

    /// Panics unless `params` is a matrix of parameter rows.
    #[track_caller]
    fn check_params(&self, params: Shape) {
        self.check_sizes();
        let fits = params.rank() == 2 && params.last() == self.params_len();
        assert!(fits, "mixture parameters {params}, for {self:?}: [B × {}] is needed", self.params_len());
    }

    /// Panics unless there is a component and a dimension.
    #[track_caller]
    fn check_sizes(&self) {
        assert!(self.components > 0 && self.latent > 0, "{self:?} needs a component and a dimension");
    }
}

/// Which samples belong to which data row: `outer` groups of `data_rows` × `inner` samples, row-major.
#[derive(Clone, Copy, Debug)]
struct Grouping {
    outer: usize,
    data_rows: usize,
    inner: usize,
}

impl Grouping {
    /// The grouping of `samples` rows. They must be a multiple of `data_rows` × `inner`.
    fn new(samples: usize, data_rows: usize, inner: usize) -> Self {
        Grouping { outer: samples.checked_div(data_rows * inner).unwrap_or(0), data_rows, inner }
    }

    /// Whether the number of samples allows it.
    fn fits(samples: usize, data_rows: usize, inner: usize) -> bool {
        let period = data_rows * inner;
        if period == 0 { samples == 0 } else { samples.is_multiple_of(period) }
    }

    /// The samples of data row `b`, in runs of adjacent ones.
    #[inline(always)]
    fn runs(self, b: usize) -> impl Iterator<Item = Range<usize>> {
        (0..self.outer).map(move |outer| {
            let start = (outer * self.data_rows + b) * self.inner;
            start..start + self.inner
        })
    }
}
