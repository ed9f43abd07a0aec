//! What the distributions of all rows with the same missing columns have in common.

use super::super::conditional::rotate_to_lower;
use super::super::{GaussianMixture, Marginals};
use super::{Family, Interpolation};

/// The part of an interpolated conditional that does not depend on the observed values: the conditional covariances of
/// Gaussians do not.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// D: the observed columns, then the missing ones.
    pub(super) order: Vec<usize>,
    /// How many are observed.
    pub(super) observed: usize,
    /// C × D × D: the truth's Cholesky factors, columns in this order.
    factors: Vec<f64>,
    /// C × M × M: the Cholesky factors of the interpolated covariances of the missing columns, with positive diagonals.
    covariance_factors: Vec<f64>,
}

impl Pattern {
    pub(super) fn new(
        truth: &GaussianMixture,
        marginals: &Marginals,
        interpolation: &Interpolation,
        observed: &[bool],
    ) -> Self {
        let columns = truth.columns();
        let (mut order, missing): (Vec<usize>, Vec<usize>) = (0..columns).partition(|&d| observed[d]);
        let observed = order.len();
        order.extend(&missing);
        let mut factors = Vec::with_capacity(truth.components() * columns * columns);
        let mut covariance_factors = Vec::with_capacity(truth.components() * missing.len() * missing.len());
        for c in 0..truth.components() {
            let factor = truth.ordered_factor(c, &order);
            let entry = |family: Family, i: usize, j: usize| match family {
                Family::Conditional | Family::Oversampled => factor[(observed + i) * columns + observed + j],
                _ if i != j => 0.0,
                Family::Independent => truth.covariances()[(c * columns + missing[i]) * columns + missing[i]].sqrt(),
                Family::IndependentGaussian => marginals.standard_deviations[missing[i]],
            };
            covariance_factors.extend(interpolated(interpolation, missing.len(), entry));
            factors.extend(factor);
        }
        Pattern { order, observed, factors, covariance_factors }
    }

    /// The factor of component `c` in the pattern's order: D × D.
    pub(super) fn factor(&self, c: usize, columns: usize) -> &[f64] {
        &self.factors[c * columns * columns..][..columns * columns]
    }

    /// M × M.
    #[track_caller]
    pub(super) fn covariance_factor(&self, c: usize) -> &[f64] {
        let entries = (self.order.len() - self.observed).pow(2);
        &self.covariance_factors[c * entries..][..entries]
    }
}

/// The Cholesky factor, M × M, of α·A·Aᵀ + (1−α)·B·Bᵀ, whose roots *A* and *B* have the entries that `entry` gives.
///
/// It is found by rotating (√α·A | √(1−α)·B) to a lower triangle: nothing is squared, and nothing can break down.
fn interpolated(
    &Interpolation { first, second, alpha }: &Interpolation,
    missing: usize,
    entry: impl Fn(Family, usize, usize) -> f64,
) -> Vec<f64> {
    let mut both = vec![0.0; 2 * missing * missing];
    for i in 0..missing {
        let (left, right) = both[2 * i * missing..2 * (i + 1) * missing].split_at_mut(missing);
        for j in 0..missing {
            left[j] = alpha.sqrt() * entry(first, i, j);
            right[j] = (1.0 - alpha).sqrt() * entry(second, i, j);
        }
    }
    if missing > 0 {
        rotate_to_lower(&mut both, 2 * missing);
    }
    let mut out: Vec<f64> = both.chunks_exact((2 * missing).max(1)).flat_map(|row| &row[..missing]).copied().collect();
    // Columns may be mirrored, so that the diagonal is a Cholesky factor's.
    for j in 0..missing {
        if out[j * missing + j] < 0.0 {
            out.iter_mut().skip(j).step_by(missing).for_each(|entry| *entry = -*entry);
        }
    }
    out
}
