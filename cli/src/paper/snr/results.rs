//! Curves as JSON, as CSV and as a table.

use missvae::snr::{Protocol, Signal, noise_floor};
use serde::Serialize;

use super::interval::Interval;
use super::point::{Point, protocol_name};
use super::prepare::Prepared;
use super::variants::{Variant, several_estimators, word};
use crate::output::aligned;
use crate::paper::shared::without_empty_columns;

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct SnrReport<'a> {
    pub(super) curves: &'a [Curve],
}

/// A point of a curve: a line of the CSV.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Curve {
    pub(super) method: &'static str,
    /// `None` where there are no ancestral samples.
    pub(super) pathwise: Option<String>,
    pub(super) logit_gradient: Option<String>,
    pub(super) estimator: String,
    pub(super) protocol: &'static str,
    pub(super) seed: u64,
    pub(super) epoch: u64,
    /// Σ |mean/deviation| over the parameters where it is finite. `None` if there are no such parameters.
    pub(super) snr_encoder: Option<f64>,
    pub(super) snr_decoder: Option<f64>,
    /// The same divided by their number.
    pub(super) mean_snr_encoder: Option<f64>,
    pub(super) mean_snr_decoder: Option<f64>,
    /// Σ variance over parameters.
    pub(super) variance_encoder: f64,
    pub(super) variance_decoder: f64,
    /// Parameters of both networks that are left out, because their ratio is not finite.
    pub(super) skipped: usize,
    /// Gradients that all this was measured by.
    pub(super) gradients: u64,
    /// Its place among the variants.
    #[serde(skip)]
    pub(super) variant: usize,
}

/// All points: variant by variant, protocol by protocol, seed by seed, epoch by epoch.
pub(super) fn curves(runs: &[Prepared], variants: &[Variant], found: &[Vec<Point>]) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (place, variant) in variants.iter().enumerate() {
        for protocol in [Protocol::Epoch, Protocol::Fixed] {
            for (run, points) in runs.iter().zip(found).filter(|(run, _)| run.variant == place) {
                let points = points.iter().filter(|point| point.protocol == protocol);
                curves.extend(points.map(|point| curve(run, variant, point)));
            }
        }
    }
    curves
}

fn curve(run: &Prepared, variant: &Variant, point: &Point) -> Curve {
    let [encoder, decoder] = [point.signals.encoder, point.signals.decoder];
    let sum = |signal: Signal| (signal.parameters > 0).then_some(signal.snr);
    Curve {
        method: variant.method.name,
        pathwise: variant.ancestral.map(|(pathwise, _)| word(pathwise)),
        logit_gradient: variant.ancestral.map(|(_, logits)| word(logits)),
        estimator: word(variant.estimator),
        protocol: protocol_name(point.protocol),
        seed: run.config.train.seed,
        epoch: point.epoch,
        snr_encoder: sum(encoder),
        snr_decoder: sum(decoder),
        mean_snr_encoder: encoder.mean_snr(),
        mean_snr_decoder: decoder.mean_snr(),
        variance_encoder: encoder.variance,
        variance_decoder: decoder.variance,
        skipped: encoder.skipped + decoder.skipped,
        gradients: point.gradients,
        variant: run.variant,
    }
}

/// Fewest seeds that an interval is printed for.
const FEWEST: usize = 3;

/// A number with about five digits that count.
fn significant(x: f64) -> String {
    let digits = if x == 0.0 { 0 } else { x.abs().log10().floor() as i32 };
    if (-5..9).contains(&digits) { format!("{x:.*}", (4 - digits).max(0) as usize) } else { format!("{x:.4e}") }
}

/// The mean over seeds of what the points at an epoch say, with its interval; `None` if they say nothing.
fn mean<'a>(points: impl Iterator<Item = &'a Curve>, of: impl Fn(&Curve) -> Option<f64>) -> Option<Interval> {
    let values: Vec<f64> = points.filter_map(of).collect();
    (!values.is_empty()).then(|| Interval::of(&values))
}

/// The last epochs for people: a line for each protocol and variant, seeds together.
pub(super) fn table(variants: &[Variant], curves: &[Curve]) -> String {
    let title = [
        "protocol",
        "gradient",
        "epoch",
        "seeds",
        "SNR encoder (90%)",
        "decoder (90%)",
        "mean encoder",
        "decoder",
        "variance encoder",
        "decoder",
        "skipped",
    ];
    let mut lines = vec![title.map(str::to_owned).to_vec()];
    let several = several_estimators(variants);
    for protocol in ["epoch", "fixed"] {
        for (place, variant) in variants.iter().enumerate() {
            let own = || curves.iter().filter(|curve| curve.variant == place && curve.protocol == protocol);
            let Some(last) = own().map(|curve| curve.epoch).max() else { continue };
            let points = || own().filter(move |curve| curve.epoch == last);
            let none = || "–".to_owned();
            let interval = |of: fn(&Curve) -> Option<f64>| match mean(points(), of) {
                None => none(),
                // Of two seeds an interval is wider than what it is around.
                Some(Interval { mean, half_width }) if half_width.is_nan() || points().count() < FEWEST => {
                    format!("{mean:.0}")
                }
                Some(Interval { mean, half_width }) => format!("{mean:.0} ± {half_width:.0}"),
            };
            let ratio =
                |of: fn(&Curve) -> Option<f64>| mean(points(), of).map_or_else(none, |x| format!("{:.4}", x.mean));
            let variance = |of: fn(&Curve) -> f64| {
                mean(points(), |curve| Some(of(curve))).map_or_else(none, |x| significant(x.mean))
            };
            lines.push(vec![
                protocol.to_owned(),
                variant.title(several),
                last.to_string(),
                points().count().to_string(),
                interval(|curve| curve.snr_encoder),
                interval(|curve| curve.snr_decoder),
                ratio(|curve| curve.mean_snr_encoder),
                ratio(|curve| curve.mean_snr_decoder),
                variance(|curve| curve.variance_encoder),
                variance(|curve| curve.variance_decoder),
                mean(points(), |curve| Some(curve.skipped as f64)).map_or_else(none, |x| format!("{:.0}", x.mean)),
            ]);
        }
    }
    aligned(&without_empty_columns(lines))
}

/// What gradients without any signal would come to, for people.
pub(super) fn floors(found: &[Vec<Point>]) -> String {
    let mut text = String::new();
    for protocol in [Protocol::Epoch, Protocol::Fixed] {
        let mut points = found.iter().flatten().filter(|point| point.protocol == protocol);
        let gradients = points.next_back().map_or(0, |point| point.gradients);
        if let Some(floor) = noise_floor(gradients) {
            let protocol = protocol_name(protocol);
            text += &format!(
                "{protocol}: normal noise around 0 would have a mean of {floor:.4} with {gradients} gradients\n"
            );
        }
    }
    text
}
