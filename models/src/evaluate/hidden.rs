//! What a fitted model makes of the missing cells of its training rows.

use samplers::importance::Statistic;
use samplers::stream::{Purpose, stream};
use serde::{Deserialize, Serialize};

use crate::config::Error;
use crate::impute::{FittedModel, ImputationSampler, SamplerOptions};
use crate::prepare::TrainingRows;

/// Draws of a row in the preview.
pub const DRAWS: usize = 200;
/// Iterations of a chain, where the model needs one.
const ITERATIONS: usize = 20;
/// Rows in the preview.
const ROWS: usize = 4;
/// Draws whose range is looked at.
const COVERING: usize = 20;
/// The most cells in the preview.
const CELLS: usize = 12;

/// The most rows whose hidden cells are completed: enough for three digits, and in seconds.
const MOST_ROWS: usize = 2000;

/// Errors on hidden cells of some rows, in standardised units.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HiddenErrors {
    /// Cells that are compared.
    pub cells: usize,
    /// Root mean square error of the conditional means.
    pub rmse: f64,
    /// Mean absolute error of the conditional means.
    pub mae: f64,
    /// Root mean square error of the columns' observed means.
    pub rmse_column_means: f64,
    /// The same column by column, in their own units.
    #[serde(default)]
    pub columns: Vec<HiddenColumn>,
}

/// Errors on the hidden cells of a column, in its own unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HiddenColumn {
    /// The column.
    pub column: String,
    /// Cells that are compared.
    pub cells: usize,
    /// Root mean square error of the conditional means.
    pub rmse: f64,
    /// Root mean square error of the column's observed mean.
    pub rmse_column_mean: f64,
    /// Share of the cells between the smallest and the largest of 20 draws: 19/21 where draws are calibrated.
    pub coverage: f64,
}

/// Sums over the hidden cells of a column.
#[derive(Clone, Debug, Default)]
struct ColumnSums {
    cells: usize,
    /// Squared errors of the conditional means, and of the column's mean.
    squares: f64,
    baseline: f64,
    /// Cells in the range of the draws.
    inside: usize,
}

/// How far the model's conditional means are from the cells that were hidden: of all rows, or of 2,000 in equal
/// distances. `None` if no cell was hidden.
///
/// # Errors
/// If a chain of the model would take more memory than there is.
pub fn hidden_errors(model: &FittedModel<f32>, rows: &TrainingRows, seed: u64) -> Result<Option<HiddenErrors>, Error> {
    if rows.hidden.is_empty() {
        return Ok(None);
    }
    let columns = rows.train.columns();
    let mut chosen: Vec<usize> = rows.hidden.iter().map(|(cell, _)| cell / columns).collect();
    chosen.dedup();
    if chosen.len() > MOST_ROWS {
        chosen = (0..MOST_ROWS).map(|i| chosen[i * chosen.len() / MOST_ROWS]).collect();
    }
    let completed = complete(model, rows, &chosen, Statistic::Mean, seed)?;
    let draws = complete(model, rows, &chosen, Statistic::Draws(COVERING), seed)?;
    let means = rows.train.column_means();
    let (mut squares, mut absolute, mut baseline) = (0.0, 0.0, 0.0);
    let (mut place, mut cells) = (0, 0);
    let mut of_columns = vec![ColumnSums::default(); columns];
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
        let at = place * columns + d;
        let drawn = draws.chunks_exact(chosen.len() * columns).map(|copy| copy[at]);
        let (low, high) = drawn.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let column = &mut of_columns[d];
        column.cells += 1;
        column.squares += error * error;
        column.baseline += from_mean * from_mean;
        column.inside += usize::from((low..=high).contains(&truth));
    }
    let of_column = |(d, sums): (usize, &ColumnSums)| {
        let &ColumnSums { cells, squares, baseline, inside } = sums;
        let column = &rows.columns[d];
        // Whether columns are standardised or not.
        let unit = rows.deviations[d] * column.scale;
        (cells > 0).then(|| HiddenColumn {
            column: column.name.clone(),
            cells,
            rmse: (squares / cells as f64).sqrt() * unit,
            rmse_column_mean: (baseline / cells as f64).sqrt() * unit,
            coverage: inside as f64 / cells as f64,
        })
    };
    let root = |sum: f64| (sum / cells as f64).sqrt();
    let (rmse, rmse_column_means) = (root(squares), root(baseline));
    let columns = of_columns.iter().enumerate().filter_map(of_column).collect();
    Ok(Some(HiddenErrors { cells, rmse, mae: absolute / cells as f64, rmse_column_means, columns }))
}

