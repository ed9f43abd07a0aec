//! Figure 3: tables of the UCI repository, by the share of their cells that is missing.

use super::benchmark_data::BenchmarkData;
use super::experiment::{Drawn, Experiment};
use super::lines;
use super::row::Row;
use super::settings::{ALL_METHODS, Outline};
use crate::failure::Result;
use crate::paper::plot::{Figure, Point};

pub(super) const EXPERIMENT: Experiment<BenchmarkData> = Experiment {
    outline: Outline {
        name: "fig3",
        about: "all methods on tables of the UCI repository, by the share of the cells that is missing",
        methods: ALL_METHODS,
        components: &[5],
        seeds: 5,
    },
    check: |_| Ok(()),
    specs: |settings, data| Ok(data.specs_by_rate(settings)),
    figure,
    fits: |_, _| Ok(Vec::new()),
};

fn figure(drawn: &Drawn<'_, BenchmarkData>) -> Result<Figure> {
    let Drawn { settings, rows, source, .. } = *drawn;
    let panel = |name: &'static str| {
        let title = name.to_uppercase();
        let x = ("cells missing (%)", |row: &Row| row.hidden.map(|x| 100.0 * x));
        // The paper's caption: means, and 90% centred intervals.
        lines::panel(rows, &settings.methods, (name, &title), x, Point::of_mean)
    };
    Ok(Figure { series: settings.titles(), panels: source.sets.iter().map(|set| panel(set.name)).collect(), in_row: 4 })
}
