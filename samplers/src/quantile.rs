//! Quantiles of mixtures of normals.

use linalg::Scalar;
use linalg::simd::{Kernel, Vector, dispatch};
use linalg::special::{ndtr, normal_pdf};

/// The `p`-quantile of a mixture of normals with normalised weights, to the type's accuracy: Newton's steps, each inside of a
/// bracket that shrinks, and bisection where they do not help.
///
/// *weights*, *means*, *scales*: N; 0 < p < 1. NaN if a mean or a scale is not finite. A component of weight 0 does not count.
pub fn mixture_quantile(p: f64, weights: &[f64], means: &[f64], scales: &[f64]) -> f64 {
    if !means.iter().chain(scales).all(|number| number.is_finite()) {
        return f64::NAN;
    }
    let precisions: Vec<f64> = scales.iter().map(|scale| 1.0 / scale).collect();
    let reach = |sign: f64| {
        let ends = means.iter().zip(scales).map(|(m, s)| m + sign * 40.0 * s);
        if sign < 0.0 { ends.fold(f64::INFINITY, f64::min) } else { ends.fold(f64::NEG_INFINITY, f64::max) }
    };
    let (mut low, mut high) = (reach(-1.0), reach(1.0));
    let mean: f64 = weights.iter().zip(means).map(|(w, m)| w * m).sum();
    if !(low.is_finite() && high.is_finite() && mean.is_finite()) {
        return f64::NAN;
    }
    let mut x = if low < mean && mean < high { mean } else { low + 0.5 * (high - low) };
    // Bisection alone takes 60 steps from the widest bracket to neighbouring numbers, and every second step is one at least.
    for _ in 0..200 {
        let (below, density) = dispatch(Mixture { x, weights, means, precisions: &precisions });
        if below < p {
            low = x;
        } else {
            high = x;
        }
        let newton = x - (below - p) / density;
        let inside = low < newton && newton < high;
        let next = if inside { newton } else { low + 0.5 * (high - low) };
        if !(low < next && next < high) || (inside && (next - x).abs() <= 0.5 * f64::EPSILON * x.abs()) {
            return next;
        }
        // A step of Newton's that leaves most of the bracket is followed by one that halves it.
        let halved = low + 0.5 * (high - low);
        let slow = inside && (next - x).abs() > 0.25 * (high - low);
        x = if slow && low < halved && halved < high { halved } else { next };
    }
    x
}

/// Σ w·Φ(t) and Σ w·φ(t)/σ at a point, t = (x − mean)/σ.
struct Mixture<'a> {
    x: f64,
    weights: &'a [f64],
    means: &'a [f64],
    precisions: &'a [f64],
}

impl Kernel<f64> for Mixture<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run<V: Vector<f64>>(self) -> (f64, f64) {
        let x = V::splat(self.x);
        let (mut below, mut density) = (V::splat(f64::ZERO), V::splat(f64::ZERO));
        let parts = self.weights.chunks(V::LANES).zip(self.means.chunks(V::LANES));
        for ((weights, means), precisions) in parts.zip(self.precisions.chunks(V::LANES)) {
            let (weight, precision) = (V::load_partial(weights), V::load_partial(precisions));
            let t = (x - V::load_partial(means)) * precision;
            below = weight.mul_add(ndtr(t), below);
            density = (weight * precision).mul_add(normal_pdf(t), density);
        }
        (below.sum(), density.sum())
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;

    fn quantile(p: f64, parts: &[[f64; 3]]) -> f64 {
        let column = |i: usize| parts.iter().map(|part| part[i]).collect::<Vec<_>>();
        mixture_quantile(p, &column(0), &column(1), &column(2))
    }

    #[test]
    fn quantiles_of_known_mixtures() {
        // Φ⁻¹(0.975) = 1.959963984540054…
        let expected = 3.0 + 2.0 * 1.959_963_984_540_054;
        assert_relative_eq!(quantile(0.975, &[[1.0, 3.0, 2.0]]), expected, max_relative = 1e-14);
        for p in [1e-6, 0.1, 0.5, 0.9] {
            let expected = Normal::new(-1.0, 0.5).unwrap().inverse_cdf(p);
            assert_relative_eq!(quantile(p, &[[1.0, -1.0, 0.5]]), expected, max_relative = 1e-9);
            assert_relative_eq!(quantile(p, &[[0.4, -1.0, 0.5], [0.6, -1.0, 0.5]]), expected, max_relative = 1e-9);
        }
        // Far apart, each component is a quantile of its own: ¼ at −100, ¾ at 100.
        let apart = [[0.25, -100.0, 1.0], [0.75, 100.0, 0.1]];
        assert_relative_eq!(quantile(0.125, &apart), -100.0, max_relative = 1e-13);
        assert_relative_eq!(quantile(0.625, &apart), 100.0, max_relative = 1e-13);
        // A component of weight zero does not count.
        assert_relative_eq!(quantile(0.5, &[[1.0, 2.0, 1.0], [0.0, 1e6, 1e6]]), 2.0, max_relative = 1e-9);
        assert!(quantile(0.5, &[[1.0, f64::NAN, 1.0]]).is_nan());
        for odd in [f64::NAN, f64::INFINITY] {
            assert!(quantile(0.5, &[[0.5, 0.0, odd], [0.5, 1.0, 1.0]]).is_nan());
            assert!(quantile(0.5, &[[0.5, odd, 1.0], [0.5, 1.0, 1.0]]).is_nan());
        }
    }

    proptest! {
        /// The mass below the quantile, by another library, is p: to that library's accuracy, about 1e-11.
        #[test]
        fn the_mass_below_is_p(
            p in 0.001..0.999f64,
            parts in prop::collection::vec((0.01..1.0f64, -50.0..50.0f64, -4.0..2.0f64), 1..12),
        ) {
            let total: f64 = parts.iter().map(|part| part.0).sum();
            let parts: Vec<[f64; 3]> = parts.iter().map(|&(w, m, s)| [w / total, m, s.exp()]).collect();
            let x = quantile(p, &parts);
            let below: f64 = parts.iter().map(|[w, m, s]| w * Normal::new(*m, *s).unwrap().cdf(x)).sum();
            prop_assert!((below - p).abs() < 1e-10, "{below} of {p} below {x}");
        }
    }
}
