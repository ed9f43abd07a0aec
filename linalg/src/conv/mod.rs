//! Convolutions of batches of images, as matrix products over gathered neighbourhoods.
//!
//! Images are stored pixel by pixel (*images* × *height* × *width* × *channels*): a product's rows are then pixels and its
//! columns channels, so that outputs go straight to their place, neighbourhoods are copied in long pieces, and everything
//! that works channel by channel (batch norm, biases) has its vectors along the last axis. Weights are stored as in
//! published models, *out* × *in* × *kernel height* × *kernel width*, and brought into the order of the products in each call.
//!
//! Kernels of 3 × 3 pixels with stride 1 between many channels take less than half of the multiplications (`winograd`).
//! Otherwise [`forward`], [`input_gradient`] and [`weight_gradient`] work tile by tile: the neighbourhoods of as many positions as fit
//! [`TILE`] are gathered (`gather`) and multiplied. With *W* the number of weights and *P* the number of threads (1 outside
//! a pool), the workspace in elements is at most 2·*P* tiles and the scratch of their products, and *W* for a forward pass
//! or an input gradient; for a weight gradient, [`PARTS`] tiles (1 outside a pool), the scratch of their products, and the
//! larger of *W* and [`SUMS`]. (With fewer multiplications *W* is 16/9 of that number, and in place of a tile there are
//! [`TILE`] elements or, if that is more, 16 times the channels of input and output together for each of 64 tiles of 2 × 2 pixels or of a
//! row of them, and some hundreds.) A convolution of 1 × 1 pixels with stride 1 is a plain product.
//!
//! Tiles and parts of sums are cut by the sizes alone, so that a result has the same bits whatever the number of threads.

mod gather;
mod shape;
mod tasks;
#[cfg(test)]
mod tests;
mod weights;
mod winograd;

pub use shape::Conv;
pub use tasks::{PARTS, SUMS, TILE};

use std::ops::Range;

use crate::Scalar;
use crate::gemm::{Epilogue, Matrix, MatrixMut, gemm};
use crate::scratch::{Scratch, Slot, Workspace, grown};
use gather::Gather;
use tasks::{over_slots, slots_of, summed, tasks};
use winograd::Winograd;

/// `out[n, y, x, o]` ← Σ `input[n, y·stride + i − padding, x·stride + j − padding, c]` · `weight[o, c, i, j]` + `bias[o]`,
/// over the kernel's pixels i, j and the channels c; pixels outside of the image are zero.
///
/// *input*: images × height × width × in; *weight*: out × in × kernel; *bias*: out; *out*: images × out height × out width ×
/// out.
///
/// # Panics
/// If a length does not fit, and as [`Conv::out_size`].
#[track_caller]
pub fn forward<T: Scalar>(
    conv: &Conv,
    input: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
    scratch: &mut Scratch<T>,
) {
    conv.check(input.len(), weight.len(), out.len());
    let epilogue = Epilogue { bias, ..Epilogue::default() };
    let (inner, columns) = (conv.weights() / conv.out_channels.max(1), conv.out_channels);
    if conv.pointwise() {
        let pixels = Matrix::new(input, conv.positions(), conv.in_channels);
        let weight = Matrix::new(weight, columns, inner);
        return gemm(pixels, weight.t(), MatrixMut::new(out, conv.positions(), columns), epilogue, scratch);
    }
    with_workspace(scratch, |workspace| {
        if let Some(winograd) = Winograd::of(conv.neighbourhoods(), columns, conv.images) {
            return winograd.convolve((conv, weight, false), input, out, epilogue, workspace);
        }
        let ordered = grown(&mut workspace.weights, conv.weights());
        weights::by_input(conv, weight, ordered);
        let weight = Matrix::new(ordered, inner, columns);
        product(&conv.neighbourhoods(), input, weight, out, epilogue, &mut workspace.slots);
    });
}

/// `dinput` ← \[`dinput` +\] the gradient of a function with respect to a convolution's input, from `dout`, that with respect
/// to its output. Shapes are those of [`forward`].
///
/// With a stride, zeros that stand between the output's pixels are multiplied too: stride² times the work of the forward
/// pass at most.
///
/// # Panics
/// If a length does not fit, and as [`Conv::out_size`].
#[track_caller]
pub fn input_gradient<T: Scalar>(
    conv: &Conv,
    dout: &[T],
    weight: &[T],
    dinput: &mut [T],
    accumulate: bool,
    scratch: &mut Scratch<T>,
) {
    conv.check(dinput.len(), weight.len(), dout.len());
    let epilogue = Epilogue { accumulate, ..Epilogue::default() };
    let (inner, columns) = (conv.weights() / conv.in_channels.max(1), conv.in_channels);
    if conv.pointwise() {
        let dout = Matrix::new(dout, conv.positions(), conv.out_channels);
        let weight = Matrix::new(weight, inner, columns);
        return gemm(dout, weight, MatrixMut::new(dinput, conv.positions(), columns), epilogue, scratch);
    }
    with_workspace(scratch, |workspace| {
        if let Some(winograd) = Winograd::of(conv.sights(), columns, conv.images) {
            return winograd.convolve((conv, weight, true), dout, dinput, epilogue, workspace);
        }
        let ordered = grown(&mut workspace.weights, conv.weights());
        weights::by_output_turned(conv, weight, ordered);
        let weight = Matrix::new(ordered, inner, columns);
        product(&conv.sights(), dout, weight, dinput, epilogue, &mut workspace.slots);
    });
}

