//! Tests of the pathwise estimators that need no Monte Carlo.

use super::testing::{assert_close, evaluate, noise, params};
use super::{Mixture, Pathwise};
use crate::{Graph, Var};

/// dz/dφ at one point, L × K·(2·L + 1), for all parameters φ. A data row for each coordinate keeps their gradients apart.
fn velocity(mixture: Mixture, z: &[f64], params: &[f64], components: Pathwise) -> Vec<f64> {
    let latent = mixture.latent;
    let (z, params) = (z.repeat(latent), params.repeat(latent));
    let upstream: Vec<f64> = (0..latent * latent).map(|i| f64::from(i % (latent + 1) == 0)).collect();
    let f = |g: &mut Graph<f64>, x: &[Var]| g.ancestral_sample(x[0], x[1], mixture, components, true);
    let inputs = [(&[latent, latent][..], &z[..]), (&[latent, mixture.params_len()][..], &params[..])];
    evaluate(f, &inputs, &upstream).1.remove(1)
}

/// Asserts ∂ ln q/∂φ + Σ_l ∂v_l/∂z_l + Σ_l v_l ∂ ln q/∂z_l = 0, the continuity equation divided by q, for every
/// parameter, to `tolerance` times the largest term (at least 1). Log weights are moved as logits: the gradient of
/// ln q is projected as log_softmax does it, that of the sample already is.
#[track_caller]
fn assert_continuity(mixture: Mixture, z: &[f64], params: &[f64], components: Pathwise, tolerance: f64) {
    let (latent, width) = (mixture.latent, mixture.params_len());
    let f = |g: &mut Graph<f64>, x: &[Var]| g.mixture_log_density(x[0], x[1], mixture, 1);
    let gradients = evaluate(f, &[(&[1, latent], z), (&[1, width], params)], &[1.0]).1;
    let (by_z, mut by_params) = (gradients[0].clone(), gradients[1].clone());
    let log_weights = mixture.split(params).2;
    mixture.split_mut(&mut by_params).2.iter_mut().zip(log_weights).for_each(|(g, w)| *g -= w.exp());

    let v = velocity(mixture, z, params, components);
    // Central differences of fourth order: an error of order 10⁻¹² times the fifth derivative.
    let step = 1e-3;
    let moved: Vec<[Vec<f64>; 4]> = (0..latent)
        .map(|l| {
            [-2.0, -1.0, 1.0, 2.0].map(|s| {
                let mut z = z.to_vec();
                z[l] += s * step;
                velocity(mixture, &z, params, components)
            })
        })
        .collect();
    for (p, by_param) in by_params.iter().enumerate() {
        let mut terms = vec![*by_param];
        for (l, at) in moved.iter().enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| at[i][l * width + p]);
            terms.push((a - d + 8.0 * (c - b)) / (12.0 * step));
            terms.push(v[l * width + p] * by_z[l]);
        }
        let scale = terms.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        let sum: f64 = terms.iter().sum();
        assert!(sum.abs() <= tolerance * scale, "{mixture:?}, {components:?}: parameter {p} at {z:?}: {terms:?}");
    }
}

#[test]
fn both_estimators_solve_the_continuity_equation() {
    for (components, latent) in [(2, 1), (2, 2), (3, 2), (5, 3), (3, 4), (18, 2)] {
        let mixture = Mixture { components, latent };
        for seed in 0..6 {
            let params = params(mixture, 1, 10 + seed);
            let z: Vec<f64> = noise(20 + seed, latent).iter().map(|x| 1.5 * x).collect();
            for estimator in [Pathwise::Implicit, Pathwise::Responsibility] {
                assert_continuity(mixture, &z, &params, estimator, 1e-8);
            }
        }
    }
}

/// Components 17.5 apart in two dimensions; the sample agrees with the first in one and with the second in the other,
/// so that the weight of the second falls to e⁻¹⁴⁸, below the least single, and comes back.
fn underflow() -> (Mixture, [f64; 2], [f64; 10]) {
    let log_weights = [0.25_f64.ln(), 0.75_f64.ln()];
    let params = [0.0, 0.0, 17.5, 17.5, 1.0, 1.0, 1.0, 1.0, log_weights[0], log_weights[1]];
    (Mixture { components: 2, latent: 2 }, [0.25, 17.125], params)
}

