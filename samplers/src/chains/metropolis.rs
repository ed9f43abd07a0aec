//! Metropolis-within-Gibbs sampling: the encoder proposes, the model decides.
//!
//! The state of a chain is (x, z). An iteration proposes z' ~ q(z|x), accepts it with probability
//!
//! ```text
//! min(1, p(x, z') q(z|x) / (p(x, z) q(z'|x))),
//! ```
//!
//! x the whole completed row, and then draws x_mis ~ p(x_mis|z) in either case: an independence Metropolis step for
//! p(z|x), then a Gibbs step. Its stationary distribution is p(x_mis, z|x_obs) whatever the encoder.
//!
//! A chain begins with pseudo-Gibbs transitions, the last of which gives z. After that a pseudo-Gibbs transition would
//! break detailed balance, so there is none: latent points are kept between updates. Source: P.-A. Mattei,
//! J. Frellsen, *Leveraging the exact likelihood of deep latent variable models*, NeurIPS 2018; docs/methods.md §6.

use autodiff::Tape;
use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::special::ln;
use rand::RngExt;

use super::decoded::Decoded;
use super::diagnostics::ChainDiagnostics;
use super::pseudo_gibbs;
use super::rows::Rows;
use super::workspace::Workspace;
use crate::likelihood::RowLikelihood;
use crate::model::{LatentModel, log_prior, mixture_log_density};

/// log \[p(x, z') q(z|x) / (p(x, z) q(z'|x))\], not clipped, in nats.
///
/// *x*: D, a completed row; *params*: K(2L+1), its encoding; *current*, *proposal*: one point each, z and z'.
pub fn log_acceptance<T: Scalar>(
    likelihood: &dyn RowLikelihood<T>,
    x: &[T],
    mixture: Mixture,
    params: &[T],
    current: Decoded<'_, T>,
    proposal: Decoded<'_, T>,
) -> T {
    log_weight(likelihood, x, mixture, params, proposal) - log_weight(likelihood, x, mixture, params, current)
}

/// log p(x, z) − log q(z|x).
fn log_weight<T: Scalar>(
    likelihood: &dyn RowLikelihood<T>,
    x: &[T],
    mixture: Mixture,
    params: &[T],
    point: Decoded<'_, T>,
) -> T {
    let mut log_density = [T::ZERO];
    likelihood.log_densities(x, None, point.decoded, &mut log_density);
    log_density[0] + log_prior(point.z) - mixture_log_density(mixture, params, point.z)
}

/// Iterations of all chains: one call of the encoder and one of the decoder each, after the warm-up of new chains.
///
/// The workspace holds the current points, then the proposed ones; the decoded numbers of the current points are kept
/// from one iteration to the next. At the start of an update they are decoded again, together with the first proposals,
/// since the model may have changed since the last one.
pub(super) fn update<T: Scalar>(
    warm_up: usize,
    iterations: usize,
    work: &mut Workspace<T>,
    (model, tape): (&dyn LatentModel<T>, &mut Tape<T>),
    rows: &mut Rows<'_, T>,
    diagnostics: &mut ChainDiagnostics,
) {
    let (mixture, likelihood) = (model.mixture(), model.likelihood());
    let width = likelihood.width();
    let (latent, points) = (mixture.latent, work.points(rows));
    let row_latents = rows.copies * latent;
    let mut known = 0;
    if rows.started {
        work.reserve_points(2 * rows.most_points(), latent, width);
        for (&n, z) in work.chains.iter().zip(work.z.chunks_exact_mut(row_latents)) {
            z.copy_from_slice(&rows.latents[n * row_latents..][..row_latents]);
        }
    } else {
        for _ in 0..warm_up {
            pseudo_gibbs::transition(work, (model, tape), rows, diagnostics);
        }
        known = points;
    }
    for _ in 0..iterations {
        work.encode((model, tape), rows);
        work.draw_latents(mixture, width, rows, points);
        model.decode(
            tape,
            &work.z[known * latent..2 * points * latent],
            &mut work.decoded[known * width..2 * points * width],
        );
        known = points;
        choose(work, (mixture, likelihood), rows, diagnostics);
        work.draw_missing(likelihood, rows, diagnostics);
    }
    for (&n, z) in work.chains.iter().zip(work.z.chunks_exact(row_latents)) {
        rows.latents[n * row_latents..][..row_latents].copy_from_slice(z);
    }
}

