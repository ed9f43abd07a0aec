//! A line of the CSV of divergences, and the table of all lines.

use serde::Serialize;

use crate::output::aligned;
use crate::paper::shared::without_empty_columns;

/// Two densities of a row's latent point.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FitRow {
    pub(super) method: &'static str,
    pub(super) components: usize,
    pub(super) seed: u64,
    /// Place among the complete test rows, from 1.
    pub(super) row: usize,
    pub(super) p: &'static str,
    pub(super) q: &'static str,
    /// KL(p‖q), KL(q‖p) and Jensen–Shannon divergence, in nats. `None` if a density has no finite value on the square,
    /// or one has mass where the other has none.
    pub(super) kl_p_q: Option<f64>,
    pub(super) kl_q_p: Option<f64>,
    pub(super) jsd: Option<f64>,
}

/// Means over rows for people: a line for each method and pair.
pub(super) fn table(fits: &[FitRow]) -> String {
    let mut lines = vec![["method", "p", "q", "KL(p‖q)", "KL(q‖p)", "JSD", "rows"].map(str::to_owned).to_vec()];
    let key = |fit: &FitRow| (fit.method, fit.p, fit.q);
    let mut seen = Vec::new();
    for fit in fits {
        if seen.contains(&key(fit)) {
            continue;
        }
        seen.push(key(fit));
        let same = || fits.iter().filter(|other| key(other) == key(fit));
        // Of all rows or of none: a mean without its infinities would look better than it is.
        let mean = |of: fn(&FitRow) -> Option<f64>| {
            let values: Option<Vec<f64>> = same().map(of).collect();
            values.map_or("–".to_owned(), |values| format!("{:.3}", values.iter().sum::<f64>() / values.len() as f64))
        };
        let [p, q] = [fit.p, fit.q].map(str::to_owned);
        let means = [mean(|fit| fit.kl_p_q), mean(|fit| fit.kl_q_p), mean(|fit| fit.jsd)];
        lines.push([vec![fit.method.to_owned(), p, q], means.to_vec(), vec![same().count().to_string()]].concat());
    }
    aligned(&without_empty_columns(lines))
}
