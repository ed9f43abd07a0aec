//! All trainable numbers in one flat buffer, by name.

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
    /// Half-width of the uniform initial distribution (METHODS §2): 1/√fan_in.
    pub bound: f64,
}

impl Tensor {
    /// Where its elements are.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.shape.len()
    }

    /// The tensor as a value of a graph on the buffer.
    pub fn bind<T: Scalar>(&self, g: &mut Graph<'_, T>) -> Var {
        g.parameter(self.start, self.shape)
    }
}

/// The plan of a flat parameter buffer: which tensor is where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    tensors: Vec<Tensor>,
    len: usize,
}

impl Layout {
    /// Adds a tensor and returns its index. Tensors start at multiples of 16 elements, a cache line of `f32`.
    pub(crate) fn add(&mut self, name: String, shape: impl Into<Shape>, fan_in: usize) -> usize {
        let shape = shape.into();
        let start = self.len.next_multiple_of(16);
        self.len = start + shape.len();
        self.tensors.push(Tensor { name, shape, start, bound: 1.0 / (fan_in as f64).sqrt() });
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

    /// Whether there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of trainable parameters: [`len`](Layout::len) without the gaps.
    pub fn count(&self) -> usize {
        self.tensors.iter().map(|t| t.shape.len()).sum()
    }

    /// A buffer of initial values: weights and biases uniform on ±1/√fan_in.
    pub fn initialise<T: Scalar>(&self, rng: &mut Stream) -> Aligned<T> {
        let mut values = Aligned::zeros(self.len);
        for tensor in &self.tensors {
            for value in &mut values[tensor.range()] {
                *value = T::from_f64(tensor.bound * (2.0 * rng.random::<f64>() - 1.0));
            }
        }
        values
    }
}
