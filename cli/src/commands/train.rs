//! `missvae train`: fit a model; writes a run directory.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use missvae::config::{Options, ResolvedConfig, Validation};
use missvae::evaluate::{HiddenColumn, HiddenLevels, LevelErrors, PREVIEW_DRAWS, Preview, preview};
use missvae::prepare::TrainingRows;

use crate::args::Common;
use crate::command_options::CommandOptions;
use crate::config_file::{self, path_text};
use crate::failure::{Failure, Result};
use crate::output::{Output, aligned, counted};
use crate::run::Run;
use crate::signal;
use crate::threads::{check_threads, in_pool};
use crate::training::{Bar, Fitted, FrechetTracker, Job, NewLength, Summary, with_length};

/// Seconds between checkpoints.
const CHECKPOINT_EVERY: f64 = 60.0;

#[derive(Clone, Debug, Args)]
pub(crate) struct TrainArgs {
    /// Table: .csv, .tsv, .npy (also .gz), .npz, .parquet, or - for CSV on standard input. Images: .idx or a name that ends in
    /// -ubyte (also .gz), or a directory of PNG. Without DATA: the bundled penguins
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Run directory (default: runs/<method>-<time>)
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a run that is in the run directory
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,
    /// Continue this run from its checkpoint
    #[arg(long, value_name = "RUN", conflicts_with_all = ["out", "overwrite", "config", "data"], help_heading = "Output")]
    pub(crate) resume: Option<PathBuf>,
    /// With --resume: train for this many epochs more, also where the run is finished. (--epochs or --updates: until there
    /// are so many in all.) The learning rate follows the schedule of the new length
    #[arg(long, value_name = "EPOCHS", requires = "resume", conflicts_with_all = ["epochs", "updates"], help_heading = "Output")]
    pub(crate) extend: Option<u64>,
    /// TOML file of options, by their long names; the command line wins
    #[arg(long, value_name = "FILE", help_heading = "Method")]
    pub(crate) config: Option<PathBuf>,
    /// Seconds between checkpoints (default: 60)
    #[arg(long, value_name = "SECONDS", help_heading = "Output")]
    pub(crate) checkpoint_every: Option<f64>,
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) fn run(given: &TrainArgs) -> Result<()> {
    if given.extend.is_some() && given.resume.is_none() {
        let what = "--extend goes on with a finished run, which --resume names";
        return Err(Failure::usage_hint(what, "add --resume RUN and leave out DATA, or give the length by --epochs"));
    }
    // From here on a signal waits for a moment at which nothing is half written.
    signal::listen()?;
    let mut args = given.clone();
    if let Some(path) = &given.config {
        let (options, command) = config_file::read_all(path)?;
        args.options = args.options.merge(options);
        args.fill_in(command);
        check_threads(&args.common)?;
    }
    let args = &args;
    let output = Output::new(&args.common);
    let every = args.checkpoint_every.unwrap_or(CHECKPOINT_EVERY);
    if !(every >= 0.0 && every.is_finite()) {
        return Err(Failure::usage(format!("--checkpoint-every {every}: expected seconds, at least 0")));
    }
    let every = Duration::try_from_secs_f64(every).unwrap_or(Duration::MAX);
    let (options, resumed) = match &args.resume {
        Some(path) => {
            let lengths = Options { epochs: args.options.epochs, updates: args.options.updates, ..Options::default() };
            if args.options != lengths || args.common.seed.is_some() {
                return Err(Failure::usage_hint(
                    "--resume goes on with the options of the run; of others only --extend, --epochs and --updates can be given",
                    "leave the others out, or start a new run",
                ));
            }
            let run = Run::open(path)?;
            if run.recipe().exists() {
                return Err(Failure::Run {
                    path: path.clone(),
                    what: "this run is made in a way that only an experiment of `missvae reproduce` knows".to_owned(),
                    hint: Some("go on with it by the `missvae reproduce` that began it".to_owned()),
                });
            }
            let lock = run.lock()?;
            let options = run.read_config()?.of_run();
            (options, Some((run, lock)))
        }
        None => (merged_options(args)?, None),
    };

    let mut rows = TrainingRows::read(&options)?;
    rows.dialects.iter().for_each(|(file, dialect)| output.say_dialect(file, *dialect));
    let options = match (&resumed, args.new_length()) {
        (Some((run, _)), Some(length)) => with_length(options, run, length, &rows)?,
        _ => options,
    };
    let mut config = options.resolve(rows.train.rows(), rows.train.columns())?;
    rows.complete(&mut config);
    config.check_minibatches(rows.train.rows())?;
    if let (Some(out), Some(features)) = (&args.out, &config.options.feature_model)
        && std::path::absolute(out).is_ok_and(|out| Path::new(features) == out)
    {
        return Err(Failure::usage_hint(
            format!("--out {}: this is the feature model's run, which would be lost", out.display()),
            "give the new run a directory of its own",
        ));
    }
    // Before the run's directory is made: what is wrong with it leaves nothing behind.
    let frechet = FrechetTracker::new(&config, &rows)?;
    if let Some(tracker) = &frechet {
        rows.fingerprint = format!("{} {}", rows.fingerprint, tracker.frechet.fingerprint());
    }
    let (run, _lock) = match resumed {
        Some((run, lock)) => {
            if args.new_length().is_some() {
                run.write_config(&config.options)?;
            }
            (run, lock)
        }
        None => {
            let run = match &args.out {
                Some(path) => Run::create(path, args.overwrite)?,
                None => Run::create(&unused(config.method.name), false)?,
            };
            let lock = run.lock()?;
            run.write_config(&config.options)?;
            (run, lock)
        }
    };
    let data = args.data.as_deref();
    let trained = in_pool(&args.common, || train(data, every, &output, (&config, &rows, &run), frechet));
    if trained.is_err() && run.stands_apart() {
        run.give_up();
        output.say(format!("{}: the run that was to be replaced is as it was", run.path().display()));
    }
    let (summary, text) = trained?;
    rows.warnings.iter().for_each(|warning| output.warn(warning));
    let best = summary.best_validation.or(summary.validation);
    best.and_then(|found| rows.nothing_learned(found)).into_iter().for_each(|warning| output.warn(warning));
    output.result(&summary, || text)
}

