//! What is wrong with a file of some format, with a column, with a pixel: values that errors carry.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use crate::words::{Short, quoted};

/// Where in a file a cell stands, as a person counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a text file, from 1 (the header's).
    Line(u64),
    /// A row of an array, from 1.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(n) => write!(f, "line {n}"),
            Place::Row(n) => write!(f, "row {n}"),
        }
    }
}

/// A column that a model cannot use.
#[derive(Clone, Debug, PartialEq)]
pub struct UnusableColumn {
    /// The column's name.
    pub name: String,
    /// Why it cannot be used.
    pub reason: Reason,
}

/// Why a column cannot be used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// Cells that are neither a number nor missing.
    Text {
        /// The first of them.
        place: Place,
        /// Its text.
        text: String,
        /// How many there are.
        cells: u64,
    },
    /// Values beyond any finite number.
    Infinite {
        /// The first of them.
        place: Place,
        /// Its text.
        text: String,
    },
    /// One distinct observed value.
    Constant {
        /// That value.
        value: f64,
    },
    /// One distinct observed text.
    ConstantText {
        /// That text.
        text: String,
    },
    /// No observed value.
    Empty,
    /// Values that only name their rows: each occurs once.
    Identifier,
    /// Texts of which few occur again.
    FreeText {
        /// The different texts.
        distinct: usize,
        /// Cells with a text.
        observed: usize,
    },
    /// Codes with zeros in front, of which few occur again.
    Codes {
        /// The different codes.
        distinct: usize,
        /// Cells with a code.
        observed: usize,
    },
    /// More different texts than are held.
    ManyTexts {
        /// The most that are.
        most: usize,
    },
    /// A text that is no date of the column's format.
    NoDate {
        /// The text.
        text: String,
        /// The format.
        format: String,
    },
}

impl Reason {
    /// The reason in a word or two.
    pub(super) fn note(&self) -> &'static str {
        match self {
            Reason::Text { .. } => "numbers and text",
            Reason::Infinite { .. } => "infinite values",
            Reason::Constant { .. } | Reason::ConstantText { .. } => "constant",
            Reason::Empty => "empty",
            Reason::Identifier => "identifier",
            Reason::FreeText { .. } => "free text",
            Reason::Codes { .. } => "codes",
            Reason::ManyTexts { .. } => "too many texts",
            Reason::NoDate { .. } => "no date",
        }
    }

    /// Whether the column has no two different values.
    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Reason::Empty | Reason::Constant { .. } | Reason::ConstantText { .. })
    }
}

impl fmt::Display for UnusableColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = quoted(&self.name);
        match &self.reason {
            Reason::Text { place, text, cells: 1 } => {
                write!(f, "{name} has text ({} in {place}, expected a number)", quoted(text))
            }
            Reason::Text { place, text, cells } => {
                let text = quoted(text);
                write!(f, "{name} has text ({text} in {place} and {} more, expected numbers)", cells - 1)
            }
            Reason::Infinite { place, text } => {
                write!(f, "{name} has an infinite value ({} in {place})", quoted(text))
            }
            Reason::Constant { value } => write!(f, "{name} is constant (every observed value is {value})"),
            Reason::ConstantText { text } => {
                write!(f, "{name} is constant (every observed value is {})", quoted(text))
            }
            Reason::Empty => write!(f, "{name} has no observed value"),
            Reason::Identifier => write!(f, "{name} is an identifier (every value is another one)"),
            Reason::FreeText { distinct, observed } => {
                write!(f, "{name} is free text ({distinct} different texts in {observed} cells)")
            }
            Reason::Codes { distinct, observed } => {
                write!(f, "{name} has codes with zeros in front ({distinct} different ones in {observed} cells)")
            }
            Reason::ManyTexts { most } => write!(f, "{name} has more than {most} different texts"),
            Reason::NoDate { text, format } => {
                write!(f, "{name} has {}, which is no date of the format {format}", quoted(text))
            }
        }
    }
}

/// What is wrong with a gzip stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GzipProblem {
    /// The name ends in `.gz`, and the content is something else.
    #[error("its first bytes are not those of a gzip file")]
    NotGzip,
    /// It cannot be decoded.
    #[error("{}", Short(.0))]
    Damaged(io::Error),
}

/// What is wrong with an array file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayProblem {
    /// The file ends in the array's header.
    #[error("the header is cut off")]
    HeaderCutOff,
    /// A header so long that it is none of an array of numbers.
    #[error("the header has {bytes} bytes")]
    HeaderTooLong {
        /// Its length.
        bytes: u64,
    },
    /// A header that is no flat dictionary of a type, an order and a shape.
    #[error("the header is not that of an array of numbers")]
    Header,
    /// It is no NumPy array.
    #[error("not a NumPy array ({})", Short(.0))]
    NotNumpy(io::Error),
    /// The archive cannot be read.
    #[error("a broken archive ({})", Short(.0))]
    Archive(io::Error),
    /// A whole number beyond 2⁵³, which would come back as another one.
    #[error("a whole number beyond 9007199254740992, which double precision does not hold")]
    TooLargeInteger,
    /// Its numbers are neither floats nor bytes.
    #[error("the numbers' type is {}", Short(descr))]
    NumberType {
        /// The type, as NumPy describes it.
        descr: String,
    },
    /// Its axes are not those of a table or of images, or the sizes are beyond belief.
    #[error("the shape is {}", Short(format!("{shape:?}")))]
    Shape {
        /// The size of each axis.
        shape: Vec<u64>,
    },
    /// The file ends before all numbers are read.
    #[error("the file ends before {rows} rows of {width} numbers")]
    CutOff {
        /// Rows that the header promises.
        rows: u64,
        /// Numbers in a row.
        width: usize,
    },
}

