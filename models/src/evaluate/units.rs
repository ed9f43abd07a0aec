//! Log-likelihoods in the data's units, and their mean.

use linalg::special::HALF_LN_TWO_PI;

use crate::data::{Data, Standardisation};
use crate::heads::ColumnType;
use crate::store::{Column, ModelInfo};

/// Log densities in the data's units: a change of variables, row by row over its observed columns.
pub fn in_data_units(per_row: &[f64], data: &Data<f32>, standardisation: &Standardisation) -> Vec<f64> {
    let volume = |n: usize| standardisation.log_volume(data.observed(n..n + 1));
    per_row.iter().enumerate().map(|(n, log_p)| log_p - volume(n)).collect()
}

/// Mean over rows of the log-likelihood under independent normals with the columns' training means and deviations, in nats of the
/// data's units: what a model has to beat. `None` where the columns are not all numeric and standardised.
pub fn independent_normals(data: &Data<f32>, info: &ModelInfo) -> Option<f64> {
    let standardised =
        |column: &Column| column.kind == ColumnType::Numeric && (column.mean, column.scale) != (0.0, 1.0);
    if info.vae.images.is_some() || !info.columns.iter().all(standardised) {
        return None;
    }
    let log_density = |n: usize| {
        let cells = data.values(n..n + 1).iter().zip(data.observed(n..n + 1)).filter(|(_, observed)| **observed);
        cells.map(|(x, _)| -0.5 * f64::from(*x).powi(2) - HALF_LN_TWO_PI).sum::<f64>()
    };
    let per_row: Vec<f64> = (0..data.rows()).map(log_density).collect();
    let in_units = in_data_units(&per_row, data, &info.standardisation());
    Some(in_units.iter().sum::<f64>() / data.rows() as f64)
}

/// Mean over rows and its standard error.
pub fn mean_and_standard_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{Continuous, Normal};

    use super::*;
    use crate::network::VaeConfig;

    #[test]
    fn normals_of_the_columns_alone() {
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
        assert!((independent_normals(&data, &info).unwrap() - expected).abs() < 1e-6);
        info.columns[0] = column(0.0, 1.0);
        assert_eq!(independent_normals(&data, &info), None);
    }
}
