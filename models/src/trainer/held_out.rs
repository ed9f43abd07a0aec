//! The predictive density of cells that a model is not trained on.

use autodiff::Tape;
use linalg::Scalar;
use samplers::draw::fill_ancestral;
use samplers::stream::{Purpose, Stream, stream};

use crate::data::{Batch, HeldOutCells};
use crate::impute::InEvaluation;

/// Latent points of a row.
const SAMPLES: usize = 16;
/// About the largest share of an epoch's time that the scoring of an epoch may take, on average.
const SHARE: f64 = 0.25;
/// About the fewest epochs of a run that are scored.
const LEAST: u64 = 40;
/// Rows that are scored at a time.
const ROWS: usize = 64;

/// Whether an epoch, counted from 1, is scored: each one where that is cheap, else every so many, and the last one.
pub(super) fn is_due<T: Scalar>(
    epoch: u64,
    epochs: u64,
    held_out: &HeldOutCells<T>,
    decoded_in_training: usize,
) -> bool {
    // A training step decodes each point, and has two more products of the same size in its gradient.
    let cost = (SAMPLES * held_out.rows().rows()) as f64 / (3.0 * SHARE * decoded_in_training as f64);
    let every = (cost.ceil() as u64).clamp(1, (epochs / LEAST).max(1));
    epoch.is_multiple_of(every) || epoch >= epochs
}

/// Mean of log p(x_held | x_obs) of a held-out cell, in nats of model units: with normalised importance weights of the
/// encoder's samples, log Σ_s w_s p(x_held | z_s).
///
/// The noise is the same at every call, so that epochs differ by their parameters alone.
pub(super) fn score<T: Scalar>(
    model: &InEvaluation<'_, T>,
    tape: &mut Tape<T>,
    held_out: &HeldOutCells<T>,
    seed: u64,
) -> f64 {
    let (vae, mixture) = (model.vae, model.vae.mixture());
    let (data, columns) = (held_out.rows(), held_out.rows().columns());
    let (values, mask) = held_out.scored();
    let mut total = 0.0;
    for (step, first) in (0..data.rows()).step_by(ROWS).enumerate() {
        let rows = first..(first + ROWS).min(data.rows());
        let (count, cells) = (rows.len(), rows.start * columns..rows.end * columns);
        let mut rng = stream(seed, Purpose::ScoreHeldOut, 0, step as u64);
        let mut g = tape.graph(model.parameters);
        let batch = Batch::record(&mut g, data, rows);
        let params = vae.encode(&mut g, batch.x, batch.mask, None::<&mut Stream>);
        let z = g.constant_from(params, [SAMPLES, count, mixture.latent], |params, z| {
            for (i, z) in z.chunks_exact_mut(mixture.latent).enumerate() {
                fill_ancestral(
                    &mut rng,
                    mixture,
                    &params[i % count * mixture.params_len()..][..mixture.params_len()],
                    z,
                );
            }
        });
        let head = vae.decode(&mut g, z, None::<&mut Stream>);
        let log_weights = vae.log_weights(&mut g, batch, (z, head), (mixture, params));
        let shape = [count, columns];
        let (held, held_mask) = (g.constant(shape, &values[cells.clone()]), g.constant(shape, &mask[cells]));
        let log_held = vae.log_likelihood(&mut g, held, held_mask, head, 1);
        let (log_weights, log_held) = (g.value(log_weights), g.value(log_held));
        for n in 0..count {
            let of_row = || (n..SAMPLES * count).step_by(count);
            let joint = log_sum_exp(of_row().map(|i| log_weights[i].to_f64() + log_held[i].to_f64()));
            total += joint - log_sum_exp(of_row().map(|i| log_weights[i].to_f64()));
        }
    }
    total / held_out.scored_cells() as f64
}

/// log Σ eˣ.
fn log_sum_exp(x: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = x.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + x.map(|x| (x - largest).exp()).sum::<f64>().ln()
}
