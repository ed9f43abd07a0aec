//! Copies of *B* by panels, so that a tile reads its columns from consecutive memory.

use std::ops::Range;

use super::layout::{Layout, Panel};
use super::shared::Job;
use super::transpose::transpose;
use crate::Scalar;
use crate::simd::{Kernel, Vector};

/// Packs a range of panels of a block of `k` rows of *B*.
///
/// Panel by panel, and row by row in each, the panel's vectors follow each other; lanes beyond the last column of *B*
/// are zero. Panels start at `panel.col * k`, whichever of them are packed.
#[derive(Clone, Copy)]
pub(super) struct Pack<T> {
    pub(super) layout: Layout,
    pub(super) k: usize,
    /// Element (p, j) of *B* is `b[p * row_stride + j * col_stride]`, and one of the strides is 1.
    pub(super) b: *const T,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
    pub(super) packed: *mut T,
}

/// Length of a packed block of `k` rows.
pub(super) fn packed_len(layout: &Layout, k: usize) -> usize {
    k * layout.vectors() * layout.lanes
}

// SAFETY: sizes, and pointers to scalars.
unsafe impl<T: Scalar> Job for Pack<T> {}

/// [`Pack`] with its panels, ready to run.
pub(super) struct PackPanels<T>(Pack<T>, Range<usize>);

impl<T> PackPanels<T> {
    /// # Safety
    /// While it runs, the block of *B* must be readable, and the panels of `packed` writable and accessed by nobody else.
    pub(super) unsafe fn new(pack: Pack<T>, panels: Range<usize>) -> Self {
        Self(pack, panels)
    }
}

impl<T: Scalar> Kernel<T> for PackPanels<T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Self(pack, panels) = self;
        for index in panels {
            let panel = pack.layout.panel(index);
            // SAFETY: as `new` demands.
            unsafe {
                if pack.col_stride == 1 {
                    match panel.vectors {
                        1 => copy::<T, V, 1>(&pack, panel),
                        2 => copy::<T, V, 2>(&pack, panel),
                        _ => copy::<T, V, 3>(&pack, panel),
                    }
                } else {
                    transpose_panel::<T, V>(&pack, panel);
                }
            }
        }
    }
}

/// # Safety
/// The panel must be readable in *B* and writable in `packed`.
#[inline(always)]
unsafe fn copy<T: Scalar, V: Vector<T>, const NV: usize>(pack: &Pack<T>, panel: Panel) {
    let mut src = pack.b.wrapping_add(panel.col);
    let mut dst = pack.packed.wrapping_add(panel.col * pack.k);
    for _ in 0..pack.k {
        for j in 0..NV {
            // SAFETY: inside the panel, the last vector up to its last column.
            unsafe {
                let at = src.add(j * V::LANES);
                let value = if j + 1 == NV { V::load_ptr_partial(at, panel.last) } else { V::load_ptr(at) };
                value.store_ptr(dst.add(j * V::LANES));
            }
        }
        src = src.wrapping_add(pack.row_stride);
        dst = dst.wrapping_add(NV * V::LANES);
    }
}

/// # Safety
/// As for [`copy`].
#[inline(always)]
unsafe fn transpose_panel<T: Scalar, V: Vector<T>>(pack: &Pack<T>, panel: Panel) {
    let width = panel.vectors * V::LANES;
    let cols = (panel.vectors - 1) * V::LANES + panel.last;
    let dst = pack.packed.wrapping_add(panel.col * pack.k);
    // SAFETY: the panel has `cols` columns in B and k rows of `width` elements in `packed`.
    unsafe {
        let src = pack.b.add(panel.col * pack.col_stride);
        transpose::<T, V>((pack.k, cols), (src, pack.col_stride), (dst, width));
        if cols < width {
            for p in 0..pack.k {
                dst.add(p * width + cols).write_bytes(0, width - cols);
            }
        }
    }
}
