//! Importance imputation on a linear Gaussian model, whose conditionals are known.
//!
//! x = b + W·z + noise. The encoder is deliberately a poor proposal: two Gaussians beside the posterior and wider than
//! it. Each row is a copy of one pattern with a stream of its own, so that standard errors come from the copies.

use autodiff::Tape;
use autodiff::ops::Mixture;
use linalg::special::ndtr;
use missvae_samplers::gaussian_mixture::{Conditional, GaussianMixture};
use missvae_samplers::importance::{ImportanceDiagnostics, Statistic, impute};
use missvae_samplers::likelihood::{Normals, RowLikelihood};
use missvae_samplers::model::LatentModel;
use missvae_samplers::stream::{Purpose, stream};

const D: usize = 4;
const L: usize = 2;
const LOADINGS: [[f64; L]; D] = [[1.0, 0.3], [-0.5, 0.8], [0.2, -1.2], [0.9, 0.9]];
const OFFSETS: [f64; D] = [0.5, -1.0, 2.0, 0.0];
const NOISE: [f64; D] = [0.6, 0.5, 0.7, 0.4];

/// The model. Its encoder ignores the row and covers the prior.
struct Linear;

impl LatentModel<f64> for Linear {
    fn likelihood(&self) -> &dyn RowLikelihood<f64> {
        &Normals { columns: D }
    }

    fn mixture(&self) -> Mixture {
        Mixture { components: 2, latent: L }
    }

    fn encode(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], params: &mut [f64]) {
        let log_weights = [0.35_f64.ln(), 0.65_f64.ln()];
        let moments = [0.5, -0.4, -0.6, 0.2, 1.3, 1.2, 1.4, 1.1];
        let of_a_row = [&moments[..], &log_weights].concat();
        params.chunks_exact_mut(of_a_row.len()).for_each(|params| params.copy_from_slice(&of_a_row));
    }

    fn encode_completed(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], _: &mut [f64]) {
        panic!("importance sampling completes no row before it is encoded")
    }

    fn decode(&self, _: &mut Tape<f64>, z: &[f64], gaussians: &mut [f64]) {
        for (z, out) in z.chunks_exact(L).zip(gaussians.chunks_exact_mut(2 * D)) {
            for d in 0..D {
                out[d] = OFFSETS[d] + (0..L).map(|l| LOADINGS[d][l] * z[l]).sum::<f64>();
                out[D + d] = NOISE[d];
            }
        }
    }
}

/// p(x): N(b, WWᵀ + diag(noise²)).
fn marginal() -> GaussianMixture {
    let covariance = (0..D * D).map(|i| {
        let (row, column) = (i / D, i % D);
        let shared: f64 = (0..L).map(|l| LOADINGS[row][l] * LOADINGS[column][l]).sum();
        shared + if row == column { NOISE[row].powi(2) } else { 0.0 }
    });
    GaussianMixture::new(D, vec![1.0], OFFSETS.to_vec(), covariance.collect()).unwrap()
}

/// Patterns: one cell missing, two, three, all. Missing cells are zero.
const PATTERNS: [([f64; D], [f64; D]); 4] = [
    ([1.0, 0.0, 1.5, 0.7], [1.0, 0.0, 1.0, 1.0]),
    ([0.0, -0.4, 0.0, 0.7], [0.0, 1.0, 0.0, 1.0]),
    ([0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 1.0, 0.0]),
    ([0.0; D], [0.0; D]),
];

/// One pattern in `copies` rows, completed; M × copies × D.
fn imputed(pattern: usize, copies: usize, samples: usize, statistic: Statistic) -> (Vec<f64>, ImportanceDiagnostics) {
    let (x, mask) = PATTERNS[pattern];
    let draws = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
    let mut out = vec![f64::NAN; draws * copies * D];
    let stream_of = |n| stream(3, Purpose::Impute, pattern as u64, n as u64);
    let diagnostics = impute(&Linear, &x.repeat(copies), &mask.repeat(copies), samples, statistic, stream_of, &mut out);
    (out, diagnostics)
}

fn exact(pattern: usize) -> Conditional {
    marginal().conditional(&PATTERNS[pattern].0, &PATTERNS[pattern].1)
}

fn missing(pattern: usize) -> impl Iterator<Item = usize> {
    (0..D).filter(move |&d| PATTERNS[pattern].1[d] == 0.0)
}

/// Mean of 400 and median (the same, for a Gaussian) of 40 imputations with 1,000 samples each. The bias of
/// self-normalised weights, some variances over 1,000, is a fraction of the standard error over the copies. 2 × 10
/// cells at 4.5 standard errors: 1.4e-4.
#[test]
fn means_and_medians_are_those_of_the_exact_conditional() {
    for pattern in 0..PATTERNS.len() {
        let expected = exact(pattern).mean();
        for (statistic, copies) in [(Statistic::Mean, 400), (Statistic::Median, 40)] {
            let (rows, diagnostics) = imputed(pattern, copies, 1000, statistic);
            assert_eq!((diagnostics.rows, diagnostics.replaced), (copies, 0));
            let effective = diagnostics.effective_sample_size;
            // With nothing observed the proposal is the prior, and all weights are the same.
            let plausible =
                if pattern == 3 { (effective - 1000.0).abs() < 1e-6 } else { effective > 50.0 && effective < 950.0 };
            assert!(plausible, "pattern {pattern}: effective sample size {effective}");
            for d in missing(pattern) {
                let values: Vec<f64> = rows.iter().skip(d).step_by(D).copied().collect();
                let n = values.len() as f64;
                let mean = values.iter().sum::<f64>() / n;
                let error = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
                assert!(error < 0.03, "pattern {pattern}, column {d}: standard error {error}");
                let z = (mean - expected[d]) / error;
                assert!(
                    z.abs() < 4.5,
                    "pattern {pattern}, column {d}, {statistic:?}: {mean}, not {}, z {z:.1}",
                    expected[d]
                );
            }
        }
    }
}

