//! The command line of `missvae reproduce`.

use std::path::PathBuf;

use clap::Args;

use crate::args::Common;

#[derive(Debug, Args)]
pub(crate) struct ReproduceArgs {
    /// The figure: fig1 to fig13
    pub(crate) name: String,
    /// Directory of the data: for fig3, fig4, fig12 and fig13 with a directory for each data set; for the others with
    /// train_missing50.csv, test.csv and what else a figure needs (default: a mixture is generated)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Rows to generate, before those are dropped that lose all cells (default: 20000)
    #[arg(long, value_name = "N", conflicts_with = "data")]
    pub(crate) rows: Option<usize>,
    /// Methods, separated by commas (default: all of the experiment)
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) methods: Vec<String>,
    /// Numbers of components or imputations, separated by commas (default: the experiment's)
    #[arg(long, value_name = "K,K", value_delimiter = ',')]
    pub(crate) components: Vec<usize>,
    /// Passes over the rows, in every run (default: the experiment's)
    #[arg(long, value_name = "N", conflicts_with = "updates")]
    pub(crate) epochs: Option<u64>,
    /// Parameter updates, instead of --epochs
    #[arg(long, value_name = "N")]
    pub(crate) updates: Option<u64>,
    /// Runs of each setting: the seeds are --seed and those after it (default: the experiment's)
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<usize>,
    /// fig3, fig12: shares of the cells that are hidden before training, separated by commas (default: 0.2,0.5,0.8)
    #[arg(long, value_name = "R,R", value_delimiter = ',')]
    pub(crate) rates: Vec<f64>,
    /// fig13: sizes of the latent space, separated by commas (default: 25,50,100,200)
    #[arg(long, value_name = "L,L", value_delimiter = ',')]
    pub(crate) latents: Vec<usize>,
    /// fig3, fig4, fig13: test rows that are scored, chosen at random (default: 1000)
    #[arg(long, value_name = "N")]
    pub(crate) test_rows: Option<usize>,
    /// fig3, fig4, fig13: samples of each of them (default: 50000; 1000 for images)
    #[arg(long, value_name = "I")]
    pub(crate) importance_samples: Option<usize>,
    /// fig3, fig4, fig13: updates in which the encoder is refitted to the test rows before (default: the paper's)
    #[arg(long, value_name = "U")]
    pub(crate) refit_updates: Option<u64>,
    /// fig5: points on each leg of an interpolation, ends included (default: 5, and 6 for oracle 2)
    #[arg(long, value_name = "N")]
    pub(crate) points: Option<usize>,
    /// Width of the hidden layers, for trials (default: the experiment's)
    #[arg(long, value_name = "N")]
    pub(crate) hidden: Option<usize>,
    /// Residual blocks of encoder and decoder, for trials (default: the experiment's)
    #[arg(long, value_name = "N")]
    pub(crate) blocks: Option<usize>,
    /// Channels of the stages of the encoder of images, for trials (default: the experiment's)
    #[arg(long, value_name = "N,N")]
    pub(crate) encoder_widths: Option<String>,
    /// Channels of the stages of the decoder of images, for trials (default: the experiment's)
    #[arg(long, value_name = "N,N")]
    pub(crate) decoder_widths: Option<String>,
    /// Runs at a time (default: as many as threads, one thread each); the results do not depend on it
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Print the runs and about how long they take, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Directory of the results (default: reproduced)
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}
