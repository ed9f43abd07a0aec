//! Posteriors in a two-dimensional latent space, and what approximates them: contours for a few rows, a colour each.
//!
//! The rows are complete rows of the test table. Half of their cells are hidden.

use missvae::data::{Data, shuffled};
use missvae::impute::FittedModel;
use missvae::objective::Method;
use missvae::store::ModelInfo;
use samplers::stream::{Purpose, stream};

use super::experiment::Drawn;
use super::mog::MogData;
use super::posterior_grid::{Column, PosteriorGrid, Shown};
use super::prepared::Prepared;
use super::row::Row;
use super::spec::budget_label;
use crate::failure::{Failure, Result};
use crate::paper::plot::{Content, Contour, Density, Figure, Panel};
use crate::run::Run;

/// Rows that are shown.
const ROWS: usize = 5;
/// The square that is shown, and the points of its grid along a side.
const HALF_WIDTH: f64 = 3.5;
const SIDE: usize = 176;
/// Width of a panel: the panels are squares.
const WIDTH: f64 = 300.0;

/// Refuses a test table without a row to show.
pub(super) fn check(data: &MogData) -> Result<()> {
    rows(data, ROWS).map(|_| ())
}

/// A row of panels for each method; a series is a row of the table, named after its observed columns. The panels of a
/// method whose run has no finite score stay empty.
pub(super) fn figure(drawn: &Drawn<'_, MogData>, columns: &[Column]) -> Result<Figure> {
    let (complete, incomplete) = rows(drawn.source, ROWS)?;
    let grid = PosteriorGrid::new(HALF_WIDTH, SIDE);
    let mut panels = Vec::new();
    for method in &drawn.settings.methods {
        let budget = drawn.settings.components.first().copied().unwrap_or(1);
        let panel = |column: Column, contours: Vec<Contour>, outside: &[usize]| Panel {
            title: Some(format!(
                "{}, {}: {}{}",
                method.title,
                budget_label(method, budget),
                column.title(),
                without(outside)
            )),
            x_label: Some("*z*_{1}".to_owned()),
            y_label: Some("*z*_{2}".to_owned()),
            width: WIDTH,
            content: Content::Contours(contours),
            reference: None,
        };
        let Some((run, model, info)) = fitted(drawn, method)? else {
            panels.extend(columns.iter().map(|&column| panel(column, Vec::new(), &[])));
            continue;
        };
        let mut shown = Shown::new(&grid, &model, &info, run.spec.components);
        for &column in columns {
            let (mut contours, mut outside) = (Vec::new(), Vec::new());
            for n in 0..complete.rows() {
                let log_density = shown.log_density(column, &complete, &incomplete, n)?;
                match density(&log_density) {
                    Some(density) => contours.push(Contour { series: n, density }),
                    None => outside.push(n + 1),
                }
            }
            panels.push(panel(column, contours, &outside));
        }
    }
    let names: Vec<&str> = drawn.source.rows.columns.iter().map(|column| column.name.as_str()).collect();
    let series = |n: usize| {
        let observed = incomplete.observed(n..n + 1).iter().zip(&names).filter(|(observed, _)| **observed);
        format!("row {}: {}", n + 1, observed.map(|(_, name)| *name).collect::<Vec<_>>().join(", "))
    };
    let series = (0..complete.rows()).map(series).collect();
    Ok(Figure { series, panels, in_row: columns.len() })
}

/// The part of a panel's title that names rows without a finite density on the square that is shown.
fn without(rows: &[usize]) -> String {
    let rows: Vec<String> = rows.iter().map(usize::to_string).collect();
    if rows.is_empty() { String::new() } else { format!(" (row {}: not here)", rows.join(", ")) }
}

/// A method's first run with a finite score, and its model.
pub(super) fn fitted<'a>(
    drawn: &Drawn<'a, MogData>,
    method: &Method,
) -> Result<Option<(&'a Prepared, FittedModel<f32>, ModelInfo)>> {
    let of_method = |run: &Prepared, row: &Row| run.spec.method.name == method.name && row.log_likelihood.is_some();
    let found = drawn.runs.iter().zip(drawn.rows).find(|(run, row)| of_method(run, row));
    let Some((run, _)) = found else { return Ok(None) };
    let (model, info) = Run::open(&run.directory)?.load_model()?;
    Ok(Some((run, model, info)))
}

/// Rows whose posteriors are shown or compared (at most this many), complete and incomplete.
pub(super) fn rows(data: &MogData, most: usize) -> Result<(Data<f32>, Data<f32>)> {
    chosen(&data.test, most).ok_or_else(|| {
        Failure::usage(format!("{}: the test table has no complete row of two columns or more", data.name))
    })
}

/// Some complete rows, and the same rows with half of their cells, rounded up, hidden; `None` if there are none.
fn chosen(test: &Data<f32>, most: usize) -> Option<(Data<f32>, Data<f32>)> {
    let columns = test.columns();
    let mut found: Vec<usize> = (0..test.rows()).filter(|&n| !test.observed(n..n + 1).contains(&false)).collect();
    found.truncate(most);
    if found.is_empty() || columns < 2 {
        return None;
    }
    let complete = test.select(&found);
    let mut observed = vec![false; found.len() * columns];
    let mut order = Vec::new();
    for (n, observed) in observed.chunks_exact_mut(columns).enumerate() {
        shuffled(columns, &mut stream(0, Purpose::Hide, 1, n as u64), &mut order);
        order[..columns / 2].iter().for_each(|&d| observed[d as usize] = true);
    }
    let incomplete = Data::new(columns, complete.values(0..found.len()).to_vec(), observed);
    Some((complete, incomplete))
}

/// A density with this logarithm on the square that is shown, up to a factor; `None` if it is nowhere finite.
fn density(log_density: &[f64]) -> Option<Density> {
    let largest = log_density.iter().copied().filter(|log| log.is_finite()).reduce(f64::max)?;
    let values = log_density.iter().map(|log| (log - largest).exp()).collect();
    Some(Density { low: -HALF_WIDTH, high: HALF_WIDTH, side: SIDE, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A density that is nowhere finite in the picture is no flat one: its row is named.
    #[test]
    fn a_posterior_outside_of_the_picture() {
        let found = density(&[-1000.0, f64::NEG_INFINITY, -1001.0]).expect("a density");
        assert_eq!(found.values, [1.0, 0.0, (-1.0f64).exp()]);
        assert!(density(&[f64::NEG_INFINITY, f64::NAN]).is_none());
        assert_eq!((without(&[]), without(&[2, 5])), (String::new(), " (row 2, 5: not here)".to_owned()));
    }

    #[test]
    fn half_of_the_cells_are_hidden_in_complete_rows() {
        let values: Vec<f32> = (0..30).map(|i| i as f32).collect();
        let observed: Vec<bool> = (0..30).map(|i| i != 2).collect();
        let (complete, incomplete) = chosen(&Data::new(5, values, observed), 5).unwrap();
        assert_eq!((complete.rows(), complete.missing(), complete.values(0..1)[0]), (5, 0, 5.0));
        assert!((0..5).all(|n| incomplete.observed(n..n + 1).iter().filter(|observed| **observed).count() == 2));
        assert!(chosen(&Data::new(5, vec![1.0; 5], vec![true, false, true, true, true]), 5).is_none());
    }
}
