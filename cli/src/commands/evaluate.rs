//! `missvae evaluate`: held-out log-likelihood, and the Fréchet distance.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::ProgressBar;
use missvae::evaluate::{
    GRID_TOLERANCE, Importance, Likelihood, Refit, RowScores, RunningScore, ScoreOptions, Scoring, in_data_units,
    iwelbo_after, on_grid, trained_with,
};
use missvae::files::same_file;
use missvae::impute::{ImputationSampler, WeightSummary};
use missvae::monitor::NewRows;
use missvae::prepare::{ModelBlock, ModelFile};
use missvae::table::{BlockSize, Input, NumbersFile, check_output};
use missvae::warning::of_score;
use serde::Serialize;

use crate::args::{Common, Reading};
use crate::blocks::{CELLS, Opened};
use crate::failure::{Failure, Result};
use crate::frechet::{Compared, Frechet};
use crate::output::{Output, cells_missing, counted};
use crate::run::Run;
use crate::signal;
use crate::threads::in_pool;

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Run directory
    pub(crate) run: PathBuf,
    /// Table of held-out rows; - for CSV on standard input
    pub(crate) data: PathBuf,
    /// Method of computing the log-likelihood
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) likelihood: Likelihood,
    /// Importance samples of each row (default: 50000; 1000 for images)
    #[arg(long, value_name = "I")]
    pub(crate) importance_samples: Option<usize>,
    /// Refit the encoder to the held-out rows first, in this many updates
    #[arg(long, value_name = "U", default_value_t = 0)]
    pub(crate) refit_updates: u64,
    /// Also report the Fréchet distance between 20000 rows drawn from the model and DATA, whose rows must be complete,
    /// in the features of another model
    #[arg(long, requires = "feature_model")]
    pub(crate) frechet: bool,
    /// Run of the model whose encoder gives the features. It has the same columns and one component, such as mvae
    /// trained on complete rows
    #[arg(long, value_name = "RUN", requires = "frechet")]
    pub(crate) feature_model: Option<PathBuf>,
    /// Also write each row's log-likelihood, to compare models row by row: .csv, .tsv or .npy
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Resize larger square images to the model's size (bilinear, antialiased)
    #[arg(long)]
    pub(crate) resize: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Rows that are scored together, at least.
const UNIT: usize = 512;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct EvaluateReport {
    #[serde(flatten)]
    score: ScoreKeys,
    /// Log-likelihood under what each column alone says in training: null where columns were not standardised.
    log_likelihood_independent: Option<f64>,
    /// Rows that were scored.
    rows: usize,
    /// Rows without any observed cell: there is nothing to score.
    rows_dropped: usize,
    /// The Fréchet distance of rows drawn from the model, and how many of them.
    frechet: Option<f64>,
    frechet_samples: Option<usize>,
    /// Rows whose importance weights fail, and the largest Pareto k; null on a grid.
    rows_unreliable: Option<usize>,
    pareto_k: Option<f64>,
    /// Where the rows' log-likelihoods are.
    out: Option<String>,
}

/// A log-likelihood and how it was computed.
#[derive(Debug, Serialize)]
struct ScoreKeys {
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
}

/// The file of `--out`: a line for each row, with its number in the table, from 1, its log-likelihood, and what is known of its
/// importance samples.
struct RowsFile(NumbersFile);

impl RowsFile {
    fn create(path: &Path, scoring: Scoring) -> Result<RowsFile> {
        let columns = match scoring {
            Scoring::Grid => &["row", "log_likelihood"][..],
            Scoring::Importance { .. } => &["row", "log_likelihood", "effective_sample_size", "pareto_k"],
        };
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        Ok(RowsFile(NumbersFile::create(path, &columns)?))
    }

    fn write(&mut self, numbers: &[usize], scores: &RowScores) -> Result<()> {
        let mut values = Vec::with_capacity(numbers.len() * 4);
        for (n, &number) in numbers.iter().enumerate() {
            values.extend([(number + 1) as f64, scores.log_likelihood[n]]);
            values.extend(scores.weights.iter().flatten().map(|of_rows| of_rows[n]));
        }
        Ok(self.0.write(&values)?)
    }
}

