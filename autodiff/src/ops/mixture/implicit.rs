//! Implicit reparametrisation of a mixture, in ratios that neither underflow nor overflow.
//!
//! With the weights w_dk ∝ π_k Π_{j<d} N_kj of the components after z_<d, the conditional distribution function is
//! F_d = Σ_k w_dk Φ(t_kd), t = (z − μ)/σ, its density p_d = Σ_k w_dk N_kd, and the samples move with the parameters by
//! dz/dφ = −(∂F/∂z)⁻¹ ∂F/∂φ. For an upstream gradient g, dL/dφ = Σ_d λ_d ∂F_d/∂φ where (∂F/∂z)ᵀ λ = −g.
//! Everything is expressed through Λ_d = λ_d p_d and two kinds of bounded ratios:
//! - r_dk = w_dk N_kd / p_d, the responsibility after z_≤d, so that w_{d+1} = r_d;
//! - c_dk = w_dk (Φ(t_kd) − F_d) / p_d, with Σ_k c_dk = 0.
//!
//! Since ∂F_d/∂ln N_kj = w_dk (Φ(t_kd) − F_d) for j < d, and a_kj = Σ_{d>j} Λ_d c_dk,
//! - Λ_j = −g_j + Σ_k a_kj t_kj/σ_kj, from the last dimension to the first;
//! - dL/dμ_kj = −Λ_j r_jk + a_kj t_kj/σ_kj;
//! - dL/dσ_kj = −Λ_j r_jk t_kj + a_kj (t_kj² − 1)/σ_kj;
//! - dL/d ln π_k = Σ_d Λ_d c_dk.
//!
//! c is unchanged when Φ(t) becomes −Φ(−t) for all components of a dimension, as is done where F_d > ½: then the
//! difference from F_d is one of small numbers, not of numbers near 1. The summands u_dk = w_dk Φ(±t_kd)/p_d are formed
//! without dividing by a density that may be 0: where ±t < 0 as r_dk σ_kd Φ/φ (Mills' ratio), elsewhere as
//! exp(ln w_dk − ln p_d) Φ.
//!
//! Source: docs/methods.md §4; Figurnov et al. 2019, *Implicit Reparameterization Gradients*; paper §4.1.

use std::ops::Range;

use linalg::Scalar;
use linalg::simd::{Kernel, Vector};
use linalg::special::{exp, ln, log_ndtr_and_slope, ndtr};

use super::table::{Table, lane_indices, load_log, table_len};
use super::{Grouping, Mixture};

/// Values that [`Sweep`] leaves for one sample: π (K) and r (L × K), so that rows d of the two together are w_d and rows
/// d + 1 are r_d; then c (L × K). The posterior responsibilities are the last row of r, from L·K on.
pub(super) fn sweep_len(mixture: Mixture) -> usize {
    mixture.params_len()
}

/// Computes r and c of all samples of some data rows, from the first dimension to the last; the lanes are components.
pub(super) struct Sweep<'a, T> {
    pub(super) mixture: Mixture,
    pub(super) groups: Grouping,
    /// The data rows.
    pub(super) rows: Range<usize>,
    /// Of all samples and data rows.
    pub(super) z: &'a [T],
    pub(super) params: &'a [T],
    /// Of these data rows, to be written; the sweeps of a data row's samples are adjacent.
    pub(super) tables: &'a mut [T],
    pub(super) sweeps: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Sweep<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Mixture { components: k_count, latent } = self.mixture;
        let (width, sweep_len) = (self.mixture.params_len(), sweep_len(self.mixture));
        let mut sweeps = self.sweeps.chunks_exact_mut(sweep_len);
        for (b, table) in self.rows.zip(self.tables.chunks_exact_mut(table_len(self.mixture))) {
            let row = &self.params[b * width..(b + 1) * width];
            Table::fill::<V>(self.mixture, row, table);
            let table = Table::new(self.mixture, table);
            let log_weights = self.mixture.split(row).2;
            for (n, sweep) in self.groups.runs(b).flatten().zip(&mut sweeps) {
                let (weights, c) = sweep.split_at_mut(k_count * (latent + 1));
                for (log_weights, weights) in log_weights.chunks(V::LANES).zip(weights.chunks_mut(V::LANES)) {
                    exp(V::load_partial(log_weights)).store_partial(weights);
                }
                // Until its turn comes, a row of c holds the logarithms of that dimension's weights.
                c[..k_count].copy_from_slice(log_weights);
                for d in 0..latent {
                    let (w, r) = weights[d * k_count..(d + 2) * k_count].split_at_mut(k_count);
                    let (c, next) = c[d * k_count..].split_at_mut(k_count);
                    step::<T, V>(&table, d, self.z[n * latent + d], w, r, c, next);
                }
            }
        }
    }
}

