//! Mixtures of Gaussians with full covariances: the density, samples and conditionals of a known truth.
//!
//! This is what models are compared with, so everything is in double precision and in closed form:
//! - [`GaussianMixture`]: parameters, joint density, samples, marginal moments;
//! - [`conditional`]: the marginal of the observed columns and the [`Conditional`] of the missing ones;
//! - [`generator`]: random mixtures as in the experiments;
//! - [`oracle`]: imputations from the conditional, and from distributions that are wrong by a known amount.
//!
//! Matrices are row-major. Source: paper, section 6.1 and appendix E.1.

pub mod conditional;
pub mod generator;
pub mod oracle;

use linalg::factor::{self, cholesky};
use linalg::reduce::log_sum_exp;
use linalg::special::{HALF_LN_TWO_PI, ln};
use rand::Rng;
use thiserror::Error;

pub use conditional::Conditional;

use crate::draw::{category, standard_normal};

/// How far the sum of the weights may be from 1, and a covariance from symmetry (in units of σᵢσⱼ): parameters that
/// went through single precision pass.
const ROUNDING: f64 = 1e-6;

/// Parameters that do not describe a mixture of Gaussians. Components, rows and columns are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum Error {
    /// There is nothing to mix, or nothing to describe.
    #[error("a mixture needs at least one component and one column; got {components} components and {columns} columns")]
    Empty {
        /// C, the number of weights.
        components: usize,
        /// D.
        columns: usize,
    },
    /// The means or covariances do not fit the number of weights and columns.
    #[error("{what} have {found} numbers; {components} components in {columns} columns take {expected}")]
    WrongLength {
        /// "means" or "covariances".
        what: &'static str,
        /// Numbers given.
        found: usize,
        /// Numbers that fit.
        expected: usize,
        /// C, the number of weights.
        components: usize,
        /// D.
        columns: usize,
    },
    /// A weight is negative or not a number.
    #[error("weights are not a distribution: component {component} has weight {weight}")]
    WrongWeight {
        /// The component.
        component: usize,
        /// Its weight.
        weight: f64,
    },
    /// The weights do not sum to 1 to within rounding in single precision.
    #[error("weights are not a distribution: their sum is {sum}, expected 1")]
    WrongTotal {
        /// Σ π_c.
        sum: f64,
    },
    /// A mean is infinite or not a number.
    #[error("mean of component {component} is not finite in column {column}")]
    MeanNotFinite {
        /// The component.
        component: usize,
        /// The column.
        column: usize,
    },
    /// A covariance differs from its transpose by more than rounding in single precision.
    #[error("covariance of component {component} is not symmetric: entries ({row}, {column}) and ({column}, {row})")]
    NotSymmetric {
        /// The component.
        component: usize,
        /// Row of the entry below the diagonal.
        row: usize,
        /// Column of the entry below the diagonal.
        column: usize,
    },
    /// A covariance has no Cholesky factor.
    #[error("covariance of component {component} is not positive definite")]
    NotPositiveDefinite {
        /// The component.
        component: usize,
        /// Where its factorisation broke down.
        source: factor::NotPositiveDefinite,
    },
}

/// The mixture Σ_c π_c N(x; μ_c, Σ_c) of C Gaussians over D columns.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianMixture {
    columns: usize,
    weights: Vec<f64>,
    log_weights: Vec<f64>,
    means: Vec<f64>,
    covariances: Vec<f64>,
    /// C × D × D: the Cholesky factors L_c of the covariances.
    factors: Vec<f64>,
}

/// Mean and standard deviation of every column of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct Marginals {
    /// D: E\[x_d\].
    pub means: Vec<f64>,
    /// D: the square root of Var\[x_d\].
    pub standard_deviations: Vec<f64>,
}

