//! A line of an experiment's CSV, and the table of all lines.

use serde::Serialize;

use super::measure::Measure;
use crate::output::aligned;
use crate::paper::shared::without_empty_columns;

/// A line of the CSV: a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) experiment: &'static str,
    pub(super) panel: &'static str,
    pub(super) method: &'static str,
    /// K.
    pub(super) components: usize,
    /// The sampler of the imputations.
    pub(super) imputations: &'static str,
    /// With an oracle, α·first + (1−α)·second.
    pub(super) first: Option<&'static str>,
    pub(super) second: Option<&'static str>,
    pub(super) alpha: Option<f64>,
    /// Jensen–Shannon divergence between that and the true conditional, averaged over the training rows, in nats.
    pub(super) jsd: Option<f64>,
    pub(super) jsd_standard_error: Option<f64>,
    pub(super) seed: u64,
    pub(super) epochs: Option<u64>,
    pub(super) updates: Option<u64>,
    /// Mean of a test row, in nats; nothing if the run or its score stopped being finite.
    pub(super) log_likelihood: Option<f64>,
    /// Its standard error over test rows, which are the same for all runs.
    pub(super) standard_error: Option<f64>,
    /// The Fréchet distance of the model's samples to the test rows, where it was followed.
    pub(super) frechet: Option<f64>,
    /// Mean of the bound over the last epoch, in nats a row.
    pub(super) objective: Option<f64>,
    /// Share of the cells, or number of the quadrants, that are hidden before training; nothing if the table comes with
    /// its gaps.
    pub(super) hidden: Option<f64>,
    /// Latent dimensions.
    pub(super) latent: usize,
    /// Test rows that were scored.
    pub(super) test_rows: Option<usize>,
    /// Of importance sampling: samples of a row, their mean effective number, and the mean before the encoder was
    /// refitted.
    pub(super) importance_samples: Option<usize>,
    pub(super) effective_sample_size: Option<f64>,
    pub(super) log_likelihood_before_refit: Option<f64>,
    /// Of integration over a grid: cells a side of the last one, and by how much it changed the mean.
    pub(super) grid_cells: Option<usize>,
    pub(super) grid_change: Option<f64>,
    /// The directory below `runs/`.
    pub(super) run: String,
}

impl Row {
    /// What runs are compared by.
    fn measured(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::LogLikelihood => self.log_likelihood,
            Measure::Distance => self.frechet,
        }
    }
}

/// The log-likelihoods of some rows, as far as there are any.
pub(super) fn values(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Vec<f64> {
    rows.iter().filter(|row| wanted(row)).filter_map(|row| row.log_likelihood).collect()
}

/// A table for people: a line for each setting, seeds together.
pub(super) fn table(rows: &[Row], measure: Measure) -> String {
    let title = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut lines = vec![title(&[
        "panel",
        "hidden",
        "L",
        "method",
        "K",
        "imputations",
        "JSD",
        measure.name(),
        "deviation",
        "seeds",
    ])];
    let key = |row: &Row| {
        let [alpha, hidden] = [row.alpha, row.hidden].map(|x| x.map(f64::to_bits));
        (row.panel, row.method, row.components, row.second, alpha, hidden, row.latent)
    };
    let mut seen = Vec::new();
    for row in rows {
        if seen.contains(&key(row)) {
            continue;
        }
        seen.push(key(row));
        let same = rows.iter().filter(|other| key(other) == key(row));
        let found: Vec<f64> = same.filter_map(|row| row.measured(measure)).collect();
        let (mean, error) = missvae::evaluate::mean_and_standard_error(&found);
        let deviation = error * (found.len() as f64).sqrt();
        let text = |x: f64| if x.is_finite() { format!("{x:.4}") } else { "–".to_owned() };
        let imputations = match (row.first, row.second, row.alpha) {
            (Some(first), Some(second), Some(alpha)) => format!("{alpha:.2} {first} + {:.2} {second}", 1.0 - alpha),
            _ => row.imputations.to_owned(),
        };
        lines.push(vec![
            row.panel.to_owned(),
            row.hidden.map_or("–".to_owned(), |hidden| hidden.to_string()),
            row.latent.to_string(),
            row.method.to_owned(),
            row.components.to_string(),
            imputations,
            row.jsd.map_or("–".to_owned(), |jsd| format!("{jsd:.3}")),
            text(mean),
            text(deviation),
            found.len().to_string(),
        ]);
    }
    aligned(&without_empty_columns(lines))
}
