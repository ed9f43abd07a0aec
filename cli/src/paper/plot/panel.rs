//! How a panel is drawn.

use super::axis::Axis;
use super::figure::{Content, Contour, LabelledBox, Line, Panel, Point, Reference};
use super::statistics::BoxStatistics;
use super::style::{COLOURS, DASHES, LABEL, LEFT, TITLE};
use crate::plot::svg::{Anchor, Svg};

/// Axes, whiskers, medians.
pub(super) const INK: &str = "#1a1a1a";
const GRID: &str = "#e3e3e3";
const TICK_LABEL: f64 = 16.0;
const TICK: f64 = 5.0;
/// About how far ticks are apart.
const TICK_SPACE: f64 = 58.0;
/// How far points at one place are apart, and half the width of the end of an interval.
const DODGE: f64 = 5.0;
const CAP: f64 = 3.5;
/// The least distance of two marks on a curve, from left to right: closer ones would hide the curve.
const MARK_SPACE: f64 = 14.0;
/// The gap between groups of boxes, in boxes.
const GAP: f64 = 0.6;
/// Shares of the mass within the contours of a density, and the widths of their lines.
pub(super) const CONTOURS: [(f64, f64); 2] = [(0.9, 1.2), (0.5, 2.4)];

/// Where a panel's axes are, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + self.width * axis.place(value)
    }

    fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom() - self.height * axis.place(value)
    }
}

impl Panel {
    pub(super) fn draw(&self, svg: &mut Svg, area: Area) {
        if matches!(self.content, Content::Blank) {
            return;
        }
        let middle = area.left + area.width / 2.0;
        if let Some(title) = &self.title {
            svg.text((middle, area.top - 0.6 * TITLE), TITLE, Anchor::Middle, title);
        }
        if let Some(label) = &self.x_label {
            svg.text((middle, area.bottom() + 54.0), LABEL, Anchor::Middle, label);
        }
        if let Some(label) = &self.y_label {
            svg.upward_text((area.left - LEFT + 20.0, area.top + area.height / 2.0), LABEL, label);
        }
        let count = area.height / TICK_SPACE;
        let y = match &self.content {
            Content::Boxes(groups) => {
                let values: Vec<f64> = groups.iter().flatten().flat_map(|one| one.values.iter().copied()).collect();
                Axis::around(values.iter().copied().chain(self.near(&values)), count)
            }
            Content::Lines(lines) | Content::Curves(lines) => {
                let values: Vec<f64> = heights(lines).collect();
                Axis::around(values.iter().copied().chain(self.near(&values)), count)
            }
            Content::LogCurves(lines) => {
                let reference = self.reference.as_ref().map(|reference| reference.value);
                Axis::around_decades(heights(lines).chain(reference), count)
            }
            Content::Contours(contours) => {
                contours.first().map(|one| Axis::between(one.density.low, one.density.high, count, 0.0))
            }
            Content::Blank => None,
        };
        match y {
            None => svg.text((middle, area.top + area.height / 2.0), LABEL, Anchor::Middle, "no finite value"),
            Some(y) => {
                for (at, label) in &y.ticks {
                    let height = area.y(&y, *at);
                    svg.line((area.left, height), (area.right(), height), GRID, 1.0);
                    svg.line((area.left - TICK, height), (area.left, height), INK, 1.2);
                    let place = (area.left - TICK - 5.0, height + 0.34 * TICK_LABEL);
                    svg.text(place, TICK_LABEL, Anchor::End, label);
                }
                match &self.content {
                    Content::Boxes(groups) => draw_boxes(svg, area, &y, groups),
                    Content::Lines(lines) => draw_lines(svg, area, &y, lines),
                    Content::Curves(lines) => draw_curves(svg, area, &y, lines),
                    Content::LogCurves(lines) => {
                        draw_curves(svg, area, &y, &lines.iter().map(Line::logarithms).collect::<Vec<_>>());
                    }
                    Content::Contours(contours) => draw_contours(svg, area, &y, contours),
                    Content::Blank => (),
                }
                if let Some(reference) = &self.reference {
                    self.draw_reference(svg, area, &y, reference);
                }
            }
        }
        svg.line((area.left, area.top), (area.left, area.bottom()), INK, 1.2);
        svg.line((area.left, area.bottom()), (area.right(), area.bottom()), INK, 1.2);
    }
}

