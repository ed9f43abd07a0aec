//! `missvae evaluate`: held-out log-likelihood, and the Fréchet distance.

mod importance;

use std::ops::ControlFlow;
use std::path::Path;

use indicatif::ProgressBar;
use missvae::config::check_size;
use missvae::data::{Data, Standardisation};
use missvae::evaluate::{RefitConfig, grid_log_likelihood_converged, mean_and_standard_error};
use missvae::impute::FittedModel;
use serde::Serialize;

use super::frechet::{Compared, Frechet};
use super::imputation::Imputation;
use super::in_pool;
use crate::args::{EvaluateArgs, Likelihood};
use crate::failure::{Failure, Result};
use crate::output::{Output, cells_missing, counted};
use crate::run::Run;
pub(crate) use importance::{Importance, ImportanceScore, Refit};
use missvae::files::same_file;
use missvae::prepare::read_model_rows;
use missvae::table::{Input, ReadOptions, check_output, write_numbers};

/// Times the grid is refined at most: 500, 1000, 2000 cells a side.
const DOUBLINGS: usize = 2;
/// Change of the mean at which the grid is fine enough, in nats.
pub(crate) const GRID_TOLERANCE: f64 = 1e-4;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    score: Score,
    /// Rows that were scored.
    rows: usize,
    /// Rows without any observed cell: there is nothing to score.
    rows_dropped: usize,
    /// The Fréchet distance of rows drawn from the model, and how many of them.
    frechet: Option<f64>,
    frechet_samples: Option<usize>,
    /// Where the rows' log-likelihoods are.
    out: Option<String>,
}

/// A log-likelihood and how it was computed.
#[derive(Debug, Serialize)]
struct Score {
    log_likelihood: f64,
    standard_error: Option<f64>,
    likelihood: &'static str,
    importance_samples: Option<usize>,
    effective_sample_size: Option<f64>,
    refit_updates: u64,
    /// Mean without refitting, if the encoder was refitted.
    log_likelihood_before_refit: Option<f64>,
    /// Cells a side of the last grid, and by how much it changed the mean.
    grid_cells: Option<usize>,
    grid_change: Option<f64>,
    #[serde(skip)]
    rows: PerRow,
}

/// What `--out` writes.
#[derive(Debug)]
struct PerRow {
    log_likelihood: Vec<f64>,
    /// Effective number of importance samples, if there are any.
    effective: Option<Vec<f64>>,
}

impl PerRow {
    /// Writes a line for each row: its number in the table, from 1, its log-likelihood, its effective samples.
    fn write(&self, path: &Path, scored: &[usize]) -> Result<()> {
        let mut columns = vec!["row".to_owned(), "log_likelihood".to_owned()];
        columns.extend(self.effective.as_ref().map(|_| "effective_sample_size".to_owned()));
        let mut values = Vec::with_capacity(scored.len() * columns.len());
        for (n, &row) in scored.iter().enumerate() {
            values.extend([(row + 1) as f64, self.log_likelihood[n]]);
            values.extend(self.effective.as_ref().map(|effective| effective[n]));
        }
        Ok(write_numbers(path, &columns, &values)?)
    }
}

/// A log-likelihood by integration over a grid.
#[derive(Clone, Debug)]
pub(crate) struct GridScore {
    /// Of each row, in nats of the data's units.
    pub(crate) per_row: Vec<f64>,
    /// Mean of a row, in nats of the data's units.
    pub(crate) log_likelihood: f64,
    /// Its standard error over rows; `None` of a single row.
    pub(crate) standard_error: Option<f64>,
    /// Cells a side of the last grid, and by how much it changed the mean.
    pub(crate) cells: usize,
    pub(crate) change: f64,
}

