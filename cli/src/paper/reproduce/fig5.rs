//! Figure 5: the effect of imputations from a wrong distribution on the model.
//!
//! Left: imputations from the model's own conditional, by rejection. Centre (oracle 1): from the true conditional on to
//! a distribution that does not look at the observed cells, and further to an independent Gaussian. Right (oracle 2):
//! from the true conditional to its components in equal shares. Vertical bars run from the worst to the best seed.
//! Source: paper, appendix C; the published configurations.

use samplers::gaussian_mixture::oracle::{Family, Interpolation};
use samplers::rejection::RejectionConfig;

use missvae::config::{Options, Preset};
use missvae::trainer::Schedule;

use super::experiment::{Drawn, Experiment};
use super::imputations::Imputations;
use super::mog::{INCOMPLETE_ROWS, MogData};
use super::row::{Row, values};
use super::settings::{Outline, Settings};
use super::spec::Spec;
use crate::failure::Result;
use crate::paper::plot::{Content, Figure, LabelledBox, Line, Panel, Point};

pub(super) const EXPERIMENT: Experiment<MogData> = Experiment {
    outline: Outline {
        name: "fig5",
        about: "DeMissVAE against one objective for both networks, imputations exact and wrong by a known amount",
        methods: &["cvi-vae", "mvb-vae", "demiss-vae"],
        components: &[5],
        seeds: 5,
    },
    check: |_| Ok(()),
    specs,
    figure,
    fits: |_, _| Ok(Vec::new()),
};

const LEFT: &str = "rejection";
const CENTRE: &str = "oracle-1";
const RIGHT: &str = "oracle-2";
/// Lengths of the runs with rejection and with an oracle.
const REJECTION_EPOCHS: u64 = 180;
const ORACLE_EPOCHS: u64 = 300;
/// Points on each of the two legs of oracle 1, ends included, as in the published configurations; and on that of oracle
/// 2.
const POINTS: usize = 5;
const POINTS_RIGHT: usize = 6;

fn specs(settings: &Settings, _: &MogData) -> Result<Vec<Spec>> {
    let mut specs = Vec::new();
    for &seed in &settings.seeds {
        for (panel, imputations, training) in panels(settings) {
            for &components in &settings.components {
                for &method in &settings.methods {
                    let training = training.clone();
                    specs.push(Spec { panel, table: INCOMPLETE_ROWS, method, components, imputations, seed, training });
                }
            }
        }
    }
    Ok(specs)
}

/// Every distribution of imputations, with its training options.
fn panels(settings: &Settings) -> Vec<(&'static str, Imputations, Options)> {
    let training = |epochs: u64, learning_rate: f64, renew_from: u64| Options {
        preset: Some(Preset::Mog),
        epochs: Some(epochs),
        learning_rate: Some(learning_rate),
        schedule: Some(Schedule::Cosine),
        impute_from_epoch: Some(renew_from),
        ..Options::default()
    };
    let rejection = Imputations::Rejection(RejectionConfig::default());
    let mut panels = vec![(LEFT, rejection, training(REJECTION_EPOCHS, 1e-3, 2))];
    let mut leg = |panel, (first, second), points: usize, from: usize, learning_rate| {
        for i in from..points {
            let alpha = (points - 1 - i) as f64 / (points - 1) as f64;
            let imputations = Imputations::Oracle(Interpolation { first, second, alpha });
            panels.push((panel, imputations, training(ORACLE_EPOCHS, learning_rate, 1)));
        }
    };
    let points = settings.points.unwrap_or(POINTS);
    leg(CENTRE, (Family::Conditional, Family::Independent), points, 0, 1e-3);
    // Its first point is the last one of the other leg.
    leg(CENTRE, (Family::Independent, Family::IndependentGaussian), points, 1, 3e-4);
    let points = settings.points.unwrap_or(POINTS_RIGHT);
    leg(RIGHT, (Family::Conditional, Family::Oversampled), points, 0, 1e-3);
    panels
}

fn figure(drawn: &Drawn<'_, MogData>) -> Result<Figure> {
    let Drawn { settings, rows, .. } = *drawn;
    let log_likelihood = "test log-likelihood (nats)";
    let one = |(series, method): (usize, &missvae::objective::Method)| LabelledBox {
        label: String::new(),
        series,
        values: values(rows, |row| row.panel == LEFT && row.method == method.name),
    };
    let boxes = settings.methods.iter().enumerate().map(one).collect();
    let oracle = |panel: &str, title: &str| Panel {
        title: Some(title.to_owned()),
        x_label: Some("JSD from the true conditional (nats)".to_owned()),
        y_label: Some(log_likelihood.to_owned()),
        width: 340.0,
        content: Content::Lines(
            settings
                .methods
                .iter()
                .enumerate()
                .map(|(series, method)| line(rows, panel, series, method.name))
                .collect(),
        ),
        reference: None,
    };
    Ok(Figure {
        series: settings.titles(),
        panels: vec![
            Panel {
                title: Some("*p*_{θ}(*x*_{mis} | *x*_{obs})".to_owned()),
                x_label: None,
                y_label: Some(log_likelihood.to_owned()),
                width: 210.0,
                content: Content::Boxes(vec![boxes]),
                reference: None,
            },
            oracle(CENTRE, "Oracle 1"),
            oracle(RIGHT, "Oracle 2"),
        ],
        in_row: 3,
    })
}

/// A method's points in a panel: mean, least and most over seeds.
fn line(rows: &[Row], panel: &str, series: usize, method: &str) -> Line {
    let of_line = |row: &&Row| row.panel == panel && row.method == method;
    let mut points: Vec<Point> = Vec::new();
    let mut seen: Vec<(Option<&str>, Option<f64>)> = Vec::new();
    for row in rows.iter().filter(of_line) {
        let place = (row.second, row.alpha);
        let Some(x) = row.jsd.filter(|_| !seen.contains(&place)) else { continue };
        seen.push(place);
        let found = values(rows, |other| of_line(&other) && (other.second, other.alpha) == place);
        if !found.is_empty() {
            let y = found.iter().sum::<f64>() / found.len() as f64;
            let (low, high) = found.iter().fold((y, y), |(low, high), &x| (low.min(x), high.max(x)));
            points.push(Point { x, y, low, high });
        }
    }
    Line { series, points }
}
