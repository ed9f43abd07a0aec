//! What a training run is told.
//!
//! [`TrainOptions`] holds what one source says: the command line, a configuration file, a preset, the defaults. They are
//! laid over one another, and [`Plan`] is the result: every option resolved and checked.

mod file;
mod gradient;
mod model;
mod plan;
mod presets;
mod renewal;

pub(crate) use model::ModelOptions;
pub(crate) use plan::{Hidden, Plan, Validation, check_size, lair_points};
pub(crate) use presets::{MNIST_ROWS, Preset};
pub(crate) use renewal::{ChainOption, LairNumbers, WARM_UP, iterations};

use autodiff::ops::Pathwise;
use clap::{Args, ValueEnum};
use missvae::objective::{Estimator, LogitGradient, Method};
use missvae::trainer::{Schedule, Start};
use samplers::chains::{Resampling, Scope, Weights};
use serde::{Deserialize, Serialize};

/// Options of a training run, by their long names. What is not said is `None`.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct TrainOptions {
    /// The table's path (in configuration files; on the command line it is the argument)
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<String>,
    /// mvae, miss-vae, miss-svae, miwae, miss-iwae, miss-siwae, miss-siwae-loose, demiss-vae, cvi-vae or mvb-vae
    /// (default: miss-svae)
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    /// Settings of an experiment of the paper; other options override it
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preset: Option<Preset>,
    /// K, mixture components of the encoder, or imputations for demiss-vae, cvi-vae and mvb-vae (default: 5; 1 for mvae
    /// and miwae)
    #[arg(long, value_name = "K")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) components: Option<usize>,
    /// Z, samples averaged outside the logarithm (default: the paper's for the method)
    #[arg(long, value_name = "Z")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) samples: Option<usize>,
    /// I, samples averaged inside the logarithm (default: the paper's for the method)
    #[arg(long, value_name = "I")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) importance_samples: Option<usize>,
    /// Gradient estimator (default: stl)
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) estimator: Option<EstimatorOption>,
    /// Gradient through ancestral samples to means and scales (default: implicit)
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pathwise: Option<PathwiseOption>,
    /// Gradient through ancestral samples to logits (default: implicit; leave-one-out where it applies with
    /// --pathwise responsibility)
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logit_gradient: Option<LogitGradientOption>,
    /// L, latent dimensions (default: a third of the columns, from 2 to 32; 50 for images)
    #[arg(long, value_name = "L")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latent: Option<usize>,
    /// Rows are square images of so many pixels a side: convolutional networks on binary pixels
    #[arg(long, value_name = "PIXELS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_size: Option<usize>,
    /// Make larger square images --image-size pixels a side: bilinear, antialiased
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resize: Option<bool>,
    /// Channels of the stages of the encoder of images (default: 32,64,128,256)
    #[arg(long, value_name = "N,N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoder_widths: Option<String>,
    /// Channels of the stages of the decoder of images (default: 128,64,32,32)
    #[arg(long, value_name = "N,N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decoder_widths: Option<String>,
    /// Width of the hidden layers (default: 128, or 256 from 16 columns on)
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hidden: Option<usize>,
    /// Residual blocks of encoder and decoder (default: 2)
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocks: Option<usize>,
    /// Residual blocks of the encoder
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoder_blocks: Option<usize>,
    /// Residual blocks of the decoder
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decoder_blocks: Option<usize>,
    /// Dropout probability inside the blocks (default: 0)
    #[arg(long, value_name = "P")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dropout: Option<f64>,
    /// Smallest scale of the encoder's Gaussians (default: 1e-5)
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoder_min_scale: Option<f64>,
    /// Smallest scale of the decoder's Gaussians, in standardised units (default: 1e-5)
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decoder_min_scale: Option<f64>,
    /// Passes over the rows (default: about 10,000 updates, from 10 to 200 passes)
    #[arg(long, value_name = "N", conflicts_with = "updates")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<u64>,
    /// Parameter updates, instead of --epochs
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) updates: Option<u64>,
    /// Rows of a minibatch (default: 64)
    #[arg(long, value_name = "B")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch_size: Option<usize>,
    /// Learning rate at the start (default: 1e-3)
    #[arg(long, value_name = "RATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_rate: Option<f64>,
    /// How the learning rate goes on (default: cosine)
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<ScheduleOption>,
    /// Largest norm of the gradient; 0 for no limit (default: 10)
    #[arg(long, value_name = "NORM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clip: Option<f64>,
    /// How the imputations of demiss-vae, cvi-vae and mvb-vae are renewed (default: lair)
    #[arg(long, value_enum, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sampler: Option<ChainOption>,
    /// Iterations of the sampler at each renewal (default: 1)
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iterations: Option<usize>,
    /// I of lair: samples from each of its proposals (default: 1)
    #[arg(long, value_name = "I")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proposals: Option<usize>,
    /// R of lair: proposals that are the prior (default: 0)
    #[arg(long, value_name = "R")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replenish: Option<usize>,
    /// What weights of lair divide by: the mixture of all proposals, or the sample's own (default: dmis)
    #[arg(long, value_enum, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proposal_weights: Option<WeightsOption>,
    /// How lair resamples (default: multinomial)
    #[arg(long, value_enum, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resampling: Option<ResamplingOption>,
    /// Whether lair resamples over all proposals of a row, or for each imputation over its own, which needs smis and many
    /// proposals to be right (default: global)
    #[arg(long, value_enum, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resampling_scope: Option<ScopeOption>,
    /// Resample lair's last imputations over the proposals of all iterations of a renewal
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resample_final: Option<bool>,
    /// What imputations start as (default: observed)
    #[arg(long, value_enum, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) initial_imputations: Option<StartOption>,
    /// First epoch in which imputations are renewed, from 1 (default: 2)
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) impute_from_epoch: Option<u64>,
    /// Give the encoder the mask too (default: that of incomplete rows; that of completed rows only with --preset power)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mask_input: Option<bool>,
    /// Hide this share of the observed cells before training (default: 0)
    #[arg(long, value_name = "RATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hide: Option<f64>,
    /// Hide so many of the four quadrants of each image before training (default: 0)
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hide_quadrants: Option<usize>,
    /// Rows from this one on, counted from 0, are to watch the objective on
    #[arg(long, value_name = "ROW", conflicts_with = "validation")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation_from: Option<usize>,
    /// Rows to watch the objective on: a file, or a fraction of the rows
    #[arg(long, value_name = "FILE|FRACTION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<String>,
    /// Every so many epochs, tell the Fréchet distance of rows drawn from the model to the validation rows, which must be
    /// complete, in the features of --feature-model
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) frechet_every: Option<u64>,
    /// The run that --frechet-every takes features from: another model of the same columns, fitted with mvae
    #[arg(long, value_name = "RUN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) feature_model: Option<String>,
    /// Leave the columns as they are (default: standardised by their observed mean and deviation)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) no_standardize: Option<bool>,
    /// Only these columns, separated by commas
    #[arg(long, value_name = "A,B")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) columns: Option<String>,
    /// All columns but these, separated by commas
    #[arg(long, value_name = "A,B")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignore_columns: Option<String>,
    /// Another text that stands for a missing value (may be repeated)
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing_value: Option<Vec<String>>,
    /// Which array of a .npz file
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Seed (in configuration files; on the command line an option of every command)
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
}

