//! Gradients that are chosen rather than derived, by what defines them.

use autodiff::Shape;
use autodiff::ops::{Mixture, Pathwise};

use super::densities::params;
use super::entry::KIND;
use crate::Check;
use crate::values::{Value, distance, evaluate, numbers, value};

/// Largest error in the continuity equation, from fourth-order differences.
const CONTINUITY: f64 = 1e-8;

/// The checks of this file.
pub(super) fn checks() -> Vec<Check> {
    let mut all = vec![detach(), gate(), detach_components()];
    for (estimator, name) in [(Pathwise::Implicit, "implicit"), (Pathwise::Responsibility, "responsibility")] {
        for (components, latent) in [(1, 2), (2, 1), (3, 2), (5, 3), (18, 2)] {
            let mixture = Mixture { components, latent };
            let errors = (0..3).map(|seed| continuity(mixture, 60 + seed, estimator));
            let error = errors.fold(0.0, |m, e| if e > m || e.is_nan() { e } else { m });
            let name = format!("ancestral_sample, {name}, {components} components, {latent} dimensions");
            all.push(Check::of_identity(name, KIND, error, CONTINUITY));
        }
    }
    all
}

/// The gradient of x·detach(x) is x.
fn detach() -> Check {
    let x = value([2, 3], 51);
    let product = |g: &mut autodiff::Graph<'_, f64>, x: &[autodiff::Var]| {
        let fixed = g.detach(x[0]);
        g.mul(x[0], fixed)
    };
    let (_, gradients) = evaluate(product, std::slice::from_ref(&x), &[1.0; 6]);
    Check::of_identity("detach", KIND, distance(&gradients[0], &x.1), 0.0)
}

/// Each row of the gradient that passes a gate is multiplied by its weight, here the row's own log density.
fn gate() -> Check {
    let (z, seed) = (value([2, 3, 4], 52), numbers(24, 53));
    let (weights, _) = evaluate(|g, z| g.standard_normal_log_density(z[0]), std::slice::from_ref(&z), &[0.0; 6]);
    let gated = |g: &mut autodiff::Graph<'_, f64>, z: &[autodiff::Var]| {
        let gate = g.gate(z[0]);
        let weights = g.standard_normal_log_density(gate);
        g.close_gate(gate, weights);
        gate
    };
    let (out, gradients) = evaluate(gated, std::slice::from_ref(&z), &seed);
    let expected: Vec<f64> = seed.iter().enumerate().map(|(i, s)| s * weights[i / 4]).collect();
    let error = distance(&out, &z.1).max(distance(&gradients[0], &expected));
    Check::of_identity("gate", KIND, error, 1e-15)
}

/// The gradient reaches the log weights unchanged, and nothing else.
fn detach_components() -> Check {
    let mixture = Mixture { components: 3, latent: 2 };
    let x = params(mixture, 2, 54);
    let mut seed = numbers(x.1.len(), 55);
    let (out, gradients) = evaluate(|g, x| g.detach_components(x[0], mixture), std::slice::from_ref(&x), &seed);
    for row in seed.chunks_exact_mut(mixture.params_len()) {
        let (means, scales, _) = mixture.split_mut(row);
        means.fill(0.0);
        scales.fill(0.0);
    }
    let error = distance(&out, &x.1).max(distance(&gradients[0], &seed));
    Check::of_identity("detach_components", KIND, error, 0.0)
}

/// dz/dφ at one point, L × K·(2·L + 1), for all parameters φ. A data row for each coordinate keeps their gradients apart.
fn velocity(mixture: Mixture, z: &[f64], params: &[f64], estimator: Pathwise) -> Vec<f64> {
    let latent = mixture.latent;
    let inputs: [Value; 2] = [
        (Shape::from([latent, latent]), z.repeat(latent)),
        (Shape::from([latent, mixture.params_len()]), params.repeat(latent)),
    ];
    let seed: Vec<f64> = (0..latent * latent).map(|i| f64::from(i % (latent + 1) == 0)).collect();
    evaluate(|g, x| g.ancestral_sample(x[0], x[1], mixture, estimator, true), &inputs, &seed).1.remove(1)
}

/// The largest violation of the continuity equation, divided by q: ∂ ln q/∂φ + Σ_l ∂v_l/∂z_l + Σ_l v_l ∂ ln q/∂z_l = 0 for
/// every parameter φ, in units of the largest term (at least 1). It is the condition for v = dz/dφ to move samples as the
/// density moves (docs/methods.md §4).
///
/// Log weights are moved as logits: the gradient of ln q is projected as log_softmax does it, that of the sample
/// already is.
fn continuity(mixture: Mixture, seed: usize, estimator: Pathwise) -> f64 {
    let (latent, width) = (mixture.latent, mixture.params_len());
    let params = params(mixture, 1, seed);
    let z = (Shape::from([1, latent]), numbers(latent, seed + 100));
    let density = [z.clone(), params.clone()];
    let gradients = evaluate(|g, x| g.mixture_log_density(x[0], x[1], mixture, 1), &density, &[1.0]).1;
    let (by_z, mut by_params) = (gradients[0].clone(), gradients[1].clone());
    let log_weights = mixture.split(&params.1).2;
    mixture.split_mut(&mut by_params).2.iter_mut().zip(log_weights).for_each(|(g, w)| *g -= w.exp());

    let at = |l: usize, shift: f64| {
        let mut z = z.1.clone();
        z[l] += shift;
        velocity(mixture, &z, &params.1, estimator)
    };
    let v = velocity(mixture, &z.1, &params.1, estimator);
    let step = 1e-3;
    let moved: Vec<[Vec<f64>; 4]> = (0..latent).map(|l| [-2.0, -1.0, 1.0, 2.0].map(|s| at(l, s * step))).collect();
    let violation = |(p, by_param): (usize, &f64)| {
        let mut terms = vec![*by_param];
        for (l, moved) in moved.iter().enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| moved[i][l * width + p]);
            terms.push((a - d + 8.0 * (c - b)) / (12.0 * step));
            terms.push(v[l * width + p] * by_z[l]);
        }
        let scale = terms.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        terms.iter().sum::<f64>().abs() / scale
    };
    by_params.iter().enumerate().map(violation).fold(0.0, |m, e| if e > m || e.is_nan() { e } else { m })
}
