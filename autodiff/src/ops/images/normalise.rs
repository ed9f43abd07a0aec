//! The passes over memory of batch normalisation.
//!
//! Rows are pixels of images. Sums over them are taken in blocks, in the scalar's precision, and the blocks' sums joined in
//! double precision, in order: accurate for any number of pixels, and the same on any number of threads. A block's variance
//! is taken around its own mean, so that one pass over memory is enough.

use std::ops::Range;

use linalg::Scalar;
use linalg::simd::{Kernel, Vector};

/// Rows of a block.
pub(super) const BLOCK: usize = 128;

/// Pixels of images as rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub(super) images: usize,
    pub(super) pixels: usize,
    pub(super) channels: usize,
}

impl Rows {
    pub(super) fn count(&self) -> usize {
        self.images * self.pixels
    }

    pub(super) fn blocks(&self) -> usize {
        self.count().div_ceil(BLOCK)
    }

    /// Rows of a block.
    fn of_block(&self, block: usize) -> Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.count())
    }

    /// Calls `f` with pieces of rows of one image each, and the image.
    #[inline(always)]
    fn by_image(&self, rows: Range<usize>, mut f: impl FnMut(usize, Range<usize>)) {
        let mut row = rows.start;
        while row < rows.end {
            let image = row / self.pixels;
            let end = rows.end.min((image + 1) * self.pixels);
            f(image, row..end);
            row = end;
        }
    }
}

/// As many lanes as there are elements, but not more than a vector's.
#[inline(always)]
fn load<T: Scalar, V: Vector<T>>(x: &[T], at: usize, lanes: usize) -> V {
    if lanes == V::LANES { V::load(&x[at..]) } else { V::load_partial(&x[at..at + lanes]) }
}

#[inline(always)]
fn store<T: Scalar, V: Vector<T>>(value: V, x: &mut [T], at: usize, lanes: usize) {
    if lanes == V::LANES { value.store(&mut x[at..]) } else { value.store_partial(&mut x[at..at + lanes]) }
}

/// First channel and number of lanes of each vector of channels.
#[inline(always)]
fn vectors<T: Scalar, V: Vector<T>>(channels: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..channels).step_by(V::LANES).map(move |c| (c, V::LANES.min(channels - c)))
}

/// Sums of x (C), then of (x − the block's mean)² (C), of each block of a range.
pub(super) struct Moments<'a, T> {
    pub(super) rows: Rows,
    pub(super) x: &'a [T],
    pub(super) blocks: Range<usize>,
    pub(super) sums: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Moments<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Moments { rows, x, blocks, sums } = self;
        let channels = rows.channels;
        for (block, sums) in blocks.zip(sums.chunks_exact_mut(2 * channels)) {
            let range = rows.of_block(block);
            let share = V::splat(T::from_f64(1.0 / range.len() as f64));
            for (c, lanes) in vectors::<T, V>(channels) {
                let at = |row: usize| load::<T, V>(x, row * channels + c, lanes);
                let mut sum = V::splat(T::ZERO);
                for row in range.clone() {
                    sum = sum + at(row);
                }
                let mean = sum * share;
                let mut squares = V::splat(T::ZERO);
                for row in range.clone() {
                    let deviation = at(row) - mean;
                    squares = deviation.mul_add(deviation, squares);
                }
                store(sum, sums, c, lanes);
                store(squares, sums, channels + c, lanes);
            }
        }
    }
}

/// Mean, 1/√(variance + ε) and unbiased variance of each channel (C each) from the blocks' sums. The last of these is NaN for
/// fewer than two rows. Without rows, which have no mean, nothing is to be normalised: the second is 0 then, so that gradients are.
pub(super) fn combine_moments<T: Scalar>(rows: Rows, sums: &[T], epsilon: f64, statistics: &mut [T]) {
    let (channels, count) = (rows.channels, rows.count() as f64);
    for c in 0..channels {
        let blocks = || sums.chunks_exact(2 * channels).enumerate();
        let mean = blocks().map(|(_, sums)| sums[c].to_f64()).sum::<f64>() / count;
        let squares: f64 = blocks()
            .map(|(block, sums)| {
                let size = rows.of_block(block).len() as f64;
                let off = sums[c].to_f64() / size - mean;
                sums[channels + c].to_f64() + size * off * off
            })
            .sum();
        statistics[c] = T::from_f64(mean);
        let (inverse, unbiased) = match rows.count() {
            0 => (0.0, f64::NAN),
            1 => (1.0 / epsilon.sqrt(), f64::NAN),
            _ => (1.0 / (squares / count + epsilon).sqrt(), squares / (count - 1.0)),
        };
        statistics[channels + c] = T::from_f64(inverse);
        statistics[2 * channels + c] = T::from_f64(unbiased);
    }
}

