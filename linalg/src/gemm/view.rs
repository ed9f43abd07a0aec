//! Matrices as the product sees them: slices with sizes and strides.

/// A read-only matrix of *rows* × *cols* elements inside a slice, with any strides.
///
/// Element (i, j) is `data[i * row_stride + j * col_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    pub(super) data: &'a [T],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A contiguous row-major matrix.
    ///
    /// # Panics
    /// Unless `data.len() == rows * cols`.
    #[track_caller]
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        assert!(data.len() == rows * cols, "a {rows} × {cols} matrix over {} elements", data.len());
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// A row-major matrix whose rows start `row_stride` elements apart.
    ///
    /// # Panics
    /// If a non-empty matrix's last element, `(rows - 1) * row_stride + cols - 1`, lies outside `data`.
    #[track_caller]
    pub fn with_row_stride(data: &'a [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert_inside(data.len(), rows, cols, row_stride);
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transposed view, *cols* × *rows*, of the same elements.
    #[must_use]
    pub fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }
}

/// A writable row-major matrix of *rows* × *cols* elements inside a slice; elements of a row are adjacent.
///
/// Element (i, j) is `data[i * row_stride + j]`. Elements between the rows are never touched.
#[derive(Debug)]
pub struct MatrixMut<'a, T> {
    pub(super) data: &'a mut [T],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
}

impl<'a, T> MatrixMut<'a, T> {
    /// A contiguous row-major matrix.
    ///
    /// # Panics
    /// Unless `data.len() == rows * cols`.
    #[track_caller]
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        assert!(data.len() == rows * cols, "a {rows} × {cols} matrix over {} elements", data.len());
        Self { data, rows, cols, row_stride: cols }
    }

    /// A row-major matrix whose rows start `row_stride` elements apart.
    ///
    /// # Panics
    /// If rows overlap (`row_stride < cols`), or if a non-empty matrix's last element,
    /// `(rows - 1) * row_stride + cols - 1`, lies outside `data`.
    #[track_caller]
    pub fn with_row_stride(data: &'a mut [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(row_stride >= cols, "rows of {cols} elements overlap at a stride of {row_stride}");
        assert_inside(data.len(), rows, cols, row_stride);
        Self { data, rows, cols, row_stride }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }
}

#[track_caller]
fn assert_inside(len: usize, rows: usize, cols: usize, row_stride: usize) {
    let end = (rows.checked_sub(1).filter(|_| cols > 0))
        .map_or(Some(0), |last| last.checked_mul(row_stride)?.checked_add(cols));
    assert!(
        end.is_some_and(|end| end <= len),
        "a {rows} × {cols} matrix with rows {row_stride} apart over {len} elements"
    );
}
