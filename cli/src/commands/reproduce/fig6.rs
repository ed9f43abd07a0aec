//! Figure 6: what the two objectives of DeMissVAE are good for, with imputations by LAIR.

use super::imputations::Imputations;
use super::results::{Row, values};
use super::{Experiment, Settings, Spec};
use crate::failure::Result;
use crate::options::{Preset, TrainOptions};
use crate::plot::{Content, Figure, LabelledBox, Panel};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "fig6",
    about: "DeMissVAE against one objective for both networks, imputations by LAIR",
    methods: &["cvi-vae", "mvb-vae", "demiss-vae"],
    components: &[5, 15, 25],
    specs,
    figure,
};

fn specs(settings: &Settings) -> Result<Vec<Spec>> {
    let mut specs = Vec::new();
    for &seed in &settings.seeds {
        for &components in &settings.components {
            for &method in &settings.methods {
                let training = TrainOptions { preset: Some(Preset::Mog), ..TrainOptions::default() };
                let imputations = Imputations::Lair;
                specs.push(Spec { panel: "lair", method, components, imputations, seed, training });
            }
        }
    }
    Ok(specs)
}

fn figure(settings: &Settings, rows: &[Row]) -> Figure {
    let group = |(series, method): (usize, &models::method::Method)| -> Vec<LabelledBox> {
        let one = |&components: &usize| LabelledBox {
            label: format!("*K* = {components}"),
            series,
            values: values(rows, |row| row.method == method.name && row.components == components),
        };
        settings.components.iter().map(one).collect()
    };
    let groups: Vec<_> = settings.methods.iter().enumerate().map(group).collect();
    let boxes: usize = groups.iter().map(Vec::len).sum();
    Figure {
        series: settings.methods.iter().map(|method| method.title.to_owned()).collect(),
        panels: vec![Panel {
            title: None,
            x_label: Some("imputations of a row".to_owned()),
            y_label: Some("test log-likelihood (nats)".to_owned()),
            width: (64.0 * boxes as f64 + 40.0 * groups.len() as f64).max(420.0),
            content: Content::Boxes(groups),
        }],
    }
}
