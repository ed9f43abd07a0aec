//! Self-normalised importance resampling of missing values.

use linalg::Scalar;
use linalg::reduce::log_sum_exp;
use linalg::special::exp;
use rand::RngExt;

use crate::draw::{category_at, fill_ancestral, fill_standard_normal};
use crate::model::{
    LatentModel, Likelihood, column_mean, draw_missing, log_likelihood, log_prior, mixture_log_density,
    mixture_quantile,
};
use crate::stream::Stream;

/// What to make of the weighted samples of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// E\[x_mis|x_obs\].
    Mean,
    /// The median of each missing column's conditional distribution.
    Median,
    /// This many draws from p(x_mis|x_obs).
    Draws(usize),
}

/// How well an importance sample did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diagnostics {
    /// (Σw)²/Σw², averaged over rows with missing cells: between 1 and the number of samples.
    pub effective_sample_size: f64,
    /// Draws that were not finite and left the previous value in place.
    pub replaced: usize,
    /// Rows with missing cells.
    pub rows: usize,
}

/// Completes rows by importance sampling with the encoder's mixture as proposal (METHODS §6).
///
/// For each row, `samples` latent points are drawn from q(z|x_obs) and weighted by p(x_obs|z)p(z)/q(z|x_obs); the
/// conditional of x_mis is the mixture of the decoded columns with these weights. Observed entries stay bit for bit. A
/// row without any observed entry takes its latent points from the prior, equally weighted.
///
/// *rows*, *mask*: N × D, unobserved entries zero; *out*: M × N × D, M the number of draws (1 for a mean or median).
/// Row n takes the stream that `stream_of(n)` gives, so the result does not depend on how rows are grouped.
///
/// # Panics
/// If a length does not fit, or `samples` is 0.
pub fn impute<T: Scalar>(
    model: &mut (impl LatentModel<T> + ?Sized),
    rows: &[T],
    mask: &[T],
    samples: usize,
    statistic: Statistic,
    mut stream_of: impl FnMut(usize) -> Stream,
    out: &mut [T],
) -> Diagnostics {
    let (columns, likelihood) = (model.columns(), model.likelihood());
    let (mixture, draws) = (model.mixture(), if let Statistic::Draws(draws) = statistic { draws } else { 1 });
    assert!(samples > 0, "at least one importance sample is needed");
    assert_eq!(rows.len(), mask.len(), "lengths of rows and mask");
    assert_eq!(out.len(), draws * rows.len(), "{draws} completed copies of {} cells", rows.len());
    for copy in out.chunks_exact_mut(rows.len().max(1)) {
        copy.copy_from_slice(rows);
    }

    let mut params = vec![T::ZERO; mixture.params_len()];
    let mut z = vec![T::ZERO; samples * mixture.latent];
    let mut gaussians = vec![T::ZERO; samples * 2 * columns];
    let mut log_weights = vec![T::ZERO; samples];
    let mut total = Diagnostics::default();
    for n in 0..rows.len() / columns.max(1) {
        let cells = n * columns..(n + 1) * columns;
        let (x, m) = (&rows[cells.clone()], &mask[cells.clone()]);
        if m.iter().all(|&m| m > T::ZERO) {
            continue;
        }
        let mut rng = stream_of(n);
        // Nothing observed: the posterior is the prior, of which an encoder has never learned anything.
        let from_prior = m.iter().all(|&m| m <= T::ZERO);
        if from_prior {
            fill_standard_normal(&mut rng, &mut z);
        } else {
            model.encode(x, m, &mut params);
            fill_ancestral(&mut rng, mixture, &params, &mut z);
        }
        model.decode(&z, &mut gaussians);
        for (i, log_weight) in log_weights.iter_mut().enumerate() {
            let point = &z[i * mixture.latent..][..mixture.latent];
            let decoded = &gaussians[i * 2 * columns..][..2 * columns];
            *log_weight = match from_prior {
                true => T::ZERO,
                false => {
                    let log_joint = log_likelihood(likelihood, x, m, decoded) + log_prior(point);
                    log_joint - mixture_log_density(mixture, &params, point)
                }
            };
        }
        let normaliser = log_sum_exp(&log_weights);
        log_weights.iter_mut().for_each(|w| *w -= normaliser);
        let squares: f64 = log_weights.iter().map(|w| exp(2.0 * w.to_f64())).sum();
        total.effective_sample_size += 1.0 / squares;
        total.rows += 1;

        match statistic {
            Statistic::Draws(_) => {
                for copy in out.chunks_exact_mut(rows.len()) {
                    match category_at(rng.random(), &log_weights) {
                        Some(i) => {
                            let decoded = &gaussians[i * 2 * columns..][..2 * columns];
                            let x = &mut copy[cells.clone()];
                            total.replaced += draw_missing(likelihood, &mut rng, m, decoded, x);
                        }
                        None => total.replaced += m.iter().filter(|&&m| m <= T::ZERO).count(),
                    }
                }
            }
            Statistic::Mean | Statistic::Median => {
                let weights: Vec<f64> = log_weights.iter().map(|w| exp(w.to_f64())).collect();
                for d in (0..columns).filter(|&d| m[d] <= T::ZERO) {
                    let column = |offset: usize| -> Vec<f64> {
                        gaussians.iter().skip(offset + d).step_by(2 * columns).map(|g| g.to_f64()).collect()
                    };
                    let (first, second) = (column(0), column(columns));
                    let means = first.iter().zip(&second).map(|(&a, &b)| column_mean(likelihood, a, b));
                    let mean = || weights.iter().zip(means).map(|(w, m)| w * m).sum::<f64>();
                    let value = match (statistic, likelihood) {
                        (Statistic::Median, Likelihood::Gaussian) => mixture_quantile(0.5, &weights, &first, &second),
                        // Of two values, the likelier one; a mean that is no number stays one.
                        (Statistic::Median, Likelihood::Bernoulli) => match mean() {
                            mean if mean >= 0.0 => 1.0,
                            mean if mean < 0.0 => -1.0,
                            mean => mean,
                        },
                        _ => mean(),
                    };
                    if value.is_finite() {
                        out[cells.start + d] = T::from_f64(value);
                    } else {
                        total.replaced += 1;
                    }
                }
            }
        }
    }
    if total.rows > 0 {
        total.effective_sample_size /= total.rows as f64;
    }
    total
}

