//! Log-likelihoods in the data's units, and their mean.

use crate::data::{Data, Standardisation};
use crate::prepare::alone::Alone;
use crate::store::ModelInfo;

/// Log densities in the data's units: a change of variables, row by row over its observed columns.
pub fn in_data_units(per_row: &[f64], data: &Data<f32>, standardisation: &Standardisation) -> Vec<f64> {
    let volume = |n: usize| standardisation.log_volume(data.observed(n..n + 1));
    per_row.iter().enumerate().map(|(n, log_p)| log_p - volume(n)).collect()
}

/// Mean over rows of the log-likelihood under what each column alone says, in nats of the data's units: what a model has to beat.
/// Numbers and dates are normals with the training mean and deviation, levels have their training shares, and counts are negative
/// binomial. `None` where a column is not standardised, is of another type, or is a pixel.
pub fn independent_columns(data: &Data<f32>, info: &ModelInfo) -> Option<f64> {
    let mut columns = IndependentColumns::new(info);
    columns.add(data);
    columns.mean()
}

/// [`independent_columns`] of rows that come block by block.
pub(super) struct IndependentColumns {
    /// Of each column. None where there is no such density.
    columns: Option<(Vec<Alone>, Standardisation)>,
    rows: usize,
    sum: f64,
}

impl IndependentColumns {
    /// No rows yet, for this model.
    pub(super) fn new(info: &ModelInfo) -> IndependentColumns {
        let alone = |(d, column)| Alone::of(column, info.vae.limits.get(d));
        let columns: Option<Vec<Alone>> = match info.vae.images {
            Some(_) => None,
            None => info.columns.iter().enumerate().map(alone).collect(),
        };
        IndependentColumns { columns: columns.map(|columns| (columns, info.standardisation())), rows: 0, sum: -0.0 }
    }

    /// Takes rows.
    pub(super) fn add(&mut self, data: &Data<f32>) {
        let Some((columns, units)) = &self.columns else { return };
        let log_density = |n: usize| {
            let cells = data.values(n..n + 1).iter().zip(data.observed(n..n + 1)).zip(columns);
            let observed = cells.filter(|((_, observed), _)| **observed);
            observed.map(|((x, _), column)| column.log_density(f64::from(*x))).sum::<f64>()
        };
        let per_row: Vec<f64> = (0..data.rows()).map(log_density).collect();
        in_data_units(&per_row, data, units).iter().for_each(|log_density| self.sum += log_density);
        self.rows += data.rows();
    }

    /// The mean of all rows.
    pub(super) fn mean(&self) -> Option<f64> {
        self.columns.as_ref().map(|_| self.sum / self.rows as f64)
    }
}

/// Mean over rows and its standard error.
pub fn mean_and_standard_error(values: &[f64]) -> (f64, f64) {
    mean_and_standard_error_of(values.iter().sum(), values.len(), values.iter().copied())
}

/// The same from the sum of the values and their number.
pub(super) fn mean_and_standard_error_of(sum: f64, number: usize, values: impl Iterator<Item = f64>) -> (f64, f64) {
    let n = number as f64;
    let mean = sum / n;
    let variance = values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{Continuous, Normal};

    use super::*;
    use crate::heads::ColumnType;
    use crate::network::VaeConfig;
    use crate::store::Column;

    #[test]
    fn what_the_columns_say_alone() {
        let column = |mean, scale| Column { mean, scale, ..Column::new("", ColumnType::Numeric) };
        let mut info = ModelInfo {
            vae: VaeConfig::new(2, 1),
            method: "mvae".to_owned(),
            columns: vec![column(5.0, 2.0), column(-1.0, 0.5)],
            updates: 0,
            imputations: None,
            missing_values: Vec::new(),
            left_out: Vec::new(),
            options: None,
        };
        let rows = Data::new(2, vec![6.0, 0.0, 1.0, f64::NAN], vec![true, true, true, false]);
        let data: Data<f32> = info.standardisation().apply(&rows);
        let normal = |mean, scale, x| Normal::new(mean, scale).unwrap().ln_pdf(x);
        let expected = (normal(5.0, 2.0, 6.0) + normal(-1.0, 0.5, 0.0) + normal(5.0, 2.0, 1.0)) / 2.0;
        assert!((independent_columns(&data, &info).unwrap() - expected).abs() < 1e-6);
        info.columns[0] = column(0.0, 1.0);
        assert_eq!(independent_columns(&data, &info), None);
    }
}
