//! How far the densities of figures 1 and 9 to 11 are from each other, in numbers (docs/methods.md §7, posterior fit).

use missvae::evaluate::{Divergences, divergences};
use serde::Serialize;

use super::experiment::Drawn;
use super::lattice::{Column, Lattice, Shown};
use super::mog::MogData;
use super::posteriors::{fitted, rows};
use crate::failure::{Failure, Result};
use crate::output::{Output, aligned, counted};
use crate::signal;

/// Rows that are compared, of which the figures show the first.
const ROWS: usize = 50;
/// The square that densities are normalised on, and the points of its lattice along a side.
const HALF_WIDTH: f64 = 10.0;
const SIDE: usize = 401;

/// Two densities of a row's latent point.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fit {
    method: &'static str,
    components: usize,
    seed: u64,
    /// Place among the complete test rows, from 1.
    row: usize,
    p: &'static str,
    q: &'static str,
    /// KL(p‖q), KL(q‖p) and Jensen–Shannon divergence, in nats; nothing if a density has no finite value on the square, or one
    /// has mass where the other has none.
    kl_p_q: Option<f64>,
    kl_q_p: Option<f64>,
    jsd: Option<f64>,
}

/// Every pair of a figure's columns, row by row.
pub(super) fn all(drawn: &Drawn<'_, MogData>, columns: &[Column], output: &Output) -> Result<Vec<Fit>> {
    let (complete, incomplete) = rows(drawn.source, ROWS)?;
    let lattice = Lattice::new(HALF_WIDTH, SIDE);
    let mut models = Vec::new();
    for method in &drawn.settings.methods {
        models.extend(fitted(drawn, method)?.map(|fitted| (method, fitted)));
    }
    let (rows, methods) = (complete.rows(), models.len());
    if output.wants_lines() {
        let [rows, methods] = [counted(rows, "row"), counted(methods, "method")];
        output.say(format!("comparing the densities of {rows} for {methods} on {SIDE} × {SIDE} points"));
    }
    let bar = output.bar((rows * methods) as u64, "densities");
    let mut fits = Vec::new();
    for (method, (run, mut model, info)) in models {
        let (components, seed) = (run.spec.components, run.spec.seed);
        let mut shown = Shown::new(&lattice, &mut model, &info, components);
        for n in 0..complete.rows() {
            if signal::progress().is_break() {
                return Err(Failure::Interrupted(String::new()));
            }
            let mut density = |&column: &Column| shown.log_density(column, &complete, &incomplete, n);
            let densities = columns.iter().map(&mut density).collect::<Result<Vec<_>>>()?;
            for (first, p) in densities.iter().enumerate() {
                for (second, q) in densities.iter().enumerate().skip(first + 1) {
                    let found = divergences(p, q);
                    let finite = |of: fn(&Divergences) -> f64| found.as_ref().map(of).filter(|x| x.is_finite());
                    fits.push(Fit {
                        method: method.name,
                        components,
                        seed,
                        row: n + 1,
                        p: columns[first].name(),
                        q: columns[second].name(),
                        kl_p_q: finite(|found| found.forward),
                        kl_q_p: finite(|found| found.reverse),
                        jsd: finite(|found| found.jensen_shannon),
                    });
                }
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(fits)
}

/// Means over rows for people: a line for each method and pair.
pub(super) fn table(fits: &[Fit]) -> String {
    let mut lines = vec![["method", "p", "q", "KL(p‖q)", "KL(q‖p)", "JSD", "rows"].map(str::to_owned).to_vec()];
    let key = |fit: &Fit| (fit.method, fit.p, fit.q);
    let mut seen = Vec::new();
    for fit in fits {
        if seen.contains(&key(fit)) {
            continue;
        }
        seen.push(key(fit));
        let same = || fits.iter().filter(|other| key(other) == key(fit));
        // Of all rows or of none: a mean without its infinities would look better than it is.
        let mean = |of: fn(&Fit) -> Option<f64>| {
            let values: Option<Vec<f64>> = same().map(of).collect();
            values.map_or("–".to_owned(), |values| format!("{:.3}", values.iter().sum::<f64>() / values.len() as f64))
        };
        let [p, q] = [fit.p, fit.q].map(str::to_owned);
        let means = [mean(|fit| fit.kl_p_q), mean(|fit| fit.kl_q_p), mean(|fit| fit.jsd)];
        lines.push([vec![fit.method.to_owned(), p, q], means.to_vec(), vec![same().count().to_string()]].concat());
    }
    aligned(&lines)
}