impl GaussianMixture {
    /// The mixture with these parameters.
    ///
    /// *weights*: C, summing to 1 to within 1e-6 (they are then normalised; a zero weight is allowed); *means*: C × D;
    /// *covariances*: C × D × D, symmetric to within 1e-6 σᵢσⱼ (the lower triangle counts). D is `columns`.
    ///
    /// # Errors
    /// If the lengths do not fit, the weights are not a distribution, a mean is not finite, or a covariance is not
    /// symmetric positive definite to working precision.
    pub fn new(
        columns: usize,
        mut weights: Vec<f64>,
        means: Vec<f64>,
        mut covariances: Vec<f64>,
    ) -> Result<Self, Error> {
        let components = weights.len();
        if components == 0 || columns == 0 {
            return Err(Error::Empty { components, columns });
        }
        let per_component = [("means", means.len(), columns), ("covariances", covariances.len(), columns * columns)];
        for (what, found, each) in per_component {
            let expected = components * each;
            if found != expected {
                return Err(Error::WrongLength { what, found, expected, components, columns });
            }
        }
        normalise_weights(&mut weights)?;
        if let Some(i) = means.iter().position(|mean| !mean.is_finite()) {
            return Err(Error::MeanNotFinite { component: i / columns, column: i % columns });
        }
        let mut factors = covariances.clone();
        let matrices = covariances.chunks_exact_mut(columns * columns);
        for (component, (covariance, factor)) in matrices.zip(factors.chunks_exact_mut(columns * columns)).enumerate() {
            cholesky(factor, columns).map_err(|source| Error::NotPositiveDefinite { component, source })?;
            mirror(covariance, columns).map_err(|(row, column)| Error::NotSymmetric { component, row, column })?;
        }
        Ok(Self::assemble(columns, weights, means, covariances, factors))
    }

    /// The mixture with these Cholesky factors; nothing is checked.
    fn assemble(columns: usize, weights: Vec<f64>, means: Vec<f64>, covariances: Vec<f64>, factors: Vec<f64>) -> Self {
        let log_weights = weights.iter().map(|&weight| ln(weight)).collect();
        Self { columns, weights, log_weights, means, covariances, factors }
    }

    /// C, the number of components.
    pub fn components(&self) -> usize {
        self.weights.len()
    }

    /// D, the number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// π: C, summing to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// μ: C × D.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Σ: C × D × D, exactly symmetric.
    pub fn covariances(&self) -> &[f64] {
        &self.covariances
    }

    /// The Cholesky factor of component `c`: D × D.
    fn factor(&self, c: usize) -> &[f64] {
        &self.factors[c * self.columns * self.columns..][..self.columns * self.columns]
    }

    /// The mean of component `c`: D.
    fn mean(&self, c: usize) -> &[f64] {
        &self.means[c * self.columns..][..self.columns]
    }

    /// log p(x) of a complete row, in nats; NaN if `x` holds NaN.
    ///
    /// *x*: D.
    ///
    /// # Panics
    /// If `x` does not have D elements.
    #[track_caller]
    pub fn log_density(&self, x: &[f64]) -> f64 {
        assert_eq!(x.len(), self.columns, "log_density: a row of {} for {} columns", x.len(), self.columns);
        let mut whitened = vec![0.0; self.columns];
        let terms: Vec<f64> = (0..self.components())
            .map(|c| {
                for ((y, x), mean) in whitened.iter_mut().zip(x).zip(self.mean(c)) {
                    *y = x - mean;
                }
                self.log_weights[c] + whiten(self.factor(c), self.columns, &mut whitened)
            })
            .collect();
        log_sum_exp(&terms)
    }

    /// `rows` independent draws, rows × D. Each takes one uniform and D normal draws: a component, then a point of it.
    pub fn sample(&self, rng: &mut impl Rng, rows: usize) -> Vec<f64> {
        let columns = self.columns;
        let mut normals = vec![0.0; columns];
        let mut out = Vec::with_capacity(rows * columns);
        for _ in 0..rows {
            let c = category(rng, &self.log_weights).expect("the weights of a mixture are a distribution");
            normals.iter_mut().for_each(|normal| *normal = standard_normal(rng));
            for (d, (mean, row)) in self.mean(c).iter().zip(self.factor(c).chunks_exact(columns)).enumerate() {
                out.push(mean + dot(&row[..=d], &normals[..=d]));
            }
        }
        out
    }

    /// The exact mean and standard deviation of every column.
    pub fn marginals(&self) -> Marginals {
        marginals(&self.weights, &self.means, &self.covariances)
    }

