//! Weights in the orders of the products.

use super::Conv;
use crate::Scalar;

/// `ordered[(t, c), o]` ← `weight[o, c, t]`, t the kernel's pixels: what neighbourhoods are multiplied by.
pub(super) fn by_input<T: Scalar>(conv: &Conv, weight: &[T], ordered: &mut [T]) {
    let Conv { in_channels, out_channels, .. } = *conv;
    let pixels = conv.kernel[0] * conv.kernel[1];
    for (o, weight) in weight.chunks_exact((in_channels * pixels).max(1)).enumerate() {
        for (c, weight) in weight.chunks_exact(pixels).enumerate() {
            for (t, w) in weight.iter().enumerate() {
                ordered[(t * in_channels + c) * out_channels + o] = *w;
            }
        }
    }
}

/// `ordered[(t, o), c]` ← `weight[o, c, last − t]`: what the outputs that see a pixel are multiplied by.
pub(super) fn by_output_turned<T: Scalar>(conv: &Conv, weight: &[T], ordered: &mut [T]) {
    let Conv { in_channels, out_channels, .. } = *conv;
    let pixels = conv.kernel[0] * conv.kernel[1];
    for (o, weight) in weight.chunks_exact((in_channels * pixels).max(1)).enumerate() {
        for (c, weight) in weight.chunks_exact(pixels).enumerate() {
            for (t, w) in weight.iter().rev().enumerate() {
                ordered[(t * out_channels + o) * in_channels + c] = *w;
            }
        }
    }
}

/// `weight[o, c, t]` ← \[`weight[o, c, t]` +\] `ordered[o, (t, c)]`.
pub(super) fn from_product<T: Scalar>(conv: &Conv, ordered: &[T], weight: &mut [T], accumulate: bool) {
    let in_channels = conv.in_channels;
    let pixels = conv.kernel[0] * conv.kernel[1];
    let rows = ordered.chunks_exact((in_channels * pixels).max(1));
    for (ordered, weight) in rows.zip(weight.chunks_exact_mut((in_channels * pixels).max(1))) {
        for (c, weight) in weight.chunks_exact_mut(pixels).enumerate() {
            for (t, w) in weight.iter_mut().enumerate() {
                let value = ordered[t * in_channels + c];
                *w = if accumulate { *w + value } else { value };
            }
        }
    }
}
