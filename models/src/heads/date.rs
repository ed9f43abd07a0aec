//! Dates and times: a normal for each column, of the days since 1970 (docs/methods.md §1).

use super::gaussian::Gaussian;

/// Columns of dates. As numbers they are what numeric columns are; how they are written is a matter of files.
pub type Date = Gaussian;
