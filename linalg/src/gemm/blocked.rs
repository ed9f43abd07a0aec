//! The product by tiles: the loops around [`tile()`](super::tile::tile), and their split over threads.

use std::mem::size_of;
use std::ops::Range;

use super::layout::{Layout, Panel, tile_shape};
use super::pack::{Pack, PackPanels, packed_len};
use super::shared::{Job, Shared};
use super::tile::{HALF, Left, PARTIAL, Right, Target, WHOLE, tile};
use super::{Epilogue, Matrix, MatrixMut};
use crate::Scalar;
use crate::parallel::join_ranges;
use crate::simd::{Kernel, Level, Vector, dispatch_at};

/// Most terms of the inner sum that are taken at a time: a panel of as many rows stays in the second cache.
const BLOCK_TERMS: usize = 384;
/// Rows of *A* that are multiplied by one panel after the other: as many rows of a block stay in the second cache.
const BLOCK_ROWS: usize = 128;
/// Size of *B* in bytes up to which it stays in the first cache, so that what matters is to visit *C* in order.
const SMALL_RIGHT: usize = 16 << 10;
/// As [`BLOCK_ROWS`], for such a *B*.
const SMALL_ROWS: usize = 32;
/// Size of the memory in bytes over which a block of a row-major *B* may spread and still be read where it is: it stays in
/// the second cache, and its pages in the table of recent ones.
const IN_PLACE: usize = 512 << 10;
/// Size of *C* in bytes from which it is asked for before it is needed: most of the second cache.
const FAR: usize = 768 << 10;
/// Rows of *A* from which a row-major *B* that spreads further is packed, and any with AVX2: there a panel is a line wide, and
/// packed it stays in the first cache, where lines a row apart displace each other, those of a width of 256 most.
const PACK_ROWS: usize = 160;
/// Multiplications that are worth a thread's attention, ten to twenty microseconds of them.
pub(super) const TASK: usize = 1 << 20;

/// Inner terms in a block, about the same in each. An epilogue that is not a sum needs the whole product at once when
/// *C* is also an input.
fn block_terms<T>(k: usize, epilogue: &Epilogue<T>) -> usize {
    if epilogue.accumulate && !epilogue.is_sum() { k } else { k.div_ceil(k.div_ceil(BLOCK_TERMS)) }
}

/// Whether *B* is read where it is, in blocks of so many rows.
fn in_place<T>(level: Level, m: usize, b: &Matrix<T>, block: usize) -> bool {
    let spread = (block * size_of::<T>()).saturating_mul(b.row_stride);
    b.col_stride == 1 && (m < PACK_ROWS || (level != Level::Avx2 && spread <= IN_PLACE))
}

/// Scratch elements that [`gemm`] needs.
pub(super) fn scratch_len<T>(level: Level, m: usize, b: &Matrix<T>, epilogue: &Epilogue<T>) -> usize {
    let layout = Layout::new::<T>(level, m, b.cols);
    let block = block_terms(b.rows, epilogue);
    if in_place(level, m, b, block) { 0 } else { packed_len(&layout, block) + line::<T>() }
}

/// Elements in a cache line.
pub(super) const fn line<T>() -> usize {
    64 / size_of::<T>()
}

