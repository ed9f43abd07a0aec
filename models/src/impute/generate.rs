//! Rows drawn from a fitted model.

use linalg::Scalar;
use samplers::draw::fill_standard_normal;
use samplers::model::{LatentModel, draw_column};
use samplers::stream::{Purpose, stream};

use super::fitted::FittedModel;

/// Rows drawn at a time; each block has a stream of its own.
const BLOCK: usize = 1024;

/// Draws rows x ~ p(x|z), z ~ p(z), in model units: `rows` × D.
pub fn generate<T: Scalar>(model: &mut FittedModel<T>, rows: usize, seed: u64) -> Vec<T> {
    let (columns, latent) = (model.columns(), model.vae.config().latent);
    let likelihood = model.likelihood();
    let mut values = Vec::with_capacity(rows * columns);
    let mut z = vec![T::ZERO; BLOCK * latent];
    let mut decoded = vec![T::ZERO; BLOCK * 2 * columns];
    for block in 0..rows.div_ceil(BLOCK) {
        let rows = BLOCK.min(rows - block * BLOCK);
        let mut rng = stream(seed, Purpose::Generate, 0, block as u64);
        fill_standard_normal(&mut rng, &mut z);
        model.decode(&z, &mut decoded);
        for decoded in decoded.chunks_exact(2 * columns).take(rows) {
            let (first, second) = decoded.split_at(columns);
            values.extend(first.iter().zip(second).map(|(&a, &b)| draw_column(likelihood, &mut rng, a, b)));
        }
    }
    values
}
