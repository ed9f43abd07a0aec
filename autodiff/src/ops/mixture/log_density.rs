//! Log density of mixtures of diagonal Gaussians.

use linalg::Scalar;
use linalg::simd::{Kernel, MAX_LANES, Vector, dispatch};

use super::table::{Table, lane_indices, responsibilities, table_len};
use super::{Grouping, Mixture};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// Log density of a mixture of diagonal Gaussians.
///
/// out\[n\] = ln Σ_k π\[b,k\] Π_l N(z\[n,l\]; μ\[b,k,l\], σ\[b,k,l\]), in nats, where b = ⌊n/inner⌋ mod B is the data row that
/// sample n belongs to.
/// *z*: … × L; *params*: B × K·(2·L + 1) (see [`Mixture`]); out: z's shape without its last axis.
///
/// With the responsibilities r_k(z), the posterior probabilities of the components, and t = (z − μ)/σ:
/// ∂/∂ln π_k = r_k, ∂/∂μ_kl = r_k t/σ, ∂/∂σ_kl = r_k (t² − 1)/σ, ∂/∂z_l = −Σ_k r_k t/σ.
/// Source: docs/methods.md §3; paper eq. 3.
#[derive(Clone, Copy, Debug)]
pub struct MixtureLogDensity {
    /// Sizes.
    pub mixture: Mixture,
    /// Consecutive samples that belong to one data row: K for stratified samples … × B × K × L, else 1.
    pub inner: usize,
}

impl<T: Scalar> Op<T> for MixtureLogDensity {
    fn name(&self) -> &'static str {
        "mixture_log_density"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [z, params] = inputs else { panic!("samples and parameters were expected, not {inputs:?}") };
        self.mixture.check_params(*params);
        assert!(z.rank() > 0 && z.last() == self.mixture.latent, "samples {z} for {:?}", self.mixture);
        let fits = Grouping::fits(z.rows(), params.rows(), self.inner);
        assert!(fits, "samples {z} for mixture parameters {params}, {} each", self.inner);
        z.without_last()
    }

    /// The data rows' tables (B × 3·L·K), then the responsibilities (N × K).
    fn saved_len(&self, inputs: &[Shape]) -> usize {
        inputs[1].rows() * table_len(self.mixture) + inputs[0].rows() * self.mixture.components
    }

    fn reads(&self) -> Reads {
        Reads::Inputs
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let data_rows = pass.inputs.shape(1).rows();
        let (tables, responsibilities) = pass.saved.split_at_mut(data_rows * table_len(self.mixture));
        dispatch(LogDensity {
            mixture: self.mixture,
            groups: Grouping::new(pass.out.len(), data_rows, self.inner),
            z: pass.inputs.get(0),
            params: pass.inputs.get(1),
            tables,
            out: pass.out,
            responsibilities,
        });
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let data_rows = pass.inputs.shape(1).rows();
        let (tables, responsibilities) = pass.saved.split_at(data_rows * table_len(self.mixture));
        dispatch(Slope {
            mixture: self.mixture,
            groups: Grouping::new(pass.dout.len(), data_rows, self.inner),
            z: pass.inputs.get(0),
            tables,
            responsibilities,
            dout: pass.dout,
            dz: pass.grads.take(0).map(|g| g.parts()),
            dparams: pass.grads.take(1).map(|g| g.accumulator()),
        });
    }
}

/// Densities and responsibilities; the lanes are components.
pub(super) struct LogDensity<'a, T> {
    pub(super) mixture: Mixture,
    pub(super) groups: Grouping,
    pub(super) z: &'a [T],
    pub(super) params: &'a [T],
    pub(super) tables: &'a mut [T],
    pub(super) out: &'a mut [T],
    pub(super) responsibilities: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for LogDensity<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Mixture { components: k_count, latent } = self.mixture;
        let (width, table_len) = (self.mixture.params_len(), table_len(self.mixture));
        let indices = lane_indices();
        for b in 0..self.groups.data_rows {
            let row = &self.params[b * width..(b + 1) * width];
            let table = &mut self.tables[b * table_len..(b + 1) * table_len];
            Table::fill::<V>(self.mixture, row, table);
            // Only ln π_k plus the peaks' total over the dimensions is needed: it takes the place of the first one's.
            let (totals, peaks) = self.mixture.split_mut(table).2.split_at_mut(k_count);
            for (k, total) in totals.iter_mut().enumerate() {
                *total += self.mixture.split(row).2[k];
                for l in 1..latent {
                    *total += peaks[(l - 1) * k_count + k];
                }
            }
            let table = Table::new(self.mixture, table);
            for n in self.groups.runs(b).flatten() {
                let z = &self.z[n * latent..(n + 1) * latent];
                let joint = &mut self.responsibilities[n * k_count..(n + 1) * k_count];
                for start in (0..k_count).step_by(V::LANES) {
                    let end = (start + V::LANES).min(k_count);
                    let mut distance = V::splat(T::ZERO);
                    for (l, &z) in z.iter().enumerate() {
                        let (t, _) = table.standardise(V::splat(z), l * k_count + start..l * k_count + end);
                        distance = t.mul_add(t, distance);
                    }
                    let total = V::load_partial(&table.peaks[start..end]);
                    (-distance).mul_add(V::splat(T::HALF), total).store_partial(&mut joint[start..end]);
                }
                self.out[n] = responsibilities::<T, V>(joint, indices);
            }
        }
    }
}

