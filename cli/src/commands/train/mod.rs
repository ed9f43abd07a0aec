//! `missvae train`: fit a model; writes a run directory.

mod preview;
mod rows;
mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use models::store::{self, CheckpointInfo, ModelInfo};
use models::trainer::{Objective, Outcome, State, Trainer};
use models::vae::Vae;
use samplers::chains::{ChainSampler, Impute};
use serde::{Deserialize, Serialize};

use super::in_pool;
use crate::args::TrainArgs;
use crate::failure::{Failure, Result};
use crate::options::{Plan, TrainOptions, Validation};
use crate::output::{Output, aligned};
use crate::run::Run;
use crate::table::Input;
use rows::Rows;
use watch::Watch;

/// What `--json` prints and `summary.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Summary {
    method: String,
    rows: usize,
    rows_dropped: usize,
    cells_missing: usize,
    parameters: usize,
    epochs: u64,
    updates: u64,
    /// Mean of the bound over the last epoch, in nats a row of the data's units.
    objective: f64,
    validation: Option<f64>,
    /// Errors on the cells that `--hide` hid.
    hidden: Option<preview::HiddenErrors>,
    seconds: f64,
    seconds_per_update: f64,
    run: String,
}

pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let output = Output::new(&args.common);
    if !(args.checkpoint_every >= 0.0 && args.checkpoint_every.is_finite()) {
        return Err(Failure::usage(format!(
            "--checkpoint-every {}: expected seconds, at least 0",
            args.checkpoint_every
        )));
    }
    let (options, resumed) = match &args.resume {
        Some(path) => {
            if args.options != TrainOptions::default() || args.common.seed.is_some() {
                return Err(Failure::usage_hint(
                    "--resume goes on with the options of the run; others cannot be given",
                    "leave them out, or start a new run",
                ));
            }
            let run = Run::open(path)?;
            let options = run.read_config()?;
            run.sweep();
            (options, Some(run))
        }
        None => (said(args)?, None),
    };

    let rows = Rows::read(&options)?;
    let plan = options.settle(rows.train.rows(), rows.train.columns())?;
    let run = match resumed {
        Some(run) => run,
        None => {
            let run = match &args.out {
                Some(path) => Run::create(path, args.overwrite)?,
                None => Run::create(&unused(plan.method.name), false)?,
            };
            run.write_config(&plan.options)?;
            run
        }
    };
    let summary = in_pool(&args.common, || fit(args, &output, &plan, &rows, &run))?;
    output.result(&summary.0, || summary.1)
}

/// The options from all sources but the defaults.
fn said(args: &TrainArgs) -> Result<TrainOptions> {
    let mut options = args.options.clone();
    options.seed = args.common.seed;
    options.data = args.data.as_deref().map(|path| path.display().to_string());
    if let Some(path) = &args.config {
        options = options.over(TrainOptions::from_file(path)?);
    }
    // Paths from the root, so that a run can be resumed from another directory.
    options.data = options.data.map(|path| if path == "-" { path } else { absolute(&path) });
    if let Some(Validation::File(path)) = options.validation()? {
        options.validation = Some(absolute(&path.display().to_string()));
    }
    options.with_preset()
}

/// The path from the root.
fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// A run directory that does not exist: runs/<method>-<time>.
fn unused(method: &str) -> PathBuf {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let time: String = time.chars().filter(char::is_ascii_digit).collect();
    let name = format!("runs/{method}-{}-{}", &time[..8], &time[8..]);
    let numbered = (2..).map(|n| PathBuf::from(format!("{name}-{n}")));
    let mut candidates = std::iter::once(PathBuf::from(&name)).chain(numbered);
    candidates.find(|path| !path.exists()).unwrap_or_else(|| PathBuf::from(name))
}

/// Trains to the end, and reports.
fn fit(args: &TrainArgs, output: &Output, plan: &Plan, rows: &Rows, run: &Run) -> Result<(Summary, String)> {
    let vae = Vae::new(plan.vae.clone());
    let info = ModelInfo {
        vae: plan.vae.clone(),
        method: plan.method.name.to_owned(),
        columns: rows.columns.clone(),
        updates: 0,
        imputations: imputations(plan),
    };
    let mut trainer = trainer(plan, rows, run, vae, &info)?;
    let total = trainer.total_updates(rows.train.rows());
    if trainer.progress().update >= total && run.summary().exists() {
        output.say(format!("{}: the run is finished already", run.path().display()));
        let summary: Summary = run.read_summary()?;
        let text = report(&summary, String::new(), args.data.as_deref());
        return Ok((summary, text));
    }
    output.say(rows.describe());
    output.say(format!(
        "{} with {} components, {} latent dimensions, {} parameters, {total} updates; run directory {}",
        plan.method.title,
        plan.vae.components,
        plan.vae.latent,
        trainer.vae().layout().count(),
        run.path().display(),
    ));

    let started = Instant::now();
    let first = trainer.progress().update;
    let every = Duration::try_from_secs_f64(args.checkpoint_every).unwrap_or(Duration::MAX);
    let mut watch = Watch::new(output, run, info, rows, &trainer, every)?;
    let outcome = trainer.run(&rows.train, rows.validation.as_ref(), &mut watch);
    let last = watch.finish(&trainer, &outcome)?;
    let seconds = started.elapsed().as_secs_f64();
    if outcome? == Outcome::Interrupted {
        let path = run.path().display();
        return Err(Failure::Interrupted(format!("go on with: missvae train --resume {path}")));
    }

    let updates = trainer.progress().update;
    let mut model =
        models::imputer::Fitted::new(trainer.vae().clone(), autodiff::Aligned::from_slice(trainer.parameters()));
    let seed = plan.train.seed;
    let summary = Summary {
        method: plan.method.name.to_owned(),
        rows: rows.train.rows(),
        rows_dropped: rows.dropped,
        cells_missing: rows.train.missing(),
        parameters: trainer.vae().layout().count(),
        epochs: trainer.progress().epoch,
        updates,
        objective: last.map_or(f64::NAN, |epoch| epoch.objective),
        validation: last.and_then(|epoch| epoch.validation),
        hidden: rows.hidden_errors(&mut model, seed)?,
        seconds,
        seconds_per_update: seconds / (updates - first).max(1) as f64,
        run: run.path().display().to_string(),
    };
    run.write_summary(&summary)?;
    let text = report(&summary, preview::text(&mut model, rows, seed)?, args.data.as_deref());
    Ok((summary, text))
}