#[cfg(test)]
mod tests {
    use autodiff::ops::Mixture;

    use super::*;
    use crate::stream::{Purpose, stream};

    /// z is one normal number, which the encoder takes for N(0, 1.5²). The first column is 10 where z > 1, and 0
    /// elsewhere, with scale 0.1; the second is noise that says nothing of z.
    struct Step;

    impl LatentModel<f64> for Step {
        fn columns(&self) -> usize {
            2
        }

        fn mixture(&self) -> Mixture {
            Mixture { components: 1, latent: 1 }
        }

        fn encode(&mut self, rows: &[f64], mask: &[f64], params: &mut [f64]) {
            assert_eq!((rows, mask), (&[0.0, 0.7][..], &[0.0, 1.0][..]), "rows without a cell need no encoder");
            params.copy_from_slice(&[0.0, 1.5, 0.0]);
        }

        fn encode_completed(&mut self, _: &[f64], _: &[f64], _: &mut [f64]) {
            panic!("importance sampling completes no row before it is encoded")
        }

        fn decode(&mut self, z: &[f64], gaussians: &mut [f64]) {
            for (z, out) in z.iter().zip(gaussians.chunks_exact_mut(4)) {
                out.copy_from_slice(&[if *z > 1.0 { 10.0 } else { 0.0 }, 0.0, 0.1, 1.0]);
            }
        }
    }

    /// The first column's imputations: with the second column observed, or with nothing.
    fn impute_one(second: bool, statistic: Statistic) -> (Vec<f64>, Diagnostics) {
        let (rows, mask) = if second { ([0.0, 0.7], [0.0, 1.0]) } else { ([0.0; 2], [0.0; 2]) };
        let draws = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
        let mut out = vec![f64::NAN; 2 * draws];
        let stream_of = |_| stream(1, Purpose::Impute, 0, 0);
        let diagnostics = impute(&mut Step, &rows, &mask, 40_000, statistic, stream_of, &mut out);
        (out.into_iter().step_by(2).collect(), diagnostics)
    }

    /// P(z > 1) = 0.158655: a mean of 1.58655, and a median at Φ⁻¹(0.5/0.841345)·0.1 = 0.0239. The share of 40,000
    /// weighted samples has a standard deviation below 0.0025: 5 of them are 0.125 in the mean, and move the median by
    /// 0.0025.
    #[test]
    fn mean_and_median_of_a_skew_conditional() {
        // (Σw)²/Σw² → I / E_q[(p/q)²] = I·√(2·1.5² − 1)/1.5² = 0.8315·I; a hundredth is many standard deviations.
        for (second, efficiency) in [(true, 0.8315), (false, 1.0)] {
            let (mean, diagnostics) = impute_one(second, Statistic::Mean);
            assert!((mean[0] - 1.586_55).abs() < 0.125, "mean {}", mean[0]);
            assert_eq!((diagnostics.rows, diagnostics.replaced), (1, 0));
            assert!((diagnostics.effective_sample_size / 40_000.0 - efficiency).abs() < 0.01, "{diagnostics:?}");
            let (median, _) = impute_one(second, Statistic::Median);
            assert!((median[0] - 0.0239).abs() < 0.0025, "median {}", median[0]);
        }
    }

    /// 2,000 draws: the share at 10 has standard deviation 0.0082; 5 of them, plus that of the weights.
    #[test]
    fn draws_of_a_skew_conditional() {
        for second in [true, false] {
            let (draws, _) = impute_one(second, Statistic::Draws(2000));
            let share = draws.iter().filter(|x| **x > 5.0).count() as f64 / 2000.0;
            assert!((share - 0.158_655).abs() < 0.045, "{share}");
            assert!(draws.iter().all(|x| x.abs() < 1.0 || (x - 10.0).abs() < 1.0));
        }
    }

    #[test]
    fn complete_rows_are_not_sampled() {
        let mut out = [0.0; 2];
        let rng = |_| panic!("no stream is needed");
        let found = impute(&mut Step, &[2.5, -0.0], &[1.0, 1.0], 10, Statistic::Mean, rng, &mut out);
        assert_eq!((out, found), ([2.5, -0.0], Diagnostics::default()));
    }

    #[test]
    fn no_rows() {
        let rng = |_| panic!("no stream is needed");
        assert_eq!(impute(&mut Step, &[], &[], 10, Statistic::Draws(3), rng, &mut []), Diagnostics::default());
    }
}
