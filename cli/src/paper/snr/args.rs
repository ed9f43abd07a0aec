//! The command line of `missvae snr`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use missvae::config::PathwiseOption;
use missvae::objective::{Estimator, LogitGradient};

use crate::args::{Common, Reading};
use crate::paper::model_options::ModelOptions;

/// The gradients over which mean and deviation are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProtocolOption {
    /// The minibatches of an epoch, while the parameters move
    Epoch,
    /// Draws of the latent variables after an epoch, parameters and minibatch frozen
    Fixed,
}

#[derive(Debug, Args)]
pub(crate) struct SnrArgs {
    /// Table: .csv, .tsv, .npy (also .gz), .npz, or - for CSV on standard input
    pub(crate) data: PathBuf,
    /// Methods with a finite mixture, separated by commas
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "miss-vae,miss-svae,miss-iwae,miss-siwae")]
    pub(crate) methods: Vec<String>,
    /// Gradients through ancestral samples to means and scales, separated by commas
    #[arg(
        long,
        value_enum,
        value_name = "A,B",
        value_delimiter = ',',
        default_value = "implicit,responsibility",
        help_heading = "Method"
    )]
    pub(crate) pathwise: Vec<PathwiseOption>,
    /// Gradients through ancestral samples to logits, separated by commas (default: implicit; leave-one-out where it
    /// applies with --pathwise responsibility)
    #[arg(long, value_enum, value_name = "A,B", value_delimiter = ',', help_heading = "Method")]
    pub(crate) logit_gradient: Vec<LogitGradient>,
    /// Gradient estimators, separated by commas
    #[arg(long, value_enum, value_name = "A,B", value_delimiter = ',', default_value = "stl", help_heading = "Method")]
    pub(crate) estimator: Vec<Estimator>,
    /// Gradients over which mean and deviation are taken, separated by commas
    #[arg(long, value_enum, value_name = "A,B", value_delimiter = ',', default_value = "epoch,fixed")]
    pub(crate) protocol: Vec<ProtocolOption>,
    /// Gradients of the frozen minibatch (default: 100)
    #[arg(long, value_name = "N")]
    pub(crate) draws: Option<u64>,
    /// Measure every N epochs; the first and the last one always
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) every: u64,
    /// Runs of each estimator: the seeds are --seed and those after it
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) seeds: usize,
    /// Directory of snr.csv, snr.svg and snr.png (default: none are written)
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// With --out: write the mean and the variance of every parameter's gradient in the last epoch, too
    #[arg(long, requires = "out")]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) model: ModelOptions,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) common: Common,
}
