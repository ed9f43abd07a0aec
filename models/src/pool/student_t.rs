//! Student's t distribution: both tails of it, and its quantiles.
//!
//! They are statrs's. Its relative error is at most 1e-13 up to 1000 degrees of freedom, and 1e-8 up to a million: its incomplete
//! beta function takes the ratio of two gamma functions as a difference of their logarithms.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The probability of a value at least as far from 0 as `t`, on either side; NaN if one of the arguments is, or `df` is not above 0.
pub(super) fn both_tails(t: f64, df: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, df) {
        Ok(student) if !t.is_nan() => 2.0 * student.sf(t.abs()),
        _ => f64::NAN,
    }
}

/// The value that is exceeded on either side with the probability `alpha`, which is between 0 and 1.
///
/// By bisection of [`both_tails`]: statrs's own quantile has an error of 6e-5 at a million degrees of freedom.
pub(super) fn both_tails_quantile(alpha: f64, df: f64) -> f64 {
    if both_tails(0.0, df).is_nan() {
        return f64::NAN;
    }
    let mut high = 1.0;
    while both_tails(high, df) > alpha && high < f64::MAX / 2.0 {
        high *= 2.0;
    }
    while high > f64::MIN_POSITIVE && both_tails(0.5 * high, df) < alpha {
        high *= 0.5;
    }
    let mut low = 0.5 * high;
    loop {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            return high;
        }
        *(if both_tails(middle, df) > alpha { &mut low } else { &mut high }) = middle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// t, ν and the probability, by mpmath's regularised incomplete beta function with 40 digits.
    const TAILS: [(f64, f64, f64); 20] = [
        (1e-3, 3.5, 0.9992564554718668),
        (0.5, 0.75, 0.7251835924442049),
        (2.0, 1.0, 0.2951672353008665),
        (12.5, 1.0, 0.050821347332231794),
        (1e8, 1.5, 7.541704864032492e-13),
        (2.262, 9.25, 0.0492520829088496),
        (0.1, 35.3653, 0.920909068359855),
        (6.53, 35.3653, 1.4847264045013403e-07),
        (30.0, 17.2, 2.690916626425426e-16),
        (200.0, 40.0, 1.2294791189559497e-61),
        (1e5, 20.0, 1.8042577780550784e-88),
        (1.96, 1000.5, 0.05027304627502631),
        (40.0, 1000.5, 9.623398063556601e-210),
        (0.7, 54321.5, 0.4839303021516232),
        (3.0, 54321.5, 0.0027010199937830843),
        (1e-3, 1e6, 0.9992021157716491),
        (5.0, 1e6, 5.733997870890742e-07),
        (30.0, 1e6, 1.2020094233663438e-197),
        (1e150, 4.0, 0.0),
        (700.0, 90.25, 2.4485029126265632e-170),
    ];

    fn tolerance(df: f64) -> f64 {
        if df < 1001.0 { 1e-13 } else { 1e-8 }
    }

    #[test]
    fn tails() {
        for (t, df, expected) in TAILS {
            for t in [t, -t] {
                let found = both_tails(t, df);
                assert!(
                    (found - expected).abs() <= tolerance(df) * expected,
                    "t {t}, ν {df}: {found:e}, not {expected:e}"
                );
            }
        }
        assert_eq!((both_tails(0.0, 5.0), both_tails(f64::INFINITY, 5.0)), (1.0, 0.0));
        assert!(both_tails(f64::NAN, 5.0).is_nan() && both_tails(1.0, f64::NAN).is_nan());
    }

    /// α, ν and the quantile, with mpmath.
    #[test]
    fn quantiles() {
        for (alpha, df, expected) in [
            (0.05, 1.0, 12.706204736174703),
            (0.05, 2.75, 3.3525454330616054),
            (0.05, 35.3653, 2.0293585890242434),
            (0.05, 1e6, 1.959966356814107),
            (0.5, 7.0, 0.7111417780817864),
            (1e-6, 12.5, 8.829946509018272),
            (0.999, 40.0, 0.0012611714027670044),
            (0.05, 0.25, 43640.149267980465),
        ] {
            let found = both_tails_quantile(alpha, df);
            // A probability near 1 tells less of a value near 0.
            let allowed = if alpha > 0.9 { 1e-9 } else { tolerance(df) };
            assert!((found - expected).abs() <= allowed * expected, "α {alpha}, ν {df}: {found}, not {expected}");
        }
        assert!(both_tails_quantile(0.05, f64::NAN).is_nan());
        assert!(both_tails_quantile(0.05, 1e-4) > 1e150);
    }
}
