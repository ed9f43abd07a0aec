//! The bounds as functions of log weights.
//!
//! *log_weights*: Z × I × B, or Z × I × B × K for the stratified ones; *log_pi*: B × K, the log probabilities of the
//! components; result: B, in nats. Each is a composition of plain operations and so needs no gradient of its own.

use autodiff::{Graph, Var};
use linalg::Scalar;

use super::method::Bound;

/// Axes of the log weights.
const Z: usize = 0;
const I: usize = 1;
/// The components' axis, once the importance samples' is gone.
const K: usize = 2;

/// The bound's value for each row.
///
/// # Panics
/// If the shapes do not fit, or a stratified bound comes without `log_pi`.
#[track_caller]
pub fn bound<T: Scalar>(g: &mut Graph<'_, T>, bound: Bound, log_weights: Var, log_pi: Option<Var>) -> Var {
    match (bound, log_pi) {
        (Bound::Elbo, _) => elbo(g, log_weights),
        (Bound::Iwelbo, _) => iwelbo(g, log_weights),
        (Bound::Selbo | Bound::SiwelboLoose, Some(log_pi)) => siwelbo_loose(g, log_weights, log_pi),
        (Bound::Siwelbo, Some(log_pi)) => siwelbo(g, log_weights, log_pi),
        (_, None) => panic!("a stratified bound needs the components' probabilities"),
    }
}

/// Eq. 4: mean over all samples of log w.
fn elbo<T: Scalar>(g: &mut Graph<'_, T>, log_weights: Var) -> Var {
    g.mean(log_weights, &[Z, I])
}

/// Eq. 7: mean over Z of log (1/I) Σ_i w_i.
fn iwelbo<T: Scalar>(g: &mut Graph<'_, T>, log_weights: Var) -> Var {
    let inner = g.log_mean_exp(log_weights, &[I]);
    g.mean(inner, &[Z])
}

/// Eq. 8: mean over Z of log Σ_k π_k (1/I) Σ_i w_ik.
fn siwelbo<T: Scalar>(g: &mut Graph<'_, T>, log_weights: Var, log_pi: Var) -> Var {
    let averaged = g.log_mean_exp(log_weights, &[I]);
    let weighted = g.add(averaged, log_pi);
    let inner = g.log_sum_exp(weighted, &[K]);
    g.mean(inner, &[Z])
}

/// Footnote 7: mean over Z of Σ_k π_k log (1/I) Σ_i w_ik; with I = 1 it is eq. 5.
fn siwelbo_loose<T: Scalar>(g: &mut Graph<'_, T>, log_weights: Var, log_pi: Var) -> Var {
    let inner = g.log_mean_exp(log_weights, &[I]);
    let pi = g.exp(log_pi);
    let weighted = g.mul(inner, pi);
    let over_components = g.sum(weighted, &[K]);
    g.mean(over_components, &[Z])
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use autodiff::Tape;

    use super::*;

    /// Weights w (not logarithms), Z = 2, I = 2, B = 2: \[z\]\[i\]\[b\].
    const W: [[[f64; 2]; 2]; 2] = [[[1.0, 2.0], [3.0, 6.0]], [[5.0, 0.5], [11.0, 1.5]]];
    /// The same with K = 2: \[z\]\[i\]\[b\]\[k\].
    const W_K: [[[[f64; 2]; 2]; 2]; 2] =
        [[[[1.0, 2.0], [2.0, 7.0]], [[3.0, 4.0], [6.0, 1.0]]], [[[5.0, 8.0], [0.5, 3.0]], [[11.0, 2.0], [1.5, 9.0]]]];
    /// \[b\]\[k\].
    const PI: [[f64; 2]; 2] = [[0.25, 0.75], [0.9, 0.1]];

    fn ordinary(which: Bound) -> Vec<f64> {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let log_weights =
            g.constant([2, 2, 2], &W.as_flattened().as_flattened().iter().map(|w| w.ln()).collect::<Vec<_>>());
        let value = bound(&mut g, which, log_weights, None);
        g.value(value).to_vec()
    }

    fn stratified(which: Bound) -> Vec<f64> {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let ln = |values: &[f64]| values.iter().map(|w| w.ln()).collect::<Vec<_>>();
        let log_weights = g.constant([2, 2, 2, 2], &ln(W_K.as_flattened().as_flattened().as_flattened()));
        let log_pi = g.constant([2, 2], &ln(PI.as_flattened()));
        let value = bound(&mut g, which, log_weights, Some(log_pi));
        g.value(value).to_vec()
    }

    fn assert_close(found: &[f64], expected: [f64; 2]) {
        assert_eq!(found.len(), 2);
        found.iter().zip(expected).for_each(|(f, e)| assert_relative_eq!(*f, e, max_relative = 1e-14));
    }

    #[test]
    fn ordinary_bounds_by_hand() {
        // Products over the four samples: 1·3·5·11 and 2·6·0.5·1.5.
        assert_close(&ordinary(Bound::Elbo), [165.0_f64.ln() / 4.0, 9.0_f64.ln() / 4.0]);
        // Means over I: 2 and 8; 4 and 1.
        assert_close(&ordinary(Bound::Iwelbo), [16.0_f64.ln() / 2.0, 4.0_f64.ln() / 2.0]);
    }

    #[test]
    fn stratified_bounds_by_hand() {
        // Means over I. Row 0: (2, 3) and (8, 5); row 1: (4, 4) and (1, 6).
        let tight = [(2.75_f64 * 5.75).ln() / 2.0, (4.0_f64 * 1.5).ln() / 2.0];
        assert_close(&stratified(Bound::Siwelbo), tight);
        let loose =
            [0.5 * (0.25 * 16.0_f64.ln() + 0.75 * 15.0_f64.ln()), 0.5 * (0.9 * 4.0_f64.ln() + 0.1 * 24.0_f64.ln())];
        assert_close(&stratified(Bound::SiwelboLoose), loose);
    }

    /// Eq. 5 with I = 1.
    #[test]
    fn the_stratified_elbo_by_hand() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let log_weights = g.constant([2, 1, 1, 2], &[1.0, 2.0, -3.0, 5.0]);
        let log_pi = g.constant([1, 2], &[0.25_f64.ln(), 0.75_f64.ln()]);
        let value = bound(&mut g, Bound::Selbo, log_weights, Some(log_pi));
        assert_relative_eq!(g.value(value)[0], 0.5 * (0.25 * (1.0 - 3.0) + 0.75 * (2.0 + 5.0)), max_relative = 1e-14);
    }

    #[test]
    #[should_panic(expected = "components' probabilities")]
    fn a_stratified_bound_needs_probabilities() {
        let mut tape = Tape::<f64>::new();
        let mut g = tape.graph(&[]);
        let log_weights = g.constant([1, 1, 1, 1], &[0.0]);
        bound(&mut g, Bound::Siwelbo, log_weights, None);
    }
}
