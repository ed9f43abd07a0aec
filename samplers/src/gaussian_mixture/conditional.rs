//! The observed part of a row under a Gaussian mixture, and the missing part given it.
//!
//! With the observed columns o first and the missing columns m after them, the Cholesky factor of a covariance is
//!
//! ```text
//! L = | L_oo   0   |     y = L_oo⁻¹ (x_o − μ_o)     log p(x_o) = −½‖y‖² − ln det L_oo − ½|o| ln 2π
//!     | L_mo  L_mm |     E[x_m|x_o] = μ_m + L_mo·y   Cov[x_m|x_o] = L_mm·L_mmᵀ
//! ```
//!
//! so the conditional covariance is positive semidefinite by construction: nothing is subtracted. L comes from the
//! factor of the columns in their own order, its rows exchanged and then rotated back to a lower triangle; unlike a
//! second factorisation, this cannot break down. Source: C. M. Bishop, *Pattern Recognition and Machine Learning*,
//! eqs. 2.81, 2.82 and 2.98; G. H. Golub and C. F. Van Loan, *Matrix Computations*, 4th ed., §5.1.8 (rotations).

use linalg::reduce::{log_softmax, log_sum_exp};
use linalg::special::exp;

use super::{GaussianMixture, Marginals, dot, marginals, mixture_mean, outer_square, whiten};

/// p(x_mis|x_obs) of one row under a [`GaussianMixture`]: again a mixture of C Gaussians, over the missing columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditional {
    /// C: ln p(c|x_obs), in nats.
    pub log_weights: Vec<f64>,
    /// C × D: means of the missing columns; 0 in observed columns.
    pub means: Vec<f64>,
    /// C × D × D: covariances of the missing columns; 0 in the rows and columns of observed ones.
    pub covariances: Vec<f64>,
    /// log p(x_obs), in nats; 0 if nothing is observed.
    pub log_p_observed: f64,
}

impl Conditional {
    /// E\[x_mis|x_obs\]: D, 0 in observed columns.
    pub fn mean(&self) -> Vec<f64> {
        mixture_mean(&self.weights(), &self.means)
    }

    /// Mean and standard deviation of every missing column given the observed ones; both 0 in observed columns.
    pub fn marginals(&self) -> Marginals {
        marginals(&self.weights(), &self.means, &self.covariances)
    }

    /// C: p(c|x_obs).
    fn weights(&self) -> Vec<f64> {
        self.log_weights.iter().map(|&log_weight| exp(log_weight)).collect()
    }
}

impl GaussianMixture {
    /// log p(x_obs), in nats: the log density of the observed columns, the others integrated out; 0 if none is observed.
    ///
    /// *x*, *mask*: D; a column is observed where its mask is positive, and `x` is not read elsewhere.
    ///
    /// # Panics
    /// If `x` or `mask` does not have D elements.
    #[track_caller]
    pub fn log_density_observed(&self, x: &[f64], mask: &[f64]) -> f64 {
        let (order, observed) = self.order(x, mask);
        if observed == 0 {
            return 0.0;
        }
        let terms: Vec<f64> = (0..self.components())
            .map(|c| self.log_weights[c] + self.split(c, x, &order[..observed], observed).log_density)
            .collect();
        log_sum_exp(&terms)
    }

    /// The distribution of the missing columns given the observed ones.
    ///
    /// *x*, *mask*: D; a column is observed where its mask is positive, and `x` is not read elsewhere. If an observed
    /// value is not finite, the log weights are NaN.
    ///
    /// # Panics
    /// If `x` or `mask` does not have D elements.
    #[track_caller]
    pub fn conditional(&self, x: &[f64], mask: &[f64]) -> Conditional {
        let (columns, components) = (self.columns, self.components());
        let (order, observed) = self.order(x, mask);
        let mut out = Conditional {
            log_weights: self.log_weights.clone(),
            means: vec![0.0; components * columns],
            covariances: vec![0.0; components * columns * columns],
            log_p_observed: 0.0,
        };
        let missing = &order[observed..];
        for c in 0..components {
            let Split { factor, whitened, log_density } = self.split(c, x, &order, observed);
            out.log_weights[c] += log_density;
            let below = &factor[observed * columns..];
            for (&d, row) in missing.iter().zip(below.chunks_exact(columns)) {
                out.means[c * columns + d] = self.mean(c)[d] + dot(&row[..observed], &whitened);
            }
            let covariance = &mut out.covariances[c * columns * columns..][..columns * columns];
            let last: Vec<f64> = below.chunks_exact(columns).flat_map(|row| &row[observed..]).copied().collect();
            outer_square(&last, missing.len().max(1), |i, j, entry| {
                covariance[missing[i] * columns + missing[j]] = entry;
            });
        }
        if observed > 0 {
            let joint = out.log_weights.clone();
            out.log_p_observed = log_sum_exp(&joint);
            log_softmax(&joint, &mut out.log_weights);
        }
        out
    }

