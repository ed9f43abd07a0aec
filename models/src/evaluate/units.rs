//! Log-likelihoods in the data's units, and their mean.

use crate::data::{Data, Standardisation};

/// Log densities in the data's units: a change of variables, row by row over its observed columns.
pub fn in_data_units(per_row: &[f64], data: &Data<f32>, standardisation: &Standardisation) -> Vec<f64> {
    let volume = |n: usize| standardisation.log_volume(data.observed(n..n + 1));
    per_row.iter().enumerate().map(|(n, log_p)| log_p - volume(n)).collect()
}

/// Mean over rows and its standard error.
pub fn mean_and_standard_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
