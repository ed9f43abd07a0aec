//! Mixtures of diagonal Gaussians: density and pathwise gradients.

use autodiff::ops::{Mixture, Pathwise};
use autodiff::{Graph, Seed, Tape, Var, Wanted};
use linalg::Scalar;
use linalg::special::{ln, softplus};

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
    let mut computed = Computed { exponent: exponent::<T>(fixture)?, ..Computed::default() };
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
    let mut computed = Computed { exponent: exponent::<T>(fixture)?, ..Computed::default() };
    parameters.add_moment_gradients(&g, &mut computed);
    if logits {
        computed.add_gradient(&g, "dlogits", parameters.logits);
    }
    Ok(computed)
}

/// By how much a component's log density moves when each of z, mean and scale is rounded by ε of itself, in units of ε:
/// Σ_d (|u|·(|z| + |mean|)/scale + u²) with u = (z − mean)/scale. The largest among the components whose
/// responsibilities the type can hold.
fn exponent<T: Scalar>(fixture: &Fixture) -> Result<f64, String> {
    let [logits, mean, raw_scale, z] = ["logits", "mean", "raw_scale", "z"].map(|name| fixture.input(name));
    let (logits, mean, raw_scale, z) = (logits?, mean?, raw_scale?, z?);
    let &[_, components, latent] = &mean.shape[..] else { return Err(format!("means of shape {:?}", mean.shape)) };
    let min_scale = fixture.number("min_scale")?;
    let row = components * latent;
    let mut largest = 0.0_f64;
    for (n, z) in z.data.chunks_exact(latent).enumerate() {
        let n = n % (mean.data.len() / row);
        let mut terms = Vec::new();
        for k in 0..components {
            let mut log_joint = logits.data[n * components + k];
            let mut moves = 0.0;
            for (d, z) in z.iter().enumerate() {
                let i = n * row + k * latent + d;
                let (mean, scale) = (mean.data[i], softplus(raw_scale.data[i]) + min_scale);
                let u = (z - mean) / scale;
                log_joint -= 0.5 * u * u + ln(scale);
                moves += u.abs() * (z.abs() + mean.abs()) / scale + u * u;
            }
            terms.push((log_joint, moves));
        }
        let best = terms.iter().fold(f64::NEG_INFINITY, |best, (log_joint, _)| best.max(*log_joint));
        let held = terms.iter().filter(|(log_joint, _)| log_joint - best > ln(T::MIN_POSITIVE.to_f64()));
        largest = held.fold(largest, |largest, (_, moves)| largest.max(*moves));
    }
    Ok(largest)
}
