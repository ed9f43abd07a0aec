//! Figure 7: the pairwise marginals of the mixture of Gaussians that made the data.

use std::path::Path;

use missvae::files::create_directory;
use samplers::gaussian_mixture::GaussianMixture;
use serde::Serialize;

use super::mog::MogData;
use super::results::files;
use super::source::Source;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::paper::plot::{Content, Contour, Density, Figure, Panel};

pub(super) const NAME: &str = "fig7";

/// The square that is shown, in standard deviations, and the points of its grid along a side.
const HALF_WIDTH: f64 = 4.5;
const SIDE: usize = 181;
/// Every so many points of the grid, along both axes, are in the CSV.
const EVERY: usize = 4;
/// Width of a panel: the panels are squares.
const WIDTH: f64 = 300.0;

/// A line of the CSV: the density of two columns at a point.
#[derive(Clone, Copy, Debug, Serialize)]
struct Row<'a> {
    first: &'a str,
    second: &'a str,
    x: f64,
    y: f64,
    density: f64,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    experiment: &'static str,
    rows: &'a [Row<'a>],
}

/// Draws the densities of all pairs of columns, a panel each: below the diagonal, as the paper does.
pub(super) fn run(data: &MogData, out: &Path, output: &Output) -> Result<()> {
    let Some(truth) = &data.truth else {
        let what = format!("{}: there is no truth.json, and {NAME} shows the truth", data.name);
        return Err(Failure::usage_hint(what, "leave out --data to use a generated mixture"));
    };
    if truth.columns() < 2 {
        return Err(Failure::usage(format!("{}: its mixture has a single column, and {NAME} shows pairs", data.name)));
    }
    // As the paper's is: one square then shows every pair.
    let truth = truth.clone().standardised();
    create_directory(out)?;
    data.keep()?;
    output.say(format!("{NAME}: the pairwise marginals of {}", data.name));
    let names: Vec<&str> = data.rows.columns.iter().map(|column| column.name.as_str()).collect();
    let columns = truth.columns();
    let (mut panels, mut rows) = (Vec::new(), Vec::new());
    for second in 1..columns {
        for first in 0..columns - 1 {
            let content = if first < second {
                let density = density(&truth, first, second);
                rows.extend(points(&density, names[first], names[second]));
                Content::Contours(vec![Contour { series: 0, density }])
            } else {
                Content::Blank
            };
            // As in a matrix of scatter plots: labels to the left of all panels, and below them.
            let label = |d: usize, there: bool| there.then(|| names[d].to_owned());
            panels.push(Panel {
                title: None,
                x_label: label(first, second == columns - 1),
                y_label: label(second, first == 0),
                width: WIDTH,
                content,
                reference: None,
            });
        }
    }
    let series = vec!["density of two columns".to_owned()];
    crate::paper::shared::write_records(&out.join(format!("{NAME}.csv")), &rows)?;
    Figure { series, panels, in_row: columns - 1 }.write(out, NAME)?;
    output.result(&Outcome { experiment: NAME, rows: &rows }, || files(out, NAME))
}

/// The marginal density of two columns on the grid.
fn density(truth: &GaussianMixture, first: usize, second: usize) -> Density {
    let mut density = Density { low: -HALF_WIDTH, high: HALF_WIDTH, side: SIDE, values: Vec::new() };
    let mut mask = vec![0.0; truth.columns()];
    mask[first] = 1.0;
    mask[second] = 1.0;
    let mut x = vec![0.0; truth.columns()];
    let at = |i: usize| density.at(i as f64);
    let mut value = |i: usize| {
        (x[first], x[second]) = (at(i % SIDE), at(i / SIDE));
        truth.log_density_observed(&x, &mask).exp()
    };
    density.values = (0..SIDE * SIDE).map(&mut value).collect();
    density
}

/// Some points of a density.
fn points<'a>(density: &Density, first: &'a str, second: &'a str) -> impl Iterator<Item = Row<'a>> {
    let places = (0..SIDE).step_by(EVERY).flat_map(|j| (0..SIDE).step_by(EVERY).map(move |i| (i, j)));
    places.map(move |(i, j)| {
        let [x, y] = [i, j].map(|place| density.at(place as f64));
        Row { first, second, x, y, density: density.values[j * SIDE + i] }
    })
}
