//! Encoder, decoder and their probability heads.

use std::ops::Range;

use autodiff::ops::Mixture;
use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::decoder::{DecoderSizes, ResnetDecoder};
use super::encoder::{EncoderSizes, ResnetEncoder};
use super::mlp::{MlpSizes, ResidualMlp};
use super::parameters::Layout;
use crate::data::Batch;
use crate::heads::{ColumnTraits, ColumnType, Row};

/// The input of an encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderInput {
    /// The observed cells (zeros elsewhere) and the mask: 2D numbers. For finite mixtures (paper, section 4.1).
    #[default]
    Incomplete,
    /// The observed cells (zeros elsewhere): D numbers. For finite mixtures of complete rows, as for the features of a
    /// Fréchet distance (docs/methods.md §7).
    Observed,
    /// The completed row alone: D numbers. For imputation mixtures (section 4.2).
    Completed,
    /// The completed row and the original mask: 2D numbers. For imputation mixtures, on the Power data.
    CompletedAndMask,
}

impl EncoderInput {
    /// Whether missing cells have to be filled in before a row can be encoded.
    pub fn completed(self) -> bool {
        matches!(self, EncoderInput::Completed | EncoderInput::CompletedAndMask)
    }

    /// Whether the mask is a part of the input.
    fn has_mask(self) -> bool {
        matches!(self, EncoderInput::Incomplete | EncoderInput::CompletedAndMask)
    }
}

/// Sizes of the networks of an image model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSizes {
    /// Pixels a side; images are square.
    pub size: usize,
    /// Channels of the encoder's stages; every stage but the first halves the image.
    pub encoder_widths: Vec<usize>,
    /// Channels of the decoder's stages; every stage but the last doubles the image.
    pub decoder_widths: Vec<usize>,
}

impl ImageSizes {
    /// The decoder, whose stages reach the image's size by doubling. It begins with size/2^(S−1) pixels a side. After
    /// stage s of S, images have size/2^(S−2−s) pixels a side, rounded; the last stage keeps the size. For 28 × 28
    /// pixels and four stages that is 4, 7, 14, 28, 28 (docs/methods.md §2).
    fn decoder(&self, latent: usize, dropout: f64) -> DecoderSizes {
        let stages = self.decoder_widths.len();
        let halved = |times: usize| {
            let size = (self.size as f64 / f64::powi(2.0, times as i32)).round_ties_even();
            (size as usize).max(1)
        };
        let first = halved(stages.saturating_sub(1));
        DecoderSizes {
            latent,
            widths: self.decoder_widths.clone(),
            seed: first,
            first,
            resize_after: (0..stages.saturating_sub(1)).map(|stage| Some(halved(stages - 2 - stage))).collect(),
            dropout,
        }
    }

    /// Pixels a side of the encoder's last stage: each halving rounds up.
    fn encoded(&self) -> usize {
        (1..self.encoder_widths.len()).fold(self.size, |size, _| size.div_ceil(2))
    }
}

/// Adjacent columns of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnBlock {
    /// Their type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Their number.
    pub columns: usize,
}

/// Sizes and kinds of the parts of a VAE, for tables or images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VaeConfig {
    /// D, data columns.
    pub columns: usize,
    /// The types of the columns, from the first to the last. None: numeric columns, or the binary pixels of images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<ColumnBlock>,
    /// Limits of the columns, for heads that have some: one for each column, or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<ColumnTraits>,
    /// L, latent dimensions.
    pub latent: usize,
    /// K, components of the encoder's mixture.
    pub components: usize,
    /// What the encoder sees of a row.
    #[serde(default)]
    pub encoder_input: EncoderInput,
    /// The convolutional networks of a model for images of binary pixels (−1 and +1, row by row). `None` for a model of
    /// tables, with residual MLPs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageSizes>,
    /// Width of the hidden layers of both residual MLPs.
    pub hidden: usize,
    /// Residual blocks of the encoder's MLP.
    pub encoder_blocks: usize,
    /// Residual blocks of the decoder's MLP.
    pub decoder_blocks: usize,
    /// Dropout probability in the blocks: of hidden units, or of channels.
    pub dropout: f64,
    /// Whether a linear function of the latent point is added to the outputs of the decoder's MLP.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub linear_path: bool,
    /// Smallest scale of the encoder's Gaussians.
    pub encoder_min_scale: f64,
    /// Smallest scale of the decoder's Gaussians.
    pub decoder_min_scale: f64,
}

