//! Memory that grows, is reset, and is never given back.

use std::ops::{Deref, DerefMut};

use linalg::Scalar;

/// Bytes of a cache line and of the widest vector: where buffers and the values in them start.
const ALIGNMENT: usize = 64;

/// A zero-initialised buffer whose first element starts a cache line.
#[derive(Debug)]
pub struct Aligned<T> {
    storage: Vec<T>,
    offset: usize,
    len: usize,
}

impl<T: Scalar> Aligned<T> {
    /// A buffer of `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let padding = ALIGNMENT / size_of::<T>();
        let storage = vec![T::ZERO; if len == 0 { 0 } else { len + padding }];
        // Under an interpreter the offset may be unknown; any offset is correct, an aligned one is fast.
        let offset = match storage.as_ptr().align_offset(ALIGNMENT) {
            offset if offset <= padding => offset,
            _ => 0,
        };
        Aligned { storage, offset: if len == 0 { 0 } else { offset }, len }
    }

    /// A copy of `values`.
    pub fn from_slice(values: &[T]) -> Self {
        let mut buffer = Self::zeros(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// Makes room for at least `len` elements, keeping what is there; at least doubles when it grows.
    pub(crate) fn reserve(&mut self, len: usize) {
        if len > self.len {
            let mut larger = Self::zeros(len.max(2 * self.len));
            larger[..self.len].copy_from_slice(self);
            *self = larger;
        }
    }

    /// `len` rounded up to where the next value may start.
    pub(crate) fn round_up(len: usize) -> usize {
        len.next_multiple_of(ALIGNMENT / size_of::<T>())
    }
}

impl<T: Scalar> Default for Aligned<T> {
    fn default() -> Self {
        Self::zeros(0)
    }
}

impl<T: Scalar> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        Self::from_slice(self)
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.storage[self.offset..self.offset + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.storage[self.offset..self.offset + self.len]
    }
}
