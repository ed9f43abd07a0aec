//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use missvae::config::{Options, Preset};
#[cfg(feature = "paper")]
use missvae::evaluate::Likelihood;
use missvae::impute::SamplerKind;

use crate::paper::{reproduce::ReproduceArgs, snr::SnrArgs};

/// Fit variational autoencoders to incomplete tables, score them, complete tables with them.
#[derive(Debug, Parser)]
#[command(name = "missvae", version, max_term_width = 110)]
#[command(after_help = "Try: missvae train        (on the bundled penguins table, in a few seconds)")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Common {
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but errors
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Seed of every random stream; the same one always, if none is given
    #[arg(long, global = true, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Threads (default: all cores); the results do not depend on it
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

/// How data files are read.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Reading {
    /// Another text that stands for a missing value (may be repeated); what did when a model was fitted still does when it is
    /// used
    #[arg(long, value_name = "TEXT")]
    pub(crate) missing_value: Vec<String>,
    /// Which array of a .npz file
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fit a model; writes a run directory
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae train table.csv --method miss-svae --out runs/first"
    )]
    Train(Box<TrainArgs>),
    /// Held-out log-likelihood
    #[command(allow_negative_numbers = true, after_help = "Example: missvae evaluate runs/first held-out.csv")]
    Evaluate(EvaluateArgs),
    /// Complete a table
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae impute runs/first table.csv --out completed.csv"
    )]
    Impute(ImputeArgs),
    /// Draw rows from the model
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae sample runs/first --rows 1000 --out drawn.csv"
    )]
    Sample(SampleArgs),
    /// What is missing, and how
    #[command(allow_negative_numbers = true, after_help = "Example: missvae describe table.csv")]
    Describe(DescribeArgs),
    #[cfg(feature = "paper")]
    /// Gradient signal-to-noise of estimators, side by side
    ///
    /// Trains every method with every way of estimating its gradient, and measures |mean/deviation| of each parameter's
    /// gradient before clipping: over the minibatches of an epoch while the parameters move (the paper's figure 8), and over
    /// draws of the latent variables with the parameters and a minibatch frozen. Encoder and decoder are told apart.
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae snr table.csv --methods miss-vae,miss-svae --epochs 20 --seeds 3 --out snr"
    )]
    Snr(Box<SnrArgs>),
    #[cfg(feature = "paper")]
    /// An experiment of the paper: fig1 to fig13
    ///
    /// Fits the models of a figure (fig7 has none), scores them, and leaves NAME.csv, NAME.svg, NAME.png and runs/ in a
    /// directory. A run that is finished there is not run again, an interrupted one goes on. fig5 interpolates the parameters of the
    /// distributions of imputations, not their densities, and its independent distribution keeps the mixture's components
    /// with diagonal covariances: as the published code does, where the paper's text says a product of marginals.
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae reproduce fig6 --components 5 --seeds 1 --dry-run"
    )]
    Reproduce(Box<ReproduceArgs>),
    /// Check every operation and objective against finite differences and the fixtures
    #[command(allow_negative_numbers = true, after_help = "Example: missvae gradcheck")]
    Gradcheck(GradcheckArgs),
    /// The training step against the machine's limit
    ///
    /// Times whole training steps on made-up rows, and sets them beside the time that their matrix products would take at
    /// the rate of fused multiply-adds on registers alone, measured just before on as many threads. Of one configuration it
    /// also tells where the time goes, operation by operation; of several it prints a line each.
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae bench --preset mog --method miss-svae --threads 1"
    )]
    Bench(BenchArgs),
}