/// One draw each of 3,000 copies, 300 samples each: the Kolmogorov-Smirnov distance to the exact conditional of every
/// missing column stays below 2.4/√n (probability of more: 2·e^(−2·2.4²) = 2e-5 a column), and the correlation of two
/// missing columns is right within 4.5 standard errors of 1/√n.
#[test]
fn draws_follow_the_exact_conditional() {
    let copies = 3000;
    let n = copies as f64;
    for pattern in 0..PATTERNS.len() {
        let conditional = exact(pattern);
        let (rows, _) = imputed(pattern, copies, 300, Statistic::Draws(1));
        let standardised = |d: usize| -> Vec<f64> {
            let (mean, scale) = (conditional.means[d], conditional.covariances[d * D + d].sqrt());
            rows.iter().skip(d).step_by(D).map(|x| (x - mean) / scale).collect()
        };
        for d in missing(pattern) {
            let mut values = standardised(d);
            values.sort_by(f64::total_cmp);
            let steps = values.iter().enumerate().map(|(i, &t)| {
                let below = ndtr(t);
                (below - i as f64 / n).abs().max(((i + 1) as f64 / n - below).abs())
            });
            // `f64::max` would lose a NaN.
            let distance = steps.fold(0.0, |most, x| if most >= x || most.is_nan() { most } else { x });
            assert!(distance < 2.4 / n.sqrt(), "pattern {pattern}, column {d}: distance {distance}");
        }
        for (i, j) in missing(pattern).flat_map(|i| missing(pattern).map(move |j| (i, j))).filter(|(i, j)| i < j) {
            let covariance = |a: usize, b: usize| conditional.covariances[a * D + b];
            let expected = covariance(i, j) / (covariance(i, i) * covariance(j, j)).sqrt();
            let found = standardised(i).iter().zip(standardised(j)).map(|(a, b)| a * b).sum::<f64>() / n;
            // Var(ab) = 1 + ρ² for standard normal a and b.
            let error = ((1.0 + expected * expected) / n).sqrt();
            assert!(
                (found - expected).abs() < 4.5 * error,
                "pattern {pattern}, columns {i}, {j}: {found}, not {expected}"
            );
        }
    }
}

/// Bit for bit, negative zeros and subnormal numbers included, in every copy.
#[test]
fn observed_entries_stay_bit_for_bit() {
    let rows = [-0.0, 1e-310, 0.0, f64::MIN_POSITIVE, 0.1 + 0.2, 0.0, 0.0, -1.0 / 3.0];
    let mask = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    for statistic in [Statistic::Mean, Statistic::Median, Statistic::Draws(3)] {
        let copies = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
        let mut out = vec![0.0; copies * rows.len()];
        impute(&Linear, &rows, &mask, 50, statistic, |n| stream(1, Purpose::Impute, 0, n as u64), &mut out);
        for copy in out.chunks_exact(rows.len()) {
            for i in 0..rows.len() {
                assert_eq!(
                    copy[i].to_bits() == rows[i].to_bits(),
                    mask[i] > 0.0,
                    "cell {i}: {} from {}",
                    copy[i],
                    rows[i]
                );
            }
        }
    }
}

/// The result for a row does not depend on the rows beside it.
#[test]
fn rows_together_or_one_by_one_are_the_same() {
    let rows: Vec<f64> = PATTERNS.iter().flat_map(|(x, _)| *x).collect();
    let mask: Vec<f64> = PATTERNS.iter().flat_map(|(_, mask)| *mask).collect();
    let stream_of = |n: usize| stream(9, Purpose::Impute, 0, n as u64);
    for statistic in [Statistic::Mean, Statistic::Median, Statistic::Draws(2)] {
        let copies = if statistic == Statistic::Draws(2) { 2 } else { 1 };
        let mut together = vec![0.0; copies * rows.len()];
        impute(&Linear, &rows, &mask, 30, statistic, stream_of, &mut together);
        for n in 0..PATTERNS.len() {
            let cells = n * D..(n + 1) * D;
            let mut alone = vec![0.0; copies * D];
            let one = |_| stream_of(n);
            impute(&Linear, &rows[cells.clone()], &mask[cells.clone()], 30, statistic, one, &mut alone);
            for copy in 0..copies {
                let found = &together[copy * rows.len()..][cells.clone()];
                assert_eq!(found, &alone[copy * D..][..D], "row {n}, copy {copy}, {statistic:?}");
            }
        }
    }
}
