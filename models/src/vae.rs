//! Encoder, decoder and their probability heads.

use std::ops::Range;

use autodiff::ops::Mixture;
use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::network::{MlpSizes, ResidualMlp};
use crate::parameters::Layout;

/// What an encoder sees of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderInput {
    /// The observed cells, zeros for the others, and the mask: 2D numbers. For finite mixtures (paper, section 4.1).
    #[default]
    Incomplete,
    /// The completed row alone: D numbers. For imputation mixtures (section 4.2).
    Completed,
    /// The completed row and the original mask: 2D numbers. For imputation mixtures, on the Power data.
    CompletedAndMask,
}

impl EncoderInput {
    /// Whether missing cells have to be filled in before a row can be encoded.
    pub fn completed(self) -> bool {
        self != EncoderInput::Incomplete
    }

    /// Whether the mask is a part of the input.
    fn has_mask(self) -> bool {
        self != EncoderInput::Completed
    }
}

/// What a VAE for tables is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VaeConfig {
    /// D, data columns.
    pub columns: usize,
    /// L, latent dimensions.
    pub latent: usize,
    /// K, components of the encoder's mixture.
    pub components: usize,
    /// What the encoder sees of a row.
    #[serde(default)]
    pub encoder_input: EncoderInput,
    /// Width of the hidden layers of both networks.
    pub hidden: usize,
    /// Residual blocks of the encoder.
    pub encoder_blocks: usize,
    /// Residual blocks of the decoder.
    pub decoder_blocks: usize,
    /// Dropout probability in the blocks.
    pub dropout: f64,
    /// Smallest scale of the encoder's Gaussians.
    pub encoder_min_scale: f64,
    /// Smallest scale of the decoder's Gaussians.
    pub decoder_min_scale: f64,
}

/// A variational autoencoder for incomplete rows: prior N(0, I_L), a diagonal Gaussian decoder, a mixture encoder
/// (METHODS §1). It holds the plan; the numbers are in a flat buffer beside it.
#[derive(Clone, Debug)]
pub struct Vae {
    config: VaeConfig,
    layout: Layout,
    encoder: ResidualMlp,
    decoder: ResidualMlp,
}

impl Vae {
    /// Plans the networks.
    pub fn new(config: VaeConfig) -> Self {
        let mixture = Mixture { components: config.components, latent: config.latent };
        let mut layout = Layout::default();
        let sizes =
            |input, blocks, output| MlpSizes { input, hidden: config.hidden, blocks, output, dropout: config.dropout };
        let input = if config.encoder_input.has_mask() { 2 * config.columns } else { config.columns };
        let encoder_sizes = sizes(input, config.encoder_blocks, mixture.head_len());
        let decoder_sizes = sizes(config.latent, config.decoder_blocks, 2 * config.columns);
        let encoder = ResidualMlp::new(&mut layout, "encoder.", encoder_sizes);
        let decoder = ResidualMlp::new(&mut layout, "decoder.", decoder_sizes);
        Vae { config, layout, encoder, decoder }
    }

    /// What it is made of.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// Which tensor is where in the flat buffer.
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
        self.layout.tensors()[self.encoder.tensors()].start..self.layout.len()
    }

    /// Encodes rows: *x* and *mask* (B × D) → natural mixture parameters, B × K(2L+1).
    ///
    /// Missing cells of *x* are zero where the encoder takes incomplete rows, and filled in where it takes completed ones.
    /// Whenever a completed row goes through an encoder with a mask input, the mask is the original one (METHODS §1).
    #[track_caller]
    pub fn encode<T: Scalar>(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, dropout: Option<&mut impl Rng>) -> Var {
        let input = if self.config.encoder_input.has_mask() { g.concat(&[x, mask], 1) } else { x };
        let head = self.encoder.forward(g, &self.layout, input, dropout);
        g.mixture_parameters(head, self.mixture(), self.config.encoder_min_scale)
    }

    /// Decodes latent points: *z* (… × L) → the Gaussian head, … × 2D: means, then raw scales.
    #[track_caller]
    pub fn decode<T: Scalar>(&self, g: &mut Graph<'_, T>, z: Var, dropout: Option<&mut impl Rng>) -> Var {
        self.decoder.forward(g, &self.layout, z, dropout)
    }
}