/// One dimension: from the weights `w`, their logarithms in `c` and the coordinate `z` to `r` and `c`; leaves the
/// logarithms of `r` in `next`, if there is a next dimension.
#[inline(always)]
fn step<T: Scalar, V: Vector<T>>(
    table: &Table<'_, T>,
    d: usize,
    z: T,
    w: &[T],
    r: &mut [T],
    c: &mut [T],
    next: &mut [T],
) {
    let k_count = w.len();
    let indices = lane_indices();
    let z = V::splat(z);
    let blocks = || (0..k_count).step_by(V::LANES).map(|start| start..(start + V::LANES).min(k_count));
    let at = |block: &std::ops::Range<usize>| d * k_count + block.start..d * k_count + block.end;

    // ln w N, its logarithmic sum ln p, and F.
    let (mut largest, mut below) = (V::splat(T::NEG_INFINITY), V::splat(T::ZERO));
    for block in blocks() {
        let (t, _) = table.standardise(z, at(&block));
        let peak = V::load_partial(&table.peaks[at(&block)]);
        let joint = (-t * t).mul_add(V::splat(T::HALF), peak) + load_log(&c[block.clone()], indices);
        largest = V::select_lt(largest, joint, joint, largest);
        joint.store_partial(&mut r[block.clone()]);
        below = V::load_partial(&w[block]).mul_add(ndtr(t), below);
    }
    let largest = V::splat(largest.maximum());
    let mut sum = V::splat(T::ZERO);
    for block in blocks() {
        sum = sum + exp(load_log(&r[block], indices) - largest);
    }
    let log_p = largest + V::splat(ln::<T, T>(sum.sum()));
    let side = V::splat(if below.sum() <= T::HALF { T::ONE } else { -T::ONE });

    // r and u.
    let mut total = V::splat(T::ZERO);
    for block in blocks() {
        let log_w = load_log(&c[block.clone()], indices);
        let log_r = load_log(&r[block.clone()], indices) - log_p;
        let posterior = exp(log_r);
        let (t, inverse) = table.standardise(z, at(&block));
        let t = t * side;
        let tail = posterior / (inverse * log_ndtr_and_slope(t).1);
        let body = exp(log_w - log_p) * ndtr(t);
        let u = V::select_lt(t, V::splat(T::ZERO), tail, body);
        total = total + u;
        posterior.store_partial(&mut r[block.clone()]);
        u.store_partial(&mut c[block.clone()]);
        if !next.is_empty() {
            log_r.store_partial(&mut next[block]);
        }
    }
    let total = V::splat(total.sum());
    for block in blocks() {
        let weight = V::load_partial(&w[block.clone()]);
        let u = V::load_partial(&c[block.clone()]);
        ((-weight).mul_add(total, u) * side).store_partial(&mut c[block]);
    }
}

/// Length of the working memory of [`Gradient`] for one data row: no more than that of a table.
pub(super) fn work_len(mixture: Mixture) -> usize {
    2 * mixture.moments() + mixture.latent
}

/// Adds the implicit gradients of all samples of some data rows to the parameters'.
pub(super) struct Gradient<'a, T> {
    pub(super) mixture: Mixture,
    pub(super) groups: Grouping,
    /// The data rows.
    pub(super) rows: Range<usize>,
    /// Of all samples and data rows, as [`Sweep`] left them.
    pub(super) z: &'a [T],
    pub(super) dout: &'a [T],
    pub(super) tables: &'a [T],
    pub(super) sweeps: &'a [T],
    /// Of these data rows.
    pub(super) dparams: &'a mut [T],
    /// [`work_len`] values a data row.
    pub(super) work: &'a mut [T],
    /// Whether means and scales get a gradient.
    pub(super) components: bool,
    /// Whether log weights get a gradient.
    pub(super) log_weights: bool,
}