/// Scores rows on a grid that is refined until their mean stands still.
///
/// # Panics
/// If the model has more than two latent dimensions.
pub(crate) fn on_grid(model: &mut FittedModel<f32>, data: &Data<f32>, standardisation: &Standardisation) -> GridScore {
    let result = grid_log_likelihood_converged(model, data, GRID_TOLERANCE, DOUBLINGS);
    let per_row = in_data_units(&result.per_row, data, standardisation);
    let (mean, error) = mean_and_standard_error(&per_row);
    GridScore {
        per_row,
        log_likelihood: mean,
        standard_error: error.is_finite().then_some(error),
        cells: result.grid.cells,
        change: result.change,
    }
}

/// Log densities in the data's units: a change of variables, row by row over its observed columns.
fn in_data_units(per_row: &[f64], data: &Data<f32>, standardisation: &Standardisation) -> Vec<f64> {
    let volume = |n: usize| standardisation.log_volume(data.observed(n..n + 1));
    per_row.iter().enumerate().map(|(n, log_p)| log_p - volume(n)).collect()
}

/// A bar that goes when it is no longer needed.
struct Passing(ProgressBar);

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How the paper refits an encoder (docs/methods.md §7).
pub(crate) fn refit_config(images: bool, updates: u64, batch_size: usize) -> RefitConfig {
    match images {
        true => RefitConfig::for_images(updates, batch_size),
        false => RefitConfig::for_tables(updates, batch_size),
    }
}

pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let output = Output::new(&args.common);
    if args.importance_samples == Some(0) {
        return Err(Failure::usage("--importance-samples 0: expected at least 1"));
    }
    if let Some(out) = &args.out {
        check_output(out)?;
        if same_file(out, &args.data) {
            let what = format!("--out {}: this is DATA itself, which would be lost", out.display());
            return Err(Failure::usage_hint(what, "give --out another name"));
        }
    }
    let run = Run::open(&args.run)?;
    let (mut model, info) = run.load_model()?;
    let seed = args.common.seed.unwrap_or(0);
    let input = Input::from_arg(Some(&args.data));
    if args.resize && info.vae.images.is_none() {
        return Err(Failure::usage("--resize: this is for images, and the model is one of tables"));
    }
    let reading = ReadOptions { resize: args.resize, ..args.reading.options_for(&run)? };
    let data = read_model_rows(&input, &reading, &info, seed)?;
    let scored = data.rows_with_cells();
    let (data, dropped) = data.without_empty_rows();
    let images = info.vae.images.is_some();
    let importance_samples = args.importance_samples.unwrap_or(if images { 1000 } else { 50_000 });
    if data.rows() == 0 {
        let data = input.name();
        return Err(Failure::usage(format!("{data}: no row has an observed cell in the model's columns")));
    }
    if args.refit_updates > 0 && info.vae.encoder_input.completed() && data.missing() > 0 {
        let what = format!("{}: {}", input.name(), cells_missing(data.missing()));
        return Err(Failure::usage_hint(
            format!("{what}; this model's encoder can only be refitted to complete rows"),
            "leave out --refit-updates, or the rows with missing cells",
        ));
    }
    let standardisation = info.standardisation();

    let latent = info.vae.latent;
    let grid = match args.likelihood {
        Likelihood::Grid if images => {
            let what = "--likelihood grid: this is for tables, and the model is for images";
            return Err(Failure::usage_hint(what, "use --likelihood iwelbo"));
        }
        Likelihood::Grid if latent > 2 => {
            let what = format!("--likelihood grid: the model has {latent} latent dimensions, a grid needs at most 2");
            return Err(Failure::usage_hint(what, "use --likelihood iwelbo"));
        }
        Likelihood::Grid => true,
        Likelihood::Iwelbo => false,
        Likelihood::Auto => latent <= 2 && !images,
    };
    if grid && args.refit_updates > 0 {
        let what = "--refit-updates: a grid does not use the encoder";
        return Err(Failure::usage_hint(what, "add --likelihood iwelbo, or leave it out"));
    }
    if grid && args.importance_samples.is_some() {
        let what = "--importance-samples: a grid has none";
        return Err(Failure::usage_hint(what, "add --likelihood iwelbo, or leave it out"));
    }
    let frechet = match &args.feature_model {
        Some(features) => {
            let compared = Compared { name: input.name(), rows: &data, empty: dropped };
            Some(Frechet::new(features, &info, &compared)?)
        }
        None => None,
    };
    if dropped > 0 {
        output.say(format!("rows without any observed cell, left out: {dropped}"));
    }
    let completion = Imputation::for_proposals(&info)?;
    let score = in_pool(&args.common, || {
        if grid {
            let score = on_grid(&mut model, &data, &standardisation);
            return Ok(Score {
                log_likelihood: score.log_likelihood,
                standard_error: score.standard_error,
                likelihood: "grid",
                importance_samples: None,
                effective_sample_size: None,
                refit_updates: 0,
                log_likelihood_before_refit: None,
                grid_cells: Some(score.cells),
                grid_change: Some(score.change),
                rows: PerRow { log_likelihood: score.per_row, effective: None },
            });
        }
        let settled;
        let refit = match args.refit_updates {
            0 => None,
            updates => {
                // The length of training, and the memory that it takes, are no matter here: as if for a single row.
                settled = run.read_config()?.with_preset().resolve(1, data.columns())?.train;
                let config = refit_config(images, updates, settled.batch_size.min(data.rows()));
                let points = config.batch_size.saturating_mul(config.samples);
                check_size(&info.vae, config.batch_size, points).map_err(|failure| {
                    Failure::usage_hint(
                        format!("--refit-updates {updates}: {failure}"),
                        "leave it out, or score fewer rows at a time",
                    )
                })?;
                Some(Refit { rows: &data, trained: &settled.objective, config })
            }
        };
        let how = Importance { samples: importance_samples, completion: completion.as_ref(), refit, seed };
        let score = how.score(&mut model, &data, &standardisation, |what, count, of| {
            let bar = Passing(output.bar(count, of));
            bar.0.set_message(what);
            move || {
                bar.0.inc(1);
                ControlFlow::Continue(())
            }
        })?;
        Ok(Score {
            log_likelihood: score.log_likelihood,
            standard_error: score.standard_error,
            likelihood: "iwelbo",
            importance_samples: Some(importance_samples),
            effective_sample_size: Some(score.effective_sample_size),
            refit_updates: args.refit_updates,
            log_likelihood_before_refit: score.before_refit,
            grid_cells: None,
            grid_change: None,
            rows: PerRow { log_likelihood: score.per_row, effective: Some(score.effective) },
        })
    })?;
    if let Some(n) = score.rows.log_likelihood.iter().position(|score| !score.is_finite()) {
        let (file, row, mean) = (input.name(), scored[n] + 1, score.log_likelihood);
        return Err(Failure::Failed(format!("{file}, row {row}: the model does not cover it (the mean is {mean})")));
    }
    if let Some(out) = &args.out {
        score.rows.write(out, &scored)?;
    }
    let frechet = frechet.map(|mut frechet| in_pool(&args.common, || frechet.distance(&mut model, &info, seed)));
    let (frechet, frechet_samples) = frechet.transpose()?.unzip();
    let report = Report {
        score,
        rows: data.rows(),
        rows_dropped: dropped,
        frechet,
        frechet_samples,
        out: args.out.as_ref().map(|out| out.display().to_string()),
    };
    let score = &report.score;
    if let Some(change) = score.grid_change.filter(|change| *change >= GRID_TOLERANCE) {
        output.say(format!("warning: the last refinement of the grid still changed the mean by {change:.1e} nats"));
    }
    output.result(&report, || {
        let error = score.standard_error.map_or(String::new(), |error| format!(" ± {error:.4} (standard error)"));
        let how = match score.effective_sample_size {
            Some(ess) => format!("{importance_samples} importance samples, {ess:.0} effective"),
            None => format!("grid of {0}^{latent} cells", score.grid_cells.unwrap_or(0)),
        };
        let frechet = report.frechet.map_or(String::new(), |distance| format!("\nFréchet distance {distance:.4}"));
        format!("{:.4}{error} nats a row, {}, {how}{frechet}", score.log_likelihood, counted(report.rows, "row"))
    })
}
