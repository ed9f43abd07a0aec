//! Against plain loops over every axis.

use proptest::prelude::*;

use super::*;
use crate::gemm::Scratch;

/// Calls `f(output index, input index, weight index)` for every product of the sum.
fn each_term(conv: &Conv, mut f: impl FnMut(usize, usize, usize)) {
    let Conv { images, size: [height, width], in_channels, out_channels, kernel, stride, padding } = *conv;
    let [down, across] = conv.out_size();
    for n in 0..images {
        for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
            for (i, j) in (0..kernel[0]).flat_map(|i| (0..kernel[1]).map(move |j| (i, j))) {
                let (Some(row), Some(column)) =
                    ((y * stride + i).checked_sub(padding), (x * stride + j).checked_sub(padding))
                else {
                    continue;
                };
                if row >= height || column >= width {
                    continue;
                }
                for (o, c) in (0..out_channels).flat_map(|o| (0..in_channels).map(move |c| (o, c))) {
                    f(
                        ((n * down + y) * across + x) * out_channels + o,
                        ((n * height + row) * width + column) * in_channels + c,
                        ((o * in_channels + c) * kernel[0] + i) * kernel[1] + j,
                    );
                }
            }
        }
    }
}

fn wave(len: usize, by: f64) -> Vec<f64> {
    (0..len).map(|i| (1.3 + by * i as f64 + 0.2 * (i * i % 13) as f64).sin()).collect()
}

/// Output, input gradient and weight gradient; the gradients are added to what is there if `accumulate`.
type Results<T> = [Vec<T>; 3];

fn by_terms(conv: &Conv, accumulate: bool) -> Results<f64> {
    let [input, weight, dout] = operands::<f64>(conv);
    let bias = wave(conv.out_channels, 0.3);
    let start = |len| if accumulate { wave(len, 0.11) } else { vec![0.0; len] };
    let mut out: Vec<f64> = (0..conv.out_len()).map(|i| bias[i % conv.out_channels]).collect();
    let (mut dinput, mut dweight) = (start(conv.in_len()), start(conv.weights()));
    each_term(conv, |o, i, w| {
        out[o] += input[i] * weight[w];
        dinput[i] += dout[o] * weight[w];
        dweight[w] += dout[o] * input[i];
    });
    [out, dinput, dweight]
}

fn convert<T: Scalar>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::from_f64(x)).collect()
}

fn operands<T: Scalar>(conv: &Conv) -> [Vec<T>; 3] {
    [(conv.in_len(), 1.37), (conv.weights(), 0.91), (conv.out_len(), 2.3)].map(|(len, by)| convert(&wave(len, by)))
}

fn computed<T: Scalar>(conv: &Conv, accumulate: bool, scratch: &mut Scratch<T>) -> Results<T> {
    let [input, weight, dout] = operands::<T>(conv);
    let bias: Vec<T> = convert(&wave(conv.out_channels, 0.3));
    let nan = T::from_f64(f64::NAN);
    let start = |len| if accumulate { convert(&wave(len, 0.11)) } else { vec![nan; len] };
    let mut out = vec![nan; conv.out_len()];
    let (mut dinput, mut dweight) = (start(conv.in_len()), start(conv.weights()));
    forward(conv, &input, &weight, Some(&bias), &mut out, scratch);
    input_gradient(conv, &dout, &weight, &mut dinput, accumulate, scratch);
    weight_gradient(conv, &input, &dout, &mut dweight, accumulate, scratch);
    [out, dinput, dweight]
}

