//! Random streams addressed by what they are for.
//!
//! A stream is found by (seed, purpose, epoch, step). No draw depends on how many were made elsewhere, so the order of
//! work, the number of threads and interruptions leave every draw as it is.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A generator of random numbers.
pub type Stream = Xoshiro256PlusPlus;

/// The purpose of a stream. The number is part of the stream's address and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial parameters.
    Initialise = 1,
    /// Order of the rows in an epoch.
    Shuffle = 2,
    /// Samples of the latent variables in training.
    Latent = 3,
    /// Dropout masks.
    Dropout = 4,
    /// Cells hidden before training.
    Hide = 5,
    /// Rows set aside for validation.
    Split = 6,
    /// Samples for the validation objective.
    Validate = 7,
    /// Importance samples of an evaluation.
    Evaluate = 8,
    /// Refitting an encoder before an evaluation.
    Refit = 9,
    /// Imputations.
    Impute = 10,
    /// Rows drawn from a model.
    Generate = 11,
    /// First imputations of training rows.
    StartImputations = 12,
    /// Later imputations of training rows.
    RenewImputations = 13,
    /// Later imputations of validation rows.
    ValidateImputations = 14,
    /// First imputations of validation rows.
    StartValidation = 15,
    /// Draws that estimate a divergence.
    Divergence = 16,
    /// Samples of the latent variables for repeated gradients of a frozen minibatch.
    Signal = 17,
    /// Dropout masks for the same.
    SignalDropout = 18,
    /// Pixels that are binarised.
    Binarise = 20,
    /// Quadrants of images hidden before training.
    HideQuadrants = 21,
    /// Cells that are held out of training.
    HoldOut = 22,
    /// Samples that score these cells.
    ScoreHeldOut = 23,
}

/// The stream at an address.
pub fn stream(seed: u64, purpose: Purpose, epoch: u64, step: u64) -> Stream {
    let mut state = 0;
    let mut bytes = [0; 32];
    // Each word of the generator's state depends on the whole address.
    for (round, word) in bytes.chunks_exact_mut(8).enumerate() {
        for part in [seed, purpose as u64, epoch, step, round as u64] {
            state = mix(state ^ mix(part));
        }
        word.copy_from_slice(&state.to_le_bytes());
    }
    Stream::from_seed(bytes)
}

/// The finaliser of SplitMix64: a bijection of 64-bit words that spreads every bit (Steele, Lea, Flood 2014).
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::Rng;

    use super::*;

    /// Draws at 2⁴ × 4096 addresses differ; a chance collision of 64-bit words has probability below 2⁻³².
    #[test]
    fn every_part_of_the_address_counts() {
        let mut seen = HashSet::new();
        for seed in 0..4 {
            for purpose in [Purpose::Latent, Purpose::Dropout] {
                for epoch in 0..64 {
                    for step in 0..128 {
                        assert!(seen.insert(stream(seed, purpose, epoch, step).next_u64()));
                    }
                }
            }
        }
        assert_ne!(stream(1, Purpose::Latent, 0, 0).next_u64(), stream(0, Purpose::Latent, 1, 0).next_u64());
    }

    /// The streams are part of what a seed means: a change here changes every run. The numbers were computed
    /// independently, from the definitions of SplitMix64's finaliser and of xoshiro256++.
    #[test]
    fn streams_are_what_they_always_were() {
        let first: Vec<u64> = (0..2).map(|step| stream(0, Purpose::Latent, 0, step).next_u64()).collect();
        assert_eq!(first, [PINNED_0, PINNED_1]);
    }

    const PINNED_0: u64 = 0x9671_b461_7425_1836;
    const PINNED_1: u64 = 0xfcf5_def7_3b0f_d46b;
}
