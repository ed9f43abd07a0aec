//! Names of columns along the sides of a grid: cut where they are long, and thinned where they are many.

use crate::plot::svg::{Anchor, Svg};

/// Size of the letters, and how far two names are apart at least.
const SIZE: f64 = 11.0;
const APART: f64 = 12.0;
/// The widest name, in CSS pixels.
const WIDEST: f64 = 150.0;

/// The names of a grid's columns.
pub(super) struct Labels {
    names: Vec<String>,
    /// Whether some name is not whole.
    cut: bool,
    /// Every so many-th column is named.
    step: usize,
    /// The width of a column of the grid.
    pub(super) cell: f64,
    /// The width of the longest name.
    widest: f64,
}

impl Labels {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>, cell: f64) -> Labels {
        let step = (APART / cell).ceil().max(1.0) as usize;
        let whole: Vec<&str> = names.collect();
        let names: Vec<String> = whole.iter().map(|name| cut(name, SIZE, WIDEST)).collect();
        let is_cut = whole.iter().zip(&names).step_by(step).any(|(whole, name)| whole != name);
        let widest = names.iter().step_by(step).map(|name| width(name, SIZE)).fold(0.0, f64::max);
        Labels { names, cut: is_cut, step, cell, widest }
    }

    /// The height that names need above or below the grid.
    pub(super) fn upward(&self) -> f64 {
        self.widest + 8.0
    }

    /// The width that names need beside the grid.
    pub(super) fn sideways(&self) -> f64 {
        self.widest + 8.0
    }

    /// Writes the names above a grid with this corner.
    pub(super) fn above(&self, svg: &mut Svg, (left, top): (f64, f64)) {
        self.each(|middle, name| svg.name((left + middle, top - 5.0), SIZE, Anchor::Start, name, true));
    }

    /// Writes the names below a grid that ends here.
    pub(super) fn below(&self, svg: &mut Svg, (left, bottom): (f64, f64)) {
        self.each(|middle, name| svg.name((left + middle, bottom + 5.0), SIZE, Anchor::End, name, true));
    }

    /// Writes the names to the left of a grid with this corner.
    pub(super) fn left(&self, svg: &mut Svg, (left, top): (f64, f64)) {
        self.each(|middle, name| svg.name((left - 5.0, top + middle), SIZE, Anchor::End, name, false));
    }

    /// Shows each name that is written, and where the middle of its column is, a little below it for letters to stand there.
    fn each(&self, mut show: impl FnMut(f64, &str)) {
        for (place, name) in self.names.iter().enumerate().step_by(self.step) {
            show(self.cell * (place as f64 + 0.5) + 0.35 * SIZE, name);
        }
    }

    /// What is to be said of the names of this panel.
    pub(super) fn note(&self, panel: &str) -> Option<String> {
        let thinned = self.step > 1 && self.names.len() > 1;
        let which = ordinal(self.step);
        match (thinned, self.cut) {
            (true, true) => Some(format!("Every {which} column of the {panel} is named; long names are cut.")),
            (true, false) => Some(format!("Every {which} column of the {panel} is named.")),
            (false, true) => Some(format!("Long names of the {panel} are cut.")),
            (false, false) => None,
        }
    }
}

/// "2nd", "3rd", "4th" and so on.
pub(super) fn ordinal(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// About how wide a letter is, in sizes: the fonts of a viewer are not known.
fn letter_width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '(' | ')' => 0.33,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.9,
        'A'..='Z' => 0.63,
        // Scripts with square letters, and pictures.
        _ if letter >= '\u{1100}' => 1.1,
        _ => 0.55,
    }
}

/// About how wide a text is.
fn width(text: &str, size: f64) -> f64 {
    size * text.chars().map(letter_width).sum::<f64>()
}

/// A text in one line that is no wider than this; … stands for what is left out.
pub(super) fn cut(text: &str, size: f64, most: f64) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if width(&line, size) <= most {
        return line;
    }
    let mut left = most - size * letter_width('…');
    let fits = |letter: &char| {
        left -= size * letter_width(*letter);
        left >= 0.0
    };
    line.chars().take_while(fits).chain(['…']).collect()
}

/// A text in lines that are no wider than this.
pub(super) fn fitting(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let longer = if lines[last].is_empty() { word.to_owned() } else { format!("{} {word}", lines[last]) };
        match width(&longer, size) > most && !lines[last].is_empty() {
            true => lines.push(word.to_owned()),
            false => lines[last] = longer,
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_many_are_thinned() {
        let long = "a".repeat(500);
        let names = ["b", &long, "日本語日本語日本語日本語日本語日本語", "with\ttab"];
        let labels = Labels::new(names.into_iter(), 30.0);
        assert_eq!((&labels.names[0][..], &labels.names[3][..], labels.step), ("b", "with tab", 1));
        for name in &labels.names[1..3] {
            assert!(name.ends_with('…') && width(name, SIZE) <= WIDEST && name.chars().count() > 9, "{name}");
        }
        assert!(labels.widest <= WIDEST && labels.note("matrix").unwrap().contains("are cut"));
        let many = Labels::new(std::iter::repeat_n("abc", 100), 4.0);
        let mut shown = 0;
        many.each(|_, _| shown += 1);
        assert_eq!((many.step, shown), (3, 34));
        assert_eq!(many.note("matrix").unwrap(), "Every 3rd column of the matrix is named.");
        assert_eq!(Labels::new(["a", "b"].into_iter(), 20.0).note("matrix"), None);
    }

    #[test]
    fn lines_of_notes() {
        let lines = fitting("one two three four five six", 10.0, 60.0);
        assert!(lines.len() > 2 && lines.iter().all(|line| width(line, 10.0) <= 60.0), "{lines:?}");
        assert_eq!(lines.join(" "), "one two three four five six");
    }
}
