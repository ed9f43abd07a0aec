//! Completed rows, and what updates them.

use std::fmt::Debug;

use autodiff::Tape;
use linalg::Scalar;

use super::diagnostics::ChainDiagnostics;
use crate::model::LatentModel;
use crate::stream::Stream;

/// Completed versions of N rows, for a sampler to update.
#[derive(Debug)]
pub struct Rows<'a, T> {
    /// D.
    pub columns: usize,
    /// K ≥ 1: completed versions of a row.
    pub copies: usize,
    /// N × K × D; observed entries hold the observed values and are never touched.
    pub completed: &'a mut [T],
    /// N × D: 1 where observed, else 0.
    pub mask: &'a [T],
    /// N × K × L for samplers that keep the latent points between updates (see [`Impute::keeps_latents`]), else empty.
    pub latents: &'a mut [T],
    /// Whether `latents` hold the state of chains that have begun.
    pub started: bool,
    /// N: a random stream for each row, so that nothing depends on how rows are grouped.
    pub streams: &'a mut [Stream],
}

/// A sampler that updates the imputations of rows.
pub trait Impute<T: Scalar>: Debug + Send {
    /// Whether latent points are part of the chain's state, to be kept between updates in [`Rows::latents`].
    fn keeps_latents(&self) -> bool {
        false
    }

    /// Draws the missing cells of all completed versions anew. A draw that is not finite leaves the previous value in
    /// place, and is counted. *tape* is working memory of the model.
    ///
    /// # Panics
    /// If a length does not fit the number of rows, copies, columns or latent dimensions.
    fn update(&mut self, model: &dyn LatentModel<T>, tape: &mut Tape<T>, rows: Rows<'_, T>) -> ChainDiagnostics;
}

impl<T: Scalar> Rows<'_, T> {
    /// Panics unless the lengths fit each other, D columns and `kept` latent numbers a completed version.
    #[track_caller]
    pub(crate) fn check(&self, columns: usize, kept: usize) {
        let (rows, copies) = (self.streams.len(), self.copies);
        assert!(copies > 0, "at least one completed version of a row is needed");
        assert_eq!(self.columns, columns, "columns of the rows and of the model");
        assert_eq!(self.mask.len(), rows * columns, "length of the mask of {rows} × {columns} cells");
        let cells = rows * copies * columns;
        assert_eq!(self.completed.len(), cells, "length of {rows} × {copies} × {columns} completed cells");
        let latents = rows * copies * kept;
        assert_eq!(self.latents.len(), latents, "length of {rows} × {copies} × {kept} latent numbers");
    }

    /// Missing cells of row n.
    pub(crate) fn missing_in(&self, n: usize) -> u64 {
        self.mask_of(n).iter().filter(|&&m| m <= T::ZERO).count() as u64
    }

    /// N·K: the most completed versions that can have a chain.
    pub(crate) fn most_points(&self) -> usize {
        self.streams.len() * self.copies
    }

    /// The mask of row n.
    pub(crate) fn mask_of(&self, n: usize) -> &[T] {
        &self.mask[n * self.columns..][..self.columns]
    }
}
