//! What happens to the elements of a product on their way to memory.

/// What happens to each element of the product *A*·*B* (*M* × *N*) before it is stored.
///
/// In this order, each step only if asked for:
///
/// c = \[c +\] gate( relu( ab + bias\[col\] + add\[row, col\] ) · scale\[row, col\] )
///
/// `Epilogue::default()` stores the product itself. NaN passes through `relu`.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, T> {
    /// Added to every row: *N* elements.
    pub bias: Option<&'a [T]>,
    /// Added element by element: *M* × *N*, row-major and contiguous.
    pub add: Option<&'a [T]>,
    /// Negative sums become zero.
    pub relu: bool,
    /// Multiplied element by element: *M* × *N*, row-major and contiguous.
    pub scale: Option<&'a [T]>,
    /// Elements are kept where this is positive and become zero elsewhere: *M* × *N*, row-major and contiguous.
    /// With a ReLU's output here, the product is its gradient.
    pub gate: Option<&'a [T]>,
    /// Add to what *C* holds instead of overwriting it.
    pub accumulate: bool,
}

impl<T> Default for Epilogue<'_, T> {
    fn default() -> Self {
        Self { bias: None, add: None, relu: false, scale: None, gate: None, accumulate: false }
    }
}

impl<T> Epilogue<'_, T> {
    /// Checks every part against the product's shape.
    #[track_caller]
    pub(super) fn check(&self, m: usize, n: usize) {
        if let Some(bias) = self.bias {
            assert!(bias.len() == n, "bias of {} elements for a {m} × {n} product", bias.len());
        }
        for (name, part) in [("add", self.add), ("scale", self.scale), ("gate", self.gate)] {
            if let Some(part) = part {
                assert!(part.len() == m * n, "{name} of {} elements for a {m} × {n} product", part.len());
            }
        }
    }

    /// Whether the result is a sum of which the product is a term, so that the product may be added in parts.
    pub(super) fn is_sum(&self) -> bool {
        !self.relu && self.scale.is_none() && self.gate.is_none()
    }
}
