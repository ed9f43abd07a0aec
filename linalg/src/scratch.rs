//! Working memory, below the products and the convolutions that use it.

use crate::Scalar;

/// Working memory of [`gemm`](crate::gemm::gemm), of [`crate::conv`] and of column sums: it grows to the most that one of them has needed, and is
/// then reused. It counts the work too.
#[derive(Debug, Default)]
pub struct Scratch<T> {
    buffer: Vec<T>,
    pub(crate) operations: u64,
    /// What convolutions need beside their products.
    pub(crate) conv: Workspace<T>,
}

impl<T: Scalar> Scratch<T> {
    /// Empty: the first product allocates.
    pub fn new() -> Self {
        Self::with_len(0)
    }

    /// With room for `len` elements, see [`gemm_scratch_len`](crate::gemm::gemm_scratch_len).
    pub fn with_len(len: usize) -> Self {
        Self { buffer: vec![T::ZERO; len], operations: 0, conv: Workspace::default() }
    }

    /// Floating-point operations of the products that used it so far, 2·*M*·*N*·*K* for each.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// The first `len` elements, with arbitrary content.
    pub(crate) fn grown(&mut self, len: usize) -> &mut [T] {
        grown(&mut self.buffer, len)
    }
}

/// Working memory of convolutions: it grows to the largest that it has met and is then reused.
#[derive(Debug, Default)]
pub(crate) struct Workspace<T> {
    /// Weights in the order of a product.
    pub(crate) weights: Vec<T>,
    /// Parts of a weight gradient.
    pub(crate) sums: Vec<T>,
    /// What each of the tasks that may run at once needs.
    pub(crate) slots: Vec<Slot<T>>,
}

/// Working memory of one task.
#[derive(Debug, Default)]
pub(crate) struct Slot<T> {
    pub(crate) tile: Vec<T>,
    pub(crate) scratch: Scratch<T>,
}

/// The first `len` elements of a buffer, which grows to that if it is shorter; their content is arbitrary.
pub(crate) fn grown<T: Scalar>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::ZERO);
    }
    &mut buffer[..len]
}
