//! The convolutional decoder.

use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::Rng;

use super::BLOCKS_PER_STAGE;
use super::layers::{Affine, BasicBlock, Conv, Scaling};
use super::parameters::Layout;

/// Sizes of a convolutional decoder of square images.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderSizes {
    /// Input columns.
    pub latent: usize,
    /// Channels of each stage; every stage but the last doubles the image in its first block.
    pub widths: Vec<usize>,
    /// Height and width of the images that the linear layer makes. They have twice the first stage's channels.
    pub seed: usize,
    /// Height and width that these are resized to.
    pub first: usize,
    /// Height and width that images are resized to after a stage, for the first stages; the others do not resize.
    pub resize_after: Vec<Option<usize>>,
    /// Probability with which a channel is dropped in training.
    pub dropout: f64,
}

impl DecoderSizes {
    /// Height and width of the output.
    pub fn output(&self) -> usize {
        (0..self.widths.len()).fold(self.first, |size, stage| {
            let grown = if stage + 1 < self.widths.len() { 2 * size } else { size };
            self.resized_after(stage).unwrap_or(grown)
        })
    }

    fn resized_after(&self, stage: usize) -> Option<usize> {
        self.resize_after.get(stage).copied().flatten()
    }
}

/// A convolutional residual decoder: a linear layer to small images; stages of basic blocks; conv 3 × 3 to one channel.
#[derive(Clone, Debug)]
pub struct ResnetDecoder {
    sizes: DecoderSizes,
    linear: Affine,
    blocks: Vec<BasicBlock>,
    last: Conv,
}

impl ResnetDecoder {
    /// Adds the network's tensors to a layout, their names beginning with `prefix`.
    ///
    /// # Panics
    /// If there are no stages.
    #[track_caller]
    pub fn new(layout: &mut Layout, prefix: &str, sizes: DecoderSizes) -> Self {
        let (Some(&first), Some(&last)) = (sizes.widths.first(), sizes.widths.last()) else {
            panic!("a decoder needs a stage at least")
        };
        let mut from = 2 * first;
        let linear = Affine::new(layout, &format!("{prefix}linear"), sizes.latent, from * sizes.seed * sizes.seed);
        let mut blocks = Vec::new();
        for (stage, &to) in sizes.widths.iter().enumerate() {
            for block in 0..BLOCKS_PER_STAGE {
                let doubles = stage + 1 < sizes.widths.len() && block == 0;
                let scaling = if doubles { Scaling::Double } else { Scaling::None };
                let name = format!("{prefix}layers.{stage}.{block}");
                blocks.push(BasicBlock::of_decoder(layout, &name, [from, to], scaling));
                from = to;
            }
        }
        let last = Conv::new(layout, &format!("{prefix}conv1"), [last, 1], 3, 1);
        ResnetDecoder { sizes, linear, blocks, last }
    }

    /// Evaluates the network: z (… × latent) → logits, … × pixels, row by row of an image.
    ///
    /// With a `dropout` generator the network is in training mode: images are normalised by the batch's statistics,
    /// over all rows of z, and each block's output channels are dropped.
    #[track_caller]
    pub fn forward<T: Scalar>(
        &self,
        g: &mut Graph<'_, T>,
        layout: &Layout,
        z: Var,
        mut dropout: Option<&mut impl Rng>,
    ) -> Var {
        let (shape, DecoderSizes { widths, seed, first, .. }) = (g.shape(z), &self.sizes);
        let h = self.linear.forward(g, layout, z);
        let h = g.reshape(h, [shape.rows(), 2 * widths[0], *seed, *seed]);
        let h = g.permute(h, &[0, 2, 3, 1]);
        let mut h = resized(g, h, *first);
        for (stage, blocks) in self.blocks.chunks_exact(BLOCKS_PER_STAGE).enumerate() {
            for block in blocks {
                h = block.forward(g, layout, h, self.sizes.dropout, &mut dropout);
            }
            if let Some(size) = self.sizes.resized_after(stage) {
                h = resized(g, h, size);
            }
        }
        let logits = self.last.forward(g, layout, h);
        let pixels = g.shape(logits).dims()[1..].iter().product();
        g.reshape(logits, shape.with_last(pixels))
    }
}

/// Square images of this height and width.
fn resized<T: Scalar>(g: &mut Graph<'_, T>, images: Var, size: usize) -> Var {
    if g.shape(images).dims()[1..3] == [size, size] { images } else { g.resize_nearest(images, [size, size]) }
}
