//! The units of a model: (column − mean)/deviation.

use linalg::Scalar;

use super::rows::Data;
use crate::heads::{ColumnType, Unit};

/// Means and standard deviations of columns. Model units are (x − mean)/scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardisation {
    /// Mean of each column.
    pub mean: Vec<f64>,
    /// Standard deviation of each column (with N in the denominator).
    pub scale: Vec<f64>,
}

impl Standardisation {
    /// The standardisation that leaves every value as it is.
    pub fn none(columns: usize) -> Self {
        Standardisation { mean: vec![0.0; columns], scale: vec![1.0; columns] }
    }

    /// Means and deviations of the observed cells of numeric columns.
    ///
    /// # Errors
    /// As [`fit_types`](Standardisation::fit_types).
    pub fn fit(data: &Data<f64>) -> Result<Self, Vec<usize>> {
        Self::fit_types(data, &vec![ColumnType::Numeric; data.columns()])
    }

    /// The units that suit the observed cells of columns of these types.
    ///
    /// # Errors
    /// The columns whose observed values determine no model, such as those without two distinct values, and those with values
    /// whose squares overflow.
    pub fn fit_types(data: &Data<f64>, types: &[ColumnType]) -> Result<Self, Vec<usize>> {
        let mut fitted = Self::none(data.columns());
        let (mut unusable, mut observed) = (Vec::new(), Vec::new());
        for (d, kind) in types.iter().enumerate() {
            observed.clear();
            observed.extend(data.observed_values(d));
            match kind.unit(&observed) {
                Some(Unit { mean, scale }) => (fitted.mean[d], fitted.scale[d]) = (mean, scale),
                None => unusable.push(d),
            }
        }
        if unusable.is_empty() { Ok(fitted) } else { Err(unusable) }
    }

    /// The table in model units, rounded to `T`.
    pub fn apply<T: Scalar>(&self, data: &Data<f64>) -> Data<T> {
        let scaled = data.values.iter().zip(&data.observed).enumerate().map(|(i, (x, observed))| {
            let d = i % data.columns;
            if *observed { T::from_f64((x - self.mean[d]) / self.scale[d]) } else { T::ZERO }
        });
        Data { columns: data.columns, values: scaled.collect(), observed: data.observed.clone() }
    }

    /// A value of column `d` in the data's own units.
    pub fn restore(&self, d: usize, x: f64) -> f64 {
        x * self.scale[d] + self.mean[d]
    }

    /// Converts a value of a model to the data's own units. Models compute in single precision, so the deviation from
    /// the mean is rounded to seven digits.
    pub fn restore_rounded(&self, d: usize, x: f32) -> f64 {
        let value = self.restore(d, f64::from(x));
        let size = if self.mean[d] == 0.0 { self.scale[d] * f64::from(x.abs()) } else { self.scale[d] };
        if size == 0.0 {
            return value;
        }
        let shift = 10f64.powi(6 - size.log10().floor() as i32);
        let rounded = (value * shift).round() / shift;
        if rounded.is_finite() { rounded } else { value }
    }

    /// Σ log scale over a row's observed columns, in nats. Subtract it from a log density in model units to get one in
    /// the data's units.
    pub fn log_volume(&self, observed: &[bool]) -> f64 {
        self.scale.iter().zip(observed).filter(|(_, observed)| **observed).map(|(scale, _)| scale.ln()).sum()
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::super::rows::tests::{NAN, table};
    use super::*;

    #[test]
    fn standardised_columns_have_mean_0_and_deviation_1() {
        let data = table(3, &[1.0, NAN, 4.0, 2.0, 1e6, 6.0, 6.0, 1e6 + 2.0, NAN]);
        let fitted = Standardisation::fit(&data).expect("three columns with two values at least");
        assert_relative_eq!(fitted.mean[0], 3.0, max_relative = 1e-15);
        // Deviations from 3: −2, −1, 3.
        assert_relative_eq!(fitted.scale[0], (14.0_f64 / 3.0).sqrt(), max_relative = 1e-15);
        assert_eq!((fitted.mean[1], fitted.scale[1]), (1e6 + 1.0, 1.0));
        assert_eq!((fitted.mean[2], fitted.scale[2]), (5.0, 1.0));

        let units: Data<f64> = fitted.apply(&data);
        assert_eq!(units.observed(0..3), data.observed(0..3));
        assert_eq!(units.values(0..1)[1], 0.0);
        for d in 0..3 {
            let column = || (0..3).filter(|&n| data.observed(n..n + 1)[d]).map(|n| units.values(n..n + 1)[d]);
            assert!(column().sum::<f64>().abs() < 1e-14);
        }
        let squares: f64 = (0..3).map(|n| units.values(n..n + 1)[0].powi(2)).sum();
        assert_relative_eq!(squares / 3.0, 1.0, max_relative = 1e-14);
    }

    /// To the value and back: in double precision to rounding; in single precision to that of the standardised value.
    #[test]
    fn standardisation_round_trip() {
        let data = table(2, &[3.5, -1e-3, -120.0, 4e-3, 17.25, NAN]);
        let fitted = Standardisation::fit(&data).expect("two columns with two values at least");
        let (double, single): (Data<f64>, Data<f32>) = (fitted.apply(&data), fitted.apply(&data));
        for (i, &x) in data.values(0..3).iter().enumerate().filter(|(i, _)| data.observed(0..3)[*i]) {
            let d = i % 2;
            assert_relative_eq!(
                fitted.restore(d, double.values(0..3)[i]),
                x,
                epsilon = 1e-15 * fitted.scale[d].max(1.0) * 200.0
            );
            let back = fitted.restore(d, f64::from(single.values(0..3)[i]));
            assert!((back - x).abs() <= 1e-7 * fitted.scale[d] * 2.0, "{x} came back as {back}");
        }
        assert_relative_eq!(fitted.log_volume(&[false, true]), fitted.scale[1].ln(), max_relative = 1e-15);
        assert_eq!(fitted.log_volume(&[false, false]), 0.0);
        assert_eq!(Standardisation::none(2).apply::<f64>(&data), data);
    }

    /// The mean of equal numbers is rounded, so their deviation is not zero: it must not count as one.
    #[test]
    fn columns_that_cannot_be_standardised_are_named() {
        let mut cells = Vec::new();
        for _ in 0..3 {
            cells.extend([0.1, NAN, 1e200, 1.0, 1e-200]);
        }
        cells.extend([NAN, NAN, -1e200, 2.0, 2e-200]);
        assert_eq!(Standardisation::fit(&table(5, &cells)), Err(vec![0, 1, 2, 4]));
    }

    /// Seven digits of a deviation survive single precision; more would be noise in a file.
    #[test]
    fn restored_values_carry_their_own_digits() {
        let units = Standardisation { mean: vec![1.6e9, 43.921_93, 0.0], scale: vec![50.0, 5.46, 1.0] };
        assert_eq!(units.restore_rounded(0, 0.1), 1_600_000_005.0);
        assert_eq!(units.restore_rounded(1, 0.123_456_7), 44.596_004);
        assert_eq!(units.restore_rounded(2, 1.234_567_8e-6), 1.234_568e-6);
        assert_eq!(units.restore_rounded(2, 0.0), 0.0);
    }
}