/// As [`super::gemm`], on shapes that have been checked, with *M*, *K* and *N* positive.
pub(super) fn gemm<T: Scalar>(
    level: Level,
    a: Matrix<T>,
    b: Matrix<T>,
    c: MatrixMut<T>,
    epilogue: &Epilogue<T>,
    scratch: &mut [T],
) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    let layout = Layout::new::<T>(level, m, n);
    let target = Target::new(c.data.as_mut_ptr(), c.row_stride, n, epilogue);
    let block = block_terms(k, epilogue);
    let in_place = in_place(level, m, &b, block);
    let packed = if in_place { std::ptr::null_mut() } else { aligned(scratch, packed_len(&layout, block)) };

    let (panels, tiles) = (layout.panels(), layout.panels() * layout.strips());
    let b_bytes = packed_len(&layout, block) * size_of::<T>();
    let grain = |per_unit: usize| TASK.div_ceil(per_unit.max(1));
    for start in (0..k).step_by(block) {
        let terms = block.min(k - start);
        let b_block = b.data.as_ptr().wrapping_add(start * b.row_stride);
        if !in_place {
            let (row_stride, col_stride) = (b.row_stride, b.col_stride);
            let pack = Pack { layout, k: terms, b: b_block, row_stride, col_stride, packed };
            // SAFETY: the block lies inside of B, which is borrowed; `packed` has room for it, and each panel is written once.
            let pack = unsafe { Shared::new(pack) };
            // Copying an element costs about as much as sixteen multiplications; and since all wait for the copies, shares
            // are worth handing out that are a fourth as large as others.
            let grain = grain(4 * 16 * terms * layout.panel_vectors * layout.lanes);
            // SAFETY: as above; the panels of a range belong to it alone.
            join_ranges(panels, grain, |panels| dispatch_at(level, unsafe { PackPanels::new(pack.get(), panels) }));
        }
        let job = Tiles {
            layout,
            k: terms,
            a: Left {
                at: a.data.as_ptr().wrapping_add(start * a.col_stride),
                row_stride: a.row_stride,
                col_stride: a.col_stride,
            },
            b: if in_place { Source::InPlace(b_block, b.row_stride) } else { Source::Packed(packed) },
            block_strips: (if b_bytes <= SMALL_RIGHT { SMALL_ROWS } else { BLOCK_ROWS }) / layout.strip,
            target: target.part(start == 0, start + terms == k),
            far: m * n * size_of::<T>() > FAR,
        };
        // SAFETY: A, B and C were checked against their slices, which are borrowed, or B is packed; and tiles do not overlap.
        let job = unsafe { Shared::new(job) };
        let grain = grain(terms * layout.strip * layout.panel_vectors * layout.lanes);
        // SAFETY: as above; the tiles of a range belong to it alone.
        join_ranges(tiles, grain, |tiles| dispatch_at(level, unsafe { RunTiles::new(job.get(), tiles) }));
    }
}

/// `len` elements of scratch that start at a cache line.
///
/// # Panics
/// If `scratch` is shorter than `len` and a cache line.
pub(super) fn aligned<T>(scratch: &mut [T], len: usize) -> *mut T {
    let skip = scratch.as_ptr().align_offset(64).min(line::<T>());
    scratch[skip..skip + len].as_mut_ptr()
}

#[derive(Clone, Copy)]
enum Source<T> {
    /// Row-major, with this row stride.
    InPlace(*const T, usize),
    /// As [`Pack`] leaves it.
    Packed(*const T),
}

/// A product over one block of inner terms.
#[derive(Clone, Copy)]
struct Tiles<T> {
    layout: Layout,
    k: usize,
    a: Left<T>,
    b: Source<T>,
    target: Target<T>,
    /// Whether *C* is too large to be in the second cache.
    far: bool,
    /// Strips in a block of rows.
    block_strips: usize,
}

// SAFETY: sizes, and pointers to scalars.
unsafe impl<T: Scalar> Job for Tiles<T> {}

/// [`Tiles`] with a range of them, ready to run.
///
/// Tiles are numbered by blocks of rows, then panels, then strips of the block.
struct RunTiles<T>(Tiles<T>, Range<usize>);

impl<T> RunTiles<T> {
    /// # Safety
    /// While it runs, everything that the job reads must be readable, and the tiles' part of *C* writable and accessed by
    /// nobody else.
    unsafe fn new(job: Tiles<T>, tiles: Range<usize>) -> Self {
        Self(job, tiles)
    }
}

impl<T: Scalar> Kernel<T> for RunTiles<T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Self(job, range) = self;
        let layout = &job.layout;
        let (strips, panels) = (layout.strips(), layout.panels());
        let block_strips = job.block_strips;
        let mut at = range.start;
        while at < range.end {
            let block = at / (block_strips * panels);
            let first = block * block_strips;
            let height = block_strips.min(strips - first);
            let within = at - first * panels;
            let (panel, skip) = (within / height, within % height);
            let count = (height - skip).min(range.end - at);
            let part = first + skip..first + skip + count;
            // SAFETY: as `new` demands.
            unsafe {
                match tile_shape(size_of::<V>()).0 {
                    2 => job.panel::<V, 2>(layout.panel(panel), part),
                    6 => job.panel::<V, 6>(layout.panel(panel), part),
                    _ => job.panel::<V, 8>(layout.panel(panel), part),
                }
            }
            at += count;
        }
    }
}

