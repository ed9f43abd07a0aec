//! Every operation's gradient against finite differences, on shapes that are drawn at random: axes of no, one and several
//! elements. (Those of the decoder's densities, the layers and the images are beside them, in `src/ops`.)
//!
//! Tolerance: 1e-7 of the gradient's scale ([`gradcheck::Options`]). Shapes and numbers follow fixed seeds.

use std::ops::Range;

use missvae_autodiff::gradcheck::{self, Options};
use missvae_autodiff::ops::{MatMul, Mixture, Unary};
use missvae_autodiff::{Graph, Seed, Shape, Tape, Var, Wanted};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

type Value = (Shape, Vec<f64>);

/// Numbers from −1.5 to 1.5 that keep a thousandth away from zero.
fn numbers(len: usize, seed: u32) -> Vec<f64> {
    let wave = |k: usize| 1.5 * (f64::from(seed) * 1.7 + 2.399 * k as f64).sin();
    (0..len).map(wave).map(|x| if x.abs() < 1e-3 { x.signum() * 2e-3 } else { x }).collect()
}

fn value(sizes: impl Into<Shape>, seed: u32) -> Value {
    let shape = sizes.into();
    (shape, numbers(shape.len(), seed))
}

/// A row of a mixture's natural parameters for each of `rows`: scales above a quarter, any log weights.
fn parameters(mixture: Mixture, rows: usize, seed: u32) -> Value {
    let (mut all, moments) = (value([rows, mixture.params_len()], seed), mixture.moments());
    for row in all.1.chunks_exact_mut(mixture.params_len()) {
        row[moments..2 * moments].iter_mut().for_each(|scale| *scale = 0.25 + scale.abs());
    }
    all
}

fn assert_gradient(f: impl Fn(&mut Graph<f64>, &[Var]) -> Var, inputs: &[Value]) {
    gradcheck::check(f, inputs, &Options { directions: 2, ..Options::default() }).assert_unless_empty();
}

/// A size of an axis.
fn size() -> Range<usize> {
    0..4
}