impl TrainOptions {
    /// These options where they say something, `below` where they do not.
    pub(crate) fn over(self, below: TrainOptions) -> TrainOptions {
        let mut below = below;
        // Blocks of both networks override what lies below for either.
        if self.blocks.is_some() {
            (below.encoder_blocks, below.decoder_blocks) = (None, None);
        }
        // The numbers of one sampler say nothing to another.
        if below.sampler.is_some() && self.sampler.is_some_and(|sampler| below.sampler != Some(sampler)) {
            (below.iterations, below.proposals, below.replenish) = (None, None, None);
            (below.proposal_weights, below.resampling, below.resampling_scope) = (None, None, None);
            below.resample_final = None;
        }
        // What one kind of encoder sees as a rule says nothing of the other kind.
        if let (Some(method), Some(other)) = (&self.method, &below.method)
            && keeps_imputations(method) != keeps_imputations(other)
        {
            below.mask_input = None;
        }
        // A single iteration leaves nothing else to resample over.
        if self.iterations == Some(1) {
            below.resample_final = None;
        }
        // One kind of validation rows overrides the other.
        if self.validation.is_some() || self.validation_from.is_some() {
            (below.validation, below.validation_from) = (None, None);
        }
        // One length overrides the other.
        if self.epochs.is_some() || self.updates.is_some() {
            (below.epochs, below.updates) = (None, None);
        }
        macro_rules! lay {
            ($($field:ident),*) => {
                TrainOptions { $($field: self.$field.or(below.$field)),* }
            };
        }
        lay!(
            data,
            method,
            preset,
            components,
            samples,
            importance_samples,
            estimator,
            pathwise,
            logit_gradient,
            latent,
            image_size,
            resize,
            encoder_widths,
            decoder_widths,
            hidden,
            blocks,
            encoder_blocks,
            decoder_blocks,
            dropout,
            encoder_min_scale,
            decoder_min_scale,
            epochs,
            updates,
            batch_size,
            learning_rate,
            schedule,
            clip,
            sampler,
            iterations,
            proposals,
            replenish,
            proposal_weights,
            resampling,
            resampling_scope,
            resample_final,
            initial_imputations,
            impute_from_epoch,
            mask_input,
            hide,
            hide_quadrants,
            validation_from,
            validation,
            frechet_every,
            feature_model,
            no_standardize,
            columns,
            ignore_columns,
            missing_value,
            key,
            seed
        )
    }
}

