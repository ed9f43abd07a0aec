//! The networks (docs/methods.md §2).
//!
//! In the order in which a reader needs them:
//! - [`Layout`]: all trainable numbers in one flat buffer, by name;
//! - [`ResidualMlp`]: for tables;
//! - [`ResnetEncoder`] and [`ResnetDecoder`]: for images, of the layers in `layers`;
//! - [`RunningStatistics`]: what batch normalisation remembers of training;
//! - [`Vae`]: encoder, decoder and their probability heads.

mod decoder;
mod encoder;
mod layers;
mod mlp;
mod parameters;
mod statistics;
mod vae;

pub use decoder::{DecoderSizes, ResnetDecoder};
pub use encoder::{EncoderSizes, ResnetEncoder};
pub use mlp::{MlpSizes, ResidualMlp};
pub use parameters::{Initial, Layout, Tensor};
pub use statistics::RunningStatistics;
pub use vae::{ColumnBlock, EncoderInput, ImageSizes, Vae, VaeConfig};

use autodiff::{Graph, Shape, Var};
use linalg::Scalar;
use rand::Rng;

/// Basic blocks of a stage of the convolutional networks.
pub const BLOCKS_PER_STAGE: usize = 2;

/// A constant of zeros (with probability p) and 1/(1−p).
fn dropout_mask<T: Scalar>(g: &mut Graph<'_, T>, shape: Shape, p: f64, rng: &mut impl Rng) -> Var {
    let scale = T::from_f64(1.0 / (1.0 - p));
    // The 53 bits of a uniform number below 1, of which a share of p lies below this.
    let threshold = (p * (1_u64 << 53) as f64).ceil() as u64;
    g.constant_with(shape, |mask| {
        for m in mask {
            let uniform = rng.next_u64() >> 11;
            // The sign of a difference: of a comparison compilers make a branch, which is mispredicted as often as a coin is.
            let kept = threshold.wrapping_sub(uniform + 1) >> 63;
            *m = scale * T::from_f64(kept as f64);
        }
    })
}