impl TrainArgs {
    /// The length that a run to go on with is given, if any.
    fn new_length(&self) -> Option<NewLength> {
        let Options { epochs, updates, .. } = self.options;
        let more = self.extend.map(NewLength::More);
        more.or(epochs.map(NewLength::Epochs)).or(updates.map(NewLength::Updates))
    }

    /// Fills in options that the command line does not give. The file's `overwrite` applies to the file's own run
    /// directory only.
    fn fill_in(&mut self, file: CommandOptions) {
        self.overwrite |= file.overwrite && self.out.is_none();
        self.out = self.out.take().or(file.out);
        self.checkpoint_every = self.checkpoint_every.or(file.checkpoint_every);
        self.common.threads = self.common.threads.or(file.threads);
        self.common.json |= file.json;
        self.common.quiet |= file.quiet;
    }
}

/// The merged options of all sources, without defaults.
fn merged_options(args: &TrainArgs) -> Result<Options> {
    let mut options = args.options.clone();
    options.seed = args.common.seed.or(options.seed);
    if let Some(path) = &args.data {
        options.data = Some(path_text(path)?);
    }
    // Paths from the root, so that a run can be resumed from another directory.
    options.data = options.data.map(|path| if path == "-" { path } else { absolute(&path) });
    if let Some(Validation::File(path)) = options.validation_rows()? {
        options.validation = Some(absolute(&path.display().to_string()));
    }
    options.feature_model = options.feature_model.map(|path| absolute(&path));
    options.schema = options.schema.map(|path| absolute(&path));
    Ok(options.with_preset())
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
fn train(
    data: Option<&Path>,
    every: Duration,
    output: &Output,
    (config, rows, run): (&ResolvedConfig, &TrainingRows, &Run),
    frechet: Option<FrechetTracker>,
) -> Result<(Summary, String)> {
    let bar = output.bar(0, "updates");
    let job = Job { output, config, rows, run, sampler: None, frechet, bar: &Bar::Own(bar.clone()), every };
    let fitted = job.fit();
    bar.finish_and_clear();
    let Fitted { summary, model } = fitted?;
    let shown = match model {
        // Single pixels say nothing.
        Some(model) if config.vae.images.is_none() => preview_text(&preview(&model, rows, config.train.seed)?),
        Some(_) | None => String::new(),
    };
    let text = report(&summary, shown, config, data);
    Ok((summary, text))
}

/// A few missing cells and their imputations, for people. Empty if nothing is missing.
fn preview_text(preview: &Preview) -> String {
    if preview.cells.is_empty() {
        return String::new();
    }
    let lines: Vec<Vec<String>> = preview
        .cells
        .iter()
        .map(|cell| {
            let value = match &cell.text {
                Some((level, Some(share))) => format!("{level} ({:.0}%)", 100.0 * share),
                Some((date, None)) => format!("{date} ± {:.1} days", cell.deviation),
                None => format!("{:.2} ± {:.2}", cell.mean, cell.deviation),
            };
            vec![
                format!("  row {}, {}", cell.row, cell.column),
                value,
                format!("given {} observed", cell.observed),
                cell.hidden.as_ref().map_or_else(String::new, |value| format!("hidden: {value}")),
            ]
        })
        .collect();
    let more = match preview.more {
        0 => String::new(),
        more => format!("  … and {more} more in these rows\n"),
    };
    format!(
        "some missing cells, completed (mean ± deviation of {PREVIEW_DRAWS} draws, or the most frequent level):\n{}{more}\n",
        aligned(&lines)
    )
}

/// The summary, as text.
fn report(summary: &Summary, preview: String, config: &ResolvedConfig, data: Option<&Path>) -> String {
    let line = |name: &str, value: String| vec![name.to_owned(), value];
    let mut lines = vec![
        line("method", summary.method.clone()),
        line("rows", summary.rows.to_string()),
        line("missing cells", summary.cells_missing.to_string()),
        line("updates", format!("{} in {}", summary.updates, counted(summary.epochs as usize, "epoch"))),
        line(
            "objective",
            summary.objective.map_or("not known".to_owned(), |objective| format!("{objective:.4} nats a row")),
        ),
    ];
    if let Some(validation) = summary.validation {
        let unit = if summary.validated_on == "cells" { "a held-out cell" } else { "a row" };
        let best = summary.best_validation.unwrap_or(validation);
        lines.push(line("validation", format!("{best:.4} nats {unit}")));
        if let Some(epoch) = summary.best_epoch {
            let stopped = if summary.stopped_early { ", stopped early" } else { "" };
            lines.push(line("best epoch", format!("{epoch} of {}, kept{stopped}", summary.epochs)));
        }
    }
    if let Some(distance) = summary.frechet {
        lines.push(line("Fréchet distance", format!("{distance:.4} to the validation rows")));
    }
    if let Some(hidden) = &summary.hidden {
        if hidden.cells > 0 {
            let text = format!("RMSE {:.3} (column means: {:.3})", hidden.rmse, hidden.rmse_column_means);
            lines.push(line("hidden cells", format!("{}, {text}, standardised", hidden.cells)));
        }
        if let Some(HiddenLevels { cells, errors }) = hidden.levels {
            let shares = shares_of(errors);
            let text = format!("{cells}, {} wrong (most frequent levels: {})", shares[0], shares[1]);
            lines.push(line("hidden levels", text));
        }
    }
    let hidden = summary.hidden.as_ref().map_or_else(String::new, |hidden| hidden_text(&hidden.columns));
    let per_update = summary.seconds_per_update * 1e3;
    lines.push(line("time", format!("{:.1} s, {per_update:.2} ms an update", summary.seconds)));
    // As it was given, or, of a run that was gone on with, as its configuration has it.
    let data = data.and_then(Path::to_str).or(config.options.data.as_deref()).filter(|data| *data != "-");
    let data = data.map_or_else(|| "TABLE.csv".to_owned(), quoted);
    let key = config.options.key.as_deref().map_or(String::new(), |key| format!(" --key {}", quoted(key)));
    let run = quoted(&summary.run);
    format!(
        "{}\n{hidden}{preview}next:\n  missvae impute {run} {data}{key} --out completed.csv\n  missvae evaluate {run} HELD-OUT.csv\n",
        aligned(&lines)
    )
}

/// The shares of wrong levels, of the model and of the most frequent levels, as text.
fn shares_of(errors: LevelErrors) -> [String; 2] {
    [errors.error_rate, errors.error_rate_most_frequent].map(|share| format!("{:.1}%", 100.0 * share))
}

/// The errors on hidden cells column by column, and what to do now.
fn hidden_text(columns: &[HiddenColumn]) -> String {
    const SHOWN: usize = 20;
    if columns.is_empty() {
        return String::new();
    }
    let head = ["hidden cells of", "", "RMSE", "of the mean", "in the range of 20 draws"].map(str::to_owned).to_vec();
    let line = |column: &HiddenColumn| {
        let share = format!("{:.0}%", 100.0 * column.coverage);
        let [rmse, mean] = match column.levels {
            Some(errors) => shares_of(errors).map(|share| format!("{share} wrong")),
            None => [column.rmse, column.rmse_column_mean].map(|value| format!("{value:.4}")),
        };
        vec![format!("  {}", column.column), column.cells.to_string(), rmse, mean, share]
    };
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(columns.iter().take(SHOWN).map(line)).collect();
    let more = match columns.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("  … and {more} more columns in summary.json\n"),
    };
    let advice = "(calibrated draws have 90% in their range; to impute, fit again without --hide)";
    format!("{}{more}{advice}\n\n", aligned(&lines))
}

/// A word as it is to be typed in a shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./:=+,@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
