//! A fitted model as the samplers see it.

use autodiff::ops::Mixture;
use autodiff::{Aligned, Tape};
use linalg::Scalar;
use samplers::likelihood::RowLikelihood;
use samplers::model::LatentModel;
use samplers::stream::Stream;

use crate::data::Batch;
use crate::network::Vae;

/// Incomplete rows of a table that are encoded together. Fewer are padded, so that the rounding of a row does not depend on
/// the rows beside it.
const ENCODED: usize = 16;

/// A model with its parameters, in evaluation mode.
#[derive(Clone, Debug)]
pub struct FittedModel<T: Scalar> {
    /// The plan.
    pub vae: Vae,
    /// The flat parameter buffer.
    pub parameters: Aligned<T>,
}

impl<T: Scalar> FittedModel<T> {
    /// A model with these parameters.
    ///
    /// # Panics
    /// If their number is not that of the model's layout.
    #[track_caller]
    pub fn new(vae: Vae, parameters: Aligned<T>) -> Self {
        assert_eq!(parameters.len(), vae.layout().len(), "lengths of parameters and layout");
        FittedModel { vae, parameters }
    }

    /// The model with its parts borrowed.
    pub fn in_evaluation(&self) -> InEvaluation<'_, T> {
        InEvaluation { vae: &self.vae, parameters: &self.parameters }
    }
}

/// A model in evaluation mode, its parts borrowed.
#[derive(Clone, Copy, Debug)]
pub struct InEvaluation<'a, T: Scalar> {
    /// The plan.
    pub vae: &'a Vae,
    /// The flat parameter buffer.
    pub parameters: &'a [T],
}

impl<T: Scalar> InEvaluation<'_, T> {
    /// Encodes incomplete rows in one pass: *rows*, *mask* (N × D) to *params* (N × K(2L+1)).
    ///
    /// # Panics
    /// If the encoder takes completed rows and a cell is missing.
    pub fn encode_at_once(&self, tape: &mut Tape<T>, rows: &[T], mask: &[T], params: &mut [T]) {
        let complete = || mask.iter().all(|m| *m > T::ZERO);
        assert!(!self.vae.config().encoder_input.completed() || complete(), "this encoder needs completed rows");
        let mut g = tape.graph(self.parameters);
        let batch = Batch::from_slices(&mut g, self.vae.config().columns, rows, mask);
        let encoded = self.vae.encode(&mut g, batch.x, batch.mask, None::<&mut Stream>);
        params.copy_from_slice(&g.value(encoded)[..params.len()]);
    }
}

impl<T: Scalar> LatentModel<T> for InEvaluation<'_, T> {
    fn mixture(&self) -> Mixture {
        self.vae.mixture()
    }

    fn likelihood(&self) -> &dyn RowLikelihood<T> {
        self.vae.row()
    }

    /// # Panics
    /// If the encoder takes completed rows and a cell is missing.
    fn encode(&self, tape: &mut Tape<T>, rows: &[T], mask: &[T], params: &mut [T]) {
        let (columns, width) = (self.vae.config().columns, self.vae.mixture().params_len());
        // Images are passes of their own.
        let together = if self.vae.config().images.is_some() { 1 } else { ENCODED };
        let parts = rows.chunks(together * columns).zip(mask.chunks(together * columns));
        for ((rows, mask), params) in parts.zip(params.chunks_mut(together * width)) {
            if rows.len() == together * columns {
                self.encode_at_once(tape, rows, mask, params);
            } else {
                let padding = vec![T::ZERO; together * columns - rows.len()];
                // An observed zero is a value that any encoder takes.
                let observed = vec![T::ONE; padding.len()];
                self.encode_at_once(tape, &[rows, &padding].concat(), &[mask, &observed].concat(), params);
            }
        }
    }

    fn encode_completed(&self, tape: &mut Tape<T>, completed: &[T], mask: &[T], params: &mut [T]) {
        let (columns, width) = (self.vae.config().columns, self.vae.mixture().params_len());
        let chunk = self.vae.rows_at_once();
        let rows = completed.chunks(chunk * columns).zip(mask.chunks(chunk * columns));
        for ((completed, mask), out) in rows.zip(params.chunks_mut(chunk * width)) {
            let mut g = tape.graph(self.parameters);
            let shape = [completed.len() / columns, columns];
            let (x, mask) = (g.constant(shape, completed), g.constant(shape, mask));
            let encoded = self.vae.encode(&mut g, x, mask, None::<&mut Stream>);
            out.copy_from_slice(g.value(encoded));
        }
    }

    fn decode(&self, tape: &mut Tape<T>, z: &[T], decoded: &mut [T]) {
        let (latent, width) = (self.vae.config().latent, self.vae.row().numbers());
        let chunk = self.vae.rows_at_once();
        for (z, decoded) in z.chunks(chunk * latent).zip(decoded.chunks_mut(chunk * width)) {
            let mut g = tape.graph(self.parameters);
            let z = g.constant([z.len() / latent, latent], z);
            let raw = self.vae.decode(&mut g, z, None::<&mut Stream>);
            self.vae.row().decode(g.value(raw), decoded);
        }
    }
}

impl<T: Scalar> LatentModel<T> for FittedModel<T> {
    fn mixture(&self) -> Mixture {
        self.vae.mixture()
    }

    fn likelihood(&self) -> &dyn RowLikelihood<T> {
        self.vae.row()
    }

    fn encode(&self, tape: &mut Tape<T>, rows: &[T], mask: &[T], params: &mut [T]) {
        self.in_evaluation().encode(tape, rows, mask, params);
    }

    fn encode_completed(&self, tape: &mut Tape<T>, completed: &[T], mask: &[T], params: &mut [T]) {
        self.in_evaluation().encode_completed(tape, completed, mask, params);
    }

    fn decode(&self, tape: &mut Tape<T>, z: &[T], decoded: &mut [T]) {
        self.in_evaluation().decode(tape, z, decoded);
    }
}
