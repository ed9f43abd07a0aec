//! `missvae reproduce`: the experiments of the paper.
//!
//! In the order in which a reader needs them:
//! - [`Experiment`], [`Settings`], [`Spec`]: what an experiment is, what the user changes, and the runs that follow;
//! - `fig2`, `fig5`, `fig6`, `fig9`, `fig10`, `fig11`: the experiments, one file each; `boxes` and `posteriors`: what those of
//!   one kind share;
//! - `data`: the table; `imputations`: what renews imputations;
//! - `prepare`, `execute`: runs with their directories, and how they are carried out; `estimate`: how long that takes;
//! - `results`: what comes out.

mod boxes;
mod data;
mod estimate;
mod execute;
mod fig10;
mod fig11;
mod fig2;
mod fig5;
mod fig6;
mod fig9;
mod imputations;
mod posteriors;
mod prepare;
mod results;

use std::path::{Path, PathBuf};

use models::method::{METHODS, Method};

use super::distinct;
use crate::args::ReproduceArgs;
use crate::failure::{Failure, Result};
use crate::files::create_directory;
use crate::options::TrainOptions;
use crate::output::Output;
use crate::plot::Figure;
use crate::table::closest;
use data::MogData;
use execute::Workers;
use imputations::Imputations;
use prepare::Prepared;
use results::{Outcome, Row};

/// Where results go without `--out`.
const DIRECTORY: &str = "reproduced";

/// An experiment of the paper.
struct Experiment {
    /// What it is called on the command line, and its files too.
    name: &'static str,
    /// One line about it.
    about: &'static str,
    /// The methods that it compares.
    methods: &'static [&'static str],
    /// The numbers of components, or of imputations, that it tries; of samples for methods of a single component.
    components: &'static [usize],
    /// How many seeds it tries.
    seeds: usize,
    /// Refuses data that it cannot be made with, before the first run begins.
    check: fn(&MogData) -> Result<()>,
    /// Its runs, panel by panel and seed by seed.
    specs: fn(&Settings) -> Result<Vec<Spec>>,
    /// What is drawn.
    figure: fn(&Drawn<'_>) -> Result<Figure>,
}

/// What a figure is made of.
#[derive(Clone, Copy)]
struct Drawn<'a> {
    settings: &'a Settings,
    /// The runs, and a line of results for each.
    runs: &'a [Prepared],
    rows: &'a [Row],
    data: &'a MogData,
}

/// All experiments, in the paper's order.
const EXPERIMENTS: &[Experiment] =
    &[fig2::EXPERIMENT, fig5::EXPERIMENT, fig6::EXPERIMENT, fig9::EXPERIMENT, fig10::EXPERIMENT, fig11::EXPERIMENT];

/// What the user asks of an experiment.
struct Settings {
    methods: Vec<Method>,
    components: Vec<usize>,
    seeds: Vec<u64>,
    /// Points on a leg of an interpolation, ends included.
    points: Option<usize>,
    /// Options of training that override the experiment's.
    training: TrainOptions,
}

/// A run of an experiment.
#[derive(Clone, Debug)]
struct Spec {
    panel: &'static str,
    method: Method,
    /// K, or the number of samples of a method with a single component.
    components: usize,
    imputations: Imputations,
    seed: u64,
    /// What the experiment says of the training.
    training: TrainOptions,
}

pub(crate) fn run(args: &ReproduceArgs) -> Result<()> {
    let output = Output::new(&args.common);
    let experiment = find(&args.name)?;
    let settings = Settings::new(experiment, args)?;
    let workers = Workers::new(args)?;
    let specs = (experiment.specs)(&settings)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(DIRECTORY));
    let data = match &args.data {
        Some(directory) => MogData::read(directory)?,
        None => {
            let rows = args.rows.unwrap_or(data::ROWS);
            // Data of each size have a place of their own, so that earlier runs keep theirs.
            let name = if rows == data::ROWS { "data".to_owned() } else { format!("data-{rows}") };
            MogData::generate(rows, &out.join(name))?
        }
    };
    (experiment.check)(&data)?;
    if specs.iter().any(|spec| spec.imputations.needs_truth()) && data.truth.is_none() {
        let place = data.name.clone();
        let what = format!("{place}: there is no truth.json, and {} draws imputations from the truth", experiment.name);
        return Err(Failure::usage_hint(what, "leave out --data to use a generated mixture"));
    }
    let runs = prepare::runs(&settings, specs, &data, &out.join("runs"))?;
    if !args.dry_run {
        create_directory(&out.join("runs"))?;
        data.keep()?;
    }
    output.say(format!("{}: {}", experiment.name, experiment.about));
    output.say(data.describe());
    if args.dry_run {
        return estimate::report(experiment.name, &runs, &data, &workers, &output);
    }
    let results = execute::all(&runs, &data, &workers, &output).map_err(|failure| match failure {
        Failure::Interrupted(_) => {
            Failure::Interrupted("the same command goes on from the checkpoints of the runs".to_owned())
        }
        other => other,
    })?;
    let rows = results::rows(experiment.name, &runs, &results, &data)?;
    super::write_records(&out.join(format!("{}.csv", experiment.name)), &rows)?;
    let drawn = Drawn { settings: &settings, runs: &runs, rows: &rows, data: &data };
    let figure = workers.pool()?.install(|| (experiment.figure)(&drawn))?;
    figure.write(&out, experiment.name)?;
    finish(&output, experiment, &out, &data, rows)
}

