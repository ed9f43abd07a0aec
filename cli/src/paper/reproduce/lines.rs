//! Lines over a setting: a summary of the seeds at each of its values.

use missvae::objective::Method;

use super::row::{Row, values};
use crate::paper::plot::{Content, Line, Panel, Point};

/// Width of a panel, in CSS pixels.
const WIDTH: f64 = 340.0;

/// A panel with a line for each method. `point` summarises the log-likelihoods of the seeds at each value of `x`.
pub(super) fn panel(
    rows: &[Row],
    methods: &[Method],
    (name, title): (&str, &str),
    (x_label, x): (&str, impl Fn(&Row) -> Option<f64>),
    point: fn(f64, &[f64]) -> Option<Point>,
) -> Panel {
    let line = |(series, method): (usize, &Method)| {
        let own = |row: &&Row| row.panel == name && row.method == method.name;
        let mut places: Vec<f64> = rows.iter().filter(own).filter_map(&x).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let at = |place: f64| point(place, &values(rows, |row| own(&row) && x(row) == Some(place)));
        Line { series, points: places.into_iter().filter_map(at).collect() }
    };
    Panel {
        title: Some(title.to_owned()),
        x_label: Some(x_label.to_owned()),
        y_label: Some("test log-likelihood (nats)".to_owned()),
        width: WIDTH,
        content: Content::Lines(methods.iter().enumerate().map(line).collect()),
        reference: None,
    }
}
