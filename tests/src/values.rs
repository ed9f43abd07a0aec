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

/// Entries below this share of the largest one count as so large: they may be sums whose terms cancel.
const FLOOR: f64 = 1e-2;

/// The largest error of an entry of *a*: |a − b| in units of its own |b|, or of `FLOOR` of the largest |b| if that is more.
/// Infinite if lengths differ or a number is NaN. With a limit of 1e-12, entries that are 0 pass for no |b| above 1e-14 of
/// the largest.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let floor = FLOOR * b.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    let error = |(a, b): (&f64, &f64)| if a == b { 0.0 } else { (a - b).abs() / b.abs().max(floor) };
    // `f64::max` would lose a NaN.
    let largest = a.iter().zip(b).map(error).fold(0.0, |m, e| if e > m || e.is_nan() { e } else { m });
    if largest.is_nan() { f64::INFINITY } else { largest }
}

#[cfg(test)]
mod tests {
    use super::distance;

    /// An entry of zero is seen beside others that are far larger.
    #[test]
    fn distance_sees_small_entries() {
        let b = [1e3, -2.0, 1e-6];
        assert_eq!(distance(&b, &b), 0.0);
        assert_eq!(distance(&[1e3, -1.0, 1e-6], &b), 0.1);
        assert!((distance(&[1e3, -2.0, 0.0], &b) - 1e-7).abs() < 1e-20);
        assert!((distance(&[999.0, -2.0, 1e-6], &b) - 1e-3).abs() < 1e-15);
        assert_eq!(distance(&[0.0], &[1e-9]), 1.0);
        assert_eq!(distance(&[1e-300], &[0.0]), f64::INFINITY);
        for wrong in [&[1e3, -2.0][..], &[1e3, f64::NAN, 1e-6], &[f64::NAN, -2.0, 1e-6]] {
            assert_eq!(distance(wrong, &b), f64::INFINITY);
        }
        assert_eq!(distance(&[], &[]), 0.0);
    }
}
