//! Normals between two bounds: draws, means, and quantiles of mixtures.

use linalg::special::{log_ndtr, normal_pdf};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::truncated::{mean_above, standard_above};

/// A normal between two bounds, either of which may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    /// Of the normal as it is without bounds.
    pub mean: f64,
    /// Of the normal as it is without bounds.
    pub scale: f64,
    /// The smallest value.
    pub low: f64,
    /// The largest value, above `low`.
    pub high: f64,
}

impl Between {
    /// The bounds in scales from the mean. None if a number is none, or the distance is not one.
    fn standard(&self) -> Option<(f64, f64)> {
        let bound = |at: f64| (at - self.mean) / self.scale;
        let (a, b) = (bound(self.low), bound(self.high));
        let finite = |t: f64, at: f64| t.is_finite() || (t == at && at.is_infinite());
        (self.mean.is_finite() && a < b && finite(a, self.low) && finite(b, self.high)).then_some((a, b))
    }

    /// A value in scales from the mean, in the unit of the bounds. Rounding leads to none beyond them.
    fn at(&self, t: f64, (a, b): (f64, f64)) -> f64 {
        // From the nearer bound: the mean may be so far away that its digits hide the distance.
        let x = if a > 0.0 {
            self.low + self.scale * (t - a)
        } else if b < 0.0 {
            self.high - self.scale * (b - t)
        } else {
            self.mean + self.scale * t
        };
        match x {
            x if x < self.low => self.low,
            x if x > self.high => self.high,
            x => x,
        }
    }

    /// A draw. Not a number if the normal has none, or lies so far away that its distance is none.
    ///
    /// Rejection from a normal, a uniform or an exponential distribution, whichever suits (Robert 1995, Statistics and Computing
    /// 5:121).
    pub fn draw(&self, rng: &mut impl Rng) -> f64 {
        let Some((a, b)) = self.standard() else { return f64::NAN };
        let t = if b < 0.0 { -standard_between(rng, -b, -a) } else { standard_between(rng, a, b) };
        self.at(t, (a, b))
    }

    /// The mean. Not a number where [`draw`](Between::draw) is none.
    pub fn mean(&self) -> f64 {
        let Some((a, b)) = self.standard() else { return f64::NAN };
        let t = if b < 0.0 { -standard_mean(-b, -a) } else { standard_mean(a, b) };
        self.at(t, (a, b))
    }

    /// ln of the share of the normal that is between its bounds.
    pub fn log_mass(&self) -> f64 {
        self.standard().map_or(f64::NAN, |(a, b)| log_mass(a, b))
    }

    /// P(X ≤ x), where `x` is between the bounds, and `log_mass` is that of this normal.
    fn below(&self, x: f64, log_mass: f64) -> f64 {
        (Between { high: x, ..*self }.log_mass() - log_mass).exp()
    }
}

/// ln (Φ(b) − Φ(a)) for a < b.
fn log_mass(a: f64, b: f64) -> f64 {
    // On the side where neither is near 1.
    let (a, b) = if a + b > 0.0 { (-b, -a) } else { (a, b) };
    let whole = log_ndtr(b);
    whole + (-(log_ndtr(a) - whole).exp_m1()).ln()
}

/// A draw from N(0, 1) between a < b, with b ≥ 0.
fn standard_between(rng: &mut impl Rng, a: f64, b: f64) -> f64 {
    // The share that a uniform distribution accepts is near 1 where the density hardly changes.
    let (lowest, width) = (a.max(0.0), b - a);
    let change = 0.5 * (b.max(-a).powi(2) - lowest * lowest);
    if change < 1.0 || (a <= 0.0 && width < 2.0) {
        loop {
            let t = a + width * rng.random::<f64>();
            if (1.0 - rng.random::<f64>()).ln() <= 0.5 * (lowest * lowest - t * t) {
                return t;
            }
        }
    }
    loop {
        // A fifth at least of the normals, and of the exponential tail more than half, is not beyond `b`.
        let t = if a > 0.0 { standard_above(rng, a) } else { rng.sample(StandardNormal) };
        if a <= t && t <= b {
            return t;
        }
    }
}

