//! Imputations from a known mixture: from p(x_mis|x_obs) itself, or from a distribution on the way to one that is wrong.
//!
//! - [`Family`], [`Interpolation`]: which distribution;
//! - [`Oracle`]: that distribution for each row, and a sampler of imputations that draws from it and never looks at the
//!   model;
//! - [`divergence`]: how far two such distributions are apart.
//!
//! All distributions of one oracle have as many components as the truth, so they can be interpolated component by component.
//! What is interpolated are the **parameters**, weights, means and covariances, as in the published code, and not the
//! densities. Source: paper, appendix C and figure 5.

pub mod divergence;
mod family;
mod pattern;

pub use family::{Family, Interpolation};

use std::collections::BTreeMap;

use autodiff::Tape;
use linalg::Scalar;
use linalg::reduce::log_softmax;
use linalg::special::{exp, ln};
use rand::Rng;
use thiserror::Error;

use self::pattern::Pattern;
use super::{GaussianMixture, Marginals, dot, whiten};
use crate::chains::{ChainDiagnostics, Impute, Rows};
use crate::draw::{category, standard_normal};
use crate::model::{LatentModel, LogSum};

/// An interpolation that is none.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("the weight of an interpolation is from 0 to 1; got {alpha}")]
pub struct OutsideInterval {
    /// α.
    pub alpha: f64,
}

/// A distribution of the missing columns of any row, given its observed ones.
///
/// What depends on the missing columns only is computed once for each set of them, and kept.
#[derive(Clone, Debug)]
pub struct Oracle {
    truth: GaussianMixture,
    interpolation: Interpolation,
    marginals: Marginals,
    /// By mask: whether each column is observed.
    patterns: BTreeMap<Vec<bool>, Pattern>,
    buffers: Buffers,
}

/// Working memory of a row.
#[derive(Clone, Debug, Default)]
struct Buffers {
    mask: Vec<bool>,
    x: Vec<f64>,
    draw: Vec<f64>,
    /// C: ln p(c|x_obs) without and with its normaliser.
    joint: Vec<f64>,
    posterior: Vec<f64>,
    /// One for each observed column.
    whitened: Vec<f64>,
    /// C and C × M: the parameters.
    log_weights: Vec<f64>,
    means: Vec<f64>,
}

/// The distribution of the M missing columns of one row.
#[derive(Clone, Copy, Debug)]
pub struct RowMixture<'a> {
    pattern: &'a Pattern,
    log_weights: &'a [f64],
    /// C × M.
    means: &'a [f64],
}

impl Oracle {
    /// The distribution that `interpolation` makes of `truth`.
    ///
    /// # Errors
    /// If α is not from 0 to 1.
    pub fn new(truth: GaussianMixture, interpolation: impl Into<Interpolation>) -> Result<Self, OutsideInterval> {
        let interpolation = interpolation.into();
        let Interpolation { alpha, .. } = interpolation;
        if !(0.0..=1.0).contains(&alpha) {
            return Err(OutsideInterval { alpha });
        }
        let marginals = truth.marginals();
        Ok(Oracle { truth, interpolation, marginals, patterns: BTreeMap::new(), buffers: Buffers::default() })
    }

    /// The distribution of a row's missing columns. If an observed value is not finite, its log weights are NaN.
    ///
    /// *x*, *observed*: D; `x` is not read where it is not observed.
    ///
    /// # Panics
    /// If `x` or `observed` does not have D elements.
    #[track_caller]
    pub fn row(&mut self, x: &[f64], observed: &[bool]) -> RowMixture<'_> {
        let columns = self.truth.columns();
        assert_eq!((x.len(), observed.len()), (columns, columns), "lengths of a row and its mask, and of the columns");
        if !self.patterns.contains_key(observed) {
            let pattern = Pattern::new(&self.truth, &self.marginals, &self.interpolation, observed);
            self.patterns.insert(observed.to_vec(), pattern);
        }
        let pattern = &self.patterns[observed];
        self.buffers.fill(&self.truth, &self.marginals, &self.interpolation, pattern, x);
        RowMixture { pattern, log_weights: &self.buffers.log_weights, means: &self.buffers.means }
    }
}

impl Buffers {
    /// Computes the weights and means of a row.
    fn fill(
        &mut self,
        truth: &GaussianMixture,
        marginals: &Marginals,
        &Interpolation { first, second, alpha }: &Interpolation,
        pattern: &Pattern,
        x: &[f64],
    ) {
        let (columns, components) = (truth.columns(), truth.components());
        let (seen, missing) = pattern.order.split_at(pattern.observed);
        self.joint.clear();
        self.means.clear();
        for c in 0..components {
            let factor = pattern.factor(c, columns);
            self.whitened.clear();
            self.whitened.extend(seen.iter().map(|&d| x[d] - truth.mean(c)[d]));
            self.joint.push(truth.log_weights[c] + whiten(factor, columns, &mut self.whitened));
            for (i, &d) in missing.iter().enumerate() {
                let below = &factor[(seen.len() + i) * columns..][..seen.len()];
                let mean = |family: Family| match family {
                    Family::Conditional | Family::Oversampled => truth.mean(c)[d] + dot(below, &self.whitened),
                    Family::Independent => truth.mean(c)[d],
                    Family::IndependentGaussian => marginals.means[d],
                };
                self.means.push(between(alpha, mean(first), mean(second)));
            }
        }
        self.posterior.resize(components, 0.0);
        log_softmax(&self.joint, &mut self.posterior);
        self.log_weights.clear();
        for c in 0..components {
            let log_weight = |family: Family| match family {
                Family::Conditional => self.posterior[c],
                Family::Independent | Family::IndependentGaussian => truth.log_weights[c],
                Family::Oversampled => -ln(components as f64),
            };
            let log_weight = match (log_weight(first), log_weight(second)) {
                (first, _) if alpha == 1.0 => first,
                (_, second) if alpha == 0.0 => second,
                (first, second) => ln(between(alpha, exp(first), exp(second))),
            };
            self.log_weights.push(log_weight);
        }
    }
}

