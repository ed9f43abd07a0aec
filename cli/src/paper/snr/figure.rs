//! The curves as a picture, like the paper's figure 8.

use missvae::snr::noise_floor;

use super::results::Curve;
use super::variants::{Variant, several_estimators};
use crate::paper::plot::{Content, Figure, Line, Panel, Point, Reference};

/// Width of a panel, in CSS pixels.
const WIDTH: f64 = 420.0;

/// The quantity that a network's curves show.
type Value = fn(&Curve) -> Option<f64>;
/// A protocol, in words, the label of its axis, the axis' unit, and what draws the curves.
type Row = (&'static str, &'static str, &'static str, f64, fn(Vec<Line>) -> Content);

/// A row for each protocol: the encoder to the left, the decoder to the right. Curves are medians over seeds, as in the
/// paper; bands leave a twentieth of the seeds out at either end. With a frozen minibatch some parameters have almost
/// no noise, and their ratio is thousands of times the others': that row has an axis of powers of ten.
pub(super) fn figure(variants: &[Variant], curves: &[Curve]) -> Figure {
    let several = several_estimators(variants);
    let rows: [Row; 2] = [
        ("epoch", "minibatches of an epoch", "signal-to-noise ratio, thousands", 1e-3, Content::Curves),
        ("fixed", "draws for a frozen minibatch", "signal-to-noise ratio", 1.0, Content::LogCurves),
    ];
    let mut panels = Vec::new();
    for (protocol, over, y_label, unit, content) in rows {
        if curves.iter().all(|curve| curve.protocol != protocol) {
            continue;
        }
        let parts: [(&str, Value, Value); 2] = [
            ("encoder *φ*", |curve| curve.snr_encoder, |curve| curve.mean_snr_encoder),
            ("decoder *θ*", |curve| curve.snr_decoder, |curve| curve.mean_snr_decoder),
        ];
        for (part, of, mean) in parts {
            let line = |series: usize| {
                let own = || curves.iter().filter(move |curve| curve.protocol == protocol && curve.variant == series);
                let mut epochs: Vec<u64> = own().map(|curve| curve.epoch).collect();
                epochs.sort_unstable();
                epochs.dedup();
                let point = |epoch: u64| {
                    let seeds = own().filter(|curve| curve.epoch == epoch).filter_map(of);
                    Point::of_median(epoch as f64, &seeds.map(|sum| unit * sum).collect::<Vec<_>>())
                };
                Line { series, points: epochs.into_iter().filter_map(point).collect() }
            };
            panels.push(Panel {
                title: Some(format!("{part}, {over}")),
                x_label: Some("training epoch".to_owned()),
                y_label: Some(y_label.to_owned()),
                width: WIDTH,
                content: content((0..variants.len()).map(line).collect()),
                reference: floor(curves, protocol, (of, mean))
                    .map(|value| Reference { value: unit * value, label: "noise without signal".to_owned() }),
            });
        }
    }
    Figure { series: variants.iter().map(|variant| variant.title(several)).collect(), panels, in_row: 2 }
}

/// The sum of the ratios of a network whose gradients have no signal; `None` where nothing was measured. A curve's sum
/// over its mean is the number of its parameters.
fn floor(curves: &[Curve], protocol: &str, (sum, mean): (Value, Value)) -> Option<f64> {
    let last = curves.iter().rfind(|curve| curve.protocol == protocol)?;
    Some(noise_floor(last.gradients)? * sum(last)? / mean(last)?)
}