impl VaeConfig {
    /// A model of numeric columns without regularisation: one component, an encoder of incomplete rows, two residual blocks of
    /// width 128 (256 from 16 columns on), no dropout, scales of at least 10⁻⁵.
    pub fn new(columns: usize, latent: usize) -> Self {
        VaeConfig {
            columns,
            blocks: Vec::new(),
            limits: Vec::new(),
            latent,
            components: 1,
            encoder_input: EncoderInput::default(),
            images: None,
            hidden: if columns < 16 { 128 } else { 256 },
            encoder_blocks: 2,
            decoder_blocks: 2,
            dropout: 0.0,
            linear_path: false,
            encoder_min_scale: 1e-5,
            decoder_min_scale: 1e-5,
        }
    }

    /// The heads of the columns.
    pub fn row(&self) -> Row {
        let whole = if self.images.is_some() { ColumnType::Binary } else { ColumnType::Numeric };
        let whole = [ColumnBlock { kind: whole, columns: self.columns }];
        let blocks = if self.blocks.is_empty() { &whole[..] } else { &self.blocks };
        let mut column = 0;
        Row::new(blocks.iter().map(|block| {
            let start = column;
            column += block.columns;
            let limits = if self.limits.is_empty() { &[][..] } else { &self.limits[start..column] };
            block.kind.limited_block(block.columns, self.decoder_min_scale, limits)
        }))
    }
}

/// A variational autoencoder for incomplete rows: prior N(0, I_L), a decoder to independent normals or binary pixels, a
/// mixture encoder (docs/methods.md §1). It holds the plan; the numbers are in a flat buffer beside it.
#[derive(Clone, Debug)]
pub struct Vae {
    config: VaeConfig,
    layout: Layout,
    networks: Networks,
    row: Row,
    /// Whether the heads are the caller's own, and not those of the configuration.
    own_heads: bool,
    /// The first of the decoder's tensors.
    decoder: usize,
}

/// Encoder and decoder.
#[derive(Clone, Debug)]
enum Networks {
    Table(ResidualMlp, ResidualMlp),
    /// And pixels a side.
    Image(ResnetEncoder, ResnetDecoder, usize),
}

impl Vae {
    /// Plans the networks.
    ///
    /// # Panics
    /// If images do not have as many pixels as there are columns, or their networks no stages; if the blocks do not have as
    /// many columns as there are.
    #[track_caller]
    pub fn new(config: VaeConfig) -> Self {
        let row = config.row();
        Vae { own_heads: false, ..Vae::with_row(config, row) }
    }

    /// Plans the networks for these heads, which may be of the caller's own, whatever the configuration says of the columns'
    /// types.
    ///
    /// # Panics
    /// As [`new`](Vae::new).
    #[track_caller]
    pub fn with_row(config: VaeConfig, row: Row) -> Self {
        assert_eq!(row.columns(), config.columns, "columns of the heads and of the model");
        let mixture = Mixture { components: config.components, latent: config.latent };
        let mut layout = Layout::default();
        if let Some(images) = &config.images {
            assert_eq!(images.size * images.size, config.columns, "pixels and columns");
            let encoder = EncoderSizes {
                channels: if config.encoder_input.has_mask() { 2 } else { 1 },
                widths: images.encoder_widths.clone(),
                output: mixture.head_len(),
                dropout: config.dropout,
            };
            let encoder = ResnetEncoder::new(&mut layout, "encoder.", encoder);
            let first = layout.tensors().len();
            let decoder = images.decoder(config.latent, config.dropout);
            let decoder = ResnetDecoder::new(&mut layout, "decoder.", decoder);
            let networks = Networks::Image(encoder, decoder, images.size);
            return Vae { config, layout, networks, row, own_heads: true, decoder: first };
        }
        let sizes = |input, blocks, output| MlpSizes {
            input,
            hidden: config.hidden,
            blocks,
            output,
            dropout: config.dropout,
            linear: false,
        };
        let mask = if config.encoder_input.has_mask() { config.columns } else { 0 };
        let encoder_sizes = sizes(row.features() + mask, config.encoder_blocks, mixture.head_len());
        let linear = config.linear_path;
        let decoder_sizes = MlpSizes { linear, ..sizes(config.latent, config.decoder_blocks, row.outputs()) };
        let encoder = ResidualMlp::new(&mut layout, "encoder.", encoder_sizes);
        let first = layout.tensors().len();
        let decoder = ResidualMlp::new(&mut layout, "decoder.", decoder_sizes);
        Vae { config, layout, networks: Networks::Table(encoder, decoder), row, own_heads: true, decoder: first }
    }

    /// Sizes and kinds of its parts.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// The places of all tensors in the flat buffer.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Shape of the encoder's mixture.
    pub fn mixture(&self) -> Mixture {
        Mixture { components: self.config.components, latent: self.config.latent }
    }