/// Says what came out.
fn finish(output: &Output, experiment: &Experiment, out: &Path, data: &MogData, rows: Vec<Row>) -> Result<()> {
    let outcome = Outcome { experiment: experiment.name, rows };
    output.result(&outcome, || {
        let mut text = results::table(&outcome.rows);
        if let Some(truth) = data.truth_log_likelihood() {
            text += &format!("the true mixture scores {truth:.4} nats a row\n");
        }
        let name = |ending: &str| out.join(format!("{}.{ending}", experiment.name)).display().to_string();
        text + &format!("{}\n{}\n{}\n", name("csv"), name("svg"), name("png"))
    })
}

/// The experiment of a name.
fn find(name: &str) -> Result<&'static Experiment> {
    EXPERIMENTS.iter().find(|experiment| experiment.name == name).ok_or_else(|| {
        let names: Vec<&str> = EXPERIMENTS.iter().map(|one| one.name).collect();
        let hint = format!("there are {}; docs/reproduce.md tells of them", names.join(", "));
        Failure::usage_hint(format!("there is no experiment {name:?}"), hint)
    })
}

impl Settings {
    fn new(experiment: &Experiment, args: &ReproduceArgs) -> Result<Settings> {
        let at_least = |option: &str, value: usize, least: usize| match value >= least {
            true => Ok(value),
            false => Err(Failure::usage(format!("--{option} {value}: expected at least {least}"))),
        };
        let seeds = at_least("seeds", args.seeds.unwrap_or(experiment.seeds), 1)?;
        if experiment.seeds == 1 && seeds > 1 {
            let what = format!("--seeds {seeds}: {} shows a single run of each method", experiment.name);
            return Err(Failure::usage_hint(what, "leave it out; --seed chooses the run"));
        }
        if let Some(points) = args.points {
            at_least("points", points, 2)?;
            if experiment.name != "fig5" {
                let what = format!("--points: {} has no interpolations", experiment.name);
                return Err(Failure::usage_hint(what, "leave it out"));
            }
        }
        if let Some(rows) = args.rows {
            at_least("rows", rows, 10)?;
        }
        let methods = match args.methods.is_empty() {
            true => experiment.methods.iter().map(|&name| method(experiment, name)).collect::<Result<_>>()?,
            false => args.methods.iter().map(|name| method(experiment, name)).collect::<Result<_>>()?,
        };
        let components = match args.components.is_empty() {
            true => experiment.components.to_vec(),
            false => args.components.clone(),
        };
        if experiment.components.len() == 1 && components.len() > 1 {
            let what = format!("--components: {} is made with one number of components", experiment.name);
            return Err(Failure::usage_hint(what, "give one number"));
        }
        for &count in &components {
            at_least("components", count, 1)?;
        }
        let first = args.common.seed.unwrap_or(0);
        Ok(Settings {
            methods: distinct(methods),
            components: distinct(components),
            seeds: (0..seeds as u64).map(|i| first.wrapping_add(i)).collect(),
            points: args.points,
            training: TrainOptions {
                epochs: args.epochs,
                updates: args.updates,
                hidden: args.hidden,
                blocks: args.blocks,
                ..TrainOptions::default()
            },
        })
    }
}

/// A method of an experiment by its name.
fn method(experiment: &Experiment, name: &str) -> Result<Method> {
    let known = experiment.methods.contains(&name).then(|| METHODS.iter().find(|method| method.name == name)).flatten();
    known.copied().ok_or_else(|| {
        let names: Vec<String> = experiment.methods.iter().map(|&name| name.to_owned()).collect();
        let what = format!("--methods {name}: {} compares {}", experiment.name, names.join(", "));
        Failure::Usage { what, hint: closest(name, &names).map(|near| format!("did you mean {near}?")) }
    })
}