#[test]
fn weights_that_underflow_come_back() {
    let (mixture, z, params) = underflow();
    assert_continuity(mixture, &z, &params, Pathwise::Implicit, 1e-8);
    let inputs = [(&[1, 2][..], &z[..]), (&[1, 10][..], &params[..])];
    for estimator in [Pathwise::Implicit, Pathwise::Responsibility] {
        for upstream in [[1.0, 0.0], [0.0, 1.0]] {
            let double =
                evaluate::<f64>(|g, x| g.ancestral_sample(x[0], x[1], mixture, estimator, true), &inputs, &upstream);
            let single =
                evaluate::<f32>(|g, x| g.ancestral_sample(x[0], x[1], mixture, estimator, true), &inputs, &upstream);
            // Log densities near 150 are rounded by 10⁻⁵ in single precision.
            assert_close(&single.1[1], &double.1[1], 1e-4, "gradient");
        }
    }
}

#[test]
fn single_precision_agrees_far_from_other_components() {
    let mixture = Mixture { components: 3, latent: 3 };
    let mut x = params(mixture, 1, 3);
    let (means, _, _) = mixture.split_mut(&mut x);
    for (i, mean) in means.iter_mut().enumerate() {
        *mean += 40.0 * (i / 3) as f64;
    }
    let upstream = noise(4, 9);
    for estimator in [Pathwise::Implicit, Pathwise::Responsibility] {
        for (k, offset) in [(0, 0.4), (1, -0.7), (2, 1.5), (2, 5.0)] {
            // Parameters and samples that are exact in single precision.
            let x: Vec<f64> = x.iter().map(|x| f64::from(*x as f32)).collect();
            let z: Vec<f64> = x[k * 3..k * 3 + 3].iter().map(|mean| f64::from((mean + offset) as f32)).collect();
            let inputs = [(&[1, 3][..], &z[..]), (&[1, mixture.params_len()][..], &x[..])];
            let double = evaluate::<f64>(
                |g, x| g.ancestral_sample(x[0], x[1], mixture, estimator, true),
                &inputs,
                &upstream[..3],
            );
            let single = evaluate::<f32>(
                |g, x| g.ancestral_sample(x[0], x[1], mixture, estimator, true),
                &inputs,
                &upstream[..3],
            );
            assert_close(&single.1[1], &double.1[1], 1e-5, "gradient");
        }
    }
}

#[test]
fn one_component_is_reparametrised() {
    let mixture = Mixture { components: 1, latent: 3 };
    let (x, e, upstream) = (params(mixture, 2, 5), noise(6, 12), noise(7, 12));
    let params = (&[2, mixture.params_len()][..], &x[..]);
    let f = |g: &mut Graph<f64>, x: &[Var]| g.stratified_sample(x[0], x[1], mixture);
    let (z, gradients) = evaluate(f, &[params, (&[2, 2, 3], &e)], &upstream);
    for estimator in [Pathwise::Implicit, Pathwise::Responsibility] {
        let f = |g: &mut Graph<f64>, x: &[Var]| g.ancestral_sample(x[1], x[0], mixture, estimator, true);
        let (same, implicit) = evaluate(f, &[params, (&[2, 2, 3], &z)], &upstream);
        assert_eq!(same, z);
        assert_close(&implicit[0], &gradients[0], 1e-14, "gradient");
    }
}

/// The rows with components, or dimensions, in another order.
fn reordered(
    mixture: Mixture,
    params: &[f64],
    component: impl Fn(usize) -> usize,
    dim: impl Fn(usize) -> usize,
) -> Vec<f64> {
    let Mixture { components, latent } = mixture;
    let mut out = Vec::new();
    for row in params.chunks_exact(mixture.params_len()) {
        let (means, scales, log_weights) = mixture.split(row);
        for x in [means, scales] {
            out.extend((0..components * latent).map(|i| x[component(i / latent) * latent + dim(i % latent)]));
        }
        out.extend((0..components).map(|k| log_weights[component(k)]));
    }
    out
}