/// Moves each chain to its proposal, or leaves it where it is.
fn choose<T: Scalar>(
    work: &mut Workspace<T>,
    (mixture, likelihood): (Mixture, &dyn RowLikelihood<T>),
    rows: &mut Rows<'_, T>,
    diagnostics: &mut ChainDiagnostics,
) {
    let (columns, latent, points) = (rows.columns, mixture.latent, work.points(rows));
    let (width, params_len) = (likelihood.width(), mixture.params_len());
    let (current_z, proposed_z) = work.z.split_at_mut(points * latent);
    let (current_decoded, proposed_decoded) = work.decoded.split_at_mut(points * width);
    for (a, &n) in work.chains.iter().enumerate() {
        for k in 0..rows.copies {
            let i = a * rows.copies + k;
            let (z, decoded) = (&mut current_z[i * latent..][..latent], &mut current_decoded[i * width..][..width]);
            let proposal =
                Decoded { z: &proposed_z[i * latent..][..latent], decoded: &proposed_decoded[i * width..][..width] };
            let x = &rows.completed[(n * rows.copies + k) * columns..][..columns];
            let params = &work.params[i * params_len..][..params_len];
            let before = log_weight(likelihood, x, mixture, params, Decoded { z, decoded });
            let after = log_weight(likelihood, x, mixture, params, proposal);
            // The uniform is drawn in any case, so that the stream does not depend on the decision.
            let uniform: f64 = rows.streams[n].random();
            diagnostics.proposed += 1;
            if accepts(before, after, uniform) {
                z.copy_from_slice(proposal.z);
                decoded.copy_from_slice(proposal.decoded);
                diagnostics.accepted += 1;
            }
        }
    }
}

/// Whether a chain moves from a point of log weight `before` to one of log weight `after`. A current point whose weight
/// is not a number (an encoder that failed during the warm-up) gives way to any proposal whose weight is one: no
/// comparison with it ever holds, and the chain would never move again.
fn accepts<T: Scalar>(before: T, after: T, uniform: f64) -> bool {
    let (before, after) = (before.to_f64(), after.to_f64());
    if before.is_nan() { !after.is_nan() } else { ln(uniform) < after - before }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use statrs::distribution::{Continuous, Normal};

    use super::*;
    use crate::likelihood::Normals;

    #[test]
    fn the_ratio_from_its_definition() {
        let mixture = Mixture { components: 1, latent: 1 };
        let log_normal = |x: f64, mean: f64, scale: f64| Normal::new(mean, scale).unwrap().ln_pdf(x);
        let (x, params) = ([0.7, -1.0], [0.4, 0.8, 0.0]);
        // Decoder: means (z, −2z), scales (0.5, 1 + z²).
        let gaussians = |z: f64| [z, -2.0 * z, 0.5, 1.0 + z * z];
        let (z, new) = (0.3, -0.9);
        let ratio = log_acceptance(
            &Normals { columns: 2 },
            &x,
            mixture,
            &params,
            Decoded { z: &[z], decoded: &gaussians(z) },
            Decoded { z: &[new], decoded: &gaussians(new) },
        );
        let target =
            |z: f64| log_normal(0.7, z, 0.5) + log_normal(-1.0, -2.0 * z, 1.0 + z * z) + log_normal(z, 0.0, 1.0);
        let expected = target(new) + log_normal(z, 0.4, 0.8) - target(z) - log_normal(new, 0.4, 0.8);
        assert_relative_eq!(ratio, expected, max_relative = 1e-13);
    }

    #[test]
    fn decisions() {
        assert!(accepts(-3.0, -2.0, 1.0_f64.next_down()));
        assert!(accepts(0.0, -1.0, 0.3678) && !accepts(0.0, -1.0, 0.3680), "exp(−1) = 0.36788");
        assert!(!accepts(0.0, f64::NAN, 0.0) && !accepts(f64::NAN, f64::NAN, 0.0));
        assert!(accepts(f64::NAN, -1e9, 0.99) && accepts(f64::NEG_INFINITY, -1e9, 0.99));
        assert!(!accepts(0.0, f64::NEG_INFINITY, 0.0) && !accepts(f64::NEG_INFINITY, f64::NEG_INFINITY, 0.5));
    }
}
