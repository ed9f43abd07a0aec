//! What can be wrong with options.

use std::fmt;

use crate::objective::{InvalidConfig, UnknownMethod};
use crate::words::{Short, quoted};

/// The result of resolving options.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// An option, or several together, that cannot be used. Options are named as in configuration files.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No method has the name that was given.
    #[error(transparent)]
    UnknownMethod(#[from] UnknownMethod),
    /// Parts of an objective that do not fit together.
    #[error(transparent)]
    Objective(#[from] InvalidConfig),
    /// A value outside of its range.
    #[error("{option} {}: expected {expected}", Short(value))]
    Value {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// The range.
        expected: Expected,
    },
    /// Validation rows on standard input, which only the table itself can use.
    #[error("{option} -: only the table itself can come from standard input")]
    StandardInput {
        /// The option.
        option: &'static str,
    },
    /// An option of images, given for a table.
    #[error("{option}: this is for images")]
    OnlyImages {
        /// The option.
        option: &'static str,
    },
    /// An option of tables, given for images.
    #[error("{option}: this is for tables, and the rows are images")]
    OnlyTables {
        /// The option.
        option: &'static str,
    },
    /// Several components for a method of one.
    #[error("components {components}: {method} has a single component")]
    SingleComponent {
        /// The method.
        method: &'static str,
        /// What was given.
        components: usize,
    },
    /// One of two options that need each other.
    #[error("{first} and {second}: one needs the other")]
    Incomplete {
        /// One option.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Cells cannot be held out where the encoder sees completed rows alone.
    #[error("validation cells: this method's encoder sees completed rows alone")]
    CellsOfIncompleteRows,
    /// Two options of which only one can be given.
    #[error("{first} and {second} are both given")]
    Conflict {
        /// One option.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// An option of LAIR, given to another sampler.
    #[error("{option}{}: {sampler} has no such option", spaced(.value))]
    OnlyLair {
        /// The option.
        option: &'static str,
        /// What was given, where it is a number.
        value: Option<usize>,
        /// The sampler.
        sampler: &'static str,
    },
    /// An option of imputations, given to a method without any.
    #[error("{option}{}: {method} keeps no imputations", spaced(.value))]
    NoImputations {
        /// The option.
        option: &'static str,
        /// What was given, where it can be named.
        value: Option<String>,
        /// The method.
        method: &'static str,
    },
    /// An option of finite mixtures, given to a method that has none.
    #[error("{option}: {method} has neither importance samples nor ancestral ones")]
    OnlyFiniteMixtures {
        /// The option.
        option: &'static str,
        /// The method.
        method: &'static str,
    },
    /// Gradients through responsibilities where no sample is ancestral.
    #[error("pathwise responsibility: {method} with {components} components draws no ancestral samples")]
    NoAncestralSamples {
        /// The method.
        method: &'static str,
        /// Its components.
        components: usize,
    },
    /// A last resampling over the proposals of all iterations, of which there is one.
    #[error("resample-final: a sweep of one iteration has no other proposals to draw from")]
    NothingToResample,
    /// A table of another width than the preset's data.
    #[error("the preset is for {dataset}, which has {expected} columns, and the table has {columns}")]
    PresetColumns {
        /// The preset's data.
        dataset: &'static str,
        /// Its columns.
        expected: usize,
        /// The table's columns.
        columns: usize,
    },
    /// Networks too large for any machine.
    #[error("the networks would have {parameters} parameters; expected at most {most}")]
    Parameters {
        /// What the networks would have.
        parameters: usize,
        /// The most there can be.
        most: usize,
    },
    /// An update too large for any machine.
    #[error("an update on {rows} rows and {samples} samples would take more than {gigabytes} GB of memory")]
    UpdateMemory {
        /// Rows that are encoded.
        rows: usize,
        /// Latent points that are decoded.
        samples: usize,
        /// The least it would take.
        gigabytes: usize,
    },
    /// Imputations too large for any machine.
    #[error("the imputations, or a sweep over them, would take more than {gigabytes} GB of memory")]
    ImputationMemory {
        /// The least they would take.
        gigabytes: usize,
    },
    /// More proposals than fit into memory.
    #[error("proposals {proposals} with replenish {replenish}: too many to hold")]
    ProposalMemory {
        /// I.
        proposals: usize,
        /// R.
        replenish: usize,
    },
    /// More completed tables than fit into memory.
    #[error("draws {draws}: expected at most {most} for a table of this size")]
    TooManyDraws {
        /// What was asked for.
        draws: usize,
        /// The most there can be.
        most: usize,
    },
    /// More drawn rows than fit into memory.
    #[error("rows {rows}: expected at most {most} for {columns} columns")]
    TooManyRows {
        /// What was asked for.
        rows: usize,
        /// The most there can be.
        most: usize,
        /// The model's columns.
        columns: usize,
    },
    /// Minibatches of one image, of which some network has a single value of each channel.
    #[error(
        "in a minibatch of one image, batch normalisation has a single value of each channel where the networks have halved it to one pixel"
    )]
    BatchNormUndefined,
    /// Importance sampling with an encoder that needs completed rows.
    #[error("sampler importance: this model's encoder needs completed rows")]
    NeedsCompletedRows,
    /// An option of chains, given to importance sampling.
    #[error("{option} {value}: importance has no such option")]
    NotOfImportance {
        /// The option.
        option: &'static str,
        /// What was given.
        value: usize,
    },
    /// A grid for a model of images.
    #[error("likelihood grid: this is for tables, and the model is for images")]
    GridOfImages,
    /// A grid of too many dimensions.
    #[error("likelihood grid: the model has {latent} latent dimensions, a grid needs at most 2")]
    GridDimensions {
        /// The model's latent dimensions.
        latent: usize,
    },
    /// An option of importance sampling, given to a grid.
    #[error("{option}: a grid has no importance samples, and does not use the encoder")]
    NotOfGrid {
        /// The option.
        option: &'static str,
    },
    /// A refit that is too large.
    #[error("refit-updates {updates}: {error}")]
    RefitSize {
        /// The updates that were asked for.
        updates: u64,
        /// What is too large.
        error: Box<Error>,
    },
    /// A refit of a model whose file does not hold the options of its training.
    #[error("refit-updates {updates}: a model file of format 1 does not hold the options of training")]
    RefitOptions {
        /// The updates that were asked for.
        updates: u64,
    },
    /// A name in a configuration file that is no option.
    #[error("line {line}: there is no option {}", quoted(name))]
    UnknownOption {
        /// The line, from 1.
        line: usize,
        /// The name.
        name: String,
        /// The options there are.
        known: Vec<String>,
    },
    /// A configuration file that is not TOML, or a value of another type than the option's.
    #[error("line {line}: {}", Short(message))]
    Toml {
        /// The line, from 1.
        line: usize,
        /// What the reader says.
        message: String,
    },
}

impl Error {
    /// The option that the message begins with, if it begins with one.
    pub fn option(&self) -> Option<&'static str> {
        match self {
            Error::UnknownMethod(_) => Some("method"),
            Error::SingleComponent { .. } => Some("components"),
            Error::NoAncestralSamples { .. } => Some("pathwise"),
            Error::NothingToResample => Some("resample-final"),
            Error::ProposalMemory { .. } => Some("proposals"),
            Error::TooManyDraws { .. } => Some("draws"),
            Error::TooManyRows { .. } => Some("rows"),
            Error::Incomplete { first, .. } => Some(first),
            Error::NeedsCompletedRows => Some("sampler"),
            Error::CellsOfIncompleteRows => Some("validation"),
            Error::GridOfImages | Error::GridDimensions { .. } => Some("likelihood"),
            Error::RefitSize { .. } | Error::RefitOptions { .. } => Some("refit-updates"),
            Error::Value { option, .. }
            | Error::StandardInput { option }
            | Error::OnlyImages { option }
            | Error::NotOfImportance { option, .. }
            | Error::NotOfGrid { option }
            | Error::OnlyTables { option }
            | Error::OnlyLair { option, .. }
            | Error::NoImputations { option, .. }
            | Error::OnlyFiniteMixtures { option, .. } => Some(option),
            Error::Objective(_)
            | Error::Conflict { .. }
            | Error::PresetColumns { .. }
            | Error::Parameters { .. }
            | Error::UpdateMemory { .. }
            | Error::ImputationMemory { .. }
            | Error::BatchNormUndefined
            | Error::UnknownOption { .. }
            | Error::Toml { .. } => None,
        }
    }
}

