//! `missvae impute`: fill in the missing cells of a table.

use std::io::{BufWriter, ErrorKind, Stdout, Write, stdout};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use missvae::config::{ChainKind, check_draws, lair_points};
use missvae::files::{Staged, commit_all, numbered, remove_stale, same_file};
use missvae::heads::ColumnType;
use missvae::impute::{ImputationSampler, ImputationSummary, Imputer, SamplerKind, SamplerOptions, WeightSummary};
use missvae::monitor::{ImputedValues, NewRows};
use missvae::prepare::{ModelBlock, ModelFile};
use missvae::store::Column;
use missvae::table::{
    BlockSize, CompletedFile, Input, LongFile, Source, Table, check_completed, check_long, check_output_of,
    print_completed,
};
use missvae::warning::Warning;
use samplers::chains::Sampler;
use samplers::importance::Statistic;
use serde::Serialize;

use crate::args::{Common, Reading};
use crate::blocks::{CELLS, Opened};
use crate::failure::{Failure, Result};
use crate::output::{Output, counted, to_a_reader};
use crate::run::Run;
use crate::signal;

/// The values that fill missing cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fill {
    /// A draw from the conditional distribution
    Draw,
    /// Its mean
    Mean,
    /// Its median
    Median,
}

#[derive(Debug, Args)]
pub(crate) struct ImputeArgs {
    /// Run directory
    pub(crate) run: PathBuf,
    /// Table with missing cells; - for CSV on standard input. A text may be of any length
    pub(crate) data: PathBuf,
    /// File of the completed table: .csv, .tsv or .npy, .parquet from .parquet; - for CSV on standard output. DATA itself is
    /// overwritten
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Number of completed tables. Several are written with .1, .2, … before the ending
    #[arg(long, value_name = "M", default_value_t = 1)]
    pub(crate) draws: usize,
    /// Write one file with all draws below the incomplete table, as mice's long format: columns .imp (0 for the incomplete table,
    /// then 1 to M) and .id come first
    #[arg(long)]
    pub(crate) long: bool,
    /// Fill missing cells with this (default: mean, or draw when --draws is more than 1)
    #[arg(long, value_enum)]
    pub(crate) statistic: Option<Fill>,
    /// Sampler of missing values (default: importance; lair for demiss-vae, cvi-vae and mvb-vae)
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) sampler: Option<SamplerKind>,
    /// Iterations of lair, mwg or pseudo-gibbs; the first half is burn-in (default: 100)
    #[arg(long, value_name = "N")]
    pub(crate) iterations: Option<usize>,
    /// Importance samples of each row (default: 1000), or samples of each proposal of lair (default: 1)
    #[arg(long, value_name = "I")]
    pub(crate) proposals: Option<usize>,
    /// Proposals of lair that are the prior (default: 0)
    #[arg(long, value_name = "R")]
    pub(crate) replenish: Option<usize>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct ImputeReport {
    rows: usize,
    cells_imputed: usize,
    statistic: &'static str,
    sampler: &'static str,
    draws: usize,
    /// Iterations of a chain; null for `importance`.
    iterations: Option<usize>,
    effective_sample_size: Option<f64>,
    acceptance_rate: Option<f64>,
    replaced: u64,
    /// Rows whose importance weights fail, and the largest Pareto k; null for chains.
    rows_unreliable: Option<usize>,
    pareto_k: Option<f64>,
    out: Vec<String>,
}

