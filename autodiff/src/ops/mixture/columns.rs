//! The log weights among a mixture's parameters.

use linalg::Scalar;

use super::Mixture;
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// The same parameters, with a gradient through the log weights only: means and scales are detached.
///
/// *params*, out: B × K·(2·L + 1). In the stratified bounds with the `stl` estimator the density's means and scales
/// are detached but the weights outside it are not; and the implicit gradient of the logits is taken with the
/// components detached.  Source: docs/methods.md §3, §4.
#[derive(Clone, Copy, Debug)]
pub struct DetachComponents {
    /// Sizes.
    pub mixture: Mixture,
}

impl<T: Scalar> Op<T> for DetachComponents {
    fn name(&self) -> &'static str {
        "detach_components"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [params] = inputs else { panic!("parameters were expected, not {inputs:?}") };
        self.mixture.check_params(*params);
        *params
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        pass.out.copy_from_slice(pass.inputs.get(0));
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dparams) = pass.grads.take(0) else { return };
        let width = self.mixture.params_len();
        let first = 2 * self.mixture.moments();
        let rows = dparams.accumulator().chunks_exact_mut(width).zip(pass.dout.chunks_exact(width));
        for (dparams, dout) in rows {
            dparams[first..].iter_mut().zip(&dout[first..]).for_each(|(g, d)| *g += *d);
        }
    }
}

/// The log weights of a mixture: the last K columns of its parameters.
///
/// *params*: B × K·(2·L + 1); out: B × K.
/// Source: docs/methods.md §3 (eqs. 5 and 8 of the paper weigh samples by them).
#[derive(Clone, Copy, Debug)]
pub struct MixtureLogWeights {
    /// Sizes.
    pub mixture: Mixture,
}

impl<T: Scalar> Op<T> for MixtureLogWeights {
    fn name(&self) -> &'static str {
        "mixture_log_weights"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [params] = inputs else { panic!("parameters were expected, not {inputs:?}") };
        self.mixture.check_params(*params);
        params.with_last(self.mixture.components)
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let rows = pass.inputs.get(0).chunks_exact(self.mixture.params_len());
        for (row, out) in rows.zip(pass.out.chunks_exact_mut(self.mixture.components)) {
            out.copy_from_slice(self.mixture.split(row).2);
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dparams) = pass.grads.take(0) else { return };
        let rows = dparams.accumulator().chunks_exact_mut(self.mixture.params_len());
        for (row, dout) in rows.zip(pass.dout.chunks_exact(self.mixture.components)) {
            self.mixture.split_mut(row).2.iter_mut().zip(dout).for_each(|(g, d)| *g += *d);
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records [`DetachComponents`] of *params* (B × K·(2·L + 1)).
    #[track_caller]
    pub fn detach_components(&mut self, params: Var, mixture: Mixture) -> Var {
        self.apply(DetachComponents { mixture }, &[params])
    }

    /// Records [`MixtureLogWeights`] of *params* (B × K·(2·L + 1)): B × K.
    #[track_caller]
    pub fn mixture_log_weights(&mut self, params: Var, mixture: Mixture) -> Var {
        self.apply(MixtureLogWeights { mixture }, &[params])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{self, Options};
    use crate::ops::mixture::testing::{evaluate, noise, params};

    #[test]
    fn a_gradient_reaches_the_log_weights_only() {
        for (rows, components) in [(0, 2), (1, 1), (3, 4)] {
            let mixture = Mixture { components, latent: 3 };
            let width = mixture.params_len();
            let (x, upstream) = (params(mixture, rows, 1), noise(2, rows * width));
            let inputs = [(&[rows, width][..], &x[..])];
            // Also where another consumer has left a gradient before.
            for twice in [false, true] {
                let f = |g: &mut Graph<f64>, x: &[Var]| {
                    let y = g.detach_components(x[0], mixture);
                    if twice { g.add(x[0], y) } else { y }
                };
                let (value, gradients) = evaluate(f, &inputs, &upstream);
                for (i, g) in gradients[0].iter().enumerate() {
                    let others = if twice { upstream[i] } else { 0.0 };
                    let own = if i % width < 2 * mixture.moments() { 0.0 } else { upstream[i] };
                    assert_eq!(*g, own + others);
                    assert_eq!(value[i], if twice { 2.0 * x[i] } else { x[i] });
                }
            }
        }
    }

    #[test]
    fn log_weights_are_the_last_columns() {
        for (rows, components) in [(0, 2), (1, 1), (3, 4)] {
            let mixture = Mixture { components, latent: 2 };
            let inputs = [(Shape::from([rows, mixture.params_len()]), params(mixture, rows, 3))];
            let f = |g: &mut Graph<f64>, x: &[Var]| g.mixture_log_weights(x[0], mixture);
            gradcheck::check(f, &inputs, &Options::default()).assert_unless_empty();
            let seed = vec![0.0; rows * components];
            let (value, _) = evaluate(f, &[(inputs[0].0.dims(), &inputs[0].1)], &seed);
            let rows = inputs[0].1.chunks_exact(mixture.params_len());
            let expected: Vec<f64> = rows.flat_map(|row| mixture.split(row).2.to_vec()).collect();
            assert_eq!(value, expected);
        }
    }
}
