//! How a product is cut: rows into strips, columns into panels, the inner size into blocks.

use std::mem::size_of;
use std::ops::Range;

use crate::simd::Level;

/// Rows of a strip and most vectors of columns in a panel, for vectors of a number of bytes.
///
/// The accumulators of a tile, with a row of *B* and an element of *A*, fill most of the registers: 24 of 32 with AVX-512
/// and on aarch64, 12 of 16 with AVX2. Elsewhere, narrow vectors only serve tests, and small tiles keep the code small.
pub(super) const fn tile_shape(vector_bytes: usize) -> (usize, usize) {
    match vector_bytes {
        32 => (6, 2),
        16 if cfg!(not(target_arch = "aarch64")) => (2, 3),
        _ => (8, 3),
    }
}

/// Sizes of a product and the way it is cut, for one width of vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) m: usize,
    pub(super) n: usize,
    /// Lanes of a vector.
    pub(super) lanes: usize,
    /// Rows of a strip; the last strip may be lower.
    pub(super) strip: usize,
    /// Most vectors across a panel.
    pub(super) panel_vectors: usize,
}

/// Consecutive columns that a tile spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panel {
    /// First column.
    pub(super) col: usize,
    /// Vectors across.
    pub(super) vectors: usize,
    /// Columns in the last vector.
    pub(super) last: usize,
}

impl Layout {
    pub(super) fn new<T>(level: Level, m: usize, n: usize) -> Self {
        let bytes = match level {
            Level::Plain => size_of::<T>(),
            Level::Neon => 16,
            Level::Avx2 => 32,
            Level::Avx512 => 64,
        };
        let (strip, panel_vectors) = tile_shape(bytes);
        Self { m, n, lanes: bytes / size_of::<T>(), strip, panel_vectors }
    }

    /// Number of strips.
    #[inline(always)]
    pub(super) fn strips(&self) -> usize {
        self.m.div_ceil(self.strip)
    }

    /// Vectors across the columns, the last of them possibly partial.
    #[inline(always)]
    pub(super) fn vectors(&self) -> usize {
        self.n.div_ceil(self.lanes)
    }

    /// Number of panels.
    #[inline(always)]
    pub(super) fn panels(&self) -> usize {
        self.vectors().div_ceil(self.panel_vectors)
    }

    /// Panel `index`: the last ones have a vector less than the others, rather than one having much less.
    #[inline(always)]
    pub(super) fn panel(&self, index: usize) -> Panel {
        let (vectors, panels) = (self.vectors(), self.panels());
        let narrow = (panels * self.panel_vectors - vectors).min(panels);
        let wide = panels - narrow;
        let (first, width) = match index {
            _ if panels == 1 => (0, vectors),
            index if index < wide => (index * self.panel_vectors, self.panel_vectors),
            index => (wide * self.panel_vectors + (index - wide) * (self.panel_vectors - 1), self.panel_vectors - 1),
        };
        let col = first * self.lanes;
        Panel { col, vectors: width, last: (self.n - col - (width - 1) * self.lanes).min(self.lanes) }
    }

    /// Rows of strip `index`.
    #[inline(always)]
    pub(super) fn rows(&self, index: usize) -> Range<usize> {
        let start = index * self.strip;
        start..(start + self.strip).min(self.m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_cover_the_columns() {
        for n in 1..400 {
            for level in [Level::Neon, Level::Avx2, Level::Avx512] {
                let layout = Layout::new::<f32>(level, 1, n);
                let mut col = 0;
                for index in 0..layout.panels() {
                    let panel = layout.panel(index);
                    assert_eq!(panel.col, col);
                    assert!((1..=layout.lanes).contains(&panel.last));
                    assert!(panel.vectors + 1 >= layout.panel_vectors || layout.panels() == 1);
                    col += (panel.vectors - 1) * layout.lanes + panel.last;
                }
                assert_eq!(col, n);
            }
        }
    }
}
