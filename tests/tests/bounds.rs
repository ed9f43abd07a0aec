//! The bounds of docs/methods.md §3 against each other and against the log-likelihood.
//!
//! Pointwise identities hold to rounding. Statements about expectations are tested with standard errors: a one-sided
//! test fails by chance with probability 3.4e-6 (4.5 standard errors), and seeds are fixed.

mod small_model;

use autodiff::{Aligned, Graph, Tape, Wanted};
use missvae::data::Batch;
use missvae::evaluate::{Grid, grid_log_likelihood, mean_and_standard_error};
use missvae::impute::FittedModel;
use missvae::network::{Vae, VaeConfig};
use missvae::objective::{Bound, Estimator, Mode, ObjectiveConfig, Randomness, finite_mixtures, record};
use missvae_verify::distance;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use samplers::draw::{fill_ancestral, fill_standard_normal};
use samplers::stream::{Purpose, Stream, stream};
use small_model::{PATTERNS, draws, objective, parameters, table, vae};

/// Standard errors that a statement about an expectation may be off by chance.
const LIMIT: f64 = 4.5;

fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() }
}

/// A model, rows and what its samples are made from.
struct Problem {
    vae: Vae,
    parameters: Aligned<f64>,
    x: Vec<f64>,
    mask: Vec<f64>,
}

/// A bound and its gradient.
struct Outcome {
    per_row: Vec<f64>,
    gradient: Vec<f64>,
}

impl Problem {
    fn new(columns: usize, latent: usize, components: usize, rows: usize, seed: u64) -> Self {
        let vae = Vae::new(VaeConfig {
            components,
            hidden: 7,
            encoder_blocks: 1,
            decoder_blocks: 1,
            ..VaeConfig::new(columns, latent)
        });
        let parameters = parameters(&vae, seed);
        let mut x = vec![0.0; rows * columns];
        let rng = &mut stream(seed, Purpose::Generate, 0, 0);
        fill_standard_normal(rng, &mut x);
        let mut signs = vec![0.0; rows * columns];
        fill_standard_normal(rng, &mut signs);
        let mask = signs.iter().map(|&s: &f64| if s < 0.5 { 1.0 } else { 0.0 }).collect();
        Problem { vae, parameters, x, mask }
    }

    fn batch(&self, g: &mut Graph<'_, f64>) -> Batch {
        Batch::from_slices(g, self.vae.config().columns, &self.x, &self.mask)
    }

    fn rows(&self) -> usize {
        self.x.len() / self.vae.config().columns
    }

    /// Noise, or ancestral samples, for a configuration.
    fn drawn(&self, config: &ObjectiveConfig, seed: u64) -> Vec<f64> {
        let mut rng = stream(seed, Purpose::Latent, 0, 0);
        let mut drawn = vec![0.0; config.samples_per_row() * self.rows() * self.vae.config().latent];
        if config.ancestral() {
            let mut tape = Tape::new();
            let mut g = tape.graph(&self.parameters);
            let batch = self.batch(&mut g);
            let params = self.vae.encode(&mut g, batch.x, batch.mask, None::<&mut Stream>);
            fill_ancestral(&mut rng, self.vae.mixture(), g.value(params), &mut drawn);
        } else {
            fill_standard_normal(&mut rng, &mut drawn);
        }
        drawn
    }

    fn evaluate(&self, config: &ObjectiveConfig, drawn: &[f64]) -> Outcome {
        config.check().unwrap();
        let mut tape = Tape::new();
        let mut g = tape.graph(&self.parameters);
        let batch = self.batch(&mut g);
        let randomness = if config.ancestral() { Randomness::Samples(drawn) } else { Randomness::Noise(drawn) };
        let recorded = record(&mut g, &self.vae, config, batch, randomness, Mode::Evaluate);
        let mut gradient = vec![0.0; self.parameters.len()];
        recorded.backward(&mut g, 1.0, Wanted::All, &mut gradient);
        Outcome { per_row: g.value(recorded.per_row).to_vec(), gradient }
    }
}

