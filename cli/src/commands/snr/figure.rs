//! The curves as a picture, like the paper's figure 8.

use super::results::{Curve, mean};
use super::variants::{Variant, several_estimators};
use crate::plot::{Content, Figure, Line, Panel, Point};

/// Width of a panel, in CSS pixels.
const WIDTH: f64 = 420.0;
/// What a unit of the vertical axes stands for: numbers of six digits have no room beside them.
const UNIT: f64 = 1000.0;

/// What a network's curves show.
type Value = fn(&Curve) -> Option<f64>;

/// A row for each protocol: the encoder to the left, the decoder to the right. Curves are means over seeds, bands their 90%
/// intervals.
pub(super) fn figure(variants: &[Variant], curves: &[Curve]) -> Figure {
    let several = several_estimators(variants);
    let mut panels = Vec::new();
    for (protocol, over) in [("epoch", "an epoch’s minibatches"), ("fixed", "draws for a frozen minibatch")] {
        if curves.iter().all(|curve| curve.protocol != protocol) {
            continue;
        }
        let parts: [(&str, Value); 2] =
            [("encoder *φ*", |curve| curve.snr_encoder), ("decoder *θ*", |curve| curve.snr_decoder)];
        for (part, of) in parts {
            let line = |series: usize| {
                let own = || curves.iter().filter(move |curve| curve.protocol == protocol && curve.variant == series);
                let mut epochs: Vec<u64> = own().map(|curve| curve.epoch).collect();
                epochs.sort_unstable();
                epochs.dedup();
                let point = |epoch: u64| {
                    let interval = mean(own().filter(|curve| curve.epoch == epoch), of)?;
                    let [y, half] = [interval.mean, interval.half_width].map(|x| x / UNIT);
                    Some(Point { x: epoch as f64, y, low: y - half, high: y + half })
                };
                Line { series, points: epochs.into_iter().filter_map(point).collect() }
            };
            panels.push(Panel {
                title: Some(format!("{part}, {over}")),
                x_label: Some("training epoch".to_owned()),
                y_label: Some("sum of |mean/deviation|, thousands".to_owned()),
                width: WIDTH,
                content: Content::Curves((0..variants.len()).map(line).collect()),
            });
        }
    }
    Figure { series: variants.iter().map(|variant| variant.title(several)).collect(), panels }
}
