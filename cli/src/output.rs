//! Output: results, messages, progress, tables.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use missvae::prepare::TrainingRows;
use missvae::table::{Dialect, ReadOptions};
use serde::Serialize;

use crate::args::Common;
use crate::failure::{Failure, Result};

/// The output of a command: results go to standard output, everything else to standard error.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    /// The warnings so far, which the JSON object repeats.
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        Output { json: common.json, quiet: common.quiet, warnings: Arc::default() }
    }

    /// The same without messages.
    #[cfg(feature = "paper")]
    pub(crate) fn silenced(&self) -> Self {
        Output { quiet: true, ..self.clone() }
    }

    /// Prints a message, unless `--quiet`.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        if !self.quiet {
            // News that cannot be told must not stop the work.
            let _ = writeln!(stderr(), "{}", line.as_ref());
        }
    }

    /// Says how a text is written, where that was found by looking at it.
    pub(crate) fn say_dialect(&self, file: &str, dialect: Dialect) {
        self.say(format!("{file}: {dialect} (--separator and --decimal say otherwise)"));
    }

    /// The same of whatever text is read with these options.
    pub(crate) fn saying_dialects(&self, reading: ReadOptions) -> ReadOptions {
        let (output, said) = (self.clone(), Mutex::new(None));
        reading.on_dialect(move |file, dialect| {
            // Once for files of a kind, and for one that is read twice.
            let before = said.lock().unwrap_or_else(PoisonError::into_inner).replace(dialect);
            if before != Some(dialect) {
                output.say_dialect(file, dialect);
            }
        })
    }

    /// Warns of a result that may be wrong: on standard error, with `--quiet` too, and in the JSON object.
    pub(crate) fn warn(&self, warning: impl Display) {
        let text = warning.to_string();
        let _ = writeln!(stderr(), "warning: {text}");
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// The command's result: one JSON object with `--json`, else the text for people.
    pub(crate) fn result(&self, json: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        let mut text = match self.json {
            true => self.with_warnings(json).map_err(|e| Failure::Failed(e.to_string()))?,
            false if self.quiet => return Ok(()),
            false => text(),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        to_a_reader(stdout().lock().write_all(text.as_bytes()))
    }

    /// A JSON object with the list of warnings as its last member.
    fn with_warnings(&self, json: &impl Serialize) -> serde_json::Result<String> {
        let mut value = serde_json::to_value(json)?;
        if let Some(object) = value.as_object_mut() {
            let warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
            object.insert("warnings".to_owned(), serde_json::to_value(&*warnings)?);
        }
        serde_json::to_string(&value)
    }

    /// As [`bar`](Output::bar), or a counter where the length is not known.
    pub(crate) fn bar_or_counter(&self, len: Option<u64>, unit: &str) -> ProgressBar {
        if let Some(len) = len {
            return self.bar(len, unit);
        }
        if self.quiet || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = format!("{{spinner}} {{pos}} {unit}  {{msg}}  {{per_sec}}");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
    }

    /// A bar on a terminal; nothing elsewhere.
    pub(crate) fn bar(&self, len: u64, unit: &str) -> ProgressBar {
        if self.quiet || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = format!("{{bar:30}} {{pos}}/{{len}} {unit}  {{msg}}  {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::with_draw_target(Some(len), ProgressDrawTarget::stderr()).with_style(style)
    }

    /// Whether lines should stand in for a progress bar.
    pub(crate) fn wants_lines(&self) -> bool {
        !self.quiet && !stderr().is_terminal()
    }
}

/// What became of writing to standard output. Whoever closed the pipe has read enough.
pub(crate) fn to_a_reader(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::System { what: "standard output".to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// A number with a noun: "1 row", "2 rows".
pub(crate) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// Missing cells as the subject of a sentence: "1 cell is missing", "2 cells are missing".
pub(crate) fn cells_missing(count: usize) -> String {
    format!("{} {} missing", counted(count, "cell"), if count == 1 { "is" } else { "are" })
}

/// The most columns that are named.
const NAMED: usize = 5;

/// One line about the rows of a run.
pub(crate) fn rows_summary(rows: &TrainingRows) -> String {
    let train = &rows.train;
    let (count, columns, missing) = (train.rows(), train.columns(), rows.missing());
    let share = 100.0 * missing as f64 / (count * columns).max(1) as f64;
    let dropped = match rows.dropped {
        0 => String::new(),
        n => format!("; {} without any observed cell dropped", counted(n, "row")),
    };
    let [count, columns, missing] =
        [(count, "row"), (columns, "column"), (missing, "cell")].map(|(count, one)| counted(count, one));
    let never: Vec<&str> = rows.never_negative().collect();
    let never = match never.len() {
        0 => String::new(),
        1..=NAMED => format!("; no value of {} is negative, and no imputed one will be", never.join(", ")),
        n => format!("; no value of {} is negative, and no imputed one will be", counted(n, "column")),
    };
    format!("{}: {count}, {columns}, {missing} missing ({share:.1}%){dropped}{never}", rows.name)
}

/// A table in plain text: the first column to the left, the others to the right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|row| row.get(c)).map(|s| s.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (c, cell) in row.iter().enumerate() {
            let space = " ".repeat(widths[c] - cell.chars().count());
            match c {
                0 => line.extend([cell.as_str(), &space]),
                _ => line.extend(["  ", &space, cell.as_str()]),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