impl Panel {
    /// A dashed line at the value to compare with. Its label stands where the curves are furthest: at the left or the right
    /// end, above or below the line.
    fn draw_reference(&self, svg: &mut Svg, area: Area, y: &Axis, Reference { value, label }: &Reference) {
        let value = if matches!(self.content, Content::LogCurves(_)) { value.log10() } else { *value };
        if !(y.low..=y.high).contains(&value) {
            let place = (area.right() - 4.0, area.top + TICK_LABEL);
            return svg.text(place, TICK_LABEL, Anchor::End, &format!("{label} (beyond the axis)"));
        }
        let height = area.y(y, value);
        svg.dashed_path(&[(area.left, height), (area.right(), height)], INK, 1.5, "6 4");
        let points = self.points_in(area, y);
        let width = 0.5 * TICK_LABEL * label.chars().count() as f64;
        let (left, right) = (area.left + 4.0, area.right() - 4.0);
        let mut best = (f64::NEG_INFINITY, (right, height - 6.0), Anchor::End);
        for (start, anchor, x) in [(right - width, Anchor::End, right), (left, Anchor::Start, left)] {
            for baseline in [height - 6.0, height + 6.0 + 0.7 * TICK_LABEL] {
                let middle = baseline - 0.35 * TICK_LABEL;
                let outside = baseline > area.bottom() || baseline - TICK_LABEL < area.top;
                let distance = |&(at, level): &(f64, f64)| {
                    let beside = (start - at).max(at - start - width).max(0.0);
                    beside.hypot((level - middle).abs())
                };
                let free = points.iter().map(distance).fold(f64::INFINITY, f64::min);
                if !outside && free > best.0 {
                    best = (free, (x, baseline), anchor);
                }
            }
        }
        svg.text(best.1, TICK_LABEL, best.2, label);
    }

    /// Where the curves run, in CSS pixels: their points and some between neighbours.
    fn points_in(&self, area: Area, y: &Axis) -> Vec<(f64, f64)> {
        let lines = match &self.content {
            Content::Curves(lines) => lines.clone(),
            Content::LogCurves(lines) => lines.iter().map(Line::logarithms).collect(),
            _ => return Vec::new(),
        };
        let Some(x) = Axis::around_whole(lines.iter().flat_map(shown).map(|point| point.x), 1.0) else {
            return Vec::new();
        };
        let between = |ends: &[(f64, f64)]| {
            let (from, to) = (ends[0], ends[1]);
            (0..=8)
                .map(move |i| f64::from(i) / 8.0)
                .map(move |t| (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1)))
        };
        let places = |line: &Line| -> Vec<(f64, f64)> {
            shown(line).iter().map(|point| (area.x(&x, point.x), area.y(y, point.y))).collect()
        };
        lines.iter().flat_map(|line| places(line).windows(2).flat_map(between).collect::<Vec<_>>()).collect()
    }

    /// The value to compare with, if it is no further from these values than they are from each other: one far away
    /// would press them together.
    fn near(&self, values: &[f64]) -> Option<f64> {
        let value = self.reference.as_ref()?.value;
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let (low, high) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
        let range = high - low;
        (low - range..=high + range).contains(&value).then_some(value)
    }
}

/// All values of lines that may be shown, with the ends of their intervals.
fn heights(lines: &[Line]) -> impl Iterator<Item = f64> {
    let shown = lines.iter().flat_map(|line| &line.points).filter(|point| point.x.is_finite());
    shown.flat_map(|point| [point.y, point.low, point.high])
}

