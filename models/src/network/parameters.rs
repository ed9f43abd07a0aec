//! All numbers of the networks in one flat buffer, by name.

use std::ops::Range;

use autodiff::{Aligned, Graph, Shape, Var};
use linalg::Scalar;
use rand::RngExt;
use samplers::stream::Stream;

/// A named piece of the flat parameter buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name in model files, such as `encoder.blocks.0.linear1.weight`.
    pub name: String,
    /// Sizes; weights are \[out, in\].
    pub shape: Shape,
    /// First element in the buffer.
    pub start: usize,
    /// Its initial values.
    pub initial: Initial,
    /// Whether it is learned by gradients; if not, it holds running statistics, and its gradient is always zero.
    pub trainable: bool,
}

/// Initial values of a tensor (docs/methods.md §2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// Uniform on ± this bound: 1/√fan_in.
    Uniform(f64),
    /// This value everywhere.
    Constant(f64),
}

impl Tensor {
    /// The range of its elements in the buffer.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.shape.len()
    }

    /// The tensor as a value of a graph on the buffer; without a gradient if it is not trainable.
    pub fn bind<T: Scalar>(&self, g: &mut Graph<'_, T>) -> Var {
        if self.trainable { g.parameter(self.start, self.shape) } else { g.frozen(self.start, self.shape) }
    }
}

/// The places of all tensors in a flat parameter buffer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    tensors: Vec<Tensor>,
    len: usize,
}

impl Layout {
    /// Adds a tensor and returns its index. Tensors start at multiples of 16 elements, a cache line of `f32`.
    pub(crate) fn add(&mut self, name: String, shape: impl Into<Shape>, fan_in: usize) -> usize {
        self.push(name, shape.into(), Initial::Uniform(1.0 / (fan_in as f64).sqrt()), true)
    }

    /// As [`add`](Layout::add), a tensor that starts with one value everywhere.
    pub(crate) fn add_constant(&mut self, name: String, shape: impl Into<Shape>, initial: f64) -> usize {
        self.push(name, shape.into(), Initial::Constant(initial), true)
    }

    /// As [`add_constant`](Layout::add_constant), running statistics.
    pub(crate) fn add_running(&mut self, name: String, shape: impl Into<Shape>, initial: f64) -> usize {
        self.push(name, shape.into(), Initial::Constant(initial), false)
    }

    fn push(&mut self, name: String, shape: Shape, initial: Initial, trainable: bool) -> usize {
        let start = self.len.next_multiple_of(16);
        self.len = start + shape.len();
        self.tensors.push(Tensor { name, shape, start, initial, trainable });
        self.tensors.len() - 1
    }

    /// The tensors, in the order of the buffer.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Length of the buffer. Gaps between tensors count; they stay zero.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no tensors.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of trainable parameters.
    pub fn count(&self) -> usize {
        self.tensors.iter().filter(|t| t.trainable).map(|t| t.shape.len()).sum()
    }

    /// A buffer of initial values. Weights and biases are uniform on ±1/√fan_in; batch normalisation has scale 1 and
    /// shift 0.
    pub fn initialise<T: Scalar>(&self, rng: &mut Stream) -> Aligned<T> {
        let mut values = Aligned::zeros(self.len);
        for tensor in &self.tensors {
            for value in &mut values[tensor.range()] {
                *value = T::from_f64(match tensor.initial {
                    Initial::Uniform(bound) => bound * (2.0 * rng.random::<f64>() - 1.0),
                    Initial::Constant(constant) => constant,
                });
            }
        }
        values
    }
}
