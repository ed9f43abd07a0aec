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
#[cfg(test)]
mod tests;
mod weights;
mod winograd;

use std::ops::Range;

use crate::Scalar;
use crate::gemm::{Epilogue, Matrix, MatrixMut, Scratch, gemm};
use crate::parallel;
use gather::Gather;
use winograd::Winograd;

/// Most elements of gathered neighbourhoods at a time, unless eight positions have more: half of a second cache of 1 MiB in
/// single precision.
pub const TILE: usize = 128 << 10;
/// Most parts that the sum over positions in a weight gradient is cut into, so that threads can share it.
pub const PARTS: usize = 8;
/// Most elements of these parts, unless a single one has more.
pub const SUMS: usize = 1 << 20;

/// Sizes of a convolution of square stride and padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Images.
    pub images: usize,
    /// Height and width of an input image.
    pub size: [usize; 2],
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Pixels from one position to the next, along both axes.
    pub stride: usize,
    /// Zeros around the image, on each side.
    pub padding: usize,
}

impl Conv {
    /// Height and width of an output image: ⌊(size + 2·padding − kernel)/stride⌋ + 1.
    ///
    /// # Panics
    /// If the kernel is empty or larger than the padded image, or the stride is 0.
    #[track_caller]
    pub fn out_size(&self) -> [usize; 2] {
        let Conv { size, kernel, stride, padding, .. } = *self;
        assert!(stride > 0, "a convolution needs a stride of at least 1");
        [0, 1].map(|axis| {
            let padded = size[axis] + 2 * padding;
            let fits = (1..=padded).contains(&kernel[axis]);
            assert!(fits, "kernel of {kernel:?} pixels on an image of {size:?} with a padding of {padding}");
            (padded - kernel[axis]) / stride + 1
        })
    }

    /// Elements of the input.
    pub fn in_len(&self) -> usize {
        self.images * self.size[0] * self.size[1] * self.in_channels
    }

    /// Elements of the output.
    pub fn out_len(&self) -> usize {
        self.positions() * self.out_channels
    }

    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.out_channels * self.in_channels * self.kernel[0] * self.kernel[1]
    }

    /// Positions of the kernel: output pixels of all images.
    fn positions(&self) -> usize {
        let [height, width] = self.out_size();
        self.images * height * width
    }

    /// Whether every position sees one pixel, its own.
    fn pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == 1 && self.padding == 0
    }

    /// The neighbourhoods that the positions see.
    fn neighbourhoods(&self) -> Gather {
        Gather {
            size: self.size,
            channels: self.in_channels,
            positions: self.out_size(),
            kernel: self.kernel,
            stride: self.stride,
            padding: [self.padding as isize; 2],
            spread: 1,
        }
    }

    /// The output pixels that see an input pixel, in the order of the kernel turned by half a turn: those of the output
    /// spread by the stride.
    fn sights(&self) -> Gather {
        Gather {
            size: self.out_size(),
            channels: self.out_channels,
            positions: self.size,
            kernel: self.kernel,
            stride: 1,
            padding: self.kernel.map(|kernel| kernel as isize - 1 - self.padding as isize),
            spread: self.stride,
        }
    }

    #[track_caller]
    fn check(&self, input: usize, weight: usize, out: usize) {
        let expected = (self.in_len(), self.weights(), self.out_len());
        assert_eq!((input, weight, out), expected, "elements of input, weight and output of {self:?}");
    }
}

/// Working memory of convolutions: it grows to the largest that it has met and is then reused.
#[derive(Debug, Default)]
pub(crate) struct Workspace<T> {
    /// Weights in the order of a product.
    weights: Vec<T>,
    /// Parts of a weight gradient.
    sums: Vec<T>,
    /// What each of the tasks that may run at once needs.
    slots: Vec<Slot<T>>,
}

/// Working memory of one task.
#[derive(Debug, Default)]
struct Slot<T> {
    tile: Vec<T>,
    scratch: Scratch<T>,
}

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

fn grown<T: Scalar>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::ZERO);
    }
    &mut buffer[..len]
}

/// As many slots with room for `len` elements each.
fn slots_of<T: Scalar>(slots: &mut Vec<Slot<T>>, count: usize, len: usize) -> &mut [Slot<T>] {
    if slots.len() < count {
        slots.resize_with(count, Slot::default);
    }
    slots[..count].iter_mut().for_each(|slot| {
        grown(&mut slot.tile, len);
    });
    &mut slots[..count]
}

/// Hands a range of items, cut into a piece for each slot, to `f`, with the part of `out` that belongs to the piece: that of an
/// item begins at `offset` of it. Each slot's piece may go to another thread.
fn over_slots<T: Scalar>(
    slots: &mut [Slot<T>],
    range: Range<usize>,
    out: &mut [T],
    offset: &(impl Fn(usize) -> usize + Sync),
    f: &(impl Fn(&mut Slot<T>, Range<usize>, &mut [T]) + Sync),
) {
    if let [slot] = slots {
        return f(slot, range, out);
    }
    let (left, right) = slots.split_at_mut(slots.len() / 2);
    let middle = range.start + range.len() * left.len() / (left.len() + right.len());
    let (head, tail) = out.split_at_mut(offset(middle) - offset(range.start));
    rayon::join(
        || over_slots(left, range.start..middle, head, offset, f),
        || over_slots(right, middle..range.end, tail, offset, f),
    );
}

/// The sum over pieces of what `add(piece, adds, sum, slot)` puts (or, if `adds`, adds) into `len` elements: in parts of whole
/// pieces, which may go to other threads and are added up in order. A slot has room for `room` elements.
fn summed<'a, T: Scalar>(
    pieces: usize,
    sums: &'a mut Vec<T>,
    len: usize,
    slots: &mut Vec<Slot<T>>,
    room: usize,
    add: &(impl Fn(usize, bool, &mut [T], &mut Slot<T>) + Sync),
) -> &'a [T] {
    let parts = (SUMS / len).clamp(1, PARTS).min(pieces);
    let sums = grown(sums, parts.max(1) * len);
    if parts == 0 {
        sums.fill(T::ZERO);
        return sums;
    }
    let tasks = if parallel::threads() == 1 { 1 } else { parts };
    over_slots(slots_of(slots, tasks, room), 0..parts, sums, &|part| part * len, &|slot, range, sums| {
        for (part, sum) in range.zip(sums.chunks_exact_mut(len)) {
            let [first, end] = [part, part + 1].map(|part| part * pieces / parts);
            for piece in first..end {
                add(piece, piece > first, sum, slot);
            }
        }
    });
    let (total, others) = sums.split_at_mut(len);
    for part in others.chunks_exact(len) {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += *part);
    }
    total
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

/// Tasks for so many pieces of an output: two a thread, so that a late or slow one is relieved.
fn tasks(pieces: usize) -> usize {
    match parallel::threads() {
        1 => 1,
        threads => (2 * threads).min(pieces),
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
