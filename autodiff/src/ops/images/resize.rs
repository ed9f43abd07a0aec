//! Images of another size by repeating or leaving out pixels.

use linalg::Scalar;
use linalg::parallel::rows_mut;

use super::sizes;
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// Elements that are worth a thread's attention.
const TASK: usize = 1 << 15;

/// out\[n,y,x,c\] = in\[n, ⌊y·H/H'⌋, ⌊x·W/W'⌋, c\].
///
/// in: N × H × W × C; out: N × H' × W' × C.  Source: docs/methods.md §2.
#[derive(Clone, Copy, Debug)]
pub struct ResizeNearest {
    /// H' and W'.
    pub size: [usize; 2],
}

/// The range of `to` places whose source ⌊place·from/to⌋ is `source`.
fn places(source: usize, from: usize, to: usize) -> std::ops::Range<usize> {
    (source * to).div_ceil(from)..((source + 1) * to).div_ceil(from)
}

impl<T: Scalar> Op<T> for ResizeNearest {
    fn name(&self) -> &'static str {
        "resize_nearest"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [images, height, width, channels] = sizes(inputs[0]);
        let [down, across] = self.size;
        assert!(height * width > 0 || down * across == 0, "pixels of {} for {down} × {across} of them", inputs[0]);
        Shape::from([images, down, across, channels])
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let [_, height, width, channels] = sizes(pass.inputs.shape(0));
        let ([down, across], x) = (self.size, pass.inputs.get(0));
        let line = across * channels;
        rows_mut(pass.out, line, TASK.div_ceil(line.max(1)), |rows, out| {
            for (row, out) in rows.zip(out.chunks_exact_mut(line)) {
                let source = row / down * height + row % down * height / down;
                let x = &x[source * width * channels..][..width * channels];
                for (at, out) in out.chunks_exact_mut(channels).enumerate() {
                    out.copy_from_slice(&x[at * width / across * channels..][..channels]);
                }
            }
        });
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dx) = pass.grads.take(0) else { return };
        let [_, height, width, channels] = sizes(pass.inputs.shape(0));
        let ([down, across], dout) = (self.size, &*pass.dout);
        let line = width * channels;
        let (dx, accumulate) = dx.parts();
        rows_mut(dx, line, TASK.div_ceil(line.max(1)), |rows, dx| {
            for (row, dx) in rows.zip(dx.chunks_exact_mut(line)) {
                if !accumulate {
                    dx.fill(T::ZERO);
                }
                for place in places(row % height, height, down) {
                    let dout = &dout[(row / height * down + place) * across * channels..][..across * channels];
                    for (at, dout) in dout.chunks_exact(channels).enumerate() {
                        let dx = &mut dx[at * width / across * channels..][..channels];
                        dx.iter_mut().zip(dout).for_each(|(dx, dout)| *dx += *dout);
                    }
                }
            }
        });
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a [`ResizeNearest`] of images *x* (N × H × W × C) to this height and width.
    #[track_caller]
    pub fn resize_nearest(&mut self, x: Var, size: [usize; 2]) -> Var {
        self.apply(ResizeNearest { size }, &[x])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::gradcheck::{self, Options};
    use crate::ops::testing::{indices, run, value};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn follows_the_formula(
            (images, channels) in (0..3usize, 0..4usize),
            [height, width, down, across] in prop::array::uniform4(1..8usize),
            seed in 0..1000usize,
        ) {
            let input = value([images, height, width, channels], seed);
            let (shape, out, grads) = run::<f64>(|g, v| g.resize_nearest(v[0], [down, across]), std::slice::from_ref(&input));
            let seeds = crate::ops::testing::numbers(out.len(), 7);
            let mut expected = vec![0.0; input.1.len()];
            for (index, (y, seed)) in indices(shape).iter().zip(out.iter().zip(&seeds)) {
                let (row, column) = (index[1] * height / down, index[2] * width / across);
                let at = ((index[0] * height + row) * width + column) * channels + index[3];
                prop_assert_eq!(*y, input.1[at]);
                expected[at] += seed;
            }
            prop_assert_eq!(&grads[0], &expected);
            let single = run::<f32>(|g, v| g.resize_nearest(v[0], [down, across]), std::slice::from_ref(&input)).1;
            prop_assert!(single.iter().zip(&out).all(|(a, b)| *a == f64::from(*b as f32)));
            gradcheck::check(|g, v| g.resize_nearest(v[0], [down, across]), &[input], &Options::default()).assert_unless_empty();
        }
    }

    #[test]
    #[should_panic(expected = "images × height × width × channels were expected, not [2 × 3]")]
    fn images_are_needed() {
        run::<f32>(|g, v| g.resize_nearest(v[0], [2, 2]), &[value([2, 3], 1)]);
    }
}
