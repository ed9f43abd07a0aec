//! Options of a training run: their defaults, the paper's presets, and how they are resolved.
//!
//! In the order in which a reader needs them:
//! - [`Options`]: what one source gives: a command line, a configuration file, a preset, a caller. What is not given is `None`;
//! - [`Preset`]: the settings of the paper's experiments;
//! - [`Options::merge`]: one source over another;
//! - [`Options::from_toml`]: configuration files;
//! - [`Options::resolve`]: every option with its value, checked, as a [`ResolvedConfig`];
//! - [`Error`]: what is wrong with an option, as fields.

mod chain;
pub(crate) mod choices;
pub(crate) mod error;
mod file;
mod gradient;
mod images;
pub(crate) mod options;
mod presets;
mod resolve;
mod sizes;

pub use chain::{LairNumbers, WARM_UP, iterations};
pub use choices::{
    ChainKind, ColumnLimitsOption, ColumnTypesOption, Keep, PathwiseOption, Preset, ResamplingOption, ScopeOption,
    Validation, WeightsOption,
};
pub use error::{Error, Expected};
pub use options::Options;
pub use presets::MNIST_TRAINING_ROWS;
pub use resolve::ResolvedConfig;
pub use sizes::{MOST_NUMBERS, check_drawn_rows, check_draws, check_size, lair_points};
