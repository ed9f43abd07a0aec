//! Log density of the prior.

use linalg::Scalar;
use linalg::reduce::lanes;
use linalg::simd::{Kernel, Vector, dispatch};
use linalg::special::HALF_LN_TWO_PI;

use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// Log density of a standard normal vector, the prior p(z).
///
/// log p\[n\] = Σ_l (−½ z\[n,l\]² − ½ ln 2π), in nats. *z*: … × L; out: … .  Source: docs/methods.md §1.
#[derive(Clone, Copy, Debug)]
pub struct StandardNormalLogDensity;

impl<T: Scalar> Op<T> for StandardNormalLogDensity {
    fn name(&self) -> &'static str {
        "standard_normal_log_density"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        assert!(inputs[0].rank() > 0, "the density of vectors, not of a single number");
        inputs[0].without_last()
    }

    fn reads(&self) -> Reads {
        Reads::Inputs
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let width = pass.inputs.shape(0).last();
        dispatch(LogDensity { z: pass.inputs.get(0), width, out: pass.out });
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dz) = pass.grads.take(0) else { return };
        pass.dout.iter_mut().for_each(|d| *d = -*d);
        dz.add_scaled_rows(pass.dout, pass.inputs.get(0));
    }
}

struct LogDensity<'a, T> {
    z: &'a [T],
    width: usize,
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for LogDensity<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let constant = T::from_f64(HALF_LN_TWO_PI) * T::from_usize(self.width);
        for (n, out) in self.out.iter_mut().enumerate() {
            let z = &self.z[n * self.width..(n + 1) * self.width];
            *out = -(lanes::dot::<T, V>(z, z) * T::HALF + constant);
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a [`StandardNormalLogDensity`] of *z* (… × L).
    #[track_caller]
    pub fn standard_normal_log_density(&mut self, z: Var) -> Var {
        self.apply(StandardNormalLogDensity, &[z])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::gradcheck::{self, Options};
    use crate::{Shape, Tape};

    fn densities<T: linalg::Scalar>(shape: Shape, z: &[f64]) -> Vec<f64> {
        let z: Vec<T> = z.iter().map(|&z| T::from_f64(z)).collect();
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let z = g.variable(shape, &z);
        let y = g.standard_normal_log_density(z);
        assert_eq!(g.shape(y), shape.without_last());
        g.value(y).iter().map(|y| y.to_f64()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn follows_the_formula((a, b, l) in (0..4usize, 1..4usize, 0..40usize), seed in 0..1000u32) {
            let shape = Shape::from([a, b, l]);
            let z: Vec<f64> = (0..shape.len()).map(|i| (f64::from(seed) + 1.7 * i as f64).sin() * 3.0).collect();
            let expected: Vec<f64> = (0..a * b)
                .map(|n| z[n * l..(n + 1) * l].iter().map(|z| -0.5 * (z * z + std::f64::consts::TAU.ln())).sum())
                .collect();
            for (tolerance, actual) in [(1e-14, densities::<f64>(shape, &z)), (1e-6, densities::<f32>(shape, &z))] {
                for (y, e) in actual.iter().zip(&expected) {
                    prop_assert!((y - e).abs() <= tolerance * e.abs().max(1.0), "{y} for {e}");
                }
            }
            let options = Options { full_limit: 500, ..Options::default() };
            gradcheck::check(|g, x| g.standard_normal_log_density(x[0]), &[(shape, z)], &options).assert_unless_empty();
        }
    }

    #[test]
    fn nan_stays_in_its_row() {
        let y = densities::<f64>(Shape::from([2, 2]), &[0.0, f64::NAN, 1.0, 2.0]);
        assert!(y[0].is_nan() && y[1].is_finite());
    }
}
