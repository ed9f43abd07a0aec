//! What is done to tiles of 2 × 2 outputs before the products and after them, a vector of channels at a time.

use std::ops::Range;

use super::geometry::{Place, Winograd, distance};
use crate::Scalar;
use crate::conv::gather::Gather;
use crate::simd::{Kernel, Vector};

/// A linear map from N to M values along one axis. (A trait: a closure would not be compiled for its caller's vectors.)
trait Map<const N: usize, const M: usize> {
    fn along<T: Scalar, V: Vector<T>>(values: [V; N]) -> [V; M];
}

/// Bᵀ.
struct B;
/// Aᵀ.
struct A;
/// A itself.
struct ATurned;

impl Map<4, 4> for B {
    #[inline(always)]
    fn along<T: Scalar, V: Vector<T>>([a, b, c, d]: [V; 4]) -> [V; 4] {
        [a - c, b + c, c - b, b - d]
    }
}

impl Map<4, 2> for A {
    #[inline(always)]
    fn along<T: Scalar, V: Vector<T>>([a, b, c, d]: [V; 4]) -> [V; 2] {
        [a + b + c, b - c - d]
    }
}

impl Map<2, 4> for ATurned {
    #[inline(always)]
    fn along<T: Scalar, V: Vector<T>>([a, b]: [V; 2]) -> [V; 4] {
        [a, a + b, a - b, -b]
    }
}

/// A map along both axes of a square.
#[inline(always)]
fn both<T: Scalar, V: Vector<T>, W: Map<N, M>, const N: usize, const M: usize>(square: [[V; N]; N]) -> [[V; M]; M] {
    let mut rows = [[V::splat(T::ZERO); M]; N];
    for (row, values) in rows.iter_mut().zip(square) {
        *row = W::along(values);
    }
    let mut out = [[V::splat(T::ZERO); M]; M];
    for j in 0..M {
        let mut column = [V::splat(T::ZERO); N];
        for (value, row) in column.iter_mut().zip(&rows) {
            *value = row[j];
        }
        for (row, value) in out.iter_mut().zip(W::along(column)) {
            row[j] = value;
        }
    }
    out
}

/// A vector of up to `V::LANES` numbers.
#[inline(always)]
fn load<T: Scalar, V: Vector<T>>(from: &[T]) -> V {
    if from.len() == V::LANES { V::load(from) } else { V::load_partial(from) }
}

/// Writes as many lanes as there is room for.
#[inline(always)]
fn store<T: Scalar, V: Vector<T>>(value: V, to: &mut [T]) {
    if to.len() == V::LANES { value.store(to) } else { value.store_partial(to) }
}

/// `seen[·, t]` ← Bᵀ d B of the pixels d that tile t sees, channel by channel.
pub(super) struct Seen<'a, T> {
    pub(super) winograd: &'a Winograd,
    pub(super) images: &'a [T],
    pub(super) rows: Range<usize>,
    pub(super) seen: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Seen<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Seen { winograd, images, rows, seen } = self;
        let Gather { size: [height, width], channels, padding, .. } = winograd.gather;
        let product = distance(rows.len() * winograd.across(), channels);
        for Place { number, image, at, .. } in winograd.places(rows) {
            let image = &images[image * height * width * channels..][..height * width * channels];
            let [top, left] = [at[0] as isize - padding[0], at[1] as isize - padding[1]];
            let inside = |at: isize, size: usize| (0..size as isize - 3).contains(&at);
            let to = &mut seen[number * channels..];
            let mut tile = Tile { image, width, channels, top, left, to, product };
            if inside(top, height) && inside(left, width) {
                tile.transform::<V, true>(height);
            } else {
                tile.transform::<V, false>(height);
            }
        }
    }
}

/// A tile and the pixels that it sees.
struct Tile<'a, T> {
    /// Pixels of an image with lines of `width`.
    image: &'a [T],
    width: usize,
    channels: usize,
    /// The first line and the first column that are seen.
    top: isize,
    left: isize,
    /// From the tile's place in the first product on, and the distance of products.
    to: &'a mut [T],
    product: usize,
}