/// A bar that disappears when it is dropped.
struct Passing(ProgressBar);

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let output = Output::new(&args.common);
    let options = ScoreOptions {
        likelihood: args.likelihood,
        importance_samples: args.importance_samples,
        refit_updates: args.refit_updates,
    };
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
    let reading = args.reading.options_for(&run, &info)?.resize(args.resize);
    let reading = output.saying_dialects(reading);
    // Nothing has its name before the end: a signal may end the process at any moment.
    signal::listen()?;
    signal::release("nothing was written");
    let latent = info.vae.latent;
    let scoring = options.resolve(&info.vae)?;
    // What looks at all rows more than once has them at once.
    let whole = scoring == Scoring::Grid || args.refit_updates > 0 || args.frechet;
    let size = if whole { BlockSize::WHOLE } else { BlockSize { unit: UNIT, cells: CELLS } };
    let file = ModelFile::new(&input, &reading, &info, seed);
    let opened = Opened::new(&file, size, false)?;
    if args.refit_updates > 0 && info.vae.encoder_input.completed() {
        let (data, _) = opened.first.data.clone().without_empty_rows();
        if data.missing() > 0 {
            let what = format!("{}: {}", input.name(), cells_missing(data.missing()));
            return Err(Failure::usage_hint(
                format!("{what}; this model's encoder can only be refitted to complete rows"),
                "leave out --refit-updates, or the rows with missing cells",
            ));
        }
    }
    let mut frechet = match &args.feature_model {
        Some(features) => {
            let (data, empty) = opened.first.data.clone().without_empty_rows();
            Some(Frechet::new(features, &info, &Compared { name: input.name(), rows: &data, empty })?)
        }
        None => None,
    };
    let completion = ImputationSampler::for_proposals(&info)?;
    let samples = match scoring {
        Scoring::Grid => None,
        Scoring::Importance { samples } => Some(samples),
    };
    let mut score = ScoreKeys {
        log_likelihood: f64::NAN,
        standard_error: None,
        likelihood: if samples.is_some() { "iwelbo" } else { "grid" },
        importance_samples: samples,
        effective_sample_size: None,
        refit_updates: args.refit_updates,
        log_likelihood_before_refit: None,
        grid_cells: None,
        grid_change: None,
    };
    let mut out = args.out.as_ref().map(|out| RowsFile::create(out, scoring)).transpose()?;
    let mut running = RunningScore::new(&info, samples);
    let mut new_rows = NewRows::new(&info);
    let (mut scored, mut dropped) = (0, 0);
    let standardisation = info.standardisation();
    let rows = opened.rows.map(|rows| rows as u64);
    // A refit shows bars of its own, and a grid has no rows that are done one by one.
    let bar = Passing(if whole { ProgressBar::hidden() } else { output.bar_or_counter(rows, "rows") });
    bar.0.set_message("importance sampling");
    opened.each(&args.common, |ModelBlock { first, table, data, .. }| {
        if info.vae.images.is_none() {
            new_rows.add(&table, first);
        }
        let numbers: Vec<usize> = data.rows_with_cells().into_iter().map(|n| first + n).collect();
        let (data, empty) = data.without_empty_rows();
        dropped += empty;
        bar.0.inc(empty as u64);
        if data.rows() == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let scores = match samples {
            None => {
                let found = on_grid(&model, &data, &standardisation);
                (score.grid_cells, score.grid_change) = (Some(found.cells), Some(found.change));
                RowScores { log_likelihood: found.per_row, weights: None }
            }
            Some(samples) if args.refit_updates > 0 => {
                // A model file of format 1 does not hold its options; the run's configuration does.
                let trained = match &info.options {
                    Some(options) => trained_with(options, data.columns())?,
                    None => trained_with(&run.read_config()?, data.columns())?,
                };
                let config = options.refit(&info.vae, trained.batch_size, data.rows())?;
                let refit = config.map(|config| Refit { rows: &data, trained: &trained.objective, config });
                let how = Importance { samples, completion: completion.as_ref(), refit, seed };
                let found = how.score(&mut model, &data, &standardisation, |what, count, of| {
                    let bar = Passing(output.bar(count, of));
                    bar.0.set_message(what);
                    move || {
                        bar.0.inc(1);
                        ControlFlow::Continue(())
                    }
                })?;
                score.log_likelihood_before_refit = found.before_refit;
                RowScores { log_likelihood: found.per_row, weights: Some([found.effective, found.pareto_k]) }
            }
            Some(samples) => {
                let progress = || {
                    bar.0.inc(1);
                    ControlFlow::Continue(())
                };
                let found = iwelbo_after(scored, &model, &data, samples, completion.as_ref(), seed, progress)?;
                let log_likelihood = in_data_units(&found.per_row, &data, &standardisation);
                RowScores { log_likelihood, weights: Some([found.effective_sample_size, found.pareto_k]) }
            }
        };
        scored += data.rows();
        running.add(&data, &numbers, &scores)?;
        if let Some(out) = &mut out {
            out.write(&numbers, &scores)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    drop(bar);
    if scored == 0 {
        let data = input.name();
        return Err(Failure::usage(format!("{data}: no row has an observed cell in the model's columns")));
    }
    if dropped > 0 {
        output.say(format!("rows without any observed cell, left out: {dropped}"));
    }
    let found = running.finish()?;
    if let Some(row) = found.uncovered {
        let (file, row, mean) = (input.name(), row + 1, found.log_likelihood);
        return Err(Failure::Failed(format!("{file}, row {row}: the model does not cover it (the mean is {mean})")));
    }
    score.log_likelihood = found.log_likelihood;
    score.standard_error = found.standard_error;
    score.effective_sample_size = found.effective_sample_size;
    new_rows.warnings().into_iter().for_each(|warning| output.warn(warning));
    if let Some(RowsFile(out)) = out {
        out.finish()?.commit()?;
    }
    let weights = found.weights;
    weights.and_then(|weights| weights.warning()).into_iter().for_each(|warning| output.warn(warning));
    let distance =
        frechet.as_mut().map(|frechet| in_pool(&args.common, || frechet.distance(&model, &info, seed))).transpose()?;
    let (frechet, frechet_samples) = distance.unzip();
    let report = EvaluateReport {
        score,
        log_likelihood_independent: found.independent,
        rows: scored,
        rows_dropped: dropped,
        frechet,
        frechet_samples,
        rows_unreliable: weights.filter(WeightSummary::tells).map(|weights| weights.unreliable),
        pareto_k: weights.and_then(|weights| weights.worst).map(|(_, k)| k),
        out: args.out.as_ref().map(|out| out.display().to_string()),
    };
    let score = &report.score;
    let learned = of_score(score.log_likelihood, report.log_likelihood_independent, false);
    learned.into_iter().for_each(|warning| output.warn(warning));
    if let Some(change) = score.grid_change.filter(|change| *change >= GRID_TOLERANCE) {
        output.warn(format!("the last refinement of the grid still changed the mean by {change:.1e} nats"));
    }
    output.result(&report, || {
        let error = score.standard_error.map_or(String::new(), |error| format!(" ± {error:.4} (standard error)"));
        let how = match score.effective_sample_size {
            Some(ess) => format!("{} importance samples, {ess:.0} effective", score.importance_samples.unwrap_or(0)),
            None => format!("grid of {0}^{latent} cells", score.grid_cells.unwrap_or(0)),
        };
        let frechet = report.frechet.map_or(String::new(), |distance| format!("\nFréchet distance {distance:.4}"));
        let beside = report
            .log_likelihood_independent
            .map_or(String::new(), |alone| format!("\n{alone:.4} if the columns were independent"));
        format!(
            "{:.4}{error} nats a row, {}, {how}{beside}{frechet}",
            score.log_likelihood,
            counted(report.rows, "row")
        )
    })
}
