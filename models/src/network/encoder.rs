//! The convolutional encoder.

use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::Rng;

use super::BLOCKS_PER_STAGE;
use super::layers::{Affine, After, BasicBlock, Conv, Norm, Scaling};
use super::parameters::Layout;

/// Sizes of a convolutional encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderSizes {
    /// Channels of the input images.
    pub channels: usize,
    /// Channels of each stage; every stage but the first halves the image.
    pub widths: Vec<usize>,
    /// Output columns.
    pub output: usize,
    /// Probability with which a channel is dropped in training.
    pub dropout: f64,
}

/// A convolutional residual encoder: conv 3 × 3 → norm → relu; stages of basic blocks; the mean over pixels; a linear layer.
#[derive(Clone, Debug)]
pub struct ResnetEncoder {
    sizes: EncoderSizes,
    conv1: Conv,
    bn1: Norm,
    blocks: Vec<BasicBlock>,
    last: Affine,
}

impl ResnetEncoder {
    /// Adds the network's tensors to a layout, their names beginning with `prefix`.
    ///
    /// # Panics
    /// If there are no stages.
    #[track_caller]
    pub fn new(layout: &mut Layout, prefix: &str, sizes: EncoderSizes) -> Self {
        let (Some(&first), Some(&last)) = (sizes.widths.first(), sizes.widths.last()) else {
            panic!("an encoder needs a stage at least")
        };
        let conv1 = Conv::new(layout, &format!("{prefix}conv1"), [sizes.channels, first], 3, 1);
        let bn1 = Norm::new(layout, &format!("{prefix}bn1"), first);
        let mut blocks = Vec::new();
        let mut from = first;
        for (stage, &to) in sizes.widths.iter().enumerate() {
            for block in 0..BLOCKS_PER_STAGE {
                let scaling = if stage > 0 && block == 0 { Scaling::Halve } else { Scaling::None };
                let name = format!("{prefix}layers.{stage}.{block}");
                blocks.push(BasicBlock::of_encoder(layout, &name, [from, to], scaling));
                from = to;
            }
        }
        let last = Affine::new(layout, &format!("{prefix}final"), last, sizes.output);
        ResnetEncoder { sizes, conv1, bn1, blocks, last }
    }

    /// Evaluates the network: images (N × H × W × channels) → N × output.
    ///
    /// With a `dropout` generator the network is in training mode: images are normalised by the batch's statistics, and
    /// each block's output channels are dropped.
    #[track_caller]
    pub fn forward<T: Scalar>(
        &self,
        g: &mut Graph<'_, T>,
        layout: &Layout,
        images: Var,
        mut dropout: Option<&mut impl Rng>,
    ) -> Var {
        let h = self.conv1.forward(g, layout, images);
        let mut h = self.bn1.forward(g, layout, h, dropout.is_some(), After { relu: true, ..After::default() });
        for block in &self.blocks {
            h = block.forward(g, layout, h, self.sizes.dropout, &mut dropout);
        }
        let h = g.mean(h, &[1, 2]);
        self.last.forward(g, layout, h)
    }
}
