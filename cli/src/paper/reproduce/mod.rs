//! `missvae reproduce`: the experiments of the paper.
//!
//! In the order in which a reader needs them:
//! - `args`: the command line;
//! - `experiment`: the definition of an experiment; `settings`: what the user changes; `spec`: one of its runs;
//! - `fig1` to `fig12`: the experiments, one file each; `boxes`, `lines` and `posteriors`: code that several share;
//! - `posterior_grid`, `fits`: densities of latent points, and divergences between them;
//! - `source`: the data that runs are fitted to and scored on: `mog` (mixtures of Gaussians) or `benchmark_data` (the
//!   user's tables and images); `measure`: the measure of comparison;
//! - `imputations`: the samplers of imputations;
//! - `prepare`, `prepared`: runs with their directories; `execute`, `workers`: carrying them out; `estimate`: how long
//!   it takes;
//! - `evaluation`, `row`, `fit_row`, `results`: the results.

mod args;
mod benchmark_data;
mod boxes;
mod estimate;
mod evaluation;
mod execute;
mod experiment;
mod fig1;
mod fig10;
mod fig11;
mod fig12;
mod fig2;
mod fig3;
mod fig4;
mod fig5;
mod fig6;
mod fig7;
mod fig8;
mod fig9;
mod fit_row;
mod fits;
mod imputations;
mod lines;
mod measure;
mod mog;
mod posterior_grid;
mod posteriors;
mod prepare;
mod prepared;
mod results;
mod row;
mod settings;
mod source;
mod spec;
mod workers;

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::run::system;
pub(crate) use args::ReproduceArgs;
use benchmark_data::{BenchmarkData, Collection};
use experiment::{Drawn, Experiment};
use measure::Measure;
use missvae::files::{create_directory, remove_if_there};
use mog::MogData;
use prepare::Role;
use results::{Outcome, files};
use settings::Settings;
use source::Source;
use workers::Workers;

/// Where results go without `--out`.
const DIRECTORY: &str = "reproduced";

/// A figure of the paper, by the kind of its data.
#[derive(Clone, Copy)]
enum Known {
    /// Runs on mixtures of Gaussians.
    Mog(&'static Experiment<MogData>),
    /// Runs on tables or images of the user's.
    Benchmark(&'static Experiment<BenchmarkData>, Collection, Measure),
    /// The mixture of Gaussians itself.
    Truth,
    /// The study of signal-to-noise ratios.
    Signal,
}

/// All of them, in the paper's order.
const FIGURES: &[Known] = &[
    Known::Mog(&fig1::EXPERIMENT),
    Known::Mog(&fig2::EXPERIMENT),
    Known::Benchmark(&fig3::EXPERIMENT, Collection::Tables, Measure::LogLikelihood),
    Known::Benchmark(&fig4::FIGURE_4, Collection::Images, Measure::LogLikelihood),
    Known::Mog(&fig5::EXPERIMENT),
    Known::Mog(&fig6::EXPERIMENT),
    Known::Truth,
    Known::Signal,
    Known::Mog(&fig9::EXPERIMENT),
    Known::Mog(&fig10::EXPERIMENT),
    Known::Mog(&fig11::EXPERIMENT),
    Known::Benchmark(&fig12::EXPERIMENT, Collection::Tables, Measure::Distance),
    Known::Benchmark(&fig4::FIGURE_13, Collection::Images, Measure::LogLikelihood),
];

impl Known {
    fn name(self) -> &'static str {
        match self {
            Known::Mog(experiment) => experiment.outline.name,
            Known::Benchmark(experiment, ..) => experiment.outline.name,
            Known::Truth => fig7::NAME,
            Known::Signal => fig8::NAME,
        }
    }
}

pub(crate) fn run(args: &ReproduceArgs) -> Result<()> {
    let output = Output::new(&args.common);
    let figure = find(&args.name)?;
    refuse_what_does_not_apply(figure, args)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(DIRECTORY));
    match figure {
        Known::Mog(experiment) => {
            let settings = Settings::new(&experiment.outline, args)?;
            carry_out(experiment, &settings, &mixture(args, &out)?, args, &out, &output)
        }
        Known::Benchmark(experiment, collection, measure) => {
            let settings = Settings::new(&experiment.outline, args)?;
            let data = BenchmarkData::read(experiment.outline.name, (collection, measure), args)?;
            carry_out(experiment, &settings, &data, args, &out, &output)
        }
        Known::Truth => fig7::run(&mixture(args, &out)?, &out, &output),
        Known::Signal => fig8::run(&mixture(args, &out)?, args, &out),
    }
}

