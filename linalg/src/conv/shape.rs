//! Sizes of convolutions.

use super::gather::Gather;

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
    pub(super) fn positions(&self) -> usize {
        let [height, width] = self.out_size();
        self.images * height * width
    }

    /// Whether every position sees one pixel, its own.
    pub(super) fn pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == 1 && self.padding == 0
    }

    /// The neighbourhoods that the positions see.
    pub(super) fn neighbourhoods(&self) -> Gather {
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
    pub(super) fn sights(&self) -> Gather {
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

    /// Panics unless the lengths are those of input, weight and output.
    #[track_caller]
    pub(super) fn check(&self, input: usize, weight: usize, out: usize) {
        let expected = (self.in_len(), self.weights(), self.out_len());
        assert_eq!((input, weight, out), expected, "elements of input, weight and output of {self:?}");
    }
}
