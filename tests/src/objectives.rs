//! Every method's objective against finite differences, and the estimators against their identities.
//!
//! With the `plain` estimator and fixed noise the gradient is a derivative, unless samples are ancestral: then it passes
//! through them along a chosen path, which [`operations`](super::operations) and the fixtures check. The `stl`
//! estimator leaves out exactly the score term, whatever the sampling.

use autodiff::gradcheck::{self, Options};
use autodiff::{Aligned, Graph, Seed, Tape, Var, Wanted};
use missvae::data::Batch;
use missvae::network::{Vae, VaeConfig};
use missvae::objective::{
    Bound, Estimator, Method, Mode, ObjectiveConfig, Randomness, Recorded, bound, finite_mixtures, record,
};
use samplers::draw::{fill_ancestral, fill_standard_normal};
use samplers::stream::{Purpose, Stream, stream};

use super::Check;
use super::values::{distance, numbers, zeros_and_ones};

const KIND: &str = "objective";
const ROWS: usize = 3;
const COLUMNS: usize = 4;
const LATENT: usize = 2;
/// Of the random streams behind weights and noise.
const SEED: u64 = 3;
/// Largest error in an identity between gradients.
const IDENTITY: f64 = 1e-12;

/// Checks every method. `seed` chooses the directions in which derivatives are compared.
pub fn check(seed: u64) -> Vec<Check> {
    let options = Options { seed, ..Options::default() };
    let mut checks = Vec::new();
    for (method, bound) in finite_mixtures() {
        let components = if method.single() { 1 } else { 3 };
        let problem = Problem::new(bound, components);
        if !problem.config.ancestral() {
            checks.push(problem.plain(method, &options));
        }
        checks.push(problem.score_term(method));
    }
    // With one component these are ordinary samples.
    for (method, bound) in finite_mixtures().filter(|(method, _)| !method.single()) {
        checks.push(Problem::new(bound, 1).plain(method, &options));
    }
    checks
}

/// A small model, a minibatch and what its samples are made from.
struct Problem {
    vae: Vae,
    config: ObjectiveConfig,
    parameters: Aligned<f64>,
    x: Vec<f64>,
    mask: Vec<f64>,
    /// Noise, or the samples themselves where they are ancestral.
    drawn: Vec<f64>,
}

impl Problem {
    fn new(bound: Bound, components: usize) -> Self {
        let vae = Vae::new(VaeConfig {
            components,
            hidden: 6,
            encoder_blocks: 1,
            decoder_blocks: 1,
            ..VaeConfig::new(COLUMNS, LATENT)
        });
        let config = ObjectiveConfig {
            samples: 2,
            importance_samples: if bound.importance_weighted() { 3 } else { 1 },
            estimator: Estimator::Plain,
            ..ObjectiveConfig::new(bound, components)
        };
        let parameters = vae.layout().initialise(&mut stream(SEED, Purpose::Initialise, 0, 0));
        let mut mask = zeros_and_ones([ROWS, COLUMNS], 5).1;
        // The last row has no observed cell.
        mask[(ROWS - 1) * COLUMNS..].fill(0.0);
        let mut problem = Problem { vae, config, parameters, x: numbers(ROWS * COLUMNS, 4), mask, drawn: Vec::new() };
        problem.draw();
        problem
    }

    fn draw(&mut self) {
        let mut rng = stream(SEED, Purpose::Latent, 0, 0);
        let samples = self.config.samples * self.config.importance_samples * ROWS;
        if self.config.ancestral() {
            let mut tape = Tape::new();
            let mut g = tape.graph(&self.parameters);
            let params = self.encode(&mut g);
            self.drawn = vec![0.0; samples * LATENT];
            fill_ancestral(&mut rng, self.vae.mixture(), g.value(params), &mut self.drawn);
        } else {
            self.drawn = vec![0.0; samples * self.config.components * LATENT];
            fill_standard_normal(&mut rng, &mut self.drawn);
        }
    }

    fn encode(&self, g: &mut Graph<'_, f64>) -> Var {
        let batch = Batch::from_slices(g, COLUMNS, &self.x, &self.mask);
        self.vae.encode(g, batch.x, batch.mask, None::<&mut Stream>)
    }

