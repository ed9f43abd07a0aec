//! Natural parameters of a mixture from a network's output.

use linalg::Scalar;
use linalg::simd::{Kernel, Vector, dispatch};
use linalg::special::{exp, ln, sigmoid, softplus};

use super::Mixture;
use super::table::{lane_indices, load_log};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// Natural parameters of a mixture of diagonal Gaussians from a network's output.
///
/// mean = mean, scale = softplus(raw) + min_scale, log weights = log_softmax(logits) (0 for K = 1).
/// *head*: B × (2·K·L + K), or B × 2·L for K = 1; out: B × K·(2·L + 1). Layouts: [`Mixture`].
///
/// The derivatives of softplus and log_softmax are applied here, once for all that use the parameters.
/// Source: docs/methods.md §1.
#[derive(Clone, Copy, Debug)]
pub struct MixtureParameters {
    /// Sizes.
    pub mixture: Mixture,
    /// Added to the softplus of the raw scale.
    pub min_scale: f64,
}

impl<T: Scalar> Op<T> for MixtureParameters {
    fn name(&self) -> &'static str {
        "mixture_parameters"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [head] = inputs else { panic!("a head was expected, not {inputs:?}") };
        self.mixture.check_sizes();
        let width = self.mixture.head_len();
        let fits = head.rank() == 2 && head.last() == width;
        assert!(fits, "mixture head {head}, for {:?}: [B × {width}] is needed", self.mixture);
        head.with_last(self.mixture.params_len())
    }

    fn reads(&self) -> Reads {
        Reads::Both
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let min_scale = T::from_f64(self.min_scale);
        dispatch(Parameters { mixture: self.mixture, min_scale, head: pass.inputs.get(0), out: pass.out });
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dhead) = pass.grads.take(0) else { return };
        let (dhead, accumulate) = dhead.parts();
        let (head, out, dout) = (pass.inputs.get(0), pass.out, &*pass.dout);
        dispatch(Slope { mixture: self.mixture, head, out, dout, dhead, accumulate });
    }
}

struct Parameters<'a, T> {
    mixture: Mixture,
    min_scale: T,
    head: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Parameters<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let mixture = self.mixture;
        let rows = self.head.chunks_exact(mixture.head_len());
        for (head, out) in rows.zip(self.out.chunks_exact_mut(mixture.params_len())) {
            let (head_means, raw, logits) = mixture.split(head);
            let (means, scales, log_weights) = mixture.split_mut(out);
            means.copy_from_slice(head_means);
            for (raw, scales) in raw.chunks(V::LANES).zip(scales.chunks_mut(V::LANES)) {
                (softplus(V::load_partial(raw)) + V::splat(self.min_scale)).store_partial(scales);
            }
            if mixture.components == 1 {
                log_weights[0] = T::ZERO;
            } else {
                log_softmax::<T, V>(logits, log_weights);
            }
        }
    }
}

/// `x[k]` − ln Σ_j exp `x[j]`.
#[inline(always)]
fn log_softmax<T: Scalar, V: Vector<T>>(x: &[T], out: &mut [T]) {
    let indices = lane_indices();
    let mut largest = V::splat(T::NEG_INFINITY);
    for x in x.chunks(V::LANES) {
        let x = load_log(x, indices);
        largest = V::select_lt(largest, x, x, largest);
    }
    let largest = V::splat(largest.maximum());
    let mut sum = V::splat(T::ZERO);
    for x in x.chunks(V::LANES) {
        sum = sum + exp(load_log(x, indices) - largest);
    }
    let log_sum = V::splat(ln::<T, T>(sum.sum()));
    for (x, out) in x.chunks(V::LANES).zip(out.chunks_mut(V::LANES)) {
        (V::load_partial(x) - largest - log_sum).store_partial(out);
    }
}

struct Slope<'a, T> {
    mixture: Mixture,
    head: &'a [T],
    out: &'a [T],
    dout: &'a [T],
    dhead: &'a mut [T],
    accumulate: bool,
}

