//! `--dry-run`: the runs, and about how long they take.

use std::time::Instant;

use autodiff::Aligned;
use models::imputer::Fitted;
use models::trainer::{Objective, Trainer};
use models::vae::Vae;
use serde::Serialize;

use super::execute::{Workers, finished, updates};
use super::experiment::Spec;
use super::imputations::Imputations;
use super::prepare::Prepared;
use super::source::{Measure, Source};
use crate::failure::Result;
use crate::output::{Output, aligned, counted};

/// Updates that are not measured, and the most that are.
const WARM_UP: u64 = 2;
const MEASURED: u64 = 20;
/// Seconds after which enough updates are measured.
const ENOUGH: f64 = 1.0;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    experiment: &'static str,
    runs: Vec<Line>,
    jobs: usize,
    /// Of all runs that are not finished, side by side.
    seconds: f64,
}

/// A run.
#[derive(Debug, Serialize)]
struct Line {
    panel: &'static str,
    hidden: Option<f64>,
    latent: usize,
    method: &'static str,
    components: usize,
    imputations: String,
    seed: u64,
    epochs: Option<u64>,
    updates: u64,
    /// Median of an update, measured on the initial model.
    update_ms: f64,
    /// Of training and scoring.
    seconds: f64,
    /// Whether it need not be run again.
    finished: bool,
    run: String,
}

/// What runs that cost the same have in common: panel, method, K, imputations, latent dimensions.
type Kind<'a> = (&'a str, &'a str, usize, &'a str, usize);

/// Prints the plan.
pub(super) fn report(
    experiment: &'static str,
    runs: &[Prepared],
    source: &impl Source,
    workers: &Workers,
    output: &Output,
) -> Result<()> {
    let pool = workers.pool()?;
    let mut measured: Vec<(Kind<'_>, f64, f64)> = Vec::new();
    let mut lines: Vec<Line> = Vec::new();
    for run in runs {
        // Interpolations, and shares of hidden cells, differ little in what an update costs.
        let Spec { panel, method, components, imputations, .. } = &run.spec;
        let kind = (*panel, method.name, *components, imputations.name(), run.plan.vae.latent);
        let (update, score) = match measured.iter().find(|(known, ..)| *known == kind) {
            Some(&(_, update, score)) => (update, score),
            None => {
                let (update, score) = pool.install(|| measure(run, source))?;
                measured.push((kind, update, score));
                (update, score)
            }
        };
        let total = updates(&run.plan, source.size(&run.spec).0);
        let name = run.name();
        let finished = finished(run, source)?.is_some() || lines.iter().any(|line| line.run == name);
        lines.push(Line {
            panel: run.spec.panel,
            hidden: run.spec.hidden(),
            latent: run.plan.vae.latent,
            method: run.spec.method.name,
            components: run.spec.components,
            imputations: run.spec.imputations.slug(),
            seed: run.spec.seed,
            epochs: run.plan.options.epochs,
            updates: total,
            update_ms: 1e3 * update,
            seconds: total as f64 * update + score,
            finished,
            run: name,
        });
    }
    let seconds = 0.0 + lines.iter().filter(|line| !line.finished).map(|line| line.seconds).sum::<f64>();
    let seconds = seconds / workers.jobs as f64;
    let report = Report { experiment, runs: lines, jobs: workers.jobs, seconds };
    output.result(&report, || text(&report))
}

/// Seconds of an update and of scoring the test rows, with the initial parameters.
fn measure(run: &Prepared, source: &impl Source) -> Result<(f64, f64)> {
    let mut config = run.plan.train.clone();
    if let Objective::ImputationMixture(training) = &mut config.objective {
        training.renew_from = 1;
    }
    let mut trainer = Trainer::new(Vae::new(run.plan.vae.clone()), config)?;
    if let Some(sampler) = run.spec.imputations.sampler(source.truth())? {
        trainer.set_sampler(sampler);
    }
    let all = source.rows(run)?;
    let rows = &all.train;
    let total = trainer.total_updates(rows.rows()).max(1);
    // Within the first epoch, so that no epoch has to be ended.
    let most = trainer.updates_per_epoch(rows.rows());
    let mut seconds = Vec::new();
    for i in 0..most.min(WARM_UP + MEASURED) {
        let started = Instant::now();
        trainer.update(rows, total)?;
        let second = started.elapsed().as_secs_f64();
        if i >= WARM_UP || most <= WARM_UP {
            seconds.push(second);
        }
        if seconds.iter().sum::<f64>() > ENOUGH {
            break;
        }
    }
    seconds.sort_by(f64::total_cmp);
    let update = seconds.get(seconds.len() / 2).copied().unwrap_or(0.0);
    let mut model = Fitted::new(trainer.vae().clone(), Aligned::from_slice(trainer.parameters()));
    let score = match source.measure() {
        Measure::LogLikelihood => source.seconds_to_score(run, &all, &mut model)?,
        // What is measured while a run is followed is short beside it.
        Measure::Distance => 0.0,
    };
    Ok((update, score))
}

/// The plan for people: a line for each setting, seeds together.
fn text(report: &Report) -> String {
    let title =
        ["panel", "hidden", "L", "method", "K", "imputations", "seeds", "epochs", "updates", "ms an update", "time"];
    let mut lines = vec![title.map(str::to_owned).to_vec()];
    let key = |line: &Line| {
        let Line { panel, hidden, latent, method, components, imputations, .. } = line;
        (*panel, hidden.map(f64::to_bits), *latent, *method, *components, imputations.clone())
    };
    let mut seen = Vec::new();
    for line in &report.runs {
        if seen.contains(&key(line)) {
            continue;
        }
        seen.push(key(line));
        let same: Vec<&Line> = report.runs.iter().filter(|other| key(other) == key(line)).collect();
        // An empty sum is −0.
        let left = 0.0 + same.iter().filter(|line| !line.finished).map(|line| line.seconds).sum::<f64>();
        lines.push(vec![
            line.panel.to_owned(),
            line.hidden.map_or("–".to_owned(), |hidden| hidden.to_string()),
            line.latent.to_string(),
            line.method.to_owned(),
            line.components.to_string(),
            line.imputations.clone(),
            same.len().to_string(),
            line.epochs.map_or("–".to_owned(), |epochs| epochs.to_string()),
            line.updates.to_string(),
            format!("{:.2}", line.update_ms),
            duration(left),
        ]);
    }
    let left = report.runs.iter().filter(|line| !line.finished).count();
    let rejection =
        report.runs.iter().any(|line| line.imputations == Imputations::Rejection(Default::default()).name());
    let caveat = if rejection { "; rejection takes longer on a fitted model than on the initial one" } else { "" };
    format!(
        "{}{} {} left to do, {} at a time: about {}{caveat}\n",
        aligned(&lines),
        counted(left, "run"),
        if left == 1 { "is" } else { "are" },
        report.jobs,
        duration(report.seconds)
    )
}

/// Seconds, in the unit that people would use.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
