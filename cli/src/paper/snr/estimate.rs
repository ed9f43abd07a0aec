//! The runs of a study, and about how long they take.

use missvae::network::Vae;
use missvae::snr::Study;
use missvae::trainer::Trainer;
use serde::Serialize;

use super::args::SnrArgs;
use super::cache;
use super::execute::{steps, workers};
use super::prepare::Prepared;
use super::variants::{Variant, several_estimators};
use crate::failure::Result;
use crate::output::{Output, aligned, counted};
use crate::paper::timing::{duration, elapsed, seconds_of_update};
use crate::threads::pool;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Estimate {
    experiment: &'static str,
    runs: Vec<Line>,
    jobs: usize,
    /// Of the runs that are left, as many at a time as there are jobs.
    seconds: f64,
}

/// A run.
#[derive(Debug, Serialize)]
struct Line {
    method: &'static str,
    gradient: String,
    components: usize,
    seed: u64,
    updates: u64,
    /// Gradients of updates and of frozen minibatches.
    gradients: u64,
    /// Median of an update, measured on the initial model.
    update_ms: f64,
    /// Of the whole run, or 0 if it is finished.
    seconds: f64,
    /// Whether its points are stored.
    finished: bool,
}

/// Prints the runs, and about how long they take. An update is measured once for each variant.
pub(super) fn report(
    experiment: &'static str,
    runs: &[Prepared],
    variants: &[Variant],
    study: &Study,
    args: &SnrArgs,
    output: &Output,
) -> Result<()> {
    let (jobs, threads) = workers(runs, args);
    let pool = pool(threads)?;
    let several = several_estimators(variants);
    let mut measured: Vec<Option<f64>> = vec![None; variants.len()];
    let mut lines = Vec::new();
    for run in runs {
        let variant = &variants[run.variant];
        let update = match measured[run.variant] {
            Some(update) => update,
            None => {
                let rows = run.rows.read(&run.config.options)?;
                let mut trainer = Trainer::new(Vae::new(run.config.vae.clone()), run.config.train.clone())?;
                *measured[run.variant].insert(pool.install(|| seconds_of_update(&mut trainer, &rows.train))?)
            }
        };
        let stored = args.out.as_deref().map(|out| cache::file(out, run, variant, study)).transpose()?;
        let finished = stored.is_some_and(|path| path.exists());
        let gradients = steps(run, study);
        lines.push(Line {
            method: variant.method.name,
            gradient: variant.title(several),
            components: run.config.vae.components,
            seed: run.config.train.seed,
            updates: run.config.train.total_updates(run.rows.count),
            gradients,
            update_ms: 1e3 * update,
            seconds: if finished { 0.0 } else { gradients as f64 * update },
            finished,
        });
    }
    let seconds = elapsed(lines.iter().map(|line| line.seconds), jobs);
    let estimate = Estimate { experiment, runs: lines, jobs, seconds };
    output.result(&estimate, || text(&estimate))
}

/// The runs for people: a line for each variant, seeds together.
fn text(estimate: &Estimate) -> String {
    let title = ["gradient", "K", "seeds", "updates", "ms an update", "time"];
    let mut lines = vec![title.map(str::to_owned).to_vec()];
    for same in estimate.runs.chunk_by(|a, b| a.gradient == b.gradient) {
        let first = &same[0];
        lines.push(vec![
            first.gradient.clone(),
            first.components.to_string(),
            same.len().to_string(),
            first.updates.to_string(),
            format!("{:.2}", first.update_ms),
            duration(same.iter().map(|line| line.seconds).sum()),
        ]);
    }
    let left = estimate.runs.iter().filter(|line| !line.finished).count();
    format!(
        "{}{} {} left to do, {} at a time: about {}\n",
        aligned(&lines),
        counted(left, "run"),
        if left == 1 { "is" } else { "are" },
        estimate.jobs,
        duration(estimate.seconds)
    )
}