pub(crate) fn run(args: &ImputeArgs) -> Result<()> {
    let output = Output::new(&args.common);
    if args.draws == 0 {
        return Err(Failure::usage("--draws 0: expected at least 1"));
    }
    let to_stdout = args.out == Path::new("-");
    if args.long && !to_stdout {
        check_long(&args.out, None)?;
    }
    if !to_stdout {
        check_output_of(&args.out, &Input::from_arg(Some(&args.data)))?;
    }
    if to_stdout && (args.draws > 1 || args.common.json) {
        let what = "--out -: standard output takes one table and nothing else";
        return Err(Failure::usage_hint(what, "leave out --draws and --json, or give --out a file name"));
    }
    if args.long && args.draws == 1 {
        return Err(Failure::usage_hint("--long: a long file holds several draws", "add --draws, such as --draws 20"));
    }
    let fill = args.statistic.unwrap_or(if args.draws > 1 { Fill::Draw } else { Fill::Mean });
    let (name, statistic) = match fill {
        Fill::Draw => ("draw", Statistic::Draws(args.draws)),
        Fill::Mean => ("mean", Statistic::Mean),
        Fill::Median => ("median", Statistic::Median),
    };
    if args.draws > 1 && fill != Fill::Draw {
        let what = format!("--draws {} with --statistic {name}: every table would be the same", args.draws);
        return Err(Failure::usage_hint(what, "use --statistic draw, or leave out --draws"));
    }
    let run = Run::open(&args.run)?;
    let (model, info) = run.load_model()?;
    let requested = SamplerOptions {
        sampler: args.sampler,
        iterations: args.iterations,
        proposals: args.proposals,
        replenish: args.replenish,
    };
    let sampler = ImputationSampler::new(requested, &info.vae)?;
    if let ImputationSampler::Chain(ChainKind::PseudoGibbs, _) = sampler
        && !info.vae.encoder_input.completed()
    {
        output.warn(format!(
            "the encoder of {} has only seen incomplete rows; pseudo-gibbs takes what it makes of completed ones \
             for the truth, and may go astray (importance and lair correct for it)",
            info.method
        ));
    }
    let (input, reading) = (Input::from_arg(Some(&args.data)), args.reading.options_for(&run, &info)?);
    let reading = output.saying_dialects(reading);
    let seed = args.common.seed.unwrap_or(0);
    // Nothing has its name before the end: a signal may end the process at any moment.
    signal::listen()?;
    signal::release("");
    let file = ModelFile::new(&input, &reading, &info, seed);
    let size = BlockSize { unit: Imputer::unit(&sampler), cells: CELLS / args.draws };
    let opened = Opened::new(&file, size, true)?;
    check_draws(args.draws, opened.first.table.values().len())?;

    let separate = args.draws > 1 && !args.long;
    let paths: Vec<PathBuf> = match separate {
        true => (1..=args.draws).map(|draw| numbered(&args.out, draw)).collect(),
        false => vec![args.out.clone()],
    };
    let whole = |d: usize| info.columns.get(d).is_some_and(imputes_whole_numbers);
    let ModelBlock { source, table, .. } = &opened.first;
    check_completed((!to_stdout).then_some(&args.out), source, table, whole)?;
    if args.long {
        check_long(&args.out, Some(source)).map_err(|error| match error {
            missvae::table::Error::LongColumn { .. } => Failure::usage_hint(
                format!("{}: {error}", args.data.display()),
                "leave out --long, or give the column another name",
            ),
            other => other.into(),
        })?;
    }
    let to_parquet = args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
    let order_lost = if to_parquet { source.ordered_texts()? } else { Vec::new() };
    for path in paths.iter().filter(|_| !to_stdout) {
        // Before the work, so that it is not lost.
        check_output_of(path, &input)?;
        if args.draws > 1 && same_file(path, &args.data) {
            let out = args.out.display();
            let what = match args.long {
                true => format!("--out {out}: the completed tables would take the place of DATA itself"),
                false => format!("--out {out}: one of the completed tables would be {}, DATA itself", path.display()),
            };
            return Err(Failure::usage_hint(what, "give --out another name"));
        }
    }

    let next = numbered(&args.out, args.draws + 1);
    if separate && next.exists() {
        let next = next.display();
        output.warn(format!("{next} and what follows it are draws of another run: leave them out when you pool these"));
    }
    paths.iter().filter(|_| !to_stdout).for_each(|path| remove_stale(path));
    let mut sink = match () {
        () if to_stdout => Sink::Stdout(BufWriter::new(stdout())),
        () if args.long => Sink::Long(Box::new(LongFile::create(&args.out, args.draws)?)),
        () => Sink::files(&paths)?,
    };
    let bar = output.bar_or_counter(opened.rows.map(|rows| rows as u64), "rows");
    bar.tick();
    let images = info.vae.images.is_some();
    let columns = if images { &[][..] } else { &info.columns };
    let mut imputer = Imputer::new(&model, columns, &sampler, statistic, seed);
    let (mut new_rows, mut imputed) = (NewRows::new(&info), ImputedValues::new(&info));
    let (mut rows, mut cells, mut closed) = (0, 0, false);
    let read = opened.each(&args.common, |ModelBlock { first, table, source, data, units }| {
        let progress = |done: usize| {
            bar.set_position(done as u64);
            ControlFlow::Continue(())
        };
        let copies = imputer.next_rows(&table, (&data, &units), progress)?;
        if !images {
            new_rows.add(&table, first);
            imputed.add(&table, &copies);
        }
        cells += table.missing_cells();
        if sink.write(&source, &table, &copies)?.is_break() {
            closed = true;
            return Ok(ControlFlow::Break(()));
        }
        rows += table.rows();
        Ok(ControlFlow::Continue(()))
    });
    bar.finish_and_clear();
    let read = read.map_err(|failure| match rows {
        rows if to_stdout && rows > 0 => Failure::AfterRows { failure: Box::new(failure), rows },
        _ => failure,
    })?;
    if closed {
        // Whoever closed the pipe has read enough.
        return Ok(());
    }
    let outcome = imputer.summary();
    if outcome.replaced > 0 {
        output.warn(format!(
            "{} drawn values were not finite; {}",
            outcome.replaced,
            match sampler {
                ImputationSampler::Importance(_) => "what stands there is the column's mean (0 with --no-standardize)",
                ImputationSampler::Chain(..) => "the chains went on from the values before them",
            }
        ));
    }
    let weights = outcome.weights.and_then(|weights| weights.warning());
    weights.into_iter().for_each(|warning| output.warn(warning));
    new_rows.warnings().into_iter().chain(imputed.warning()).for_each(|warning| output.warn(warning));
    if !order_lost.is_empty() {
        output.warn(Warning::OrderLost { columns: order_lost });
    }
    let missing = read.missing_elsewhere();
    if !missing.is_empty() {
        output.warn(Warning::StillMissing { columns: missing });
    }
    sink.finish()?;
    let out = paths.iter().map(|path| path.display().to_string()).collect();
    let report = ImputeReport {
        rows,
        cells_imputed: cells,
        statistic: name,
        sampler: sampler.name(),
        draws: args.draws,
        iterations: sampler.iterations(),
        effective_sample_size: outcome.effective_sample_size,
        acceptance_rate: outcome.acceptance_rate,
        replaced: outcome.replaced,
        rows_unreliable: outcome.weights.filter(WeightSummary::tells).map(|weights| weights.unreliable),
        pareto_k: outcome.weights.and_then(|weights| weights.worst).map(|(_, k)| k),
        out,
    };
    let text = || {
        let place = match report.out.as_slice() {
            _ if to_stdout => "on standard output".to_owned(),
            [first, .., last] => format!("in {first} … {last}"),
            files => format!("in {}", files.join(", ")),
        };
        let cells = counted(report.cells_imputed, "missing cell");
        let rows = counted(report.rows, "row");
        if report.cells_imputed == 0 {
            return format!("no cell of {rows} was missing; the table is {place} as it was");
        }
        format!("{cells} of {rows} completed by their {name} {place} ({})", describe(&sampler, &outcome))
    };
    if to_stdout {
        output.say(text());
        return Ok(());
    }
    output.result(&report, text)
}

