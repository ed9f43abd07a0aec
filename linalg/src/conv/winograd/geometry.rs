//! The tiles of a convolution: how many there are, where they lie, and what memory they take.

use std::ops::Range;

use crate::conv::gather::Gather;
use crate::conv::tasks::TILE;

/// Products of a tile.
pub(in crate::conv) const PRODUCTS: usize = 16;
/// Channels of input and output from which this is worth it: below, transforming costs more than it saves.
const LEAST_CHANNELS: usize = 16;
/// About as many tiles a matrix product has at least, if there are as many: its other factor is brought into order for each.
const LEAST_TILES: usize = 64;
/// Elements between the matrices of the products: without them all 16 would lie in the same places of the first cache, as far
/// apart as powers of two.
const GAP: usize = 16;

/// How far apart the matrices of the products lie, of so many tiles and channels.
pub(super) fn distance(tiles: usize, channels: usize) -> usize {
    tiles * channels + GAP
}

/// A tile among those of a piece.
pub(super) struct Place {
    pub(super) number: usize,
    pub(super) image: usize,
    /// Line and column of its first output.
    pub(super) at: [usize; 2],
    /// Elements of the piece's outputs before that.
    pub(super) offset: usize,
    /// How many lines and columns of outputs it has: 2, or 1 at an edge.
    pub(super) inside: [usize; 2],
}

/// A convolution in tiles of 2 × 2 outputs.
#[derive(Clone, Copy, Debug)]
pub(in crate::conv) struct Winograd {
    /// What outputs see.
    pub(super) gather: Gather,
    pub(super) out_channels: usize,
    images: usize,
}

// Rows of tiles are cut into pieces that are worked on at once.
impl Winograd {
    /// The same convolution as the product over `gather`, if it has this form.
    pub(in crate::conv) fn of(gather: Gather, out_channels: usize, images: usize) -> Option<Winograd> {
        let suits = gather.kernel == [3, 3] && gather.stride == 1 && gather.spread == 1;
        let wide = gather.channels.min(out_channels) >= LEAST_CHANNELS;
        let some = images > 0 && gather.positions.iter().all(|&positions| positions > 0);
        (suits && wide && some).then_some(Winograd { gather, out_channels, images })
    }

    /// Tiles in a row.
    pub(super) fn across(&self) -> usize {
        self.gather.positions[1].div_ceil(2)
    }

    /// Rows of tiles in an image.
    fn down(&self) -> usize {
        self.gather.positions[0].div_ceil(2)
    }

    /// Rows of tiles in a piece; the last piece may have fewer.
    fn piece(&self) -> usize {
        let tiles = (TILE / (PRODUCTS * (self.gather.channels + self.out_channels))).max(LEAST_TILES);
        (tiles / self.across()).clamp(1, self.images * self.down())
    }

    pub(super) fn pieces(&self) -> usize {
        (self.images * self.down()).div_ceil(self.piece())
    }

    /// The rows of tiles of a piece.
    pub(super) fn rows(&self, piece: usize) -> Range<usize> {
        let len = self.piece();
        piece * len..((piece + 1) * len).min(self.images * self.down())
    }

    /// Elements of the outputs before a row of tiles.
    pub(super) fn offset(&self, row: usize) -> usize {
        let [height, width] = self.gather.positions;
        (row / self.down() * height + row % self.down() * 2) * width * self.out_channels
    }

    /// The tiles of some rows, in order; offsets count from the first row's outputs.
    pub(super) fn places(&self, rows: Range<usize>) -> impl Iterator<Item = Place> + use<> {
        let (across, down, start, channels) = (self.across(), self.down(), self.offset(rows.start), self.out_channels);
        let (winograd, [height, width]) = (*self, self.gather.positions);
        let tiles = rows.flat_map(move |row| (0..across).map(move |column| (row, column))).enumerate();
        tiles.map(move |(number, (row, column))| {
            let at = [row % down * 2, column * 2];
            let offset = winograd.offset(row) - start + at[1] * channels;
            Place {
                number,
                image: row / down,
                at,
                offset,
                inside: [height - at[0], width - at[1]].map(|left| left.min(2)),
            }
        })
    }

    /// Elements of working memory that a piece takes.
    pub(super) fn room(&self) -> usize {
        let tiles = self.piece() * self.across();
        PRODUCTS * (distance(tiles, self.gather.channels) + distance(tiles, self.out_channels))
    }

    /// Elements of the 16 matrices in × out.
    pub(super) fn matrices(&self) -> usize {
        PRODUCTS * self.gather.channels * self.out_channels
    }
}
