//! A file's rows for a fitted model, in its units, block by block.

use super::error::Result;
use super::model_rows::{binary_pixels, standardised_from};
use crate::data::{Data, Standardisation};
use crate::store::ModelInfo;
use crate::table::{BlockSize, Blocks, ColumnSchema, Input, ReadOptions, Source, Table};

/// A file whose rows a model is used on.
pub struct ModelFile<'a> {
    input: &'a Input,
    reading: &'a ReadOptions,
    info: &'a ModelInfo,
    schema: Vec<ColumnSchema>,
    seed: u64,
}

/// Some rows of a file, which follow each other.
pub struct ModelBlock {
    /// The rows before them.
    pub first: usize,
    /// The rows as they are in the file.
    pub table: Table,
    /// What stands in the file, if it is kept.
    pub source: Source,
    /// The rows in the model's units, and what turns these into the table's.
    pub data: Data<f32>,
    /// See `data`.
    pub units: Standardisation,
}

impl<'a> ModelFile<'a> {
    /// A file to be read for this model. Images are made binary by the seed.
    pub fn new(input: &'a Input, reading: &'a ReadOptions, info: &'a ModelInfo, seed: u64) -> ModelFile<'a> {
        ModelFile { input, reading, info, schema: info.schema(), seed }
    }

    /// The rows in blocks of this size; images are one block. What stands in the file is kept with each if `retain`.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn blocks(&self, size: BlockSize, retain: bool) -> Result<ModelBlocks<'_>> {
        let (input, reading) = (self.input, self.reading);
        let blocks = match &self.info.vae.images {
            None => Blocks::of_model(input, reading, &self.schema, size, retain)?,
            Some(images) => Blocks::of_images(input, reading, images.size, retain)?,
        };
        let name = input.name();
        Ok(ModelBlocks { blocks, info: self.info, name, seed: self.seed })
    }

    /// Reads the whole file, as in blocks of this size, and counts its rows: none where a file cannot be read a second time.
    ///
    /// # Errors
    /// As [`ModelBlocks::next_block`].
    pub fn check(&self, size: BlockSize) -> Result<Option<usize>> {
        if !self.input.is_repeatable() {
            return Ok(None);
        }
        let mut blocks = self.blocks(size, false)?;
        while blocks.next_block()?.is_some() {}
        Ok(Some(blocks.rows().0))
    }
}

/// The rows of a file, block by block.
pub struct ModelBlocks<'a> {
    blocks: Blocks<'a>,
    info: &'a ModelInfo,
    name: String,
    seed: u64,
}

impl ModelBlocks<'_> {
    /// The next block; none at the end. It may be without a row.
    ///
    /// # Errors
    /// As [`Blocks::next_block`]; if a number is too large, or none of its column's type; if numbers are no pixels.
    pub fn next_block(&mut self) -> Result<Option<ModelBlock>> {
        let Some(block) = self.blocks.next_block()? else { return Ok(None) };
        let (table, first) = (block.table, block.first);
        let (data, units) = match &self.info.vae.images {
            None => (standardised_from(&self.name, first, &table, self.info)?, self.info.standardisation()),
            Some(_) => {
                let (data, pixels) = binary_pixels(&self.name, &table, self.seed)?;
                (data, pixels.units(table.width()))
            }
        };
        Ok(Some(ModelBlock { first, table, source: block.source, data, units }))
    }

    /// The rows so far, and whether these are all.
    pub fn rows(&self) -> (usize, bool) {
        self.blocks.rows()
    }

    /// The columns of the file that are not the model's and have missing cells in the blocks so far: the name of each, and
    /// how many.
    pub fn missing_elsewhere(&self) -> Vec<(String, usize)> {
        self.blocks.missing_elsewhere()
    }
}
