//! The bounds on completed rows (docs/methods.md §3, paper section 4.2) against the log-likelihood and against a VAE
//! on complete rows.
//!
//! Pointwise identities hold to rounding. Statements about expectations are tested with standard errors: one-sided tests
//! at 4.5 of them fail by chance with probability 3.4e-6, and seeds are fixed.

use autodiff::{Aligned, Tape, Wanted};
use missvae::data::{Batch, Data};
use missvae::evaluate::{Grid, grid_log_likelihood, mean_and_standard_error};
use missvae::impute::FittedModel;
use missvae::network::{EncoderInput, Vae, VaeConfig};
use missvae::objective::{
    Bound, CompletedBatch, CompletedBound, CompletedObjectiveConfig, Estimator, Mode, ObjectiveConfig, Randomness,
    record, record_completed,
};
use missvae_verify::distance;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use samplers::draw::fill_standard_normal;
use samplers::stream::{Purpose, stream};

const COLUMNS: usize = 3;
const LATENT: usize = 2;

fn vae(encoder_input: EncoderInput) -> Vae {
    Vae::new(VaeConfig {
        encoder_input,
        hidden: 12,
        encoder_blocks: 1,
        decoder_blocks: 1,
        encoder_min_scale: 0.3,
        decoder_min_scale: 0.5,
        ..VaeConfig::new(COLUMNS, LATENT)
    })
}

fn parameters(vae: &Vae) -> Aligned<f64> {
    let mut parameters: Aligned<f64> = vae.layout().initialise(&mut stream(5, Purpose::Initialise, 0, 0));
    for tensor in vae.layout().tensors().iter().filter(|tensor| tensor.name.contains("output")) {
        parameters[tensor.range()].iter_mut().for_each(|p| *p *= 3.0);
    }
    parameters
}

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut values = vec![0.0; count];
    fill_standard_normal(&mut stream(seed, Purpose::Generate, 0, 0), &mut values);
    values
}

/// K versions of each row, which agree where `mask` is 1.
fn versions(mask: &[f64], imputations: usize, seed: u64) -> Vec<f64> {
    let mut completed = normals(mask.len() * imputations, seed);
    for (versions, mask) in completed.chunks_exact_mut(imputations * COLUMNS).zip(mask.chunks_exact(COLUMNS)) {
        for k in 1..imputations {
            for d in (0..COLUMNS).filter(|&d| mask[d] > 0.0) {
                versions[k * COLUMNS + d] = versions[d];
            }
        }
    }
    completed
}

fn config(bound: CompletedBound, imputations: usize, samples: usize) -> CompletedObjectiveConfig {
    CompletedObjectiveConfig { decoder: bound, encoder: bound, imputations, samples, estimator: Estimator::Plain }
}

