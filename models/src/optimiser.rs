//! AMSGrad, clipping, schedules (METHODS §5).

use autodiff::Aligned;
use linalg::Scalar;
use linalg::simd::{Kernel, Vector, dispatch};
use serde::{Deserialize, Serialize};

/// Decay of the gradient's running mean.
const BETA_1: f64 = 0.9;
/// Decay of the squared gradient's running mean.
const BETA_2: f64 = 0.999;
/// Added to the denominator, outside the root.
const EPSILON: f64 = 1e-8;

/// The AMSGrad form of Adam (Reddi et al. 2018): the step is
/// lr/(1−β₁ᵗ) · m / (√v_max/√(1−β₂ᵗ) + ε), v_max the running maximum of the uncorrected v.
#[derive(Clone, Debug)]
pub struct AmsGrad<T: Scalar> {
    /// Running mean of the gradient, in the parameters' layout.
    pub mean: Aligned<T>,
    /// Running mean of the squared gradient.
    pub square: Aligned<T>,
    /// Running maximum of `square`.
    pub largest: Aligned<T>,
    /// Updates made.
    pub updates: u64,
}

impl<T: Scalar> AmsGrad<T> {
    /// The state before the first update of `len` parameters.
    pub fn new(len: usize) -> Self {
        AmsGrad { mean: Aligned::zeros(len), square: Aligned::zeros(len), largest: Aligned::zeros(len), updates: 0 }
    }

    /// Moves the parameters against `factor`·`gradient`, `factor` being the clipping coefficient.
    ///
    /// # Panics
    /// If the lengths differ from the state's.
    #[track_caller]
    pub fn step(&mut self, parameters: &mut [T], gradient: &[T], factor: f64, learning_rate: f64) {
        assert_eq!(self.mean.len(), parameters.len(), "lengths of optimiser state and parameters");
        assert_eq!(gradient.len(), parameters.len(), "lengths of gradient and parameters");
        self.updates += 1;
        let t = self.updates as i32;
        let rate = learning_rate / (1.0 - BETA_1.powi(t));
        let root = 1.0 / (1.0 - BETA_2.powi(t)).sqrt();
        dispatch(Sweep {
            parameters,
            gradient,
            mean: &mut self.mean,
            square: &mut self.square,
            largest: &mut self.largest,
            factor: T::from_f64(factor),
            rate: T::from_f64(rate),
            root: T::from_f64(root),
        });
    }
}

/// One pass over parameters and state.
struct Sweep<'a, T> {
    parameters: &'a mut [T],
    gradient: &'a [T],
    mean: &'a mut [T],
    square: &'a mut [T],
    largest: &'a mut [T],
    factor: T,
    rate: T,
    root: T,
}

impl<T: Scalar> Kernel<T> for Sweep<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let (one, beta_1, beta_2) = (1.0, BETA_1, BETA_2);
        let [gain_1, gain_2] = [one - beta_1, one - beta_2].map(|x| V::splat(T::from_f64(x)));
        let [beta_1, beta_2, epsilon] = [beta_1, beta_2, EPSILON].map(|x| V::splat(T::from_f64(x)));
        let (factor, rate, root) = (V::splat(self.factor), V::splat(self.rate), V::splat(self.root));
        let chunks = self
            .parameters
            .chunks_mut(V::LANES)
            .zip(self.gradient.chunks(V::LANES))
            .zip(self.mean.chunks_mut(V::LANES))
            .zip(self.square.chunks_mut(V::LANES))
            .zip(self.largest.chunks_mut(V::LANES));
        for ((((p, g), m), v), largest) in chunks {
            let gradient = V::load_partial(g) * factor;
            let mean = V::load_partial(m).mul_add(beta_1, gradient * gain_1);
            let square = V::load_partial(v).mul_add(beta_2, gradient * gradient * gain_2);
            let most = V::load_partial(largest).max(square);
            let step = rate * mean / most.sqrt().mul_add(root, epsilon);
            (V::load_partial(p) - step).store_partial(p);
            mean.store_partial(m);
            square.store_partial(v);
            most.store_partial(largest);
        }
    }
}

/// The coefficient that clips a gradient of this norm: min(1, c/(norm + 1e-6)). Without a limit it is 1.
pub fn clip_factor(norm: f64, limit: Option<f64>) -> f64 {
    limit.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0))
}

/// How the learning rate goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Always the same.
    Constant,
    /// lr·(1 + cos(πt/T))/2, t counted in updates from 0, to 0 at T.
    Cosine,
}