/// Whether a method is one of imputation mixtures.
fn keeps_imputations(method: &str) -> bool {
    Method::named(method).is_some_and(|method| method.bound().is_none())
}

/// Defines a command-line value for a type of another crate, name by name.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident => $target:ty { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant),*
        }

        impl From<$name> for $target {
            fn from(option: $name) -> Self {
                match option {
                    $($name::$variant => <$target>::$variant),*
                }
            }
        }

        impl From<$target> for $name {
            fn from(value: $target) -> Self {
                match value {
                    $(<$target>::$variant => $name::$variant),*
                }
            }
        }
    };
}

mirror! {
    /// `--estimator`
    EstimatorOption => Estimator {
        /// Differentiate everything
        Plain,
        /// Sticking the landing: the parameters inside log q are detached
        Stl,
        /// Doubly reparametrised (importance-weighted methods)
        Dreg,
    }
}
mirror! {
    /// `--pathwise`
    PathwiseOption => Pathwise {
        /// Implicit reparametrisation: the paper's
        Implicit,
        /// Through the posterior responsibilities of the components
        Responsibility,
    }
}
mirror! {
    /// `--logit-gradient`
    LogitGradientOption => LogitGradient {
        /// Implicit reparametrisation with the components detached
        Implicit,
        /// Score function with the mean of the other samples as baseline (miss-vae)
        LeaveOneOut,
    }
}
mirror! {
    /// `--schedule`
    ScheduleOption => Schedule {
        /// Always the same
        Constant,
        /// Down to zero along a cosine
        Cosine,
    }
}
mirror! {
    /// `--proposal-weights`
    WeightsOption => Weights {
        /// The equal mixture of all proposals
        Dmis,
        /// The sample's own proposal
        Smis,
    }
}
mirror! {
    /// `--resampling`
    ResamplingOption => Resampling {
        /// Independent draws
        Multinomial,
        /// Draws at equal distances
        Systematic,
    }
}
mirror! {
    /// `--resampling-scope`
    ScopeOption => Scope {
        /// Over all samples of a row
        Global,
        /// For each imputation over its own
        Local,
    }
}
mirror! {
    /// `--initial-imputations`
    StartOption => Start {
        /// Draws from the column's observed values
        Observed,
        /// The column's observed mean
        Mean,
        /// Zero, in model units
        Zero,
    }
}
