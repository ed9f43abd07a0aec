//! Divergences between two densities on the points of a grid (docs/methods.md §7, posterior fit).

use linalg::reduce::log_sum_exp;

/// Divergences between p and q, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Divergences {
    /// KL(p‖q) = Σ p ln(p/q): infinite where p has mass that q has not.
    pub forward: f64,
    /// KL(q‖p).
    pub reverse: f64,
    /// Jensen–Shannon: ½ KL(p‖m) + ½ KL(q‖m) with m = ½p + ½q, at most ln 2.
    pub jensen_shannon: f64,
}

/// The divergences between two densities with these logarithms at the same equally spaced points, each up to a factor:
/// both are normalised over the points. `None` if one of them is nowhere positive, or not a number somewhere.
///
/// # Panics
/// If the numbers of points differ.
#[track_caller]
pub fn divergences(log_p: &[f64], log_q: &[f64]) -> Option<Divergences> {
    assert_eq!(log_p.len(), log_q.len(), "points of two densities");
    let (norm_p, norm_q) = (log_sum_exp(log_p), log_sum_exp(log_q));
    if !(norm_p.is_finite() && norm_q.is_finite()) {
        return None;
    }
    let mut found = Divergences::default();
    for (log_p, log_q) in log_p.iter().zip(log_q) {
        let (log_p, log_q) = (log_p - norm_p, log_q - norm_q);
        let (p, q) = (log_p.exp(), log_q.exp());
        // ln m, from the larger of the two.
        let largest = log_p.max(log_q);
        let log_m = largest + (0.5 * ((log_p - largest).exp() + (log_q - largest).exp())).ln();
        // 0 ln 0 = 0.
        if p > 0.0 {
            found.forward += p * (log_p - log_q);
            found.jensen_shannon += 0.5 * p * (log_p - log_m);
        }
        if q > 0.0 {
            found.reverse += q * (log_q - log_p);
            found.jensen_shannon += 0.5 * q * (log_q - log_m);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The normal distribution's logarithm, up to a constant, at points from −12 to 12.
    fn normal(mean: f64, scale: f64) -> Vec<f64> {
        (0..4801).map(|i| -12.0 + 0.005 * f64::from(i)).map(|x| -0.5 * ((x - mean) / scale).powi(2) + 3.0).collect()
    }

    /// KL(N(a, s²)‖N(b, t²)) = ln(t/s) + (s² + (a − b)²)/(2t²) − ½.
    #[test]
    fn normals_are_as_far_as_theory_has_them() {
        for ((a, s), (b, t)) in [((0.0, 1.0), (0.0, 1.0)), ((0.0, 1.0), (1.0, 1.0)), ((-1.0, 0.5), (0.5, 1.2))] {
            let kl =
                |(a, s): (f64, f64), (b, t): (f64, f64)| (t / s).ln() + (s * s + (a - b).powi(2)) / (2.0 * t * t) - 0.5;
            let found = divergences(&normal(a, s), &normal(b, t)).unwrap();
            assert!((found.forward - kl((a, s), (b, t))).abs() < 1e-9, "{found:?}");
            assert!((found.reverse - kl((b, t), (a, s))).abs() < 1e-9, "{found:?}");
        }
        let far = divergences(&normal(-8.0, 0.1), &normal(8.0, 0.1)).unwrap();
        assert!((far.jensen_shannon - std::f64::consts::LN_2).abs() < 1e-12, "{far:?}");
        assert!((far.forward - 0.5 * 160.0 * 160.0).abs() < 1e-6, "{far:?}");
    }

    #[test]
    fn nothing_where_nothing_is() {
        let none = f64::NEG_INFINITY;
        let found = divergences(&[0.0, 0.0, none], &[none, 0.0, none]).unwrap();
        assert_eq!((found.forward, found.reverse), (f64::INFINITY, 2f64.ln()));
        // p = (½, ½), q = (0, 1), m = (¼, ¾).
        let expected = 0.5 * (0.5 * 2f64.ln() + 0.5 * (2.0 / 3.0f64).ln()) + 0.5 * (4.0 / 3.0f64).ln();
        assert!((found.jensen_shannon - expected).abs() < 1e-15);
        assert_eq!(divergences(&[none, none], &[0.0, 0.0]), None);
        assert_eq!(divergences(&[0.0, f64::NAN], &[0.0, 0.0]), None);
    }

    proptest! {
        /// Whatever the densities: the larger p and q are as functions does not matter, all divergences are at least 0
        /// (but for rounding), the Jensen–Shannon one is symmetric, at most ln 2, and at most a quarter of the sum of
        /// the others (Lin 1991).
        #[test]
        fn bounds(points in proptest::collection::vec((-50.0..50.0f64, -50.0..50.0f64), 1..40), shift in -300.0..300.0f64) {
            let (p, q): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            let found = divergences(&p, &q).unwrap();
            let shifted: Vec<f64> = q.iter().map(|x| x + shift).collect();
            let other = divergences(&shifted, &p).unwrap();
            let Divergences { forward, reverse, jensen_shannon } = found;
            prop_assert!(forward > -1e-12 && reverse > -1e-12 && jensen_shannon > -1e-12);
            prop_assert!(jensen_shannon < std::f64::consts::LN_2 + 1e-12);
            prop_assert!(jensen_shannon <= 0.25 * (forward + reverse) + 1e-12);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-10 * (1.0 + a.abs());
            prop_assert!(near(jensen_shannon, other.jensen_shannon) && near(forward, other.reverse));
            prop_assert_eq!(divergences(&p, &p).unwrap(), Divergences::default());
        }
    }
}
