//! Samplers of missing values against the exact conditional of a linear Gaussian model.
//!
//! The encoder is exact or deliberately wrong. Each row is a copy of one pattern with a stream of its own, so that
//! standard errors come from the rows.

mod linear;

use std::array::from_fn;

use linalg::special::ndtr;
use linear::{D, L, Linear, NOISE, OFFSETS, Versions, loading, variance};
use missvae_samplers::chains::{
    ChainConfig, ChainDiagnostics, ChainSampler, Impute, Lair, Resampling, Sampler, Scope, Weights,
};
use missvae_samplers::gaussian_mixture::{Conditional, GaussianMixture};
use missvae_samplers::rejection::{Rejection, RejectionConfig};

/// One cell missing, two, three, all.
const PATTERNS: [([f64; D], [f64; D]); 4] = [
    ([1.0, 0.0, 1.5, 0.7], [1.0, 0.0, 1.0, 1.0]),
    ([0.0, -0.4, 0.0, 0.7], [0.0, 1.0, 0.0, 1.0]),
    ([0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 1.0, 0.0]),
    ([0.0; D], [0.0; D]),
];

/// Where chains begin: far from everything.
const START: f64 = 4.0;

fn exact(pattern: usize) -> Conditional {
    let covariance = (0..D * D).map(|i| {
        let (row, column) = (i / D, i % D);
        let shared: f64 = (0..L).map(|l| loading(row, l) * loading(column, l)).sum();
        shared + if row == column { NOISE[row].powi(2) } else { 0.0 }
    });
    let marginal = GaussianMixture::new(D, vec![1.0], OFFSETS.to_vec(), covariance.collect()).unwrap();
    marginal.conditional(&PATTERNS[pattern].0, &PATTERNS[pattern].1)
}

fn missing(pattern: usize) -> impl Iterator<Item = usize> {
    (0..D).filter(move |&d| PATTERNS[pattern].1[d] == 0.0)
}

/// The versions that one update of `rows` × `copies` leaves of a pattern.
fn sampled(
    sampler: &mut dyn Impute<f64>,
    model: Linear,
    pattern: usize,
    (rows, copies): (usize, usize),
) -> (Vec<f64>, ChainDiagnostics) {
    let (x, mask) = PATTERNS[pattern];
    let mut versions = Versions::new(&x.repeat(rows), &mask.repeat(rows), copies, START, sampler.keeps_latents());
    let diagnostics = versions.update(sampler, &model);
    (versions.completed, diagnostics)
}

fn chain(sampler: Sampler, iterations: usize) -> ChainSampler<f64> {
    ChainSampler::new(ChainConfig { sampler, iterations })
}

