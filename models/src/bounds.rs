//! The bounds as functions of log weights.
//!
//! *log_weights*: Z × I × B, or Z × I × B × K for the stratified ones; *log_pi*: B × K, the log probabilities of the
//! components; result: B, in nats. Each is a composition of plain operations and so needs no gradient of its own.

use autodiff::{Graph, Var};
use linalg::Scalar;

use crate::method::Bound;

/// Axes of the log weights.
const Z: usize = 0;
const I: usize = 1;
const K: usize = 3;

/// The bound's value for each row.
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
    let inner = g.log_sum_exp(weighted, &[K - 1]);
    g.mean(inner, &[Z])
}

/// Footnote 7: mean over Z of Σ_k π_k log (1/I) Σ_i w_ik; with I = 1 it is eq. 5.
fn siwelbo_loose<T: Scalar>(g: &mut Graph<'_, T>, log_weights: Var, log_pi: Var) -> Var {
    let inner = g.log_mean_exp(log_weights, &[I]);
    let pi = g.exp(log_pi);
    let weighted = g.mul(inner, pi);
    let over_components = g.sum(weighted, &[K - 1]);
    g.mean(over_components, &[Z])
}
