//! Inputs for the tests of this folder.

use linalg::Scalar;

use super::Mixture;
use crate::{Graph, Seed, Tape, Var, Wanted};

/// `n` numbers between −1 and 1 that look random (Weyl sequences of two irrational steps, mixed).
pub(super) fn noise(seed: u32, n: usize) -> Vec<f64> {
    let seed = f64::from(seed);
    (0..n).map(|i| (12.9898 * seed + 78.233 * i as f64 + (3.7 * seed + i as f64).sin()).sin()).collect()
}

/// `rows` parameter rows with distinct weights, means within ±1.5 and scales from 0.3 to 0.9.
pub(super) fn params(mixture: Mixture, rows: usize, seed: u32) -> Vec<f64> {
    let mut all = noise(seed, rows * mixture.params_len());
    for row in all.chunks_exact_mut(mixture.params_len()) {
        let (means, scales, log_weights) = mixture.split_mut(row);
        means.iter_mut().for_each(|x| *x *= 1.5);
        scales.iter_mut().for_each(|x| *x = 0.6 + 0.3 * *x);
        let total: f64 = log_weights.iter().map(|x| x.exp()).sum();
        log_weights.iter_mut().for_each(|x| *x -= total.ln());
    }
    all
}

/// Records a function of variables with these shapes and values, in `T`, and returns its value and the gradients of
/// Σ seed · out.
pub(super) fn evaluate<T: Scalar>(
    f: impl Fn(&mut Graph<T>, &[Var]) -> Var,
    inputs: &[(&[usize], &[f64])],
    seed: &[f64],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let convert = |x: &[f64]| x.iter().map(|x| T::from_f64(*x)).collect::<Vec<T>>();
    let back = |x: &[T]| x.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
    let mut tape = Tape::new();
    let mut g = tape.graph(&[]);
    let vars: Vec<Var> = inputs.iter().map(|(shape, x)| g.variable(*shape, &convert(x))).collect();
    let out = f(&mut g, &vars);
    g.backward(&[(out, Seed::Each(&convert(seed)))], Wanted::All, &mut []);
    (back(g.value(out)), vars.iter().map(|v| back(g.gradient(*v))).collect())
}

/// Asserts |a − b| ≤ tolerance · |b|, element by element. Elements below a tenth of the largest count as so large: they may
/// be sums whose terms cancel.
#[track_caller]
pub(super) fn assert_close(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    let floor = 0.1 * b.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(floor), "{what}: element {i} is {a}, not {b} (floor {floor})");
    }
}

#[cfg(test)]
mod tests {
    /// An error in a small element is seen beside large ones.
    #[test]
    #[should_panic = "element 1 is 0"]
    fn assert_close_sees_small_elements() {
        super::assert_close(&[1e3, 0.0], &[1e3, 1e-6], 1e-12, "two elements");
    }
}
