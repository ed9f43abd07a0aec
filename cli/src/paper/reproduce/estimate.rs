//! `--dry-run`: the runs, and about how long they take.

use std::path::Path;

use autodiff::Aligned;
use missvae::impute::FittedModel;
use missvae::network::Vae;
use missvae::trainer::{Objective, Trainer};
use serde::{Deserialize, Serialize};

use super::execute::finished;
use super::imputations::Imputations;
use super::measure::Measure;
use super::prepared::Prepared;
use super::source::Source;
use super::spec::Spec;
use super::workers::Workers;
use crate::failure::Result;
use crate::output::{Output, aligned, counted};
use crate::paper::shared::without_empty_columns;
use crate::paper::timing::{duration, elapsed, seconds_of_update};
use crate::run::Run;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Estimates {
    experiment: &'static str,
    runs: Vec<Line>,
    jobs: usize,
    /// Seconds for all runs that are left, `jobs` at a time.
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
    /// Seconds of the training and the scoring that are left.
    seconds: f64,
    /// Whether it is finished.
    finished: bool,
    run: String,
}

/// Runs with the same of these cost the same: panel, method, K, imputations, latent dimensions.
type Kind<'a> = (&'a str, &'a str, usize, &'a str, usize);

/// Prints the plan of runs that are carried out in stages: one begins when all of the one before are finished.
pub(super) fn report(
    experiment: &'static str,
    stages: &[Vec<Prepared>],
    source: &impl Source,
    workers: &Workers,
    output: &Output,
) -> Result<()> {
    let pool = workers.pool()?;
    let mut measured: Vec<(Kind<'_>, f64, f64)> = Vec::new();
    let mut lines: Vec<Line> = Vec::new();
    for run in stages.iter().flatten() {
        // Interpolations, and shares of hidden cells, differ little in what an update costs.
        let Spec { panel, method, components, imputations, .. } = &run.spec;
        let kind = (*panel, method.name, *components, imputations.name(), run.config.vae.latent);
        let (update, score) = match measured.iter().find(|(known, ..)| *known == kind) {
            Some(&(_, update, score)) => (update, score),
            None => {
                let (update, score) = pool.install(|| measure(run, source))?;
                measured.push((kind, update, score));
                (update, score)
            }
        };
        let total = run.config.train.total_updates(source.size(&run.spec).0);
        let name = run.name();
        let finished = finished(run, source)?.is_some() || lines.iter().any(|line| line.run == name);
        let left = if finished { 0.0 } else { (total - made(&run.directory).min(total)) as f64 * update + score };
        lines.push(Line {
            panel: run.spec.panel,
            hidden: run.spec.hidden(),
            latent: run.config.vae.latent,
            method: run.spec.method.name,
            components: run.spec.components,
            imputations: run.spec.imputations.slug(),
            seed: run.spec.seed,
            epochs: run.config.options.epochs,
            updates: total,
            update_ms: 1e3 * update,
            seconds: left,
            finished,
            run: name,
        });
    }
    let mut rest = lines.as_slice();
    let mut seconds = 0.0;
    for stage in stages {
        let (lines, others) = rest.split_at(stage.len());
        seconds += elapsed(lines.iter().map(|line| line.seconds), workers.jobs);
        rest = others;
    }
    let report = Estimates { experiment, runs: lines, jobs: workers.jobs, seconds };
    output.result(&report, || text(&report))
}

/// Updates of a run that are made already: all, if it is trained; else those of the epochs in its metrics.
fn made(directory: &Path) -> u64 {
    #[derive(Deserialize)]
    struct Told {
        update: u64,
    }
    let Ok(run) = Run::open(directory) else { return 0 };
    if run.summary().exists() && run.model().exists() {
        return u64::MAX;
    }
    if !run.checkpoint().exists() {
        return 0;
    }
    // A plan is only an estimate: what cannot be read is counted as not made.
    let text = std::fs::read_to_string(run.metrics()).unwrap_or_default();
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok()).map_or(0, |Told { update }| update)
}

/// Seconds of an update and of scoring the test rows, with the initial parameters.
fn measure(run: &Prepared, source: &impl Source) -> Result<(f64, f64)> {
    let mut config = run.config.train.clone();
    if let Objective::ImputationMixture(training) = &mut config.objective {
        training.renew_from = 1;
    }
    let mut trainer = Trainer::new(Vae::new(run.config.vae.clone()), config)?;
    if let Some(sampler) = run.spec.imputations.sampler(source.truth())? {
        trainer.set_sampler(sampler);
    }
    let all = source.rows(run)?;
    let rows = &all.train;
    let update = seconds_of_update(&mut trainer, rows)?;
    let mut model = FittedModel::new(trainer.vae().clone(), Aligned::from_slice(trainer.parameters()));
    let score = match source.measure() {
        Measure::LogLikelihood => source.seconds_to_score(run, &all, &mut model)?,
        // What is measured while a run is followed is short beside it.
        Measure::Distance => 0.0,
    };
    Ok((update, score))
}

/// The plan for people: a line for each setting, seeds together.
fn text(report: &Estimates) -> String {
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
        let left: f64 = same.iter().map(|line| line.seconds).sum();
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
        aligned(&without_empty_columns(lines)),
        counted(left, "run"),
        if left == 1 { "is" } else { "are" },
        report.jobs,
        duration(report.seconds)
    )
}

#[cfg(test)]
mod tests {
    use super::made;

    #[test]
    fn what_is_made_is_not_planned() {
        let directory = tempfile::tempdir().unwrap();
        let run = directory.path().join("run");
        assert_eq!(made(&run), 0);
        std::fs::create_dir(&run).unwrap();
        let write = |file: &str, text: &str| std::fs::write(run.join(file), text).unwrap();
        write("metrics.jsonl", "{\"epoch\":1,\"update\":7}\n{\"epoch\":2,\"update\":14}\n{\"epo");
        // Without a checkpoint it would begin anew.
        assert_eq!(made(&run), 0);
        write("checkpoint.safetensors", "");
        assert_eq!(made(&run), 14);
        write("model.safetensors", "");
        assert_eq!(made(&run), 14);
        write("summary.json", "");
        assert_eq!(made(&run), u64::MAX);
    }
}
