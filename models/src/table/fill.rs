//! The rows of a file once more, with only their missing cells changed.

use std::io::{self, Write};

use super::dialect::{Dialect, Separator};
use super::notation::number_text;
use super::source::{Content, Numbers, RawText, Source};
use super::split::Span;
use super::values::Table;
use super::write::{self, cell_text, header, quoted};

/// The names of the columns that begin a long file, as in mice.
pub(super) const LABELS: [&str; 2] = [".imp", ".id"];

/// What stands before the cells of some rows in a long file.
#[derive(Clone, Copy)]
pub(super) struct Label {
    /// Which completed table the rows are of, from 1; or 0 for the incomplete one.
    pub(super) imputation: usize,
    /// The rows of that table before these.
    pub(super) first: usize,
    /// Whether the columns' names are written, too, where they stand before the rows.
    pub(super) names: bool,
}

impl Label {
    /// Whether missing cells stay as they are.
    fn is_incomplete(self) -> bool {
        self.imputation == 0
    }

    fn write(self, out: &mut dyn Write, row: usize, delimiter: u8) -> io::Result<()> {
        let (delimiter, number) = (delimiter as char, self.first + row + 1);
        write!(out, "{}{delimiter}{number}{delimiter}", self.imputation)
    }
}

/// Rows of a file, and the numbers for the missing cells of the table that was read from it.
pub(super) struct Fill<'a> {
    source: &'a Source,
    table: &'a Table,
    completed: &'a [f64],
}

impl<'a> Fill<'a> {
    /// # Panics
    /// If `completed` and the table differ in their number of values.
    #[track_caller]
    pub(super) fn new(source: &'a Source, table: &'a Table, completed: &'a [f64]) -> Self {
        assert_eq!(completed.len(), table.values().len(), "values of a completed table");
        Fill { source, table, completed }
    }

    /// The completed rows as text, under a name that promises a separator.
    pub(super) fn write(&self, out: &mut dyn Write, separator: Separator, label: Option<Label>) -> io::Result<()> {
        let Fill { source, table, .. } = self;
        match &source.content {
            Content::Text { text, dialect, header } => {
                let new = dialect.separator_under(separator).byte();
                match label {
                    None => self.text(out, text, *dialect, new, *header),
                    Some(label) => self.labelled(out, text, *dialect, new, *header, label),
                }
            }
            Content::Array(numbers) => {
                let delimiter = separator.byte();
                let names: Vec<String> = (0..source.columns.len()).map(|column| format!("x{column}")).collect();
                match label {
                    None => header(out, &names, delimiter)?,
                    Some(label) if label.names => {
                        header(out, &[&LABELS.map(String::from)[..], &names].concat(), delimiter)?
                    }
                    Some(_) => {}
                }
                for row in 0..table.rows() {
                    if let Some(label) = label {
                        label.write(out, row, delimiter)?;
                    }
                    for column in 0..names.len() {
                        let filled = self.missing(row, column).filter(|_| !label.is_some_and(Label::is_incomplete));
                        let number = filled.unwrap_or_else(|| numbers.values[row * names.len() + column]);
                        let single = numbers.single || filled.is_some();
                        let end = if column + 1 == names.len() { b'\n' } else { delimiter };
                        write!(out, "{}{}", number_text(number, single), end as char)?;
                    }
                }
                Ok(())
            }
            Content::Parquet(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Adds the completed rows to an array. Its width is returned.
    pub(super) fn numbers(&self, array: &mut Numbers) -> usize {
        let Fill { source, table, completed } = self;
        match &source.content {
            Content::Text { .. } | Content::Parquet(_) => {
                let order: Vec<usize> = source.columns.iter().flatten().copied().collect();
                let width = order.len();
                let value = |row: usize, column: usize| {
                    let cell = row * width + column;
                    if table.observed(row, column) { table.values()[cell] } else { completed[cell] }
                };
                let cells = 0..table.rows() * width;
                array.values.extend(cells.map(|cell| value(cell / width, order[cell % width])));
                width
            }
            Content::Array(numbers) => {
                let width = source.columns.len();
                let cells = 0..table.rows() * width;
                array.values.extend(cells.map(|cell| self.array_cell(numbers, cell / width, cell % width)));
                array.single = numbers.single;
                width
            }
        }
    }

    /// The imputed number for a cell of the file, if it is one of the table's missing cells.
    fn missing(&self, row: usize, place: usize) -> Option<f64> {
        let column = self.source.columns[place]?;
        (!self.table.observed(row, column)).then(|| self.completed[row * self.table.width() + column])
    }

    fn array_cell(&self, numbers: &Numbers, row: usize, place: usize) -> f64 {
        self.missing(row, place).unwrap_or_else(|| numbers.values[row * self.source.columns.len() + place])
    }

    /// The records of a text, with `new` between cells. If `header`, the first record with cells is no row.
    fn text(&self, out: &mut dyn Write, text: &RawText, dialect: Dialect, new: u8, header: bool) -> io::Result<()> {
        let mut row = if header { None } else { Some(0) };
        for (record, spans) in text.records() {
            let start = spans.first().map_or(0, |span| span.bytes.start);
            out.write_all(&record[..start])?;
            self.record(out, record, spans, dialect, new, row)?;
            if !spans.is_empty() {
                row = Some(row.map_or(0, |row| row + 1));
            }
        }
        Ok(())
    }

    /// The same with a label before each record. Blank lines are left out.
    fn labelled(
        &self,
        out: &mut dyn Write,
        text: &RawText,
        dialect: Dialect,
        new: u8,
        header: bool,
        label: Label,
    ) -> io::Result<()> {
        let mut row = if header { None } else { Some(0) };
        let mut end: &[u8] = b"\n";
        for (record, spans) in text.records().filter(|(_, spans)| !spans.is_empty()) {
            if record.ends_with(b"\r\n") {
                end = b"\r\n";
            }
            match row {
                None if label.names => {
                    // A byte-order mark stays at the start of the file.
                    out.write_all(&record[..spans[0].bytes.start])?;
                    LABELS.iter().try_for_each(|name| write!(out, "{name}{}", new as char))?;
                }
                None => {}
                Some(row) => label.write(out, row, new)?,
            }
            if row.is_some() || label.names {
                let filled = row.filter(|_| !label.is_incomplete());
                self.record(out, record, spans, dialect, new, filled)?;
                // The rows of the next table follow the last one.
                if !record.ends_with(b"\n") && !record.ends_with(b"\r") {
                    out.write_all(end)?;
                }
            }
            row = Some(row.map_or(0, |row| row + 1));
        }
        Ok(())
    }

    /// A record from its first cell on. Its missing cells are filled in if it is a row.
    fn record(
        &self,
        out: &mut dyn Write,
        record: &[u8],
        spans: &[Span],
        dialect: Dialect,
        new: u8,
        row: Option<usize>,
    ) -> io::Result<()> {
        let Fill { source, table, .. } = self;
        let old = dialect.separator.byte();
        let mut written = 0;
        for (place, span) in spans.iter().enumerate() {
            if place > 0 {
                out.write_all(&[new])?;
            }
            written = span.bytes.end;
            let cell = &record[span.bytes.clone()];
            match row.and_then(|row| self.missing(row, place)) {
                Some(number) => {
                    let column = source.columns[place].unwrap_or_default();
                    write::cell(out, &cell_text(table.notation(column), number, dialect.decimal), new)?;
                }
                None if new != old && !span.quoted && cell.contains(&new) => quoted(out, cell)?,
                None => out.write_all(cell)?,
            }
        }
        out.write_all(&record[written..])
    }
}
