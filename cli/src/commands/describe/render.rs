//! A description as plain text.

use std::fmt;

use missvae::table::{ColumnDescription, Decimal, Description, Dialect, Kind, Pattern, Separator};

use super::mechanism::Mechanism;
use super::words::{compact, counted, percent, short, width};

/// How many columns are listed; all are in the JSON.
const COLUMNS: usize = 40;
/// The widest table whose patterns are drawn cell by cell.
const DRAWN: usize = 64;
/// How many missing columns of a pattern are named.
const NAMED: usize = 4;

/// A description as it is shown.
pub(super) struct Rendered<'a>(pub(super) &'a Description);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = percent(self.0.missing_share);
        // Commas and points go without saying.
        let plain = (Some(Separator::Comma), Some(Decimal::Point));
        writeln!(
            f,
            "{}: {}, {}",
            self.0.data,
            counted(self.0.rows, "row"),
            counted(self.0.columns.len() as u64, "column")
        )?;
        if let (Some(separator), Some(decimal)) = (self.0.separator, self.0.decimal)
            && (self.0.separator, self.0.decimal) != plain
        {
            writeln!(f, "{}", Dialect { separator, decimal, promised: separator })?;
        }
        writeln!(f, "{} of {} missing ({share})", self.0.cells_missing, counted(self.0.cells, "cell"))?;
        writeln!(f, "{} complete, {} empty\n", counted(self.0.complete_rows, "row"), self.0.empty_rows)?;
        self.columns_table(f)?;
        writeln!(f)?;
        self.patterns_table(f)?;
        Mechanism { nullity: &self.0.nullity, differences: &self.0.differences }.fmt(f)
    }
}

impl Rendered<'_> {
    fn columns_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = ["column", "type", "missing", "", "mean", "sd", "min", "max"].map(String::from).to_vec();
        let mut lines = vec![(heading, String::new())];
        lines.extend(self.0.columns.iter().take(COLUMNS).map(column_line));
        let widths: Vec<usize> = (0..lines[0].0.len())
            .map(|cell| lines.iter().filter_map(|line| line.0.get(cell)).map(|text| width(text)).max().unwrap_or(0))
            .collect();
        for (cells, note) in &lines {
            let mut line = String::new();
            for (place, (text, &column)) in cells.iter().zip(&widths).enumerate() {
                let blanks = " ".repeat(column - width(text));
                line += &if place == 0 {
                    format!("{text}{blanks}")
                } else if place == 1 {
                    format!("  {text}{blanks}")
                } else {
                    format!("  {blanks}{text}")
                };
            }
            if !note.is_empty() {
                line += &format!("  {note}");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        match self.0.columns.len().saturating_sub(COLUMNS) {
            0 => Ok(()),
            more => writeln!(f, "… and {more} more columns (--json lists all)"),
        }
    }

    fn patterns_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = self.0.patterns.len() as u64;
        match self.0.distinct_patterns {
            all if all > listed => writeln!(f, "the {listed} most frequent of {all} patterns")?,
            all => writeln!(f, "{}", counted(all, "pattern"))?,
        }
        let drawn = self.0.columns.len() <= DRAWN;
        let rows: Vec<String> = self.0.patterns.iter().map(|pattern| pattern.rows.to_string()).collect();
        let count_width = rows.iter().map(|text| width(text)).max().unwrap_or(0).max(width("rows"));
        let drawing_width = if drawn { self.0.columns.len().max(width(LEGEND)) + 2 } else { 0 };
        let legend = if drawn { LEGEND } else { "" };
        writeln!(f, "{:>count_width$}  {:7}  {legend:drawing_width$}missing", "rows", "")?;
        for (pattern, rows) in self.0.patterns.iter().zip(rows) {
            let drawing: String = match drawn {
                true => pattern.mask.iter().map(|&missing| if missing { '·' } else { '█' }).collect(),
                false => String::new(),
            };
            let share = percent(pattern.share);
            writeln!(f, "{rows:>count_width$}  {share:>7}  {drawing:drawing_width$}{}", what_is_missing(pattern))?;
        }
        Ok(())
    }
}

