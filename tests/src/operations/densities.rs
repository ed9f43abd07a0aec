//! Networks, densities and mixtures.

use autodiff::ops::Mixture;

use super::entry::Entry;
use crate::values::{Value, numbers, value, zeros_and_ones};

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let mut all = networks();
    all.extend(densities());
    all.extend(mixtures());
    all
}

/// `rows` parameter rows with distinct weights, means within ±2 and scales from 0.4 to 1.2.
pub(super) fn params(mixture: Mixture, rows: usize, seed: usize) -> Value {
    let (shape, mut all) = value([rows, mixture.params_len()], seed);
    for row in all.chunks_exact_mut(mixture.params_len()) {
        let (_, scales, log_weights) = mixture.split_mut(row);
        scales.iter_mut().for_each(|x| *x = 0.8 + 0.2 * *x);
        let total: f64 = log_weights.iter().map(|x| x.exp()).sum();
        log_weights.iter_mut().for_each(|x| *x -= total.ln());
    }
    (shape, all)
}

fn networks() -> Vec<Entry> {
    let layer = |rows, seed| [value([rows, 4, 3], seed), value([5, 3], seed + 1), value([5], seed + 2)];
    let block = [value([3, 4], 33), value([4, 4], 34), value([4], 35), value([4, 4], 36), value([4], 37)];
    vec![
        Entry::new("linear", layer(2, 27), |g, x| g.linear(x[0], x[1], x[2])),
        Entry::new("linear_relu", layer(2, 30), |g, x| g.linear_relu(x[0], x[1], x[2])),
        Entry::new("residual_block", block.clone(), |g, x| g.residual_block(x[0], (x[1], x[2]), (x[3], x[4]), None)),
        Entry::new("residual_block, with dropout", block, |g, x| {
            let kept: Vec<f64> = zeros_and_ones([3, 4], 38).1.iter().map(|kept| 1.25 * kept).collect();
            let dropout = g.constant([3, 4], &kept);
            g.residual_block(x[0], (x[1], x[2]), (x[3], x[4]), Some(dropout))
        }),
    ]
}

fn densities() -> Vec<Entry> {
    let mut all = vec![Entry::new("standard_normal_log_density", [value([2, 3, 4], 39)], |g, z| {
        g.standard_normal_log_density(z[0])
    })];
    for (outer, inner) in [(1, 1), (2, 3)] {
        let (rows, columns) = (2, 5);
        let name = |name: &str| format!("{name}, {} samples a row", outer * inner);
        let logits = [value([outer, rows, inner, columns], 40)];
        all.push(Entry::new(name("bernoulli_log_density"), logits, move |g, logits| {
            let x = g.constant([rows, columns], &zeros_and_ones([rows, columns], 41).1);
            let mask = g.constant([rows, columns], &zeros_and_ones([rows, columns], 42).1);
            g.bernoulli_log_density(x, mask, logits[0], inner)
        }));
        for min_scale in [0.0, 1e-5] {
            let head = [value([outer, rows, inner, 2 * columns], 43)];
            let name = format!("{}, min_scale {min_scale}", name("gaussian_log_density"));
            all.push(Entry::new(name, head, move |g, head| {
                let x = g.constant([rows, columns], &numbers(rows * columns, 44));
                let mask = g.constant([rows, columns], &zeros_and_ones([rows, columns], 45).1);
                let floor = g.constant_with([columns], |floor| floor.fill(min_scale));
                g.gaussian_log_density(x, mask, head[0], inner, floor)
            }));
        }
    }
    all
}

fn mixtures() -> Vec<Entry> {
    let mut all = Vec::new();
    let rows = 2;
    for (components, latent) in [(1, 2), (3, 2), (18, 1)] {
        let mixture = Mixture { components, latent };
        let name = |name: &str| format!("{name}, {components} components");
        let head = [value([rows, mixture.head_len()], 46)];
        all.push(Entry::new(name("mixture_parameters"), head, move |g, head| {
            g.mixture_parameters(head[0], mixture, 1e-5)
        }));
        let inputs = [params(mixture, rows, 47)];
        all.push(Entry::new(name("stratified_sample"), inputs.clone(), move |g, params| {
            let (shape, noise) = value([2, rows, components, latent], 48);
            let noise = g.constant(shape, &noise);
            g.stratified_sample(params[0], noise, mixture)
        }));
        all.push(Entry::new(name("mixture_log_weights"), inputs.clone(), move |g, params| {
            g.mixture_log_weights(params[0], mixture)
        }));
        let [params] = inputs;
        let ancestral = [value([2, rows, latent], 49), params.clone()];
        all.push(Entry::new(name("mixture_log_density, ancestral"), ancestral, move |g, x| {
            g.mixture_log_density(x[0], x[1], mixture, 1)
        }));
        let stratified = [value([2, rows, components, latent], 50), params];
        all.push(Entry::new(name("mixture_log_density, stratified"), stratified, move |g, x| {
            g.mixture_log_density(x[0], x[1], mixture, components)
        }));
    }
    all
}
