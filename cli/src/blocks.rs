//! Going through the rows of a file block by block.

use std::ops::ControlFlow;

use missvae::prepare::{ModelBlock, ModelBlocks, ModelFile};
use missvae::table::BlockSize;

use crate::args::Common;
use crate::failure::{Failure, Result};
use crate::threads::in_pool;

/// Cells of the file in a block, about.
pub(crate) const CELLS: usize = 1 << 17;

/// A file that is opened, with its first block.
pub(crate) struct Opened<'a> {
    /// The first block.
    pub(crate) first: ModelBlock,
    /// The rows of the file, if they are known before all are read.
    pub(crate) rows: Option<usize>,
    blocks: ModelBlocks<'a>,
}

impl<'a> Opened<'a> {
    /// Opens a file and reads the first block. If there are more, and the file can be read again, all of it is checked: what
    /// is wrong in it is told before the work.
    pub(crate) fn new(file: &'a ModelFile<'_>, size: BlockSize, retain: bool) -> Result<Opened<'a>> {
        let mut blocks = file.blocks(size, retain)?;
        let first = blocks.next_block()?;
        let first = first.ok_or_else(|| Failure::Failed("a file without a row was read".to_owned()))?;
        let rows = match blocks.rows() {
            (rows, true) => Some(rows),
            _ => file.check(size)?,
        };
        Ok(Opened { first, rows, blocks })
    }

    /// Calls `work` for each block, in the order of the file, in a pool of threads: while one is worked on, the next is read.
    /// Ends where `work` breaks. What is left tells of the whole file.
    pub(crate) fn each(
        self,
        common: &Common,
        mut work: impl FnMut(ModelBlock) -> Result<ControlFlow<()>> + Send,
    ) -> Result<ModelBlocks<'a>> {
        let Opened { first, mut blocks, .. } = self;
        in_pool(common, move || {
            let mut next = Some(first);
            while let Some(block) = next {
                let (done, following) = rayon::join(|| work(block), || blocks.next_block());
                if done?.is_break() {
                    break;
                }
                next = following?;
            }
            Ok(blocks)
        })
    }
}