const LEGEND: &str = "█ observed · missing";

/// The names of a pattern's missing columns, or a word for none and all of them.
fn what_is_missing(pattern: &Pattern) -> String {
    match pattern.missing.len() {
        0 => "nothing".into(),
        all if all == pattern.mask.len() => "everything".into(),
        count => {
            let mut names: Vec<String> = pattern.missing.iter().take(NAMED).map(|name| short(name)).collect();
            if count > NAMED {
                names.push(format!("and {} more", count - NAMED));
            }
            names.join(", ")
        }
    }
}

/// A column's cells in the listing, and a note that follows them.
fn column_line(column: &ColumnDescription) -> (Vec<String>, String) {
    let column_type = column.column_type.unwrap_or("–").to_owned();
    let mut cells = vec![short(&column.name), column_type, column.missing.to_string(), percent(column.missing_share)];
    let mut notes = column.notes.clone();
    match column.kind {
        Kind::Empty => {}
        Kind::Text if !column.levels.is_empty() => notes.push(levels(column)),
        Kind::Text if column.format.is_some() => {
            notes.push(format!("as {}", column.format.as_deref().unwrap_or_default()))
        }
        Kind::Text => match column.distinct {
            Some(distinct) => notes.push(format!("text, {distinct} distinct{}", examples(column))),
            None => notes.push(format!("text ({}){}", counted(column.text_cells, "cell"), examples(column))),
        },
        Kind::Numeric => {
            let statistics = [column.mean, column.sd, column.min, column.max];
            cells.extend(statistics.map(|value| value.map_or_else(|| "–".into(), compact)));
            if column.infinite > 0 {
                notes.push(format!("{} infinite", column.infinite));
            } else if column.distinct == Some(1) && notes.is_empty() {
                notes.push("constant".into());
            } else if !column.levels.is_empty() {
                notes.push(levels(column));
            }
        }
    }
    (cells, notes.join(", "))
}

/// The levels of a column.
fn levels(column: &ColumnDescription) -> String {
    const SHOWN: usize = 5;
    let between = if column.column_type == Some("ordinal") { " < " } else { ", " };
    let mut levels: Vec<String> = column.levels.iter().take(SHOWN).map(|level| short(level)).collect();
    if column.levels.len() > SHOWN {
        levels.push(format!("… ({} levels)", column.levels.len()));
    }
    levels.join(between)
}

/// Some texts of a column, which may stand for missing.
fn examples(column: &ColumnDescription) -> String {
    let texts: Vec<String> = column.texts.iter().map(|text| format!("{text:?}")).collect();
    if texts.is_empty() { String::new() } else { format!(", such as {}", texts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use missvae::table::{Input, ReadOptions, describe};

    use super::*;

    fn rendered(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        let description = describe(&Input::File(path), &ReadOptions::default()).unwrap();
        Rendered(&description).to_string()
    }

    #[test]
    fn the_bundled_table() {
        let description = describe(&Input::Bundled, &ReadOptions::default()).unwrap();
        let text = Rendered(&description).to_string();
        assert!(text.contains("Body Mass (g)"), "{text}");
    }

    #[test]
    fn a_column_without_a_finite_number() {
        assert!(rendered("a\ninf\n").contains("1 infinite"));
    }

    #[test]
    fn other_separators() {
        let text = rendered("a;b;c\n1,5;2;3\n");
        assert!(text.contains("\ncells are separated by semicolons, and decimals have commas\n0 of"), "{text}");
        assert!(!rendered("a,b\n1.5,2\n").contains("separated"));
    }

    #[test]
    fn many_columns() {
        let header: Vec<String> = (0..130).map(|column| format!("c{column}")).collect();
        let mut text = header.join(",") + "\n";
        for row in 0..130 {
            let cells: Vec<&str> = (0..130).map(|column| if column < row { "" } else { "1" }).collect();
            text += &(cells.join(",") + "\n");
        }
        let shown = rendered(&text);
        assert!(shown.lines().count() < 85 && shown.contains("90 more columns"), "{shown}");
    }
}