/// Largest error in units of the magnitude of the sums' terms, which is 1 here, times the root of their number.
fn assert_close<T: Scalar>(conv: &Conv, actual: &Results<T>, expected: &Results<f64>, tolerance: f64) {
    let terms = |len: usize| (conv.out_len() * conv.weights() / conv.out_channels.max(1) / len.max(1)).max(1);
    for (name, (actual, expected)) in ["out", "dinput", "dweight"].into_iter().zip(actual.iter().zip(expected)) {
        assert_eq!(actual.len(), expected.len());
        let limit = tolerance * (terms(expected.len()) as f64).sqrt().max(1.0);
        for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
            assert!((a.to_f64() - e).abs() <= limit, "{name}[{i}] of {conv:?}: {a} for {e}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn follows_the_formula(
        images in 0..4usize,
        (height, width) in (1..9usize, 1..9usize),
        (in_channels, out_channels) in (1..20usize, 1..20usize),
        kernel in prop::sample::select(vec![[1, 1], [3, 3], [2, 3], [5, 1]]),
        (stride, padding) in (1..4usize, 0..3usize),
        accumulate: bool,
    ) {
        let conv = Conv { images, size: [height, width], in_channels, out_channels, kernel, stride, padding };
        prop_assume!((0..2).all(|axis| kernel[axis] <= conv.size[axis] + 2 * padding));
        let expected = by_terms(&conv, accumulate);
        assert_close(&conv, &computed::<f64>(&conv, accumulate, &mut Scratch::new()), &expected, 1e-14);
        assert_close(&conv, &computed::<f32>(&conv, accumulate, &mut Scratch::new()), &expected, 4e-6);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Kernels and channels for which there are fewer multiplications, edges that cut tiles included.
    #[test]
    fn with_fewer_multiplications(
        images in 1..4usize,
        (height, width) in (1..10usize, 1..10usize),
        (in_channels, out_channels) in (16..40usize, 16..40usize),
        padding in 0..5usize,
        accumulate: bool,
    ) {
        let conv = Conv { images, size: [height, width], in_channels, out_channels, kernel: [3; 2], stride: 1, padding };
        prop_assume!((0..2).all(|axis| 3 <= conv.size[axis] + 2 * padding));
        prop_assert!(Winograd::of(conv.neighbourhoods(), out_channels, images).is_some());
        prop_assert!(Winograd::of(conv.sights(), in_channels, images).is_some());
        let expected = by_terms(&conv, accumulate);
        assert_close(&conv, &computed::<f64>(&conv, accumulate, &mut Scratch::new()), &expected, 2e-14);
        assert_close(&conv, &computed::<f32>(&conv, accumulate, &mut Scratch::new()), &expected, 8e-6);
    }
}

/// Sizes with several tiles, and several parts of the weight gradient; also of rows that are cut through tiles of 2 × 2.
fn large() -> [Conv; 5] {
    let conv = |images, size, channels: [usize; 2], stride| Conv {
        images,
        size: [size; 2],
        in_channels: channels[0],
        out_channels: channels[1],
        kernel: [3, 3],
        stride,
        padding: 1,
    };
    // A piece is a single row of tiles.
    let wide = Conv { size: [5, 700], ..conv(1, 5, [16, 16], 1) };
    [conv(9, 14, [32, 24], 1), conv(7, 13, [40, 33], 2), conv(20, 4, [130, 150], 1), conv(7, 13, [40, 33], 1), wide]
}

#[test]
fn many_tiles() {
    let mut scratch = Scratch::new();
    for conv in large() {
        assert_close(&conv, &computed::<f32>(&conv, false, &mut scratch), &by_terms(&conv, false), 4e-6);
    }
}

/// Images without pixels, whose padding the kernel sees.
#[test]
fn no_pixels() {
    let conv =
        Conv { images: 2, size: [0, 3], in_channels: 16, out_channels: 16, kernel: [3; 2], stride: 1, padding: 2 };
    assert_close(&conv, &computed::<f64>(&conv, true, &mut Scratch::new()), &by_terms(&conv, true), 1e-14);
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    for conv in large() {
        let alone = computed::<f32>(&conv, true, &mut Scratch::new());
        for threads in [1, 2, 3, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let shared = pool.install(|| computed::<f32>(&conv, true, &mut Scratch::new()));
            for (alone, shared) in alone.iter().zip(&shared) {
                assert!(
                    alone.iter().zip(shared).all(|(a, b)| a.to_bits() == b.to_bits()),
                    "{threads} threads, {conv:?}"
                );
            }
        }
    }
}

#[test]
#[should_panic(expected = "kernel of [3, 3] pixels on an image of [2, 4] with a padding of 0")]
fn a_kernel_larger_than_the_image_is_refused() {
    let conv = Conv { images: 1, size: [2, 4], in_channels: 1, out_channels: 1, kernel: [3, 3], stride: 1, padding: 0 };
    conv.out_size();
}
