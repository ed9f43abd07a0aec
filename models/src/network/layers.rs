//! Layers of the convolutional networks.

use autodiff::ops::{BatchNormInputs, Conv2d};
use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::Rng;

use super::dropout_mask;
use super::parameters::Layout;

/// A convolution without bias whose output is as large as its input, divided by the stride.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    weight: usize,
    op: Conv2d,
}

impl Conv {
    /// Adds the weight, \[out, in, kernel, kernel\], to a layout.
    pub(super) fn new(layout: &mut Layout, name: &str, channels: [usize; 2], kernel: usize, stride: usize) -> Self {
        let [from, to] = channels;
        let weight = layout.add(format!("{name}.weight"), [to, from, kernel, kernel], from * kernel * kernel);
        Conv { weight, op: Conv2d { stride, padding: kernel / 2 } }
    }

    #[track_caller]
    pub(super) fn forward<T: Scalar>(self, g: &mut Graph<'_, T>, layout: &Layout, x: Var) -> Var {
        let weight = layout.tensors()[self.weight].bind(g);
        g.conv2d(x, weight, None, self.op)
    }
}

/// Batch normalisation: the index of its scale. Shift, running mean and running variance follow it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Norm {
    first: usize,
}

/// What is done to normalised images.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct After {
    /// The factor of each channel of each image.
    pub(super) dropout: Option<Var>,
    /// What is added.
    pub(super) residual: Option<Var>,
    /// Whether negative values become zero.
    pub(super) relu: bool,
}

impl Norm {
    /// Adds scale, shift and running statistics to a layout.
    pub(super) fn new(layout: &mut Layout, name: &str, channels: usize) -> Self {
        let first = layout.add_constant(format!("{name}.weight"), [channels], 1.0);
        layout.add_constant(format!("{name}.bias"), [channels], 0.0);
        layout.add_running(format!("{name}.running_mean"), [channels], 0.0);
        layout.add_running(format!("{name}.running_var"), [channels], 1.0);
        Norm { first }
    }

    /// Normalises by the batch's statistics (in training) or by the running ones.
    #[track_caller]
    pub(super) fn forward<T: Scalar>(
        self,
        g: &mut Graph<'_, T>,
        layout: &Layout,
        x: Var,
        training: bool,
        after: After,
    ) -> Var {
        let mut bind = |i: usize| layout.tensors()[self.first + i].bind(g);
        let (scale, shift) = (bind(0), bind(1));
        let statistics = (!training).then(|| (bind(2), bind(3)));
        let After { dropout, residual, relu } = after;
        g.batch_norm(x, scale, shift, BatchNormInputs { statistics, dropout, residual, relu })
    }
}

/// How a basic block changes the images' size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scaling {
    /// Not at all.
    None,
    /// Its first convolution has stride 2.
    Halve,
    /// Its second convolution sees twice the size, by nearest resizing.
    Double,
}

/// conv 3 × 3 → norm → relu → conv 3 × 3 → norm → channel dropout, plus the identity (where the shape changes, a 1 × 1
/// convolution and norm of it), then relu.
#[derive(Clone, Copy, Debug)]
pub(super) struct BasicBlock {
    conv1: Conv,
    bn1: Norm,
    conv2: Conv,
    bn2: Norm,
    shortcut: Option<(Conv, Norm)>,
    scaling: Scaling,
}

impl BasicBlock {
    /// A block of the encoder, which halves or keeps the size and changes channels at once.
    pub(super) fn of_encoder(layout: &mut Layout, name: &str, [from, to]: [usize; 2], scaling: Scaling) -> Self {
        let stride = if scaling == Scaling::Halve { 2 } else { 1 };
        BasicBlock {
            conv1: Conv::new(layout, &format!("{name}.conv1"), [from, to], 3, stride),
            bn1: Norm::new(layout, &format!("{name}.bn1"), to),
            conv2: Conv::new(layout, &format!("{name}.conv2"), [to, to], 3, 1),
            bn2: Norm::new(layout, &format!("{name}.bn2"), to),
            shortcut: (from != to || stride != 1).then(|| {
                let conv = Conv::new(layout, &format!("{name}.downsample.0"), [from, to], 1, stride);
                (conv, Norm::new(layout, &format!("{name}.downsample.1"), to))
            }),
            scaling,
        }
    }