/// With K = 1 a stratified bound is the ordinary one, with every estimator, given the same noise: values and gradients
/// agree to 1e-12, some thousand roundings.
#[test]
fn with_one_component_stratified_and_ordinary_bounds_coincide() {
    use Bound::{Elbo, Iwelbo, Selbo, Siwelbo, SiwelboLoose};
    use Estimator::{Dreg, Plain, Stl};
    let problem = Problem::new(4, 3, 1, 5, 11);
    for (ordinary, stratified, importance_samples, estimators) in [
        (Elbo, Selbo, 1, &[Plain, Stl][..]),
        (Elbo, SiwelboLoose, 1, &[Plain, Stl]),
        (Iwelbo, Siwelbo, 4, &[Plain, Stl, Dreg]),
        (Iwelbo, SiwelboLoose, 4, &[Plain, Stl]),
    ] {
        for &estimator in estimators {
            let config = |bound| ObjectiveConfig { samples: 3, estimator, ..objective(bound, 1, importance_samples) };
            let noise = problem.drawn(&config(ordinary), 1);
            let expected = problem.evaluate(&config(ordinary), &noise);
            let found = problem.evaluate(&config(stratified), &noise);
            let what = format!("{stratified:?} against {ordinary:?}, {estimator:?}");
            assert!(expected.gradient.iter().any(|x| x.abs() > 0.01), "{what}: no gradient to compare");
            assert!(distance(&found.per_row, &expected.per_row) <= 1e-12, "{what}: values");
            assert!(distance(&found.gradient, &expected.gradient) <= 1e-12, "{what}: gradients");
        }
    }
}

/// The rows of a mixture head (or anything of that layout, `width` numbers a row) with component j taken from
/// `order[j]`.
fn permute_head(values: &mut [f64], width: usize, latent: usize, order: &[usize]) {
    let (old, components) = (values.to_vec(), order.len());
    let mut copy = |to: usize, from: usize| {
        values[to * width..][..width].copy_from_slice(&old[from * width..][..width]);
    };
    for (j, &k) in order.iter().enumerate() {
        for l in 0..latent {
            copy(j * latent + l, k * latent + l);
            copy((components + j) * latent + l, (components + k) * latent + l);
        }
        copy(2 * components * latent + j, 2 * components * latent + k);
    }
}

/// Permutes the encoder's output layer in a buffer of the model's layout.
fn permute_components(vae: &Vae, buffer: &mut [f64], order: &[usize]) {
    for tensor in vae.layout().tensors().iter().filter(|tensor| tensor.name.starts_with("encoder.output")) {
        let width = if tensor.name.ends_with("weight") { vae.config().hidden } else { 1 };
        permute_head(&mut buffer[tensor.range()], width, vae.config().latent, order);
    }
}

/// Permutes the component axis of … × K × L noise.
fn permute_noise(noise: &mut [f64], latent: usize, order: &[usize]) {
    for group in noise.chunks_exact_mut(order.len() * latent) {
        let old = group.to_vec();
        for (j, &k) in order.iter().enumerate() {
            group[j * latent..][..latent].copy_from_slice(&old[k * latent..][..latent]);
        }
    }
}

/// A permutation other than the identity, of 2 to 4 components.
fn order() -> impl Strategy<Value = Vec<usize>> {
    (2..=4usize)
        .prop_flat_map(|components| Just((0..components).collect::<Vec<_>>()).prop_shuffle())
        .prop_filter("the identity", |order| !order.is_sorted())
}