/// α·first + (1−α)·second, exactly one of them at the ends.
fn between(alpha: f64, first: f64, second: f64) -> f64 {
    if alpha == 1.0 {
        first
    } else if alpha == 0.0 {
        second
    } else {
        alpha * first + (1.0 - alpha) * second
    }
}

impl RowMixture<'_> {
    /// The missing columns, ascending: what the numbers of a draw belong to.
    pub fn missing(&self) -> &[usize] {
        &self.pattern.order[self.pattern.observed..]
    }

    /// C: the log weights.
    pub fn log_weights(&self) -> &[f64] {
        self.log_weights
    }

    /// C × M: the means.
    pub fn means(&self) -> &[f64] {
        self.means
    }

    /// M × M: the Cholesky factor of the covariance of component `c`.
    ///
    /// # Panics
    /// If there is no such component.
    #[track_caller]
    pub fn covariance_factor(&self, c: usize) -> &[f64] {
        self.pattern.covariance_factor(c)
    }

    /// log density in nats, 0 if no column is missing; *x* and *scratch*: M. Nothing is allocated.
    ///
    /// # Panics
    /// If `x` or `scratch` does not have M elements.
    #[track_caller]
    pub fn log_density(&self, x: &[f64], scratch: &mut [f64]) -> f64 {
        let missing = self.missing().len();
        assert_eq!((x.len(), scratch.len()), (missing, missing), "lengths of a point and of the missing columns");
        if missing == 0 {
            return 0.0;
        }
        let mut total = LogSum::default();
        for (c, &log_weight) in self.log_weights.iter().enumerate() {
            for ((y, x), mean) in scratch.iter_mut().zip(x).zip(&self.means[c * missing..]) {
                *y = x - mean;
            }
            total.push(log_weight + whiten(self.covariance_factor(c), missing, scratch));
        }
        total.value()
    }

    /// A draw, M: one uniform for the component and M normals. `None` if the weights are not numbers.
    ///
    /// # Panics
    /// If `out` does not have M elements.
    #[track_caller]
    pub fn draw(&self, rng: &mut impl Rng, out: &mut [f64]) -> Option<()> {
        let missing = self.missing().len();
        assert_eq!(out.len(), missing, "lengths of a draw and of the missing columns");
        let c = category(rng, self.log_weights)?;
        out.iter_mut().for_each(|normal| *normal = standard_normal(rng));
        // From the last on: each takes the normals up to its own.
        for i in (0..missing).rev() {
            let row = &self.covariance_factor(c)[i * missing..][..=i];
            out[i] = self.means[c * missing + i] + dot(row, &out[..=i]);
        }
        Some(())
    }
}

impl<T: Scalar> Impute<T> for Oracle {
    /// Draws each row's missing cells afresh; what they were, and the model, are not looked at. A row with no observed cell
    /// is drawn from the same distribution, given nothing.
    #[track_caller]
    fn update(&mut self, model: &dyn LatentModel<T>, _: &mut Tape<T>, rows: Rows<'_, T>) -> ChainDiagnostics {
        let columns = self.truth.columns();
        assert_eq!(model.columns(), columns, "columns of the model and of the known mixture");
        rows.check(columns, 0);
        let mut diagnostics = ChainDiagnostics::default();
        let Buffers { mut mask, mut x, mut draw, .. } = std::mem::take(&mut self.buffers);
        for n in 0..rows.streams.len() {
            mask.clear();
            mask.extend(rows.mask_of(n).iter().map(|&m| m > T::ZERO));
            if mask.iter().all(|&observed| observed) {
                continue;
            }
            let versions = &mut rows.completed[n * rows.copies * columns..][..rows.copies * columns];
            x.clear();
            x.extend(versions[..columns].iter().map(|x| x.to_f64()));
            let mixture = self.row(&x, &mask);
            draw.resize(mixture.missing().len(), 0.0);
            for version in versions.chunks_exact_mut(columns) {
                if mixture.draw(&mut rows.streams[n], &mut draw).is_none() {
                    draw.fill(f64::NAN);
                }
                for (&d, &value) in mixture.missing().iter().zip(&draw) {
                    let value = T::from_f64(value);
                    match value.is_finite() {
                        true => version[d] = value,
                        false => diagnostics.replaced += 1,
                    }
                }
            }
        }
        self.buffers = Buffers { mask, x, draw, ..std::mem::take(&mut self.buffers) };
        diagnostics
    }
}

#[cfg(test)]
mod tests;