/// The mean of N(0, 1) between a < b, with b ≥ 0.
fn standard_mean(a: f64, b: f64) -> f64 {
    let (middle, width) = (0.5 * (a + b), b - a);
    if b.is_infinite() {
        return if a.is_infinite() { 0.0 } else { mean_above(0.0, 1.0, a) };
    }
    // A short piece of the density is nearly a line: the next term is of the order of (width·middle)⁴.
    if width * middle.abs().max(1.0) < 1e-3 {
        return middle - width * width / 12.0 * middle;
    }
    if a <= 0.0 {
        let density = |t: f64| if t.is_infinite() { 0.0 } else { normal_pdf(t) };
        return (density(a) - density(b)) / log_mass(a, b).exp();
    }
    // E = (φ(a) − φ(b))/(Q(a) − Q(b)), where φ(a)/Q(a) is the mean above a.
    let lost = (0.5 * (a - b) * (a + b)).exp_m1();
    let mass = (log_ndtr(-b) - log_ndtr(-a)).exp_m1();
    mean_above(0.0, 1.0, a) * (lost / mass)
}

/// The `p`-quantile of a mixture of normals between bounds that are the same for all, with normalised weights: by halving.
///
/// 0 < p < 1. Not a number if a part has no draws.
pub fn quantile_between(p: f64, parts: &[(f64, Between)]) -> f64 {
    let log_masses: Vec<f64> = parts.iter().map(|(_, part)| part.log_mass()).collect();
    if parts.is_empty() || log_masses.iter().any(|log_mass| !log_mass.is_finite()) {
        return f64::NAN;
    }
    let below = |x: f64| {
        let parts = parts.iter().zip(&log_masses);
        parts.map(|((weight, part), log_mass)| weight * part.below(x, *log_mass)).sum::<f64>()
    };
    // Each part has next to nothing beyond 40 of its scales from its mean, or from the bound that is next to it.
    let nearest = |part: &Between| match part.mean {
        mean if mean < part.low => part.low,
        mean if mean > part.high => part.high,
        mean => mean,
    };
    let ends = parts.iter().map(|(_, part)| (nearest(part) - 40.0 * part.scale, nearest(part) + 40.0 * part.scale));
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (a, b)| (l.min(a), h.max(b)));
    let bounds = parts[0].1;
    let (mut low, mut high) = (low.max(bounds.low), high.min(bounds.high));
    loop {
        let middle = low + 0.5 * (high - low);
        if !(low < middle && middle < high) || high - low <= 1e-13 * middle.abs() {
            return middle;
        }
        if below(middle) < p { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stream::{Purpose, stream};

    fn between(mean: f64, scale: f64, low: f64, high: f64) -> Between {
        Between { mean, scale, low, high }
    }

    /// Mean by Simpson's rule, relative to the largest density.
    fn mean_by_rule(part: Between) -> f64 {
        let n = 20_000;
        let from = part.low.max(part.mean.min(part.high) - 12.0 * part.scale);
        let until = part.high.min(part.mean.max(part.low) + 12.0 * part.scale);
        let nearest = part.mean.max(part.low).min(part.high);
        let exponent = |x: f64| -0.5 * ((x - part.mean) / part.scale).powi(2);
        let (mut mass, mut moment) = (0.0, 0.0);
        for i in 0..=n {
            let x = from + (until - from) * f64::from(i) / f64::from(n);
            let weight = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            let density = weight * (exponent(x) - exponent(nearest)).exp();
            mass += density;
            moment += density * x;
        }
        moment / mass
    }

    const CASES: [(f64, f64, f64, f64); 9] = [
        (0.0, 1.0, -1.0, 2.0),
        (0.0, 1.0, 0.5, 0.6),
        (3.0, 0.5, -1.0, 2.0),
        (-5.0, 1.0, 0.0, 1.0),
        (8.0, 2.0, 0.0, 1.0),
        (0.5, 10.0, 0.0, 1.0),
        (0.5, 0.01, 0.0, 1.0),
        (-20.0, 1.0, 0.0, 120.0),
        (2.0, 1.0, f64::NEG_INFINITY, 0.0),
    ];

    #[test]
    fn means_by_simpsons_rule() {
        for (mean, scale, low, high) in CASES {
            let part = between(mean, scale, low, high);
            let (found, expected) = (part.mean(), mean_by_rule(part));
            assert!((found - expected).abs() < 1e-8 * scale.min(high - low), "{part:?}: {found} for {expected}");
        }
        assert_eq!(between(0.3, 1.0, f64::NEG_INFINITY, f64::INFINITY).mean(), 0.3);
        // So far away that all the mass is at the bound; and what is no number.
        assert!(between(-1e9, 1.0, 0.0, 1.0).mean() < 2e-9);
        assert!((between(1e9, 1.0, 0.0, 1.0).mean() - 1.0).abs() < 2e-9);
        assert!(between(f64::NAN, 1.0, 0.0, 1.0).mean().is_nan());
        assert!(between(0.5, 0.0, 0.0, 1.0).mean().is_nan());
    }

    /// 20,000 draws: their mean within 5 standard errors, which fails once in 1.7 million times a case; none beyond the bounds.
    #[test]
    fn draws_have_the_mean_and_keep_to_the_bounds() {
        for (case, (mean, scale, low, high)) in CASES.into_iter().enumerate() {
            let part = between(mean, scale, low, high);
            let mut rng = stream(5, Purpose::Impute, 0, case as u64);
            let draws: Vec<f64> = (0..20_000).map(|_| part.draw(&mut rng)).collect();
            assert!(draws.iter().all(|x| low <= *x && *x <= high), "{part:?}");
            let found = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - found).powi(2)).sum::<f64>() / 20_000.0;
            assert!((found - part.mean()).abs() < 5.0 * (variance / 20_000.0).sqrt(), "{part:?}: {found}");
        }
        let mut rng = stream(5, Purpose::Impute, 1, 0);
        assert!(between(f64::NAN, 1.0, 0.0, 1.0).draw(&mut rng).is_nan());
        assert!(between(0.0, f64::INFINITY, 0.0, 1.0).draw(&mut rng).is_nan());
    }

    proptest! {
        /// Half of the draws of a part are below its median; masses add up; the quantile is where the share says.
        #[test]
        fn quantiles_and_masses(
            parts in prop::collection::vec((0.05..1.0f64, -5.0..5.0f64, 0.2..2.0f64), 1..4),
            p in 0.05..0.95f64,
            low in -3.0..0.0f64,
            width in 0.01..4.0f64,
        ) {
            let total: f64 = parts.iter().map(|part| part.0).sum();
            let parts: Vec<(f64, Between)> =
                parts.iter().map(|&(w, mean, scale)| (w / total, between(mean, scale, low, low + width))).collect();
            let x = quantile_between(p, &parts);
            let below: f64 = parts.iter().map(|(weight, part)| weight * part.below(x, part.log_mass())).sum();
            prop_assert!((below - p).abs() < 1e-9, "{below} for {p}");
            for (_, part) in &parts {
                let halves = [between(part.mean, part.scale, low, x), between(part.mean, part.scale, x, low + width)];
                let sum: f64 = halves.iter().map(|half| half.log_mass().exp()).sum();
                prop_assert!((sum / part.log_mass().exp() - 1.0).abs() < 1e-9);
            }
        }

        /// Without bounds it is the quantile of the mixture of normals.
        #[test]
        fn quantiles_without_bounds(mean in -5.0..5.0f64, scale in 0.2..2.0f64, p in 0.05..0.95f64) {
            let free = [(1.0, between(mean, scale, f64::NEG_INFINITY, f64::INFINITY))];
            let expected = crate::quantile::mixture_quantile(p, &[1.0], &[mean], &[scale]);
            prop_assert!((quantile_between(p, &free) - expected).abs() < 1e-8);
        }
    }
}
