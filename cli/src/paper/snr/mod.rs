//! `missvae snr`: the signal-to-noise ratio of gradients, estimators side by side (paper, appendix F.1.1 and figure 8).
//!
//! In the order in which a reader needs them:
//! - `variants`: the methods with their ways of estimating a gradient;
//! - `execute`: their runs, several at a time; `kept`: those that are finished, on the disk;
//! - `results`: curves, CSV and table; `interval`: what the seeds say of a mean; `figure`: the curves as a picture.

mod args;
mod execute;
mod figure;
mod interval;
mod kept;
mod results;
mod variants;

use std::sync::Arc;

use missvae::network::Vae;
use missvae::snr::Study;
use missvae::trainer::Trainer;

use crate::commands::train::Rows;
use crate::commands::{MOST_SEEDS, kept};
use crate::failure::{Failure, Result};
use crate::files::{create_directory, same_file};
use crate::options::{Hidden, Plan, TrainOptions};
use crate::output::Output;
use crate::signal;
pub(crate) use args::{ProtocolOption, SnrArgs};
use variants::Variant;

/// Gradients of the frozen minibatch, unless it is said otherwise.
const DRAWS: u64 = 100;
/// More of them than anybody would wait for.
const MOST_DRAWS: u64 = 1_000_000;

/// A run: a variant with a seed.
struct Prepared {
    /// Its place among the variants.
    variant: usize,
    plan: Plan,
    /// What it is fitted to.
    rows: RowsOfSeed,
}

/// The rows of a seed.
#[derive(Clone)]
struct RowsOfSeed {
    count: usize,
    columns: usize,
    fingerprint: String,
    /// Those that all seeds share; others are read again when it is their turn, so that one seed's are held at a time.
    shared: Option<Arc<Rows>>,
}

impl RowsOfSeed {
    fn new(rows: &Rows) -> Self {
        let (count, columns, fingerprint) = (rows.train.rows(), rows.train.columns(), rows.fingerprint.clone());
        RowsOfSeed { count, columns, fingerprint, shared: None }
    }

    /// The rows themselves, of a run with these options.
    fn read(&self, options: &TrainOptions) -> Result<Arc<Rows>> {
        if let Some(rows) = &self.shared {
            return Ok(rows.clone());
        }
        let rows = Rows::read(options)?;
        if rows.fingerprint != self.fingerprint {
            return Err(Failure::usage_hint(
                format!("{}: the file has changed since this command began", rows.name),
                "give the command again: runs that are finished are not repeated",
            ));
        }
        Ok(Arc::new(rows))
    }
}

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
    if !(1..=MOST_SEEDS).contains(&args.seeds) {
        return Err(Failure::usage(format!("--seeds {}: expected from 1 to {MOST_SEEDS}", args.seeds)));
    }
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
        let trainer = Trainer::<f32>::new(Vae::new(run.plan.vae.clone()), run.plan.train.clone())?;
        study.check(&trainer, run.rows.count).map_err(missvae::Error::from)?;
    }
    // Before the first file or directory is made.
    signal::listen()?;
    let raw = match &args.out {
        Some(out) => {
            let raw = out.join("raw");
            create_directory(&out.join(kept::DIRECTORY))?;
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
        crate::commands::write_records(&out.join(format!("{stem}.csv")), &curves)?;
        // Encoder and decoder beside each other, a row for each protocol.
        figure::figure(&variants, &curves).write(out, stem)?;
    }
    output.result(&results::Report { curves: &curves }, || {
        let mut text = results::table(&variants, &curves);
        text += &results::floors(&found);
        if let Some(out) = &args.out {
            let name = |ending: &str| out.join(format!("{stem}.{ending}")).display().to_string();
            text += &format!("{}\n{}\n{}\n", name("csv"), name("svg"), name("png"));
        }
        text
    })
}

/// What is to be measured.
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

/// The options of a variant's training, laid over the preset.
fn with_preset(args: &SnrArgs, variant: &Variant, seed: u64) -> Result<TrainOptions> {
    let reading = &args.reading;
    let common = TrainOptions {
        data: Some(kept(&args.data)?),
        missing_value: (!reading.missing_value.is_empty()).then(|| reading.missing_value.clone()),
        key: reading.key.clone(),
        seed: Some(seed),
        ..args.model.training()
    };
    variant.training(common).with_preset()
}

/// The seeds of each variant's runs.
fn seeds(args: &SnrArgs) -> Vec<u64> {
    let first = args.common.seed.unwrap_or(0);
    (0..args.seeds as u64).map(|seed| first.wrapping_add(seed)).collect()
}

/// The rows of each seed. Which cells are hidden, and how pixels become binary, is a matter of the seed, as in `train`; where
/// neither happens, all seeds have the same rows. Also what is said of the first seed's.
fn rows_of_seeds(args: &SnrArgs, variant: &Variant, seeds: &[u64]) -> Result<(String, Vec<RowsOfSeed>)> {
    let options = with_preset(args, variant, seeds[0])?;
    let Hidden(rate) = options.hidden()?;
    let own = rate > 0.0 || options.image_size.is_some();
    let first = Rows::read(&options)?;
    let (description, mut all) = (first.describe(), vec![RowsOfSeed::new(&first)]);
    if !own {
        let shared = RowsOfSeed { shared: Some(Arc::new(first)), ..all.remove(0) };
        return Ok((description, vec![shared; seeds.len()]));
    }
    drop(first);
    for &seed in &seeds[1..] {
        all.push(RowsOfSeed::new(&Rows::read(&with_preset(args, variant, seed)?)?));
    }
    Ok((description, all))
}

/// Settles all runs before the first one begins, so that a wrong option is found at once.
fn prepare(args: &SnrArgs, variants: &[Variant], seeds: &[u64], rows: &[RowsOfSeed]) -> Result<Vec<Prepared>> {
    let mut runs = Vec::new();
    for (place, variant) in variants.iter().enumerate() {
        for (&seed, rows) in seeds.iter().zip(rows) {
            let options = with_preset(args, variant, seed)?;
            let plan = options.settle(rows.count, rows.columns)?;
            plan.check_minibatches(rows.count)?;
            runs.push(Prepared { variant: place, plan, rows: rows.clone() });
        }
    }
    Ok(runs)
}