/// The values of column d, standardised by its conditional.
fn standardised(completed: &[f64], conditional: &Conditional, d: usize) -> Vec<f64> {
    let (mean, scale) = (conditional.means[d], conditional.covariances[d * D + d].sqrt());
    completed.iter().skip(d).step_by(D).map(|x| (x - mean) / scale).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// The largest of some distances; NaN, which `f64::max` would lose, if one is.
fn largest(mut distances: impl Iterator<Item = f64>) -> f64 {
    distances.try_fold(0.0, |most, x| if x.is_nan() { None } else { Some(x.max(most)) }).unwrap_or(f64::NAN)
}

/// Kolmogorov-Smirnov distance to N(0, 1), times √n.
fn distance(mut values: Vec<f64>) -> f64 {
    let n = values.len() as f64;
    values.sort_by(f64::total_cmp);
    let steps = values.iter().enumerate().map(|(i, &t)| {
        let below = ndtr(t);
        (below - i as f64 / n).abs().max(((i + 1) as f64 / n - below).abs())
    });
    largest(steps) * n.sqrt()
}

/// Independent draws follow the exact conditional: for each missing column the mean within 4.5 standard errors (7e-6),
/// the Kolmogorov-Smirnov distance below 2.6/√n (2·e^(−2·2.6²) = 3e-6), and each covariance within 4.5 standard errors
/// (7e-6). Over the four patterns that is 10 columns and 20 covariances: 2.4e-4 in the four calls for one sampler.
#[track_caller]
fn assert_exact(what: &str, pattern: usize, completed: &[f64]) {
    let conditional = exact(pattern);
    for i in missing(pattern) {
        let t = standardised(completed, &conditional, i);
        let n = t.len() as f64;
        let z = mean(t.iter().copied()) * n.sqrt();
        assert!(z.abs() < 4.5, "{what}, pattern {pattern}, column {i}: mean off by {z:.1} standard errors");
        for j in missing(pattern).filter(|&j| j <= i) {
            let covariance = |a: usize, b: usize| conditional.covariances[a * D + b];
            let expected = covariance(i, j) / (covariance(i, i) * covariance(j, j)).sqrt();
            let other = standardised(completed, &conditional, j);
            let found = mean(t.iter().zip(&other).map(|(a, b)| a * b));
            // Var(ab) = 1 + ρ² for standard normal a and b.
            let z = (found - expected) / ((1.0 + expected * expected) / n).sqrt();
            assert!(z.abs() < 4.5, "{what}, pattern {pattern}, columns {i}, {j}: covariance off by {z:.1}");
        }
        let distance = distance(t);
        assert!(distance < 2.6, "{what}, pattern {pattern}, column {i}: distance {distance:.2}/√n");
    }
}

/// 4,000 chains of 60 iterations. Wherever they began, that is many times their memory: z forgets at least a third an
/// accepted iteration, and more than half of the proposals are accepted.
#[test]
fn metropolis_within_gibbs_is_right_whatever_the_encoder() {
    for pattern in 0..PATTERNS.len() {
        for (what, model) in [("exact encoder", Linear::exact()), ("wrong encoder", Linear::wrong())] {
            let mut sampler = chain(Sampler::MetropolisWithinGibbs { warm_up: 3 }, 60);
            let exact_encoder = model.stretch == 1.0;
            let (completed, diagnostics) = sampled(&mut sampler, model, pattern, (2000, 2));
            assert_exact(what, pattern, &completed);
            match diagnostics.acceptance_rate() {
                None => assert_eq!(pattern, 3, "the prior needs no proposal"),
                // The ratio is 1 but for rounding.
                Some(rate) if exact_encoder => assert!(rate > 0.999_99, "{rate}"),
                Some(rate) => assert!(rate > 0.45 && rate < 0.75, "{rate}"),
            }
        }
    }
}

/// The stationary mean and variance of column d under pseudo-Gibbs with an encoder of this shift and stretch.
///
/// z' = M z + h + shift + noise, where M_ij = v_i Σ_mis W_di W_dj/ψ_d² and h_i = v_i Σ_obs W_di (x_d − b_d)/ψ_d², and
/// the noise has covariance v_i v_j Σ_mis W_di W_dj/ψ_d² + stretch² v_i δ_ij.
fn stationary(model: &Linear, pattern: usize, d: usize) -> (f64, f64) {
    let (x, mask) = PATTERNS[pattern];
    let sum = |observed: f64, of: &dyn Fn(usize) -> f64| -> f64 {
        (0..D).filter(|&d| mask[d] == observed).map(|d| of(d) / NOISE[d].powi(2)).sum()
    };
    let shared = |i: usize, j: usize| sum(0.0, &|d| loading(d, i) * loading(d, j));
    let step = |i: usize, j: usize| variance(i) * shared(i, j);
    let drift = |i: usize| variance(i) * sum(1.0, &|d| loading(d, i) * (x[d] - OFFSETS[d])) + model.shift[i];
    let noise = |i: usize, j: usize| {
        let own = if i == j { model.stretch.powi(2) * variance(i) } else { 0.0 };
        variance(i) * variance(j) * shared(i, j) + own
    };
    let pairs = || (0..L).flat_map(|i| (0..L).map(move |j| (i, j)));
    let (mut mean, mut covariance) = ([0.0; L], [[0.0; L]; L]);
    for _ in 0..2000 {
        let (m, c) = (mean, covariance);
        mean = from_fn(|i| drift(i) + (0..L).map(|k| step(i, k) * m[k]).sum::<f64>());
        let carried = |i, j| pairs().map(|(k, l)| step(i, k) * c[k][l] * step(j, l)).sum::<f64>();
        covariance = from_fn(|i| from_fn(|j| noise(i, j) + carried(i, j)));
    }
    (
        OFFSETS[d] + (0..L).map(|l| loading(d, l) * mean[l]).sum::<f64>(),
        NOISE[d].powi(2) + pairs().map(|(i, j)| loading(d, i) * covariance[i][j] * loading(d, j)).sum::<f64>(),
    )
}

/// 4,000 chains of 60 iterations. The wrong encoder's error stays, and is what theory says, within 4.5 standard errors.
#[test]
fn pseudo_gibbs_is_as_right_as_its_encoder() {
    for pattern in 0..3 {
        let (completed, diagnostics) =
            sampled(&mut chain(Sampler::PseudoGibbs, 60), Linear::exact(), pattern, (2000, 2));
        assert_exact("pseudo-Gibbs", pattern, &completed);
        assert_eq!(diagnostics, ChainDiagnostics::default());

        let (completed, _) = sampled(&mut chain(Sampler::PseudoGibbs, 60), Linear::wrong(), pattern, (2000, 2));
        let conditional = exact(pattern);
        let mut largest = 0.0_f64;
        for d in missing(pattern) {
            let values: Vec<f64> = completed.iter().skip(d).step_by(D).copied().collect();
            let n = values.len() as f64;
            let (expected, spread) = stationary(&Linear::wrong(), pattern, d);
            let error = (spread / n).sqrt();
            let found = mean(values.iter().copied());
            assert!((found - expected).abs() < 4.5 * error, "pattern {pattern}, column {d}: {found}, not {expected}");
            let variance = mean(values.iter().map(|x| (x - expected).powi(2)));
            let off = (variance / spread - 1.0) / (2.0 / n).sqrt();
            assert!(off.abs() < 4.5, "pattern {pattern}, column {d}: variance {variance}, not {spread}");
            // The exact encoder's theory is the truth.
            let (truth, true_variance) = stationary(&Linear::exact(), pattern, d);
            assert!((truth - conditional.means[d]).abs() < 1e-9, "{truth} and {}", conditional.means[d]);
            assert!((true_variance - conditional.covariances[d * D + d]).abs() < 1e-9);
            largest = largest.max((found - truth).abs() / error);
        }
        assert!(largest > 15.0, "pattern {pattern}: bias of {largest:.1} standard errors");
    }
}

fn lair(proposals: usize, replenish: usize) -> Lair {
    Lair {
        proposals,
        replenish,
        weights: Weights::Dmis,
        scope: Scope::Global,
        resampling: Resampling::Multinomial,
        resample_final: false,
    }
}

/// Distance of LAIR's draws from the truth: the largest error of a mean or a second moment, in standard deviations,
/// with the wrong encoder. 3,000 rows of 5 versions that share samples: the standard error of a moment is below
/// √(2/3000) = 0.026, and near √(2/15000) = 0.012 where samples are many.
fn lair_error(settings: Lair, rows: usize, iterations: usize, pattern: usize) -> f64 {
    let (completed, diagnostics) =
        sampled(&mut chain(Sampler::Lair(settings), iterations), Linear::wrong(), pattern, (rows, 5));
    let effective = diagnostics.effective_sample_size().unwrap();
    let most = (5 + settings.replenish) * settings.proposals;
    assert!(effective >= 1.0 && effective <= most as f64, "{effective} of {most}");
    worst_moment(&completed, pattern)
}

fn worst_moment(completed: &[f64], pattern: usize) -> f64 {
    let conditional = exact(pattern);
    let errors = missing(pattern).flat_map(|d| {
        let t = standardised(completed, &conditional, d);
        [mean(t.iter().copied()).abs(), (mean(t.iter().map(|t| t * t)) - 1.0).abs()]
    });
    largest(errors)
}

/// One iteration from a bad start: the more samples, the better.
#[test]
fn lair_gets_better_with_samples() {
    for pattern in 1..3 {
        let errors = [1, 4, 16, 64].map(|proposals| lair_error(lair(proposals, 1), 3000, 1, pattern));
        assert!(errors[0] > 0.2 && errors[3] < 0.05, "{errors:?}");
        assert!(errors.windows(2).all(|pair| pair[1] < 0.5 * pair[0] || pair[1] < 0.05), "{errors:?}");
    }
}

/// One sample of each proposal: the more iterations, the better. Without proposals from the prior the versions need
/// some to leave a bad start; what then remains is due to 5 samples. Drawn over all iterations' samples, the last
/// versions have no such floor. Pseudo-Gibbs is off by more than half a standard deviation with this encoder.
#[test]
fn lair_gets_better_with_iterations() {
    let conditional = exact(2);
    let encoder = missing(2).map(|d| {
        let (mean, _) = stationary(&Linear::wrong(), 2, d);
        (mean - conditional.means[d]).abs() / conditional.covariances[d * D + d].sqrt()
    });
    let encoder = largest(encoder);
    assert!(encoder > 0.5, "{encoder}");

    let errors = [1, 2, 4, 8].map(|iterations| lair_error(lair(1, 0), 3000, iterations, 2));
    assert!(errors.windows(2).all(|pair| pair[1] < 0.5 * pair[0]) && errors[3] < 0.4 * encoder, "{errors:?}");
    for pattern in 1..3 {
        let settings = Lair { resample_final: true, ..lair(1, 1) };
        let errors = [1, 2, 4, 16].map(|iterations| lair_error(settings, 3000, iterations, pattern));
        assert!(errors.windows(2).all(|pair| pair[1] < 0.6 * pair[0]) && errors[3] < 0.05, "{errors:?}");
    }
}

/// With many samples every variant is right: 10,000 draws have second moments with a standard error of 0.014, of which
/// 0.07 is 5. The first of two updates only brings the chains to where they belong: samples of a bad start that are
/// drawn from again at the end have weights that vary wildly unless they are divided by the mixture. For the same
/// reason one column has to be missing where a version draws among its own samples: with less observed the posterior of
/// z is wider than the encoding of a complete row.
#[test]
fn every_variant_of_lair_is_right_with_many_samples() {
    let variants =
        [(Scope::Global, Weights::Dmis, 2), (Scope::Global, Weights::Smis, 2), (Scope::Local, Weights::Smis, 0)];
    let update = |versions: &mut Versions<f64>, settings| {
        versions.update(&mut chain(Sampler::Lair(settings), 3), &Linear::wrong());
    };
    for (scope, weights, pattern) in variants {
        let (x, mask) = PATTERNS[pattern];
        let mut begun = Versions::new(&x.repeat(2000), &mask.repeat(2000), 5, START, false);
        update(&mut begun, lair(48, 1));
        for resampling in [Resampling::Multinomial, Resampling::Systematic] {
            for resample_final in [false, true] {
                let settings = Lair { weights, scope, resampling, resample_final, ..lair(48, 1) };
                let mut versions = begun.clone();
                update(&mut versions, settings);
                let error = worst_moment(&versions.completed, pattern);
                assert!(error < 0.07, "pattern {pattern}, {settings:?}: {error}");
            }
        }
    }
}

/// Rows share proposals, so that their draws are dependent. Those of one row are not, and make up the sample.
#[test]
fn rejection_is_exact() {
    for pattern in 0..PATTERNS.len() {
        let mut sampler = Rejection::new(RejectionConfig::default());
        let (completed, diagnostics) = sampled(&mut sampler, Linear::wrong(), pattern, (1, 4000));
        assert_exact("rejection", pattern, &completed);
        assert_eq!((diagnostics.envelope_violations, diagnostics.replaced), (0, 0));
        if pattern < 3 {
            let rate = diagnostics.acceptance_rate().unwrap();
            assert!(rate > 1e-3 && rate < 0.1, "{rate}");
        }
    }
}
