//! Derivatives by differences.

/// Steps of one derivative, each a quarter of the one before.
const LEVELS: usize = 7;
/// The first step, in units of the argument's magnitude (at least 1). The last is 2⁻¹⁷, near the cube root of ε.
const FIRST_STEP: f64 = 1.0 / 32.0;

/// The derivative at 0 of a function ℝ → ℝᵐ: central differences, extrapolated to step zero (Ridders 1982).
///
/// Element by element it takes the entry of the extrapolation table that agrees best with its neighbours, so that
/// steps that leave the function's domain (NaN) or cross a kink do no harm as long as three smaller ones do not.
/// `f(s, out)` evaluates the function at s; `scale` is the magnitude of a large step.
pub(super) fn derivative(scale: f64, len: usize, mut f: impl FnMut(f64, &mut Vec<f64>) -> f64) -> Vec<f64> {
    let (mut above, mut below) = (Vec::new(), Vec::new());
    let mut quotients = vec![[f64::NAN; LEVELS]; len];
    let mut step = FIRST_STEP * scale;
    for level in 0..LEVELS {
        // The distance that the rounded arguments really lie apart.
        let distance = f(step, &mut above) - f(-step, &mut below);
        for (i, q) in quotients.iter_mut().enumerate() {
            q[level] = (above[i] - below[i]) / distance;
        }
        step /= 4.0;
    }
    quotients.into_iter().map(extrapolate).collect()
}

/// Neville's table over steps h, h/4, h/16, …, of a quantity whose error is a series in h².
fn extrapolate(mut column: [f64; LEVELS]) -> f64 {
    let (mut best, mut best_error) = (column[LEVELS - 1], f64::INFINITY);
    let mut factor = 1.0;
    for order in 1..LEVELS {
        factor *= 16.0;
        // From the smallest step down, so that the entries of the order before are still there.
        for i in (order..LEVELS).rev() {
            let (coarse, fine) = (column[i - 1], column[i]);
            let entry = fine + (fine - coarse) / (factor - 1.0);
            let error = (entry - fine).abs().max((entry - coarse).abs());
            if entry.is_finite() && error < best_error {
                (best, best_error) = (entry, error);
            }
            column[i] = entry;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, f: impl Fn(f64) -> f64) -> f64 {
        derivative(1.0, 1, |s, out| {
            out.clear();
            out.push(f(x + s));
            x + s
        })[0]
    }

    #[test]
    fn reaches_eleven_digits() {
        for x in [-3.0, -0.7, 0.0, 0.4, 2.5] {
            assert!((at(x, f64::sin) - x.cos()).abs() < 1e-11);
            assert!((at(x, f64::exp) - x.exp()).abs() < 1e-11 * x.exp().max(1.0));
            assert!((at(x, f64::tanh) - x.cosh().powi(-2)).abs() < 1e-11);
        }
    }

    #[test]
    fn survives_the_edge_of_the_domain_and_kinks() {
        assert!((at(1e-3, f64::ln) - 1e3).abs() < 1e-5);
        assert!((at(1e-3, |x| x.max(0.0)) - 1.0).abs() < 1e-9);
        assert!((at(-2e-3, |x| x.max(0.0)) - 0.0).abs() < 1e-9);
    }
}
