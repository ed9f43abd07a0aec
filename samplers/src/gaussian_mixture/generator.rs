//! Random mixtures of Gaussians, as the experiments draw them.
//!
//! Source: paper, appendix E.1.

use linalg::factor::solve_lower;
use rand::{Rng, RngExt};
use rand_distr::{ChiSquared, Exp1};

use super::{GaussianMixture, outer_square};
use crate::draw::standard_normal;

/// Standard deviation of the components' means before standardisation.
const MEAN_SPREAD: f64 = 3.0;

impl GaussianMixture {
    /// A random mixture: weights Dirichlet(1), means N(0, 3²), covariances inverse Wishart(ν = D, Ψ = I), then
    /// [`standardised`](Self::standardised). All weights are drawn first, then all means, then the
    /// covariances.
    ///
    /// # Panics
    /// If `columns` or `components` is 0.
    #[track_caller]
    pub fn generate(columns: usize, components: usize, rng: &mut impl Rng) -> Self {
        assert!(columns > 0 && components > 0, "a mixture of {components} components in {columns} columns");
        // Exponential draws over their sum are uniform on the simplex.
        let mut weights: Vec<f64> = (0..components).map(|_| rng.sample(Exp1)).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);

        let means = (0..components * columns).map(|_| MEAN_SPREAD * standard_normal::<f64>(rng)).collect();

        let mut factors = Vec::with_capacity(components * columns * columns);
        let mut covariances = vec![0.0; components * columns * columns];
        for covariance in covariances.chunks_exact_mut(columns * columns) {
            let factor = inverse_wishart_factor(columns, rng);
            outer_square(&factor, columns, |i, j, entry| covariance[i * columns + j] = entry);
            factors.extend(factor);
        }
        Self::assemble(columns, weights, means, covariances, factors).standardised()
    }
}

/// The Cholesky factor *L* of a draw *L*·*L*ᵀ from the inverse Wishart distribution with `n` degrees of freedom and the
/// `n` × `n` identity as scale.
///
/// Its inverse *W* is Wishart. Bartlett's decomposition, with the columns numbered from the last to the first, is
/// *W* = *M*ᵀ·*M* with *M* lower triangular, independent N(0, 1) below the diagonal and (counted from 1) Mᵢᵢ² ~ χ²(i);
/// so *L* is *M*⁻¹, and no matrix has to be inverted or factorised.
/// Source: M. S. Bartlett, *Proc. R. Soc. Edinburgh* 53 (1934), 260–283.
fn inverse_wishart_factor(n: usize, rng: &mut impl Rng) -> Vec<f64> {
    let mut m = vec![0.0; n * n];
    for (i, row) in m.chunks_exact_mut(n).enumerate() {
        row[..i].iter_mut().for_each(|entry| *entry = standard_normal(rng));
        let squared = ChiSquared::new((i + 1) as f64).expect("a positive number of degrees of freedom");
        row[i] = rng.sample(squared).sqrt();
    }
    let mut factor = vec![0.0; n * n];
    factor.iter_mut().step_by(n + 1).for_each(|entry| *entry = 1.0);
    solve_lower(&m, n, &mut factor, n);
    factor
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{LN_2, PI};

    use linalg::factor::{cholesky_inverse, log_determinant};

    use super::*;
    use crate::stream::{Purpose, stream};

    /// The inverse *W* of each of 40,000 draws (D = ν = 3) is Wishart: E\[W\] = νI with variances 2ν on the diagonal and
    /// ν off it, W_ii ~ χ²(ν) in its second moment too, and E\[ln det W\] = Σᵢ ψ(i/2) + D ln 2 = 2 − 3γ − ln 2 with
    /// variance Σᵢ ψ′(i/2) = 7π²/6 − 4. Limit 5 standard errors for each of 10 means: a correct generator fails with
    /// probability below 1e-5 over seeds.
    #[test]
    fn inverses_of_the_covariances_are_wishart() {
        const N: usize = 3;
        const DRAWS: usize = 40_000;
        const EULER: f64 = 0.577_215_664_901_532_9;
        let mut rng = stream(1, Purpose::Generate, 0, 0);
        let (mut entries, mut squares, mut log_determinants) = ([0.0; N * N], [0.0; N], 0.0);
        let mut inverse = [0.0; N * N];
        for _ in 0..DRAWS {
            let factor = inverse_wishart_factor(N, &mut rng);
            cholesky_inverse(&factor, N, &mut inverse);
            entries.iter_mut().zip(&inverse).for_each(|(sum, w)| *sum += w);
            squares.iter_mut().enumerate().for_each(|(i, sum)| *sum += inverse[i * N + i].powi(2));
            log_determinants -= log_determinant(&factor, N);
        }
        let check = |what: String, sum: f64, expected: f64, variance: f64| {
            let (mean, error) = (sum / DRAWS as f64, (variance / DRAWS as f64).sqrt());
            assert!((mean - expected).abs() < 5.0 * error, "{what}: mean {mean}, expected {expected} ± {error}");
        };
        let nu = N as f64;
        for i in 0..N {
            for j in 0..i {
                check(format!("W[{i}, {j}]"), entries[i * N + j], 0.0, nu);
            }
            check(format!("W[{i}, {i}]"), entries[i * N + i], nu, 2.0 * nu);
            // E[W_ii²] = ν(ν + 2), E[W_ii⁴] = ν(ν + 2)(ν + 4)(ν + 6).
            let second = nu * (nu + 2.0);
            let variance = second * (nu + 4.0) * (nu + 6.0) - second * second;
            check(format!("W[{i}, {i}]²"), squares[i], second, variance);
        }
        check("ln det W".into(), log_determinants, 2.0 - 3.0 * EULER - LN_2, 7.0 * PI * PI / 6.0 - 4.0);
    }
}
