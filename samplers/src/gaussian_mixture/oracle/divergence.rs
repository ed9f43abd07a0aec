//! How far two distributions of missing columns are apart: the horizontal axis of the paper's figure 5.

use linalg::special::{exp, log1p};

use super::{Oracle, RowMixture};
use crate::stream::Stream;

/// A Monte Carlo estimate of a Jensen–Shannon divergence, averaged over rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Divergence {
    /// The average, in nats.
    pub mean: f64,
    /// Its standard error, from how much the rows' estimates differ, in nats: that of the draws and of the choice of rows
    /// together. NaN if there is a single row.
    pub standard_error: f64,
    /// Rows with a missing cell: the others have nothing to compare, and are left out.
    pub rows: usize,
}

/// JSD(f‖p) = ½ E_f\[ln f/m\] + ½ E_p\[ln p/m\] with m = ½f + ½p, of each row's missing columns given its observed ones;
/// from 0 to ln 2.
///
/// Row i's estimate takes `draws` points of either distribution. Both are drawn with the same random numbers, from
/// `stream_of(i)`: exchanging *f* and *p* changes nothing, and between equal distributions the estimate is 0.
///
/// *rows*: values and mask, D each.
///
/// # Panics
/// If `draws` is 0, the truths of the two have different numbers of columns, or a row does not fit them.
#[track_caller]
pub fn jensen_shannon<'a>(
    f: &mut Oracle,
    p: &mut Oracle,
    rows: impl Iterator<Item = (&'a [f64], &'a [bool])>,
    draws: usize,
    mut stream_of: impl FnMut(usize) -> Stream,
) -> Divergence {
    assert!(draws > 0, "a divergence needs at least one draw of each distribution");
    let (mut point, mut scratch) = (Vec::new(), Vec::new());
    let (mut count, mut mean, mut squares) = (0usize, 0.0, 0.0);
    for (i, (x, observed)) in rows.enumerate() {
        if observed.iter().all(|&observed| observed) {
            continue;
        }
        let (f, p) = (f.row(x, observed), p.row(x, observed));
        point.resize(f.missing().len(), 0.0);
        scratch.resize(f.missing().len(), 0.0);
        let streams = stream_of(i);
        let mut half = |of: RowMixture<'_>, other: RowMixture<'_>| -> f64 {
            let mut rng = streams.clone();
            let ratios = (0..draws).map(|_| match of.draw(&mut rng, &mut point) {
                Some(()) => log_ratio(of.log_density(&point, &mut scratch), other.log_density(&point, &mut scratch)),
                None => f64::NAN,
            });
            ratios.sum::<f64>() / draws as f64
        };
        let estimate = 0.5 * half(f, p) + 0.5 * half(p, f);
        // Welford's update, which does not cancel.
        count += 1;
        let deviation = estimate - mean;
        mean += deviation / count as f64;
        squares += deviation * (estimate - mean);
    }
    let n = count as f64;
    Divergence {
        mean: if count == 0 { f64::NAN } else { mean },
        standard_error: (squares / (n - 1.0) / n).sqrt(),
        rows: count,
    }
}

/// ln f/m with m = ½f + ½p, from ln f and ln p: ln 2 − ln(1 + p/f), at most ln 2, and 0 where they are equal.
fn log_ratio(log_f: f64, log_p: f64) -> f64 {
    log1p(1.0) - log1p(exp(log_p - log_f))
}
