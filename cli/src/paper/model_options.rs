//! Options of a model and its training where several methods are fitted side by side.

use clap::Args;
use missvae::config::{Options, Preset};
use missvae::trainer::Schedule;

/// Options of [`Options`] that are the same for all methods of a comparison.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ModelOptions {
    /// Settings of an experiment of the paper; other options override it
    #[arg(long, value_enum, help_heading = "Method")]
    pub(crate) preset: Option<Preset>,
    /// K, mixture components of the encoder (default: 5; always 1 for mvae and miwae)
    #[arg(long, value_name = "K", help_heading = "Method")]
    pub(crate) components: Option<usize>,
    /// Z, samples averaged outside the logarithm (default: the paper's for the method)
    #[arg(long, value_name = "Z", help_heading = "Method")]
    pub(crate) samples: Option<usize>,
    /// I, samples averaged inside the logarithm (default: the paper's for the method)
    #[arg(long, value_name = "I", help_heading = "Method")]
    pub(crate) importance_samples: Option<usize>,
    /// L, latent dimensions (default: a third of the columns, from 2 to 32)
    #[arg(long, value_name = "L", help_heading = "Network")]
    pub(crate) latent: Option<usize>,
    /// Width of the hidden layers (default: 128, or 256 from 16 columns on)
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub(crate) hidden: Option<usize>,
    /// Residual blocks of encoder and decoder (default: 2)
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub(crate) blocks: Option<usize>,
    /// Residual blocks of the encoder
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub(crate) encoder_blocks: Option<usize>,
    /// Residual blocks of the decoder
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub(crate) decoder_blocks: Option<usize>,
    /// Dropout probability inside the blocks (default: 0)
    #[arg(long, value_name = "P", help_heading = "Network")]
    pub(crate) dropout: Option<f64>,
    /// Smallest scale of the encoder's Gaussians (default: 1e-5)
    #[arg(long, value_name = "S", help_heading = "Network")]
    pub(crate) encoder_min_scale: Option<f64>,
    /// Smallest scale of the decoder's Gaussians, in standardised units (default: 1e-5)
    #[arg(long, value_name = "S", help_heading = "Network")]
    pub(crate) decoder_min_scale: Option<f64>,
    /// Passes over the rows (default: about 10,000 updates, from 10 to 200 passes)
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub(crate) epochs: Option<u64>,
    /// Rows of a minibatch (default: 64)
    #[arg(long, value_name = "B", help_heading = "Training")]
    pub(crate) batch_size: Option<usize>,
    /// Learning rate at the start (default: 1e-3)
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) learning_rate: Option<f64>,
    /// Learning rate over time (default: cosine)
    #[arg(long, value_enum, help_heading = "Training")]
    pub(crate) schedule: Option<Schedule>,
    /// Clip the gradient to this norm; 0 for no limit (default: 10)
    #[arg(long, value_name = "NORM", help_heading = "Training")]
    pub(crate) clip: Option<f64>,
    /// Hide this share of the observed cells before training (default: 0)
    #[arg(long, value_name = "RATE", help_heading = "Data")]
    pub(crate) hide: Option<f64>,
    /// Leave the columns as they are (default: standardised by their observed mean and deviation)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Data")]
    pub(crate) no_standardize: Option<bool>,
    /// Use only these columns (names separated by commas)
    #[arg(long, value_name = "A,B", help_heading = "Data")]
    pub(crate) columns: Option<String>,
    /// Leave out these columns (names separated by commas)
    #[arg(long, value_name = "A,B", help_heading = "Data")]
    pub(crate) ignore_columns: Option<String>,
}

impl ModelOptions {
    /// The same as options of a training run, without a method.
    pub(crate) fn training(&self) -> Options {
        let given = self.clone();
        Options {
            preset: given.preset,
            components: given.components,
            samples: given.samples,
            importance_samples: given.importance_samples,
            latent: given.latent,
            hidden: given.hidden,
            blocks: given.blocks,
            encoder_blocks: given.encoder_blocks,
            decoder_blocks: given.decoder_blocks,
            dropout: given.dropout,
            encoder_min_scale: given.encoder_min_scale,
            decoder_min_scale: given.decoder_min_scale,
            epochs: given.epochs,
            batch_size: given.batch_size,
            learning_rate: given.learning_rate,
            schedule: given.schedule,
            clip: given.clip,
            hide: given.hide,
            no_standardize: given.no_standardize,
            columns: given.columns,
            ignore_columns: given.ignore_columns,
            // A study measures gradients, and chooses no epoch.
            validation: Some("none".to_owned()),
            ..Options::default()
        }
    }
}
