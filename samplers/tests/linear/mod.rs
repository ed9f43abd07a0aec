//! A linear Gaussian model, whose conditionals are known and whose encoder can be exact.
//!
//! x = b + W·z + ψ·noise with W_dl = ψ_d Q_dl a_l and orthonormal columns of Q. The columns of W are then orthogonal in
//! the metric of the noise, and the posterior of z given a complete row is a diagonal Gaussian: p(z_l|x) = N(v_l Σ_d
//! W_dl (x_d − b_d)/ψ_d², v_l), v_l = 1/(1 + a_l²).

use std::sync::atomic::{AtomicUsize, Ordering};

use autodiff::Tape;
use autodiff::ops::Mixture;
use linalg::Scalar;
use missvae_samplers::chains::{ChainDiagnostics, Impute, Rows};
use missvae_samplers::likelihood::{Normals, RowLikelihood};
use missvae_samplers::model::LatentModel;
use missvae_samplers::stream::{Purpose, Stream, stream};

pub(crate) const D: usize = 4;
pub(crate) const L: usize = 2;
pub(crate) const OFFSETS: [f64; D] = [0.5, -1.0, 2.0, 0.0];
pub(crate) const NOISE: [f64; D] = [0.6, 0.5, 0.7, 0.4];
const STRENGTHS: [f64; L] = [2.0, 1.5];
const DIRECTIONS: [[f64; L]; D] = [[0.5, 0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]];

/// W_dl.
pub(crate) fn loading(d: usize, l: usize) -> f64 {
    NOISE[d] * DIRECTIONS[d][l] * STRENGTHS[l]
}

/// v_l.
pub(crate) fn variance(l: usize) -> f64 {
    1.0 / (1.0 + STRENGTHS[l].powi(2))
}

/// The model, with an encoder N(posterior mean + shift, (stretch · posterior scale)²).
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) shift: [f64; L],
    pub(crate) stretch: f64,
    /// Calls of the encoder and of the decoder.
    pub(crate) calls: [AtomicUsize; 2],
}

impl Linear {
    /// The exact encoder.
    pub(crate) fn exact() -> Self {
        Linear { shift: [0.0; L], stretch: 1.0, calls: Default::default() }
    }

    /// Calls of the encoder and of the decoder so far.
    #[allow(dead_code, reason = "some of the suites that share this file do not count")]
    pub(crate) fn calls(&self) -> [usize; 2] {
        [0, 1].map(|i| self.calls[i].load(Ordering::Relaxed))
    }

    /// An encoder that is off by most of a posterior standard deviation (0.45 and 0.55), and half again as wide.
    pub(crate) fn wrong() -> Self {
        Linear { shift: [0.4, -0.3], stretch: 1.5, calls: Default::default() }
    }
}

impl<T: Scalar> LatentModel<T> for Linear {
    fn likelihood(&self) -> &dyn RowLikelihood<T> {
        &Normals { columns: D }
    }

    fn mixture(&self) -> Mixture {
        Mixture { components: 1, latent: L }
    }

    fn encode(&self, _: &mut Tape<T>, _: &[T], _: &[T], _: &mut [T]) {
        panic!("chains encode completed rows")
    }

    fn encode_completed(&self, _: &mut Tape<T>, completed: &[T], mask: &[T], params: &mut [T]) {
        assert_eq!(completed.len(), mask.len());
        self.calls[0].fetch_add(1, Ordering::Relaxed);
        for (x, params) in completed.chunks_exact(D).zip(params.chunks_exact_mut(2 * L + 1)) {
            for l in 0..L {
                let terms = (0..D).map(|d| loading(d, l) * (x[d].to_f64() - OFFSETS[d]) / NOISE[d].powi(2));
                params[l] = T::from_f64(variance(l) * terms.sum::<f64>() + self.shift[l]);
                params[L + l] = T::from_f64(self.stretch * variance(l).sqrt());
            }
            params[2 * L] = T::ZERO;
        }
    }

    fn decode(&self, _: &mut Tape<T>, z: &[T], gaussians: &mut [T]) {
        self.calls[1].fetch_add(1, Ordering::Relaxed);
        for (z, out) in z.chunks_exact(L).zip(gaussians.chunks_exact_mut(2 * D)) {
            for d in 0..D {
                let mean = OFFSETS[d] + (0..L).map(|l| loading(d, l) * z[l].to_f64()).sum::<f64>();
                out[d] = T::from_f64(mean);
                out[D + d] = T::from_f64(NOISE[d]);
            }
        }
    }
}

/// Completed versions of rows that own what [`Rows`] lends.
#[derive(Clone, Debug)]
pub(crate) struct Versions<T> {
    pub(crate) copies: usize,
    pub(crate) completed: Vec<T>,
    pub(crate) mask: Vec<T>,
    pub(crate) latents: Vec<T>,
    pub(crate) started: bool,
    pub(crate) streams: Vec<Stream>,
}

impl<T: Scalar> Versions<T> {
    /// Rows (N × D) with their missing cells at `start`.
    pub(crate) fn new(rows: &[T], mask: &[T], copies: usize, start: T, keeps_latents: bool) -> Self {
        let n = rows.len() / D;
        let filled = rows.chunks_exact(D).zip(mask.chunks_exact(D)).flat_map(|(x, m)| {
            let row: Vec<T> = x.iter().zip(m).map(|(&x, &m)| if m > T::ZERO { x } else { start }).collect();
            row.repeat(copies)
        });
        Versions {
            copies,
            completed: filled.collect(),
            mask: mask.to_vec(),
            latents: vec![T::ZERO; if keeps_latents { n * copies * L } else { 0 }],
            started: false,
            streams: (0..n).map(|n| stream(7, Purpose::Impute, 0, n as u64)).collect(),
        }
    }

    /// One update; chains have begun after it.
    pub(crate) fn update(&mut self, sampler: &mut dyn Impute<T>, model: &dyn LatentModel<T>) -> ChainDiagnostics {
        let rows = Rows {
            columns: D,
            copies: self.copies,
            completed: &mut self.completed,
            mask: &self.mask,
            latents: &mut self.latents,
            started: self.started,
            streams: &mut self.streams,
        };
        let diagnostics = sampler.update(model, &mut Tape::new(), rows);
        self.started = true;
        diagnostics
    }
}
