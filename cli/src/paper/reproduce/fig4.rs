//! Figures 4 and 13: scores of images with half of their quadrants missing, and the effect of the size of the latent
//! space.

use missvae::config::Options;

use super::benchmark_data::BenchmarkData;
use super::experiment::{Drawn, Experiment};
use super::imputations::Imputations;
use super::lines;
use super::row::{Row, values};
use super::settings::{ALL_METHODS, Outline, Settings};
use super::spec::Spec;
use crate::paper::plot::{Content, Figure, LabelledBox, Panel, Point};

pub(super) const FIGURE_4: Experiment<BenchmarkData> = Experiment {
    outline: Outline {
        name: "fig4",
        about: "all methods on images of which two of four quadrants are missing",
        methods: ALL_METHODS,
        components: &[5],
        seeds: 5,
    },
    check: |_| Ok(()),
    specs: |settings, sets| Ok(specs(settings, sets, &LATENTS[1..2])),
    figure: |drawn| Ok(boxes(drawn)),
    fits: |_, _| Ok(Vec::new()),
};

pub(super) const FIGURE_13: Experiment<BenchmarkData> = Experiment {
    outline: Outline {
        name: "fig13",
        about: "all methods on images of which two of four quadrants are missing, by the size of the latent space",
        ..FIGURE_4.outline
    },
    check: |_| Ok(()),
    specs: |settings, sets| {
        let latents = if settings.latents.is_empty() { &LATENTS[..] } else { &settings.latents };
        Ok(specs(settings, sets, latents))
    },
    figure: |drawn| Ok(by_latent_space(drawn)),
    fits: |_, _| Ok(Vec::new()),
};

/// The paper's sizes of the latent space; figure 4 has the second one.
const LATENTS: [usize; 4] = [25, 50, 100, 200];
/// The paper's number of missing quadrants.
const QUADRANTS: usize = 2;

fn specs(settings: &Settings, sets: &BenchmarkData, latents: &[usize]) -> Vec<Spec> {
    let trainings = latents.iter().map(|&latent| Options {
        latent: Some(latent),
        hide_quadrants: Some(QUADRANTS),
        ..Options::default()
    });
    sets.specs(settings, &trainings.collect::<Vec<_>>(), |method| match method.bound() {
        Some(_) => Imputations::None,
        None => Imputations::PseudoGibbs,
    })
}

/// A panel for each set of images, a box for each method.
fn boxes(drawn: &Drawn<'_, BenchmarkData>) -> Figure {
    let Drawn { settings, rows, source, .. } = *drawn;
    let panel = |name: &'static str| {
        let one = |(series, method): (usize, &missvae::objective::Method)| LabelledBox {
            label: String::new(),
            series,
            values: values(rows, |row| row.panel == name && row.method == method.name),
        };
        Panel {
            title: Some(name.to_uppercase()),
            x_label: None,
            y_label: Some("test log-likelihood (nats)".to_owned()),
            width: (52.0 * settings.methods.len() as f64).max(200.0),
            content: Content::Boxes(vec![settings.methods.iter().enumerate().map(one).collect()]),
            reference: None,
        }
    };
    let panels = source.sets.iter().map(|set| panel(set.name)).collect();
    Figure { series: settings.titles(), panels, in_row: 2 }
}

/// A panel for each set of images, a line for each method.
fn by_latent_space(drawn: &Drawn<'_, BenchmarkData>) -> Figure {
    let Drawn { settings, rows, source, .. } = *drawn;
    let panel = |name: &'static str| {
        let title = name.to_uppercase();
        let x = ("latent dimensions", |row: &Row| Some(row.latent as f64));
        // The paper's caption: medians, and 90% centred intervals.
        lines::panel(rows, &settings.methods, (name, &title), x, Point::of_median)
    };
    let panels = source.sets.iter().map(|set| panel(set.name)).collect();
    Figure { series: settings.titles(), panels, in_row: 2 }
}