impl Schedule {
    /// The learning rate of update `t` (from 0) of `total`.
    pub fn rate(self, base: f64, t: u64, total: u64) -> f64 {
        match self {
            Schedule::Constant => base,
            Schedule::Cosine => 0.5 * base * (1.0 + (std::f64::consts::PI * t as f64 / total as f64).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    /// The formula of METHODS §5, one parameter at a time. Gradients that shrink tell AMSGrad from Adam: the largest
    /// second moment stays.
    fn against_plain_loops<T: Scalar>(tolerance: f64) {
        // No multiple of any vector's width.
        let len = 37;
        let mut optimiser = AmsGrad::<T>::new(len);
        let mut parameters: Vec<T> = (0..len).map(|i| T::from_f64((i as f64 * 0.7).sin())).collect();
        let mut expected: Vec<f64> = parameters.iter().map(|p| p.to_f64()).collect();
        let (mut m, mut v, mut largest) = (vec![0.0; len], vec![0.0; len], vec![0.0; len]);
        for t in 1..=60 {
            let decay = 0.9_f64.powi(t);
            let gradient: Vec<T> =
                (0..len).map(|i| T::from_f64(decay * (i as f64 + f64::from(t)).cos() * 5.0)).collect();
            let (factor, rate) = (0.5 + 0.25 * f64::from(t % 3), 0.01 / f64::from(t));
            optimiser.step(&mut parameters, &gradient, factor, rate);
            for i in 0..len {
                let g: f64 = gradient[i].to_f64() * factor;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                largest[i] = f64::max(largest[i], v[i]);
                let denominator = largest[i].sqrt() / (1.0 - 0.999_f64.powi(t)).sqrt() + 1e-8;
                expected[i] -= rate / (1.0 - 0.9_f64.powi(t)) * m[i] / denominator;
            }
        }
        assert!((0..len).any(|i| v[i] < 0.99 * largest[i]), "the maximum never mattered");
        for i in 0..len {
            assert_relative_eq!(parameters[i].to_f64(), expected[i], epsilon = tolerance);
        }
        assert_eq!(optimiser.updates, 60);
    }

    /// Some hundred roundings of numbers below 1.
    #[test]
    fn amsgrad_against_its_formula() {
        against_plain_loops::<f64>(1e-14);
        against_plain_loops::<f32>(5e-6);
    }

    /// The first step is the learning rate, in the direction against the gradient, whatever its size; a gradient of
    /// zero moves nothing.
    #[test]
    fn the_first_step_has_the_learning_rate_s_length() {
        let mut parameters = [1.0, 1.0, 1.0];
        AmsGrad::new(3).step(&mut parameters, &[1e4, -1e-3, 0.0], 1.0, 0.01);
        assert_relative_eq!(parameters[0], 0.99, max_relative = 1e-12);
        // 1e-8 is added to √v/√(1−β₂) = 1e-3: 1e-5 of the step.
        assert_relative_eq!(parameters[1], 1.0 + 0.01 / (1.0 + 1e-5), max_relative = 1e-12);
        assert_eq!(parameters[2], 1.0);
    }

    #[test]
    #[should_panic(expected = "lengths of gradient and parameters")]
    fn lengths_must_agree() {
        AmsGrad::new(3).step(&mut [0.0; 3], &[0.0; 2], 1.0, 0.01);
    }

    #[test]
    fn clipping() {
        assert_eq!(clip_factor(123.0, None), 1.0);
        assert_eq!(clip_factor(0.0, Some(5.0)), 1.0);
        assert_eq!(clip_factor(4.9, Some(5.0)), 1.0);
        assert_eq!(clip_factor(50.0, Some(5.0)), 5.0 / (50.0 + 1e-6));
        // At the limit the small term counts.
        assert!(clip_factor(5.0, Some(5.0)) < 1.0);
    }

    #[test]
    fn schedules() {
        assert_eq!(Schedule::Constant.rate(0.3, 99, 100), 0.3);
        let rate = |t| Schedule::Cosine.rate(0.3, t, 1000);
        assert_eq!(rate(0), 0.3);
        assert_relative_eq!(rate(250), 0.15 * (1.0 + 0.5_f64.sqrt()), max_relative = 1e-14);
        assert_relative_eq!(rate(500), 0.15, max_relative = 1e-14);
        assert!(rate(1000).abs() < 1e-16);
        assert!((0..1000).all(|t| rate(t + 1) < rate(t)));
    }
}
