//! Pathwise gradients through ancestral samples.

use linalg::Scalar;
use linalg::parallel::chunk_pairs_mut;
use linalg::simd::{Kernel, MAX_LANES, Vector, dispatch};

use super::implicit::{Gradient, Sweep, sweep_len, work_len};
use super::log_density::LogDensity;
use super::table::{Table, table_len};
use super::{Grouping, Mixture};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// How the gradient of a sample reaches the means and scales of a mixture. Both are unbiased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pathwise {
    /// Implicit reparametrisation: dz/dφ = −(∂F/∂z)⁻¹ ∂F/∂φ for the conditional distribution functions
    /// F_d(z_d | z_<d).  Source: docs/methods.md §4; Figurnov et al. 2019; paper §4.1.
    Implicit,
    /// dz/dμ_kl = r_k(z) e_l, dz/dσ_kl = r_k(z) t_kl e_l with the responsibilities r_k. It does not depend on the order
    /// of the dimensions.  Source: docs/methods.md §4.
    Responsibility,
}

/// Components' coordinates in a sweep that take ten microseconds or more.
const TASK: usize = 1 << 11;

/// Samples of a mixture, drawn ancestrally, with pathwise gradients.
///
/// out = z: what was drawn is an input. The gradient that arrives there passes to the parameters along dz/dφ: to means
/// and scales as `components` says, to the log weights by implicit reparametrisation, if at all.
/// *z*: … × B × L, a constant; *params*: B × K·(2·L + 1) (see [`Mixture`]); out: z's shape.
///
/// The gradient of the log weights sums to zero over the components, so that [`MixtureParameters`] passes it on to the
/// logits unchanged.  Source: docs/methods.md §4; the formulas are in `implicit.rs`.
///
/// [`MixtureParameters`]: super::MixtureParameters
#[derive(Clone, Copy, Debug)]
pub struct AncestralSample {
    /// Sizes.
    pub mixture: Mixture,
    /// Estimator for the means and scales.
    pub components: Pathwise,
    /// Whether the log weights get a gradient.
    pub logits: bool,
}

impl AncestralSample {
    /// Whether distribution functions are needed.
    fn is_implicit(&self) -> bool {
        self.logits || self.components == Pathwise::Implicit
    }

    /// Data rows whose sweeps are worth a thread's attention.
    fn grain(&self, groups: Grouping) -> usize {
        TASK.div_ceil((groups.outer * self.mixture.moments()).max(1))
    }

    /// Values saved for each sample: the sweep, or the log density and the responsibilities.
    fn sample_len(&self) -> usize {
        if self.is_implicit() { sweep_len(self.mixture) } else { self.mixture.components + 1 }
    }
}

