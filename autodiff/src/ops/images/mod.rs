//! Operations on batches of images.
//!
//! A batch of images is a value of shape N × H × W × C: pixel by pixel, all channels of a pixel together. A view without a
//! pass over memory makes rows of pixels (N·H·W × C) of it. Mask channels and flat images of one channel need no reordering.

mod batch_norm;
mod conv2d;
mod normalise;
mod resize;

pub use batch_norm::{BatchNorm, BatchNormInputs, Statistics};
pub use conv2d::Conv2d;
pub use resize::ResizeNearest;

use crate::Shape;

/// N, H, W and C of a batch of images.
#[track_caller]
fn sizes(x: Shape) -> [usize; 4] {
    let &[images, height, width, channels] = x.dims() else {
        panic!("images × height × width × channels were expected, not {x}")
    };
    [images, height, width, channels]
}