/// Where completed rows go.
enum Sink {
    Stdout(BufWriter<Stdout>),
    /// A file for each draw.
    Files(Vec<CompletedFile>),
    /// One for all.
    Long(Box<LongFile>),
}

impl Sink {
    /// Files of these names.
    fn files(paths: &[PathBuf]) -> Result<Sink> {
        let files = paths.iter().map(|path| CompletedFile::create(path));
        Ok(Sink::Files(files.collect::<std::result::Result<_, _>>()?))
    }

    /// Writes the copies of some rows. Breaks where nobody reads them.
    fn write(&mut self, source: &Source, table: &Table, copies: &[Vec<f64>]) -> Result<ControlFlow<()>> {
        match self {
            Sink::Stdout(out) => {
                let written = print_completed(out, source, table, &copies[0]).and_then(|()| out.flush());
                if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
                    return Ok(ControlFlow::Break(()));
                }
                to_a_reader(written)?;
            }
            Sink::Files(files) => {
                for (file, copy) in files.iter_mut().zip(copies) {
                    file.write(source, table, copy)?;
                }
            }
            Sink::Long(file) => file.write(source, table, copies)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    /// All are written before the first gets its name.
    fn finish(self) -> Result<()> {
        let staged: Vec<Staged> = match self {
            Sink::Stdout(_) => Vec::new(),
            Sink::Files(files) => {
                files.into_iter().map(CompletedFile::finish).collect::<std::result::Result<_, _>>()?
            }
            Sink::Long(file) => vec![file.finish()?],
        };
        Ok(commit_all(staged)?)
    }
}

/// A summary of the sampling, as text.
fn describe(sampler: &ImputationSampler, outcome: &ImputationSummary) -> String {
    let effective = outcome.effective_sample_size.map(|size| match sampler {
        ImputationSampler::Importance(samples) => format!("{size:.0} of {samples} importance samples effective"),
        ImputationSampler::Chain(_, completion) => match completion.sampler.sampler {
            Sampler::Lair(lair) => {
                let samples = lair_points(&lair, completion.copies, completion.sampler.iterations);
                format!("{size:.1} of {samples} samples of a row effective")
            }
            Sampler::PseudoGibbs | Sampler::MetropolisWithinGibbs { .. } => format!("{size:.1} samples effective"),
        },
    });
    let accepted = outcome.acceptance_rate.map(|rate| format!("{:.0}% of the proposals accepted", 100.0 * rate));
    let iterations = sampler.iterations().map(|n| format!("{n} iterations"));
    let parts: Vec<String> = [iterations, effective, accepted].into_iter().flatten().collect();
    format!("{}: {}", sampler.name(), parts.join(", "))
}

/// Whether only whole numbers are imputed to a column.
fn imputes_whole_numbers(column: &Column) -> bool {
    let whole = |level: &String| level.parse::<f64>().is_ok_and(|level| level.fract() == 0.0);
    column.whole || column.kind == ColumnType::Count || (!column.levels.is_empty() && column.levels.iter().all(whole))
}
