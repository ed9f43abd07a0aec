//! `missvae evaluate`: held-out log-likelihood, and the Fréchet distance.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::ProgressBar;
use missvae::evaluate::{
    GRID_TOLERANCE, Importance, Likelihood, Refit, ScoreOptions, Scoring, independent_normals, on_grid, trained_with,
};
use missvae::files::same_file;
use missvae::impute::{ImputationSampler, WeightSummary};
use missvae::prepare::read_model_rows;
use missvae::table::{Input, check_output, write_numbers};
use missvae::warning::Warning;
use serde::Serialize;

use crate::args::{Common, Reading};
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
    /// Table of held-out rows
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

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct EvaluateReport {
    #[serde(flatten)]
    score: ScoreKeys,
    /// Log-likelihood under independent normals with the columns' training means and deviations: null where columns were not
    /// standardised.
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
    #[serde(skip)]
    rows: PerRow,
}

/// What `--out` writes.
#[derive(Debug)]
struct PerRow {
    log_likelihood: Vec<f64>,
    /// Effective number of importance samples, if there are any.
    effective: Option<Vec<f64>>,
    /// Pareto k of its weights, and a summary of them.
    pareto_k: Option<Vec<f64>>,
    weights: Option<WeightSummary>,
}

impl PerRow {
    /// Writes a line for each row: its number in the table, from 1, its log-likelihood, its effective samples.
    fn write(&self, path: &Path, scored: &[usize]) -> Result<()> {
        let mut columns = vec!["row".to_owned(), "log_likelihood".to_owned()];
        columns.extend(self.effective.as_ref().map(|_| "effective_sample_size".to_owned()));
        columns.extend(self.pareto_k.as_ref().map(|_| "pareto_k".to_owned()));
        let mut values = Vec::with_capacity(scored.len() * columns.len());
        for (n, &row) in scored.iter().enumerate() {
            values.extend([(row + 1) as f64, self.log_likelihood[n]]);
            values.extend(self.effective.as_ref().map(|effective| effective[n]));
            values.extend(self.pareto_k.as_ref().map(|k| k[n]));
        }
        Ok(write_numbers(path, &columns, &values)?)
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
    let (data, warnings) = read_model_rows(&input, &reading, &info, seed)?;
    // Nothing is written before the end: a signal may end the process at any moment.
    signal::listen()?;
    signal::release("nothing was written");
    let scored = data.rows_with_cells();
    let (data, dropped) = data.without_empty_rows();
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
    let scoring = options.resolve(&info.vae)?;
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
    let completion = ImputationSampler::for_proposals(&info)?;
    let score = in_pool(&args.common, || {
        let Scoring::Importance { samples } = scoring else {
            let score = on_grid(&model, &data, &standardisation);
            return Ok(ScoreKeys {
                log_likelihood: score.log_likelihood,
                standard_error: score.standard_error,
                likelihood: "grid",
                importance_samples: None,
                effective_sample_size: None,
                refit_updates: 0,
                log_likelihood_before_refit: None,
                grid_cells: Some(score.cells),
                grid_change: Some(score.change),
                rows: PerRow { log_likelihood: score.per_row, effective: None, pareto_k: None, weights: None },
            });
        };
        let resolved;
        let refit = match args.refit_updates {
            0 => None,
            _ => {
                // A model file of format 1 does not hold its options; the run's configuration does.
                resolved = match &info.options {
                    Some(options) => trained_with(options, data.columns())?,
                    None => trained_with(&run.read_config()?, data.columns())?,
                };
                let config = options.refit(&info.vae, resolved.batch_size, data.rows())?;
                config.map(|config| Refit { rows: &data, trained: &resolved.objective, config })
            }
        };
        let how = Importance { samples, completion: completion.as_ref(), refit, seed };
        let score = how.score(&mut model, &data, &standardisation, |what, count, of| {
            let bar = Passing(output.bar(count, of));
            bar.0.set_message(what);
            move || {
                bar.0.inc(1);
                ControlFlow::Continue(())
            }
        })?;
        let weights = Some(score.weights(samples));
        Ok(ScoreKeys {
            log_likelihood: score.log_likelihood,
            standard_error: score.standard_error,
            likelihood: "iwelbo",
            importance_samples: Some(samples),
            effective_sample_size: Some(score.effective_sample_size),
            refit_updates: args.refit_updates,
            log_likelihood_before_refit: score.before_refit,
            grid_cells: None,
            grid_change: None,
            rows: PerRow {
                log_likelihood: score.per_row,
                effective: Some(score.effective),
                pareto_k: Some(score.pareto_k),
                weights,
            },
        })
    })?;
    if let Some(n) = score.rows.log_likelihood.iter().position(|score| !score.is_finite()) {
        let (file, row, mean) = (input.name(), scored[n] + 1, score.log_likelihood);
        return Err(Failure::Failed(format!("{file}, row {row}: the model does not cover it (the mean is {mean})")));
    }
    warnings.into_iter().for_each(|warning| output.warn(warning));
    if let Some(out) = &args.out {
        score.rows.write(out, &scored)?;
    }
    let of_table = |weights: WeightSummary| {
        let worst = weights.worst.map(|(n, k)| (scored[n], k));
        WeightSummary { worst, ..weights }
    };
    let weights = score.rows.weights.map(of_table);
    weights.and_then(|weights| weights.warning()).into_iter().for_each(|warning| output.warn(warning));
    let frechet = frechet.map(|mut frechet| in_pool(&args.common, || frechet.distance(&model, &info, seed)));
    let (frechet, frechet_samples) = frechet.transpose()?.unzip();
    let report = EvaluateReport {
        score,
        log_likelihood_independent: independent_normals(&data, &info),
        rows: data.rows(),
        rows_dropped: dropped,
        frechet,
        frechet_samples,
        rows_unreliable: weights.filter(WeightSummary::tells).map(|weights| weights.unreliable),
        pareto_k: weights.and_then(|weights| weights.worst).map(|(_, k)| k),
        out: args.out.as_ref().map(|out| out.display().to_string()),
    };
    let score = &report.score;
    if let Some(alone) = report.log_likelihood_independent.filter(|alone| score.log_likelihood < *alone) {
        output.warn(Warning::NothingLearned { scores: [score.log_likelihood, alone], cells: false });
    }
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
            .map_or(String::new(), |alone| format!("\n{alone:.4} if the columns were independent normals"));
        format!(
            "{:.4}{error} nats a row, {}, {how}{beside}{frechet}",
            score.log_likelihood,
            counted(report.rows, "row")
        )
    })
}
