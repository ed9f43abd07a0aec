//! Convolutions.

use linalg::Scalar;
use linalg::conv::{Conv, forward, input_gradient, weight_gradient};

use super::sizes;
use crate::op::{Backward, Forward, Op, Reads};
use crate::ops::dense::add_column_sums;
use crate::{Graph, Shape, Var};

/// out\[n,y,x,o\] = Σ_cij input\[n, y·stride + i − padding, x·stride + j − padding, c\]·weight\[o,c,i,j\] \[+ bias\[o\]\], pixels
/// outside of the image being zero.
///
/// *input*: N × H × W × C; *weight*: O × C × I × J, an I × J kernel; *bias*, which may be left out: O; out: N × H' × W' × O
/// with H' = ⌊(H + 2·padding − I)/stride⌋ + 1, W' likewise.  Source: docs/methods.md §2.
#[derive(Clone, Copy, Debug)]
pub struct Conv2d {
    /// Pixels from one position of the kernel to the next.
    pub stride: usize,
    /// Zeros around the image, on each side.
    pub padding: usize,
}

impl Conv2d {
    #[track_caller]
    fn conv(&self, inputs: &[Shape]) -> Conv {
        let [images, height, width, in_channels] = sizes(inputs[0]);
        let &[out_channels, channels, down, across] = inputs[1].dims() else {
            panic!("weight {} of a convolution must be out × in × height × width", inputs[1])
        };
        assert!(channels == in_channels, "weight {} for images {}: as many channels are needed", inputs[1], inputs[0]);
        let (size, kernel) = ([height, width], [down, across]);
        Conv { images, size, in_channels, out_channels, kernel, stride: self.stride, padding: self.padding }
    }
}

impl<T: Scalar> Op<T> for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        assert!(matches!(inputs.len(), 2 | 3), "images, weight and perhaps a bias were expected, not {inputs:?}");
        let conv = self.conv(inputs);
        if let Some(bias) = inputs.get(2) {
            assert!(*bias == Shape::from([conv.out_channels]), "bias {bias} for weight {}: one an output", inputs[1]);
        }
        let [height, width] = conv.out_size();
        Shape::from([conv.images, height, width, conv.out_channels])
    }

    fn reads(&self) -> Reads {
        Reads::Inputs
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let inputs = &pass.inputs;
        let bias = (inputs.count() == 3).then(|| inputs.get(2));
        let conv = self.conv(inputs.shapes());
        forward(&conv, inputs.get(0), inputs.get(1), bias, pass.out, pass.scratch);
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let inputs = &pass.inputs;
        let conv = self.conv(inputs.shapes());
        if inputs.count() == 3
            && let Some(dbias) = pass.grads.take(2)
        {
            add_column_sums(dbias, pass.dout, pass.scratch);
        }
        if let Some(dweight) = pass.grads.take(1) {
            let (dweight, accumulate) = dweight.parts();
            weight_gradient(&conv, inputs.get(0), pass.dout, dweight, accumulate, pass.scratch);
        }
        if let Some(dinput) = pass.grads.take(0) {
            let (dinput, accumulate) = dinput.parts();
            input_gradient(&conv, pass.dout, inputs.get(1), dinput, accumulate, pass.scratch);
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a [`Conv2d`] of images *x* (N × H × W × C) with *weight* (O × C × I × J) and perhaps a *bias* (O).
    #[track_caller]
    pub fn conv2d(&mut self, x: Var, weight: Var, bias: Option<Var>, conv: Conv2d) -> Var {
        match bias {
            None => self.apply(conv, &[x, weight]),
            Some(bias) => self.apply(conv, &[x, weight, bias]),
        }
    }
}

#[cfg(test)]
mod tests {
    use linalg::Scalar;
    use proptest::prelude::*;

    use super::*;
    use crate::gradcheck::{self, Options};
    use crate::ops::testing::{Value, error, indices, run, value};

    fn convolution<T: Scalar>(g: &mut Graph<T>, v: &[Var], conv: Conv2d) -> Var {
        g.conv2d(v[0], v[1], v.get(2).copied(), conv)
    }

    fn by_formula(inputs: &[Value], conv: Conv2d, out: Shape) -> Vec<f64> {
        let at = |input: usize, index: &[usize]| -> f64 {
            let (shape, values) = &inputs[input];
            values[index.iter().zip(shape.dims()).fold(0, |at, (i, size)| at * size + i)]
        };
        let (image, weight) = (inputs[0].0.dims().to_vec(), inputs[1].0.dims().to_vec());
        let pixel = |at: usize, offset: usize, size: usize| {
            (at * conv.stride + offset).checked_sub(conv.padding).filter(|at| *at < size)
        };
        let value = |index: Vec<usize>| {
            let mut total = inputs.get(2).map_or(0.0, |(_, bias)| bias[index[3]]);
            for k in indices(Shape::from([weight[1], weight[2], weight[3]])) {
                if let (Some(y), Some(x)) = (pixel(index[1], k[1], image[1]), pixel(index[2], k[2], image[2])) {
                    total += at(0, &[index[0], y, x, k[0]]) * at(1, &[index[3], k[0], k[1], k[2]]);
                }
            }
            total
        };
        indices(out).into_iter().map(value).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn follows_the_formula(
            (images, height, width) in (0..3usize, 1..6usize, 1..6usize),
            (channels, out) in (1..4usize, 1..4usize),
            kernel in prop::sample::select(vec![[1, 1], [3, 3], [2, 3]]),
            (stride, padding) in (1..3usize, 0..2usize),
            bias: bool,
            seed in 0..1000usize,
        ) {
            prop_assume!(kernel[0] <= height + 2 * padding && kernel[1] <= width + 2 * padding);
            let conv = Conv2d { stride, padding };
            let mut inputs = vec![
                value([images, height, width, channels], seed),
                value([out, channels, kernel[0], kernel[1]], seed + 1),
            ];
            inputs.extend(bias.then(|| value([out], seed + 2)));
            let (shape, in_f64, _) = run::<f64>(|g, v| convolution(g, v, conv), &inputs);
            let (_, in_f32, _) = run::<f32>(|g, v| convolution(g, v, conv), &inputs);
            let expected = by_formula(&inputs, conv, shape);
            prop_assert!(error(&in_f64, &expected) <= 1e-13, "{in_f64:?}, not {expected:?}");
            prop_assert!(error(&in_f32, &expected) <= 2e-5, "{in_f32:?}, not {expected:?}");
            let options = Options { full_limit: 2000, ..Options::default() };
            gradcheck::check(|g, v| convolution(g, v, conv), &inputs, &options).assert_unless_empty();
        }
    }

    #[test]
    fn nan_stays_where_the_kernel_sees_it() {
        let mut inputs = [value([2, 3, 5, 1], 1), value([1, 1, 3, 3], 2)];
        inputs[0].1[0] = f64::NAN;
        let conv = Conv2d { stride: 1, padding: 1 };
        let (_, out, _) = run::<f64>(|g, v| convolution(g, v, conv), &inputs);
        for (i, y) in out.iter().enumerate() {
            assert_eq!(y.is_nan(), [0, 1, 5, 6].contains(&i), "pixel {i}");
        }
    }

    #[test]
    #[should_panic(expected = "weight [4 × 2 × 3 × 3] for images [1 × 5 × 5 × 3]")]
    fn channels_that_do_not_fit_are_refused() {
        let inputs = [value([1, 5, 5, 3], 1), value([4, 2, 3, 3], 2)];
        run::<f32>(|g, v| convolution(g, v, Conv2d { stride: 1, padding: 1 }), &inputs);
    }
}
