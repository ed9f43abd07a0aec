//! Convolutions of 3 × 3 pixels and stride 1 with fewer multiplications: Winograd's F(2 × 2, 3 × 3).
//!
//! A tile of 2 × 2 outputs sees 4 × 4 pixels d of each channel. With the kernel g it is Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, where
//!
//! Bᵀ = (1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1),  G = (1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1),  Aᵀ = (1 1 1 0; 0 1 −1 −1):
//!
//! 16 products where the sum over the kernel has 36. Summed over channels, each of the 16 is a matrix product over tiles.
//! The gradient with respect to the kernel is Gᵀ[Σ (Bᵀ d B) ⊙ (A y Aᵀ)]G over tiles, y being the gradient of a tile's outputs.
//! Source: A. Lavin and S. Gray, Fast algorithms for convolutional neural networks, CVPR 2016, section 4.1.
//!
//! Rounding errors are a small multiple of those of the sums themselves. A number that is not finite spreads over the whole
//! tiles that see it.

mod geometry;
mod tiles;

pub(super) use geometry::Winograd;

use std::array::from_fn;
use std::mem::take;
use std::ops::Range;

use super::Conv;
use super::tasks::{over_slots, slots_of, summed, tasks};
use crate::Scalar;
use crate::gemm::{Epilogue, Matrix, MatrixMut, gemm};
use crate::scratch::{Slot, Workspace, grown};
use crate::simd::dispatch;
use geometry::{PRODUCTS, distance};
use tiles::{Outputs, Seen, Spread};

impl Winograd {
    /// `out` ← epilogue(convolution of `images` with the kernels of `weight`), as [`transform`] takes them; the epilogue has a
    /// bias and perhaps adds.
    pub(super) fn convolve<T: Scalar>(
        &self,
        (conv, weight, turned): (&Conv, &[T], bool),
        images: &[T],
        out: &mut [T],
        epilogue: Epilogue<T>,
        workspace: &mut Workspace<T>,
    ) {
        let weights = grown(&mut workspace.weights, self.matrices());
        transform(conv, weight, turned, weights);
        let pieces = self.pieces();
        let slots = slots_of(&mut workspace.slots, tasks(pieces), self.room());
        let offset = |piece: usize| self.offset(self.rows(piece).start);
        over_slots(slots, 0..pieces, out, &offset, &|slot, pieces, mut out| {
            for piece in pieces {
                let rows = self.rows(piece);
                let (own, rest) = take(&mut out).split_at_mut(self.offset(rows.end) - self.offset(rows.start));
                out = rest;
                self.product_of_rows(images, weights, (own, rows), &epilogue, slot);
            }
        });
    }

    fn product_of_rows<T: Scalar>(
        &self,
        images: &[T],
        weights: &[T],
        (out, rows): (&mut [T], Range<usize>),
        epilogue: &Epilogue<T>,
        slot: &mut Slot<T>,
    ) {
        let (inner, columns, tiles) = (self.gather.channels, self.out_channels, rows.len() * self.across());
        let (seen, sums) = slot.tile.split_at_mut(PRODUCTS * distance(tiles, inner));
        let sums = &mut sums[..PRODUCTS * distance(tiles, columns)];
        dispatch(Seen { winograd: self, images, rows: rows.clone(), seen });
        let products = seen.chunks_exact(distance(tiles, inner)).zip(weights.chunks_exact(inner * columns));
        for ((seen, weight), sums) in products.zip(sums.chunks_exact_mut(distance(tiles, columns))) {
            let (seen, sums) = (&seen[..tiles * inner], &mut sums[..tiles * columns]);
            let (seen, weight) = (Matrix::new(seen, tiles, inner), Matrix::new(weight, inner, columns));
            gemm(seen, weight, MatrixMut::new(sums, tiles, columns), Epilogue::default(), &mut slot.scratch);
        }
        dispatch(Outputs { winograd: self, sums, rows, bias: epilogue.bias, accumulate: epilogue.accumulate, out });
    }

    /// `dweight` ← \[`dweight` +\] the gradient with respect to the kernel.
    pub(super) fn weight_gradient<T: Scalar>(
        &self,
        (images, dout): (&[T], &[T]),
        dweight: &mut [T],
        accumulate: bool,
        sums: &mut Vec<T>,
        slots: &mut Vec<Slot<T>>,
    ) {
        let total = summed(self.pieces(), sums, self.matrices(), slots, self.room(), &|piece, adds, sums, slot| {
            self.add_piece((images, dout), self.rows(piece), adds, sums, slot);
        });
        self.kernel_gradient(total, dweight, accumulate);
    }

