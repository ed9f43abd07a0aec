//! Self-normalised importance resampling of missing values.

use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::special::exp;
use rand::RngExt;

use crate::chains::resampling::{effective_sample_size, normalise};
use crate::draw::{category_at, fill_ancestral, fill_standard_normal};
use crate::model::{
    LatentModel, Likelihood, column_mean, draw_missing, log_likelihood, log_prior, mixture_log_density,
    mixture_quantile,
};
use crate::stream::Stream;

/// Latent points that are decoded at a time, if a row does not take more: those of several rows.
const POINTS: usize = 4096;

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

/// Completes rows by importance sampling with the encoder's mixture as proposal (docs/methods.md §6).
///
/// For each row, `samples` latent points are drawn from q(z|x_obs) and weighted by p(x_obs|z)p(z)/q(z|x_obs); the
/// conditional of x_mis is the mixture of the decoded columns with these weights. Observed entries stay bit for bit. A
/// row without any observed entry takes its latent points from the prior, equally weighted. A point whose weight is not
/// finite counts for nothing; cells of a row without any other keep what `rows` has there and count as replaced.
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

    let incomplete = |n: &usize| mask[n * columns..(n + 1) * columns].iter().any(|&m| m <= T::ZERO);
    let incomplete: Vec<usize> = (0..rows.len() / columns.max(1)).filter(incomplete).collect();
    let mut work = Work::default();
    let mut total = Diagnostics::default();
    for group in incomplete.chunks((POINTS / samples).max(1)) {
        work.decode(model, rows, mask, samples, group, &mut stream_of);
        for (i, &n) in group.iter().enumerate() {
            let cells = n * columns..(n + 1) * columns;
            let (x, m) = (&rows[cells.clone()], &mask[cells.clone()]);
            work.weigh(mixture, likelihood, samples, i, x, m);
            let gaussians = &work.gaussians[i * samples * 2 * columns..][..samples * 2 * columns];
            let log_weights = &work.log_weights;
            total.effective_sample_size += effective_sample_size(log_weights);
            total.rows += 1;
            match statistic {
                Statistic::Draws(_) => {
                    let rng = &mut work.streams[i];
                    for copy in out.chunks_exact_mut(rows.len()) {
                        match category_at(rng.random(), log_weights) {
                            Some(i) => {
                                let decoded = &gaussians[i * 2 * columns..][..2 * columns];
                                total.replaced += draw_missing(likelihood, rng, m, decoded, &mut copy[cells.clone()]);
                            }
                            None => total.replaced += m.iter().filter(|&&m| m <= T::ZERO).count(),
                        }
                    }
                }
                Statistic::Mean | Statistic::Median => {
                    for d in (0..columns).filter(|&d| m[d] <= T::ZERO) {
                        let value = location(likelihood, statistic, log_weights, gaussians, d);
                        if value.is_finite() {
                            out[cells.start + d] = T::from_f64(value);
                        } else {
                            total.replaced += 1;
                        }
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

/// Memory for a group of rows.
struct Work<T> {
    /// Natural parameters of each row that has an observed cell, and those of the others, which are not read.
    params: Vec<T>,
    z: Vec<T>,
    gaussians: Vec<T>,
    streams: Vec<Stream>,
    /// Normalised, of one row.
    log_weights: Vec<T>,
}

impl<T> Default for Work<T> {
    fn default() -> Self {
        let [params, z, gaussians, log_weights] = [const { Vec::new() }; 4];
        Work { params, z, gaussians, streams: Vec::new(), log_weights }
    }
}

/// Whether a row has no observed cell. Its posterior is the prior, of which an encoder has never learned anything.
fn nothing_observed<T: Scalar>(mask: &[T]) -> bool {
    mask.iter().all(|&m| m <= T::ZERO)
}

impl<T: Scalar> Work<T> {
    /// Draws and decodes `samples` latent points of each row of a group.
    fn decode(
        &mut self,
        model: &mut (impl LatentModel<T> + ?Sized),
        rows: &[T],
        mask: &[T],
        samples: usize,
        group: &[usize],
        stream_of: &mut impl FnMut(usize) -> Stream,
    ) {
        let (columns, mixture) = (model.columns(), model.mixture());
        self.params.clear();
        self.params.resize(group.len() * mixture.params_len(), T::ZERO);
        self.z.resize(group.len() * samples * mixture.latent, T::ZERO);
        self.gaussians.resize(group.len() * samples * 2 * columns, T::ZERO);
        self.streams.clear();
        let points = self.z.chunks_exact_mut(samples * mixture.latent);
        for ((&n, params), z) in group.iter().zip(self.params.chunks_exact_mut(mixture.params_len())).zip(points) {
            let cells = n * columns..(n + 1) * columns;
            let mut rng = stream_of(n);
            if nothing_observed(&mask[cells.clone()]) {
                fill_standard_normal(&mut rng, z);
            } else {
                model.encode(&rows[cells.clone()], &mask[cells], params);
                fill_ancestral(&mut rng, mixture, params, z);
            }
            self.streams.push(rng);
        }
        model.decode(&self.z, &mut self.gaussians);
    }

    /// The weights of the i-th row's points. A point whose weight is no number counts for nothing.
    fn weigh(&mut self, mixture: Mixture, likelihood: Likelihood, samples: usize, i: usize, x: &[T], mask: &[T]) {
        let params = &self.params[i * mixture.params_len()..][..mixture.params_len()];
        let points = self.z[i * samples * mixture.latent..].chunks_exact(mixture.latent).take(samples);
        let decoded = self.gaussians[i * samples * 2 * x.len()..].chunks_exact(2 * x.len());
        self.log_weights.clear();
        self.log_weights.extend(points.zip(decoded).map(|(z, decoded)| {
            if nothing_observed(mask) {
                return T::ZERO;
            }
            let log_joint = log_likelihood(likelihood, x, mask, decoded) + log_prior(z);
            log_joint - mixture_log_density(mixture, params, z)
        }));
        normalise(&mut self.log_weights);
    }
}

/// Mean or median of column d under weighted decoded points; not finite if no point counts.
fn location<T: Scalar>(
    likelihood: Likelihood,
    statistic: Statistic,
    log_weights: &[T],
    gaussians: &[T],
    d: usize,
) -> f64 {
    let columns = gaussians.len() / log_weights.len() / 2;
    let (mut weights, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for (log_weight, decoded) in log_weights.iter().zip(gaussians.chunks_exact(2 * columns)) {
        let weight = exp(log_weight.to_f64());
        // What counts for nothing need not be a number.
        if weight > 0.0 {
            weights.push(weight);
            first.push(decoded[d].to_f64());
            second.push(decoded[columns + d].to_f64());
        }
    }
    if weights.is_empty() {
        return f64::NAN;
    }
    let means = first.iter().zip(&second).map(|(&a, &b)| column_mean(likelihood, a, b));
    let mean = || weights.iter().zip(means).map(|(w, m)| w * m).sum::<f64>();
    match (statistic, likelihood) {
        (Statistic::Median, Likelihood::Gaussian) => mixture_quantile(0.5, &weights, &first, &second),
        // Of two values, the likelier one; a mean that is no number stays one.
        (Statistic::Median, Likelihood::Bernoulli) => match mean() {
            mean if mean >= 0.0 => 1.0,
            mean if mean < 0.0 => -1.0,
            mean => mean,
        },
        _ => mean(),
    }
}

#[cfg(test)]
mod tests {
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

    /// [`Step`], but every other point is decoded to scales of 0 for the observed column, which make its density NaN.
    struct Broken;

    impl LatentModel<f64> for Broken {
        fn columns(&self) -> usize {
            2
        }

        fn mixture(&self) -> Mixture {
            Step.mixture()
        }

        fn encode(&mut self, rows: &[f64], mask: &[f64], params: &mut [f64]) {
            Step.encode(rows, mask, params);
        }

        fn encode_completed(&mut self, rows: &[f64], mask: &[f64], params: &mut [f64]) {
            Step.encode_completed(rows, mask, params);
        }

        fn decode(&mut self, z: &[f64], gaussians: &mut [f64]) {
            Step.decode(z, gaussians);
            for out in gaussians.chunks_exact_mut(4).step_by(2) {
                out.copy_from_slice(&[f64::NAN, 0.7, 0.1, 0.0]);
            }
        }
    }

    /// Points without a density count for nothing, in estimates and in the effective sample size; the others give the mean
    /// of [`mean_and_median_of_a_skew_conditional`], to 5 standard deviations of half as many.
    #[test]
    fn broken_points_count_for_nothing() {
        let stream_of = |_| stream(1, Purpose::Impute, 0, 0);
        let mut out = [f64::NAN; 2];
        let found = impute(&mut Broken, &[0.0, 0.7], &[0.0, 1.0], 40_000, Statistic::Mean, stream_of, &mut out);
        assert!((out[0] - 1.586_55).abs() < 0.18, "{out:?}");
        assert!((found.effective_sample_size / 20_000.0 - 0.8315).abs() < 0.015, "{found:?}");
        assert_eq!(found.replaced, 0);
        // A single point, a broken one: nothing is known.
        for statistic in [Statistic::Mean, Statistic::Median, Statistic::Draws(1)] {
            let found = impute(&mut Broken, &[0.0, 0.7], &[0.0, 1.0], 1, statistic, stream_of, &mut out);
            assert_eq!((out, found.replaced, found.effective_sample_size), ([0.0, 0.7], 1, 0.0));
        }
    }

    #[test]
    fn no_rows() {
        let rng = |_| panic!("no stream is needed");
        assert_eq!(impute(&mut Step, &[], &[], 10, Statistic::Draws(3), rng, &mut []), Diagnostics::default());
    }
}
