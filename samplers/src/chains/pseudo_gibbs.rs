//! Pseudo-Gibbs sampling: z ~ q(z|x_obs, x_mis), then x_mis ~ p(x_mis|z), and again.
//!
//! With the exact posterior p(z|x) as encoder this is a Gibbs sampler of p(x_mis, z|x_obs); with any other encoder its
//! stationary distribution is another one. Source: D. J. Rezende, S. Mohamed, D. Wierstra, *Stochastic backpropagation
//! and approximate inference in deep generative models*, ICML 2014, appendix F; docs/methods.md §6.

use autodiff::Tape;
use linalg::Scalar;

use super::diagnostics::ChainDiagnostics;
use super::rows::Rows;
use super::workspace::Workspace;
use crate::model::LatentModel;

/// One transition of all chains: one call of the encoder and one of the decoder. Leaves the latent points and their
/// decoded numbers in the workspace.
pub(super) fn transition<T: Scalar>(
    work: &mut Workspace<T>,
    (model, tape): (&dyn LatentModel<T>, &mut Tape<T>),
    rows: &mut Rows<'_, T>,
    diagnostics: &mut ChainDiagnostics,
) {
    work.encode((model, tape), rows);
    work.draw_latents(model.mixture(), model.likelihood().width(), rows, 0);
    let points = work.points(rows);
    let (latent, likelihood) = (model.mixture().latent, model.likelihood());
    let decoded = &mut work.decoded[..points * likelihood.width()];
    model.decode(tape, &work.z[..points * latent], decoded);
    work.draw_missing(likelihood, rows, diagnostics);
}
