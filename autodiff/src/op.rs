//! What an operation is.

use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Arc;

use linalg::Scalar;
use linalg::gemm::Scratch;

use crate::Shape;
use crate::ops::Builtin;

/// Most inputs that an operation can have.
pub const MAX_INPUTS: usize = 6;

/// A differentiable function of up to [`MAX_INPUTS`] values, with its gradient.
///
/// Built-in operations and a user's own implement the same trait; [`Graph::apply`](crate::Graph::apply) records
/// either. An operation is small: what varies from step to step (noise, masks) comes in as an input.
///
/// Given the gradient `dout` of some scalar with respect to the output, [`backward`](Op::backward) adds the
/// gradients with respect to the inputs: for every input that is wanted, and for no other.
pub trait Op<T: Scalar>: Debug + Send + Sync {
    /// Name in reports.
    fn name(&self) -> &'static str;

    /// Shape of the output. Panics, naming the shapes, when they do not fit.
    fn out_shape(&self, inputs: &[Shape]) -> Shape;

    /// Number of values that forward leaves for backward beside the output.
    fn saved_len(&self, _inputs: &[Shape]) -> usize {
        0
    }

    /// Whether a gradient with respect to this input exists. Where it does not, the input is data.
    fn differentiable(&self, _input: usize) -> bool {
        true
    }

    /// What backward reads. The tape hands over nothing else but inputs that are data.
    fn reads(&self) -> Reads {
        Reads::Both
    }

    /// Computes every element of the output (its old content is arbitrary) and of `saved`.
    fn forward(&self, pass: Forward<'_, T>);

    /// Adds the gradients of the wanted inputs.
    fn backward(&self, pass: Backward<'_, T>);
}

/// Checks the shapes of a masked density: *x* and *mask* (B × D), and points, each a row of parameters, with `inner` consecutive
/// points of one data row, so that their number is a multiple of B·inner.
///
/// # Panics
/// With the shapes, and the `name` of the points, where they do not fit.
#[track_caller]
pub fn check_points(name: &str, points: Shape, (x, mask): (Shape, Shape), inner: usize) {
    assert!(x == mask && x.rank() == 2, "x {x} and mask {mask} must be matrices of one shape");
    let period = x.rows() * inner;
    let fits = if period == 0 { points.rows() == 0 } else { points.rows().is_multiple_of(period) };
    assert!(fits, "{name} {points} for x {x}, {inner} rows each");
}

/// What an operation's backward reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The inputs' values.
    Inputs,
    /// The output's value.
    Output,
    /// Both.
    Both,
    /// Neither: only shapes, and what forward saved.
    Neither,
}

/// Values and shapes of an operation's inputs.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, T> {
    pub(crate) values: [&'a [T]; MAX_INPUTS],
    pub(crate) shapes: [Shape; MAX_INPUTS],
    pub(crate) count: usize,
}

impl<'a, T> Inputs<'a, T> {
    /// Elements of input `i`, row-major. (Empty in a backward that does not declare to read inputs, unless it is data.)
    pub fn get(&self, i: usize) -> &'a [T] {
        assert!(i < self.count, "input {i} of {}", self.count);
        self.values[i]
    }

    /// Shape of input `i`.
    pub fn shape(&self, i: usize) -> Shape {
        assert!(i < self.count, "input {i} of {}", self.count);
        self.shapes[i]
    }

    /// All shapes.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes[..self.count]
    }

    /// Number of inputs.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// Arguments of [`Op::forward`].
#[derive(Debug)]
pub struct Forward<'a, T> {
    /// Values and shapes of the inputs.
    pub inputs: Inputs<'a, T>,
    /// Where the output goes; its old content is arbitrary.
    pub out: &'a mut [T],
    /// Where [`Op::saved_len`] values for backward go; its old content is arbitrary.
    pub saved: &'a mut [T],
    /// Working memory that keeps its size between calls.
    pub scratch: &'a mut Scratch<T>,
}

/// Arguments of [`Op::backward`].
#[derive(Debug)]
pub struct Backward<'a, T> {
    /// Values and shapes of the inputs.
    pub inputs: Inputs<'a, T>,
    /// The output's value. (Empty unless [`Op::reads`] declares it.)
    pub out: &'a [T],
    /// What forward saved.
    pub saved: &'a [T],
    /// Gradient with respect to the output. Nobody reads it afterwards: it may be overwritten.
    pub dout: &'a mut [T],
    /// Where the gradients of the inputs go.
    pub grads: Grads<'a, T>,
    /// Room for as many values as forward saved (their gradients, say); its old content is arbitrary.
    pub work: &'a mut [T],
    /// Working memory that keeps its size between calls.
    pub scratch: &'a mut Scratch<T>,
}