/// The mixture of Gaussians that the user gives, or a generated one.
fn mixture(args: &ReproduceArgs, out: &Path) -> Result<MogData> {
    match &args.data {
        Some(directory) => MogData::read(directory),
        None => {
            let rows = args.rows.unwrap_or(mog::ROWS);
            let (fewest, most) = (mog::FEWEST_ROWS, mog::MOST_ROWS);
            if !(fewest..=most).contains(&rows) {
                return Err(Failure::usage(format!("--rows {rows}: expected from {fewest} to {most}")));
            }
            // Data of each size have a place of their own, so that earlier runs keep theirs.
            let name = if rows == mog::ROWS { "data".to_owned() } else { format!("data-{rows}") };
            MogData::generate(rows, &out.join(name))
        }
    }
}

/// Makes the runs of an experiment, or prints what they would be.
fn carry_out<S: Source>(
    experiment: &Experiment<S>,
    settings: &Settings,
    source: &S,
    args: &ReproduceArgs,
    out: &Path,
    output: &Output,
) -> Result<()> {
    let name = experiment.outline.name;
    (experiment.check)(source)?;
    let features = prepare::runs(settings, source.features(settings), source, &out.join("runs"), Role::Features)?;
    let role = if features.is_empty() { Role::Scored } else { Role::Followed(&features) };
    let specs = (experiment.specs)(settings, source)?;
    if specs.iter().any(|spec| spec.imputations.needs_truth()) && source.truth().is_none() {
        let place = args.data.as_deref().unwrap_or(Path::new("")).display();
        let what = format!("{place}: there is no truth.json, and {name} draws imputations from the truth");
        return Err(Failure::usage_hint(what, "leave out --data to use a generated mixture"));
    }
    let runs = prepare::runs(settings, specs, source, &out.join("runs"), role)?;
    let workers = Workers::new(args, runs.iter().any(|run| run.config.vae.images.is_some()))?;
    if !args.dry_run {
        source.keep()?;
        create_directory(&out.join("runs"))?;
    }
    output.say(format!("{name}: {}", experiment.outline.about));
    output.say(source.describe());
    if args.dry_run {
        return estimate::report(name, &[features, runs], source, &workers, output);
    }
    let told = |failure| match failure {
        Failure::Interrupted(_) => {
            Failure::Interrupted("the same command goes on from the checkpoints of the runs".to_owned())
        }
        other => other,
    };
    let execute = |runs| execute::all(runs, source, &workers, output).map_err(told);
    let fitted = execute(&features)?;
    if let Some((features, _)) = features.iter().zip(&fitted).find(|(_, fitted)| fitted.is_none()) {
        let what = format!("{}: without this run there are no features to measure distances in", features.title());
        let hint = "it always has the same seed: other units of the table, or other --hidden or --blocks, may do";
        return Err(Failure::usage_hint(what, hint));
    }
    let results = execute(&runs)?;
    let rows = results::rows(name, &runs, &results, source)?;
    crate::paper::shared::write_records(&out.join(format!("{name}.csv")), &rows)?;
    let drawn = Drawn { settings, runs: &runs, rows: &rows, source };
    let pool = workers.whole_pool()?;
    let figure = pool.install(|| (experiment.figure)(&drawn))?;
    figure.write(out, name)?;
    let fits = pool.install(|| (experiment.fits)(&drawn, output)).map_err(told)?;
    let file = out.join(format!("{name}-fit.csv"));
    match fits.is_empty() {
        // Those of an earlier command are not this one's.
        true => remove_if_there(&file).map_err(|error| system(&file, error))?,
        false => crate::paper::shared::write_records(&file, &fits)?,
    }
    finish(output, out, source, Outcome { experiment: name, rows, fits })
}