proptest! {
    #![proptest_config(fixed(96))]

    /// The components' order means nothing. Values to 1e-12; gradients, permuted as the parameters, to 1e-9: through
    /// ancestral samples they solve a triangular system.
    #[test]
    fn permuting_the_components_changes_no_bound(
        order in order(),
        (columns, latent, seed) in (1..=3usize, 1..=3usize, 0..1000u64),
        (_, bound) in select(finite_mixtures().filter(|(method, _)| !method.single()).collect::<Vec<_>>()),
        estimator in select(vec![Estimator::Plain, Estimator::Stl, Estimator::Dreg]),
    ) {
        let importance_samples = if bound.importance_weighted() { 2 } else { 1 };
        let config =
            ObjectiveConfig { samples: 2, estimator, ..objective(bound, order.len(), importance_samples) };
        prop_assume!(config.check().is_ok());
        let mut problem = Problem::new(columns, latent, order.len(), 3, seed);
        let mut drawn = problem.drawn(&config, seed);
        let mut expected = problem.evaluate(&config, &drawn);
        permute_components(&problem.vae, &mut problem.parameters, &order);
        permute_components(&problem.vae, &mut expected.gradient, &order);
        if !config.ancestral() {
            permute_noise(&mut drawn, latent, &order);
        }
        let found = problem.evaluate(&config, &drawn);
        let (values, gradients) =
            (distance(&found.per_row, &expected.per_row), distance(&found.gradient, &expected.gradient));
        prop_assert!(values <= 1e-12, "values differ by {values:e}");
        prop_assert!(gradients <= 1e-9, "gradients differ by {gradients:e}");
    }

    /// Jensen's inequality, sample by sample: what has its average inside the logarithm is not smaller. 1e-12 for
    /// rounding.
    #[test]
    fn averages_inside_the_logarithm_are_not_smaller(
        (columns, latent, components, importance_samples) in (1..=3usize, 1..=3usize, 2..=4usize, 2..=4usize),
        seed in 0..1000u64,
    ) {
        let problem = Problem::new(columns, latent, components, 4, seed);
        let value = |config: &ObjectiveConfig, drawn: &[f64]| problem.evaluate(config, drawn).per_row;

        let tight = objective(Bound::Siwelbo, components, importance_samples);
        let noise = problem.drawn(&tight, seed);
        let loose = objective(Bound::SiwelboLoose, components, importance_samples);
        // Eq. 5 averages over I as if over Z: the noise has the same layout.
        let outside = |bound| ObjectiveConfig { samples: importance_samples, ..objective(bound, components, 1) };
        let (tight, loose) = (value(&tight, &noise), value(&loose, &noise));
        let elbo = value(&outside(Bound::Selbo), &noise);
        for n in 0..problem.rows() {
            prop_assert!(loose[n] <= tight[n] + 1e-12, "row {n}: looser {} but SIWELBO {}", loose[n], tight[n]);
            prop_assert!(elbo[n] <= loose[n] + 1e-12, "row {n}: SELBO {} but looser {}", elbo[n], loose[n]);
        }
        prop_assert!((0..problem.rows()).any(|n| elbo[n] < loose[n] - 1e-6 && loose[n] < tight[n] - 1e-6));

        let inside = objective(Bound::Iwelbo, components, importance_samples);
        let samples = problem.drawn(&inside, seed);
        let (iwelbo, elbo) = (value(&inside, &samples), value(&outside(Bound::Elbo), &samples));
        for n in 0..problem.rows() {
            prop_assert!(elbo[n] <= iwelbo[n] + 1e-12, "row {n}: ELBO {} but IWELBO {}", elbo[n], iwelbo[n]);
        }
        prop_assert!((0..problem.rows()).any(|n| elbo[n] < iwelbo[n] - 1e-6));
    }
}

/// Mean and standard error of a bound for each row of the table, from 8,000 independent values each.
fn expectations(vae: &Vae, parameters: &[f64], config: &ObjectiveConfig, seed: u64) -> [(f64, f64); PATTERNS] {
    let values = draws(vae, parameters, config, 16, 500, seed);
    std::array::from_fn(|row| {
        let of_row: Vec<f64> = values.iter().skip(row).step_by(PATTERNS).copied().collect();
        mean_and_standard_error(&of_row)
    })
}

