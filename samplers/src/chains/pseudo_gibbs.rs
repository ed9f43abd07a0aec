//! Pseudo-Gibbs sampling: z ~ q(z|x_obs, x_mis), then x_mis ~ p(x_mis|z), and again.
//!
//! With the exact posterior p(z|x) as encoder this is a Gibbs sampler of p(x_mis, z|x_obs); with any other encoder its
//! stationary distribution is another one. Source: D. J. Rezende, S. Mohamed, D. Wierstra, *Stochastic backpropagation
//! and approximate inference in deep generative models*, ICML 2014, appendix F; docs/methods.md §6.

use linalg::Scalar;

use super::workspace::Workspace;
use super::{Diagnostics, Rows};
use crate::model::LatentModel;

/// One transition of all chains: one call of the encoder and one of the decoder. Leaves the latent points and their
/// decoded Gaussians in the workspace.
pub(super) fn transition<T: Scalar>(
    work: &mut Workspace<T>,
    model: &mut dyn LatentModel<T>,
    rows: &mut Rows<'_, T>,
    diagnostics: &mut Diagnostics,
) {
    work.encode(model, rows);
    work.draw_latents(model.mixture(), rows, 0);
    let points = work.points(rows);
    model.decode(&work.z[..points * model.mixture().latent], &mut work.gaussians[..points * 2 * rows.columns]);
    work.draw_missing(model.likelihood(), rows, diagnostics);
}
