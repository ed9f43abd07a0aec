//! Options that are a choice between names.

use std::path::PathBuf;

use autodiff::ops::Pathwise;
use samplers::chains::{Resampling, Scope, Weights};
use serde::{Deserialize, Serialize};

/// An experiment of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Mixture-of-Gaussians data with a two-dimensional latent space (section 6.1)
    Mog,
    /// UCI Gas (section 6.2)
    Gas,
    /// UCI Power
    Power,
    /// UCI Hepmass
    Hepmass,
    /// UCI MiniBooNE
    Miniboone,
    /// Binarised MNIST, 28 × 28 pixels: its 60,000 training images, the last 6,000 of them for validation
    Mnist,
    /// Omniglot, 105 × 105 pixels made 28 × 28 and binary, with networks twice as wide
    Omniglot,
}

/// A sampler of imputation chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum ChainKind {
    /// Encoder and decoder in turn
    PseudoGibbs,
    /// Metropolis-within-Gibbs
    Mwg,
    /// Latent-adaptive importance resampling
    Lair,
}

impl ChainKind {
    /// Its name in configuration files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ChainKind::PseudoGibbs => "pseudo-gibbs",
            ChainKind::Mwg => "mwg",
            ChainKind::Lair => "lair",
        }
    }
}

/// What the epochs are scored on.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// Another table.
    File(PathBuf),
    /// A share of the rows.
    Fraction(f64),
    /// The rows from this index (0-based) to the end.
    From(usize),
    /// A part of the observed cells of the rows to train on.
    Cells,
}

/// Whether what the observed values of a column show limits what the model says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum ColumnLimitsOption {
    /// The scale of a column is no smaller than its values were recorded to, and a column without negative values gets none
    Auto,
    /// No limits
    None,
}

/// What the columns of a table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum ColumnTypesOption {
    /// Numbers, counts, categories, ordered levels or dates, as it seems
    Auto,
    /// Numbers only: a column with a text is an error
    Numeric,
}

/// Which parameters a run keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the epoch with the best validation score
    Best,
    /// Those of the last update
    Last,
}

/// Defines an option's values for a type of another crate, name by name.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident => $target:ty { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
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
    /// The option for [`Pathwise`].
    PathwiseOption => Pathwise {
        /// Implicit reparametrisation: the paper's
        Implicit,
        /// Through the posterior responsibilities of the components
        Responsibility,
    }
}
mirror! {
    /// The option for [`Weights`].
    WeightsOption => Weights {
        /// The equal mixture of all proposals
        Dmis,
        /// The sample's own proposal
        Smis,
    }
}
mirror! {
    /// The option for [`Resampling`].
    ResamplingOption => Resampling {
        /// Independent draws
        Multinomial,
        /// Draws at equal distances
        Systematic,
    }
}
mirror! {
    /// The option for [`Scope`].
    ScopeOption => Scope {
        /// Over all samples of a row
        Global,
        /// For each imputation over its own
        Local,
    }
}
