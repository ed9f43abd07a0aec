//! How a decoded latent point describes the columns of a row.

use std::fmt::Debug;

use linalg::Scalar;
use linalg::special::{HALF_LN_TWO_PI, ln};

use crate::draw::standard_normal;
use crate::quantile::mixture_quantile;
use crate::stream::Stream;

/// One number for a column, from a weighted mixture of decoded points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    /// The mean of the mixture.
    Mean,
    /// The median of the mixture.
    Median,
}

/// p(x|z) of a row whose columns are independent given z.
///
/// A decoded point is W numbers; only the likelihood knows what they mean. A row x and its mask m have D numbers; m is
/// 1 where a cell is observed. Every value is row-major.
pub trait RowLikelihood<T: Scalar>: Debug + Send + Sync {
    /// D, data columns.
    fn columns(&self) -> usize;

    /// W, numbers of a decoded point.
    fn width(&self) -> usize;

    /// log p(x_obs|z) of one row under each of N decoded points, in nats: the sum over the observed columns, or over
    /// all columns where there is no mask.
    ///
    /// *x*, *mask*: D; *decoded*: N × W; *out*: N.
    fn log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: &[T], out: &mut [T]);

    /// Tabulates N decoded points for many rows; see [`add_tabulated`](RowLikelihood::add_tabulated).
    ///
    /// *decoded*: N × W; *table*: replaced.
    fn tabulate(&self, decoded: &[T], table: &mut Vec<T>) {
        table.clear();
        table.extend_from_slice(decoded);
    }

    /// Adds log p(x_obs|z) of one row under each of N tabulated points, in nats.
    ///
    /// *x*, *mask*: D; *table*: as [`tabulate`](RowLikelihood::tabulate) left it; *out*: N.
    fn add_tabulated(&self, x: &[T], mask: &[T], table: &[T], out: &mut [T]) {
        for (point, out) in table.chunks_exact(self.width()).zip(out) {
            let mut density = [T::ZERO];
            self.log_densities(x, Some(mask), point, &mut density);
            *out += density[0];
        }
    }

    /// Draws the missing columns of one row from p(x_mis|z) of one decoded point. Observed columns stay as they are.
    /// Every column takes a draw, so that the stream does not depend on the pattern.
    ///
    /// *mask*, *x*: D; *decoded*: W. Returns how many draws were not finite; those leave the previous value in place.
    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize;

    /// Summarises each missing column under N weighted points. Observed columns stay as they are, and so does a column
    /// whose summary is not finite.
    ///
    /// *mask*, *x*: D; *weights*: N, with sum 1 (a point of weight 0 does not count, whatever it is); *decoded*: N × W.
    /// Returns how many summaries were not finite.
    fn summarise(&self, what: Summary, mask: &[T], weights: &[f64], decoded: &[T], x: &mut [T]) -> usize;
}

/// Columns that are independent normals given z: a decoded point is D means, then D scales. For models in closed form;
/// plain loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Normals {
    /// D.
    pub columns: usize,
}

impl<T: Scalar> RowLikelihood<T> for Normals {
    fn columns(&self) -> usize {
        self.columns
    }

    fn width(&self) -> usize {
        2 * self.columns
    }

