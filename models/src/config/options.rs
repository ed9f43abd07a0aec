//! The options of a training run, each defined once.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::choices::{
    ChainKind, ColumnLimitsOption, ColumnTypesOption, Keep, PathwiseOption, Preset, ResamplingOption, ScopeOption,
    Validation, WeightsOption,
};
use super::error::{Error, Expected, Result, check};
use crate::objective::{Estimator, LogitGradient, Method};
use crate::table::{Decimal, Separator};
use crate::trainer::Schedule;
use crate::trainer::Start;

/// Calls a macro with the list of all options: documentation, flag, name, type, and what a setter takes where that is
/// another type.
macro_rules! for_each_option {
    ($callback:ident) => {
        $callback! {
            /// The table's path (in configuration files; on the command line it is the argument)
            #[arg(skip)]
            table data: String = impl Into<String>,
            /// mvae, miss-vae, miss-svae, miwae, miss-iwae, miss-siwae, miss-siwae-loose, demiss-vae, cvi-vae or
            /// mvb-vae (default: miss-siwae below 16 columns, else miwae; with a preset and for images miss-svae)
            #[arg(long, value_name = "NAME", help_heading = "Method")]
            model method: Method,
            /// Settings of an experiment of the paper; other options override it
            #[arg(long, value_enum, help_heading = "Method")]
            model preset: Preset,
            /// K, mixture components of the encoder, or imputations for demiss-vae, cvi-vae and mvb-vae (default: 5; 1
            /// for mvae and miwae)
            #[arg(long, value_name = "K", help_heading = "Method")]
            model components: usize,
            /// Z, samples averaged outside the logarithm (default: the paper's for the method)
            #[arg(long, value_name = "Z", help_heading = "Method")]
            model samples: usize,
            /// I, samples averaged inside the logarithm (default: the paper's for the method)
            #[arg(long, value_name = "I", help_heading = "Method")]
            model importance_samples: usize,
            /// Gradient estimator (default: stl)
            #[arg(long, value_enum, help_heading = "Method")]
            model estimator: Estimator,
            /// Gradient through ancestral samples to means and scales (default: implicit)
            #[arg(long, value_enum, help_heading = "Method")]
            model pathwise: PathwiseOption = impl Into<PathwiseOption>,
            /// Gradient through ancestral samples to logits (default: implicit; leave-one-out where it applies with
            /// --pathwise responsibility)
            #[arg(long, value_enum, help_heading = "Method")]
            model logit_gradient: LogitGradient,
            /// L, latent dimensions (default: a third of the columns, from 2 to 32; 50 for images)
            #[arg(long, value_name = "L", help_heading = "Network")]
            model latent: usize,
            /// Rows are square images with this many pixels a side (convolutional networks, binary pixels)
            #[arg(long, value_name = "PIXELS", help_heading = "Images")]
            model image_size: usize,
            /// Resize larger square images to --image-size pixels a side (bilinear, antialiased)
            #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Images")]
            table resize: bool,
            /// For images: channels of the encoder's stages (default: 32,64,128,256)
            #[arg(long, value_name = "N,N", help_heading = "Images")]
            model encoder_widths: String = impl Into<String>,
            /// For images: channels of the decoder's stages (default: 128,64,32,32)
            #[arg(long, value_name = "N,N", help_heading = "Images")]
            model decoder_widths: String = impl Into<String>,
            /// Width of the hidden layers (default: 128)
            #[arg(long, value_name = "N", help_heading = "Network")]
            model hidden: usize,
            /// Residual blocks of encoder and decoder (default: 1; 2 where imputations are kept)
            #[arg(long, value_name = "N", help_heading = "Network")]
            model blocks: usize,
            /// Residual blocks of the encoder
            #[arg(long, value_name = "N", help_heading = "Network")]
            model encoder_blocks: usize,
            /// Residual blocks of the decoder
            #[arg(long, value_name = "N", help_heading = "Network")]
            model decoder_blocks: usize,
            /// Dropout probability inside the blocks (default: 0.2; 0 for images and where imputations are kept)
            #[arg(long, value_name = "P", help_heading = "Network")]
            model dropout: f64,
            /// Add a linear function of the latent point to the outputs of the decoder's network (default: yes from 16 columns
            /// on; no with a preset and where imputations are kept)
            #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Network")]
            model linear_path: bool,
            /// Smallest scale of the encoder's Gaussians (default: 1e-5)
            #[arg(long, value_name = "S", help_heading = "Network")]
            model encoder_min_scale: f64,
            /// Smallest scale of the decoder's Gaussians, in standardised units (default: 0.1; 1e-5 where imputations
            /// are kept)
            #[arg(long, value_name = "S", help_heading = "Network")]
            model decoder_min_scale: f64,
            /// Passes over the rows (default: about 10,000 updates, from 10 to 200 passes)
            #[arg(long, value_name = "N", conflicts_with = "updates", help_heading = "Training")]
            model epochs: u64,
            /// Parameter updates, instead of --epochs
            #[arg(long, value_name = "N", help_heading = "Training")]
            model updates: u64,
            /// Rows of a minibatch (default: 64)
            #[arg(long, value_name = "B", help_heading = "Training")]
            model batch_size: usize,
            /// Learning rate at the start (default: 3e-3; 1e-3 from 100 columns on, for images, and where imputations are
            /// kept)
            #[arg(long, value_name = "RATE", help_heading = "Training")]
            model learning_rate: f64,
            /// Learning rate over time (default: cosine)
            #[arg(long, value_enum, help_heading = "Training")]
            model schedule: Schedule,
            /// Clip the gradient to this norm; 0 for no limit (default: 10)
            #[arg(long, value_name = "NORM", help_heading = "Training")]
            model clip: f64,
            /// How the imputations of demiss-vae, cvi-vae and mvb-vae are updated (default: lair)
            #[arg(long, value_enum, value_name = "NAME", help_heading = "Imputations while training")]
            model sampler: ChainKind,
            /// Iterations of the sampler in each sweep (default: 1)
            #[arg(long, value_name = "N", help_heading = "Imputations while training")]
            model iterations: usize,
            /// I of lair: samples from each of its proposals (default: 1)
            #[arg(long, value_name = "I", help_heading = "Imputations while training")]
            model proposals: usize,
            /// R of lair: proposals that are the prior (default: 0)
            #[arg(long, value_name = "R", help_heading = "Imputations while training")]
            model replenish: usize,
            /// Density that weights of lair are divided by: the mixture of all proposals, or the sample's own (default:
            /// dmis)
            #[arg(long, value_enum, value_name = "NAME", help_heading = "Imputations while training")]
            model proposal_weights: WeightsOption = impl Into<WeightsOption>,
            /// How lair resamples (default: multinomial)
            #[arg(long, value_enum, value_name = "NAME", help_heading = "Imputations while training")]
            model resampling: ResamplingOption = impl Into<ResamplingOption>,
            /// Whether lair resamples over all proposals of a row, or over each imputation's own (default: global).
            /// Local is right only with smis and many proposals
            #[arg(long, value_enum, value_name = "NAME", help_heading = "Imputations while training")]
            model resampling_scope: ScopeOption = impl Into<ScopeOption>,
            /// Resample lair's last imputations over the proposals of all iterations of a sweep
            #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Imputations while training")]
            model resample_final: bool,
            /// First imputations (default: observed)
            #[arg(long, value_enum, value_name = "NAME", help_heading = "Imputations while training")]
            model initial_imputations: Start,
            /// First epoch in which imputations are updated, from 1 (default: 2)
            #[arg(long, value_name = "N", help_heading = "Imputations while training")]
            model impute_from_epoch: u64,
            /// Give the encoder the mask too (default: yes for an encoder of incomplete rows; for one of completed rows
            /// only with --preset power)
            #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Network")]
            model mask_input: bool,
            /// Hide this share of the observed cells before training (default: 0)
            #[arg(long, value_name = "RATE", help_heading = "Data")]
            model hide: f64,
            /// Hide this many of the four quadrants of each image before training (default: 0)
            #[arg(long, value_name = "N", help_heading = "Images")]
            model hide_quadrants: usize,
            /// Use rows from this index (0-based) to the end for validation
            #[arg(long, value_name = "ROW", conflicts_with = "validation", help_heading = "Training")]
            model validation_from: usize,
            /// What the epochs are scored on: rows of a file, a fraction of the rows, some of the observed cells
            /// ("cells": a twentieth, of small tables up to a tenth), or nothing ("none") (default: cells;
            /// none with a preset, for images, and where imputations are kept)
            #[arg(long, value_name = "FILE|FRACTION|cells|none", help_heading = "Training")]
            model validation: String = impl Into<String>,
            /// Keep the parameters of the epoch with the best validation score, or the last ones (default: best where there
            /// is something to validate on; last with a preset)
            #[arg(long, value_enum, value_name = "EPOCH", help_heading = "Training")]
            model keep: Keep,
            /// Keep and score an average of the parameters along the run, about over the last tenth of the updates, in place of
            /// those of single updates (default: yes; no with a preset, for images, and where imputations are kept)
            #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Training")]
            model average: bool,
            /// Stop after this many epochs without a better validation score (default: a quarter of the epochs, at least
            /// 30; with --keep last never)
            #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
            model patience: u64,
            /// Every N epochs, report the Fréchet distance between rows drawn from the model and the validation rows,
            /// which must be complete, in the features of --feature-model
            #[arg(long, value_name = "N", help_heading = "Training")]
            table frechet_every: u64,
            /// Run whose model gives the features of --frechet-every: fitted with mvae to the same columns
            #[arg(long, value_name = "RUN", help_heading = "Training")]
            table feature_model: String = impl Into<String>,
            /// What the observed values of a column show limits what the model says of it: no scale is smaller than the
            /// values were recorded to, and a column of 30 values or more, none of them negative, gets no negative ones
            /// (default: auto; none with a preset, for images, and where imputations are kept)
            #[arg(long, value_enum, value_name = "auto|none", help_heading = "Data")]
            model column_limits: ColumnLimitsOption,
            /// Whether the columns' types are inferred: numbers, counts, categories, ordered levels and dates. With numeric all
            /// are numbers, and a text is an error (default: auto; numeric with a preset)
            #[arg(long, value_enum, value_name = "auto|numeric", help_heading = "Data")]
            model column_types: ColumnTypesOption,
            /// TOML file that says what columns hold; see `missvae describe --write-schema`
            #[arg(long, value_name = "FILE", help_heading = "Data")]
            table schema: String = impl Into<String>,
            /// Leave the columns as they are (default: standardised by their observed mean and deviation)
            #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Data")]
            model no_standardize: bool,
            /// Use only these columns (names separated by commas)
            #[arg(long, value_name = "A,B", help_heading = "Data")]
            table columns: String = impl Into<String>,
            /// Leave out these columns (names separated by commas)
            #[arg(long, value_name = "A,B", help_heading = "Data")]
            table ignore_columns: String = impl Into<String>,
            /// What separates the cells of a text: , ; tab or | (default: detected)
            #[arg(long, alias = "delimiter", value_enum, value_name = "SEPARATOR", hide_possible_values = true, help_heading = "Data")]
            table separator: Separator,
            /// Decimal mark of a text: . or , (default: detected)
            #[arg(long, value_enum, value_name = "MARK", hide_possible_values = true, help_heading = "Data")]
            table decimal: Decimal,
            /// Another text that stands for a missing value (may be repeated)
            #[arg(long, value_name = "TEXT", help_heading = "Data")]
            table missing_value: Vec<String>,
            /// Array of a .npz file to read
            #[arg(long, value_name = "NAME", help_heading = "Data")]
            table key: String = impl Into<String>,
            /// Seed (in configuration files; on the command line an option of every command)
            #[arg(skip)]
            model seed: u64,
        }
    };
}

