//! Box plots over seeds: a group for each method, a box for each number of components.

use missvae::config::{Options, Preset};

use super::experiment::Drawn;
use super::mog::{INCOMPLETE_ROWS, MogData};
use super::row::values;
use super::settings::Settings;
use super::spec::{Spec, budget_label, imputations_of};
use crate::output::counted;
use crate::paper::plot::{Content, Figure, LabelledBox, Panel, Reference};

/// Runs of all methods on the MoG preset, for all seeds. Each number of components is a budget of samples.
pub(super) fn specs(settings: &Settings, panel: &'static str) -> Vec<Spec> {
    let mut specs = Vec::new();
    for &seed in &settings.seeds {
        for &components in &settings.components {
            for &method in &settings.methods {
                let training = Options { preset: Some(Preset::Mog), ..Options::default() };
                let imputations = imputations_of(&method);
                specs.push(Spec { panel, table: INCOMPLETE_ROWS, method, components, imputations, seed, training });
            }
        }
    }
    specs
}

/// Their log-likelihoods.
pub(super) fn figure(drawn: &Drawn<'_, MogData>, x_label: &str) -> Figure {
    let Drawn { settings, rows, source, .. } = *drawn;
    let runs = counted(settings.seeds.len(), "run");
    let truth = |value| Reference { value, label: format!("true mixture: {value:.2}").replace('-', "−") };
    let group = |(series, method): (usize, &missvae::objective::Method)| -> Vec<LabelledBox> {
        let one = |&components: &usize| LabelledBox {
            label: budget_label(method, components),
            series,
            values: values(rows, |row| row.method == method.name && row.components == components),
        };
        settings.components.iter().map(one).collect()
    };
    let groups: Vec<_> = settings.methods.iter().enumerate().map(group).collect();
    let boxes: usize = groups.iter().map(Vec::len).sum();
    Figure {
        series: settings.titles(),
        panels: vec![Panel {
            title: None,
            x_label: Some(format!("{x_label}; {runs} each")),
            y_label: Some("test log-likelihood (nats)".to_owned()),
            width: (64.0 * boxes as f64 + 40.0 * groups.len() as f64).max(420.0),
            content: Content::Boxes(groups),
            reference: source.truth_log_likelihood().map(truth),
        }],
        in_row: 1,
    }
}
