//! The commands. One file holds a command's arguments and its run; no command uses another.

mod bench;
mod describe;
mod evaluate;
mod gradcheck;
mod impute;
mod pool;
mod sample;
mod train;

use clap::{Parser, Subcommand};

use crate::args::Common;
use crate::failure::{Failure, Result};
#[cfg(feature = "paper")]
use crate::paper::{reproduce, snr};
use crate::threads::check_threads;
use bench::BenchArgs;
use describe::DescribeArgs;
use evaluate::EvaluateArgs;
use gradcheck::GradcheckArgs;
use impute::ImputeArgs;
use pool::PoolArgs;
use sample::SampleArgs;
use train::TrainArgs;

/// Fill in the missing cells of a table, and score new rows, with variational autoencoders fitted to incomplete data.
#[derive(Debug, Parser)]
#[command(name = "missvae", version, max_term_width = 110)]
#[command(after_help = "Try: missvae train        (on the bundled penguins table, in a few seconds)")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fit a model; writes a run directory
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae train table.csv --method miss-svae --out runs/first"
    )]
    Train(Box<TrainArgs>),
    /// Score rows: held-out log-likelihood
    #[command(allow_negative_numbers = true, after_help = "Example: missvae evaluate runs/first held-out.csv")]
    Evaluate(EvaluateArgs),
    /// Fill in the missing cells of a table
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae impute runs/first table.csv --out completed.csv"
    )]
    Impute(ImputeArgs),
    /// Run a regression on completed tables and pool it by Rubin's rules
    ///
    /// Fits the formula to every table, linearly or (--family binomial) logistically, and gives one estimate of each
    /// coefficient, with a standard error that counts what the missing cells leave unknown. The numbers are those of mice::pool
    /// in R. A column of texts is a factor: its levels are in the order of the alphabet, and the first one is the reference.
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: missvae pool drawn.*.csv --formula 'weight ~ height + group'\n          \
                      missvae pool --long drawn.csv --formula 'weight ~ height*group'"
    )]
    #[command(mut_arg("seed", |seed| seed.hide(true)), mut_arg("threads", |threads| threads.hide(true)))]
    Pool(PoolArgs),
    /// Draw rows from the model
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae sample runs/first --rows 1000 --out drawn.csv"
    )]
    Sample(SampleArgs),
    /// Describe a table: what is missing, and in which patterns
    // It needs no random number: a seed is accepted, as by every command, but not offered.
    #[command(allow_negative_numbers = true, after_help = "Example: missvae describe table.csv --plot missing.svg")]
    #[command(mut_arg("seed", |seed| seed.hide(true)))]
    Describe(DescribeArgs),
    /// Signal-to-noise ratios of gradient estimators, side by side
    ///
    /// Trains every method with every gradient estimator. Measures |mean/deviation| of each parameter's gradient before
    /// clipping, for encoder and decoder: over the minibatches of an epoch, while the parameters move (the paper's
    /// figure 8), and over draws of the latent variables, with the parameters and a minibatch frozen.
    #[cfg(feature = "paper")]
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae snr table.csv --methods miss-vae,miss-svae --epochs 20 --seeds 3 --out snr"
    )]
    Snr(Box<snr::SnrArgs>),
    /// An experiment of the paper: fig1 to fig13
    ///
    /// Fits the models of a figure (fig7 has none), scores them, and leaves NAME.csv, NAME.svg, NAME.png and runs/ in a
    /// directory. A finished run is not run again; an interrupted one goes on. As in the published code, fig5
    /// interpolates the parameters of the imputation distributions, not their densities, and its independent
    /// distribution keeps the mixture's components with diagonal covariances (the paper's text says a product of
    /// marginals).
    #[cfg(feature = "paper")]
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: missvae reproduce fig6 --components 5 --seeds 1 --dry-run"
    )]
    Reproduce(Box<reproduce::ReproduceArgs>),
    /// Check every operation and objective against finite differences and the fixtures
    #[command(allow_negative_numbers = true, after_help = "Example: missvae gradcheck")]
    Gradcheck(GradcheckArgs),
    /// Time a training step against the processor's peak
    ///
    /// Times whole training steps on made-up rows. Compares them with the time that their matrix products would take at
    /// the rate of fused multiply-adds on registers alone, measured just before on as many threads. For one
    /// configuration it also shows the share of each operation; for several it prints a line each.
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
            Command::Pool(args) => &args.common,
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

/// Carries out a command.
pub(crate) fn dispatch(cli: &Cli) -> Result<()> {
    check_threads(cli.command.common())?;
    linalg::simd::wish().map_err(|error| Failure::usage(error.to_string()))?;
    match &cli.command {
        Command::Train(args) => train::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Impute(args) => impute::run(args),
        Command::Pool(args) => pool::run(args),
        Command::Sample(args) => sample::run(args),
        Command::Describe(args) => describe::run(args),
        #[cfg(feature = "paper")]
        Command::Snr(args) => snr::run(args),
        #[cfg(feature = "paper")]
        Command::Reproduce(args) => reproduce::run(args),
        Command::Gradcheck(args) => gradcheck::run(args),
        Command::Bench(args) => bench::run(args),
    }
}