impl ArrayProblem {
    /// What was expected instead.
    pub fn expected(&self) -> &'static str {
        match self {
            ArrayProblem::Archive(_) => "a .npz file",
            ArrayProblem::NumberType { .. } => {
                "floats of 4 or 8 bytes, integers or booleans; convert it by array.astype(float)"
            }
            _ => "a NumPy array of numbers with two axes (rows, columns) or three (images)",
        }
    }
}

/// The most that a record of a text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordLimit {
    /// Bytes.
    #[error("more than {0} bytes")]
    Bytes(usize),
    /// Cells.
    #[error("more than {0} cells")]
    Cells(usize),
}

/// What is wrong with an IDX file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdxProblem {
    /// The file ends in the header.
    #[error("the header is cut off")]
    HeaderCutOff,
    /// It holds labels, one number an image.
    #[error("it holds labels, one number an image")]
    Labels,
    /// It is no IDX file.
    #[error("it begins with the bytes {start:02x?}")]
    NotIdx {
        /// The first bytes.
        start: [u8; 4],
    },
    /// It has other than three axes.
    #[error("it has {found} axes")]
    Axes {
        /// The axes.
        found: u8,
    },
    /// Its numbers are no unsigned bytes.
    #[error("the numbers' type is 0x{code:02x}")]
    NumberType {
        /// The format's code of the type.
        code: u8,
    },
    /// Images without a pixel, or too large to be believed.
    #[error("its images have {height} × {width} pixels")]
    Size {
        /// Pixels from top to bottom.
        height: u64,
        /// Pixels from left to right.
        width: u64,
    },
    /// The file ends too early.
    #[error("the file ends in image {image} of {images} with {height} × {width} pixels")]
    CutOff {
        /// The image in which it ends, from 1.
        image: u64,
        /// Images that the header promises.
        images: u64,
        /// Pixels from top to bottom.
        height: u64,
        /// Pixels from left to right.
        width: u64,
    },
    /// Bytes after the last image.
    #[error("the file goes on after {images} images with {height} × {width} pixels")]
    TooLong {
        /// Images that the header promises.
        images: u64,
        /// Pixels from top to bottom.
        height: u64,
        /// Pixels from left to right.
        width: u64,
    },
}

/// What is wrong with a PNG file among images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PngProblem {
    /// Another size than the first image.
    #[error("{} × {} pixels, where {first} has {} × {}", found[0], found[1], expected[0], expected[1])]
    OtherSize {
        /// Height and width.
        found: [usize; 2],
        /// The first image's file.
        first: String,
        /// The first image's height and width.
        expected: [usize; 2],
    },
    /// More pixels than are believed.
    #[error("{height} × {width} pixels are too many")]
    TooLarge {
        /// Pixels from top to bottom.
        height: u32,
        /// Pixels from left to right.
        width: u32,
    },
    /// Pixels that are no shades of grey, or not opaque.
    #[error("it has colours, or shines through")]
    Colours,
    /// A palette that could not be resolved.
    #[error("its palette cannot be used")]
    Palette,
    /// A file too long for so few pixels.
    #[error("the file has more than {most} bytes")]
    TooLong {
        /// The most that an image may have.
        most: u64,
    },
    /// Its parts do not follow each other as those of an image do.
    #[error("{0}")]
    Structure(&'static str),
    /// It cannot be decoded.
    #[error("{}", Short(.0))]
    Damaged(Box<dyn StdError + Send + Sync>),
}

/// Why numbers are no pixels.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PixelProblem {
    /// A number that is neither −1 or +1 like all others, nor an intensity.
    #[error("image {image}, pixel {pixel} is {value}")]
    Value {
        /// The image, from 1.
        image: usize,
        /// The pixel, from 0.
        pixel: usize,
        /// The number.
        value: f64,
    },
    /// Numbers from 0 to 1, which are no intensities up to 255.
    #[error("image {image}, pixel {pixel} is {value}, the brightest of all")]
    Dark {
        /// The image with the brightest pixel, from 1.
        image: usize,
        /// The pixel, from 0.
        pixel: usize,
        /// The number.
        value: f64,
    },
    /// Images with numbers below 0 that were to be made smaller.
    #[error("some pixels are below 0, and means of -1 and +1 are no pixels")]
    MeansOfBinary,
}

/// The first columns, each with its reason, and how many more there are.
pub(super) fn reasons(columns: &[UnusableColumn]) -> String {
    const SHOWN: usize = 10;
    let mut parts: Vec<String> = columns.iter().take(SHOWN).map(UnusableColumn::to_string).collect();
    if columns.len() > SHOWN {
        parts.push(format!("and {} more columns", columns.len() - SHOWN));
    }
    parts.join("; ")
}
