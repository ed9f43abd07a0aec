//! Elements of an SVG file, and the mark-up of labels.

use std::fmt::{Arguments, Write};

/// Fonts, the bundled one first; a viewer takes the first that it has.
const FONTS: &str = "'Missvae Plot', 'Source Sans 3', 'Source Sans Pro', Helvetica, Arial, sans-serif";
/// The size of a subscript or superscript, how deep the one lies and how high the other stands, in sizes of the text.
pub(crate) const SCRIPT: f64 = 0.72;
const DEPTH: f64 = 0.22;
const HEIGHT: f64 = 0.38;

/// Where a text's position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// An SVG file that grows. Positions are (x, y) in CSS pixels from the upper left corner.
#[derive(Debug)]
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    /// A white page.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let mut svg = Svg { text: String::new() };
        svg.put(format_args!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" font-family="{FONTS}">"#,
            w = number(width),
            h = number(height)
        ));
        svg.rectangle((0.0, 0.0), (width, height), "#ffffff", None);
        svg
    }

    /// Adds a line.
    pub(crate) fn put(&mut self, element: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{element}");
    }

    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        self.path(&[from, to], colour, width);
    }

    /// A line through points.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        self.dashed_path(points, colour, width, "");
    }

    /// A line through points with these lengths of dashes and gaps in turn; a whole line if there are none.
    pub(crate) fn dashed_path(&mut self, points: &[(f64, f64)], colour: &str, width: f64, dashes: &str) {
        let points = coordinates(points);
        let dashes = if dashes.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dashes}""#) };
        self.put(format_args!(r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dashes}/>"#
        ));
    }

    /// A rectangle; its frame is (colour, width).
    pub(crate) fn rectangle(&mut self, corner: (f64, f64), size: (f64, f64), fill: &str, frame: Option<(&str, f64)>) {
        let (x, y, w, h) = (number(corner.0), number(corner.1), number(size.0), number(size.1));
        let frame =
            frame.map_or(String::new(), |(colour, width)| format!(r#" stroke="{colour}" stroke-width="{width}""#));
        self.put(format_args!(r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}"{frame}/>"#));
    }

    /// A text with mark-up, its baseline at `at`.
    pub(crate) fn text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, markup: &str) {
        self.turned_text(at, size, anchor, markup, None);
    }

    /// A text without mark-up, which runs upwards if it is `turned`.
    pub(crate) fn name(&mut self, (x, y): (f64, f64), size: f64, anchor: Anchor, text: &str, turned: bool) {
        let (x, y, anchor, text) = (number(x), number(y), anchor.name(), escaped(text));
        let turn = if turned { format!(r#" transform="rotate(-90 {x} {y})""#) } else { String::new() };
        self.put(format_args!(
            r##"<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="#1a1a1a"{turn}>{text}</text>"##
        ));
    }

    /// Cells of a grid in one colour: the column, the row, and over how many rows each runs. A cell has this size.
    pub(crate) fn cells(
        &mut self,
        corner: (f64, f64),
        size: (f64, f64),
        fill: &str,
        cells: impl Iterator<Item = [usize; 3]>,
    ) {
        let mut path = String::new();
        for [column, row, rows] in cells {
            let _ = write!(path, "M{column} {row}h1v{rows}h-1z");
        }
        let [x, y] = [corner.0, corner.1].map(number);
        // Not rounded: over many cells the error would add up.
        let (w, h) = size;
        self.put(format_args!(
            r#"<path transform="translate({x} {y}) scale({w} {h})" shape-rendering="crispEdges" fill="{fill}" d="{path}"/>"#
        ));
    }

    /// A text with mark-up, turned by an angle in degrees.
    pub(crate) fn turned_text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, markup: &str, angle: Option<f64>) {
        let (x, y, anchor) = (number(at.0), number(at.1), anchor.name());
        let turn = angle.map_or(String::new(), |angle| format!(r#" transform="rotate({angle} {x} {y})""#));
        let mut content = String::new();
        let mut depth = 0.0;
        for span in spans(markup) {
            let wanted = match span.script {
                Script::None => 0.0,
                Script::Sub => DEPTH * size,
                Script::Super => -HEIGHT * size,
            };
            let mut attributes = String::new();
            if wanted != depth {
                attributes += &format!(r#" dy="{}""#, number(wanted - depth));
                depth = wanted;
            }
            if span.script != Script::None {
                attributes += &format!(r#" font-size="{}""#, number(SCRIPT * size));
            }
            if span.italic {
                attributes += r#" font-style="italic""#;
            }
            content += &format!("<tspan{attributes}>{}</tspan>", escaped(&span.text));
        }
        self.put(format_args!(
            r##"<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="#1a1a1a"{turn}>{content}</text>"##
        ));
    }
}

/// A hundredth of a pixel is enough.
pub(crate) fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

pub(crate) fn coordinates(points: &[(f64, f64)]) -> String {
    points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect::<Vec<_>>().join(" ")
}

/// A text with what XML reserves spelt out, and � for what XML cannot hold.
fn escaped(text: &str) -> String {
    let held = |c: char| {
        if (c.is_control() && !matches!(c, '\t' | '\n')) || "\u{fffe}\u{ffff}".contains(c) { '\u{fffd}' } else { c }
    };
    let text: String = text.chars().map(held).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A piece of a label in one style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) italic: bool,
    pub(crate) script: Script,
}

/// Where a piece of a label stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Script {
    /// On the line.
    #[default]
    None,
    Sub,
    Super,
}

/// Takes mark-up apart: `*x*` is italic, `_{x}` a subscript and `^{x}` a superscript, which may hold italics.
pub(crate) fn spans(markup: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut span = Span::default();
    let mut turn = |span: &mut Span, next: Span| {
        let done = std::mem::replace(span, next);
        if !done.text.is_empty() {
            spans.push(done);
        }
    };
    let mut letters = markup.chars().peekable();
    while let Some(letter) = letters.next() {
        let style = Span { text: String::new(), ..span };
        match letter {
            '*' => turn(&mut span, Span { italic: !style.italic, ..style }),
            '_' | '^' if letters.peek() == Some(&'{') => {
                letters.next();
                let script = if letter == '_' { Script::Sub } else { Script::Super };
                turn(&mut span, Span { script, ..style });
            }
            '}' if span.script != Script::None => turn(&mut span, Span { script: Script::None, ..style }),
            letter => span.text.push(letter),
        }
    }
    turn(&mut span, Span::default());
    spans
}