    fn record(&self, g: &mut Graph<'_, f64>, estimator: Estimator) -> Recorded {
        let batch = Batch::from_slices(g, COLUMNS, &self.x, &self.mask);
        let config = ObjectiveConfig { estimator, ..self.config };
        let drawn = match config.ancestral() {
            true => Randomness::Samples(&self.drawn),
            false => Randomness::Noise(&self.drawn),
        };
        record(g, &self.vae, &config, batch, drawn, Mode::Evaluate)
    }

    /// The gradient of everything, against finite differences.
    fn plain(&self, method: Method, options: &Options) -> Check {
        let objective = |g: &mut Graph<'_, f64>| self.record(g, Estimator::Plain).value;
        let report = gradcheck::check_objective(objective, &self.parameters, options);
        let name = format!("{method}, plain, K = {}", self.config.components);
        Check::of_differences(name, KIND, &report)
    }

    fn gradient(&self, estimator: Estimator) -> Vec<f64> {
        let mut tape = Tape::new();
        let mut g = tape.graph(&self.parameters);
        let recorded = self.record(&mut g, estimator);
        let mut gradient = vec![0.0; self.parameters.len()];
        recorded.backward(&mut g, 1.0, Wanted::All, &mut gradient);
        gradient
    }

    /// gradient(plain) − gradient(stl) = −Σ_n (∂ value/∂ log w_n) ∂ log q(z_n; φ)/∂φ, the samples z_n held fixed: nothing
    /// for the decoder, the weighted score for the encoder.
    fn score_term(&self, method: Method) -> Check {
        let [plain, stl] = [Estimator::Plain, Estimator::Stl].map(|estimator| self.gradient(estimator));
        let difference: Vec<f64> = plain.iter().zip(&stl).map(|(plain, stl)| plain - stl).collect();

        let mut tape = Tape::new();
        let mut g = tape.graph(&self.parameters);
        let mixture = self.vae.mixture();
        let (log_weights, shape) = {
            let recorded = self.record(&mut g, Estimator::Plain);
            (g.value(recorded.log_weights).to_vec(), g.shape(recorded.log_weights))
        };
        let params = self.encode(&mut g);
        let (z, inner) = self.samples(&mut g, params);
        let log_q = g.mixture_log_density(z, params, mixture, inner);

        let mut other = Tape::new();
        let mut h = other.graph(&[]);
        let log_weights = h.variable(shape, &log_weights);
        let fixed = h.constant(g.shape(params), g.value(params));
        let log_pi = self.config.bound.stratified().then(|| h.mixture_log_weights(fixed, mixture));
        let per_row = bound(&mut h, self.config.bound, log_weights, log_pi);
        h.backward(&[(per_row, Seed::Uniform(-1.0 / ROWS as f64))], Wanted::All, &mut []);

        let mut score = vec![0.0; self.parameters.len()];
        g.backward(&[(log_q, Seed::Each(h.gradient(log_weights)))], Wanted::All, &mut score);
        let name = format!("{method}, stl, K = {}", self.config.components);
        Check::of_identity(name, KIND, distance(&difference, &score), IDENTITY)
    }

    /// The samples as constants, and how many of one data row are adjacent.
    fn samples(&self, g: &mut Graph<'_, f64>, params: Var) -> (Var, usize) {
        let ObjectiveConfig { samples, importance_samples, components, .. } = self.config;
        if self.config.ancestral() {
            return (g.constant([samples, importance_samples, ROWS, LATENT], &self.drawn), 1);
        }
        let noise = g.constant([samples, importance_samples, ROWS, components, LATENT], &self.drawn);
        let z = g.stratified_sample(params, noise, self.vae.mixture());
        (g.detach(z), components)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_passes() {
        let checks = check(1);
        for (method, _) in finite_mixtures() {
            assert!(checks.iter().filter(|check| check.name.starts_with(&format!("{method},"))).count() >= 2);
        }
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.pass).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    /// The score term is not nothing: a wrong estimator would be seen.
    #[test]
    fn the_estimators_differ() {
        for (method, bound) in finite_mixtures() {
            let problem = Problem::new(bound, if method.single() { 1 } else { 3 });
            let [plain, stl] = [Estimator::Plain, Estimator::Stl].map(|estimator| problem.gradient(estimator));
            assert!(distance(&plain, &stl) > 1e-3, "{method}");
        }
    }
}
