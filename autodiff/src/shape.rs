//! Sizes of the axes of a value.

use std::fmt;

/// Most axes that a value can have: samples, importance samples, rows, components, dimensions.
const MAX_RANK: usize = 5;

/// Sizes of up to five axes, the last one contiguous in memory. The empty shape is that of a single number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The shape of a single number.
    pub const SCALAR: Shape = Shape { dims: [1; MAX_RANK], rank: 0 };

    /// A shape from its sizes.
    ///
    /// # Panics
    /// If there are more than five.
    #[track_caller]
    pub fn new(sizes: &[usize]) -> Self {
        assert!(sizes.len() <= MAX_RANK, "a shape has at most {MAX_RANK} axes, not {sizes:?}");
        let mut dims = [1; MAX_RANK];
        dims[..sizes.len()].copy_from_slice(sizes);
        Shape { dims, rank: sizes.len() }
    }

    /// The sizes, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.dims().iter().product()
    }

    /// Whether an axis has size zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size of the last axis (1 for a single number).
    pub fn last(&self) -> usize {
        self.dims().last().copied().unwrap_or(1)
    }

    /// Product of all sizes but the last: the number of rows of the value seen as a matrix.
    pub fn rows(&self) -> usize {
        self.dims[..self.rank.saturating_sub(1)].iter().product()
    }

    /// The shape without its last axis.
    pub fn without_last(&self) -> Shape {
        Shape::new(&self.dims[..self.rank.saturating_sub(1)])
    }

    /// The same shape with size 1 at these axes: that of a reduction before they are dropped.
    pub fn with_ones(&self, axes: &[usize]) -> Shape {
        let mut shape = *self;
        axes.iter().for_each(|&axis| shape.dims[axis] = 1);
        shape
    }

    /// The same shape with another last size.
    pub fn with_last(&self, size: usize) -> Shape {
        let mut shape = *self;
        shape.dims[self.rank - 1] = size;
        shape
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(sizes: [usize; N]) -> Self {
        Shape::new(&sizes)
    }
}

impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(sizes: &[usize]) -> Self {
        Shape::new(sizes)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.dims().iter().map(usize::to_string).collect();
        write!(f, "[{}]", sizes.join(" × "))
    }
}
