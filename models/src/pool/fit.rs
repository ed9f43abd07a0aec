//! What the analysis of one table gives.

use super::design::Design;
use super::error::Problem;

/// Estimates and their variances, one for each column of the design.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    pub(super) estimates: Vec<f64>,
    pub(super) variances: Vec<f64>,
    /// Whether the fit is too good: linear, without residuals; logistic, with probabilities of 0 or 1.
    pub(super) suspicious: bool,
}

impl Fit {
    /// The fit, if all of its numbers are finite.
    ///
    /// # Errors
    /// [`Problem::NotFinite`] for the first that is not.
    pub(super) fn checked(self, design: &Design) -> Result<Fit, Problem> {
        let finite = |column: &usize| self.estimates[*column].is_finite() && self.variances[*column].is_finite();
        match (0..design.width()).find(|column| !finite(column)) {
            Some(column) => Err(Problem::NotFinite { term: design.name(column) }),
            None => Ok(self),
        }
    }
}