/// Three sizes of axes, and some of the axes.
fn axes() -> impl Strategy<Value = ([usize; 3], Vec<usize>)> {
    ([size(), size(), size()], 0..8usize)
        .prop_map(|(sizes, set)| (sizes, (0..3).filter(|axis| set & (1 << axis) != 0).collect()))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(21),
        ..ProptestConfig::default()
    })]

    #[test]
    fn functions_of_one_number(sizes in [size(), size()], seed in 0..1000u32, f in prop::sample::select(Unary::ALL)) {
        let (shape, mut x) = value(sizes, seed);
        if matches!(f, Unary::Ln | Unary::Sqrt | Unary::Log1p) {
            x.iter_mut().for_each(|x| *x = x.abs() + 0.2);
        }
        assert_gradient(|g, x| g.apply(f, x), &[(shape, x)]);
    }

    #[test]
    fn arithmetic_with_broadcasting(sizes in [size(), size(), size()], single in 0..8usize, seed in 0..1000u32) {
        // Where a bit is set the second value has one element along the axis.
        let other = [0, 1, 2].map(|axis| if single & (1 << axis) != 0 { 1 } else { sizes[axis] });
        let (a, mut b) = (value(sizes, seed), value(other, seed + 1));
        assert_gradient(|g, x| g.add(x[0], x[1]), &[a.clone(), b.clone()]);
        assert_gradient(|g, x| g.sub(x[1], x[0]), &[a.clone(), b.clone()]);
        assert_gradient(|g, x| g.mul(x[0], x[1]), &[a.clone(), b.clone()]);
        b.1.iter_mut().for_each(|x| *x += x.signum());
        assert_gradient(|g, x| g.div(x[0], x[1]), &[a.clone(), b]);
        assert_gradient(|g, x| g.scale(x[0], -2.0), std::slice::from_ref(&a));
        assert_gradient(|g, x| g.add_scalar(x[0], 0.5), &[a]);
    }

    #[test]
    fn sums_and_means((sizes, axes) in axes(), seed in 0..1000u32) {
        let x = [value(sizes, seed)];
        assert_gradient(|g, x| g.sum(x[0], &axes), &x);
        // Of nothing there is no mean.
        if axes.iter().all(|&axis| sizes[axis] > 0) {
            assert_gradient(|g, x| g.mean(x[0], &axes), &x);
        }
    }

    #[test]
    fn logarithms_of_sums((sizes, axes) in axes(), seed in 0..1000u32) {
        // The logarithm of nothing is −∞.
        let x = [value([0, 1, 2].map(|axis| sizes[axis].max(usize::from(axes.contains(&axis)))), seed)];
        assert_gradient(|g, x| g.log_sum_exp(x[0], &axes), &x);
        assert_gradient(|g, x| g.log_mean_exp(x[0], &axes), &x);
    }

    #[test]
    fn softmaxes(outer in size(), rows in size(), n in 1..20usize, seed in 0..1000u32) {
        let x = [value([outer, rows, n], seed)];
        assert_gradient(|g, x| g.softmax(x[0]), &x);
        assert_gradient(|g, x| g.log_softmax(x[0]), &x);
    }

    #[test]
    fn products(sizes in [size(), size(), size()], seed in 0..1000u32, transpose_a: bool, transpose_b: bool) {
        let ([m, k, n], op) = (sizes, MatMul { transpose_a, transpose_b });
        let a = value(if transpose_a { [k, m] } else { [m, k] }, seed);
        let b = value(if transpose_b { [n, k] } else { [k, n] }, seed + 1);
        assert_gradient(|g, x| g.apply(op, x), &[a, b]);
    }

    #[test]
    fn parts_and_orders(
        sizes in [size(), size(), size()],
        (axis, cut) in (0..3usize, (0..4usize, 0..4usize)),
        order in Just([0, 1, 2]).prop_shuffle(),
        seed in 0..1000u32,
    ) {
        let x = [value(sizes, seed), value(sizes, seed + 1)];
        let end = cut.0.max(cut.1).min(sizes[axis]);
        let range = cut.0.min(cut.1).min(end)..end;
        assert_gradient(|g, x| g.slice(x[0], axis, range.clone()), &x[..1]);
        assert_gradient(|g, x| g.permute(x[0], &order), &x[..1]);
        assert_gradient(|g, x| g.concat(&[x[0], x[1], x[0]], axis), &x);
        assert_gradient(|g, x| g.reshape(x[0], [g.shape(x[0]).len()]), &x[..1]);
    }

    #[test]
    fn mixtures(
        (outer, rows, inner) in (size(), 1..4usize, 1..4usize),
        (components, latent) in (1..6usize, 1..4usize),
        seed in 0..1000u32,
    ) {
        let mixture = Mixture { components, latent };
        let params = parameters(mixture, rows, seed);
        let z = value([outer, rows, inner, latent], seed + 1);
        assert_gradient(|g, x| g.mixture_log_density(x[0], x[1], mixture, inner), &[z.clone(), params.clone()]);
        assert_gradient(|g, x| g.mixture_log_weights(x[0], mixture), std::slice::from_ref(&params));
        // Noise is data: no gradient is asked for.
        let noise = value([outer, rows, components, latent], seed + 2);
        let stratified = |g: &mut Graph<f64>, x: &[Var]| {
            let noise = g.constant(noise.0, &noise.1);
            g.stratified_sample(x[0], noise, mixture)
        };
        assert_gradient(stratified, &[params]);
        let head = value([rows, mixture.head_len()], seed + 3);
        assert_gradient(|g, x| g.mixture_parameters(x[0], mixture, 1e-5), &[head]);
        assert_gradient(|g, x| g.standard_normal_log_density(x[0]), &[z]);
    }

    /// What stops gradients does so, and no more: a closed gate weights them row by row, and components are detached while
    /// the weights are not. To 1e-15.
    #[test]
    fn what_stops_gradients((rows, n) in (size(), 1..4usize), components in 1..6usize, seed in 0..1000u32) {
        let (z, upstream, weights) = (numbers(rows * n, seed), numbers(rows * n, seed + 1), numbers(rows, seed + 2));
        let mut tape = Tape::<f64>::new();
        let mut g = tape.graph(&[]);
        let x = g.variable([rows, n], &z);
        let gated = g.gate(x);
        let factors = g.constant([rows], &weights);
        g.close_gate(gated, factors);
        prop_assert_eq!(g.value(gated), &z);
        g.backward(&[(gated, Seed::Each(&upstream))], Wanted::All, &mut []);
        let gradient = g.gradient(x).iter().enumerate();
        prop_assert!(gradient.clone().all(|(i, dx)| (dx - weights[i / n] * upstream[i]).abs() < 1e-15));

        let mixture = Mixture { components, latent: n };
        let (shape, params) = parameters(mixture, rows, seed + 3);
        let upstream = numbers(params.len(), seed + 4);
        let mut g = tape.graph(&[]);
        let x = g.variable(shape, &params);
        let detached = g.detach_components(x, mixture);
        prop_assert_eq!(g.value(detached), &params);
        g.backward(&[(detached, Seed::Each(&upstream))], Wanted::All, &mut []);
        let logit = |i: usize| i % mixture.params_len() >= 2 * mixture.moments();
        for (i, dx) in g.gradient(x).iter().enumerate() {
            prop_assert_eq!(*dx, if logit(i) { upstream[i] } else { 0.0 });
        }
    }
}