/// The gradients. Sums over the samples of a data row stay in registers: one block of components and one dimension at
/// a time.
struct Slope<'a, T> {
    mixture: Mixture,
    groups: Grouping,
    z: &'a [T],
    tables: &'a [T],
    responsibilities: &'a [T],
    dout: &'a [T],
    dz: Option<(&'a mut [T], bool)>,
    dparams: Option<&'a mut [T]>,
}

impl<T: Scalar> Kernel<T> for Slope<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(mut self) {
        let Mixture { components: k_count, latent } = self.mixture;
        let (width, table_len) = (self.mixture.params_len(), table_len(self.mixture));
        for b in 0..self.groups.data_rows {
            let table = Table::new(self.mixture, &self.tables[b * table_len..(b + 1) * table_len]);
            for start in (0..k_count).step_by(V::LANES) {
                let end = (start + V::LANES).min(k_count);
                for l in 0..latent {
                    let zero = V::splat(T::ZERO);
                    let (mut weight, mut first, mut second) = (zero, zero, zero);
                    for n in self.groups.runs(b).flatten() {
                        let z = V::splat(self.z[n * latent + l]);
                        let (t, inverse) = table.standardise(z, l * k_count + start..l * k_count + end);
                        let r = V::load_partial(&self.responsibilities[n * k_count + start..n * k_count + end]);
                        let a = r * V::splat(self.dout[n]);
                        let at = a * t;
                        (weight, first, second) = (weight + a, first + at, at.mul_add(t, second));
                        if let Some((dz, accumulate)) = &mut self.dz {
                            let g = -(at * inverse).sum();
                            let dz = &mut dz[n * latent + l];
                            *dz = if *accumulate || start > 0 { *dz + g } else { g };
                        }
                    }
                    let Some(dparams) = &mut self.dparams else { continue };
                    let (dmeans, dscales, dlog_weights) =
                        self.mixture.split_mut(&mut dparams[b * width..(b + 1) * width]);
                    let inverse = V::load_partial(&table.inverses[l * k_count + start..l * k_count + end]);
                    let mut lanes = [[T::ZERO; MAX_LANES]; 3];
                    (first * inverse).store(&mut lanes[0]);
                    ((second - weight) * inverse).store(&mut lanes[1]);
                    weight.store(&mut lanes[2]);
                    for k in start..end {
                        dmeans[k * latent + l] += lanes[0][k - start];
                        dscales[k * latent + l] += lanes[1][k - start];
                        if l == 0 {
                            dlog_weights[k] += lanes[2][k - start];
                        }
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records [`MixtureLogDensity`] of the samples *z* (… × L) under *params* (B × K·(2·L + 1)).
    #[track_caller]
    pub fn mixture_log_density(&mut self, z: Var, params: Var, mixture: Mixture, inner: usize) -> Var {
        self.apply(MixtureLogDensity { mixture, inner }, &[z, params])
    }
}

#[cfg(test)]
mod tests {
    use linalg::special::HALF_LN_TWO_PI;
    use proptest::prelude::*;

    use super::*;
    use crate::gradcheck::{self, Options};
    use crate::ops::mixture::testing::{assert_close, evaluate, noise, params};

    /// The same from plain operations; *z* is outer × B × inner × L.
    fn composed<T: Scalar>(g: &mut Graph<T>, z: Var, params: Var, mixture: Mixture) -> Var {
        let Mixture { components, latent } = mixture;
        let [outer, b, inner, _] = *g.shape(z).dims() else { unreachable!() };
        let z = g.reshape(z, [outer, b, inner, 1, latent]);
        let [means, scales] = [0, 1].map(|i| {
            let x = g.slice(params, 1, i * mixture.moments()..(i + 1) * mixture.moments());
            g.reshape(x, [b, 1, components, latent])
        });
        let log_weights = g.slice(params, 1, 2 * mixture.moments()..mixture.params_len());
        let log_weights = g.reshape(log_weights, [b, 1, components]);
        let difference = g.sub(z, means);
        let t = g.div(difference, scales);
        let squared = g.mul(t, t);
        let halved = g.scale(squared, -0.5);
        let log_scales = g.ln(scales);
        let log_scales = g.add_scalar(log_scales, HALF_LN_TWO_PI);
        let log_densities = g.sub(halved, log_scales);
        let log_densities = g.sum(log_densities, &[4]);
        let joint = g.add(log_densities, log_weights);
        g.log_sum_exp(joint, &[3])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn is_its_composition(
            (outer, b, inner) in (0..3usize, 1..4usize, 1..4usize),
            (components, latent) in (1..20usize, 1..5usize),
            seed in 0..1000u32,
        ) {
            let mixture = Mixture { components, latent };
            let shape = [outer, b, inner, latent];
            let z: Vec<f64> = noise(seed, shape.iter().product()).iter().map(|x| 3.0 * x).collect();
            let (x, upstream) = (params(mixture, b, seed + 1), noise(seed + 2, outer * b * inner));
            let inputs = [(&shape[..], &z[..]), (&[b, mixture.params_len()][..], &x[..])];
            let plain = evaluate::<f64>(|g, x| composed(g, x[0], x[1], mixture), &inputs, &upstream);
            let fused = evaluate::<f64>(|g, x| g.mixture_log_density(x[0], x[1], mixture, inner), &inputs, &upstream);
            let single = evaluate::<f32>(|g, x| g.mixture_log_density(x[0], x[1], mixture, inner), &inputs, &upstream);
            for (actual, tolerance) in [(fused, 1e-13), (single, 1e-5)] {
                assert_close(&actual.0, &plain.0, tolerance, "value");
                assert_close(&actual.1[0], &plain.1[0], tolerance, "gradient of z");
                assert_close(&actual.1[1], &plain.1[1], tolerance, "gradient of the parameters");
            }
        }
    }

    #[test]
    fn gradient_matches_differences() {
        for (components, latent) in [(1, 3), (3, 2), (18, 1)] {
            let mixture = Mixture { components, latent };
            let z = (Shape::from([2, 2, components, latent]), noise(1, 4 * mixture.moments()));
            let params = (Shape::from([2, mixture.params_len()]), params(mixture, 2, 2));
            let f = |g: &mut Graph<f64>, x: &[Var]| g.mixture_log_density(x[0], x[1], mixture, components);
            gradcheck::check(f, &[z, params], &Options::default()).assert();
        }
    }

    #[test]
    fn far_components_do_not_disturb_in_single_precision() {
        let mixture = Mixture { components: 3, latent: 2 };
        let x = [-40.0, 0.0, 0.0, 40.0, 40.0, -40.0, 1.0, 0.5, 0.5, 1.0, 0.25, 0.5, -1.0, -2.0, -1.5];
        let z = [-40.25, 0.75, 0.5, 40.5, 40.0, -39.0, 7.0, -3.0];
        let inputs = [(&[4, 1, 2][..], &z[..]), (&[1, 15][..], &x[..])];
        let double = evaluate::<f64>(|g, x| g.mixture_log_density(x[0], x[1], mixture, 1), &inputs, &[1.0; 4]);
        let single = evaluate::<f32>(|g, x| g.mixture_log_density(x[0], x[1], mixture, 1), &inputs, &[1.0; 4]);
        assert_close(&single.0, &double.0, 1e-6, "value");
        assert_close(&single.1[0], &double.1[0], 1e-6, "gradient of z");
        assert_close(&single.1[1], &double.1[1], 1e-6, "gradient of the parameters");
    }

    #[test]
    fn nan_stays_with_its_sample() {
        let mixture = Mixture { components: 2, latent: 1 };
        let inputs = [(&[2, 1, 1][..], &[f64::NAN, 0.5][..]), (&[1, 6][..], &params(mixture, 1, 3)[..])];
        let (value, gradients) =
            evaluate::<f64>(|g, x| g.mixture_log_density(x[0], x[1], mixture, 1), &inputs, &[1.0; 2]);
        assert!(value[0].is_nan() && value[1].is_finite());
        assert!(gradients[0][0].is_nan() && gradients[0][1].is_finite());
    }

    #[test]
    #[should_panic(expected = "samples [3 × 2] for mixture parameters [2 × 10], 1 each")]
    fn a_number_of_samples_that_does_not_divide_is_refused() {
        let mixture = Mixture { components: 2, latent: 2 };
        let f = |g: &mut Graph<f64>, x: &[Var]| g.mixture_log_density(x[0], x[1], mixture, 1);
        evaluate(f, &[(&[3, 2], &[0.0; 6]), (&[2, 10], &[1.0; 20])], &[]);
    }
}
