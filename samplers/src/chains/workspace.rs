//! The rows that are sampled, and the buffers that the samplers share.

use autodiff::Tape;
use autodiff::ops::Mixture;
use linalg::Scalar;

use super::diagnostics::ChainDiagnostics;
use super::rows::Rows;
use crate::draw::{fill_ancestral, fill_standard_normal};
use crate::likelihood::RowLikelihood;
use crate::model::LatentModel;

/// Buffers that grow when needed and are never shrunk. A is the number of rows that have a chain; K, D and L are as in
/// [`Rows`]; P is the length of a row of mixture parameters, W that of a decoded point.
#[derive(Debug, Default)]
pub(crate) struct Workspace<T> {
    /// A: rows of which some cells are observed and some are missing.
    pub(crate) chains: Vec<usize>,
    /// Rows of which no cell is observed.
    prior: Vec<usize>,
    /// A × K × D: the completed rows as the encoder takes them.
    completed: Vec<T>,
    /// A × K × D: the mask, once for each completed version.
    mask: Vec<T>,
    /// A × K × P.
    pub(crate) params: Vec<T>,
    /// At least A × K × L: latent points.
    pub(crate) z: Vec<T>,
    /// At least A × K × W: the decoded latent points.
    pub(crate) decoded: Vec<T>,
}

/// Makes a buffer at least so long, without giving up what it has.
pub(crate) fn reserve<T: Scalar>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::ZERO);
    }
}

/// Draws the missing cells of version k of row n anew from p(x_mis|z).
pub(crate) fn draw_version<T: Scalar>(
    rows: &mut Rows<'_, T>,
    likelihood: &dyn RowLikelihood<T>,
    (n, k): (usize, usize),
    decoded: &[T],
    diagnostics: &mut ChainDiagnostics,
) {
    let columns = rows.columns;
    let mask = &rows.mask[n * columns..][..columns];
    let x = &mut rows.completed[(n * rows.copies + k) * columns..][..columns];
    diagnostics.replaced += likelihood.draw_missing(&mut rows.streams[n], mask, decoded, x) as u64;
}

impl<T: Scalar> Workspace<T> {
    /// Finds the rows that have a chain, and those that are drawn from the prior.
    pub(crate) fn sort(&mut self, rows: &Rows<'_, T>) {
        self.chains.clear();
        self.prior.clear();
        // Buffers are for all rows, so that nothing grows when more of them have gaps than ever before.
        self.chains.reserve(rows.streams.len());
        self.prior.reserve(rows.streams.len());
        for n in 0..rows.streams.len() {
            let observed = rows.mask_of(n).iter().filter(|&&m| m > T::ZERO).count();
            match observed {
                // Complete rows come first: without columns there is nothing to draw.
                _ if observed == rows.columns => {}
                0 => self.prior.push(n),
                _ => self.chains.push(n),
            }
        }
    }

    /// Number of completed versions that have a chain, A·K.
    pub(crate) fn points(&self, rows: &Rows<'_, T>) -> usize {
        self.chains.len() * rows.copies
    }

    /// Draws the rows without an observed cell anew: z ~ N(0, I), x ~ p(x|z).
    pub(crate) fn draw_from_prior(
        &mut self,
        (model, tape): (&dyn LatentModel<T>, &mut Tape<T>),
        rows: &mut Rows<'_, T>,
        diagnostics: &mut ChainDiagnostics,
    ) {
        if self.prior.is_empty() {
            return;
        }
        let likelihood = model.likelihood();
        let (latent, width) = (model.mixture().latent, likelihood.width());
        let points = self.prior.len() * rows.copies;
        self.reserve_points(rows.most_points(), latent, width);
        let row_latents = rows.copies * latent;
        for (a, &n) in self.prior.iter().enumerate() {
            let z = &mut self.z[a * row_latents..][..row_latents];
            fill_standard_normal(&mut rows.streams[n], z);
            if !rows.latents.is_empty() {
                rows.latents[n * row_latents..][..row_latents].copy_from_slice(z);
            }
        }
        model.decode(tape, &self.z[..points * latent], &mut self.decoded[..points * width]);
        for (a, &n) in self.prior.iter().enumerate() {
            for k in 0..rows.copies {
                let decoded = &self.decoded[(a * rows.copies + k) * width..][..width];
                draw_version(rows, likelihood, (n, k), decoded, diagnostics);
            }
        }
    }

    /// Encodes the completed rows that have a chain to `params`.
    pub(crate) fn encode(&mut self, (model, tape): (&dyn LatentModel<T>, &mut Tape<T>), rows: &Rows<'_, T>) {
        let (copies, columns) = (rows.copies, rows.columns);
        let points = self.points(rows);
        let (params_len, most) = (model.mixture().params_len(), rows.most_points());
        reserve(&mut self.completed, most * columns);
        reserve(&mut self.mask, most * columns);
        reserve(&mut self.params, most * params_len);
        let cells = copies * columns;
        for (a, &n) in self.chains.iter().enumerate() {
            self.completed[a * cells..][..cells].copy_from_slice(&rows.completed[n * cells..][..cells]);
            for mask in self.mask[a * cells..][..cells].chunks_exact_mut(columns) {
                mask.copy_from_slice(rows.mask_of(n));
            }
        }
        let (completed, mask) = (&self.completed[..points * columns], &self.mask[..points * columns]);
        model.encode_completed(tape, completed, mask, &mut self.params[..points * params_len]);
    }

    /// Allocates this many latent points and their decoded numbers.
    pub(crate) fn reserve_points(&mut self, points: usize, latent: usize, width: usize) {
        reserve(&mut self.z, points * latent);
        reserve(&mut self.decoded, points * width);
    }

    /// Draws one latent point from the encoding of each completed version to `z`, after the first `skipped` points;
    /// allocates their decoded numbers, W = `decoded` a point.
    pub(crate) fn draw_latents(&mut self, mixture: Mixture, decoded: usize, rows: &mut Rows<'_, T>, skipped: usize) {
        let (latent, width) = (mixture.latent, mixture.params_len());
        self.reserve_points(skipped + rows.most_points(), latent, decoded);
        for (a, &n) in self.chains.iter().enumerate() {
            for i in a * rows.copies..(a + 1) * rows.copies {
                let params = &self.params[i * width..][..width];
                let z = &mut self.z[(skipped + i) * latent..][..latent];
                fill_ancestral(&mut rows.streams[n], mixture, params, z);
            }
        }
    }

    /// Draws the missing cells of each completed version anew from its decoded latent point.
    pub(crate) fn draw_missing(
        &mut self,
        likelihood: &dyn RowLikelihood<T>,
        rows: &mut Rows<'_, T>,
        diagnostics: &mut ChainDiagnostics,
    ) {
        let width = likelihood.width();
        for (a, &n) in self.chains.iter().enumerate() {
            for k in 0..rows.copies {
                let decoded = &self.decoded[(a * rows.copies + k) * width..][..width];
                draw_version(rows, likelihood, (n, k), decoded, diagnostics);
            }
        }
    }
}
