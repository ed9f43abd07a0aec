//! Copying what the positions of a kernel see into the rows of a matrix.

use std::ops::Range;

use crate::Scalar;
use crate::simd::{Kernel, Vector, dispatch};

/// Which pixels each position sees. A row of the gathered matrix holds them kernel row by kernel row, all channels of a
/// pixel together; zeros for pixels outside of the image, and for those between the pixels of a spread image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gather {
    /// Height and width of the images.
    pub(super) size: [usize; 2],
    /// Their channels.
    pub(super) channels: usize,
    /// Positions of the kernel in an image, along both axes.
    pub(super) positions: [usize; 2],
    /// Height and width of the kernel.
    pub(super) kernel: [usize; 2],
    /// Pixels of the spread image from one position to the next.
    pub(super) stride: usize,
    /// Where the first position lies before the image's edge, along both axes.
    pub(super) padding: [isize; 2],
    /// How far apart the image's pixels lie: 1 for the image as it is.
    pub(super) spread: usize,
}

impl Gather {
    /// Elements of a row.
    pub(super) fn row_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels
    }

    /// Sets `rows` to what the given positions see, counted image by image and row by row.
    pub(super) fn fill<T: Scalar>(&self, images: &[T], positions: Range<usize>, rows: &mut [T]) {
        if self.row_len() > 0 {
            dispatch(Fill { gather: *self, images, positions, rows });
        }
    }

    /// The image's pixel that lies at `at` of the padded, spread image along an axis.
    #[inline(always)]
    fn pixel(&self, at: isize, axis: usize) -> Option<usize> {
        let at = usize::try_from(at).ok()?;
        let pixel = at / self.spread;
        (at.is_multiple_of(self.spread) && pixel < self.size[axis]).then_some(pixel)
    }
}

struct Fill<'a, T> {
    gather: Gather,
    images: &'a [T],
    positions: Range<usize>,
    rows: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Fill<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Fill { gather, images, positions, rows } = self;
        let Gather { size: [height, width], channels, positions: [down, across], kernel, .. } = gather;
        let mut x = positions.start % across;
        let mut y = positions.start / across % down;
        let mut image = positions.start / across / down;
        for row in rows.chunks_exact_mut(gather.row_len()) {
            let [top, left] = [(y, 0), (x, 1)].map(|(at, axis)| (at * gather.stride) as isize - gather.padding[axis]);
            for (i, part) in row.chunks_exact_mut(kernel[1] * channels).enumerate() {
                match gather.pixel(top + i as isize, 0) {
                    None => zero::<T, V>(part),
                    Some(pixel) => {
                        let line = &images[(image * height + pixel) * width * channels..][..width * channels];
                        gather.fill_line::<T, V>(line, left, part);
                    }
                }
            }
            x += 1;
            if x == across {
                (x, y) = (0, y + 1);
            }
            if y == down {
                (y, image) = (0, image + 1);
            }
        }
    }
}

impl Gather {
    /// One row of the kernel at `left` of a line of pixels.
    #[inline(always)]
    fn fill_line<T: Scalar, V: Vector<T>>(&self, line: &[T], left: isize, part: &mut [T]) {
        let (channels, width, columns) = (self.channels, self.size[1] as isize, self.kernel[1] as isize);
        if self.spread == 1 {
            // The pixels inside of the image are neighbours: one piece.
            let first = (-left).clamp(0, columns);
            let last = (width - left).clamp(first, columns);
            let (inside, after) = part.split_at_mut(last as usize * channels);
            let (before, inside) = inside.split_at_mut(first as usize * channels);
            zero::<T, V>(before);
            if !inside.is_empty() {
                let start = (left + first) as usize * channels;
                copy::<T, V>(&line[start..start + inside.len()], inside);
            }
            zero::<T, V>(after);
        } else {
            for (j, part) in part.chunks_exact_mut(channels).enumerate() {
                match self.pixel(left + j as isize, 1) {
                    None => zero::<T, V>(part),
                    Some(pixel) => copy::<T, V>(&line[pixel * channels..][..channels], part),
                }
            }
        }
    }
}

/// A copy by whole vectors: pieces are too short for what a general copy does first.
#[inline(always)]
fn copy<T: Scalar, V: Vector<T>>(from: &[T], to: &mut [T]) {
    let whole = to.len() / V::LANES * V::LANES;
    let ((from, rest), (to, last)) = (from.split_at(whole), to.split_at_mut(whole));
    for (from, to) in from.chunks_exact(V::LANES).zip(to.chunks_exact_mut(V::LANES)) {
        V::load(from).store(to);
    }
    if !last.is_empty() {
        V::load_partial(rest).store_partial(last);
    }
}

#[inline(always)]
fn zero<T: Scalar, V: Vector<T>>(to: &mut [T]) {
    let zero = V::splat(T::ZERO);
    for to in to.chunks_mut(V::LANES) {
        zero.store_partial(to);
    }
}
