//! Inputs for checks, and functions evaluated with their gradients.

use autodiff::{Graph, Seed, Shape, Tape, Var, Wanted};

/// A value: its shape and elements.
pub(super) type Value = (Shape, Vec<f64>);

/// `len` numbers between −2 and 2 without a pattern, none closer to zero than 0.01.
pub(super) fn numbers(len: usize, seed: usize) -> Vec<f64> {
    let number = |i: usize| 2.0 * (1.3 + 2.7 * i as f64 + 0.9 * (i * i % 17) as f64 + 4.1 * seed as f64).sin();
    (0..len).map(number).map(|x| if x.abs() < 0.01 { 0.5 } else { x }).collect()
}

/// A value of this shape with [`numbers`].
pub(super) fn value(shape: impl Into<Shape>, seed: usize) -> Value {
    let shape = shape.into();
    (shape, numbers(shape.len(), seed))
}

/// As [`value`], with numbers from 0.5 to 2.5.
pub(super) fn positive(shape: impl Into<Shape>, seed: usize) -> Value {
    let (shape, mut values) = value(shape, seed);
    values.iter_mut().for_each(|x| *x = x.abs() + 0.5);
    (shape, values)
}

/// Zeros and ones of this shape, about as many of each.
pub(super) fn zeros_and_ones(shape: impl Into<Shape>, seed: usize) -> Value {
    let (shape, mut values) = value(shape, seed);
    values.iter_mut().for_each(|x| *x = f64::from(*x > 0.0));
    (shape, values)
}

/// A function's output, and the gradients of Σ seed·output with respect to its inputs.
pub(super) fn evaluate(
    f: impl Fn(&mut Graph<'_, f64>, &[Var]) -> Var,
    inputs: &[Value],
    seed: &[f64],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut tape = Tape::new();
    let mut g = tape.graph(&[]);
    let vars: Vec<Var> = inputs.iter().map(|(shape, x)| g.variable(*shape, x)).collect();
    let out = f(&mut g, &vars);
    g.backward(&[(out, Seed::Each(seed))], Wanted::All, &mut []);
    (g.value(out).to_vec(), vars.iter().map(|&v| g.gradient(v).to_vec()).collect())
}

/// Largest |a − b| in units of the largest |b| (at least 1); infinite if lengths differ or a number is NaN.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let scale = b.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
    let difference = |(a, b): (&f64, &f64)| (a - b).abs() / scale;
    a.iter().zip(b).map(difference).fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
}
