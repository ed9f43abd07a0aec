//! Least squares by an orthogonal triangular factor, with dependent columns found.
//!
//! Rows are rotated into the factor one by one ([`add_row`]), so no matrix of all rows is held. A library's QR was not taken: R's
//! rule for dependent columns (LINPACK's `dqrdc2`) needs the columns in their order, and pivoting would change it.

use linalg::singular::add_row;

/// The triangular factor of \[X y\], for rows x of P numbers each with a y.
pub(super) struct LeastSquares {
    columns: usize,
    /// (P + 1) × (P + 1).
    factor: Vec<f64>,
    row: Vec<f64>,
}

/// The coefficients, and what they leave.
pub(super) struct Solution {
    /// P of them.
    pub(super) coefficients: Vec<f64>,
    /// The diagonal of (XᵀX)⁻¹.
    pub(super) inverse: Vec<f64>,
    /// The sum of squared residuals.
    pub(super) residual: f64,
    /// The sum of squared fitted values.
    pub(super) fitted: f64,
}

/// A column that is a linear combination of some before it.
#[derive(Debug, PartialEq)]
pub(super) struct Dependent {
    /// Its place.
    pub(super) column: usize,
    /// The places of those that make it up. None if it is 0.
    pub(super) of: Vec<usize>,
}

impl LeastSquares {
    /// Without a row yet.
    pub(super) fn new(columns: usize) -> LeastSquares {
        let size = columns + 1;
        LeastSquares { columns, factor: vec![0.0; size * size], row: vec![0.0; size] }
    }

    /// Adds a row, all of it times √`weight`.
    pub(super) fn add(&mut self, x: &[f64], y: f64, weight: f64) {
        let root = weight.sqrt();
        self.row[..self.columns].copy_from_slice(x);
        self.row[self.columns] = y;
        self.row.iter_mut().for_each(|value| *value *= root);
        add_row(&mut self.factor, &mut self.row);
    }

    /// An element of the factor.
    fn r(&self, i: usize, j: usize) -> f64 {
        self.factor[i * (self.columns + 1) + j]
    }

    /// Solves R c = d for the first `size` rows and columns of the factor, in place.
    fn back_substitute(&self, size: usize, d: &mut [f64]) {
        for i in (0..size).rev() {
            let known: f64 = (i + 1..size).map(|j| self.r(i, j) * d[j]).sum();
            d[i] = (d[i] - known) / self.r(i, i);
        }
    }

    /// The solution.
    ///
    /// # Errors
    /// For the first column of which less than `tolerance` of its length is left when its projection on those before it is
    /// taken away.
    pub(super) fn solve(&self, tolerance: f64) -> Result<Solution, Dependent> {
        let p = self.columns;
        let length = |j: usize| (0..=j).map(|i| self.r(i, j).powi(2)).sum::<f64>().sqrt();
        if let Some(column) = (0..p).find(|&j| self.r(j, j).abs() <= tolerance * length(j)) {
            let mut parts: Vec<f64> = (0..column).map(|i| self.r(i, column)).collect();
            self.back_substitute(column, &mut parts);
            let whole = length(column);
            let counts = |&i: &usize| (parts[i] * length(i)).abs() > 1e-6 * whole;
            return Err(Dependent { column, of: (0..column).filter(counts).collect() });
        }
        let mut coefficients: Vec<f64> = (0..p).map(|i| self.r(i, p)).collect();
        let fitted = coefficients.iter().map(|value| value * value).sum();
        self.back_substitute(p, &mut coefficients);
        // The squares of the rows of R⁻¹, column by column of it.
        let mut inverse = vec![0.0; p];
        let mut unit = vec![0.0; p];
        for j in 0..p {
            unit.fill(0.0);
            unit[j] = 1.0;
            self.back_substitute(j + 1, &mut unit[..=j]);
            inverse.iter_mut().zip(&unit[..=j]).for_each(|(sum, value)| *sum += value * value);
        }
        Ok(Solution { coefficients, inverse, residual: self.r(p, p).powi(2), fitted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solved(rows: &[[f64; 4]], tolerance: f64) -> Result<Solution, Dependent> {
        let mut sums = LeastSquares::new(3);
        rows.iter().for_each(|row| sums.add(&row[..3], row[3], 1.0));
        sums.solve(tolerance)
    }

    /// A fit to four points, worked by hand: y = 1 + 2x + 3x² with residuals ±(1, −3, 3, −1), which are orthogonal to it.
    #[test]
    fn a_parabola() {
        let row = |x: f64, residual: f64| [1.0, x, x * x, 1.0 + 2.0 * x + 3.0 * x * x + residual];
        let solution = solved(&[row(0.0, 1.0), row(1.0, -3.0), row(2.0, 3.0), row(3.0, -1.0)], 1e-7).ok().unwrap();
        for (found, expected) in solution.coefficients.iter().zip([1.0, 2.0, 3.0]) {
            assert!((found - expected).abs() < 1e-13, "{found}");
        }
        // XᵀX = [4 6 14; 6 14 36; 14 36 98], with determinant 80.
        for (found, expected) in solution.inverse.iter().zip([76.0 / 80.0, 196.0 / 80.0, 20.0 / 80.0]) {
            assert!((found - expected).abs() < 1e-13, "{found}");
        }
        assert!((solution.residual - 20.0).abs() < 1e-12, "{}", solution.residual);
        let squares: f64 = [1.0f64, 6.0, 17.0, 34.0].iter().map(|y| y * y).sum();
        assert!((solution.fitted - squares).abs() < 1e-10, "{}", solution.fitted);
    }

    #[test]
    fn dependent_columns() {
        let rows = |third: fn(f64, f64) -> f64| [0.5, 1.0, 2.0, 4.0, 7.0].map(|x| [1.0, x, third(1.0, x), x * x]);
        let dependent = |third, tolerance| solved(&rows(third), tolerance).err();
        let both = Some(Dependent { column: 2, of: vec![0, 1] });
        assert_eq!(dependent(|one, x| 3.0 * x - one, 1e-7), both);
        assert_eq!(dependent(|one, _| 5e6 * one, 1e-7), Some(Dependent { column: 2, of: vec![0] }));
        assert_eq!(dependent(|_, _| 0.0, 1e-7), Some(Dependent { column: 2, of: vec![] }));
        // Nearly dependent: it is for the tolerance to say.
        assert_eq!(dependent(|one, x| one + 1e-6 * x * x, 1e-7), None);
        assert_eq!(dependent(|one, x| one + 1e-9 * x * x, 1e-7), Some(Dependent { column: 2, of: vec![0] }));
        assert_eq!(dependent(|one, x| one + 1e-9 * x * x, 1e-11), None);
    }
}
