//! Heads: types of columns, one file each. A head says how a latent point describes a column.
//!
//! In the order in which a reader needs them:
//! - [`Head`]: a head on the tape, in the encoder, and on decoded points;
//! - [`ColumnType`]: the heads by name. A new one is a file and a line of this list;
//! - [`ColumnTraits`]: what the observed values of a column show beside its type;
//! - [`Row`]: a row of contiguous blocks of columns, one head each;
//! - [`Cells`]: heads whose density is a function of one cell;
//! - [`gaussian`], [`bernoulli`], [`log_normal`], [`categorical`], [`ordinal`], [`count`], [`date`]: the heads.
//!
//! A head has some numbers a column at each of three places: *features* that the encoder takes, *outputs* that the decoder's
//! network gives, and the *numbers* of a decoded point, which samplers work with. Within a block, the first output of all
//! columns stands before the second of all columns. A head is called for a block of columns and many rows or points at once,
//! never for a cell.
//!
//! Source: docs/methods.md §1.

mod cells;
mod head;
mod negative_binomial;
#[macro_use]
mod registry;
mod row;
mod traits;

pub use cells::{CellDistribution, Cells};
pub use head::{Head, Points, PointsMut, Unit};
pub use registry::UnknownColumnType;
pub use row::{Block, Row};
pub use traits::ColumnTraits;

// The registry: one line a head. rustfmt does not see files that are declared here: `.ci/run` checks them by name.
heads! {
    #[default]
    Numeric = "numeric" in gaussian::Gaussian, "Real numbers: a normal, with mean and scale.";
    Binary = "binary" in bernoulli::Bernoulli, "Two values, −1 and +1, as of pixels: a Bernoulli variable, with a logit.";
    Positive = "positive" in log_normal::LogNormal, "Positive numbers: a log-normal, with mean and scale of the logarithm.";
    Count = "count" in count::Count, "Whole numbers from 0: a negative binomial, with mean and dispersion.";
    Categorical = "categorical" in categorical::Categorical, "Categories without an order: a probability for each.";
    Ordinal = "ordinal" in ordinal::Ordinal, "Ordered levels: cumulative logits, with location and scale.";
    Date = "date" in date::Date, "Dates and times: a normal of the days since 1970, with mean and scale.";
}