/// Both bounds' values, and the gradient of `bound`.
fn evaluate(
    vae: &Vae,
    completed: &[f64],
    mask: &[f64],
    noise: &[f64],
    config: &CompletedObjectiveConfig,
) -> ([f64; 2], Vec<f64>) {
    let parameters = parameters(vae);
    let mut tape = Tape::new();
    let mut g = tape.graph(&parameters);
    let batch = CompletedBatch::record(&mut g, COLUMNS, config.imputations, completed, mask);
    let recorded = record_completed(&mut g, vae, config, batch, Randomness::Noise(noise), Mode::Evaluate);
    let values = [g.item(recorded.cvi), g.item(recorded.lmvb)];
    let mut gradient = vec![0.0; parameters.len()];
    recorded.backward(&mut g, vae, config, 1.0, &mut gradient);
    (values, gradient)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    /// Complete rows, one version of each: both bounds are the ELBO of a VAE on complete rows. Values and gradients to
    /// 1e-12.
    #[test]
    fn complete_rows_give_the_ordinary_elbo(rows in 1..5usize, samples in 1..4usize, seed in 0..1000u64) {
        let vae = vae(EncoderInput::Completed);
        let parameters = parameters(&vae);
        let (x, mask) = (normals(rows * COLUMNS, seed), vec![1.0; rows * COLUMNS]);
        let noise = normals(samples * rows * LATENT, seed + 1);
        let mut tape = Tape::new();
        let mut g = tape.graph(&parameters);
        let batch = Batch::from_slices(&mut g, COLUMNS, &x, &mask);
        let elbo = ObjectiveConfig { samples, estimator: Estimator::Plain, ..ObjectiveConfig::new(Bound::Elbo, 1) };
        let recorded = record(&mut g, &vae, &elbo, batch, Randomness::Noise(&noise), Mode::Evaluate);
        let expected = g.item(recorded.value);
        let mut gradient = vec![0.0; parameters.len()];
        recorded.backward(&mut g, 1.0, Wanted::All, &mut gradient);
        for bound in [CompletedBound::Cvi, CompletedBound::Lmvb] {
            let (values, found) = evaluate(&vae, &x, &mask, &noise, &config(bound, 1, samples));
            prop_assert!(distance(&values, &[expected; 2]) < 1e-12, "{values:?}, not {expected}");
            prop_assert!(distance(&found, &gradient) < 1e-12);
        }
    }

    /// The versions' order means nothing, to 1e-12.
    #[test]
    fn permuting_the_versions_changes_nothing(
        order in Just((0..4usize).collect::<Vec<_>>()).prop_shuffle(),
        mask in proptest::collection::vec(prop_oneof![Just(0.0), Just(1.0)], 2 * COLUMNS),
        seed in 0..1000u64,
    ) {
        let vae = vae(EncoderInput::CompletedAndMask);
        let (completed, noise) = (versions(&mask, 4, seed), normals(2 * 4 * LATENT, seed + 1));
        let permute = |values: &[f64], width: usize| -> Vec<f64> {
            let rows = values.chunks_exact(4 * width);
            rows.flat_map(|row| order.iter().flat_map(|&k| row[k * width..(k + 1) * width].to_vec())).collect()
        };
        for bound in [CompletedBound::Cvi, CompletedBound::Lmvb] {
            let config = config(bound, 4, 1);
            let (values, gradient) = evaluate(&vae, &completed, &mask, &noise, &config);
            let (permuted, noise) = (permute(&completed, COLUMNS), permute(&noise, LATENT));
            let (others, other) = evaluate(&vae, &permuted, &mask, &noise, &config);
            prop_assert!(distance(&values, &others) < 1e-12 && distance(&gradient, &other) < 1e-12);
        }
    }
}

/// E[CVI with the density of the imputation mixture] ≤ log p(x_obs) by quadrature, whatever the imputations are: it is the
/// ELBO with that mixture. E[LMVB] of a complete row ≤ log p(x). 3 rows, 20,000 values each; each wrong by chance with
/// probability 3.4e-6. Both come within 3 nats: a bound that lost a term would not.
#[test]
fn no_bound_exceeds_the_log_likelihood() {
    let vae = vae(EncoderInput::Completed);
    let mut tape = Tape::new();
    let parameters = parameters(&vae);
    for (row, mask) in [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]].into_iter().enumerate() {
        let completed = versions(&mask, 5, 40 + row as u64);
        let complete = mask.iter().all(|&m| m > 0.0);
        let config = config(CompletedBound::Cvi, 5, 1);
        let mut values = [Vec::new(), Vec::new()];
        for draw in 0..20_000 {
            let mut g = tape.graph(&parameters);
            let batch = CompletedBatch::record(&mut g, COLUMNS, 5, &completed, &mask);
            let mut noise = stream(50 + row as u64, Purpose::Latent, 0, draw);
            let recorded =
                record_completed(&mut g, &vae, &config, batch, Randomness::Stream(&mut noise), Mode::Evaluate);
            values[0].push(g.item(recorded.cvi));
            values[1].push(g.item(recorded.lmvb));
        }
        let data = Data::new(COLUMNS, completed[..COLUMNS].to_vec(), mask.iter().map(|&m| m > 0.0).collect());
        let fitted = FittedModel::new(vae.clone(), Aligned::from_slice(&parameters));
        let exact = grid_log_likelihood(&fitted, &data, Grid::default_for(LATENT))[0];
        for (values, name) in values.iter().zip(["CVI", "LMVB"]).take(if complete { 2 } else { 1 }) {
            let (mean, error) = mean_and_standard_error(values);
            assert!(mean <= exact + 4.5 * error, "{name}, row {row}: {mean} ± {error} above {exact}");
            assert!(mean >= exact - 3.0, "{name}, row {row}: {mean} is far below {exact}");
        }
    }
}