    fn log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: &[T], out: &mut [T]) {
        let constant = T::from_f64(HALF_LN_TWO_PI);
        for (point, out) in decoded.chunks_exact(2 * self.columns).zip(out) {
            let (means, scales) = point.split_at(self.columns);
            *out = T::ZERO;
            for d in 0..self.columns {
                if mask.is_none_or(|mask| mask[d] > T::ZERO) {
                    // A normal whose scale underflows has no density but at its mean: −∞, where −∞ + ∞ would be no number.
                    if !(T::ONE / scales[d]).is_finite() {
                        *out = T::NEG_INFINITY;
                        break;
                    }
                    let t = (x[d] - means[d]) / scales[d];
                    *out += -(T::HALF * t * t) - ln(scales[d]) - constant;
                }
            }
        }
    }

    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize {
        let (means, scales) = decoded.split_at(self.columns);
        let mut replaced = 0;
        for d in 0..self.columns {
            let value = means[d] + scales[d] * standard_normal::<T>(rng);
            match (mask[d] > T::ZERO, value.is_finite()) {
                (true, _) => {}
                (false, true) => x[d] = value,
                (false, false) => replaced += 1,
            }
        }
        replaced
    }

    fn summarise(&self, what: Summary, mask: &[T], weights: &[f64], decoded: &[T], x: &mut [T]) -> usize {
        let mut replaced = 0;
        for d in (0..self.columns).filter(|&d| mask[d] <= T::ZERO) {
            // What counts for nothing need not be a number.
            let points =
                weights.iter().zip(decoded.chunks_exact(2 * self.columns)).filter(|(weight, _)| **weight > 0.0);
            let means: Vec<f64> = points.clone().map(|(_, point)| point[d].to_f64()).collect();
            let value = match what {
                Summary::Mean => points.zip(&means).map(|((weight, _), mean)| weight * mean).sum(),
                Summary::Median => {
                    let scales: Vec<f64> = points.clone().map(|(_, point)| point[self.columns + d].to_f64()).collect();
                    let weights: Vec<f64> = points.map(|(weight, _)| *weight).collect();
                    mixture_quantile(0.5, &weights, &means, &scales)
                }
            };
            if value.is_finite() {
                x[d] = T::from_f64(value);
            } else {
                replaced += 1;
            }
        }
        replaced
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use rand::RngExt;
    use statrs::distribution::{Continuous, Normal};

    use super::*;
    use crate::stream::{Purpose, stream};

    #[test]
    fn densities_against_an_independent_library() {
        let normal = |mean, scale| Normal::new(mean, scale).unwrap();
        let (likelihood, x, mask) = (Normals { columns: 3 }, [0.5, f64::NAN, -3.0], [1.0, 0.0, 1.0]);
        let decoded = [1.0, 0.0, -1.0, 0.25, 1.0, 2.0];
        let density = |x: &[f64], mask: Option<&[f64]>| {
            let mut out = [f64::NAN];
            likelihood.log_densities(x, mask, &decoded, &mut out);
            out[0]
        };
        let expected = normal(1.0, 0.25).ln_pdf(0.5) + normal(-1.0, 2.0).ln_pdf(-3.0);
        assert_relative_eq!(density(&x, Some(&mask)), expected, max_relative = 1e-14);
        assert_eq!(density(&x, Some(&[0.0; 3])), 0.0);
        let complete = [0.5, 0.1, -3.0];
        assert_eq!(density(&complete, None), density(&complete, Some(&[1.0; 3])));
    }

    #[test]
    fn draws_leave_observed_entries_alone() {
        // A negative zero and a subnormal number: bits count.
        let start = [-0.0, 7.0, 1e-310, 3.0];
        let decoded = [10.0, 20.0, 30.0, f64::INFINITY, 1.0, 1.0, 1.0, 1.0];
        let likelihood = Normals { columns: 4 };
        let mut x = start;
        let mut rng = stream(1, Purpose::Impute, 0, 0);
        assert_eq!(likelihood.draw_missing(&mut rng, &[1.0, 0.0, 1.0, 0.0], &decoded, &mut x), 1);
        assert_eq!([0, 2, 3].map(|d| x[d].to_bits()), [0, 2, 3].map(|d: usize| start[d].to_bits()));
        assert!((x[1] - 20.0).abs() < 10.0 && x[1] != 7.0, "{}", x[1]);

        // The stream goes on at the same place whatever was observed.
        let mut other = stream(1, Purpose::Impute, 0, 0);
        assert_eq!(likelihood.draw_missing(&mut other, &[1.0; 4], &decoded, &mut x), 0);
        assert_eq!(rng.random::<u64>(), other.random::<u64>());
    }
}
