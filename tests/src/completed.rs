//! The bounds on completed rows against finite differences, and what the estimators leave out.

use autodiff::gradcheck::{self, Options};
use autodiff::{Aligned, Graph, Tape};
use missvae::network::{EncoderInput, Vae, VaeConfig};
use missvae::objective::{
    CompletedBatch, CompletedBound, CompletedObjectiveConfig, Estimator, Mode, Randomness, RecordedCompleted,
    record_completed,
};
use samplers::stream::{Purpose, stream};

use super::Check;
use super::values::{distance, numbers, zeros_and_ones};

const KIND: &str = "objective";
const ROWS: usize = 3;
const COLUMNS: usize = 4;
const LATENT: usize = 2;
const IMPUTATIONS: usize = 3;
const SAMPLES: usize = 2;
/// Largest error in an identity between gradients.
const IDENTITY: f64 = 1e-12;

/// Checks both bounds. `seed` chooses the directions in which derivatives are compared.
pub fn check(seed: u64) -> Vec<Check> {
    let options = Options { seed, ..Options::default() };
    let mut checks = Vec::new();
    for (bound, name) in [(CompletedBound::Cvi, "CVI"), (CompletedBound::Lmvb, "LMVB")] {
        for encoder_input in [EncoderInput::Completed, EncoderInput::CompletedAndMask] {
            let problem = Problem::new(encoder_input);
            let objective = |g: &mut Graph<'_, f64>| problem.record(g, Estimator::Plain).value(bound);
            let report = gradcheck::check_objective(objective, &problem.parameters, &options);
            let input = if encoder_input == EncoderInput::Completed { "rows" } else { "rows and masks" };
            checks.push(Check::of_differences(format!("{name} on completed {input}, plain"), KIND, &report));
        }
    }
    checks.push(Problem::new(EncoderInput::Completed).decoder_gradients());
    checks
}

/// A small model, completed rows and noise.
struct Problem {
    vae: Vae,
    parameters: Aligned<f64>,
    completed: Vec<f64>,
    mask: Vec<f64>,
    noise: Vec<f64>,
}

impl Problem {
    fn new(encoder_input: EncoderInput) -> Self {
        let vae = Vae::new(VaeConfig {
            encoder_input,
            hidden: 6,
            encoder_blocks: 1,
            decoder_blocks: 1,
            ..VaeConfig::new(COLUMNS, LATENT)
        });
        let parameters = vae.layout().initialise(&mut stream(3, Purpose::Initialise, 0, 0));
        let mut mask = zeros_and_ones([ROWS, COLUMNS], 5).1;
        // The last row is complete.
        mask[(ROWS - 1) * COLUMNS..].fill(1.0);
        let mut completed = numbers(ROWS * IMPUTATIONS * COLUMNS, 4);
        for (versions, mask) in completed.chunks_exact_mut(IMPUTATIONS * COLUMNS).zip(mask.chunks_exact(COLUMNS)) {
            let (first, others) = versions.split_at_mut(COLUMNS);
            for version in others.chunks_exact_mut(COLUMNS) {
                version.iter_mut().zip(&*first).zip(mask).filter(|(_, m)| **m > 0.0).for_each(|((x, o), _)| *x = *o);
            }
        }
        let noise = numbers(SAMPLES * ROWS * IMPUTATIONS * LATENT, 6);
        Problem { vae, parameters, completed, mask, noise }
    }

    fn record(&self, g: &mut Graph<'_, f64>, estimator: Estimator) -> RecordedCompleted {
        let batch = CompletedBatch::record(g, COLUMNS, IMPUTATIONS, &self.completed, &self.mask);
        let noise = Randomness::Noise(&self.noise);
        record_completed(g, &self.vae, &config(CompletedBound::Cvi, estimator), batch, noise, Mode::Evaluate)
    }

    fn gradient(&self, bound: CompletedBound, estimator: Estimator) -> Vec<f64> {
        let mut tape = Tape::new();
        let mut g = tape.graph(&self.parameters);
        let recorded = self.record(&mut g, estimator);
        let mut gradient = vec![0.0; self.parameters.len()];
        recorded.backward(&mut g, &self.vae, &config(bound, estimator), 1.0, &mut gradient);
        gradient
    }

    /// The estimators differ in the encoder's gradient only.
    fn decoder_gradients(&self) -> Check {
        let decoder = self.vae.decoder_range();
        let error = [CompletedBound::Cvi, CompletedBound::Lmvb].map(|bound| {
            let [plain, stl] =
                [Estimator::Plain, Estimator::Stl].map(|e| self.gradient(bound, e)[decoder.clone()].to_vec());
            distance(&plain, &stl)
        });
        Check::of_identity("completed rows, stl, decoder".to_owned(), KIND, error[0].max(error[1]), IDENTITY)
    }
}

fn config(bound: CompletedBound, estimator: Estimator) -> CompletedObjectiveConfig {
    CompletedObjectiveConfig { decoder: bound, encoder: bound, imputations: IMPUTATIONS, samples: SAMPLES, estimator }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_pass() {
        let failed: Vec<Check> = check(1).into_iter().filter(|check| !check.pass).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    /// A wrong estimator, or a bound taken for the other, would be seen.
    #[test]
    fn bounds_and_estimators_differ() {
        let problem = Problem::new(EncoderInput::Completed);
        let of = |bound, estimator| problem.gradient(bound, estimator);
        let encoder = problem.vae.encoder_range();
        for bound in [CompletedBound::Cvi, CompletedBound::Lmvb] {
            let [plain, stl] = [Estimator::Plain, Estimator::Stl].map(|e| of(bound, e)[encoder.clone()].to_vec());
            assert!(distance(&plain, &stl) > 1e-3, "{bound:?}");
        }
        let [cvi, lmvb] = [CompletedBound::Cvi, CompletedBound::Lmvb].map(|bound| of(bound, Estimator::Stl));
        assert!(distance(&cvi, &lmvb) > 1e-3);
    }
}
