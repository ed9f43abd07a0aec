//! Latent-adaptive importance resampling.
//!
//! The K versions of a row give K proposals, the encodings of the completed rows; R further proposals equal the prior
//! ("replenish"), so that a chain whose versions have all gone to one mode can find another. I samples of each are
//! weighted by p(x_obs|z)p(z) over the density of their proposal ([`Weights`]); K of the samples are drawn by their
//! weights, and x_mis ~ p(x_mis|z) for each. Source: V. Simkus, M. U. Gutmann, *Conditional sampling of variational
//! autoencoders via iterated approximate ancestral sampling*, TMLR 2023; docs/methods.md §6.
//!
//! With K = 1 version there have to be R ≥ 1 or I ≥ 2: one sample of one proposal is drawn whatever its weight, which
//! is pseudo-Gibbs sampling. So is [`Scope::Local`] with I = 1, unless the last versions are drawn over several
//! iterations.

use std::ops::Range;

use autodiff::Tape;
use autodiff::ops::Mixture;
use linalg::Scalar;

use super::decoded::Decoded;
use super::diagnostics::ChainDiagnostics;
use super::proposals::{Proposals, Weights};
use super::resampling::{Resampling, effective_sample_size, normalise};
use super::rows::Rows;
use super::workspace::{Workspace, draw_version, reserve};
use crate::draw::{fill_ancestral, fill_standard_normal};
use crate::likelihood::RowLikelihood;
use crate::model::LatentModel;
use crate::stream::Stream;

/// The samples among which the versions of a row are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All (K+R)·I of the row.
    Global,
    /// Each version among the I of its own encoding. The prior is never sampled, and R matters in the mixture density
    /// of [`Weights::Dmis`] only. These draws are exact for many samples under [`Weights::Smis`] alone: with
    /// [`Weights::Dmis`] version k then follows p(z|x_obs) weighted by q_k(z) over the mixture.
    Local,
}

/// Settings of latent-adaptive importance resampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lair {
    /// I ≥ 1: samples of each proposal.
    pub proposals: usize,
    /// R: proposals equal to the prior.
    pub replenish: usize,
    /// The density that a sample's weight is divided by.
    pub weights: Weights,
    /// The samples among which the versions are drawn.
    pub scope: Scope,
    /// The way of drawing.
    pub resampling: Resampling,
    /// Whether the versions that an update leaves are drawn over the samples of all its iterations, with the weights
    /// that these had, rather than over the last one's. Of no effect if there is one iteration.
    pub resample_final: bool,
}

impl Lair {
    /// The paper's settings for the mixture-of-Gaussians data (its table 3): I = 1, R = 0, the mixture of the
    /// proposals, multinomial draws over all of them.
    pub const PAPER: Lair = Lair {
        proposals: 1,
        replenish: 0,
        weights: Weights::Dmis,
        scope: Scope::Global,
        resampling: Resampling::Multinomial,
        resample_final: false,
    };
}

/// Buffers beside those of the [`Workspace`]. J is the number of sampled proposals a row, B the number of iterations
/// whose samples are kept.
#[derive(Debug, Default)]
pub(super) struct Buffers<T> {
    /// Scratch of the proposals of one row.
    tables: Vec<T>,
    /// J × I: log weights of one row in one iteration.
    log_weights: Vec<T>,
    /// A × J × B × I: log weights of all rows and iterations, where these are drawn from together.
    pool: Vec<T>,
    /// J × B × I: scratch of the resampling.
    cumulative: Vec<f64>,
    /// K: the drawn samples of one row, as indices of decoded points.
    chosen: Vec<Option<usize>>,
    /// K: scratch of the resampling.
    indices: Vec<usize>,
}

/// Sizes of one update.
#[derive(Clone, Copy)]
struct Sizes {
    mixture: Mixture,
    /// K.
    copies: usize,
    /// J: K + R, or K where the prior is not sampled.
    sampled: usize,
    /// I.
    each: usize,
    /// B.
    blocks: usize,
    /// A·J·I: decoded points of an iteration.
    points: usize,
    /// W.
    width: usize,
}

impl Sizes {
    /// J·I: samples of a row in an iteration.
    fn row(&self) -> usize {
        self.sampled * self.each
    }

    /// Where in the pool the weights of proposal j of the a-th chain in block b begin. Those of one proposal are
    /// adjacent, so that a version that draws among its own finds them in one run.
    fn in_pool(&self, a: usize, j: usize, block: usize) -> usize {
        ((a * self.sampled + j) * self.blocks + block) * self.each
    }

    /// The decoded point of weight s in the pool of the a-th chain.
    fn point_of_pooled(&self, a: usize, s: usize) -> usize {
        let (j, block, i) = (s / (self.blocks * self.each), s / self.each % self.blocks, s % self.each);
        block * self.points + a * self.row() + j * self.each + i
    }
}