fn draw_boxes(svg: &mut Svg, area: Area, y: &Axis, groups: &[Vec<LabelledBox>]) {
    let boxes: usize = groups.iter().map(Vec::len).sum();
    let places = boxes as f64 + GAP * groups.len() as f64;
    let step = area.width / places.max(1.0);
    let mut centre = area.left + 0.5 * (GAP + 1.0) * step;
    for group in groups {
        for one in group {
            if !one.label.is_empty() {
                svg.line((centre, area.bottom()), (centre, area.bottom() + TICK), INK, 1.2);
                svg.text((centre, area.bottom() + 24.0), TICK_LABEL, Anchor::Middle, &one.label);
            }
            if let Some(statistics) = BoxStatistics::of(&one.values) {
                let colour = COLOURS[one.series % COLOURS.len()];
                draw_box(svg, (centre, (0.62 * step).min(56.0)), &statistics, colour, |value| area.y(y, value));
            }
            centre += step;
        }
        centre += GAP * step;
    }
}

fn draw_box(
    svg: &mut Svg,
    (centre, width): (f64, f64),
    statistics: &BoxStatistics,
    colour: &str,
    y: impl Fn(f64) -> f64,
) {
    let half = width / 2.0;
    let ends =
        [(statistics.lower_whisker, statistics.lower_quartile), (statistics.upper_whisker, statistics.upper_quartile)];
    for (whisker, quartile) in ends {
        svg.line((centre, y(whisker)), (centre, y(quartile)), INK, 1.5);
        svg.line((centre - half / 2.0, y(whisker)), (centre + half / 2.0, y(whisker)), INK, 1.5);
    }
    let (top, bottom) = (y(statistics.upper_quartile), y(statistics.lower_quartile));
    swatch(svg, (centre - half, top), (width, bottom - top), colour);
    svg.line((centre - half, y(statistics.median)), (centre + half, y(statistics.median)), INK, 2.5);
    // A box of one value has no area to show its colour.
    let fill = if bottom - top < 12.0 { colour } else { "#ffffff" };
    diamond(svg, (centre, y(statistics.mean)), fill);
}

/// A box in a series' colour.
pub(super) fn swatch(svg: &mut Svg, corner: (f64, f64), size: (f64, f64), colour: &str) {
    svg.rectangle(corner, size, colour, Some((INK, 1.2)));
}

/// The mark of a mean.
pub(super) fn diamond(svg: &mut Svg, (x, y): (f64, f64), fill: &str) {
    let r = 5.5;
    svg.polygon(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill, INK);
}

/// The points of a line that can be drawn.
fn shown(line: &Line) -> Vec<Point> {
    let finite = |point: &&Point| point.x.is_finite() && point.y.is_finite();
    line.points.iter().filter(finite).copied().collect()
}

/// The horizontal axis of lines, with ticks at whole numbers if so asked; `None` if there is no point.
fn draw_x_axis(svg: &mut Svg, area: Area, lines: &[Line], whole: bool) -> Option<Axis> {
    let (places, count) = (lines.iter().flat_map(shown).map(|point| point.x), area.width / TICK_SPACE);
    let x = if whole { Axis::around_whole(places, count)? } else { Axis::around(places, count)? };
    draw_x_ticks(svg, area, &x);
    Some(x)
}

fn draw_x_ticks(svg: &mut Svg, area: Area, x: &Axis) {
    for (at, label) in &x.ticks {
        let place = area.x(x, *at);
        svg.line((place, area.bottom()), (place, area.bottom() + TICK), INK, 1.2);
        svg.text((place, area.bottom() + 24.0), TICK_LABEL, Anchor::Middle, label);
    }
}

