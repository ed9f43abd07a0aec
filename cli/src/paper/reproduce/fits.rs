//! Divergences between the densities of figures 1 and 9 to 11 (docs/methods.md §7, posterior fit).

use missvae::evaluate::{Divergences, divergences};

use super::experiment::Drawn;
use super::fit_row::FitRow;
use super::mog::MogData;
use super::posterior_grid::{Column, PosteriorGrid, Shown};
use super::posteriors::{fitted, rows};
use crate::failure::{Failure, Result};
use crate::output::{Output, counted};
use crate::signal;

/// Rows that are compared, of which the figures show the first.
const ROWS: usize = 50;
/// The square that densities are normalised on, and the points of its grid along a side.
const HALF_WIDTH: f64 = 10.0;
const SIDE: usize = 401;

/// Every pair of a figure's columns, row by row.
pub(super) fn all(drawn: &Drawn<'_, MogData>, columns: &[Column], output: &Output) -> Result<Vec<FitRow>> {
    let (complete, incomplete) = rows(drawn.source, ROWS)?;
    let grid = PosteriorGrid::new(HALF_WIDTH, SIDE);
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
    for (method, (run, model, info)) in models {
        let (components, seed) = (run.spec.components, run.spec.seed);
        let mut shown = Shown::new(&grid, &model, &info, components);
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
                    fits.push(FitRow {
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
