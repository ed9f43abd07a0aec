//! Carries out runs: several at a time, each in its directory, none twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use missvae::evaluate::GRID_TOLERANCE;
use missvae::files::replace;

use super::evaluation::Evaluation;
use super::measure::Measure;
use super::prepared::Prepared;
use super::source::Source;
use super::workers::Workers;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::paper::shared::{lock, read_json};
use crate::run::{DirLock, Run};
use crate::signal;
use crate::training::{Bar, Fitted, FrechetTracker, Job};

/// The time between a run's checkpoints.
const EVERY: Duration = Duration::from_secs(60);

/// The results of all runs, in their order; `None` for a run that could not be finished because a number stopped being
/// finite. Runs with the same directory are carried out once.
pub(super) fn all(
    runs: &[Prepared],
    source: &impl Source,
    workers: &Workers,
    output: &Output,
) -> Result<Vec<Option<Evaluation>>> {
    let interrupted = signal::listen()?;
    let mut places: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut distinct = Vec::new();
    for run in runs {
        places.entry(&run.directory).or_insert_with(|| {
            distinct.push(run);
            distinct.len() - 1
        });
    }
    let total = distinct.iter().map(|run| run.config.train.total_updates(source.size(&run.spec).0)).sum();
    let board = Board { output, bar: output.bar(total, "updates"), done: AtomicUsize::new(0), of: distinct.len() };
    let results: Vec<Mutex<Option<Evaluation>>> = distinct.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let work = || -> Result<()> {
        let pool = workers.pool()?;
        while !interrupted.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(run) = distinct.get(place) else { return Ok(()) };
            *lock(&results[place]) = pool.install(|| one(run, source, &board))?;
        }
        Err(Failure::Interrupted(String::new()))
    };
    std::thread::scope(|scope| {
        for _ in 0..workers.jobs.min(distinct.len()) {
            scope.spawn(|| {
                if let Err(error) = work() {
                    // The first failure is told; the others stop at a checkpoint because of it.
                    lock(&failure).get_or_insert(error);
                    signal::raise();
                }
            });
        }
    });
    board.bar.finish_and_clear();
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        // A signal that came when all was done is no interruption.
        Some(failure)
            if !matches!(failure, Failure::Interrupted(_)) || board.done.load(Ordering::Relaxed) < board.of =>
        {
            Err(failure)
        }
        _ => {
            let result = |run: &Prepared| lock(&results[places[run.directory.as_path()]]).clone();
            Ok(runs.iter().map(result).collect())
        }
    }
}

/// Progress messages while runs are carried out.
struct Board<'a> {
    output: &'a Output,
    bar: ProgressBar,
    done: AtomicUsize,
    of: usize,
}

impl Board<'_> {
    fn tell(&self, run: &Prepared, what: &str) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let text = format!("{done}/{}: {}: {what}", self.of, run.title());
        self.bar.suspend(|| self.output.say(text));
    }
}

/// The result of a run that is finished and was scored with the present options.
pub(super) fn finished(run: &Prepared, source: &impl Source) -> Result<Option<Evaluation>> {
    let Ok(directory) = Run::open(&run.directory) else { return Ok(None) };
    if run.model_wanted && !directory.model().exists() {
        return Ok(None);
    }
    let found = read_json::<Evaluation>(&directory.evaluation(), "the run is scored again")?;
    Ok(found.filter(|evaluation| evaluation.scoring == source.scoring(run)))
}

/// Carries out one run, or what is left of it.
fn one(run: &Prepared, source: &impl Source, board: &Board<'_>) -> Result<Option<Evaluation>> {
    let total = run.config.train.total_updates(source.size(&run.spec).0);
    if let Some(evaluation) = finished(run, source)? {
        board.bar.inc(total);
        board.tell(run, "finished before");
        return Ok(Some(evaluation));
    }
    let (directory, _lock) = open(run)?;
    let sampler = run.spec.imputations.sampler(source.truth())?;
    let rows = source.rows(run)?;
    let frechet = match &run.followed {
        None => None,
        Some((features, every)) => source.frechet(run, &rows, features)?.map(|frechet| FrechetTracker {
            frechet,
            every: *every,
            seed: run.spec.seed,
        }),
    };
    let (quiet, bar) = (board.output.silenced(), Bar::Shared(board.bar.clone()));
    let job = Job {
        output: &quiet,
        config: &run.config,
        rows: &rows,
        run: &directory,
        sampler,
        frechet,
        bar: &bar,
        every: EVERY,
    };
    let Fitted { summary, model } = match job.fit() {
        Err(Failure::Model(error @ missvae::Error::NotFinite { .. })) => {
            board.tell(run, &format!("given up: {error}"));
            return Ok(None);
        }
        fitted => fitted?,
    };
    if model.is_none() {
        board.bar.inc(total);
    }
    let score = match source.measure() {
        Measure::Distance => Ok(None),
        Measure::LogLikelihood => {
            let mut model = model.map_or_else(|| directory.load_model().map(|(model, _)| model), Ok)?;
            source.score(run, &rows, &mut model).map(Some)
        }
    };
    let score = match score {
        Err(Failure::Model(error @ missvae::Error::NotFinite { .. })) => {
            board.tell(run, &format!("not scored: refitting its encoder: {error}"));
            return Ok(None);
        }
        score => score?,
    };
    let evaluation = Evaluation::new(score, source.scoring(run), &summary);
    let text = serde_json::to_string_pretty(&evaluation).map_err(|error| Failure::Failed(error.to_string()))?;
    replace(&directory.evaluation(), |file| writeln!(file, "{text}"))?;
    let number = |x: Option<f64>| x.map_or("not finite".to_owned(), |x| format!("{x:.4}"));
    let result = match (source.measure(), run.followed.is_some()) {
        (Measure::LogLikelihood, _) => format!("log-likelihood {} nats a row, ", number(evaluation.log_likelihood)),
        (Measure::Distance, true) => format!("Fréchet distance {}, ", number(evaluation.frechet)),
        // What the others take features from.
        (Measure::Distance, false) => String::new(),
    };
    let unresolved = evaluation.grid_change.filter(|change| *change >= GRID_TOLERANCE);
    let unresolved = unresolved
        .map_or(String::new(), |change| format!("; the grid's last refinement still changed it by {change:.1e}"));
    board.tell(run, &format!("{result}{:.0} s{unresolved}", summary.seconds));
    Ok(Some(evaluation))
}

/// The directory of a run, new or as it was left, for this process alone.
fn open(run: &Prepared) -> Result<(Run, DirLock)> {
    let exists = run.directory.join("config.toml").exists();
    let directory = if exists { Run::open(&run.directory)? } else { Run::create(&run.directory, true)? };
    let lock = directory.lock()?;
    if let Some(recipe) = &run.recipe {
        replace(&directory.recipe(), |file| writeln!(file, "{recipe:#}"))?;
    }
    // Last: it is what says that the rest is there.
    directory.write_config(&run.config.options)?;
    Ok((directory, lock))
}
