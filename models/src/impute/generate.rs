//! Rows drawn from a fitted model.

use std::ops::ControlFlow;

use autodiff::Tape;
use linalg::Scalar;
use samplers::draw::fill_standard_normal;
use samplers::model::LatentModel;
use samplers::stream::{Purpose, stream};

use super::fitted::FittedModel;

/// Rows drawn at a time; each block has a stream of its own.
const BLOCK: usize = 1024;

/// Draws rows x ~ p(x|z), z ~ p(z), in model units: `rows` × D. A value that is not finite is NaN.
pub fn generate<T: Scalar>(model: &FittedModel<T>, rows: usize, seed: u64) -> Vec<T> {
    generate_while(model, rows, seed, |_| ControlFlow::Continue(())).expect("nothing stops it")
}

/// As [`generate`]; `progress` is told of the rows that are drawn, and stops it. Then there are none.
pub(super) fn generate_while<T: Scalar>(
    model: &FittedModel<T>,
    rows: usize,
    seed: u64,
    progress: impl Fn(usize) -> ControlFlow<()>,
) -> Option<Vec<T>> {
    let (columns, latent) = (model.columns(), model.vae.config().latent);
    let likelihood: &dyn samplers::likelihood::RowLikelihood<T> = model.likelihood();
    let width = likelihood.width();
    let mut tape = Tape::new();
    let mut values = vec![T::from_f64(f64::NAN); rows * columns];
    let missing = vec![T::ZERO; columns];
    let mut z = vec![T::ZERO; BLOCK * latent];
    let mut decoded = vec![T::ZERO; BLOCK * width];
    for (block, values) in values.chunks_mut(BLOCK * columns).enumerate() {
        let mut rng = stream(seed, Purpose::Generate, 0, block as u64);
        fill_standard_normal(&mut rng, &mut z);
        model.decode(&mut tape, &z, &mut decoded);
        for (decoded, row) in decoded.chunks_exact(width).zip(values.chunks_exact_mut(columns)) {
            likelihood.draw_missing(&mut rng, &missing, decoded, row);
        }
        if progress(((block + 1) * BLOCK).min(rows)).is_break() {
            return None;
        }
    }
    Some(values)
}
