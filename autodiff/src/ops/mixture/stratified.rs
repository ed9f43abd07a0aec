//! Reparametrised samples of every component.

use linalg::Scalar;

use super::{Grouping, Mixture};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// Samples of every component of a mixture, reparametrised.
///
/// z\[…,b,k,l\] = mean\[b,k,l\] + scale\[b,k,l\] · noise\[…,b,k,l\].
/// *params*: B × K·(2·L + 1); *noise*: … × B × K × L, a constant (for K = 1 also … × B × L, the ordinary reparametrised
/// Gaussian); out: the noise's shape.  Source: docs/methods.md §3; paper §4.1.
#[derive(Clone, Copy, Debug)]
pub struct StratifiedSample {
    /// Sizes.
    pub mixture: Mixture,
}

impl<T: Scalar> Op<T> for StratifiedSample {
    fn name(&self) -> &'static str {
        "stratified_sample"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [params, noise] = inputs else { panic!("parameters and noise were expected, not {inputs:?}") };
        self.mixture.check_params(*params);
        let Mixture { components, latent } = self.mixture;
        let b = params.rows();
        let fits =
            noise.dims().ends_with(&[b, components, latent]) || components == 1 && noise.dims().ends_with(&[b, latent]);
        assert!(fits, "noise {noise} for mixture parameters {params}: [… × {b} × {components} × {latent}] is needed");
        *noise
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn reads(&self) -> Reads {
        Reads::Inputs
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let params = pass.inputs.get(0);
        let (width, moments) = (self.mixture.params_len(), self.mixture.moments());
        let groups = Grouping::new(pass.out.len() / moments, pass.inputs.shape(0).rows(), 1);
        for b in 0..groups.data_rows {
            let (means, scales, _) = self.mixture.split(&params[b * width..(b + 1) * width]);
            for n in groups.runs(b).flatten() {
                let noise = &pass.inputs.get(1)[n * moments..(n + 1) * moments];
                let out = &mut pass.out[n * moments..(n + 1) * moments];
                for (((z, e), mean), scale) in out.iter_mut().zip(noise).zip(means).zip(scales) {
                    *z = *mean + *scale * *e;
                }
            }
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dparams) = pass.grads.take(0) else { return };
        let dparams = dparams.accumulator();
        let (width, moments) = (self.mixture.params_len(), self.mixture.moments());
        let groups = Grouping::new(pass.dout.len() / moments, pass.inputs.shape(0).rows(), 1);
        for b in 0..groups.data_rows {
            let (dmeans, dscales, _) = self.mixture.split_mut(&mut dparams[b * width..(b + 1) * width]);
            for n in groups.runs(b).flatten() {
                let noise = &pass.inputs.get(1)[n * moments..(n + 1) * moments];
                let dout = &pass.dout[n * moments..(n + 1) * moments];
                for (((g, e), dmean), dscale) in dout.iter().zip(noise).zip(dmeans.iter_mut()).zip(dscales.iter_mut()) {
                    *dmean += *g;
                    *dscale += *g * *e;
                }
            }
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records [`StratifiedSample`] of *params* (B × K·(2·L + 1)) and *noise* (… × B × K × L).
    #[track_caller]
    pub fn stratified_sample(&mut self, params: Var, noise: Var, mixture: Mixture) -> Var {
        self.apply(StratifiedSample { mixture }, &[params, noise])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{self, Options};
    use crate::ops::mixture::testing::{assert_close, evaluate, noise, params};

    /// The same from plain operations.
    fn composed<T: Scalar>(g: &mut Graph<T>, params: Var, noise: Var, mixture: Mixture) -> Var {
        let (b, moments) = (g.shape(params).rows(), mixture.moments());
        let [means, scales] = [0, moments].map(|start| {
            let x = g.slice(params, 1, start..start + moments);
            g.reshape(x, [b, mixture.components, mixture.latent])
        });
        let x = g.mul(scales, noise);
        g.add(means, x)
    }

    #[test]
    fn is_its_composition() {
        for (outer, b, components, latent) in [(2, 3, 4, 2), (1, 2, 1, 5), (3, 1, 2, 1), (0, 2, 2, 2), (2, 0, 3, 2)] {
            let mixture = Mixture { components, latent };
            let x = params(mixture, b, 1);
            let shape = [outer, 2, b, components, latent];
            let len = shape.iter().product();
            let (e, upstream) = (noise(2, len), noise(3, len));
            let inputs = [(&[b, mixture.params_len()][..], &x[..]), (&shape[..], &e[..])];
            let plain = evaluate::<f64>(|g, x| composed(g, x[0], x[1], mixture), &inputs, &upstream);
            let fused = evaluate::<f64>(|g, x| g.stratified_sample(x[0], x[1], mixture), &inputs, &upstream);
            let single = evaluate::<f32>(|g, x| g.stratified_sample(x[0], x[1], mixture), &inputs, &upstream);
            for (actual, tolerance) in [(fused, 1e-14), (single, 1e-6)] {
                assert_close(&actual.0, &plain.0, tolerance, "value");
                assert_close(&actual.1[0], &plain.1[0], tolerance, "gradient");
                assert!(actual.1[1].iter().all(|g| *g == 0.0), "noise is data");
            }
        }
    }

    #[test]
    fn gradient_matches_differences() {
        let mixture = Mixture { components: 3, latent: 2 };
        let e = noise(4, 2 * 2 * 6);
        let f = |g: &mut Graph<f64>, x: &[Var]| {
            let e = g.constant([2, 2, 3, 2], &e);
            g.stratified_sample(x[0], e, mixture)
        };
        let inputs = [(Shape::from([2, mixture.params_len()]), params(mixture, 2, 5))];
        gradcheck::check(f, &inputs, &Options::default()).assert();
    }

    #[test]
    fn one_component_needs_no_axis() {
        let mixture = Mixture { components: 1, latent: 3 };
        let (x, e) = (params(mixture, 2, 6), noise(7, 12));
        let f = |g: &mut Graph<f64>, x: &[Var]| g.stratified_sample(x[0], x[1], mixture);
        let params = (&[2, mixture.params_len()][..], &x[..]);
        let with = evaluate(f, &[params, (&[2, 2, 1, 3], &e)], &e);
        let without = evaluate(f, &[params, (&[2, 2, 3], &e)], &e);
        assert_eq!(with, without);
    }

    #[test]
    #[should_panic(expected = "noise [4 × 3 × 2] for mixture parameters [2 × 15]: [… × 2 × 3 × 2] is needed")]
    fn noise_of_another_shape_is_refused() {
        let mixture = Mixture { components: 3, latent: 2 };
        let f = |g: &mut Graph<f64>, x: &[Var]| g.stratified_sample(x[0], x[1], mixture);
        evaluate(f, &[(&[2, 15], &[1.0; 30]), (&[4, 3, 2], &[0.0; 24])], &[]);
    }
}
