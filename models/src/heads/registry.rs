//! Column types by name.

use std::fmt;
use std::str::FromStr;

use super::ColumnType;
use super::head::Unit;
use super::row::Block;

/// Declares the column types: name in files and options, module, type of the head, and what it is for.
macro_rules! heads {
    ($($(#[$attribute:meta])* $variant:ident = $name:literal in $module:ident :: $head:ident, $doc:literal;)*) => {
        $(pub mod $module;)*

        /// The type of a column: which head describes it. In files and options by its name in lower case.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum ColumnType {
            $(#[doc = $doc] #[serde(rename = $name)] $(#[$attribute])* $variant,)*
        }

        impl ColumnType {
            /// All types.
            pub const ALL: &[ColumnType] = &[$(ColumnType::$variant),*];

            /// The name in files and options.
            pub fn name(self) -> &'static str {
                match self { $(ColumnType::$variant => $name,)* }
            }

            /// Columns of this type. `min_scale` is the smallest scale of a head that has scales, in model units.
            pub fn block(self, columns: usize, min_scale: f64) -> Block {
                self.limited_block(columns, min_scale, &[])
            }

            /// Columns of this type with limits of their own, for the heads that have some: one for each column, or none.
            pub fn limited_block(self, columns: usize, min_scale: f64, limits: &[ColumnTraits]) -> Block {
                match self { $(ColumnType::$variant => Block::new($module::$head::new(min_scale, limits), columns),)* }
            }
        }
    };
}

impl ColumnType {
    /// One column of this type, whatever its smallest scale: to ask of many values what it allows.
    pub(crate) fn column(self) -> Block {
        self.block(1, 0.0)
    }

    /// The values that a column of this type may hold, in words.
    pub fn values(self) -> &'static str {
        self.column().values()
    }

    /// Whether the values of a column of this type are levels, each with a text in a file.
    pub fn has_levels(self) -> bool {
        self == ColumnType::Binary || self.has_shares()
    }

    /// Whether a column of this type has a number of levels of its own, each with a share in training.
    pub(crate) fn has_shares(self) -> bool {
        matches!(self, ColumnType::Categorical | ColumnType::Ordinal)
    }

    /// Whether a column of this type can have a least and a largest value.
    pub fn has_bounds(self) -> bool {
        !self.has_levels()
    }

    /// The unit that suits a column's observed values; none if they determine no model.
    pub fn unit(self, values: &[f64]) -> Option<Unit> {
        self.column().unit(values)
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of a column type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no column type {name:?}; expected one of {}", ColumnType::ALL.iter().map(|t| t.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownColumnType {
    /// What was given.
    pub name: String,
}

impl FromStr for ColumnType {
    type Err = UnknownColumnType;

    fn from_str(name: &str) -> Result<Self, UnknownColumnType> {
        let found = ColumnType::ALL.iter().find(|kind| kind.name() == name);
        found.copied().ok_or_else(|| UnknownColumnType { name: name.to_owned() })
    }
}