impl<T: Scalar> Tiles<T> {
    /// # Safety
    /// As for [`RunTiles::new`]; so for the functions below.
    #[inline(always)]
    unsafe fn panel<V: Vector<T>, const MR: usize>(&self, panel: Panel, strips: Range<usize>) {
        let half = V::Half::LANES < V::LANES && panel.last <= V::Half::LANES;
        let (b, tail) = match self.b {
            Source::Packed(at) => {
                let row_stride = panel.vectors * V::LANES;
                let b = Right { at: at.wrapping_add(panel.col * self.k), row_stride, last: V::LANES };
                (b, if half { HALF } else { WHOLE })
            }
            Source::InPlace(at, row_stride) => {
                let tail = match panel.last {
                    last if last == V::LANES => WHOLE,
                    last if half && last == V::Half::LANES => HALF,
                    _ => PARTIAL,
                };
                (Right { at: at.wrapping_add(panel.col), row_stride, last: panel.last }, tail)
            }
        };
        // SAFETY: passed on.
        unsafe {
            match (panel.vectors.min(tile_shape(size_of::<V>()).1), tail) {
                (..=1, WHOLE) => self.strips::<V, MR, 1, WHOLE>(panel, b, strips),
                (..=1, PARTIAL) => self.strips::<V, MR, 1, PARTIAL>(panel, b, strips),
                (..=1, _) => self.strips::<V, MR, 0, HALF>(panel, b, strips),
                (2, WHOLE) => self.strips::<V, MR, 2, WHOLE>(panel, b, strips),
                (2, PARTIAL) => self.strips::<V, MR, 2, PARTIAL>(panel, b, strips),
                (2, _) => self.strips::<V, MR, 1, HALF>(panel, b, strips),
                (3.., WHOLE) => self.strips::<V, MR, 3, WHOLE>(panel, b, strips),
                (3.., PARTIAL) => self.strips::<V, MR, 3, PARTIAL>(panel, b, strips),
                (3.., _) => self.strips::<V, MR, 2, HALF>(panel, b, strips),
            }
        }
    }

    /// # Safety
    /// As for [`Tiles::panel`].
    #[inline(always)]
    unsafe fn strips<V: Vector<T>, const MR: usize, const NV: usize, const TAIL: u8>(
        &self,
        panel: Panel,
        b: Right<T>,
        strips: Range<usize>,
    ) {
        for strip in strips {
            let rows = self.layout.rows(strip);
            // SAFETY: passed on.
            unsafe {
                if rows.len() == MR {
                    self.tile::<V, MR, NV, TAIL>(rows.start, panel, b);
                    continue;
                }
                let mut row = rows.start;
                if MR > 4 && rows.end - row >= 4 {
                    self.tile::<V, 4, NV, TAIL>(row, panel, b);
                    row += 4;
                }
                if MR > 2 && rows.end - row >= 2 {
                    self.tile::<V, 2, NV, TAIL>(row, panel, b);
                    row += 2;
                }
                if rows.end > row {
                    self.tile::<V, 1, NV, TAIL>(row, panel, b);
                }
            }
        }
    }

    /// # Safety
    /// As for [`Tiles::panel`].
    #[inline(always)]
    unsafe fn tile<V: Vector<T>, const MR: usize, const NV: usize, const TAIL: u8>(
        &self,
        row: usize,
        panel: Panel,
        b: Right<T>,
    ) {
        let a = Left { at: self.a.at.wrapping_add(row * self.a.row_stride), ..self.a };
        let target = self.target.offset(row, panel.col);
        if self.far {
            target.prefetch(MR, (panel.vectors - 1) * V::LANES + panel.last);
        }
        // SAFETY: passed on.
        unsafe { tile::<T, V, MR, NV, TAIL>(self.k, a, b, target, panel.last) }
    }
}