impl Command {
    /// The options of every command.
    pub(crate) fn common(&self) -> &Common {
        match self {
            Command::Train(args) => &args.common,
            Command::Evaluate(args) => &args.common,
            Command::Impute(args) => &args.common,
            Command::Sample(args) => &args.common,
            Command::Describe(args) => &args.common,
            #[cfg(feature = "paper")]
            Command::Snr(args) => &args.common,
            #[cfg(feature = "paper")]
            Command::Reproduce(args) => &args.common,
            Command::Gradcheck(args) => &args.common,
            Command::Bench(args) => &args.common,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TrainArgs {
    /// Table: .csv, .tsv, .npy (also .gz), .npz, or - for CSV on standard input; images: .idx or a name that ends in -ubyte
    /// (also .gz), or a directory of PNG; the bundled penguins without it
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Run directory (default: runs/<method>-<time>)
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a run that is already in the run directory
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Go on with this run from its checkpoint
    #[arg(long, value_name = "RUN", conflicts_with_all = ["out", "overwrite", "config", "data"])]
    pub(crate) resume: Option<PathBuf>,
    /// Options by their long names, as TOML; the command line wins
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Seconds between checkpoints (default: 60)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) checkpoint_every: Option<f64>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Run directory
    pub(crate) run: PathBuf,
    /// Table of held-out rows
    pub(crate) data: PathBuf,
    /// How the log-likelihood is computed
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) likelihood: Likelihood,
    /// Importance samples a row (default: 50000; 1000 for images)
    #[arg(long, value_name = "I")]
    pub(crate) importance_samples: Option<usize>,
    /// Updates that refit the encoder to the held-out rows first
    #[arg(long, value_name = "U", default_value_t = 0)]
    pub(crate) refit_updates: u64,
    /// Report the Fréchet distance too: that of 20000 rows drawn from the model to DATA, whose rows must be complete, in the
    /// features of another model
    #[arg(long, requires = "feature_model")]
    pub(crate) frechet: bool,
    /// Run of the model whose encoder gives the features: of the same columns, with one component, such as mvae trained on
    /// complete rows
    #[arg(long, value_name = "RUN", requires = "frechet")]
    pub(crate) feature_model: Option<PathBuf>,
    /// Also write each row's log-likelihood, to compare models row by row: .csv, .tsv or .npy
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Make larger square images those of the model: bilinear, antialiased
    #[arg(long)]
    pub(crate) resize: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What to fill a missing cell with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fill {
    /// A draw from the conditional distribution
    Draw,
    /// Its mean
    Mean,
    /// Its median
    Median,
}

#[derive(Debug, Args)]
pub(crate) struct ImputeArgs {
    /// Run directory
    pub(crate) run: PathBuf,
    /// Table to complete
    pub(crate) data: PathBuf,
    /// Completed table: .csv, .tsv or .npy; DATA itself to complete it in its place
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Completed tables; more than one are written with .1, .2, … before the ending
    #[arg(long, value_name = "M", default_value_t = 1)]
    pub(crate) draws: usize,
    /// What to fill a missing cell with (default: mean, or draw when --draws is more than 1)
    #[arg(long, value_enum)]
    pub(crate) statistic: Option<Fill>,
    /// How missing values are sampled (default: importance; lair for demiss-vae, cvi-vae and mvb-vae)
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) sampler: Option<SamplerKind>,
    /// Iterations of lair, mwg or pseudo-gibbs; the first half does not count (default: 100)
    #[arg(long, value_name = "N")]
    pub(crate) iterations: Option<usize>,
    /// Importance samples a row (default: 1000), or samples from each proposal of lair (default: 1)
    #[arg(long, value_name = "I")]
    pub(crate) proposals: Option<usize>,
    /// Proposals of lair that are the prior (default: 0)
    #[arg(long, value_name = "R")]
    pub(crate) replenish: Option<usize>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Run directory
    pub(crate) run: PathBuf,
    /// Rows to draw
    #[arg(long, value_name = "N")]
    pub(crate) rows: usize,
    /// File of the drawn rows: .csv, .tsv or .npy
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// Table
    pub(crate) data: PathBuf,
    /// Only these columns, separated by commas
    #[arg(long, value_name = "A,B")]
    pub(crate) columns: Option<String>,
    /// All columns but these, separated by commas
    #[arg(long, value_name = "A,B")]
    pub(crate) ignore_columns: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct GradcheckArgs {
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Sizes and settings of these experiments, separated by commas (default: all)
    #[arg(long, value_enum, value_name = "A,B", value_delimiter = ',')]
    pub(crate) preset: Vec<Preset>,
    /// Methods, separated by commas (default: all)
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) method: Vec<String>,
    /// Components or imputations; samples, for methods with a single component
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub(crate) components: usize,
    /// Seconds of steps for each configuration
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub(crate) seconds: f64,
    #[command(flatten)]
    pub(crate) common: Common,
}