impl<T: Scalar> Kernel<T> for Slope<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let mixture = self.mixture;
        // The sum of an unaccumulated gradient must not touch what the buffer holds, which may be NaN.
        let add = |g: V, old: &mut [T]| {
            (if self.accumulate { V::load_partial(old) + g } else { g }).store_partial(old);
        };
        let rows = self.head.chunks_exact(mixture.head_len()).zip(self.dhead.chunks_exact_mut(mixture.head_len()));
        let width = mixture.params_len();
        for ((head, dhead), (out, dout)) in rows.zip(self.out.chunks_exact(width).zip(self.dout.chunks_exact(width))) {
            let (_, raw, _) = mixture.split(head);
            let (_, _, log_weights) = mixture.split(out);
            let (dmeans, dscales, dlog_weights) = mixture.split(dout);
            let (dhead_means, draw, dlogits) = mixture.split_mut(dhead);
            for (g, old) in dmeans.chunks(V::LANES).zip(dhead_means.chunks_mut(V::LANES)) {
                add(V::load_partial(g), old);
            }
            let scales = dscales.chunks(V::LANES).zip(raw.chunks(V::LANES));
            for ((g, raw), old) in scales.zip(draw.chunks_mut(V::LANES)) {
                add(V::load_partial(g) * sigmoid(V::load_partial(raw)), old);
            }
            let mut total = V::splat(T::ZERO);
            for g in dlog_weights.chunks(V::LANES) {
                total = total + V::load_partial(g);
            }
            let total = V::splat(total.sum());
            let weights = dlog_weights.chunks(V::LANES).zip(log_weights.chunks(V::LANES));
            for ((g, log_weights), old) in weights.zip(dlogits.chunks_mut(V::LANES)) {
                add(V::load_partial(g) - exp(V::load_partial(log_weights)) * total, old);
            }
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records [`MixtureParameters`] of *head* (B × 2·K·L + K, or B × 2·L for K = 1).
    #[track_caller]
    pub fn mixture_parameters(&mut self, head: Var, mixture: Mixture, min_scale: f64) -> Var {
        self.apply(MixtureParameters { mixture, min_scale }, &[head])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gradcheck::{self, Options};
    use crate::ops::mixture::testing::{assert_close, evaluate, noise};

    /// The same from plain operations.
    fn composed<T: Scalar>(g: &mut Graph<T>, head: Var, mixture: Mixture, min_scale: f64) -> Var {
        let moments = mixture.moments();
        let means = g.slice(head, 1, 0..moments);
        let raw = g.slice(head, 1, moments..2 * moments);
        let scales = g.softplus(raw);
        let scales = g.add_scalar(scales, min_scale);
        let log_weights = if mixture.components == 1 {
            let rows = g.shape(head).rows();
            g.constant([rows, 1], &vec![T::ZERO; rows])
        } else {
            let logits = g.slice(head, 1, 2 * moments..mixture.head_len());
            g.log_softmax(logits)
        };
        g.concat(&[means, scales, log_weights], 1)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn is_its_composition(b in 0..4usize, components in 1..20usize, latent in 1..5usize, seed in 0..1000u32) {
            let mixture = Mixture { components, latent };
            let head: Vec<f64> = noise(seed, b * mixture.head_len()).iter().map(|x| 5.0 * x).collect();
            let upstream = noise(seed + 1, b * mixture.params_len());
            let inputs = [(&[b, mixture.head_len()][..], &head[..])];
            let plain = evaluate::<f64>(|g, x| composed(g, x[0], mixture, 0.01), &inputs, &upstream);
            let fused = evaluate::<f64>(|g, x| g.mixture_parameters(x[0], mixture, 0.01), &inputs, &upstream);
            let single = evaluate::<f32>(|g, x| g.mixture_parameters(x[0], mixture, 0.01), &inputs, &upstream);
            for (actual, tolerance) in [(fused, 1e-14), (single, 1e-6)] {
                assert_close(&actual.0, &plain.0, tolerance, "value");
                assert_close(&actual.1[0], &plain.1[0], tolerance, "gradient");
            }
        }
    }

    #[test]
    fn gradient_matches_differences() {
        for (components, latent) in [(1, 2), (3, 2), (18, 1)] {
            let mixture = Mixture { components, latent };
            let inputs = [(Shape::from([2, mixture.head_len()]), noise(7, 2 * mixture.head_len()))];
            let f = |g: &mut Graph<f64>, x: &[Var]| g.mixture_parameters(x[0], mixture, 1e-5);
            gradcheck::check(f, &inputs, &Options::default()).assert();
        }
    }

    #[test]
    #[should_panic(expected = "mixture head [2 × 9], for Mixture { components: 2, latent: 2 }: [B × 10] is needed")]
    fn a_head_of_another_width_is_refused() {
        let mixture = Mixture { components: 2, latent: 2 };
        evaluate::<f64>(|g, x| g.mixture_parameters(x[0], mixture, 0.0), &[(&[2, 9], &[0.0; 18])], &[]);
    }
}