/// A missing cell, and what the model makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewCell {
    /// Number of its row in the table, from 1.
    pub row: usize,
    /// Its column.
    pub column: String,
    /// Mean of the draws, in the data's units.
    pub mean: f64,
    /// Standard deviation of the draws, in the data's units.
    pub deviation: f64,
    /// Observed cells of the row.
    pub observed: usize,
    /// The value in the data's units, if it was hidden before training.
    pub hidden: Option<f64>,
}

/// A few missing cells of the first incomplete rows, and how many more there are in these rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// The cells.
    pub cells: Vec<PreviewCell>,
    /// Missing cells of the same rows that are left out.
    pub more: usize,
}

/// Draws a few missing cells, [`DRAWS`] times each. Empty if nothing is missing.
///
/// # Errors
/// If a chain of the model would take more memory than there is.
pub fn preview(model: &FittedModel<f32>, rows: &TrainingRows, seed: u64) -> Result<Preview, Error> {
    let columns = rows.train.columns();
    // Most rows of a large table can be told without a copy.
    let incomplete =
        |&n: &usize| rows.train.observed(n..n + 1).contains(&false) && rows.with_held_out(&[n]).missing() > 0;
    let incomplete: Vec<usize> = (0..rows.train.rows()).filter(incomplete).take(ROWS).collect();
    if incomplete.is_empty() {
        return Ok(Preview::default());
    }
    let draws = complete(model, rows, &incomplete, Statistic::Draws(DRAWS), seed)?;
    let data = rows.with_held_out(&incomplete);
    let missing = |i: usize| (0..columns).filter(|&d| !data.observed(i..i + 1)[d]).collect::<Vec<_>>();
    let total = data.missing();
    let mut cells = Vec::new();
    for (i, &n) in incomplete.iter().enumerate() {
        for d in missing(i).into_iter().take(CELLS - cells.len()) {
            let values: Vec<f64> = draws
                .chunks_exact(incomplete.len() * columns)
                .map(|copy| rows.standardisation.restore(d, f64::from(copy[i * columns + d])))
                .collect();
            let mean = values.iter().sum::<f64>() / DRAWS as f64;
            let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (DRAWS - 1) as f64;
            let hidden = rows.hidden.binary_search_by_key(&(n * columns + d), |&(cell, _)| cell).ok();
            cells.push(PreviewCell {
                row: rows.numbers[n],
                column: rows.columns[d].name.clone(),
                mean,
                deviation: variance.sqrt(),
                observed: columns - missing(i).len(),
                hidden: hidden.map(|at| rows.standardisation.restore(d, f64::from(rows.hidden[at].1))),
            });
        }
    }
    Ok(Preview { more: total - cells.len(), cells })
}

/// Completed copies of some training rows, in model units: copies × rows × columns.
fn complete(
    model: &FittedModel<f32>,
    rows: &TrainingRows,
    chosen: &[usize],
    statistic: Statistic,
    seed: u64,
) -> Result<Vec<f32>, Error> {
    let data = rows.with_held_out(chosen);
    let all = 0..data.rows();
    let mask: Vec<f32> = data.mask(all.clone()).collect();
    let copies = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
    let mut out = vec![0.0; copies * mask.len()];
    let stream_of = |n: usize| stream(seed, Purpose::Impute, 0, chosen[n] as u64);
    // A chain is shorter than in `impute`, where nobody waits for a summary.
    let iterations = model.vae.config().encoder_input.completed().then_some(ITERATIONS);
    let sampler =
        ImputationSampler::new(SamplerOptions { iterations, ..SamplerOptions::default() }, model.vae.config())?;
    sampler.complete(model, data.values(all), &mask, statistic, stream_of, &mut out);
    Ok(out)
}