    /// The encoder's part of the flat buffer.
    pub fn encoder_range(&self) -> Range<usize> {
        0..self.decoder_range().start
    }

    /// The decoder's part of the flat buffer.
    pub fn decoder_range(&self) -> Range<usize> {
        self.layout.tensors()[self.decoder].start..self.layout.len()
    }

    /// Encodes rows: *x* and *mask* (B × D) → natural mixture parameters, B × K(2L+1).
    ///
    /// Missing cells of *x* are zero where the encoder takes incomplete rows, and filled in where it takes completed
    /// ones. Whenever a completed row goes through an encoder with a mask input, the mask is the original one
    /// (docs/methods.md §1).
    #[track_caller]
    pub fn encode<T: Scalar>(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, dropout: Option<&mut impl Rng>) -> Var {
        let head = self.encoder_head(g, x, mask, dropout);
        g.mixture_parameters(head, self.mixture(), self.config.encoder_min_scale)
    }

    /// The output of the encoder's network, which [`encode`](Vae::encode) turns into parameters: B × K(2L+1), or B × 2L
    /// for a single component (means, then raw scales).
    #[track_caller]
    pub fn encoder_head<T: Scalar>(
        &self,
        g: &mut Graph<'_, T>,
        x: Var,
        mask: Var,
        dropout: Option<&mut impl Rng>,
    ) -> Var {
        let has_mask = self.config.encoder_input.has_mask();
        match &self.networks {
            Networks::Table(encoder, _) => {
                let x = self.row.encode(g, x);
                let input = if has_mask { g.concat(&[x, mask], 1) } else { x };
                encoder.forward(g, &self.layout, input, dropout)
            }
            Networks::Image(encoder, _, size) => {
                let shape = [g.shape(x).rows(), *size, *size, 1];
                let mut input = g.reshape(x, shape);
                if has_mask {
                    let mask = g.reshape(mask, shape);
                    input = g.concat(&[input, mask], 3);
                }
                encoder.forward(g, &self.layout, input, dropout)
            }
        }
    }

    /// Decodes latent points: *z* (… × L) → the outputs of the heads, … × as many as [`row`](Vae::row) has.
    #[track_caller]
    pub fn decode<T: Scalar>(&self, g: &mut Graph<'_, T>, z: Var, dropout: Option<&mut impl Rng>) -> Var {
        match &self.networks {
            Networks::Table(_, decoder) => decoder.forward(g, &self.layout, z, dropout),
            Networks::Image(_, decoder, _) => decoder.forward(g, &self.layout, z, dropout),
        }
    }

    /// Whether the heads are the caller's own ([`with_row`](Vae::with_row)): a model file has no name for them.
    pub fn has_own_heads(&self) -> bool {
        self.own_heads
    }

    /// The heads of the columns.
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// log p(x|z) of each decoded point over the observed columns, in nats: *x* and *mask*, constants (B × D), *raw*,
    /// the output of [`decode`](Vae::decode), with `inner` consecutive points of one row → the shape of *raw* without its
    /// last axis.
    #[track_caller]
    pub fn log_likelihood<T: Scalar>(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, raw: Var, inner: usize) -> Var {
        self.row.log_density(g, x, mask, raw, inner)
    }

    /// log p(x, z) − log q(z) of latent points over the observed columns, in nats: *z*, S × B × L, decoded to *raw*;
    /// *params*, a mixture for each of the B rows → S × B.
    #[track_caller]
    pub fn log_weights<T: Scalar>(
        &self,
        g: &mut Graph<'_, T>,
        batch: Batch,
        (z, raw): (Var, Var),
        (mixture, params): (Mixture, Var),
    ) -> Var {
        let log_likelihood = self.log_likelihood(g, batch.x, batch.mask, raw, 1);
        let log_prior = g.standard_normal_log_density(z);
        let log_q = g.mixture_log_density(z, params, mixture, 1);
        let log_joint = g.add(log_likelihood, log_prior);
        g.sub(log_joint, log_q)
    }

    /// Whether some batch normalisation would be undefined, with a single value of each channel and so no variance, in
    /// a training pass of this many images through the encoder and latent points through the decoder.
    pub fn batch_norm_undefined(&self, encoded: usize, decoded: usize) -> bool {
        let Some(images) = &self.config.images else { return false };
        let first = images.decoder(self.config.latent, self.config.dropout).first;
        (images.encoded(), encoded) == (1, 1) || (first, decoded) == (1, 1)
    }

    /// Latent points or rows of one pass: enough to be worth it, few enough that activations stay small.
    pub fn rows_at_once(&self) -> usize {
        match &self.networks {
            Networks::Table(..) => 512,
            Networks::Image(..) => 64,
        }
    }
}
