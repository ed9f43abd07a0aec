//! Linear regression of one table.

use super::design::Design;
use super::error::Problem;
use super::fit::Fit;
use super::least_squares::LeastSquares;

/// How little of a column may be left for it to count as independent: R's `lm`.
const TOLERANCE: f64 = 1e-7;

/// The least-squares estimates of `y` on the design, with their variances s² (XᵀX)⁻¹.
///
/// # Errors
/// [`Problem::Aliased`]; [`Problem::NotFinite`]. The rows are more than the columns.
pub(super) fn linear(design: &Design, data: &[Vec<f64>], y: &[f64]) -> Result<Fit, Problem> {
    let mut sums = LeastSquares::new(design.width());
    let mut x = vec![0.0; design.width()];
    for (row, &y) in y.iter().enumerate() {
        design.fill(data, row, &mut x);
        sums.add(&x, y, 1.0);
    }
    let solution = sums.solve(TOLERANCE).map_err(|dependent| Problem::Aliased {
        term: design.name(dependent.column),
        of: design.names(&dependent.of),
    })?;
    let variance = solution.residual / (y.len() - design.width()) as f64;
    // As R's `summary.lm` decides.
    let suspicious = variance < 1e-30 * solution.fitted / y.len() as f64 || variance == 0.0;
    let variances = solution.inverse.iter().map(|inverse| variance * inverse).collect();
    Fit { estimates: solution.coefficients, variances, suspicious }.checked(design)
}