/// Iterations of all chains: one call of the encoder and one of the decoder each.
pub(super) fn update<T: Scalar>(
    lair: &Lair,
    iterations: usize,
    (work, buffers): (&mut Workspace<T>, &mut Buffers<T>),
    (model, tape): (&dyn LatentModel<T>, &mut Tape<T>),
    rows: &mut Rows<'_, T>,
    diagnostics: &mut ChainDiagnostics,
) {
    let (mixture, likelihood) = (model.mixture(), model.likelihood());
    let (copies, each, width) = (rows.copies, lair.proposals, likelihood.width());
    let sampled = copies + if lair.scope == Scope::Global { lair.replenish } else { 0 };
    let blocks = if lair.resample_final { iterations } else { 1 };
    let points = work.chains.len() * sampled * each;
    let sizes = Sizes { mixture, copies, sampled, each, blocks, points, width };
    work.reserve_points(rows.streams.len() * sampled * each * blocks, mixture.latent, width);
    buffers.resize(rows.streams.len(), &sizes);
    for iteration in 0..iterations {
        let block = iteration % blocks;
        let pooled = blocks > 1 && iteration + 1 == iterations;
        work.encode((model, tape), rows);
        draw_samples(work, &sizes, rows);
        let decoded = &mut work.decoded[block * points * width..][..points * width];
        model.decode(tape, &work.z[..points * mixture.latent], decoded);
        for a in 0..work.chains.len() {
            let n = work.chains[a];
            buffers.weigh(lair, (work, likelihood), &sizes, rows, (a, block), diagnostics);
            buffers.choose(lair, &sizes, &mut rows.streams[n], (a, block), pooled);
            for (k, chosen) in buffers.chosen.iter().enumerate() {
                match chosen {
                    Some(point) => {
                        let decoded = &work.decoded[point * width..][..width];
                        draw_version(rows, likelihood, (n, k), decoded, diagnostics);
                    }
                    None => diagnostics.replaced += rows.missing_in(n),
                }
            }
        }
    }
}

/// Draws I samples of each proposal to `work.z`, A × J × I × L.
fn draw_samples<T: Scalar>(work: &mut Workspace<T>, sizes: &Sizes, rows: &mut Rows<'_, T>) {
    let (params_len, run) = (sizes.mixture.params_len(), sizes.each * sizes.mixture.latent);
    for (a, &n) in work.chains.iter().enumerate() {
        let rng = &mut rows.streams[n];
        for j in 0..sizes.sampled {
            let z = &mut work.z[(a * sizes.sampled + j) * run..][..run];
            if j < sizes.copies {
                let params = &work.params[(a * sizes.copies + j) * params_len..][..params_len];
                fill_ancestral(rng, sizes.mixture, params, z);
            } else {
                fill_standard_normal(rng, z);
            }
        }
    }
}

impl<T: Scalar> Buffers<T> {
    fn resize(&mut self, rows: usize, sizes: &Sizes) {
        let row_pool = sizes.row() * sizes.blocks;
        self.tables.resize(Proposals::<T>::scratch_len(sizes.mixture, sizes.copies), T::ZERO);
        self.log_weights.resize(sizes.row(), T::ZERO);
        reserve(&mut self.pool, if sizes.blocks > 1 { rows * row_pool } else { 0 });
        self.cumulative.resize(row_pool, 0.0);
        self.chosen.resize(sizes.copies, None);
        self.indices.resize(sizes.copies, 0);
    }

    /// Weighs the samples of the a-th chain: to `log_weights`, normalised in the scope of a draw, and to the pool as
    /// they are.
    fn weigh(
        &mut self,
        lair: &Lair,
        (work, likelihood): (&Workspace<T>, &dyn RowLikelihood<T>),
        sizes: &Sizes,
        rows: &Rows<'_, T>,
        (a, block): (usize, usize),
        diagnostics: &mut ChainDiagnostics,
    ) {
        let (n, count, latent) = (work.chains[a], sizes.row(), sizes.mixture.latent);
        let params = sizes.copies * sizes.mixture.params_len();
        let params = &work.params[a * params..][..params];
        // Observed entries are the same in every version; the weights read no other.
        let x = &rows.completed[n * sizes.copies * rows.columns..][..rows.columns];
        let first = block * sizes.points + a * count;
        let samples = Decoded {
            z: &work.z[a * count * latent..][..count * latent],
            decoded: &work.decoded[first * sizes.width..][..count * sizes.width],
        };
        let proposals = Proposals::new(sizes.mixture, params, lair.replenish, &mut self.tables);
        proposals.log_weights(
            lair.weights,
            (likelihood, x, rows.mask_of(n)),
            sizes.each,
            samples,
            &mut self.log_weights,
        );
        if sizes.blocks > 1 {
            for (j, weights) in self.log_weights.chunks_exact(sizes.each).enumerate() {
                self.pool[sizes.in_pool(a, j, block)..][..sizes.each].copy_from_slice(weights);
            }
        }
        let normalised_together = if lair.scope == Scope::Global { count } else { sizes.each };
        self.log_weights.chunks_exact_mut(normalised_together).for_each(normalise);
        diagnostics.effective_samples += effective_sample_size(&self.log_weights);
        diagnostics.weightings += 1;
    }

    /// Draws the samples that become the versions of the a-th chain's row: among those of this block, or of all of
    /// them.
    fn choose(&mut self, lair: &Lair, sizes: &Sizes, rng: &mut Stream, (a, block): (usize, usize), pooled: bool) {
        let row_pool = sizes.row() * sizes.blocks;
        let (log_weights, own) = match pooled {
            true => (&self.pool[a * row_pool..][..row_pool], sizes.blocks * sizes.each),
            false => (&self.log_weights[..], sizes.each),
        };
        let mut draw = |range: Range<usize>, indices: &mut [usize]| {
            let found =
                lair.resampling.draw(rng, &log_weights[range.clone()], &mut self.cumulative[range.clone()], indices);
            indices.iter_mut().for_each(|s| *s += range.start);
            found
        };
        let point = |s: usize| match pooled {
            true => sizes.point_of_pooled(a, s),
            false => block * sizes.points + a * sizes.row() + s,
        };
        match lair.scope {
            Scope::Global => {
                let found = draw(0..log_weights.len(), &mut self.indices);
                for (chosen, &s) in self.chosen.iter_mut().zip(&self.indices) {
                    *chosen = found.then(|| point(s));
                }
            }
            Scope::Local => {
                for (k, chosen) in self.chosen.iter_mut().enumerate() {
                    let mut index = [0];
                    *chosen = draw(k * own..(k + 1) * own, &mut index).then(|| point(index[0]));
                }
            }
        }
    }
}
