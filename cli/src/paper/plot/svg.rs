//! Elements of an SVG file, and the mark-up of labels.

use std::fmt::Write;

/// Fonts, the bundled one first; a viewer takes the first that it has.
const FONTS: &str = "'Missvae Plot', 'Source Sans 3', 'Source Sans Pro', Helvetica, Arial, sans-serif";
/// The size of a subscript or superscript, how deep the one lies and how high the other stands, in sizes of the text.
const SCRIPT: f64 = 0.72;
const DEPTH: f64 = 0.22;
const HEIGHT: f64 = 0.38;

/// Where a text's position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// An SVG file that grows. Positions are (x, y) in CSS pixels from the upper left corner.
#[derive(Debug)]
pub(super) struct Svg {
    text: String,
}

/// Adds a formatted line; writing to a string cannot fail.
macro_rules! put {
    ($svg:expr, $($part:tt)*) => {
        let _ = writeln!($svg.text, $($part)*);
    };
}

impl Svg {
    /// A white page.
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut svg = Svg { text: String::new() };
        put!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" font-family="{FONTS}">"#,
            w = number(width),
            h = number(height)
        );
        svg.rectangle((0.0, 0.0), (width, height), "#ffffff", None);
        svg
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        self.path(&[from, to], colour, width);
    }

    /// A line through points.
    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        self.dashed_path(points, colour, width, "");
    }

    /// A line through points with these lengths of dashes and gaps in turn; a whole line if there are none.
    pub(super) fn dashed_path(&mut self, points: &[(f64, f64)], colour: &str, width: f64, dashes: &str) {
        let points = coordinates(points);
        let dashes = if dashes.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dashes}""#) };
        put!(
            self,
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dashes}/>"#
        );
    }

    /// A filled polygon.
    pub(super) fn polygon(&mut self, points: &[(f64, f64)], fill: &str, stroke: &str) {
        let points = coordinates(points);
        put!(self, r#"<polygon points="{points}" fill="{fill}" stroke="{stroke}"/>"#);
    }

    /// A polygon that what is below shines through.
    pub(super) fn band(&mut self, points: &[(f64, f64)], fill: &str) {
        let points = coordinates(points);
        put!(self, r#"<polygon points="{points}" fill="{fill}" fill-opacity="0.15"/>"#);
    }

    /// A rectangle; its frame is (colour, width).
    pub(super) fn rectangle(&mut self, corner: (f64, f64), size: (f64, f64), fill: &str, frame: Option<(&str, f64)>) {
        let (x, y, w, h) = (number(corner.0), number(corner.1), number(size.0), number(size.1));
        let frame =
            frame.map_or(String::new(), |(colour, width)| format!(r#" stroke="{colour}" stroke-width="{width}""#));
        put!(self, r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}"{frame}/>"#);
    }

    pub(super) fn circle(&mut self, centre: (f64, f64), radius: f64, fill: &str, stroke: &str) {
        let (x, y) = (number(centre.0), number(centre.1));
        put!(self, r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{stroke}"/>"#);
    }

    /// A text with mark-up, its baseline at `at`.
    pub(super) fn text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, markup: &str) {
        self.turned_text(at, size, anchor, markup, None);
    }

    /// A text with mark-up that runs upwards.
    pub(super) fn upward_text(&mut self, at: (f64, f64), size: f64, markup: &str) {
        self.turned_text(at, size, Anchor::Middle, markup, Some(-90.0));
    }

    fn turned_text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, markup: &str, angle: Option<f64>) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y) = (number(at.0), number(at.1));
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
        put!(
            self,
            r##"<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="#1a1a1a"{turn}>{content}</text>"##
        );
    }
}

/// A hundredth of a pixel is enough.
fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn coordinates(points: &[(f64, f64)]) -> String {
    points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A piece of a label in one style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) italic: bool,
    pub(super) script: Script,
}

/// Where a piece of a label stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Script {
    /// On the line.
    #[default]
    None,
    Sub,
    Super,
}

/// Takes mark-up apart: `*x*` is italic, `_{x}` a subscript and `^{x}` a superscript, which may hold italics.
pub(super) fn spans(markup: &str) -> Vec<Span> {
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

/// About how wide a text is: the fonts' mean letter is a little under half as wide as its size.
pub(super) fn width(markup: &str, size: f64) -> f64 {
    let of = |span: &Span| span.text.chars().count() as f64 * if span.script == Script::None { 1.0 } else { SCRIPT };
    0.5 * size * spans(markup).iter().map(of).sum::<f64>()
}