/// The gradients that a backward has to add to, one for each input that is wanted.
#[derive(Debug)]
pub struct Grads<'a, T> {
    pub(crate) slots: [Option<Grad<'a, T>>; MAX_INPUTS],
    /// Number of wanted gradients that have not been taken; the tape looks at it afterwards.
    pub(crate) pending: &'a Cell<usize>,
}

impl<'a, T> Grads<'a, T> {
    /// Whether the gradient of input `i` is wanted.
    pub fn wants(&self, i: usize) -> bool {
        self.slots[i].is_some()
    }

    /// The gradient of input `i`, if it is wanted. Each wanted one must be taken, once; the tape panics otherwise.
    pub fn take(&mut self, i: usize) -> Option<Grad<'a, T>> {
        let grad = self.slots[i].take();
        self.pending.set(self.pending.get() - usize::from(grad.is_some()));
        grad
    }
}

/// A gradient to add to. If nothing was added before, its content is arbitrary and the first addition overwrites it,
/// so that no buffer is filled with zeros first.
#[derive(Debug)]
pub struct Grad<'a, T> {
    pub(crate) data: &'a mut [T],
    pub(crate) unwritten: bool,
}

impl<'a, T: Scalar> Grad<'a, T> {
    /// Adds `f(i)` to every element `i`.
    #[inline(always)]
    pub fn add(self, mut f: impl FnMut(usize) -> T) {
        if self.unwritten {
            self.data.iter_mut().enumerate().for_each(|(i, g)| *g = f(i));
        } else {
            self.data.iter_mut().enumerate().for_each(|(i, g)| *g += f(i));
        }
    }

    /// Adds `x` element by element. Panics if the lengths differ.
    #[track_caller]
    pub fn add_slice(self, x: &[T]) {
        assert_eq!(self.data.len(), x.len(), "a gradient and what is added to it");
        if self.unwritten {
            self.data.copy_from_slice(x);
        } else {
            self.data.iter_mut().zip(x).for_each(|(g, x)| *g += *x);
        }
    }

    /// Adds row n of `rows`, seen as a matrix with as many rows as there are factors, times `factors[n]`.
    ///
    /// # Panics
    /// If the gradient and `rows` differ in length.
    #[track_caller]
    pub fn add_scaled_rows(self, factors: &[T], rows: &[T]) {
        assert_eq!(self.data.len(), rows.len(), "a gradient and what is added to it");
        let width = (rows.len() / factors.len().max(1)).max(1);
        for ((g, row), &factor) in self.data.chunks_exact_mut(width).zip(rows.chunks_exact(width)).zip(factors) {
            if self.unwritten {
                g.iter_mut().zip(row).for_each(|(g, x)| *g = factor * *x);
            } else {
                g.iter_mut().zip(row).for_each(|(g, x)| *g += factor * *x);
            }
        }
    }

    /// The elements, ready for `+=`: zeros if nothing was added before.
    pub fn accumulator(self) -> &'a mut [T] {
        if self.unwritten {
            self.data.fill(T::ZERO);
        }
        self.data
    }

    /// The elements, and whether they hold something to add to (if not, every element must be overwritten).
    pub fn parts(self) -> (&'a mut [T], bool) {
        (self.data, !self.unwritten)
    }
}

/// An operation to record: a built-in one, stored in the tape as it is, or a user's own.
#[derive(Clone, Debug)]
pub enum Operation<T: Scalar> {
    /// One of [`crate::ops`].
    Builtin(Builtin),
    /// Any implementation of [`Op`]. Made once and cloned for each use, it costs no allocation in a step.
    Custom(Arc<dyn Op<T>>),
}

impl<T: Scalar> Operation<T> {
    /// Wraps an operation that is not built in.
    pub fn custom(op: impl Op<T> + 'static) -> Self {
        Operation::Custom(Arc::new(op))
    }

    pub(crate) fn as_op(&self) -> &dyn Op<T> {
        match self {
            Operation::Builtin(op) => op.as_op(),
            Operation::Custom(op) => op.as_ref(),
        }
    }
}
