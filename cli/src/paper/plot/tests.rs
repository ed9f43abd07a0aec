//! Figures as files.

use super::draw::{LEGEND_LINE, WIDE};
use super::style::COLOURS;
use super::*;
use crate::plot::raster;
use crate::plot::svg::{Anchor, Script, Span, Svg, spans};

fn figure() -> Figure {
    let series = ["First <one>", "Second"].map(str::to_owned).to_vec();
    let one = |series: usize, values: &[f64]| LabelledBox {
        label: format!("*K* = {series}"),
        series,
        values: values.to_vec(),
    };
    let point = |i: usize| Point { x: 0.1 * i as f64, y: -3.0 - i as f64, low: -3.5 - i as f64, high: f64::NAN };
    let panel = |content: Content| Panel {
        title: Some("*p*_{θ}".to_owned()),
        x_label: Some("nats".to_owned()),
        y_label: None,
        width: 200.0,
        content,
        reference: None,
    };
    let boxes = Content::Boxes(vec![vec![one(0, &[1.0, 2.0, 2.5]), one(1, &[f64::NAN])], vec![one(1, &[3.0])]]);
    let lines = Content::Lines(vec![Line { series: 1, points: (0..4).map(point).collect() }]);
    Figure { series, panels: vec![panel(boxes), panel(lines), panel(Content::Lines(Vec::new()))], in_row: 3 }
}

/// Both files are there, the same ones every time, and the pixels are more than a white page.
#[test]
fn writes_both_files() {
    let directory = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    figure().write(directory.path(), "a").unwrap();
    figure().write(directory.path(), "b").unwrap();
    assert_eq!(read("a.svg"), read("b.svg"));
    assert_eq!(read("a.png"), read("b.png"));
    let text = String::from_utf8(read("a.svg")).unwrap();
    assert!(text.contains("First &lt;one&gt;") && text.contains("no finite value"), "{text}");
    let image = resvg::tiny_skia::Pixmap::decode_png(&read("a.png")).unwrap();
    let dark = image.pixels().iter().filter(|pixel| pixel.red() < 128).count();
    assert!(dark > 3000, "{dark} dark pixels");
}

/// Curves have a band each, two rows are taller than one by the height of a row, and a long legend is broken into lines, not a
/// wider page.
#[test]
fn curves_rows_and_a_long_legend() {
    let mut figure = figure();
    let point = |i: usize| Point { x: i as f64, y: 1.0, low: 0.5, high: 1.5 + i as f64 };
    let line = |series| Line { series, points: (0..40).map(point).collect() };
    figure.panels[0].content = Content::Curves(vec![line(0), line(1)]);
    let size = |text: &str, name: &str| -> f64 {
        let rest = text.split(&format!("{name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let flat = figure.svg();
    figure.in_row = 1;
    let tall = figure.svg();
    assert_eq!(flat.matches("fill-opacity").count(), 2);
    assert!(size(&flat, "height") < 500.0 && size(&tall, "height") > 1000.0);
    figure.series = (0..30).map(|i| format!("a series of many, number {i}")).collect();
    let long = figure.svg();
    assert!(size(&long, " width") <= WIDE && size(&long, " height") > size(&tall, " height") + 6.0 * LEGEND_LINE);
    assert_eq!(long.matches("a series of many").count(), 30);
}

/// Curves above powers of ten: what has no logarithm is left out.
#[test]
fn logarithmic_curves() {
    let mut figure = figure();
    let point = |x: f64, y: f64| Point { x, y, low: y, high: y };
    let line = |points: &[Point]| Content::LogCurves(vec![Line { series: 0, points: points.to_vec() }]);
    figure.panels.truncate(1);
    figure.panels[0].content = line(&[point(1.0, 2e-3), point(2.0, 0.0), point(3.0, 50.0)]);
    let text = figure.svg();
    let ticks = [-2, -1, 0, 1].map(|power: i32| power.to_string().replace('-', "−"));
    assert!(ticks.iter().all(|tick| text.contains(&format!(">{tick}</tspan>"))), "{text}");
    assert!(!text.contains("inf") && !text.contains("NaN"));
    figure.panels[0].content = line(&[point(1.0, 0.0)]);
    assert!(figure.svg().contains("no finite value"));
}

/// A value to compare with is a line with its words, and the axis reaches as far as it; one far away is only told.
#[test]
fn reference() {
    let mut figure = figure();
    figure.panels.truncate(1);
    assert!(!figure.svg().contains("stroke-dasharray") && !figure.svg().contains(">4</tspan>"));
    let mut with = |value: f64| {
        figure.panels[0].reference = Some(Reference { value, label: "the truth".to_owned() });
        figure.svg()
    };
    let near = with(4.7);
    assert_eq!(near.matches("stroke-dasharray").count(), 1);
    assert!(near.contains(">the truth</tspan>") && near.contains(">4</tspan>"), "{near}");
    let far = with(45.0);
    assert!(!far.contains("stroke-dasharray") && far.contains("the truth (beyond the axis)"), "{far}");
}

/// A density has a line for each of its regions; without a density there is none.
#[test]
fn contours() {
    let mut figure = figure();
    let values = (0..49).map(|i| (-0.5 * ((i % 7 - 3) as f64).hypot((i / 7 - 3) as f64).powi(2)).exp()).collect();
    let density = Density { low: -3.0, high: 3.0, side: 7, values };
    figure.panels.truncate(1);
    figure.panels[0].content = Content::Contours(vec![Contour { series: 1, density: density.clone() }]);
    let lines = |figure: &Figure| figure.svg().matches(&format!("stroke=\"{}\"", COLOURS[1])).count();
    // The key in the legend is one more.
    assert_eq!(lines(&figure), 3);
    let nothing = Density { values: vec![0.0; 49], ..density };
    figure.panels[0].content = Content::Contours(vec![Contour { series: 1, density: nothing }]);
    assert_eq!(lines(&figure), 1);
    figure.panels[0].content = Content::Contours(Vec::new());
    assert!(figure.svg().contains("no finite value"));
}

/// A text is drawn with the bundled fonts: without them there would be none.
#[test]
fn letters_become_pixels() {
    let page = |text: &str| {
        let mut svg = Svg::new(60.0, 30.0);
        svg.text((5.0, 20.0), 18.0, Anchor::Start, text);
        resvg::tiny_skia::Pixmap::decode_png(&raster::png(&svg.finish()).unwrap()).unwrap()
    };
    let dark = |text: &str| page(text).pixels().iter().filter(|pixel| pixel.red() < 128).count();
    assert_eq!(dark(""), 0);
    for text in ["θ", "*θ*", "−", "K", "_{mis}", "‖"] {
        assert!(dark(text) > 20, "{text}");
    }
    assert_ne!(page("x").data(), page("*x*").data());
}

#[test]
fn mark_up() {
    let span = |text: &str, italic, script| Span { text: text.to_owned(), italic, script };
    assert_eq!(
        spans("*p*_{*θ*}(x_{mis})"),
        [
            span("p", true, Script::None),
            span("θ", true, Script::Sub),
            span("(x", false, Script::None),
            span("mis", false, Script::Sub),
            span(")", false, Script::None)
        ]
    );
    assert_eq!(spans("a_b} <"), [span("a_b} <", false, Script::None)]);
    assert_eq!(spans("10^{−2}"), [span("10", false, Script::None), span("−2", false, Script::Super)]);
}
