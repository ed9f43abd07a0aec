//! `missvae snr`: the signal-to-noise ratio of gradients, estimators side by side (paper, appendix F.1.1 and figure 8).
//!
//! In the order in which a reader needs them:
//! - `args`: the command line;
//! - `variants`: methods with their gradient estimators;
//! - `prepare`: their runs; `execute`: carrying them out, several at a time; `estimate`: how long they
//!   take; `cache`: finished runs on the disk;
//! - `point`: a measurement; `results`: curves, CSV and table; `interval`: intervals over seeds; `figure`: the picture.

mod args;
mod cache;
mod estimate;
mod execute;
mod figure;
mod interval;
mod point;
mod prepare;
mod results;
mod variants;

use std::sync::Arc;

use missvae::network::Vae;
use missvae::prepare::TrainingRows;
use missvae::snr::Study;
use missvae::trainer::Trainer;

use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::paper::shared::MOST_SEEDS;
use crate::signal;
pub(crate) use args::{ProtocolOption, SnrArgs};
use missvae::files::{create_directory, same_file};
use prepare::{RowsOfSeed, prepare, rows_of_seeds, seeds};

/// Gradients of the frozen minibatch by default.
const DRAWS: u64 = 100;
/// The most of them. More are taken for a mistake.
const MOST_DRAWS: u64 = 1_000_000;

pub(crate) fn run(args: &SnrArgs) -> Result<()> {
    study(args, "snr")
}

/// Refuses what can be refused before the rows are read.
pub(super) fn check(args: &SnrArgs) -> Result<()> {
    measured(args)?;
    variants::all(args).map(|_| ())
}

/// Carries out a study; its files in `--out` are called `stem`.
pub(super) fn study(args: &SnrArgs, stem: &str) -> Result<()> {
    let output = Output::new(&args.common);
    let study = measured(args)?;
    check_seeds(args)?;
    let (variants, left_out) = variants::all(args)?;
    let seeds = seeds(args);
    if let Some(out) = &args.out {
        let table = out.join(format!("{stem}.csv"));
        if same_file(&table, &args.data) {
            let what = format!("--out {}: the curves would replace DATA, {}", out.display(), table.display());
            return Err(Failure::usage_hint(what, "give --out another directory"));
        }
    }
    let (description, rows) = rows_of_seeds(args, &variants[0], &seeds)?;
    let runs = prepare(args, &variants, &seeds, &rows)?;
    for run in &runs {
        // So that what cannot be measured is said before anything is done.
        let trainer = Trainer::<f32>::new(Vae::new(run.config.vae.clone()), run.config.train.clone())?;
        study.check(&trainer, run.rows.count).map_err(missvae::Error::from)?;
    }
    // Before the first file or directory is made.
    signal::listen()?;
    let raw = match &args.out {
        Some(out) => {
            let raw = out.join("raw");
            create_directory(&out.join(cache::DIRECTORY))?;
            if args.raw {
                create_directory(&raw)?;
            }
            args.raw.then_some(raw)
        }
        None => None,
    };
    output.say(description);
    if !left_out.is_empty() {
        output.say(format!("left out, as they do not apply: {}", left_out.join(", ")));
    }
    let found = execute::all(&runs, &variants, &study, raw.as_deref(), args, &output)?;
    let curves = results::curves(&runs, &variants, &found);
    if let Some(out) = &args.out {
        crate::paper::shared::write_records(&out.join(format!("{stem}.csv")), &curves)?;
        // Encoder and decoder beside each other, a row for each protocol.
        figure::figure(&variants, &curves).write(out, stem)?;
    }
    output.result(&results::SnrReport { curves: &curves }, || {
        let mut text = results::table(&variants, &curves);
        text += &results::floors(&found);
        if let Some(out) = &args.out {
            let name = |ending: &str| out.join(format!("{stem}.{ending}")).display().to_string();
            text += &format!("{}\n{}\n{}\n", name("csv"), name("svg"), name("png"));
        }
        text
    })
}

/// Prints the runs of a study on these rows, and about how long they take.
pub(super) fn dry_run(args: &SnrArgs, name: &'static str, rows: &Arc<TrainingRows>) -> Result<()> {
    let study = measured(args)?;
    check_seeds(args)?;
    let (variants, _) = variants::all(args)?;
    let seeds = seeds(args);
    let rows = vec![RowsOfSeed::of_all_seeds(rows.clone()); seeds.len()];
    let runs = prepare(args, &variants, &seeds, &rows)?;
    estimate::report(name, &runs, &variants, &study, args, &Output::new(&args.common))
}

/// Refuses numbers of runs that cannot be meant.
fn check_seeds(args: &SnrArgs) -> Result<()> {
    match (1..=MOST_SEEDS).contains(&args.seeds) {
        true => Ok(()),
        false => Err(Failure::usage(format!("--seeds {}: expected from 1 to {MOST_SEEDS}", args.seeds))),
    }
}

/// What to measure.
fn measured(args: &SnrArgs) -> Result<Study> {
    let has = |protocol| args.protocol.contains(&protocol);
    let draws = match (has(ProtocolOption::Fixed), args.draws) {
        (true, draws) => Some(draws.unwrap_or(DRAWS)),
        (false, None) => None,
        (false, Some(draws)) => {
            let what = format!("--draws {draws}: no gradients of a frozen minibatch are asked for");
            return Err(Failure::usage_hint(what, "it applies to --protocol fixed"));
        }
    };
    if let Some(draws) = draws.filter(|draws| !(2..=MOST_DRAWS).contains(draws)) {
        return Err(Failure::usage(format!("--draws {draws}: expected from 2 to {MOST_DRAWS}")));
    }
    if args.every == 0 {
        return Err(Failure::usage("--every 0: expected at least 1"));
    }
    Ok(Study { epoch: has(ProtocolOption::Epoch), draws, every: args.every })
}