impl<T: Scalar> Kernel<T> for Gradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Mixture { components: k_count, latent } = self.mixture;
        let (width, table_len, sweep_len) =
            (self.mixture.params_len(), table_len(self.mixture), sweep_len(self.mixture));
        let rows = self.dparams.chunks_exact_mut(width).zip(self.work.chunks_exact_mut(work_len(self.mixture)));
        for (b, (row, work)) in self.rows.zip(rows) {
            let table = Table::new(self.mixture, &self.tables[b * table_len..(b + 1) * table_len]);
            let (dmeans, dscales, dlog_weights) = self.mixture.split_mut(row);
            // The sums over samples, L × K: as the lanes have them.
            let (by_mean, by_scale, lambda) = self.mixture.split_mut(work);
            by_mean.fill(T::ZERO);
            by_scale.fill(T::ZERO);
            for (o, n) in self.groups.runs(b).flatten().enumerate() {
                let z = &self.z[n * latent..(n + 1) * latent];
                lambda.copy_from_slice(&self.dout[n * latent..(n + 1) * latent]);
                let sweep = &self.sweeps[(b * self.groups.outer + o) * sweep_len..][..sweep_len];
                let (weights, c) = sweep.split_at(k_count * (latent + 1));
                let r = &weights[k_count..];
                solve::<T, V>(&table, z, c, lambda);
                for start in (0..k_count).step_by(V::LANES) {
                    let end = (start + V::LANES).min(k_count);
                    let mut a = V::splat(T::ZERO);
                    for j in (0..latent).rev() {
                        let at = j * k_count + start..j * k_count + end;
                        let upstream = V::splat(lambda[j]);
                        if self.components {
                            let (t, inverse) = table.standardise(V::splat(z[j]), at.clone());
                            let direct = V::load_partial(&r[at.clone()]) * upstream;
                            let through_weights = a * inverse;
                            let of_mean = through_weights * t - direct;
                            let of_scale = of_mean * t - through_weights;
                            (V::load_partial(&by_mean[at.clone()]) + of_mean).store_partial(&mut by_mean[at.clone()]);
                            (V::load_partial(&by_scale[at.clone()]) + of_scale)
                                .store_partial(&mut by_scale[at.clone()]);
                        }
                        a = V::load_partial(&c[at]).mul_add(upstream, a);
                    }
                    if self.log_weights {
                        let sum = V::load_partial(&dlog_weights[start..end]) + a;
                        sum.store_partial(&mut dlog_weights[start..end]);
                    }
                }
            }
            if self.components {
                for k in 0..k_count {
                    for l in 0..latent {
                        dmeans[k * latent + l] += by_mean[l * k_count + k];
                        dscales[k * latent + l] += by_scale[l * k_count + k];
                    }
                }
            }
        }
    }
}

/// Replaces the upstream gradient g by Λ. Only sums over components, no K values, are kept between dimensions: O(K·L²)
/// multiplications, beside O(K·L) special functions in [`Sweep`].
#[inline(always)]
fn solve<T: Scalar, V: Vector<T>>(table: &Table<'_, T>, z: &[T], c: &[T], g: &mut [T]) {
    let latent = z.len();
    let k_count = c.len() / latent;
    for j in (0..latent).rev() {
        let mut sum = V::splat(T::ZERO);
        for start in (0..k_count).step_by(V::LANES) {
            let end = (start + V::LANES).min(k_count);
            let mut a = V::splat(T::ZERO);
            for d in j + 1..latent {
                a = V::load_partial(&c[d * k_count + start..d * k_count + end]).mul_add(V::splat(g[d]), a);
            }
            let (t, inverse) = table.standardise(V::splat(z[j]), j * k_count + start..j * k_count + end);
            sum = (a * t).mul_add(inverse, sum);
        }
        g[j] = sum.sum() - g[j];
    }
}