    /// A block of the decoder, which doubles or keeps the size, and changes channels in its second convolution.
    pub(super) fn of_decoder(layout: &mut Layout, name: &str, [from, to]: [usize; 2], scaling: Scaling) -> Self {
        // A convolution behind a resize stands second in a sequence.
        let nested = if scaling == Scaling::Double { ".1" } else { "" };
        BasicBlock {
            conv1: Conv::new(layout, &format!("{name}.conv1"), [from, from], 3, 1),
            bn1: Norm::new(layout, &format!("{name}.bn1"), from),
            conv2: Conv::new(layout, &format!("{name}.conv2{nested}"), [from, to], 3, 1),
            bn2: Norm::new(layout, &format!("{name}.bn2"), to),
            shortcut: (from != to || scaling == Scaling::Double).then(|| {
                let conv = Conv::new(layout, &format!("{name}.upsample.0{nested}"), [from, to], 1, 1);
                (conv, Norm::new(layout, &format!("{name}.upsample.1"), to))
            }),
            scaling,
        }
    }

    /// With a `dropout` generator the block is in training mode, and its channels are dropped with probability `p`.
    #[track_caller]
    pub(super) fn forward<T: Scalar>(
        &self,
        g: &mut Graph<'_, T>,
        layout: &Layout,
        x: Var,
        p: f64,
        dropout: &mut Option<&mut impl Rng>,
    ) -> Var {
        let training = dropout.is_some();
        let grow = |g: &mut Graph<'_, T>, x: Var| match self.scaling {
            Scaling::Double => {
                let &[_, height, width, _] = g.shape(x).dims() else { panic!("images, not {}", g.shape(x)) };
                g.resize_nearest(x, [2 * height, 2 * width])
            }
            Scaling::None | Scaling::Halve => x,
        };
        let h = self.conv1.forward(g, layout, x);
        let h = self.bn1.forward(g, layout, h, training, After { relu: true, ..After::default() });
        let h = grow(g, h);
        let h = self.conv2.forward(g, layout, h);
        let residual = match self.shortcut {
            None => x,
            Some((conv, bn)) => {
                // A 1 × 1 convolution of repeated pixels repeats its outputs: it comes first, on fewer pixels.
                let identity = conv.forward(g, layout, x);
                let identity = grow(g, identity);
                bn.forward(g, layout, identity, training, After::default())
            }
        };
        let shape = g.shape(h);
        let dropout = dropout.as_mut().filter(|_| p > 0.0);
        let dropout = dropout.map(|rng| dropout_mask(g, [shape.dims()[0], shape.last()].into(), p, *rng));
        self.bn2.forward(g, layout, h, training, After { dropout, residual: Some(residual), relu: true })
    }
}

/// A linear layer: its weight, followed by its bias.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    weight: usize,
}

impl Affine {
    pub(super) fn new(layout: &mut Layout, name: &str, from: usize, to: usize) -> Self {
        let weight = layout.add(format!("{name}.weight"), [to, from], from);
        layout.add(format!("{name}.bias"), [to], from);
        Affine { weight }
    }

    /// Weight and bias as values of a graph.
    #[track_caller]
    pub(super) fn bind<T: Scalar>(self, g: &mut Graph<'_, T>, layout: &Layout) -> (Var, Var) {
        let mut value = |i: usize| layout.tensors()[i].bind(g);
        (value(self.weight), value(self.weight + 1))
    }

    #[track_caller]
    pub(super) fn forward<T: Scalar>(self, g: &mut Graph<'_, T>, layout: &Layout, x: Var) -> Var {
        let (weight, bias) = self.bind(g, layout);
        g.linear(x, weight, bias)
    }
}