    /// The Cholesky factor of component `c` with its columns in the given order: one row for each, × D.
    pub(super) fn ordered_factor(&self, c: usize, order: &[usize]) -> Vec<f64> {
        let rows = order.iter().flat_map(|&d| &self.factor(c)[d * self.columns..][..self.columns]);
        let mut factor: Vec<f64> = rows.copied().collect();
        rotate_to_lower(&mut factor, self.columns);
        factor
    }

    /// The observed columns, then the missing ones; and how many are observed.
    #[track_caller]
    fn order(&self, x: &[f64], mask: &[f64]) -> (Vec<usize>, usize) {
        let lengths = (x.len(), mask.len());
        assert_eq!(lengths, (self.columns, self.columns), "lengths of a row and its mask, and the number of columns");
        let (mut order, missing): (Vec<usize>, Vec<usize>) = (0..self.columns).partition(|&d| mask[d] > 0.0);
        let observed = order.len();
        order.extend(missing);
        (order, observed)
    }

    /// Component `c` with its columns in the given order, of which the first `observed` are seen.
    fn split(&self, c: usize, x: &[f64], order: &[usize], observed: usize) -> Split {
        let factor = self.ordered_factor(c, order);
        let mut whitened: Vec<f64> = order[..observed].iter().map(|&d| x[d] - self.mean(c)[d]).collect();
        let log_density = whiten(&factor, self.columns, &mut whitened);
        Split { factor, whitened, log_density }
    }
}

/// A component whose first columns are observed.
struct Split {
    /// L: as many rows as columns were asked for, × D.
    factor: Vec<f64>,
    /// y, one entry an observed column.
    whitened: Vec<f64>,
    /// log p(x_obs|c), in nats.
    log_density: f64,
}

/// Makes a matrix lower triangular by rotating pairs of its columns, which leaves *A*·*A*ᵀ as it is. A matrix that is
/// lower triangular already stays bit for bit.
///
/// As long as each row ends in a positive entry, further right than the row above, the diagonal is positive: earlier
/// rotations do not reach that entry. So it is for the observed columns, which keep their order; in the rows of missing
/// columns the sign is open, and does not matter.
///
/// *A*: rows × `columns`, with at most as many rows as columns.
pub(super) fn rotate_to_lower(a: &mut [f64], columns: usize) {
    for i in 0..a.len() / columns {
        for j in i + 1..columns {
            let (p, q) = (a[i * columns + i], a[i * columns + j]);
            if q == 0.0 {
                continue;
            }
            let r = p.hypot(q);
            let (cosine, sine) = (p / r, q / r);
            for row in a[i * columns..].chunks_exact_mut(columns) {
                let (u, v) = (row[i], row[j]);
                row[i] = cosine * u + sine * v;
                row[j] = cosine * v - sine * u;
            }
            a[i * columns + j] = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    /// Rotations keep A·Aᵀ to a few roundings, and a triangle exactly.
    #[test]
    fn rotations_keep_the_square() {
        let a = [0.5, -2.0, 1.0, 3.0, 0.25, -1.5];
        let mut lower = a;
        rotate_to_lower(&mut lower, 3);
        assert_eq!([lower[1], lower[2], lower[5]], [0.0; 3]);
        outer_square(&lower, 3, |i, j, entry| {
            assert_relative_eq!(entry, dot(&a[i * 3..][..3], &a[j * 3..][..3]), max_relative = 1e-14);
        });
        let mut again = lower;
        rotate_to_lower(&mut again, 3);
        assert_eq!(again, lower);
    }
}
