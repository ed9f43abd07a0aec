//! Figure 3: tables of the UCI repository, by the share of their cells that is missing.

use super::experiment::{ALL_METHODS, Drawn, Experiment, Outline, Settings, Spec, imputations_of};
use super::lines;
use super::results::Row;
use super::sets::Sets;
use crate::failure::Result;
use crate::options::TrainOptions;
use crate::paper::plot::{Figure, Point};

pub(super) const EXPERIMENT: Experiment<Sets> = Experiment {
    outline: Outline {
        name: "fig3",
        about: "all methods on tables of the UCI repository, by the share of the cells that is missing",
        methods: ALL_METHODS,
        components: &[5],
        seeds: 5,
    },
    check: |_| Ok(()),
    specs: |settings, sets| Ok(specs(settings, sets)),
    figure,
    fits: |_, _| Ok(Vec::new()),
};

/// The paper's shares of missing cells.
const RATES: [f64; 3] = [0.2, 0.5, 0.8];

/// A run for each table, share, method and seed.
pub(super) fn specs(settings: &Settings, sets: &Sets) -> Vec<Spec> {
    let rates = if settings.rates.is_empty() { &RATES[..] } else { &settings.rates };
    let trainings = rates.iter().map(|&rate| TrainOptions { hide: Some(rate), ..TrainOptions::default() });
    sets.specs(settings, &trainings.collect::<Vec<_>>(), imputations_of)
}

fn figure(drawn: &Drawn<'_, Sets>) -> Result<Figure> {
    let Drawn { settings, rows, source, .. } = *drawn;
    let panel = |name: &'static str| {
        let title = name.to_uppercase();
        let x = ("cells missing (%)", |row: &Row| row.hidden.map(|x| 100.0 * x));
        // The paper's caption: means, and 90% centred intervals.
        lines::panel(rows, &settings.methods, (name, &title), x, Point::of_mean)
    };
    Ok(Figure { series: settings.titles(), panels: source.sets.iter().map(|set| panel(set.name)).collect(), in_row: 4 })
}
