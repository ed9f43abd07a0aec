//! AMSGrad, clipping, schedules (docs/methods.md §5).

use autodiff::Aligned;
use linalg::Scalar;
use linalg::parallel::{Divide, join_parts};
use linalg::simd::{Kernel, Vector, dispatch, prefetch};
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
        let sweep = Sweep {
            parameters,
            gradient,
            mean: &mut self.mean,
            square: &mut self.square,
            largest: &mut self.largest,
            factor: T::from_f64(factor),
            rate: T::from_f64(rate),
            root: T::from_f64(root),
        };
        join_parts(sweep, GRAIN, dispatch);
    }
}

/// Distance of the prefetch, in cache lines.
const LINES_AHEAD: usize = 6;

/// The fewest parameters that a thread is given: some ten microseconds of work, in whole vectors and cache lines.
const GRAIN: usize = 1 << 14;

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

impl<T: Scalar> Divide for Sweep<'_, T> {
    fn items(&self) -> usize {
        self.parameters.len()
    }

    fn divide(self, at: usize) -> (Self, Self) {
        let (parameters, more_parameters) = self.parameters.split_at_mut(at);
        let (gradient, more_gradient) = self.gradient.split_at(at);
        let (mean, more_mean) = self.mean.split_at_mut(at);
        let (square, more_square) = self.square.split_at_mut(at);
        let (largest, more_largest) = self.largest.split_at_mut(at);
        let Sweep { factor, rate, root, .. } = self;
        (
            Sweep { parameters, gradient, mean, square, largest, factor, rate, root },
            Sweep {
                parameters: more_parameters,
                gradient: more_gradient,
                mean: more_mean,
                square: more_square,
                largest: more_largest,
                factor,
                rate,
                root,
            },
        )
    }
}

impl<T: Scalar> Kernel<T> for Sweep<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let whole = self.parameters.len() / V::LANES * V::LANES;
        let rule = Rule::<V>::new(self.factor, self.rate, self.root);
        let (p, p_rest) = self.parameters.split_at_mut(whole);
        let (g, g_rest) = self.gradient.split_at(whole);
        let (m, m_rest) = self.mean.split_at_mut(whole);
        let (v, v_rest) = self.square.split_at_mut(whole);
        let (l, l_rest) = self.largest.split_at_mut(whole);
        // Five arrays at once, each of many pages: what is asked for in advance comes sooner than the processor guesses.
        let ahead = LINES_AHEAD * 64 / size_of::<T>();
        // Whole vectors apart from the rest: a masked store costs as much as several plain ones.
        for start in (0..whole).step_by(V::LANES) {
            let at = start..start + V::LANES;
            for array in [&*p, g, &*m, &*v, &*l] {
                prefetch(array, start + ahead);
            }
            let old =
                [V::load(&p[at.clone()]), V::load(&m[at.clone()]), V::load(&v[at.clone()]), V::load(&l[at.clone()])];
            let [new_p, new_m, new_v, new_l] = rule.apply(old, V::load(&g[at.clone()]));
            new_p.store(&mut p[at.clone()]);
            new_m.store(&mut m[at.clone()]);
            new_v.store(&mut v[at.clone()]);
            new_l.store(&mut l[at]);
        }
        let old = [V::load_partial(p_rest), V::load_partial(m_rest), V::load_partial(v_rest), V::load_partial(l_rest)];
        let [new_p, new_m, new_v, new_l] = rule.apply(old, V::load_partial(g_rest));
        new_p.store_partial(p_rest);
        new_m.store_partial(m_rest);
        new_v.store_partial(v_rest);
        new_l.store_partial(l_rest);
    }
}

/// The update of one vector of parameters.
struct Rule<V> {
    factor: V,
    rate: V,
    root: V,
    beta_1: V,
    beta_2: V,
    gain_1: V,
    gain_2: V,
    epsilon: V,
}

impl<V> Rule<V> {
    #[inline(always)]
    fn new<T: Scalar>(factor: T, rate: T, root: T) -> Self
    where
        V: Vector<T>,
    {
        let splat = |x: f64| V::splat(T::from_f64(x));
        Rule {
            factor: V::splat(factor),
            rate: V::splat(rate),
            root: V::splat(root),
            beta_1: splat(BETA_1),
            beta_2: splat(BETA_2),
            gain_1: splat(1.0 - BETA_1),
            gain_2: splat(1.0 - BETA_2),
            epsilon: splat(EPSILON),
        }
    }

    /// (p, m, v, v_max) and the gradient to the new (p, m, v, v_max).
    #[inline(always)]
    fn apply<T: Scalar>(&self, [p, m, v, largest]: [V; 4], gradient: V) -> [V; 4]
    where
        V: Vector<T>,
    {
        let gradient = gradient * self.factor;
        let mean = m.mul_add(self.beta_1, gradient * self.gain_1);
        let square = v.mul_add(self.beta_2, gradient * gradient * self.gain_2);
        let largest = largest.max(square);
        let step = self.rate * mean / largest.sqrt().mul_add(self.root, self.epsilon);
        [p - step, mean, square, largest]
    }
}

/// The coefficient that clips a gradient of this norm: min(1, c/(norm + 1e-6)). Without a limit it is 1.
pub fn clip_factor(norm: f64, limit: Option<f64>) -> f64 {
    limit.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0))
}

/// The learning rate over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Constant.
    Constant,
    /// Down to zero along a cosine: lr·(1 + cos(πt/T))/2, with t the updates so far and T their total.
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

    /// The formula of docs/methods.md §5, one parameter at a time. Gradients that shrink tell AMSGrad from Adam: the
    /// largest second moment stays.
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
