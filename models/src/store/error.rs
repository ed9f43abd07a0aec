//! What can be wrong with a model file or a checkpoint.

use std::fmt;
use std::path::PathBuf;

use safetensors::{Dtype, SafeTensorError};

use crate::heads::ColumnType;
use crate::objective::METHODS;
use crate::words::Short;

/// A model file or checkpoint that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The system could not read it.
    #[error("{0}")]
    Io(std::io::Error),
    /// No safetensors file, or a part of one.
    #[error("not a whole {kind} file ({}); it may be cut short", Short(source))]
    NotWhole {
        /// What was expected.
        kind: Kind,
        /// What the reader of safetensors said.
        source: SafeTensorError,
    },
    /// A safetensors file that something else wrote.
    #[error("a safetensors file, but not a {kind} of this program")]
    Foreign {
        /// What was expected.
        kind: Kind,
    },
    /// A file of this program, but of another kind or of a version that is not known here.
    #[error("expected a {kind} file ({}); this is a {}", kind.format(), Short(found))]
    Format {
        /// What was expected.
        kind: Kind,
        /// The format that the file names.
        found: String,
    },
    /// A description that does not say what it should.
    #[error("its description is not that of a {kind}: {}", Short(source))]
    Description {
        /// What was expected.
        kind: Kind,
        /// What the reader of JSON said.
        source: serde_json::Error,
    },
    /// A number of the description that cannot be true.
    #[error("its description has {} = {}; expected {expected}", Short(field), Short(value))]
    Field {
        /// The field, with the fields that it is in.
        field: String,
        /// Its value.
        value: String,
        /// What was expected.
        expected: Expected,
    },
    /// A tensor that is not there, or not as it should be.
    #[error("tensor {} {problem}", Short(name))]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: TensorProblem,
    },
    /// Tensors that are not those that were written.
    #[error("it is damaged: its checksum is {found}; expected {}", Short(expected))]
    Checksum {
        /// As the file has it.
        expected: String,
        /// Of the tensors that are there.
        found: String,
    },
}

/// What a number of a description can be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Expected {
    /// A size from 1 to the numbers of the file.
    #[error("from 1 to {0}, the numbers in a file of this length")]
    Size(usize),
    /// A count up to the numbers of the file.
    #[error("at most {0}, the numbers in a file of this length")]
    Count(usize),
    /// A range.
    #[error("from {0} to {1}")]
    Between(usize, usize),
    /// A share of units.
    #[error("from 0 to below 1")]
    Share,
    /// A finite number.
    #[error("a finite number")]
    Finite,
    /// A finite number that is not negative.
    #[error("a finite number, at least 0")]
    NotNegative,
    /// A finite number above 0.
    #[error("a positive, finite number")]
    Positive,
    /// A number above this one.
    #[error("a number above {0}")]
    Above(f64),
    /// The side of an image of this many pixels.
    #[error("the side of a square of {0} pixels")]
    SideOf(usize),
    /// As many columns as have a name.
    #[error("{0}, as many as are named")]
    Named(usize),
    /// This many columns in all, and one in each block.
    #[error("blocks of one column and more, {0} columns in all")]
    Blocks(usize),
    /// Shares of levels.
    #[error("positive shares with sum 1")]
    Shares,
    /// This many levels, or more of a column without an order or with one.
    #[error("{0} levels")]
    Levels(usize),
    /// A format of dates.
    #[error("a format of dates")]
    DateFormat,
    /// Limits of each of this many columns, or none.
    #[error("none, or one for each of {0} columns")]
    Limits(usize),
    /// No blocks, for the rows are images.
    #[error("none, for its rows are images")]
    NoBlocks,
    /// The type that the blocks give a column; none beyond the last.
    #[error("{}, as in its blocks", .0.map_or("nothing", ColumnType::name))]
    Type(Option<ColumnType>),
    /// The name of a method.
    #[error("one of {}", METHODS.map(|method| method.name).join(", "))]
    Method,
    /// No imputations.
    #[error("none, for its encoder takes incomplete rows")]
    NoImputations,
    /// Imputations.
    #[error("some, for its encoder takes completed rows")]
    Imputations,
    /// One component.
    #[error("1, for its encoder takes completed rows")]
    SingleComponent,
}

/// What is wrong with a tensor.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TensorProblem {
    /// It is not in the file.
    #[error("is missing")]
    Missing,
    /// It has another type or shape.
    #[error("is {dtype:?} of shape {}, not F32 of shape {expected:?}", Short(format!("{found:?}")))]
    Shape {
        /// Its type.
        dtype: Dtype,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the description asks for.
        expected: Vec<usize>,
    },
    /// It holds a value that no trained network has.
    #[error("holds {value} at position {index}; expected finite numbers")]
    NotFinite {
        /// Position among its values, row by row.
        index: usize,
        /// NaN, or an infinity.
        value: f32,
    },
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fitted model.
    Model,
    /// A run in the middle of its training.
    Checkpoint,
}

impl Kind {
    /// The format that is written.
    pub fn format(self) -> &'static str {
        match self {
            Kind::Model => "missvae-model-2",
            Kind::Checkpoint => "missvae-checkpoint-2",
        }
    }

    /// The format before, without a checksum and without what makes a model stand alone. It is still read.
    pub(super) fn old_format(self) -> &'static str {
        match self {
            Kind::Model => "missvae-model-1",
            Kind::Checkpoint => "missvae-checkpoint-1",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Model => "model",
            Kind::Checkpoint => "checkpoint",
        })
    }
}
