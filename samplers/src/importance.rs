//! Self-normalised importance resampling of missing values.

use linalg::Scalar;
use linalg::reduce::log_sum_exp;
use linalg::special::exp;
use rand::RngExt;

use crate::draw::{category_at, fill_ancestral};
use crate::model::{LatentModel, draw_missing, log_likelihood, log_prior, mixture_log_density, mixture_quantile};
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
/// conditional of x_mis is the mixture of the decoded columns with these weights. Observed entries stay bit for bit.
///
/// *rows*, *mask*: N × D, unobserved entries zero; *out*: M × N × D, M the number of draws (1 for a mean or median).
/// Row n takes the stream that `stream_of(n)` gives, so the result does not depend on how rows are grouped.
///
/// # Panics
/// If a length does not fit, or `samples` is 0.
pub fn impute<T: Scalar>(
    model: &mut impl LatentModel<T>,
    rows: &[T],
    mask: &[T],
    samples: usize,
    statistic: Statistic,
    mut stream_of: impl FnMut(usize) -> Stream,
    out: &mut [T],
) -> Diagnostics {
    let columns = model.columns();
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
        model.encode(x, m, &mut params);
        fill_ancestral(&mut rng, mixture, &params, &mut z);
        model.decode(&z, &mut gaussians);
        for (i, log_weight) in log_weights.iter_mut().enumerate() {
            let point = &z[i * mixture.latent..][..mixture.latent];
            let decoded = &gaussians[i * 2 * columns..][..2 * columns];
            *log_weight =
                log_likelihood(x, m, decoded) + log_prior(point) - mixture_log_density(mixture, &params, point);
        }
        let normaliser = log_sum_exp(&log_weights);
        log_weights.iter_mut().for_each(|w| *w = *w - normaliser);
        let squares: f64 = log_weights.iter().map(|w| exp(2.0 * w.to_f64())).sum();
        total.effective_sample_size += 1.0 / squares;
        total.rows += 1;

        match statistic {
            Statistic::Draws(_) => {
                for copy in out.chunks_exact_mut(rows.len()) {
                    match category_at(rng.random(), &log_weights) {
                        Some(i) => {
                            let decoded = &gaussians[i * 2 * columns..][..2 * columns];
                            total.replaced += draw_missing(&mut rng, m, decoded, &mut copy[cells.clone()]);
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
                    let means = column(0);
                    let value = match statistic {
                        Statistic::Median => mixture_quantile(0.5, &weights, &means, &column(columns)),
                        _ => weights.iter().zip(&means).map(|(w, m)| w * m).sum(),
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
