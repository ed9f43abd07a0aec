//! A table as it is made: its cells, and how they stand in the file.

use crate::support::Numbers;

/// A table that oddities are put into. At first it has 60 rows of the columns `x`, `y` (numbers that hang together) and `g`
/// (three levels); a seventh of the cells is missing.
pub(super) struct Draft {
    pub(super) header: Vec<String>,
    /// The cells' contents, row by row; `None` is missing.
    pub(super) rows: Vec<Vec<Option<String>>>,
    /// What stands for a missing cell.
    pub(super) missing: &'static str,
    pub(super) line_end: &'static str,
    /// What stands before the header.
    pub(super) start: &'static str,
    pub(super) ends_in_line_end: bool,
    pub(super) blank_lines: bool,
    pub(super) quote_all: bool,
    /// What stands on both sides of each cell without quotes.
    pub(super) around: &'static str,
    /// What stands at the end of each row below the header.
    pub(super) behind: &'static str,
    /// Bytes at the end of the file.
    pub(super) tail: &'static [u8],
    pub(super) numbers: Numbers,
}

/// A part of a file: bytes that must come back, or a missing cell of a column.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Fixed(Vec<u8>),
    /// The column, and the bytes that stand there.
    Missing(usize, Vec<u8>),
}

impl Draft {
    pub(super) fn new(rows: usize) -> Draft {
        let mut draft = Draft {
            header: Vec::new(),
            rows: vec![Vec::new(); rows],
            missing: "",
            line_end: "\n",
            start: "",
            ends_in_line_end: true,
            blank_lines: false,
            quote_all: false,
            around: "",
            behind: "",
            tail: b"",
            numbers: Numbers(11),
        };
        let z: Vec<f64> = (0..rows).map(|_| draft.numbers.next() * 3.0).collect();
        let noise: Vec<f64> = (0..rows).map(|_| draft.numbers.next()).collect();
        draft.column("x", |row| format!("{:.3}", z[row] + noise[row]));
        draft.column("y", |row| format!("{:.2}", 10.0 - 2.0 * z[row]));
        draft.column("g", |row| ["low", "mid", "top"][(z[row] as usize).min(2)].to_owned());
        draft
    }

    /// Adds a column; every seventh cell is missing.
    pub(super) fn column(&mut self, name: &str, cell: impl FnMut(usize) -> String) {
        self.whole_column(name, cell);
        let last = self.header.len() - 1;
        for (row, cells) in self.rows.iter_mut().enumerate() {
            if (row + 2 * last) % 7 == 3 {
                cells[last] = None;
            }
        }
    }

    /// Adds a column without a missing cell.
    pub(super) fn whole_column(&mut self, name: &str, mut cell: impl FnMut(usize) -> String) {
        self.header.push(name.to_owned());
        self.rows.iter_mut().enumerate().for_each(|(row, cells)| cells.push(Some(cell(row))));
    }

    /// Adds a column of these texts in an order that looks random.
    pub(super) fn levels(&mut self, name: &str, levels: &[&str]) {
        let places = self.random(levels.len());
        self.column(name, |row| levels[places[row]].to_owned());
    }

    /// For each row, a random whole number below another.
    pub(super) fn random(&mut self, below: usize) -> Vec<usize> {
        (0..self.rows.len()).map(|_| (self.numbers.next() * below as f64) as usize).collect()
    }

    /// For each row, a random number from 0 to 1.
    pub(super) fn uniform(&mut self) -> Vec<f64> {
        (0..self.rows.len()).map(|_| self.numbers.next()).collect()
    }

    /// The file in pieces.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let mut pieces = vec![Piece::Fixed(self.start.into())];
        let mut fixed = |text: String| pieces.push(Piece::Fixed(text.into_bytes()));
        fixed(self.header.iter().map(|name| self.quoted(name)).collect::<Vec<_>>().join(","));
        for row in &self.rows {
            pieces.push(Piece::Fixed(self.line_end.into()));
            if self.blank_lines {
                pieces.push(Piece::Fixed(self.line_end.into()));
            }
            for (column, cell) in row.iter().enumerate() {
                if column > 0 {
                    pieces.push(Piece::Fixed(b",".to_vec()));
                }
                pieces.push(match cell {
                    Some(text) => Piece::Fixed(self.quoted(text).into_bytes()),
                    // Blanks around it go with the cell.
                    None => Piece::Missing(column, format!("{0}{1}{0}", self.around, self.missing).into_bytes()),
                });
            }
            pieces.push(Piece::Fixed(self.behind.into()));
        }
        if self.ends_in_line_end {
            pieces.push(Piece::Fixed(self.line_end.into()));
        }
        pieces.push(Piece::Fixed(self.tail.to_vec()));
        pieces
    }

    /// The file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let bytes = |piece| match piece {
            Piece::Fixed(bytes) | Piece::Missing(_, bytes) => bytes,
        };
        self.pieces().into_iter().flat_map(bytes).collect()
    }

    /// A cell as it stands in the file.
    fn quoted(&self, text: &str) -> String {
        if self.quote_all || text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            format!("{0}{text}{0}", self.around)
        }
    }
}