/// The values that an option can have.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Expected {
    /// At least this number.
    AtLeast(u64),
    /// At most this number.
    AtMost(u64),
    /// From one number to another, both included.
    Between(u64, u64),
    /// An epoch of the run, of which this is the last.
    Epoch {
        /// The last epoch.
        last: u64,
    },
    /// A share from 0 to 1, 1 excluded.
    Share,
    /// A probability from 0 to 1, 1 excluded.
    Probability,
    /// A finite number above 0.
    Positive,
    /// A finite number of at least 0.
    NotNegative,
    /// A number of at least 0, where 0 is for no limit.
    Limit,
    /// A file's path, or a share between 0 and 1.
    FileOrShare,
    /// Numbers of channels with commas between them.
    Widths {
        /// The most numbers.
        stages: usize,
        /// The largest number.
        widest: usize,
    },
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::AtLeast(least) => write!(f, "at least {least}"),
            Expected::AtMost(most) => write!(f, "at most {most}"),
            Expected::Between(least, most) => write!(f, "from {least} to {most}"),
            Expected::Epoch { last } => write!(f, "an epoch from 1 to {last}, the last one of the run"),
            Expected::Share => f.write_str("a share of at least 0 and below 1"),
            Expected::Probability => f.write_str("a probability of at least 0 and below 1"),
            Expected::Positive => f.write_str("a number above 0"),
            Expected::NotNegative => f.write_str("a number of at least 0"),
            Expected::Limit => f.write_str("a number of at least 0 (0: no limit)"),
            Expected::FileOrShare => f.write_str("a file, or a share above 0 and below 1"),
            Expected::Widths { stages, widest } => {
                write!(f, "1 to {stages} numbers of channels from 1 to {widest}, with commas between")
            }
        }
    }
}

/// A value behind its option's name, if there is one.
fn spaced<T: fmt::Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(String::new, |value| format!(" {}", Short(value)))
}

/// `value` if `holds`, else an error that names the option.
pub(crate) fn check<T: fmt::Display>(option: &'static str, value: T, holds: bool, expected: Expected) -> Result<T> {
    match holds {
        true => Ok(value),
        false => Err(Error::Value { option, value: value.to_string(), expected }),
    }
}
