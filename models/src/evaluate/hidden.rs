//! What a fitted model makes of the missing cells of its training rows.

use samplers::importance::Statistic;
use samplers::stream::{Purpose, stream};
use serde::{Deserialize, Serialize};

use crate::config::Error;
use crate::impute::{FittedModel, ImputationSampler, SamplerOptions};
use crate::prepare::TrainingRows;
use crate::prepare::coding::{Decoder, code, nearest_level, notations};
use crate::store::Column;
use crate::table::{ColumnSchema, Notation};

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

/// Errors on hidden cells of some rows, in standardised units. Cells of columns with levels count in the error rate alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HiddenErrors {
    /// Cells that are compared, but for those with levels.
    pub cells: usize,
    /// Root mean square error of the conditional means. Not a number without such cells, and null in JSON.
    #[serde(default, deserialize_with = "nan_for_null")]
    pub rmse: f64,
    /// Mean absolute error of the conditional means.
    #[serde(default, deserialize_with = "nan_for_null")]
    pub mae: f64,
    /// Root mean square error of the columns' observed means.
    #[serde(default, deserialize_with = "nan_for_null")]
    pub rmse_column_means: f64,
    /// Errors on the cells of columns with levels. None without such cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<HiddenLevels>,
    /// The same column by column, in their own units.
    #[serde(default)]
    pub columns: Vec<HiddenColumn>,
}

/// How often levels are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelErrors {
    /// Share of the cells that are imputed as another level.
    pub error_rate: f64,
    /// The same, if each cell were imputed as the most frequent level of its column.
    pub error_rate_most_frequent: f64,
}

impl LevelErrors {
    fn of(sums: &ColumnSums) -> LevelErrors {
        let share = |wrong: f64| wrong / sums.cells as f64;
        LevelErrors { error_rate: share(sums.squares), error_rate_most_frequent: share(sums.baseline) }
    }
}

/// Errors on hidden cells of all columns with levels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HiddenLevels {
    /// Cells that are compared.
    pub cells: usize,
    /// The errors.
    #[serde(flatten)]
    pub errors: LevelErrors,
}

/// Errors on the hidden cells of a column, in its own unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HiddenColumn {
    /// The column.
    pub column: String,
    /// Cells that are compared.
    pub cells: usize,
    /// Root mean square error of the conditional means. Not a number of a column with levels, and null in JSON.
    #[serde(default, deserialize_with = "nan_for_null")]
    pub rmse: f64,
    /// Root mean square error of the column's observed mean. Not a number of a column with levels, and null in JSON.
    #[serde(default, deserialize_with = "nan_for_null")]
    pub rmse_column_mean: f64,
    /// Of a column with levels.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub levels: Option<LevelErrors>,
    /// Share of the cells between the smallest and the largest of 20 draws: 19/21 where draws are calibrated. Of a column with
    /// levels, share of the cells whose level is among the draws.
    pub coverage: f64,
}

/// JSON has no number for what is none.
fn nan_for_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Sums over the hidden cells of a column.
#[derive(Clone, Debug, Default)]
struct ColumnSums {
    cells: usize,
    /// Squared errors of the conditional means, and of the column's mean; of levels, those that are wrong.
    squares: f64,
    baseline: f64,
    /// Cells in the range of the draws.
    inside: usize,
}

impl ColumnSums {
    fn add(&mut self, other: &ColumnSums) {
        self.cells += other.cells;
        self.squares += other.squares;
        self.baseline += other.baseline;
        self.inside += other.inside;
    }
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
    let leveled: Vec<bool> = rows.columns.iter().map(|column| !column.levels.is_empty()).collect();
    let modes: Vec<f32> = (0..columns).map(|d| if leveled[d] { most_frequent(rows, d) } else { 0.0 }).collect();
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
        if leveled[d] {
            let at = place * columns + d;
            // The mean of two levels is between them.
            let Column { kind, levels, .. } = &rows.columns[d];
            let imputed = code(*kind, nearest_level(*kind, levels.len(), f64::from(completed[at])));
            let (missed, missed_by_mode) = (imputed != f64::from(truth), modes[d] != truth);
            let drawn = draws.chunks_exact(chosen.len() * columns).any(|copy| copy[at] == truth);
            let column = &mut of_columns[d];
            column.cells += 1;
            column.squares += f64::from(missed);
            column.baseline += f64::from(missed_by_mode);
            column.inside += usize::from(drawn);
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
        let error = |sum: f64| if leveled[d] { f64::NAN } else { (sum / cells as f64).sqrt() * unit };
        (cells > 0).then(|| HiddenColumn {
            column: column.name.clone(),
            cells,
            rmse: error(squares),
            rmse_column_mean: error(baseline),
            levels: leveled[d].then(|| LevelErrors::of(sums)),
            coverage: inside as f64 / cells as f64,
        })
    };
    let mut wrong = ColumnSums::default();
    of_columns.iter().zip(&leveled).filter(|(_, leveled)| **leveled).for_each(|(sums, _)| wrong.add(sums));
    let levels = (wrong.cells > 0).then(|| HiddenLevels { cells: wrong.cells, errors: LevelErrors::of(&wrong) });
    let root = |sum: f64| (sum / cells as f64).sqrt();
    let (rmse, rmse_column_means) = (root(squares), root(baseline));
    let columns = of_columns.iter().enumerate().filter_map(of_column).collect();
    Ok(Some(HiddenErrors { cells, rmse, mae: absolute / cells as f64, rmse_column_means, levels, columns }))
}

/// The most frequent level of a column, in model units.
fn most_frequent(rows: &TrainingRows, d: usize) -> f32 {
    let mut counts: Vec<(f32, usize)> = Vec::new();
    for level in rows.train.observed_values(d) {
        match counts.iter_mut().find(|(other, _)| *other == level) {
            Some((_, count)) => *count += 1,
            None => counts.push((level, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(0.0, |(level, _)| level)
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
    /// What the draws are as text, where they are no plain numbers: the most frequent level and its share of the draws, or the
    /// date of their mean.
    pub text: Option<(String, Option<f64>)>,
    /// Observed cells of the row.
    pub observed: usize,
    /// The value as it is written, if it was hidden before training.
    pub hidden: Option<String>,
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
    let schema: Vec<ColumnSchema> = rows.columns.iter().map(Column::schema).collect();
    let (notations, leveled) = (notations(&schema), |d: usize| !schema[d].levels.is_empty());
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
            let notation = &notations[d];
            let decoder = Decoder::of(&schema[d], rows.columns[d].whole, notation);
            let text = match (leveled(d), notation) {
                (true, _) => {
                    let mut levels: Vec<String> =
                        values.iter().map(|value| notation.text(decoder.number(*value))).collect();
                    levels.sort();
                    let longest = levels.chunk_by(|a, b| a == b).max_by_key(|same| same.len());
                    longest.map(|same| (same[0].clone(), Some(same.len() as f64 / DRAWS as f64)))
                }
                (false, Notation::Dates(_)) => Some((notation.text(mean), None)),
                _ => None,
            };
            cells.push(PreviewCell {
                row: rows.numbers[n],
                column: rows.columns[d].name.clone(),
                mean,
                deviation: variance.sqrt(),
                observed: columns - missing(i).len(),
                hidden: hidden.map(|at| {
                    let value = rows.standardisation.restore(d, f64::from(rows.hidden[at].1));
                    if text.is_some() { notation.text(decoder.number(value)) } else { format!("{value:.2}") }
                }),
                text,
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
