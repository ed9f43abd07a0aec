//! The average of the parameters along a run.

use autodiff::Aligned;
use linalg::Scalar;

/// How much more the later parameters count. The average is, about, one over the last tenth of the updates.
const POWER: f64 = 9.0;

/// A weighted average of the parameters after each update. It moves less from one epoch to the next than the parameters, which
/// a large learning rate keeps moving, and predicts held-out cells better (docs/results.md).
///
/// Polynomial-decay averaging: after update n the average moves by (η + 1)/(n + η) of the way to the parameters, η = 9.
/// Source: Shamir & Zhang 2013 (ICML), section 4.
#[derive(Clone, Debug)]
pub struct Average<T: Scalar> {
    parameters: Aligned<T>,
}

impl<T: Scalar> Average<T> {
    /// The average that a checkpoint recorded, or, before the first update, any parameters.
    pub fn new(parameters: Aligned<T>) -> Self {
        Average { parameters }
    }

    /// The averaged parameters.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// Adds the parameters after update `number`, counted from 1.
    pub(super) fn add(&mut self, parameters: &[T], number: u64) {
        let share = T::from_f64((POWER + 1.0) / (number as f64 + POWER));
        for (average, parameter) in self.parameters.iter_mut().zip(parameters) {
            *average += share * (*parameter - *average);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the numbers n = 1 … N the weights are n(n + 1)…(n + 8) and a factor: later ones count more.
    #[test]
    fn the_weights_are_those_of_a_polynomial() {
        let mut average = Average::new(Aligned::from_slice(&[f64::MAX, 0.0]));
        let value = |n: u64| (n as f64).sin();
        (1..=500).for_each(|n| average.add(&[value(n), 1.0], n));
        let weight = |n: u64| (n..n + 9).map(|k| k as f64 / 500.0).product::<f64>();
        let total: f64 = (1..=500).map(weight).sum();
        let expected = (1..=500).map(|n| weight(n) * value(n)).sum::<f64>() / total;
        assert!((average.parameters()[0] - expected).abs() < 1e-12, "{} for {expected}", average.parameters()[0]);
        assert!((average.parameters()[1] - 1.0).abs() < 1e-12);
    }
}
