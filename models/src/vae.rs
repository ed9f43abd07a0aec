//! Encoder, decoder and their probability heads.

use std::ops::Range;

use autodiff::ops::Mixture;
use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::network::{MlpSizes, ResidualMlp};
use crate::parameters::Layout;

/// What a VAE for tables is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VaeConfig {
    /// D, data columns.
    pub columns: usize,
    /// L, latent dimensions.
    pub latent: usize,
    /// K, components of the encoder's mixture.
    pub components: usize,
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
        let encoder_sizes = sizes(2 * config.columns, config.encoder_blocks, mixture.head_len());
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

    /// Encodes rows: *input* (B × 2D: x·m, then m) → natural mixture parameters, B × K(2L+1).
    #[track_caller]
    pub fn encode<T: Scalar>(&self, g: &mut Graph<'_, T>, input: Var, dropout: Option<&mut impl Rng>) -> Var {
        let head = self.encoder.forward(g, &self.layout, input, dropout);
        g.mixture_parameters(head, self.mixture(), self.config.encoder_min_scale)
    }

    /// Decodes latent points: *z* (… × L) → the Gaussian head, … × 2D: means, then raw scales.
    #[track_caller]
    pub fn decode<T: Scalar>(&self, g: &mut Graph<'_, T>, z: Var, dropout: Option<&mut impl Rng>) -> Var {
        self.decoder.forward(g, &self.layout, z, dropout)
    }
}
