//! log p(x_obs) by importance sampling with the encoder as proposal (METHODS §7).

use samplers::draw::fill_ancestral;
use samplers::stream::{Purpose, Stream, stream};

use linalg::Scalar;

use crate::data::{Batch, Data};
use crate::imputer::Fitted;

/// Importance samples decoded at a time: bounds the memory.
const CHUNK: usize = 4096;

/// Importance-weighted estimates of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct IwelboResult {
    /// log (1/I) Σ w of each row, in nats of model units.
    pub per_row: Vec<f64>,
    /// (Σw)²/Σw² of each row, between 1 and I.
    pub effective_sample_size: Vec<f64>,
}

/// The importance-weighted bound with `samples` ordinary samples of the encoder's mixture, row by row, in chunks with a
/// running log-sum-exp. Each row has a stream of its own.
///
/// `progress` is called with the number of finished rows.
pub fn iwelbo<T: Scalar>(
    model: &mut Fitted<T>,
    data: &Data<T>,
    samples: usize,
    seed: u64,
    mut progress: impl FnMut(usize),
) -> IwelboResult {
    let mixture = model.vae.mixture();
    let min_scale = model.vae.config().decoder_min_scale;
    let mut result = IwelboResult { per_row: Vec::new(), effective_sample_size: Vec::new() };
    for n in 0..data.rows() {
        let mut rng = stream(seed, Purpose::Evaluate, 0, n as u64);
        let mut sums = Sums::default();
        let params = {
            let (vae, mut g) = model.graph();
            let batch = Batch::record(&mut g, data, n..n + 1);
            let params = vae.encode(&mut g, batch.input, None::<&mut Stream>);
            g.value(params).to_vec()
        };
        for first in (0..samples).step_by(CHUNK) {
            let count = CHUNK.min(samples - first);
            let (vae, mut g) = model.graph();
            let batch = Batch::record(&mut g, data, n..n + 1);
            let params = g.constant([1, params.len()], &params);
            let z = g.constant_from(params, [count, 1, mixture.latent], |params, z| {
                fill_ancestral(&mut rng, mixture, params, z);
            });
            let head = vae.decode(&mut g, z, None::<&mut Stream>);
            let log_likelihood = g.gaussian_log_density(batch.x, batch.mask, head, 1, min_scale);
            let log_prior = g.standard_normal_log_density(z);
            let log_q = g.mixture_log_density(z, params, mixture, 1);
            let log_joint = g.add(log_likelihood, log_prior);
            let log_weights = g.sub(log_joint, log_q);
            g.value(log_weights).iter().for_each(|w| sums.add(w.to_f64()));
        }
        result.per_row.push(sums.log_sum() - (samples as f64).ln());
        result.effective_sample_size.push(sums.sum * sums.sum / sums.squares);
        progress(n + 1);
    }
    result
}

/// Running sums of w and w², both relative to the largest weight so far.
struct Sums {
    largest: f64,
    sum: f64,
    squares: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Sums { largest: f64::NEG_INFINITY, sum: 0.0, squares: 0.0 }
    }
}

impl Sums {
    fn add(&mut self, log_weight: f64) {
        if log_weight.is_nan() {
            self.largest = f64::NAN;
        }
        if log_weight > self.largest {
            let shrink = (self.largest - log_weight).exp();
            self.sum *= shrink;
            self.squares *= shrink * shrink;
            self.largest = log_weight;
        }
        // A weight of zero adds nothing, also before the first positive one.
        if log_weight > f64::NEG_INFINITY {
            let weight = (log_weight - self.largest).exp();
            self.sum += weight;
            self.squares += weight * weight;
        }
    }

    fn log_sum(&self) -> f64 {
        self.largest + self.sum.ln()
    }
}
