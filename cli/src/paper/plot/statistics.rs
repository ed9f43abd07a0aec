//! Quartiles, mean and range of some values, for box plots.

/// A box plot as the paper has them (caption of figure 2): quartiles, median, mean, and whiskers over the range of the
/// values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BoxStatistics {
    pub(super) lower_quartile: f64,
    pub(super) median: f64,
    pub(super) upper_quartile: f64,
    pub(super) mean: f64,
    pub(super) lower_whisker: f64,
    pub(super) upper_whisker: f64,
}

impl BoxStatistics {
    /// Of the finite values; `None` if there is none.
    pub(super) fn of(values: &[f64]) -> Option<BoxStatistics> {
        let mut values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (&lower_whisker, &upper_whisker) = (values.first()?, values.last()?);
        let [lower_quartile, median, upper_quartile] = [0.25, 0.5, 0.75].map(|p| quantile(&values, p));
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some(BoxStatistics { lower_quartile, median, upper_quartile, mean, lower_whisker, upper_whisker })
    }
}

/// Quantiles of the finite values; `None` if there is none.
pub(super) fn quantiles<const N: usize>(values: &[f64], shares: [f64; N]) -> Option<[f64; N]> {
    let mut values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| shares.map(|p| quantile(&values, p)))
}

/// The p-quantile of sorted values, interpolated linearly between them.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = sorted[(below + 1).min(sorted.len() - 1)];
    sorted[below] + share * (above - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out by hand.
    #[test]
    fn quartiles_and_whiskers() {
        let found = BoxStatistics::of(&[5.0, 1.0, 3.0, f64::NAN, 2.0, 20.0]).unwrap();
        assert_eq!((found.lower_quartile, found.median, found.upper_quartile), (2.0, 3.0, 5.0));
        assert_eq!((found.lower_whisker, found.upper_whisker, found.mean), (1.0, 20.0, 6.2));
        let single = BoxStatistics::of(&[7.0]).unwrap();
        assert_eq!((single.lower_whisker, single.median, single.upper_whisker), (7.0, 7.0, 7.0));
        assert_eq!(BoxStatistics::of(&[f64::NAN]), None);
    }
}