/// Prints the results.
fn finish(output: &Output, out: &Path, source: &impl Source, outcome: Outcome) -> Result<()> {
    output.result(&outcome, || {
        let remark = source.remark().map_or(String::new(), |remark| remark + "\n");
        let table = row::table(&outcome.rows, source.measure()) + &remark;
        let (fits, file) = match outcome.fits.is_empty() {
            true => (String::new(), String::new()),
            false => (fit_row::table(&outcome.fits), format!("{}-fit.csv\n", out.join(outcome.experiment).display())),
        };
        table + &fits + &files(out, outcome.experiment) + &file
    })
}

/// The figure with this name.
fn find(name: &str) -> Result<Known> {
    FIGURES.iter().copied().find(|figure| figure.name() == name).ok_or_else(|| {
        let names: Vec<&str> = FIGURES.iter().map(|one| one.name()).collect();
        let hint = format!("there are {}; docs/reproduce.md tells of them", names.join(", "));
        Failure::usage_hint(format!("there is no experiment {name:?}"), hint)
    })
}

/// Refuses options that would change nothing.
fn refuse_what_does_not_apply(figure: Known, args: &ReproduceArgs) -> Result<()> {
    let name = figure.name();
    let (tables, images, scored) = match figure {
        Known::Benchmark(_, collection, measure) => {
            (collection == Collection::Tables, collection == Collection::Images, measure == Measure::LogLikelihood)
        }
        Known::Mog(_) | Known::Truth | Known::Signal => (false, false, false),
    };
    let benchmark = tables || images;
    let runs = benchmark || matches!(figure, Known::Mog(_));
    let given = [
        ("points", args.points.is_some(), name == fig5::EXPERIMENT.outline.name),
        ("rows", args.rows.is_some(), !benchmark),
        ("rates", !args.rates.is_empty(), tables),
        ("latents", !args.latents.is_empty(), name == fig4::FIGURE_13.outline.name),
        ("test-rows", args.test_rows.is_some(), scored),
        ("importance-samples", args.importance_samples.is_some(), scored),
        ("refit-updates", args.refit_updates.is_some(), scored),
        ("seed", args.common.seed.is_some(), !matches!(figure, Known::Truth)),
        ("dry-run", args.dry_run, !matches!(figure, Known::Truth)),
        ("jobs", args.jobs.is_some(), runs),
        ("updates", args.updates.is_some(), runs),
        ("methods", !args.methods.is_empty(), !matches!(figure, Known::Truth)),
        ("components", !args.components.is_empty(), !matches!(figure, Known::Truth)),
        ("epochs", args.epochs.is_some(), !matches!(figure, Known::Truth)),
        ("seeds", args.seeds.is_some(), !matches!(figure, Known::Truth)),
        ("hidden", args.hidden.is_some(), !matches!(figure, Known::Truth) && !images),
        ("blocks", args.blocks.is_some(), !matches!(figure, Known::Truth) && !images),
        ("encoder-widths", args.encoder_widths.is_some(), images),
        ("decoder-widths", args.decoder_widths.is_some(), images),
    ];
    match given.iter().find(|(_, given, applies)| *given && !applies) {
        None => Ok(()),
        Some((option, ..)) => Err(Failure::usage_hint(format!("--{option} does not apply to {name}"), "leave it out")),
    }
}
