//! Refusal of models and runs that no machine could hold.

use samplers::chains::{Lair, Sampler};

use super::error::{Error, Expected, Result, check};
use crate::network::{Vae, VaeConfig};
use crate::trainer::ImputationTraining;

/// The most parameters of a model. More are taken for a mistake.
const MOST_PARAMETERS: usize = 1 << 31;
/// The most numbers that the activations of an update may have: 128 GiB.
pub(super) const MOST_ACTIVATIONS: usize = 1 << 35;
/// The most numbers that a result may have: more would not fit into memory.
pub const MOST_NUMBERS: usize = 1 << 32;

/// Checks that so many completed copies of a table of `numbers` cells fit into memory.
///
/// # Errors
/// [`Error::Value`] if there are none, [`Error::TooManyDraws`].
pub fn check_draws(draws: usize, numbers: usize) -> Result<()> {
    check("draws", draws, draws > 0, Expected::AtLeast(1))?;
    let most = (MOST_NUMBERS / numbers.max(1)).max(1);
    if draws > most { Err(Error::TooManyDraws { draws, most }) } else { Ok(()) }
}

/// Checks that so many drawn rows fit into memory.
///
/// # Errors
/// [`Error::TooManyRows`].
pub fn check_drawn_rows(rows: usize, columns: usize) -> Result<()> {
    let most = MOST_NUMBERS / columns.max(1);
    if rows > most { Err(Error::TooManyRows { rows, most, columns }) } else { Ok(()) }
}

/// Checks that a model, and an update with so many rows for the encoder and points for the decoder, could fit into some
/// machine's memory.
///
/// # Errors
/// If they could not.
pub fn check_size(vae: &VaeConfig, encoded: usize, decoded: usize) -> Result<()> {
    let parameters = Vae::new(vae.clone()).layout().len();
    if parameters > MOST_PARAMETERS {
        return Err(Error::Parameters { parameters, most: MOST_PARAMETERS });
    }
    // Those of the layers, and as many gradients. A stage of images has about twenty values of their size.
    let [of_row, of_point] = match &vae.images {
        None => [vae.encoder_blocks, vae.decoder_blocks].map(|blocks| 2 * vae.hidden.saturating_mul(2 * blocks + 1)),
        Some(images) => {
            let stage = |halved: usize, width: &usize| (images.size >> halved).pow(2) * width;
            let encoder = images.encoder_widths.iter().enumerate();
            // The last two stages of the decoder have the images' size, and each one before half of it.
            let decoder = images.decoder_widths.iter().rev().enumerate();
            [
                40 * encoder.map(|(n, width)| stage(n, width)).sum::<usize>(),
                40 * decoder.map(|(n, width)| stage(n.saturating_sub(1), width)).sum::<usize>(),
            ]
        }
    };
    // A point's log density under the mixture, and its gradient, have a number or two of each component.
    let of_point =
        of_point.saturating_add(2 * (vae.components + vae.latent) + vae.row().outputs().max(vae.row().numbers()));
    let activations = encoded.saturating_mul(of_row).saturating_add(decoded.saturating_mul(of_point));
    if activations > MOST_ACTIVATIONS {
        return Err(Error::UpdateMemory { rows: encoded, samples: decoded, gigabytes: activations >> 28 });
    }
    Ok(())
}

/// Checks the same of the imputations of so many rows, and of a sweep over those of a minibatch.
pub(super) fn check_imputations(
    training: &ImputationTraining,
    vae: &VaeConfig,
    rows: usize,
    batch: usize,
) -> Result<()> {
    let copies = training.objective.imputations;
    let stored = rows.saturating_mul(copies).saturating_mul(vae.columns + vae.latent);
    let points = match training.sampler.sampler {
        Sampler::PseudoGibbs | Sampler::MetropolisWithinGibbs { .. } => copies,
        Sampler::Lair(lair) => lair_points(&lair, copies, training.sampler.iterations),
    };
    let swept = batch.saturating_mul(points).saturating_mul(vae.latent + vae.row().numbers());
    match stored.max(swept) {
        numbers if numbers <= MOST_ACTIVATIONS => Ok(()),
        numbers => Err(Error::ImputationMemory { gigabytes: numbers >> 28 }),
    }
}

/// Latent points that LAIR holds at a time for one row.
pub fn lair_points(lair: &Lair, copies: usize, iterations: usize) -> usize {
    let proposals = copies.saturating_add(lair.replenish).saturating_mul(lair.proposals);
    if lair.resample_final { proposals.saturating_mul(iterations) } else { proposals }
}