#[test]
fn the_order_of_components_and_dimensions() {
    let mixture = Mixture { components: 4, latent: 3 };
    let (samples, rows) = (2, 3);
    let x = params(mixture, rows, 8);
    let (z, upstream) = (noise(9, samples * rows * 3), noise(10, samples * rows * 3));
    let reverse = |x: &[f64]| x.chunks(3).flat_map(|x| [x[2], x[1], x[0]]).collect::<Vec<_>>();
    let gradient = |z: &[f64], x: &[f64], upstream: &[f64], estimator, logits| {
        let f = |g: &mut Graph<f64>, x: &[Var]| g.ancestral_sample(x[0], x[1], mixture, estimator, logits);
        let inputs = [(&[samples, rows, 3][..], z), (&[rows, mixture.params_len()][..], x)];
        evaluate(f, &inputs, upstream).1.remove(1)
    };
    for estimator in [Pathwise::Implicit, Pathwise::Responsibility] {
        let before = gradient(&z, &x, &upstream, estimator, true);
        let component = |k| (k + 1) % 4;
        let after = gradient(&z, &reordered(mixture, &x, component, |d| d), &upstream, estimator, true);
        assert_close(&after, &reordered(mixture, &before, component, |d| d), 1e-13, "components");

        let before = gradient(&z, &x, &upstream, estimator, false);
        let turned = reordered(mixture, &x, |k| k, |d| 2 - d);
        let after = gradient(&reverse(&z), &turned, &reverse(&upstream), estimator, false);
        let expected = reordered(mixture, &before, |k| k, |d| 2 - d);
        let apart = after.iter().zip(&expected).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
        match estimator {
            Pathwise::Implicit => assert!(apart > 0.01, "another order is another estimator"),
            Pathwise::Responsibility => assert!(apart < 1e-13, "{apart}"),
        }
    }
}

#[test]
fn the_parts_are_those_of_the_whole() {
    let mixture = Mixture { components: 3, latent: 2 };
    let (x, z, upstream) = (params(mixture, 2, 11), noise(12, 8), noise(13, 8));
    let gradient = |estimator, logits| {
        let f = |g: &mut Graph<f64>, x: &[Var]| g.ancestral_sample(x[0], x[1], mixture, estimator, logits);
        evaluate(f, &[(&[2, 2, 2], &z), (&[2, mixture.params_len()], &x)], &upstream).1
    };
    let both = [Pathwise::Implicit, Pathwise::Responsibility].map(|estimator| {
        let (with, without) = (gradient(estimator, true), gradient(estimator, false));
        assert!(with[0].iter().all(|g| *g == 0.0), "samples are data");
        for (i, (with, without)) in with[1].iter().zip(&without[1]).enumerate() {
            let is_weight = i % mixture.params_len() >= 2 * mixture.moments();
            assert!((if is_weight { 0.0 } else { *with } - without).abs() < 1e-15, "{i}: {with}, {without}");
        }
        with
    });
    for (implicit, responsibility) in both[0][1].iter().zip(&both[1][1]).skip(2 * mixture.moments()).take(3) {
        assert_eq!(implicit, responsibility, "the logits' gradient is the same");
    }
}

#[test]
fn empty_batches_and_no_samples() {
    let mixture = Mixture { components: 2, latent: 2 };
    for (samples, rows) in [(0, 2), (3, 0), (0, 0)] {
        for (estimator, logits) in [(Pathwise::Implicit, true), (Pathwise::Responsibility, false)] {
            let x = params(mixture, rows, 14);
            let f = |g: &mut Graph<f64>, x: &[Var]| g.ancestral_sample(x[0], x[1], mixture, estimator, logits);
            let inputs = [(&[samples, rows, 2][..], &[][..]), (&[rows, mixture.params_len()][..], &x[..])];
            let (_, gradients) = evaluate(f, &inputs, &[]);
            assert!(gradients[1].iter().all(|g| *g == 0.0));
        }
    }
}