    /// The distribution of (x_d − E\[x_d\]) / sd\[x_d\]: every column has mean 0 and standard deviation 1.
    ///
    /// The mean and standard deviation are the mixture's own, not those of a sample.
    pub fn standardised(mut self) -> Self {
        let Marginals { means, standard_deviations: scales } = self.marginals();
        for row in self.means.chunks_exact_mut(self.columns) {
            for ((mean, centre), scale) in row.iter_mut().zip(&means).zip(&scales) {
                *mean = (*mean - centre) / scale;
            }
        }
        for (i, entry) in self.covariances.iter_mut().enumerate() {
            // The product first, so that the matrix stays exactly symmetric.
            *entry /= scales[i / self.columns % self.columns] * scales[i % self.columns];
        }
        for (i, row) in self.factors.chunks_exact_mut(self.columns).enumerate() {
            row.iter_mut().for_each(|entry| *entry /= scales[i % self.columns]);
        }
        self
    }
}

/// Divides the weights by their sum.
fn normalise_weights(weights: &mut [f64]) -> Result<(), Error> {
    if let Some((component, &weight)) = weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w >= 0.0)) {
        return Err(Error::WrongWeight { component, weight });
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() > ROUNDING {
        return Err(Error::WrongTotal { sum });
    }
    weights.iter_mut().for_each(|weight| *weight /= sum);
    Ok(())
}

/// Copies the lower triangle of a matrix with a positive diagonal onto its upper one; the place where they differ, if
/// they do.
fn mirror(a: &mut [f64], n: usize) -> Result<(), (usize, usize)> {
    for i in 0..n {
        for j in 0..i {
            let scale = a[i * n + i].sqrt() * a[j * n + j].sqrt();
            let difference = (a[i * n + j] - a[j * n + i]).abs();
            // NaN is not below the limit either.
            if difference.is_nan() || difference > ROUNDING * scale {
                return Err((i, j));
            }
            a[j * n + i] = a[i * n + j];
        }
    }
    Ok(())
}

/// Σᵢ aᵢbᵢ in order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Replaces the deviations x − μ of the first n columns by y with L·y = x − μ; returns
/// log N(x; μ, L·Lᵀ) = −½‖y‖² − Σᵢ ln Lᵢᵢ − ½ n ln 2π, in nats.
///
/// *L*: n leading rows and columns of `factor`, whose rows are `stride` apart, with a positive diagonal;
/// *deviations*: n.
fn whiten(factor: &[f64], stride: usize, deviations: &mut [f64]) -> f64 {
    let mut log_density = 0.0;
    for (i, row) in factor.chunks_exact(stride).take(deviations.len()).enumerate() {
        let y = (deviations[i] - dot(&row[..i], &deviations[..i])) / row[i];
        deviations[i] = y;
        log_density -= 0.5 * y * y + ln(row[i]) + HALF_LN_TWO_PI;
    }
    log_density
}

/// Gives every entry (i, j) of *L*·*L*ᵀ to `put`, entries (i, j) and (j, i) equal bit for bit. *L*: rows × `width`.
fn outer_square(l: &[f64], width: usize, mut put: impl FnMut(usize, usize, f64)) {
    for (i, left) in l.chunks_exact(width).enumerate() {
        for (j, right) in l.chunks_exact(width).enumerate().take(i + 1) {
            let entry = dot(left, right);
            put(i, j, entry);
            put(j, i, entry);
        }
    }
}

/// Moments of the columns of a mixture: Var\[x_d\] = Σ_c π_c ((Σ_c)_dd + (μ_cd − E\[x_d\])²).
///
/// *weights*: C; *means*: C × D; *covariances*: C × D × D.
fn marginals(weights: &[f64], means: &[f64], covariances: &[f64]) -> Marginals {
    let columns = means.len() / weights.len();
    let column_means = mixture_mean(weights, means);
    let mut variances = vec![0.0; columns];
    for (c, weight) in weights.iter().enumerate() {
        for (d, variance) in variances.iter_mut().enumerate() {
            let deviation = means[c * columns + d] - column_means[d];
            *variance += weight * (covariances[(c * columns + d) * columns + d] + deviation * deviation);
        }
    }
    Marginals { means: column_means, standard_deviations: variances.into_iter().map(f64::sqrt).collect() }
}

/// Σ_c π_c μ_c. *weights*: C; *means*: C × D; out: D.
fn mixture_mean(weights: &[f64], means: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; means.len() / weights.len()];
    for (weight, row) in weights.iter().zip(means.chunks_exact(out.len())) {
        out.iter_mut().zip(row).for_each(|(sum, mean)| *sum += weight * mean);
    }
    out
}
