//! What may be wrong with a pooled result.

use std::fmt;

/// What may be wrong with a pooled result. It displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A linear regression leaves no residuals but rounding errors: its standard errors mean nothing.
    PerfectFit {
        /// In how many tables.
        tables: usize,
        /// All tables.
        of: usize,
    },
    /// Fitted probabilities are 0 or 1 but for rounding errors.
    ExtremeProbabilities {
        /// In how many tables.
        tables: usize,
        /// All tables.
        of: usize,
    },
    /// No estimate differs between the tables.
    SameTables,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::PerfectFit { tables, of } => {
                write!(f, "an essentially perfect fit in {tables} of {of} tables: standard errors and what follows ")?;
                write!(f, "from them mean nothing")
            }
            Warning::ExtremeProbabilities { tables, of } => {
                write!(
                    f,
                    "fitted probabilities are numerically 0 or 1 in {tables} of {of} tables: some rows lie far "
                )?;
                write!(f, "from the others")
            }
            Warning::SameTables => {
                write!(f, "all tables give the same estimates: they do not differ in the columns of the formula, so ")?;
                write!(f, "the result is that of one table, and lacks the uncertainty of imputed cells")
            }
        }
    }
}
