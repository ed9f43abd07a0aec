//! Measured runs, several at a time.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use indicatif::ProgressBar;
use missvae::network::Vae;
use missvae::snr::{Measured, MomentsInfo, Monitor, Study, measure, save_moments};
use missvae::trainer::{Outcome, RunError, Trainer};

use super::args::SnrArgs;
use super::cache;
use super::point::{Point, protocol_name};
use super::prepare::Prepared;
use super::variants::{Variant, several_estimators};

use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::paper::shared::lock;
use crate::signal;
use crate::threads::{MOST_THREADS, pool};

/// Settings that all runs share.
struct Board<'a> {
    variants: &'a [Variant],
    study: &'a Study,
    /// Directory of the moments.
    raw: Option<&'a Path>,
    /// Directory of finished runs.
    out: Option<&'a Path>,
    output: &'a Output,
    bar: ProgressBar,
    interrupted: &'static AtomicBool,
    /// Whether a run failed, so that the others need not go on.
    failed: AtomicBool,
    done: AtomicUsize,
    of: usize,
}

/// The points of all runs, in their order. A run that was given up, because a number stopped being finite, has fewer.
pub(super) fn all(
    runs: &[Prepared],
    variants: &[Variant],
    study: &Study,
    raw: Option<&Path>,
    args: &SnrArgs,
    output: &Output,
) -> Result<Vec<Vec<Point>>> {
    let (jobs, threads_each) = workers(runs, args);
    let steps = runs.iter().map(|run| steps(run, study)).sum();
    let board = Board {
        variants,
        study,
        raw,
        out: args.out.as_deref(),
        output,
        bar: output.bar(steps, "gradients"),
        interrupted: signal::listen()?,
        failed: AtomicBool::new(false),
        done: AtomicUsize::new(0),
        of: runs.len(),
    };
    let found: Vec<Mutex<Vec<Point>>> = runs.iter().map(|_| Mutex::new(Vec::new())).collect();
    let failure = Mutex::new(None);
    let given_up = Mutex::new(None);
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        let pool = pool(threads_each)?;
        while !board.stops() {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(run) = runs.get(place) else { break };
            let (points, error) = pool.install(|| board.one(run))?;
            *lock(&found[place]) = points;
            if let Some(error) = error {
                lock(&given_up).get_or_insert(error);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                if let Err(error) = work() {
                    // The first failure is told; the other runs stop because of it.
                    lock(&failure).get_or_insert(error);
                    board.failed.store(true, Ordering::Relaxed);
                }
            });
        }
    });
    board.bar.finish_and_clear();
    if let Some(failure) = lock(&failure).take() {
        return Err(failure);
    }
    // A signal that came when all was done is no interruption.
    if board.done.load(Ordering::Relaxed) < runs.len() {
        let what = match args.out {
            Some(_) => "the same command goes on with the runs that are not finished",
            None => "nothing is kept without --out",
        };
        return Err(Failure::Interrupted(what.to_owned()));
    }
    let found: Vec<Vec<Point>> = found.iter().map(|points| std::mem::take(&mut *lock(points))).collect();
    match lock(&given_up).take() {
        Some(error) if found.iter().all(Vec::is_empty) => Err(error.into()),
        _ => Ok(found),
    }
}

/// Runs at a time, and the threads of each.
pub(super) fn workers(runs: &[Prepared], args: &SnrArgs) -> (usize, usize) {
    let threads = args.common.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    // Small networks gain little from a second thread, so runs have one each while there are enough of them.
    // Networks of images take gigabytes each, and have work for all threads.
    let images = runs.iter().any(|run| run.config.vae.images.is_some());
    let jobs = if images { 1 } else { threads.clamp(1, MOST_THREADS).min(runs.len()) };
    (jobs, (threads / jobs).max(1))
}