/// E[IWELBO] and E[SIWELBO] do not fall with I, and visibly rise from I = 1 to 16. 3 bounds × 3 rows × 4 steps, each
/// wrong by chance with probability 3.4e-6: 1.2e-4 in all.
#[test]
fn more_importance_samples_tighten_the_bounds() {
    for (bound, components) in [(Bound::Iwelbo, 1), (Bound::Iwelbo, 3), (Bound::Siwelbo, 3)] {
        let vae = vae(components);
        let parameters = parameters(&vae, 5);
        let sizes = [1, 2, 4, 8, 16];
        let levels = sizes.map(|i| expectations(&vae, &parameters, &objective(bound, components, i), i as u64));
        for row in 0..PATTERNS {
            for (i, pair) in sizes.iter().zip(levels.windows(2)) {
                let [(fewer, error), (more, other)] = [pair[0][row], pair[1][row]];
                let z = (more - fewer) / error.hypot(other);
                assert!(
                    z > -LIMIT,
                    "{bound:?}, K = {components}, row {row}: {fewer} at I = {i}, then {more}, z {z:.1}"
                );
            }
            let [(first, error), (last, other)] = [levels[0][row], levels[4][row]];
            let z = (last - first) / error.hypot(other);
            assert!(z > 10.0, "{bound:?}, K = {components}, row {row}: from {first} to {last} is no rise, z {z:.1}");
        }
    }
}

/// E[bound] ≤ log p(x_obs) by quadrature, for every method. 7 methods × 3 rows, each wrong by chance with probability
/// at most 3.4e-6. The tight importance-weighted bounds also come within half a nat of it.
#[test]
fn no_bound_exceeds_the_log_likelihood() {
    for (method, bound) in finite_mixtures() {
        let components = if method.single() { 1 } else { 3 };
        let vae = vae(components);
        let parameters = parameters(&vae, 5);
        let importance_samples = if bound.importance_weighted() { 12 } else { 1 };
        let config = objective(bound, components, importance_samples);
        let found = expectations(&vae, &parameters, &config, 100);
        let fitted = FittedModel::new(vae, parameters);
        let exact = grid_log_likelihood(&fitted, &table(), Grid::default_for(small_model::LATENT));
        for (row, ((mean, error), exact)) in found.into_iter().zip(exact).enumerate() {
            assert!(error < 0.15, "{method}, row {row}: a standard error of {error} shows little");
            assert!(mean <= exact + LIMIT * error, "{method}, row {row}: {mean} ± {error} above {exact}");
            if matches!(bound, Bound::Iwelbo | Bound::Siwelbo) {
                assert!(mean >= exact - 0.5, "{method}, row {row}: {mean} is far below {exact}");
            }
        }
    }
}

/// E[ELBO] ≤ E[IWELBO], E[SELBO] = E[ELBO]: the stratified bound is the same expectation with less noise. Two-sided at
/// 4.5 standard errors: 7e-6 a row.
#[test]
fn the_stratified_elbo_is_the_elbo_in_expectation() {
    let vae = vae(3);
    let parameters = parameters(&vae, 5);
    let of = |bound, i| expectations(&vae, &parameters, &objective(bound, 3, i), 200 + i as u64);
    let (ancestral, stratified, weighted) = (of(Bound::Elbo, 1), of(Bound::Selbo, 1), of(Bound::Iwelbo, 5));
    for row in 0..PATTERNS {
        let [(a, a_error), (s, s_error), (w, w_error)] = [ancestral[row], stratified[row], weighted[row]];
        let z = (a - s) / a_error.hypot(s_error);
        assert!(z.abs() < LIMIT, "row {row}: ELBO {a}, SELBO {s}, z {z:.1}");
        assert!(s_error < a_error, "row {row}: stratification does not reduce the error, {a_error} to {s_error}");
        assert!(w > a - LIMIT * a_error.hypot(w_error), "row {row}: IWELBO {w} below ELBO {a}");
    }
}