/// `dweight` ← \[`dweight` +\] the gradient of a function with respect to a convolution's weights, from `dout`, that with
/// respect to its output. Shapes are those of [`forward`].
///
/// # Panics
/// If a length does not fit, and as [`Conv::out_size`].
#[track_caller]
pub fn weight_gradient<T: Scalar>(
    conv: &Conv,
    input: &[T],
    dout: &[T],
    dweight: &mut [T],
    accumulate: bool,
    scratch: &mut Scratch<T>,
) {
    conv.check(input.len(), dweight.len(), dout.len());
    let (rows, columns) = (conv.out_channels, conv.weights() / conv.out_channels.max(1));
    if conv.pointwise() {
        let (dout, input) = (Matrix::new(dout, conv.positions(), rows), Matrix::new(input, conv.positions(), columns));
        let epilogue = Epilogue { accumulate, ..Epilogue::default() };
        return gemm(dout.t(), input, MatrixMut::new(dweight, rows, columns), epilogue, scratch);
    }
    let weights = conv.weights();
    if weights == 0 {
        return;
    }
    with_workspace(scratch, |Workspace { sums, slots, .. }| {
        let gather = conv.neighbourhoods();
        if let Some(winograd) = Winograd::of(gather, conv.out_channels, conv.images) {
            return winograd.weight_gradient((input, dout), dweight, accumulate, sums, slots);
        }
        let tiles = Tiles::new(&gather, conv.positions());
        let room = tiles.rows * gather.row_len();
        let total = summed(tiles.count(), sums, weights, slots, room, &|tile, adds, sums, slot| {
            add_tile(&gather, (input, dout), tiles.positions(tile), adds, sums, slot);
        });
        weights::from_product(conv, total, dweight, accumulate);
    });
}

/// Takes the workspace out of the scratch while `f` works with it; nothing is allocated for that.
fn with_workspace<T: Scalar>(scratch: &mut Scratch<T>, f: impl FnOnce(&mut Workspace<T>)) {
    let mut workspace = std::mem::take(&mut scratch.conv);
    f(&mut workspace);
    let slots = workspace.slots.iter_mut().map(|slot| std::mem::take(&mut slot.scratch.operations));
    scratch.operations += slots.sum::<u64>();
    scratch.conv = workspace;
}

/// Positions cut into tiles.
#[derive(Clone, Copy, Debug)]
struct Tiles {
    positions: usize,
    /// Positions of a tile; the last one may have fewer.
    rows: usize,
}

impl Tiles {
    fn new(gather: &Gather, positions: usize) -> Self {
        let rows = TILE / gather.row_len().max(1) / 8 * 8;
        Tiles { positions, rows: rows.max(8).min(positions.max(1)) }
    }

    fn count(&self) -> usize {
        self.positions.div_ceil(self.rows)
    }

    fn positions(&self, tile: usize) -> Range<usize> {
        tile * self.rows..((tile + 1) * self.rows).min(self.positions)
    }
}

/// `out` ← epilogue(gathered neighbourhoods · `weight`), a row a position.
fn product<T: Scalar>(
    gather: &Gather,
    images: &[T],
    weight: Matrix<T>,
    out: &mut [T],
    epilogue: Epilogue<T>,
    workspace: &mut Vec<Slot<T>>,
) {
    if out.is_empty() {
        return;
    }
    let tiles = Tiles::new(gather, out.len() / weight.cols());
    let slots = slots_of(workspace, tasks(tiles.count()), tiles.rows * gather.row_len());
    let offset = |tile: usize| tile * tiles.rows * weight.cols();
    over_slots(slots, 0..tiles.count(), out, &offset, &|slot, range, out| {
        for (tile, out) in range.zip(out.chunks_mut(tiles.rows * weight.cols())) {
            let positions = tiles.positions(tile);
            let rows = positions.len();
            let gathered = &mut slot.tile[..rows * gather.row_len()];
            gather.fill(images, positions, gathered);
            let gathered = Matrix::new(gathered, rows, gather.row_len());
            gemm(gathered, weight, MatrixMut::new(out, rows, weight.cols()), epilogue, &mut slot.scratch);
        }
    });
}

/// `sums` ← \[`sums` +\] what some positions add to a weight gradient, in the order of the product.
fn add_tile<T: Scalar>(
    gather: &Gather,
    (images, dout): (&[T], &[T]),
    positions: Range<usize>,
    accumulate: bool,
    sums: &mut [T],
    slot: &mut Slot<T>,
) {
    let columns = gather.row_len();
    let rows = sums.len() / columns;
    let gathered = &mut slot.tile[..positions.len() * columns];
    gather.fill(images, positions.clone(), gathered);
    let gathered = Matrix::new(gathered, positions.len(), columns);
    let dout = Matrix::new(&dout[positions.start * rows..positions.end * rows], positions.len(), rows);
    let epilogue = Epilogue { accumulate, ..Epilogue::default() };
    gemm(dout.t(), gathered, MatrixMut::new(sums, rows, columns), epilogue, &mut slot.scratch);
}