/// Gradients of a whole run: its updates and its draws.
pub(super) fn steps(run: &Prepared, study: &Study) -> u64 {
    let (config, rows) = (&run.config.train, run.rows.count);
    let epochs = Study::epochs(config, rows);
    let measured = (1..=epochs).filter(|&epoch| study.measures(epoch, epochs)).count() as u64;
    config.total_updates(rows) + measured * study.draws.unwrap_or(0)
}

impl Board<'_> {
    fn stops(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    /// Carries out a run. The error is that of a number which was not finite; the points are those before it.
    fn one(&self, run: &Prepared) -> Result<(Vec<Point>, Option<missvae::Error>)> {
        let Prepared { config, variant, rows } = run;
        let variant = &self.variants[*variant];
        let name = format!("{}, seed {}", variant.title(several_estimators(self.variants)), config.train.seed);
        let cached = self.out.map(|out| cache::file(out, run, variant, self.study)).transpose()?;
        // Moments are not kept with the points.
        if let Some(path) = cached.as_ref().filter(|_| self.raw.is_none())
            && let Some(points) = cache::read(path)?
        {
            self.bar.inc(steps(run, self.study));
            self.tell(&name, "finished before");
            return Ok((points, None));
        }
        let rows = rows.read(&config.options)?;
        let mut trainer = Trainer::<f32>::new(Vae::new(config.vae.clone()), config.train.clone())?;
        let vae = trainer.vae().clone();
        let mut monitor = Run {
            board: self,
            vae: &vae,
            variant: variant.slug(),
            seed: config.train.seed,
            epochs: Study::epochs(&config.train, rows.train.rows()),
            points: Vec::new(),
        };
        let started = Instant::now();
        let outcome = measure(&mut trainer, &rows.train, self.study, &mut monitor);
        let points = monitor.points;
        match outcome {
            Ok(Outcome::Finished) => {
                if let Some(path) = &cached {
                    cache::write(path, &points)?;
                }
                self.tell(&name, &format!("{:.0} s", started.elapsed().as_secs_f64()));
                Ok((points, None))
            }
            Ok(Outcome::Interrupted) => Ok((points, None)),
            Err(RunError::Training(error @ missvae::Error::NotFinite { .. })) => {
                self.tell(&name, &format!("given up: {error}"));
                Ok((points, Some(error)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn tell(&self, run: &str, what: &str) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.suspend(|| self.output.say(format!("{done}/{}: {run}: {what}", self.of)));
    }
}

/// Follows one run.
struct Run<'a> {
    board: &'a Board<'a>,
    vae: &'a Vae,
    /// The variant's name in files.
    variant: String,
    seed: u64,
    epochs: u64,
    points: Vec<Point>,
}

impl Run<'_> {
    /// Writes the moments themselves.
    fn keep(&self, directory: &Path, measured: &Measured<'_>) -> Result<()> {
        let protocol = protocol_name(measured.protocol);
        let path: PathBuf = directory.join(format!("{}-seed{}-{protocol}.safetensors", self.variant, self.seed));
        let info = MomentsInfo {
            method: self.variant.clone(),
            protocol: protocol.to_owned(),
            seed: self.seed,
            epoch: measured.epoch,
            gradients: measured.moments.count(),
        };
        save_moments(&path, self.vae, measured.moments, &info)?;
        Ok(())
    }
}

impl Monitor for Run<'_> {
    type Error = Failure;

    fn advanced(&mut self) -> Result<ControlFlow<()>> {
        self.board.bar.inc(1);
        Ok(if self.board.stops() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn measured(&mut self, measured: Measured<'_>) -> Result<()> {
        let Measured { protocol, epoch, moments } = measured;
        let signals = moments.signals(self.vae);
        self.points.push(Point { protocol, epoch, signals, gradients: moments.count() });
        match self.board.raw.filter(|_| epoch == self.epochs) {
            Some(directory) => self.keep(directory, &measured),
            None => Ok(()),
        }
    }
}
