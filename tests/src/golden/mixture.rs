//! Mixtures of diagonal Gaussians: density and pathwise gradients.

use autodiff::ops::{Mixture, Pathwise};
use autodiff::{Graph, Seed, Tape, Var, Wanted};
use linalg::Scalar;

use super::{Computed, Fixture};

/// The variables of a mixture and what is made of them.
struct Parameters {
    logits: Var,
    mean: Var,
    raw_scale: Var,
    params: Var,
    mixture: Mixture,
}

impl Parameters {
    /// Puts means and raw scales (B × K × L) and logits (B × K) together as an encoder's output.
    fn record<T: Scalar>(fixture: &Fixture, g: &mut Graph<'_, T>) -> Result<Self, String> {
        let [logits, mean, raw_scale] = ["logits", "mean", "raw_scale"].map(|name| fixture.variable(g, name));
        let (logits, mean, raw_scale) = (logits?, mean?, raw_scale?);
        let shape = g.shape(mean);
        let &[rows, components, latent] = shape.dims() else { return Err(format!("means of shape {shape}")) };
        let mixture = Mixture { components, latent };
        let [flat_mean, flat_raw] = [mean, raw_scale].map(|x| g.reshape(x, [rows, mixture.moments()]));
        // A single component has no logit; what the fixture gives gets gradient zero.
        let parts = [flat_mean, flat_raw, logits];
        let head = g.concat(if components == 1 { &parts[..2] } else { &parts }, 1);
        let params = g.mixture_parameters(head, mixture, fixture.number("min_scale")?);
        Ok(Parameters { logits, mean, raw_scale, params, mixture })
    }

    fn add_moment_gradients<T: Scalar>(&self, g: &Graph<'_, T>, computed: &mut Computed) {
        computed.add_gradient(g, "dmean", self.mean);
        computed.add_gradient(g, "draw_scale", self.raw_scale);
    }
}

/// The log density and all its gradients.
pub(super) fn log_prob<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let mut tape = Tape::<T>::new();
    let mut g = tape.graph(&[]);
    let parameters = Parameters::record(fixture, &mut g)?;
    let z = fixture.variable(&mut g, "z")?;
    let log_prob = g.mixture_log_density(z, parameters.params, parameters.mixture, 1);
    let mut computed = Computed::default();
    computed.add_value(&g, "log_prob", log_prob);
    g.backward(&[(log_prob, Seed::Each(&fixture.values("upstream")?.1))], Wanted::All, &mut []);
    computed.add_gradient(&g, "dz", z);
    computed.add_gradient(&g, "dlogits", parameters.logits);
    parameters.add_moment_gradients(&g, &mut computed);
    Ok(computed)
}

/// Implicit reparametrisation.
pub(super) fn implicit<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    pathwise::<T>(fixture, Pathwise::Implicit)
}

/// The responsibility estimator, for means and scales.
pub(super) fn responsibility<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    pathwise::<T>(fixture, Pathwise::Responsibility)
}

fn pathwise<T: Scalar>(fixture: &Fixture, estimator: Pathwise) -> Result<Computed, String> {
    let mut tape = Tape::<T>::new();
    let mut g = tape.graph(&[]);
    let parameters = Parameters::record(fixture, &mut g)?;
    let (shape, z) = fixture.values::<T>("z")?;
    let z = g.constant(shape, &z);
    let logits = estimator == Pathwise::Implicit;
    let sample = g.ancestral_sample(z, parameters.params, parameters.mixture, estimator, logits);
    g.backward(&[(sample, Seed::Each(&fixture.values("upstream")?.1))], Wanted::All, &mut []);
    let mut computed = Computed::default();
    parameters.add_moment_gradients(&g, &mut computed);
    if logits {
        computed.add_gradient(&g, "dlogits", parameters.logits);
    }
    Ok(computed)
}
