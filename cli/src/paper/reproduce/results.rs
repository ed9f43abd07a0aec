//! The results of an experiment.

use std::path::Path;

use samplers::gaussian_mixture::oracle::Interpolation;
use samplers::gaussian_mixture::oracle::divergence::Divergence;
use serde::Serialize;

use super::evaluation::Evaluation;
use super::fit_row::FitRow;
use super::imputations::family_name;
use super::prepared::Prepared;
use super::row::Row;
use super::source::Source;
use crate::failure::Result;

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) experiment: &'static str,
    pub(super) rows: Vec<Row>,
    /// Divergences between the densities of a figure that shows some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fits: Vec<FitRow>,
}

/// A line for each run.
pub(super) fn rows(
    experiment: &'static str,
    runs: &[Prepared],
    results: &[Option<Evaluation>],
    source: &impl Source,
) -> Result<Vec<Row>> {
    let mut known: Vec<(Interpolation, Option<Divergence>)> = Vec::new();
    let mut rows = Vec::new();
    for (run, result) in runs.iter().zip(results) {
        let interpolation = run.spec.imputations.interpolation();
        let divergence = match interpolation {
            None => None,
            Some(wanted) => match known.iter().find(|(known, _)| *known == wanted) {
                Some((_, divergence)) => *divergence,
                None => {
                    let divergence = source.divergence(wanted)?;
                    known.push((wanted, divergence));
                    divergence
                }
            },
        };
        let finite = |x: f64| x.is_finite().then_some(x);
        rows.push(Row {
            experiment,
            panel: run.spec.panel,
            method: run.spec.method.name,
            components: run.spec.components,
            imputations: run.spec.imputations.name(),
            first: interpolation.map(|interpolation| family_name(interpolation.first)),
            second: interpolation.map(|interpolation| family_name(interpolation.second)),
            alpha: interpolation.map(|interpolation| interpolation.alpha),
            jsd: divergence.and_then(|divergence| finite(divergence.mean)),
            jsd_standard_error: divergence.and_then(|divergence| finite(divergence.standard_error)),
            seed: run.spec.seed,
            epochs: result.as_ref().map(|result| result.epochs),
            updates: result.as_ref().map(|result| result.updates),
            log_likelihood: result.as_ref().and_then(|result| result.log_likelihood),
            standard_error: result.as_ref().and_then(|result| result.standard_error),
            frechet: result.as_ref().and_then(|result| result.frechet),
            objective: result.as_ref().and_then(|result| result.objective),
            hidden: run.spec.hidden(),
            latent: run.config.vae.latent,
            test_rows: result.as_ref().map(|result| result.rows).filter(|&rows| rows > 0),
            importance_samples: result.as_ref().and_then(|result| result.importance_samples),
            effective_sample_size: result.as_ref().and_then(|result| result.effective_sample_size),
            log_likelihood_before_refit: result.as_ref().and_then(|result| result.log_likelihood_before_refit),
            grid_cells: result.as_ref().and_then(|result| result.grid_cells),
            grid_change: result.as_ref().and_then(|result| result.grid_change),
            run: run.name(),
        });
    }
    Ok(rows)
}

/// The files of an experiment, a line each.
pub(super) fn files(out: &Path, experiment: &str) -> String {
    ["csv", "svg", "png"].map(|ending| format!("{}\n", out.join(format!("{experiment}.{ending}")).display())).concat()
}