fn draw_contours(svg: &mut Svg, area: Area, y: &Axis, contours: &[Contour]) {
    let Some(first) = contours.first() else { return };
    let x = Axis::between(first.density.low, first.density.high, area.width / TICK_SPACE, 0.0);
    draw_x_ticks(svg, area, &x);
    for Contour { series, density } in contours {
        for (share, width) in CONTOURS {
            let Some(level) = density.level_of(share) else { continue };
            for line in density.lines(level) {
                let points: Vec<_> = line.iter().map(|&(at, value)| (area.x(&x, at), area.y(y, value))).collect();
                let (colour, dashes) = (COLOURS[series % COLOURS.len()], DASHES[series % DASHES.len()]);
                svg.dashed_path(&points, colour, width, dashes);
            }
        }
    }
}

fn draw_curves(svg: &mut Svg, area: Area, y: &Axis, lines: &[Line]) {
    let Some(x) = draw_x_axis(svg, area, lines, true) else { return };
    let colour = |line: &Line| COLOURS[line.series % COLOURS.len()];
    // All bands lie below all lines.
    for line in lines {
        let points: Vec<_> = shown(line).into_iter().filter(|point| point.low < point.high).collect();
        let side = |end: fn(&Point) -> f64| points.iter().map(move |point| (point.x, end(point)));
        let outline = side(|point| point.low).chain(side(|point| point.high).rev());
        let outline: Vec<_> = outline.map(|(at, value)| (area.x(&x, at), area.y(y, value))).collect();
        if points.len() > 1 {
            svg.band(&outline, colour(line));
        }
    }
    for line in lines {
        let points: Vec<_> = shown(line).iter().map(|point| (area.x(&x, point.x), area.y(y, point.y))).collect();
        svg.path(&points, colour(line), 2.0);
        let mut last = f64::NEG_INFINITY;
        for &at in &points {
            if at.0 - last >= MARK_SPACE {
                mark(svg, line.series, at, colour(line));
                last = at.0;
            }
        }
    }
}

fn draw_lines(svg: &mut Svg, area: Area, y: &Axis, lines: &[Line]) {
    let Some(x) = draw_x_axis(svg, area, lines, false) else { return };
    // Points of different series at one place stand a little apart, so that their intervals can be seen.
    let apart = |i: usize| DODGE * (i as f64 - 0.5 * (lines.len() as f64 - 1.0));
    for (i, line) in lines.iter().enumerate() {
        let colour = COLOURS[line.series % COLOURS.len()];
        let points = shown(line);
        let at = |point: &Point, value: f64| (area.x(&x, point.x) + apart(i), area.y(y, value));
        for point in points.iter().filter(|point| point.low < point.high) {
            svg.line(at(point, point.low), at(point, point.high), colour, 1.6);
            for (place, height) in [point.low, point.high].map(|end| at(point, end)) {
                svg.line((place - CAP, height), (place + CAP, height), colour, 1.6);
            }
        }
        let points: Vec<_> = points.iter().map(|point| at(point, point.y)).collect();
        svg.path(&points, colour, 2.5);
        points.iter().for_each(|&at| mark(svg, line.series, at, colour));
    }
}

/// A series' mark: shapes differ, so that a figure can be read without colours.
pub(super) fn mark(svg: &mut Svg, series: usize, (x, y): (f64, f64), colour: &str) {
    let corners: &[(f64, f64)] = match series % COLOURS.len() {
        0 => return svg.circle((x, y), 5.0, colour, "#ffffff"),
        1 => &[(-4.6, -4.6), (4.6, -4.6), (4.6, 4.6), (-4.6, 4.6)],
        2 => &[(0.0, -6.2), (5.9, 4.6), (-5.9, 4.6)],
        3 => &[(0.0, -6.5), (5.2, 0.0), (0.0, 6.5), (-5.2, 0.0)],
        4 => &[(0.0, 6.2), (5.9, -4.6), (-5.9, -4.6)],
        5 => &[(-6.2, 0.0), (4.6, -5.9), (4.6, 5.9)],
        _ => &[(6.2, 0.0), (-4.6, -5.9), (-4.6, 5.9)],
    };
    let corners: Vec<_> = corners.iter().map(|(right, down)| (x + right, y + down)).collect();
    svg.polygon(&corners, colour, "#ffffff");
}