impl<T: Scalar> Tile<'_, T> {
    /// Bᵀ d B of all channels; pixels outside of the image are zero. If `INSIDE`, there are none.
    #[inline(always)]
    fn transform<V: Vector<T>, const INSIDE: bool>(&mut self, height: usize) {
        let Tile { image, width, channels, top, left, .. } = *self;
        let mut channel = 0;
        while channel < channels {
            let count = V::LANES.min(channels - channel);
            let mut pixels = [[V::splat(T::ZERO); 4]; 4];
            for (y, pixels) in (top..).zip(&mut pixels) {
                if !INSIDE && !(0..height as isize).contains(&y) {
                    continue;
                }
                let line = &image[y as usize * width * channels..][..width * channels];
                for (x, pixel) in (left..).zip(pixels) {
                    if INSIDE || (0..width as isize).contains(&x) {
                        *pixel = load(&line[x as usize * channels + channel..][..count]);
                    }
                }
            }
            let values = both::<T, V, B, 4, 4>(pixels);
            for (k, value) in values.iter().flatten().enumerate() {
                store(*value, &mut self.to[k * self.product + channel..][..count]);
            }
            channel += count;
        }
    }
}

/// The outputs of some rows of tiles: Aᵀ `sums` A, with a bias, and added to what is there if so asked.
pub(super) struct Outputs<'a, T> {
    pub(super) winograd: &'a Winograd,
    pub(super) sums: &'a [T],
    pub(super) rows: Range<usize>,
    pub(super) bias: Option<&'a [T]>,
    pub(super) accumulate: bool,
    pub(super) out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Outputs<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Outputs { winograd, sums, rows, bias, accumulate, out } = self;
        let (channels, line) = (winograd.out_channels, winograd.gather.positions[1] * winograd.out_channels);
        let product = distance(rows.len() * winograd.across(), channels);
        for Place { number, offset, inside, .. } in winograd.places(rows) {
            let (sums, out) = (&sums[number * channels..], &mut out[offset..]);
            let mut channel = 0;
            while channel < channels {
                let count = V::LANES.min(channels - channel);
                let mut values = [[V::splat(T::ZERO); 4]; 4];
                for (k, value) in values.iter_mut().flatten().enumerate() {
                    *value = load(&sums[k * product + channel..][..count]);
                }
                let tile = both::<T, V, A, 4, 2>(values);
                for (i, tile) in tile.iter().enumerate().take(inside[0]) {
                    for (j, value) in tile.iter().enumerate().take(inside[1]) {
                        let to = &mut out[i * line + j * channels + channel..][..count];
                        let mut value = *value;
                        if let Some(bias) = bias {
                            value = value + load(&bias[channel..][..count]);
                        }
                        if accumulate {
                            value = value + load(to);
                        }
                        store(value, to);
                    }
                }
                channel += count;
            }
        }
    }
}

/// `spread[·, t]` ← A y Aᵀ of the gradients y of tile t's outputs, channel by channel.
pub(super) struct Spread<'a, T> {
    pub(super) winograd: &'a Winograd,
    pub(super) dout: &'a [T],
    pub(super) rows: Range<usize>,
    pub(super) spread: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Spread<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Spread { winograd, dout, rows, spread } = self;
        let (channels, line) = (winograd.out_channels, winograd.gather.positions[1] * winograd.out_channels);
        let product = distance(rows.len() * winograd.across(), channels);
        for Place { number, offset, inside, .. } in winograd.places(rows) {
            let (spread, dout) = (&mut spread[number * channels..], &dout[offset..]);
            let mut channel = 0;
            while channel < channels {
                let count = V::LANES.min(channels - channel);
                let mut tile = [[V::splat(T::ZERO); 2]; 2];
                for (i, tile) in tile.iter_mut().enumerate().take(inside[0]) {
                    for (j, value) in tile.iter_mut().enumerate().take(inside[1]) {
                        *value = load(&dout[i * line + j * channels + channel..][..count]);
                    }
                }
                let values = both::<T, V, ATurned, 2, 4>(tile);
                for (k, value) in values.iter().flatten().enumerate() {
                    store(*value, &mut spread[k * product + channel..][..count]);
                }
                channel += count;
            }
        }
    }
}