/// A new trainer, or the one that the run's checkpoint describes.
fn trainer(plan: &Plan, rows: &Rows, run: &Run, vae: Vae, info: &ModelInfo) -> Result<Trainer<f32>> {
    if !run.checkpoint().exists() {
        return Ok(Trainer::new(vae, plan.train.clone())?);
    }
    let (stored, checkpoint, state) = store::load_checkpoint(&run.checkpoint())?;
    let CheckpointInfo { model, progress, fingerprint } = checkpoint;
    let fail = |what: &str, hint: &str| {
        Err(Failure::Run { path: run.path().to_owned(), what: what.to_owned(), hint: Some(hint.to_owned()) })
    };
    if model.vae != info.vae || model.method != info.method || model.imputations != info.imputations {
        return fail(
            "its checkpoint is of another model than its config.toml describes",
            "restore the file, or start a new run",
        );
    }
    if fingerprint != rows.fingerprint || model.columns != info.columns {
        return fail("the table has changed since the run began", "restore the table, or start a new run");
    }
    let n = rows.train.rows();
    if !imputations_fit(plan, &state, n) {
        return fail("its checkpoint does not hold the imputations of this table's rows", "start a new run");
    }
    let trainer = Trainer::resume(stored, plan.train.clone(), state)?;
    if progress.step >= trainer.updates_per_epoch(n) || progress.update > trainer.total_updates(n) {
        return fail(
            "its checkpoint does not fit the batch size or the length in its config.toml",
            "restore config.toml, or start a new run",
        );
    }
    Ok(trainer)
}

/// K, imputations of each row, where the method keeps some.
fn imputations(plan: &Plan) -> Option<usize> {
    match &plan.train.objective {
        Objective::FiniteMixture(_) => None,
        Objective::ImputationMixture(training) => Some(training.objective.imputations),
    }
}

/// Whether a checkpoint's imputations are those of a run on so many rows.
fn imputations_fit(plan: &Plan, state: &State<f32>, rows: usize) -> bool {
    let Objective::ImputationMixture(training) = &plan.train.objective else { return state.imputations.is_none() };
    let copies = rows * training.objective.imputations;
    let latents = if ChainSampler::<f32>::new(training.sampler).keeps_latents() { copies * plan.vae.latent } else { 0 };
    state
        .imputations
        .as_ref()
        .is_some_and(|stored| stored.completed.len() == copies * plan.vae.columns && stored.latents.len() == latents)
}

/// The summary for people.
fn report(summary: &Summary, preview: String, data: Option<&Path>) -> String {
    let line = |name: &str, value: String| vec![name.to_owned(), value];
    let mut lines = vec![
        line("method", summary.method.clone()),
        line("rows", summary.rows.to_string()),
        line("missing cells", summary.cells_missing.to_string()),
        line("updates", format!("{} in {} epochs", summary.updates, summary.epochs)),
        line("objective", format!("{:.4} nats a row", summary.objective)),
    ];
    if let Some(validation) = summary.validation {
        lines.push(line("validation", format!("{validation:.4} nats a row")));
    }
    if let Some(hidden) = &summary.hidden {
        let text = format!("RMSE {:.3} (column means: {:.3})", hidden.rmse, hidden.rmse_column_means);
        lines.push(line("hidden cells", format!("{}, {text}, standardised", hidden.cells)));
    }
    let per_update = summary.seconds_per_update * 1e3;
    lines.push(line("time", format!("{:.1} s, {per_update:.2} ms an update", summary.seconds)));
    let data = data.map_or_else(|| "TABLE.csv".to_owned(), |path| path.display().to_string());
    let run = &summary.run;
    format!(
        "{}\n{preview}next:\n  missvae impute {run} {data} --out completed.csv\n  missvae evaluate {run} HELD-OUT.csv\n",
        aligned(&lines)
    )
}

impl Rows {
    /// How well the hidden cells are found again.
    fn hidden_errors(
        &self,
        model: &mut models::imputer::Fitted<f32>,
        seed: u64,
    ) -> Result<Option<preview::HiddenErrors>> {
        (!self.hidden.is_empty()).then(|| preview::hidden_errors(model, self, seed)).transpose()
    }
}

/// Where a table comes from, by the options.
fn input(options: &TrainOptions) -> Input {
    Input::from_arg(options.data.as_deref().map(Path::new))
}
