//! Gradient estimators against each other, as Monte Carlo means over thousands of samples.
//!
//! Two unbiased estimators of one gradient differ, parameter by parameter, by a standard normal multiple z of the
//! standard error of their difference. The largest |z| over all parameters and comparisons (about 1,600 × 13) stays
//! below 6 but for a chance of 2e-9 each, 4e-5 in all (Bonferroni). Seeds are fixed.

mod small_model;

use autodiff::ops::Pathwise;
use missvae::network::Vae;
use missvae::objective::{Bound, Estimator, LogitGradient, ObjectiveConfig};
use small_model::{GradientMoments, objective, parameters, vae};

/// Largest |z|.
const LIMIT: f64 = 6.0;
/// Independent gradients of an estimator.
const CALLS: u64 = 500;
/// Copies of the rows in each: their mean is close to normal.
const COPIES: usize = 16;
/// Largest norm of a mean gradient's standard errors, relative to the gradient's: a bias of this size is seen.
const RESOLUTION: f64 = 0.1;

/// A model and the gradient that the others are compared with.
struct Reference {
    vae: Vae,
    parameters: Vec<f64>,
    moments: GradientMoments,
    /// Of the last stream that was used.
    seed: u64,
}

impl Reference {
    fn new(components: usize, config: &ObjectiveConfig) -> Self {
        let vae = vae(components);
        let parameters = parameters(&vae, 5).to_vec();
        let moments = GradientMoments::of(&vae, &parameters, config, CALLS, COPIES, 0);
        let reference = Reference { vae, parameters, moments, seed: 0 };
        reference.check_resolution("reference", &reference.moments);
        reference
    }

    /// Another estimator's gradients.
    fn moments_of(&mut self, config: &ObjectiveConfig) -> GradientMoments {
        self.seed += 1;
        GradientMoments::of(&self.vae, &self.parameters, config, CALLS, COPIES, self.seed)
    }

    /// The largest |z| and its parameter, among the tensors whose names begin with `network`.
    fn largest_z(&self, other: &GradientMoments, network: &str) -> (f64, String) {
        let mut largest = (0.0, "none".to_owned());
        for tensor in self.vae.layout().tensors().iter().filter(|tensor| tensor.name.starts_with(network)) {
            for i in tensor.range() {
                let difference = other.mean[i] - self.moments.mean[i];
                let error = (other.squared_error(i) + self.moments.squared_error(i)).sqrt();
                // A unit that is never active has no gradient and no error; the square of a number as small as some
                // importance weights is zero.
                let z = if difference.abs() < 1e-100 { 0.0 } else { difference.abs() / error };
                assert!(!z.is_nan(), "{}[{}]: {difference} with error {error}", tensor.name, i - tensor.start);
                if z > largest.0 {
                    largest = (z, format!("{}[{}]", tensor.name, i - tensor.start));
                }
            }
        }
        largest
    }

    /// Fails unless the test could see a bias of [`RESOLUTION`].
    fn check_resolution(&self, what: &str, moments: &GradientMoments) {
        for (network, range) in [("encoder", self.vae.encoder_range()), ("decoder", self.vae.decoder_range())] {
            let norm: f64 = range.clone().map(|i| moments.mean[i] * moments.mean[i]).sum();
            let error: f64 = range.map(|i| moments.squared_error(i)).sum();
            let relative = (error / norm).sqrt();
            assert!(relative < RESOLUTION, "{what}, {network}: relative standard error {relative}");
        }
    }

    /// Fails unless both networks' gradients have the reference's mean.
    fn assert_agrees(&mut self, what: &str, config: &ObjectiveConfig) {
        let moments = self.moments_of(config);
        self.check_resolution(what, &moments);
        for network in ["encoder.", "decoder."] {
            let (z, place) = self.largest_z(&moments, network);
            assert!(z < LIMIT, "{what}: |z| = {z:.1} at {place}");
        }
    }
}

/// The gradient of the ELBO of a mixture, by every estimator, against that of the stratified ELBO, whose samples are
/// plain reparametrised Gaussians.
#[test]
fn ancestral_and_stratified_elbo_have_the_same_gradient() {
    let stratified = objective(Bound::Selbo, 3, 1);
    let ancestral = ObjectiveConfig { samples: 2, ..objective(Bound::Elbo, 3, 1) };
    let mut reference = Reference::new(3, &stratified);
    reference.assert_agrees("stratified, stl", &ObjectiveConfig { estimator: Estimator::Stl, ..stratified });
    for estimator in [Estimator::Plain, Estimator::Stl] {
        for (pathwise, logit_gradient) in [
            (Pathwise::Implicit, LogitGradient::Implicit),
            (Pathwise::Responsibility, LogitGradient::Implicit),
            (Pathwise::Responsibility, LogitGradient::LeaveOneOut),
        ] {
            let config = ObjectiveConfig { estimator, pathwise, logit_gradient, ..ancestral };
            reference.assert_agrees(&format!("{estimator:?}, {pathwise:?}, {logit_gradient:?}"), &config);
        }
    }
}

/// IWELBO, ancestral samples of a mixture: the doubly reparametrised and the plain gradient, along both paths. With
/// I = 1 stl is unbiased too.
#[test]
fn importance_weighted_estimators_have_the_same_gradient() {
    for importance_samples in [1, 3] {
        let plain = objective(Bound::Iwelbo, 3, importance_samples);
        let mut reference = Reference::new(3, &plain);
        let unbiased = if importance_samples == 1 { Estimator::Stl } else { Estimator::Dreg };
        for pathwise in [Pathwise::Implicit, Pathwise::Responsibility] {
            let config = ObjectiveConfig { estimator: unbiased, pathwise, ..plain };
            reference.assert_agrees(&format!("I = {importance_samples}, {unbiased:?}, {pathwise:?}"), &config);
        }
    }
}

/// With one Gaussian too. And the statistic sees the bias of stl for I > 1 in the encoder: it can fail. The decoder's
/// gradient has none.
#[test]
fn dreg_is_unbiased_and_stl_is_not() {
    let plain = objective(Bound::Iwelbo, 1, 4);
    let mut reference = Reference::new(1, &plain);
    reference.assert_agrees("dreg", &ObjectiveConfig { estimator: Estimator::Dreg, ..plain });
    let stl = reference.moments_of(&ObjectiveConfig { estimator: Estimator::Stl, ..plain });
    let (z, place) = reference.largest_z(&stl, "encoder.");
    assert!(z > 2.0 * LIMIT, "the bias of stl is not seen: |z| = {z:.1} at {place}");
    let (z, place) = reference.largest_z(&stl, "decoder.");
    assert!(z < LIMIT, "stl, decoder: |z| = {z:.1} at {place}");
}