macro_rules! define {
    ($(
        $(#[doc = $doc:literal])*
        #[arg($($arg:tt)*)]
        $group:ident $name:ident: $type:ty $(= $given:ty)?,
    )*) => {
        /// Options of a training run, by their long names. An option that is not given is `None`.
        ///
        /// With the feature `clap` they are the flags of a command line too.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "clap", derive(clap::Args))]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct Options {
            $(
                $(#[doc = $doc])*
                #[cfg_attr(feature = "clap", arg($($arg)*))]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$type>,
            )*
        }

        impl Options {
            /// Each option of these, or else of the others.
            fn or(self, others: Options) -> Options {
                Options { $($name: self.$name.or(others.$name)),* }
            }
        }
    };
}
for_each_option!(define);
pub(crate) use for_each_option;

impl Options {
    /// These options without the paths of files and how these are written, which say nothing of a model to those it is given to,
    /// and without those that need such a path.
    pub fn without_paths(self) -> Options {
        let a_file = matches!(self.validation_rows(), Ok(Some(Validation::File(_))));
        let validation = self.validation.clone().filter(|_| !a_file);
        let paths = Options { data: None, feature_model: None, schema: None, validation, ..self };
        Options { frechet_every: None, separator: None, decimal: None, ..paths }
    }

    /// These options where they are given, and those of `below` elsewhere.
    pub fn merge(self, below: Options) -> Options {
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
        if let (Some(method), Some(other)) = (self.method, below.method)
            && method.keeps_imputations() != other.keeps_imputations()
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
        self.or(below)
    }

    /// The method: the one that is given, or that of presets and images. (A table's own default depends on its width.)
    pub fn method_or_default(&self) -> Method {
        self.method.unwrap_or(Method::MISS_SVAE)
    }

    /// Share of the observed cells to hide.
    ///
    /// # Errors
    /// If it is not from 0 to 1, 1 excluded.
    pub fn hidden_share(&self) -> Result<f64> {
        let share = self.hide.unwrap_or(0.0);
        check("hide", share, (0.0..1.0).contains(&share), Expected::Share)
    }

    /// Quadrants of each image to hide.
    ///
    /// # Errors
    /// If there are more than four.
    pub fn hidden_quadrants(&self) -> Result<usize> {
        let count = self.hide_quadrants.unwrap_or(0);
        check("hide-quadrants", count, count < 4, Expected::Between(0, 3))
    }

    /// What the epochs are scored on, if anything. By default: some cells, but for the paper's presets, for images, and for
    /// methods that keep imputations, whose encoder sees no incomplete row.
    ///
    /// # Errors
    /// If it is neither a file nor a share between 0 and 1.
    pub fn validation_rows(&self) -> Result<Option<Validation>> {
        let Some(text) = &self.validation else {
            let cells = self.is_for_tables(self.method_or_default()) && self.feature_model.is_none();
            return Ok(self.validation_from.map(Validation::From).or(cells.then_some(Validation::Cells)));
        };
        if text == "none" {
            return Ok(None);
        }
        Ok(Some(match text.parse::<f64>() {
            Err(_) if text == "cells" && self.image_size.is_some() => {
                return Err(Error::OnlyTables { option: "validation" });
            }
            Err(_) if text == "cells" && self.method_or_default().keeps_imputations() => {
                return Err(Error::CellsOfIncompleteRows);
            }
            Err(_) if text == "cells" => Validation::Cells,
            Ok(share) => {
                let holds = share > 0.0 && share < 1.0;
                Validation::Fraction(check("validation", share, holds, Expected::FileOrShare)?)
            }
            Err(_) if text == "-" => return Err(Error::StandardInput { option: "validation" }),
            Err(_) => Validation::File(PathBuf::from(text)),
        }))
    }

    /// Whether the columns have limits.
    pub fn limits_columns(&self) -> bool {
        match self.column_limits {
            Some(chosen) => chosen == ColumnLimitsOption::Auto,
            None => self.is_for_tables(self.method_or_default()),
        }
    }

    /// Whether the types of columns are inferred from what they hold.
    pub fn infers_types(&self) -> bool {
        match self.column_types {
            Some(chosen) => chosen == ColumnTypesOption::Auto,
            None => self.preset.is_none() && self.image_size.is_none(),
        }
    }

    /// Options that a run's configuration holds: what it does not tell of, the version that wrote it did not have.
    #[must_use]
    pub fn of_run(self) -> Options {
        if self.preset.is_some() || self.image_size.is_some() {
            return self;
        }
        let rows = self.validation_from.is_some();
        Options {
            validation: self.validation.or_else(|| (!rows).then(|| "none".to_owned())),
            keep: self.keep.or(Some(Keep::Last)),
            column_limits: self.column_limits.or(Some(ColumnLimitsOption::None)),
            column_types: self.column_types.or(Some(ColumnTypesOption::Numeric)),
            average: self.average.or(Some(false)),
            linear_path: self.linear_path.or(Some(false)),
            ..self
        }
    }

    /// Refuses pairs of options of which only one can be given.
    pub(super) fn check_pairs(&self) -> Result<()> {
        if self.validation.is_some() && self.validation_from.is_some() {
            return Err(Error::Conflict { first: "validation", second: "validation-from" });
        }
        if self.epochs.is_some() && self.updates.is_some() {
            return Err(Error::Conflict { first: "epochs", second: "updates" });
        }
        Ok(())
    }
}
