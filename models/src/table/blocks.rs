//! Rows of a file for a fitted model, block by block: memory does not grow with a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::builder::{Builder, Wanted};
use super::error::Result;
use super::open::Input;
use super::options::ReadOptions;
use super::problem::Reason;
use super::read::{open_text, read_whole};
use super::schema::ColumnSchema;
use super::source::{Content, Elsewhere, RawText, Source};
use super::text::TextReader;
use super::values::Table;

/// How many rows of a text a block has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSize {
    /// A multiple of so many rows, and as many at least.
    pub unit: usize,
    /// About so many cells of the file, if there are so many in a unit's rows.
    pub cells: usize,
}

impl BlockSize {
    /// All rows at once.
    pub const WHOLE: BlockSize = BlockSize { unit: usize::MAX, cells: 0 };

    /// Rows of a block of a file of so many columns.
    fn rows(self, width: usize) -> usize {
        let unit = self.unit.max(1);
        unit.saturating_mul((self.cells / unit.saturating_mul(width.max(1))).max(1))
    }
}

/// Some rows of a file, which follow each other.
pub struct Block {
    /// The rows before them.
    pub first: usize,
    /// The model's columns, in its order.
    pub table: Table,
    /// What stands in the file, if it is kept.
    pub source: Source,
}

/// A file that is read block by block for a model: its columns, found by name and put in the model's order. Columns may be
/// constant or wholly missing. Texts of a column with levels have their places among the levels, and others of the block
/// follow them.
///
/// What is no text is one block.
pub struct Blocks<'a> {
    input: &'a Input,
    options: &'a ReadOptions,
    /// The model's columns; none of images.
    model: Option<&'a [ColumnSchema]>,
    size: BlockSize,
    retain: bool,
    builder: Builder<'a>,
    text: Option<TextReader>,
    columns: Arc<[Option<usize>]>,
    elsewhere: Elsewhere,
    first: usize,
    ended: bool,
    /// Columns that cannot be used, as far as is known.
    unusable: BTreeMap<usize, Reason>,
}

impl<'a> Blocks<'a> {
    /// Opens a file for a model with these columns. What stands in the file is kept with each block if `retain`.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn of_model(
        input: &'a Input,
        options: &'a ReadOptions,
        columns: &'a [ColumnSchema],
        size: BlockSize,
        retain: bool,
    ) -> Result<Blocks<'a>> {
        let wanted = Wanted::Model { columns, whole_arrays: options.whole_arrays };
        Blocks::new(input, options, Some(columns), size, retain, Builder::new(wanted))
    }

    /// Opens a file of images of `size` × `size` pixels, a row each, whatever the columns are called: a single block. Pixels
    /// may be constant or missing. Larger square ones are made smaller where the options say so.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn of_images(input: &'a Input, options: &'a ReadOptions, size: usize, retain: bool) -> Result<Blocks<'a>> {
        let builder = Builder::new(Wanted::Images { size, resize: options.resize });
        Blocks::new(input, options, None, BlockSize::WHOLE, retain, builder)
    }

    fn new(
        input: &'a Input,
        options: &'a ReadOptions,
        model: Option<&'a [ColumnSchema]>,
        size: BlockSize,
        retain: bool,
        builder: Builder<'a>,
    ) -> Result<Blocks<'a>> {
        Ok(Blocks {
            input,
            options,
            model,
            size,
            retain,
            builder,
            text: open_text(input, options)?,
            columns: Arc::default(),
            elsewhere: Elsewhere::default(),
            first: 0,
            ended: false,
            unusable: BTreeMap::new(),
        })
    }

    /// The rows so far, and whether these are all.
    pub fn rows(&self) -> (usize, bool) {
        (self.first, self.ended)
    }

    /// The columns of the file that are not the model's and have missing cells in the blocks so far, in the order of the
    /// file: the name of each, and how many. None where the blocks are not kept.
    pub fn missing_elsewhere(&self) -> Vec<(String, usize)> {
        self.elsewhere.found()
    }

    /// The next block; none at the end. It may be without a row: then it has what stands after the last one.
    ///
    /// # Errors
    /// Whatever keeps the file from being a table; [`super::Error::MissingColumns`]; [`super::Error::ArrayWidth`], if the
    /// options ask for that; [`super::Error::ImageSize`]; [`super::Error::UnusableColumns`] for infinite values, for texts in
    /// columns of numbers, and for what is no date of its column. Of these the whole file is told, which is read to its end.
    pub fn next_block(&mut self) -> Result<Option<Block>> {
        while !self.ended {
            let content = self.read_rows()?;
            if self.first == 0 {
                self.columns = self.places();
                self.elsewhere = Elsewhere::new(&self.columns);
            }
            let table = self.take_rows()?;
            let first = self.first;
            self.first += table.rows();
            if !self.unusable.is_empty() {
                continue;
            }
            let source = Source { content, columns: Arc::clone(&self.columns) };
            if table.rows() > 0 || !source.is_empty() {
                self.elsewhere.add(&source, &self.options.missing)?;
                return Ok(Some(Block { first, table, source }));
            }
        }
        self.builder.check_usable(std::mem::take(&mut self.unusable).into_iter().collect(), false)?;
        Ok(None)
    }

    /// Lets the builder take the rows of a block.
    fn read_rows(&mut self) -> Result<Content> {
        let Some(reader) = &mut self.text else {
            self.ended = true;
            return read_whole(self.input, self.options, &mut self.builder, self.retain);
        };
        let mut text = RawText::default();
        while reader.next_row(&mut self.builder, self.retain.then_some(&mut text))? {
            if self.builder.rows() >= self.size.rows(reader.width()) {
                return Ok(Content::Text { text, dialect: reader.dialect, header: self.first == 0 });
            }
        }
        self.ended = true;
        Ok(Content::Text { text, dialect: reader.dialect, header: self.first == 0 })
    }

    /// What the builder has taken, as a table.
    fn take_rows(&mut self) -> Result<Table> {
        let Some(columns) = self.model else {
            let wanted = Wanted::Model { columns: &[], whole_arrays: false };
            return std::mem::replace(&mut self.builder, Builder::new(wanted)).finish();
        };
        let (table, unusable) = self.builder.take_rows(columns);
        for (d, reason) in unusable {
            match reason {
                // The first one is told.
                Reason::NoDate { .. } => {
                    self.unusable.entry(d).or_insert(reason);
                }
                // These tell of the rows before as well.
                _ => {
                    self.unusable.insert(d, reason);
                }
            }
        }
        Ok(table)
    }

    /// For every column of the file, the table's column that is read from it.
    fn places(&self) -> Arc<[Option<usize>]> {
        let mut columns = vec![None; self.builder.file_width];
        self.builder.places.iter().enumerate().for_each(|(column, &place)| columns[place] = Some(column));
        columns.into()
    }
}