    /// `sums` ← \[`sums` +\] what some rows of tiles add to the 16 sums over tiles, in × out each.
    fn add_piece<T: Scalar>(
        &self,
        (images, dout): (&[T], &[T]),
        rows: Range<usize>,
        accumulate: bool,
        sums: &mut [T],
        slot: &mut Slot<T>,
    ) {
        let (inner, columns, tiles) = (self.gather.channels, self.out_channels, rows.len() * self.across());
        let (seen, spread) = slot.tile.split_at_mut(PRODUCTS * distance(tiles, inner));
        let spread = &mut spread[..PRODUCTS * distance(tiles, columns)];
        dispatch(Seen { winograd: self, images, rows: rows.clone(), seen });
        let dout = &dout[self.offset(rows.start)..self.offset(rows.end)];
        dispatch(Spread { winograd: self, dout, rows, spread });
        let pairs = seen.chunks_exact(distance(tiles, inner)).zip(spread.chunks_exact(distance(tiles, columns)));
        for ((seen, spread), sums) in pairs.zip(sums.chunks_exact_mut(inner * columns)) {
            let (seen, spread) = (&seen[..tiles * inner], &spread[..tiles * columns]);
            let (seen, spread) = (Matrix::new(seen, tiles, inner), Matrix::new(spread, tiles, columns));
            let epilogue = Epilogue { accumulate, ..Epilogue::default() };
            gemm(seen.t(), spread, MatrixMut::new(sums, inner, columns), epilogue, &mut slot.scratch);
        }
    }

    /// `dweight[o, c]` ← \[`dweight[o, c]` +\] Gᵀ sums\[·, c, o\] G.
    fn kernel_gradient<T: Scalar>(&self, sums: &[T], dweight: &mut [T], accumulate: bool) {
        let (inner, columns) = (self.gather.channels, self.out_channels);
        let half = T::from_f64(0.5);
        let along = |[a, b, c, d]: [T; 4]| {
            let (sum, difference) = ((b + c) * half, (b - c) * half);
            [a + sum, difference, sum + d]
        };
        for (at, kernel) in dweight.as_chunks_mut::<9>().0.iter_mut().enumerate() {
            let (o, c) = (at / inner, at % inner);
            let product = |i: usize, j: usize| sums[((4 * i + j) * inner + c) * columns + o];
            let rows: [[T; 3]; 4] = from_fn(|i| along(from_fn(|j| product(i, j))));
            let columns: [[T; 3]; 3] = from_fn(|j| along(from_fn(|i| rows[i][j])));
            for (at, weight) in kernel.iter_mut().enumerate() {
                let value = columns[at % 3][at / 3];
                *weight = if accumulate { *weight + value } else { value };
            }
        }
    }
}

/// `transformed[·, c, o]` ← G g Gᵀ of the kernel g from channel c to o, 16 × in × out. Of `weight`, out × in × 3 × 3, these are
/// the kernels themselves; or, if `turned`, those from its outputs to its inputs, by half a turn.
fn transform<T: Scalar>(conv: &Conv, weight: &[T], turned: bool, transformed: &mut [T]) {
    let (kernels, rest) = weight.as_chunks::<9>();
    assert!(rest.is_empty(), "weights of 3 × 3 pixels");
    let len = kernels.len();
    let half = T::from_f64(0.5);
    let along = |[a, b, c]: [T; 3]| [a, (a + b + c) * half, (a - b + c) * half, c];
    // In the order of what is written.
    for at in 0..len {
        let kernel = match turned {
            // c of in, o of out; kernels are out × in.
            false => kernels[at % conv.out_channels * conv.in_channels + at / conv.out_channels],
            true => {
                let mut kernel = kernels[at];
                kernel.reverse();
                kernel
            }
        };
        let rows: [[T; 4]; 3] = from_fn(|i| along(from_fn(|j| kernel[3 * i + j])));
        for j in 0..4 {
            let column = along(from_fn(|i| rows[i][j]));
            for (i, value) in column.into_iter().enumerate() {
                transformed[(4 * i + j) * len + at] = value;
            }
        }
    }
}
