//! Tables completed by a fitted model, or drawn from it.

use std::ops::ControlFlow;

use samplers::importance::Statistic;
use samplers::stream::{Purpose, stream};

use super::fitted::FittedModel;
use super::generate::generate_while;
use super::sampler::{ImputationSampler, ImputationSummary};
use crate::Error;
use crate::data::{Data, Standardisation};
use crate::prepare::coding::{Decoder, notations};
use crate::store::{Column, ModelInfo};
use crate::table::{Notation, Table};

/// Numbers that a block of rows holds at a time: between two calls of `progress`.
const BLOCK: usize = 1 << 19;
/// The most rows of a block.
const MOST_ROWS: usize = 512;

/// Imputes the rows of a table, a block of them after the other, as if all were there at once.
pub struct Imputer<'a> {
    model: &'a FittedModel<f32>,
    columns: &'a [Column],
    sampler: &'a ImputationSampler,
    statistic: Statistic,
    seed: u64,
    rows: usize,
    summary: ImputationSummary,
}

impl<'a> Imputer<'a> {
    /// No rows yet. *columns* say what numbers are written as; those of pixels are not needed.
    pub fn new(
        model: &'a FittedModel<f32>,
        columns: &'a [Column],
        sampler: &'a ImputationSampler,
        statistic: Statistic,
        seed: u64,
    ) -> Imputer<'a> {
        Imputer { model, columns, sampler, statistic, seed, rows: 0, summary: ImputationSummary::default() }
    }

    /// Rows that are imputed together. Blocks of a multiple of so many, all but the last, leave no trace in any result.
    pub fn unit(sampler: &ImputationSampler) -> usize {
        // Whole threads' worth of rows, which are imputed as if alone.
        (BLOCK / sampler.points()).clamp(16, MOST_ROWS).next_multiple_of(16)
    }

    /// How it went, so far.
    pub fn summary(&self) -> ImputationSummary {
        self.summary
    }

    /// Completed copies of the next rows of a table, each N × D in its own units. Observed cells are those of the table.
    ///
    /// *data* holds the rows in the model's units, and *units* turns these into the table's. `progress` is called with the
    /// number of rows that are done since the first block, and says whether to go on.
    ///
    /// # Errors
    /// [`Error::Stopped`] if `progress` said so.
    pub fn next_rows(
        &mut self,
        table: &Table,
        (data, units): (&Data<f32>, &Standardisation),
        progress: impl Fn(usize) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<f64>>, Error> {
        let (rows, width) = (data.rows(), data.columns());
        let draws = if let Statistic::Draws(draws) = self.statistic { draws } else { 1 };
        let mut copies: Vec<Vec<f64>> = (0..draws).map(|_| Vec::with_capacity(rows * width)).collect();
        let decoders = decoders(self.columns, table.notations());
        let unit = Imputer::unit(self.sampler);
        for start in (0..rows).step_by(unit) {
            let part = start..(start + unit).min(rows);
            let values = data.values(part.clone());
            let mask: Vec<f32> = data.mask(part.clone()).collect();
            let mut completed = vec![0.0; draws * values.len()];
            let (seed, first) = (self.seed, self.rows);
            let stream_of = |n: usize| stream(seed, Purpose::Impute, 0, (first + n) as u64);
            let found = self.sampler.complete(self.model, values, &mask, self.statistic, stream_of, &mut completed);
            self.summary.add(found, first);
            let originals = &table.values()[part.start * width..part.end * width];
            for (copy, block) in copies.iter_mut().zip(completed.chunks_exact(values.len())) {
                let cells = block.iter().zip(originals).enumerate();
                copy.extend(cells.map(|(i, (x, original))| match original.is_nan() {
                    true => written(&decoders, i % width, restored(self.model, units, self.columns, i % width, *x)),
                    false => *original,
                }));
            }
            self.rows += part.len();
            if progress(self.rows).is_break() {
                return Err(Error::Stopped);
            }
        }
        Ok(copies)
    }
}

/// The way of each column's numbers to a table.
fn decoders(columns: &[Column], notations: &[Notation]) -> Vec<Decoder> {
    let of_column = |(column, notation): (&Column, &Notation)| Decoder::of(&column.schema(), column.whole, notation);
    columns.iter().zip(notations).map(of_column).collect()
}

/// A number of column `d` in the data's units as one of the table: of pixels, for which there are no decoders, as it is.
fn written(decoders: &[Decoder], d: usize, number: f64) -> f64 {
    decoders.get(d).map_or(number, |decoder| decoder.number(number))
}

/// A model's value of column `d` in the data's units. What is at a bound is the bound, without a rounding error.
fn restored(model: &FittedModel<f32>, units: &Standardisation, columns: &[Column], d: usize, x: f32) -> f64 {
    let Some(limits) = model.vae.config().limits.get(d) else { return units.restore_rounded(d, x) };
    let bound = |of: fn(&Column) -> Option<f64>| columns.get(d).and_then(of);
    match f64::from(x) {
        x if limits.min.is_some_and(|min| x <= min) => bound(|column| column.min).unwrap_or(0.0),
        x if limits.max.is_some_and(|max| x >= max) => bound(|column| column.max).unwrap_or(x),
        _ => units.restore_rounded(d, x),
    }
}

/// Draws rows from a model, in the data's units. `progress` is told of the rows that are done, and stops it.
///
/// # Errors
/// [`Error::Diverged`] if a number is not finite, as of a model whose training diverged; [`Error::Stopped`] if `progress` said
/// so.
pub fn sample_table(
    model: &FittedModel<f32>,
    info: &ModelInfo,
    rows: usize,
    seed: u64,
    progress: impl Fn(usize) -> ControlFlow<()>,
) -> Result<Table, Error> {
    let (units, columns) = (info.standardisation(), info.vae.columns);
    let drawn = generate_while(model, rows, seed, progress).ok_or(Error::Stopped)?;
    if !drawn.iter().all(|x| x.is_finite()) {
        return Err(Error::Diverged);
    }
    let notations = notations(&info.schema());
    let decoders = decoders(&info.columns, &notations);
    let cells = drawn.iter().enumerate();
    let values = cells
        .map(|(i, x)| written(&decoders, i % columns, restored(model, &units, &info.columns, i % columns, *x)))
        .collect();
    let names = info.columns.iter().map(|column| column.name.clone()).collect();
    Ok(Table::new(names, values)?.with_notations(notations))
}
