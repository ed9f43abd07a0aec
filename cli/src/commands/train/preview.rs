//! What a fitted model makes of missing cells, shown at the end of training.

use missvae::impute::FittedModel;
use missvae::prepare::TrainingRows;
use samplers::importance::Statistic;
use samplers::stream::{Purpose, stream};
use serde::{Deserialize, Serialize};

use super::super::imputation::{Asked, Imputation};
use crate::failure::Result;
use crate::output::aligned;

/// Draws of a row in the preview.
const DRAWS: usize = 200;
/// Iterations of a chain, where the model needs one.
const ITERATIONS: usize = 20;
/// Rows in the preview.
const ROWS: usize = 4;
/// The most cells in the preview.
const CELLS: usize = 12;

/// The most rows whose hidden cells are completed: enough for three digits, and in seconds.
const MOST_ROWS: usize = 2000;

/// Errors on hidden cells of some rows, in standardised units.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct HiddenErrors {
    pub(crate) cells: usize,
    /// Of the conditional means.
    pub(crate) rmse: f64,
    pub(crate) mae: f64,
    /// Of the columns' observed means.
    pub(crate) rmse_column_means: f64,
}

/// How far the model's conditional means are from the cells that were hidden: of all rows, or of [`MOST_ROWS`] in equal
/// distances.
pub(crate) fn hidden_errors(model: &mut FittedModel<f32>, rows: &TrainingRows, seed: u64) -> Result<HiddenErrors> {
    let columns = rows.train.columns();
    let mut chosen: Vec<usize> = rows.hidden.iter().map(|(cell, _)| cell / columns).collect();
    chosen.dedup();
    if chosen.len() > MOST_ROWS {
        chosen = (0..MOST_ROWS).map(|i| chosen[i * chosen.len() / MOST_ROWS]).collect();
    }
    let completed = complete(model, rows, &chosen, Statistic::Mean, seed)?;
    let means = rows.train.column_means();
    let (mut squares, mut absolute, mut baseline) = (0.0, 0.0, 0.0);
    let (mut place, mut cells) = (0, 0);
    for &(cell, truth) in &rows.hidden {
        let (n, d) = (cell / columns, cell % columns);
        // Hidden cells are in ascending order, and so are the chosen rows.
        while chosen.get(place).is_some_and(|&chosen| chosen < n) {
            place += 1;
        }
        if chosen.get(place) != Some(&n) {
            continue;
        }
        cells += 1;
        let deviation = rows.deviations[d];
        let error = f64::from(completed[place * columns + d] - truth) / deviation;
        squares += error * error;
        absolute += error.abs();
        let from_mean = (means[d] - f64::from(truth)) / deviation;
        baseline += from_mean * from_mean;
    }
    let root = |sum: f64| (sum / cells as f64).sqrt();
    let (rmse, rmse_column_means) = (root(squares), root(baseline));
    Ok(HiddenErrors { cells, rmse, mae: absolute / cells as f64, rmse_column_means })
}

/// A few missing cells and their completions, for people. Empty if nothing is missing.
pub(crate) fn text(model: &mut FittedModel<f32>, rows: &TrainingRows, seed: u64) -> Result<String> {
    let (data, columns) = (&rows.train, rows.train.columns());
    let incomplete: Vec<usize> =
        (0..data.rows()).filter(|&n| data.observed(n..n + 1).iter().any(|&o| !o)).take(ROWS).collect();
    if incomplete.is_empty() {
        return Ok(String::new());
    }
    let draws = complete(model, rows, &incomplete, Statistic::Draws(DRAWS), seed)?;
    let missing = |n: usize| (0..columns).filter(move |&d| !data.observed(n..n + 1)[d]);
    let cells: usize = incomplete.iter().map(|&n| missing(n).count()).sum();
    let more = if cells > CELLS { format!("  … and {} more in these rows\n", cells - CELLS) } else { String::new() };
    let mut lines = Vec::new();
    for (i, &n) in incomplete.iter().enumerate() {
        for d in missing(n).take(CELLS - lines.len()) {
            let values: Vec<f64> = draws
                .chunks_exact(incomplete.len() * columns)
                .map(|copy| rows.standardisation.restore(d, f64::from(copy[i * columns + d])))
                .collect();
            let mean = values.iter().sum::<f64>() / DRAWS as f64;
            let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (DRAWS - 1) as f64;
            let observed = (0..columns).filter(|&d| data.observed(n..n + 1)[d]).count();
            let hidden = rows.hidden.binary_search_by_key(&(n * columns + d), |&(cell, _)| cell);
            lines.push(vec![
                format!("  row {}, {}", rows.numbers[n], rows.columns[d].name),
                format!("{mean:.2} ± {:.2}", variance.sqrt()),
                format!("given {observed} observed"),
                hidden.map_or_else(
                    |_| String::new(),
                    |at| format!("hidden: {:.2}", rows.standardisation.restore(d, f64::from(rows.hidden[at].1))),
                ),
            ]);
        }
    }
    Ok(format!("some missing cells, completed (mean ± deviation of {DRAWS} draws):\n{}\n{more}", aligned(&lines)))
}

/// Completed copies of some training rows, in model units: copies × rows × columns.
fn complete(
    model: &mut FittedModel<f32>,
    rows: &TrainingRows,
    chosen: &[usize],
    statistic: Statistic,
    seed: u64,
) -> Result<Vec<f32>> {
    let data = rows.train.select(chosen);
    let all = 0..data.rows();
    let mask: Vec<f32> = data.mask(all.clone()).collect();
    let copies = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
    let mut out = vec![0.0; copies * mask.len()];
    let stream_of = |n: usize| stream(seed, Purpose::Impute, 0, chosen[n] as u64);
    // A chain is shorter than in `impute`, where nobody waits for a summary.
    let iterations = model.vae.config().encoder_input.completed().then_some(ITERATIONS);
    let imputation = Imputation::new(Asked { iterations, ..Asked::default() }, model.vae.config())?;
    imputation.complete(model, data.values(all), &mask, statistic, stream_of, &mut out);
    Ok(out)
}
