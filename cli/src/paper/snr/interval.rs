//! Intervals for the mean over a few seeds.

/// A mean with its 90% interval; the ends are NaN where there is one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) mean: f64,
    pub(super) half_width: f64,
}

impl Interval {
    /// Student's interval for the mean of the population, t·s/√n with n−1 degrees of freedom: right if the values are
    /// normal.
    pub(super) fn of(values: &[f64]) -> Interval {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let half_width = match values.len() {
            0 | 1 => f64::NAN,
            len => t_95(len - 1) * (squares / (n - 1.0) / n).sqrt(),
        };
        Interval { mean, half_width }
    }
}

/// The 95% quantile of Student's t: 5% lie above, 5% below its negative.
fn t_95(freedom: usize) -> f64 {
    // With one degree of freedom, the largest, it is 6.3.
    let (mut low, mut high) = (0.0, 7.0);
    while high - low > 1e-12 {
        let middle = 0.5 * (low + high);
        if within(middle, freedom) < 0.9 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// P(|t| < x) for Student's t, a finite sum.  Source: Abramowitz & Stegun 26.7.3 and 26.7.4.
fn within(x: f64, freedom: usize) -> f64 {
    let angle = (x / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = !freedom.is_multiple_of(2);
    // Odd: cos θ + ⅔ cos³θ + … up to cos^{ν−2}θ; even: 1 + ½ cos²θ + … up to cos^{ν−2}θ.
    let (mut term, first) = if odd { (cosine, 3) } else { (1.0, 2) };
    let mut sum = 0.0;
    for power in (first..=freedom).step_by(2) {
        sum += term;
        term *= cosine * cosine * (power - 1) as f64 / power as f64;
    }
    if odd { std::f64::consts::FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of printed tables.
    #[test]
    fn quantiles_of_students_t() {
        for (freedom, expected) in
            [(1, 6.313752), (2, 2.919986), (3, 2.353363), (4, 2.131847), (5, 2.015048), (9, 1.833113), (30, 1.697261)]
        {
            assert!((t_95(freedom) - expected).abs() < 1e-6, "{freedom}: {}", t_95(freedom));
        }
    }

    #[test]
    fn intervals() {
        let found = Interval::of(&[1.0, 2.0, 3.0]);
        assert!((found.half_width - 2.919986 / 3f64.sqrt()).abs() < 1e-6 && found.mean == 2.0);
        assert!(Interval::of(&[4.0]).half_width.is_nan() && Interval::of(&[4.0]).mean == 4.0);
    }
}
