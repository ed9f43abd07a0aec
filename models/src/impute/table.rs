//! Tables completed by a fitted model, or drawn from it.

use samplers::importance::Statistic;
use samplers::stream::{Purpose, stream};

use super::fitted::FittedModel;
use super::generate::generate;
use super::sampler::{ImputationSampler, ImputationSummary};
use crate::data::{Data, Standardisation};
use crate::store::ModelInfo;
use crate::table::Table;

/// Completed copies of a table, each N × D in its own units, and diagnostics. Observed cells are those of the table.
///
/// *data* holds the table in the model's units, and *units* turns these into the table's.
pub fn impute_table(
    model: &FittedModel<f32>,
    units: &Standardisation,
    table: &Table,
    data: &Data<f32>,
    sampler: &ImputationSampler,
    statistic: Statistic,
    seed: u64,
) -> (Vec<Vec<f64>>, ImputationSummary) {
    let rows = data.values(0..data.rows());
    let mask: Vec<f32> = data.mask(0..data.rows()).collect();
    let draws = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
    let mut completed = vec![0.0; draws * rows.len()];
    let stream_of = |n: usize| stream(seed, Purpose::Impute, 0, n as u64);
    let diagnostics = sampler.complete(model, rows, &mask, statistic, stream_of, &mut completed);
    // A table without rows has as many copies as any other.
    let copies = (0..draws).map(|m| {
        let copy = &completed[m * rows.len()..(m + 1) * rows.len()];
        let cells = copy.iter().zip(table.values()).enumerate();
        let value = |(i, (x, original)): (usize, (&f32, &f64))| {
            let d = i % table.width();
            if original.is_nan() { units.restore_rounded(d, *x) } else { *original }
        };
        cells.map(value).collect()
    });
    (copies.collect(), diagnostics)
}

/// Draws rows from a model, in the data's units. `None` if a number is not finite, as of a model whose training
/// diverged.
pub fn sample_table(model: &FittedModel<f32>, info: &ModelInfo, rows: usize, seed: u64) -> Option<Table> {
    let (units, columns) = (info.standardisation(), info.vae.columns);
    let drawn = generate(model, rows, seed);
    if !drawn.iter().all(|x| x.is_finite()) {
        return None;
    }
    let values = drawn.iter().enumerate().map(|(i, x)| units.restore_rounded(i % columns, *x)).collect();
    Table::new(info.columns.iter().map(|column| column.name.clone()).collect(), values).ok()
}