/// The output of a range of rows.
pub(super) struct Normalise<'a, T> {
    pub(super) rows: Rows,
    pub(super) range: Range<usize>,
    pub(super) x: &'a [T],
    /// Scale, shift, mean, 1/√(variance + ε).
    pub(super) vectors: [&'a [T]; 4],
    pub(super) dropout: Option<&'a [T]>,
    pub(super) residual: Option<&'a [T]>,
    pub(super) relu: bool,
    pub(super) out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Normalise<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Normalise { rows, range, x, vectors: [scale, shift, mean, inverse], dropout, residual, relu, out } = self;
        let channels = rows.channels;
        let (zero, start) = (V::splat(T::ZERO), range.start);
        for first in range.clone().step_by(BLOCK) {
            for (c, lanes) in vectors::<T, V>(channels) {
                let of = |vector: &[T]| load::<T, V>(vector, c, lanes);
                let (gain, shift, mean) = (of(scale) * of(inverse), of(shift), of(mean));
                rows.by_image(first..range.end.min(first + BLOCK), |image, piece| {
                    let kept = dropout.map(|dropout| load::<T, V>(dropout, image * channels + c, lanes));
                    for row in piece {
                        let at = row * channels + c;
                        let mut y = (load::<T, V>(x, at, lanes) - mean).mul_add(gain, shift);
                        if let Some(kept) = kept {
                            y = y * kept;
                        }
                        if let Some(residual) = residual {
                            y = y + load::<T, V>(residual, at, lanes);
                        }
                        if relu {
                            y = V::select_lt(y, zero, zero, y);
                        }
                        store(y, out, (row - start) * channels + c, lanes);
                    }
                });
            }
        }
    }
}

/// Sets the gradient to zero where the output is not positive, and takes the sums over each block of what reaches the
/// normalised values g = dropout·dout: of g (C), and of g·(x − mean) (C).
pub(super) struct Gate<'a, T> {
    pub(super) rows: Rows,
    pub(super) blocks: Range<usize>,
    pub(super) x: &'a [T],
    pub(super) mean: &'a [T],
    /// The output, if it is a ReLU's.
    pub(super) out: Option<&'a [T]>,
    pub(super) dropout: Option<&'a [T]>,
    /// The gradient of the blocks' rows.
    pub(super) dout: &'a mut [T],
    pub(super) sums: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Gate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Gate { rows, blocks, x, mean, out, dropout, dout, sums } = self;
        let channels = rows.channels;
        let (zero, start) = (V::splat(T::ZERO), blocks.start * BLOCK);
        for (block, sums) in blocks.zip(sums.chunks_exact_mut(2 * channels)) {
            for (c, lanes) in vectors::<T, V>(channels) {
                let mean = load::<T, V>(mean, c, lanes);
                let (mut sum, mut product) = (zero, zero);
                rows.by_image(rows.of_block(block), |image, piece| {
                    let kept = dropout.map(|dropout| load::<T, V>(dropout, image * channels + c, lanes));
                    for row in piece {
                        let (at, here) = (row * channels + c, (row - start) * channels + c);
                        let mut g = load::<T, V>(dout, here, lanes);
                        if let Some(out) = out {
                            g = V::select_lt(zero, load::<T, V>(out, at, lanes), g, zero);
                            store(g, dout, here, lanes);
                        }
                        if let Some(kept) = kept {
                            g = g * kept;
                        }
                        sum = sum + g;
                        product = g.mul_add(load::<T, V>(x, at, lanes) - mean, product);
                    }
                });
                store(sum, sums, c, lanes);
                store(product, sums, channels + c, lanes);
            }
        }
    }
}

/// The gradients of shift and scale from the blocks' sums.
pub(super) fn combine_sums<T: Scalar>(sums: &[T], inverse: &[T], dshift: &mut [T], dscale: &mut [T]) {
    let channels = inverse.len();
    for c in 0..channels {
        let total = |at: usize| sums.chunks_exact(2 * channels).map(|sums| sums[at].to_f64()).sum::<f64>();
        dshift[c] = T::from_f64(total(c));
        dscale[c] = T::from_f64(total(channels + c) * inverse[c].to_f64());
    }
}

/// dx = gain·(g − a − (x − mean)·b) of a range of blocks, added if asked for.
pub(super) struct InputGradient<'a, T> {
    pub(super) rows: Rows,
    pub(super) blocks: Range<usize>,
    pub(super) x: &'a [T],
    /// Mean, gain, a, b.
    pub(super) vectors: [&'a [T]; 4],
    pub(super) dropout: Option<&'a [T]>,
    /// The gated gradient of the blocks' rows.
    pub(super) dout: &'a [T],
    pub(super) dx: (&'a mut [T], bool),
}

impl<T: Scalar> Kernel<T> for InputGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let InputGradient { rows, blocks, x, vectors: [mean, gain, a, b], dropout, dout, dx: (dx, accumulate) } = self;
        let channels = rows.channels;
        let start = blocks.start * BLOCK;
        for block in blocks {
            for (c, lanes) in vectors::<T, V>(channels) {
                let of = |vector: &[T]| load::<T, V>(vector, c, lanes);
                let (mean, gain, a, b) = (of(mean), of(gain), of(a), of(b));
                rows.by_image(rows.of_block(block), |image, piece| {
                    let kept = dropout.map(|dropout| load::<T, V>(dropout, image * channels + c, lanes));
                    for row in piece {
                        let here = (row - start) * channels + c;
                        let mut g = load::<T, V>(dout, here, lanes);
                        if let Some(kept) = kept {
                            g = g * kept;
                        }
                        let off = load::<T, V>(x, row * channels + c, lanes) - mean;
                        let mut value = gain * ((g - a) - off * b);
                        if accumulate {
                            value = value + load::<T, V>(dx, here, lanes);
                        }
                        store(value, dx, here, lanes);
                    }
                });
            }
        }
    }
}
