//! Dimension-major copies of a mixture's parameters, for kernels whose lanes are components.

use linalg::Scalar;
use linalg::simd::{MAX_LANES, Vector};
use linalg::special::{HALF_LN_TWO_PI, exp, ln};

use super::Mixture;

/// Length of one data row's table.
pub(super) fn table_len(mixture: Mixture) -> usize {
    3 * mixture.moments()
}

/// What a data row's samples need of its components, each L × K so that one dimension's components are adjacent.
#[derive(Clone, Copy)]
pub(super) struct Table<'a, T> {
    /// μ.
    pub(super) means: &'a [T],
    /// 1/σ.
    pub(super) inverses: &'a [T],
    /// −ln σ − ½·ln 2π, the log density at the mean. (Log densities keep only the total, see there.)
    pub(super) peaks: &'a [T],
}

impl<'a, T: Scalar> Table<'a, T> {
    /// Computes a table from a parameter row.
    #[inline(always)]
    pub(super) fn fill<V: Vector<T>>(mixture: Mixture, row: &[T], table: &mut [T]) {
        let (means, scales, _) = mixture.split(row);
        let (table_means, inverses, peaks) = mixture.split_mut(table);
        let (k_count, l_count) = (mixture.components, mixture.latent);
        for k in 0..k_count {
            for l in 0..l_count {
                table_means[l * k_count + k] = means[k * l_count + l];
                inverses[l * k_count + k] = scales[k * l_count + l];
            }
        }
        let constant = V::splat(T::from_f64(-HALF_LN_TWO_PI));
        for (inverses, peaks) in inverses.chunks_mut(V::LANES).zip(peaks.chunks_mut(V::LANES)) {
            let scale = V::load_partial(inverses);
            (constant - ln(scale)).store_partial(peaks);
            (V::splat(T::ONE) / scale).store_partial(inverses);
        }
    }

    /// A table that was filled.
    #[inline(always)]
    pub(super) fn new(mixture: Mixture, table: &'a [T]) -> Self {
        let (means, inverses, peaks) = mixture.split(table);
        Table { means, inverses, peaks }
    }

    /// (z − μ)/σ of the components at `at` (of dimension `at / K`), and 1/σ; lanes past the block are zero.
    #[inline(always)]
    pub(super) fn standardise<V: Vector<T>>(&self, z: V, at: std::ops::Range<usize>) -> (V, V) {
        let inverse = V::load_partial(&self.inverses[at.clone()]);
        ((z - V::load_partial(&self.means[at])) * inverse, inverse)
    }
}

/// 0, 1, 2, …: the lanes' indices.
#[inline(always)]
pub(super) fn lane_indices<T: Scalar, V: Vector<T>>() -> V {
    let indices: [T; MAX_LANES] = std::array::from_fn(T::from_usize);
    V::load(&indices)
}

/// The values of `src`, and −∞ in the lanes past its end.
#[inline(always)]
pub(super) fn load_log<T: Scalar, V: Vector<T>>(src: &[T], indices: V) -> V {
    let count = V::splat(T::from_usize(src.len()));
    V::select_lt(indices, count, V::load_partial(src), V::splat(T::NEG_INFINITY))
}

/// Turns K joint log densities ln π_k N_k into posterior responsibilities, and returns the log of their sum. −∞ if all
/// are −∞ (the responsibilities are then NaN).
#[inline(always)]
pub(super) fn responsibilities<T: Scalar, V: Vector<T>>(joint: &mut [T], indices: V) -> T {
    let mut largest = V::splat(T::NEG_INFINITY);
    for block in joint.chunks(V::LANES) {
        let x = load_log(block, indices);
        largest = V::select_lt(largest, x, x, largest);
    }
    let largest = largest.maximum();
    let shift = if largest == T::NEG_INFINITY { T::ZERO } else { largest };
    let mut sum = V::splat(T::ZERO);
    for block in joint.chunks_mut(V::LANES) {
        let e = exp(load_log(block, indices) - V::splat(shift));
        e.store_partial(block);
        sum = sum + e;
    }
    let sum = sum.sum();
    for block in joint.chunks_mut(V::LANES) {
        (V::load_partial(block) / V::splat(sum)).store_partial(block);
    }
    shift + ln::<T, T>(sum)
}
