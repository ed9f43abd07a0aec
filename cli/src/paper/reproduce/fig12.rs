//! Figure 12: the Fréchet distance between a model's samples and complete rows of the tables of figure 3, during
//! training.
//!
//! Features come from a VAE that is fitted to the same complete table, with the preset's networks but without the mask
//! as an input. It is a run of its own, before the others.

use std::collections::BTreeMap;

use missvae::objective::Method;

use super::benchmark_data::BenchmarkData;
use super::experiment::{Drawn, Experiment};
use super::settings::{ALL_METHODS, Outline};
use crate::failure::Result;
use crate::paper::plot::{Content, Figure, Line, Panel, Point};
use crate::run::Run;
use crate::training::distances;

pub(super) const EXPERIMENT: Experiment<BenchmarkData> = Experiment {
    outline: Outline {
        name: "fig12",
        about: "distances of samples to complete test rows during training, by the share of the cells that is missing",
        methods: ALL_METHODS,
        components: &[5],
        seeds: 5,
    },
    check: |_| Ok(()),
    specs: |settings, data| Ok(data.specs_by_rate(settings)),
    figure,
    fits: |_, _| Ok(Vec::new()),
};

/// Width of a panel, in CSS pixels.
const WIDTH: f64 = 300.0;

/// A row of panels for each table, a panel for each share of missing cells: medians over seeds, and ranges without a
/// twentieth of them at either end.
fn figure(drawn: &Drawn<'_, BenchmarkData>) -> Result<Figure> {
    let Drawn { settings, runs, rows, source } = *drawn;
    let mut rates: Vec<f64> = rows.iter().filter_map(|row| row.hidden).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let mut panels = Vec::new();
    for set in &source.sets {
        for &rate in &rates {
            let line = |(series, method): (usize, &Method)| -> Result<Line> {
                // By epoch: those of different seeds may differ by an update, as hiding leaves some rows without a cell.
                let mut found: BTreeMap<u64, (Vec<u64>, Vec<f64>)> = BTreeMap::new();
                for (run, row) in runs.iter().zip(rows) {
                    // A run that was given up has no result, and a curve that ends early.
                    if (row.panel, row.method, row.hidden) == (set.name, method.name, Some(rate))
                        && row.updates.is_some()
                    {
                        for (epoch, update, distance) in distances(&Run::open(&run.directory)?)? {
                            let (updates, distances) = found.entry(epoch).or_default();
                            updates.push(update);
                            distances.push(distance);
                        }
                    }
                }
                let point = |(updates, distances): &(Vec<u64>, Vec<f64>)| {
                    let update = updates.iter().sum::<u64>() as f64 / updates.len() as f64;
                    Point::of_median(update, distances)
                };
                Ok(Line { series, points: found.values().filter_map(point).collect() })
            };
            let lines = settings.methods.iter().enumerate().map(line).collect::<Result<_>>()?;
            panels.push(Panel {
                title: Some(format!("{}, {}% missing", set.name.to_uppercase(), (1e3 * rate).round() / 10.0)),
                x_label: Some("updates".to_owned()),
                y_label: (rate == rates[0]).then(|| "FID".to_owned()),
                width: WIDTH,
                content: Content::LogCurves(lines),
                reference: None,
            });
        }
    }
    Ok(Figure { series: settings.titles(), panels, in_row: rates.len() })
}
