//! A fitted model as the samplers see it.

use autodiff::ops::Mixture;
use autodiff::{Aligned, Graph, Tape};
use linalg::Scalar;
use linalg::simd::{Kernel, Vector, dispatch};
use linalg::special::softplus;
use samplers::model::{LatentModel, Likelihood};
use samplers::stream::Stream;

use crate::data::Batch;
use crate::network::Vae;

/// A model with its parameters, in evaluation mode.
#[derive(Debug)]
pub struct FittedModel<T: Scalar> {
    /// The plan.
    pub vae: Vae,
    /// The flat parameter buffer.
    pub parameters: Aligned<T>,
    tape: Tape<T>,
}

impl<T: Scalar> FittedModel<T> {
    /// A model with these parameters.
    ///
    /// # Panics
    /// If their number is not that of the model's layout.
    #[track_caller]
    pub fn new(vae: Vae, parameters: Aligned<T>) -> Self {
        assert_eq!(parameters.len(), vae.layout().len(), "lengths of parameters and layout");
        FittedModel { vae, parameters, tape: Tape::new() }
    }

    /// A computation on the parameters.
    pub fn graph(&mut self) -> (&Vae, Graph<'_, T>) {
        (&self.vae, self.tape.graph(&self.parameters))
    }

    /// The model with its parts borrowed.
    pub fn in_evaluation(&mut self) -> InEvaluation<'_, T> {
        InEvaluation { vae: &self.vae, parameters: &self.parameters, tape: &mut self.tape }
    }
}

/// A model in evaluation mode, its parts borrowed.
#[derive(Debug)]
pub struct InEvaluation<'a, T: Scalar> {
    /// The plan.
    pub vae: &'a Vae,
    /// The flat parameter buffer.
    pub parameters: &'a [T],
    /// Memory for the computations.
    pub tape: &'a mut Tape<T>,
}

impl<T: Scalar> LatentModel<T> for InEvaluation<'_, T> {
    fn columns(&self) -> usize {
        self.vae.config().columns
    }

    fn mixture(&self) -> Mixture {
        self.vae.mixture()
    }

    /// # Panics
    /// If the encoder takes completed rows and a cell is missing.
    fn encode(&mut self, rows: &[T], mask: &[T], params: &mut [T]) {
        let complete = || mask.iter().all(|m| *m > T::ZERO);
        assert!(!self.vae.config().encoder_input.completed() || complete(), "this encoder needs completed rows");
        let mut g = self.tape.graph(self.parameters);
        let batch = Batch::from_slices(&mut g, self.vae.config().columns, rows, mask);
        let encoded = self.vae.encode(&mut g, batch.x, batch.mask, None::<&mut Stream>);
        params.copy_from_slice(g.value(encoded));
    }

    fn encode_completed(&mut self, completed: &[T], mask: &[T], params: &mut [T]) {
        let (columns, width) = (self.vae.config().columns, self.vae.mixture().params_len());
        let chunk = self.vae.rows_at_once();
        let rows = completed.chunks(chunk * columns).zip(mask.chunks(chunk * columns));
        for ((completed, mask), out) in rows.zip(params.chunks_mut(chunk * width)) {
            let mut g = self.tape.graph(self.parameters);
            let shape = [completed.len() / columns, columns];
            let (x, mask) = (g.constant(shape, completed), g.constant(shape, mask));
            let encoded = self.vae.encode(&mut g, x, mask, None::<&mut Stream>);
            out.copy_from_slice(g.value(encoded));
        }
    }

    fn likelihood(&self) -> Likelihood {
        self.vae.likelihood()
    }

    fn decode(&mut self, z: &[T], decoded: &mut [T]) {
        let (latent, width) = (self.vae.config().latent, 2 * self.columns());
        let min_scale = T::from_f64(self.vae.config().decoder_min_scale);
        let chunk = self.vae.rows_at_once();
        for (z, out) in z.chunks(chunk * latent).zip(decoded.chunks_mut(chunk * width)) {
            let mut g = self.tape.graph(self.parameters);
            let z = g.constant([z.len() / latent, latent], z);
            let head = self.vae.decode(&mut g, z, None::<&mut Stream>);
            match self.vae.likelihood() {
                Likelihood::Gaussian => {
                    out.copy_from_slice(g.value(head));
                    dispatch(Scales { gaussians: out, columns: width / 2, min_scale });
                }
                Likelihood::Bernoulli => dispatch(LogProbabilities { logits: g.value(head), columns: width / 2, out }),
            }
        }
    }
}

impl<T: Scalar> LatentModel<T> for FittedModel<T> {
    fn columns(&self) -> usize {
        self.vae.config().columns
    }

    fn mixture(&self) -> Mixture {
        self.vae.mixture()
    }

    fn encode(&mut self, rows: &[T], mask: &[T], params: &mut [T]) {
        self.in_evaluation().encode(rows, mask, params);
    }

    fn encode_completed(&mut self, completed: &[T], mask: &[T], params: &mut [T]) {
        self.in_evaluation().encode_completed(completed, mask, params);
    }

    fn likelihood(&self) -> Likelihood {
        self.vae.likelihood()
    }

    fn decode(&mut self, z: &[T], decoded: &mut [T]) {
        self.in_evaluation().decode(z, decoded);
    }
}

/// ln sigmoid(±logit): of white pixels, then of black ones.
struct LogProbabilities<'a, T> {
    logits: &'a [T],
    columns: usize,
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for LogProbabilities<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let rows = self.logits.chunks_exact(self.columns).zip(self.out.chunks_exact_mut(2 * self.columns));
        for (logits, out) in rows {
            let (white, black) = out.split_at_mut(self.columns);
            for ((logits, white), black) in
                logits.chunks(V::LANES).zip(white.chunks_mut(V::LANES)).zip(black.chunks_mut(V::LANES))
            {
                let logit = V::load_partial(logits);
                (-softplus(-logit)).store_partial(white);
                (-softplus(logit)).store_partial(black);
            }
        }
    }
}

/// Turns raw scales into scales, in place.
struct Scales<'a, T> {
    gaussians: &'a mut [T],
    columns: usize,
    min_scale: T,
}

impl<T: Scalar> Kernel<T> for Scales<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let min_scale = V::splat(self.min_scale);
        for row in self.gaussians.chunks_exact_mut(2 * self.columns) {
            for raw in row[self.columns..].chunks_mut(V::LANES) {
                (softplus(V::load_partial(raw)) + min_scale).store_partial(raw);
            }
        }
    }
}