impl<T: Scalar> Op<T> for AncestralSample {
    fn name(&self) -> &'static str {
        "ancestral_sample"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [z, params] = inputs else { panic!("samples and parameters were expected, not {inputs:?}") };
        self.mixture.check_params(*params);
        let fits = z.dims().ends_with(&[params.rows(), self.mixture.latent]);
        let latent = self.mixture.latent;
        assert!(fits, "samples {z} for mixture parameters {params}: [… × {} × {latent}] is needed", params.rows());
        *z
    }

    /// The data rows' tables, then the samples' values: sweeps, those of a data row's samples adjacent; or first all log
    /// densities, then all responsibilities.
    fn saved_len(&self, inputs: &[Shape]) -> usize {
        inputs[1].rows() * table_len(self.mixture) + inputs[0].rows() * self.sample_len()
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 1
    }

    fn reads(&self) -> Reads {
        Reads::Inputs
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let (z, params) = (pass.inputs.get(0), pass.inputs.get(1));
        pass.out.copy_from_slice(z);
        let samples = pass.inputs.shape(0).rows();
        let data_rows = pass.inputs.shape(1).rows();
        let groups = Grouping::new(samples, data_rows, 1);
        let (tables, saved) = pass.saved.split_at_mut(data_rows * table_len(self.mixture));
        let mixture = self.mixture;
        if self.is_implicit() {
            let of_row = groups.outer * self.sample_len();
            chunk_pairs_mut(
                (tables, table_len(mixture)),
                (saved, of_row),
                self.grain(groups),
                |rows, tables, sweeps| {
                    dispatch(Sweep { mixture, groups, rows, z, params, tables, sweeps });
                },
            );
        } else {
            let (out, responsibilities) = saved.split_at_mut(samples);
            dispatch(LogDensity { mixture, groups, z, params, tables, out, responsibilities });
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dparams) = pass.grads.take(1) else { return };
        let dparams = dparams.accumulator();
        let z = pass.inputs.get(0);
        let samples = pass.inputs.shape(0).rows();
        let data_rows = pass.inputs.shape(1).rows();
        let groups = Grouping::new(samples, data_rows, 1);
        let (tables, saved) = pass.saved.split_at(data_rows * table_len(self.mixture));
        let mixture = self.mixture;
        if self.components == Pathwise::Responsibility {
            let sweeps = self.is_implicit();
            let (stride, skip) =
                if sweeps { (self.sample_len(), mixture.moments()) } else { (mixture.components, samples) };
            let responsibilities = saved.get(skip..).unwrap_or(&[]);
            let (dout, dparams) = (&*pass.dout, &mut *dparams);
            dispatch(Responsibility { mixture, groups, z, tables, responsibilities, stride, sweeps, dout, dparams });
        }
        if self.is_implicit() {
            let (components, log_weights) = (self.components == Pathwise::Implicit, self.logits);
            let (dout, sweeps) = (&*pass.dout, saved);
            let work = (&mut pass.work[..data_rows * work_len(mixture)], work_len(mixture));
            let dparams = (dparams, mixture.params_len());
            chunk_pairs_mut(dparams, work, self.grain(groups), |rows, dparams, work| {
                dispatch(Gradient {
                    mixture,
                    groups,
                    rows,
                    z,
                    dout,
                    tables,
                    sweeps,
                    dparams,
                    work,
                    components,
                    log_weights,
                });
            });
        }
    }
}

/// Adds Σ_n g·r to the means' gradient and Σ_n g·r·t to the scales'; the lanes are components.
struct Responsibility<'a, T> {
    mixture: Mixture,
    groups: Grouping,
    z: &'a [T],
    tables: &'a [T],
    /// K responsibilities every `stride` values, sample by sample: in the order of sweeps, a data row's samples are adjacent.
    responsibilities: &'a [T],
    stride: usize,
    sweeps: bool,
    dout: &'a [T],
    dparams: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Responsibility<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Mixture { components: k_count, latent } = self.mixture;
        let (width, table_len) = (self.mixture.params_len(), table_len(self.mixture));
        for b in 0..self.groups.data_rows {
            let table = Table::new(self.mixture, &self.tables[b * table_len..(b + 1) * table_len]);
            let (dmeans, dscales, _) = self.mixture.split_mut(&mut self.dparams[b * width..(b + 1) * width]);
            for start in (0..k_count).step_by(V::LANES) {
                let end = (start + V::LANES).min(k_count);
                for l in 0..latent {
                    let (mut by_mean, mut by_scale) = (V::splat(T::ZERO), V::splat(T::ZERO));
                    for (o, n) in self.groups.runs(b).flatten().enumerate() {
                        let z = V::splat(self.z[n * latent + l]);
                        let (t, _) = table.standardise(z, l * k_count + start..l * k_count + end);
                        let place = if self.sweeps { b * self.groups.outer + o } else { n };
                        let row = &self.responsibilities[place * self.stride..];
                        let a = V::load_partial(&row[start..end]) * V::splat(self.dout[n * latent + l]);
                        by_mean = by_mean + a;
                        by_scale = a.mul_add(t, by_scale);
                    }
                    let mut lanes = [[T::ZERO; MAX_LANES]; 2];
                    by_mean.store(&mut lanes[0]);
                    by_scale.store(&mut lanes[1]);
                    for k in start..end {
                        dmeans[k * latent + l] += lanes[0][k - start];
                        dscales[k * latent + l] += lanes[1][k - start];
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records an [`AncestralSample`]: the samples *z* (… × B × L) drawn from *params* (B × K·(2·L + 1)).
    #[track_caller]
    pub fn ancestral_sample(
        &mut self,
        z: Var,
        params: Var,
        mixture: Mixture,
        components: Pathwise,
        logits: bool,
    ) -> Var {
        self.apply(AncestralSample { mixture, components, logits }, &[z, params])
    }
}
