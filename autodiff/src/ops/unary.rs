//! Functions of one number, element by element.

use linalg::Scalar;
use linalg::simd::Vector;
use linalg::special;

use super::strided::{Term, each};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// Declares the functions: value, and gradient from `dout` and what it reads, one below the other.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $method:ident {
        value($x:ident) = $value:expr,
        gradient($dout:ident, $read:tt from $reads:ident) = $gradient:expr $(,)?
    })*) => {
        /// out = f(x), element by element, of any shape. NaN gives NaN.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Unary {
            $($(#[$doc])* $name,)*
        }

        impl Unary {
            /// Every function.
            pub const ALL: &[Unary] = &[$(Unary::$name),*];
        }

        impl<T: Scalar> Op<T> for Unary {
            fn name(&self) -> &'static str {
                match self {
                    $(Unary::$name => stringify!($method),)*
                }
            }

            fn out_shape(&self, inputs: &[Shape]) -> Shape {
                inputs[0]
            }

            fn reads(&self) -> Reads {
                match self {
                    $(Unary::$name => Reads::$reads,)*
                }
            }

            fn forward(&self, pass: Forward<'_, T>) {
                let x = pass.inputs.get(0);
                match self {
                    $(Unary::$name => each(terms::$name, pass.out, false, [x]),)*
                }
            }

            fn backward(&self, mut pass: Backward<'_, T>) {
                let Some(dx) = pass.grads.take(0) else { return };
                let (dx, accumulate) = dx.parts();
                let read = match Op::<T>::reads(self) {
                    Reads::Inputs => pass.inputs.get(0),
                    Reads::Output => pass.out,
                    Reads::Neither | Reads::Both => &*pass.dout,
                };
                match self {
                    $(Unary::$name => each(terms::$name, dx, accumulate, [&*pass.dout, read]),)*
                }
            }
        }

        /// The functions (of one number) and their gradients (of two) as terms of a loop.
        mod terms {
            use super::*;

            $(
                pub(super) struct $name;

                impl<T: Scalar> Term<T, 1> for $name {
                    #[inline(always)]
                    fn at<V: Vector<T>>(&self, [$x]: [V; 1]) -> V {
                        $value
                    }
                }

                impl<T: Scalar> Term<T, 2> for $name {
                    #[inline(always)]
                    fn at<V: Vector<T>>(&self, [$dout, $read]: [V; 2]) -> V {
                        $gradient
                    }
                }
            )*
        }

        impl<T: Scalar> Graph<'_, T> {
            $(
                $(#[$doc])*
                pub fn $method(&mut self, x: Var) -> Var {
                    self.apply(Unary::$name, &[x])
                }
            )*
        }
    };
}

functions! {
    /// −x.
    Neg neg {
        value(x) = -x,
        gradient(dout, _ from Neither) = -dout,
    }
    /// eˣ.
    Exp exp {
        value(x) = special::exp(x),
        gradient(dout, y from Output) = dout * y,
    }
    /// Natural logarithm.
    Ln ln {
        value(x) = special::ln(x),
        gradient(dout, x from Inputs) = dout / x,
    }
    /// ln(1 + x), accurate for small x.
    Log1p log1p {
        value(x) = special::log1p(x),
        gradient(dout, x from Inputs) = dout / (V::splat(T::ONE) + x),
    }
    /// x².
    Square square {
        value(x) = x * x,
        gradient(dout, x from Inputs) = dout * (x + x),
    }
    /// √x.
    Sqrt sqrt {
        value(x) = x.sqrt(),
        gradient(dout, y from Output) = dout * V::splat(T::HALF) / y,
    }
    /// max(x, 0), with derivative 0 at 0.
    Relu relu {
        value(x) = V::select_lt(x, V::splat(T::ZERO), V::splat(T::ZERO), x),
        // The output is positive, zero or NaN; the last product is zero or NaN.
        gradient(dout, y from Output) = V::select_lt(V::splat(T::ZERO), y, dout, y * V::splat(T::ZERO)),
    }
    /// ln(1 + eˣ).
    Softplus softplus {
        value(x) = special::softplus(x),
        gradient(dout, x from Inputs) = dout * special::sigmoid(x),
    }
    /// Logistic function 1/(1 + e⁻ˣ).
    Sigmoid sigmoid {
        value(x) = special::sigmoid(x),
        // Not y·(1 − y), which has no correct digit where y rounds to one.
        gradient(dout, x from Inputs) = dout * special::sigmoid(x) * special::sigmoid(-x),
    }
    /// ln of the logistic function.
    LogSigmoid log_sigmoid {
        value(x) = special::log_sigmoid(x),
        gradient(dout, x from Inputs) = dout * special::sigmoid(-x),
    }
    /// Φ(x), the standard normal distribution function.
    NormalCdf normal_cdf {
        value(x) = special::ndtr(x),
        gradient(dout, x from Inputs) = dout * special::normal_pdf(x),
    }
    /// ln Φ(x), accurate in both tails.
    LogNormalCdf log_normal_cdf {
        value(x) = special::log_ndtr(x),
        gradient(dout, x from Inputs) = dout * special::log_ndtr_and_slope(x).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;
    use crate::ops::testing::{assert_precisions_agree, error, numbers, run};

    /// Arguments within the domain, a few vectors and a rest.
    fn arguments(f: Unary) -> Vec<f64> {
        let x = numbers(37, 0);
        match f {
            Unary::Ln | Unary::Sqrt => x.iter().map(|x| x.exp()).collect(),
            Unary::Log1p => x.iter().map(|x| x.exp() - 0.9).collect(),
            _ => x.iter().map(|x| 3.0 * x).collect(),
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        for &f in Unary::ALL {
            let inputs = [(Shape::from([37]), arguments(f))];
            gradcheck::check(|g, x| g.apply(f, x), &inputs, &gradcheck::Options::default()).assert();
        }
    }

    #[test]
    fn precisions_agree() {
        for &f in Unary::ALL {
            let inputs = [(Shape::from([37]), arguments(f))];
            assert_precisions_agree(|g, x| g.apply(f, x), |g, x| g.apply(f, x), &inputs, 2e-5);
        }
    }

    #[test]
    fn nan_passes_and_nothing_is_something() {
        for &f in Unary::ALL {
            let (_, out, grads) = run::<f64>(|g, x| g.apply(f, x), &[(Shape::SCALAR, vec![f64::NAN])]);
            assert!(out[0].is_nan(), "{f:?}");
            assert!(grads[0][0].is_nan() || f == Unary::Neg, "{f:?}");
            let (shape, out, _) = run::<f32>(|g, x| g.apply(f, x), &[(Shape::from([2, 0]), vec![])]);
            assert!(shape == Shape::from([2, 0]) && out.is_empty());
        }
    }

    /// Derivatives, relative to themselves, where a formula from the rounded output would have lost all digits.
    #[test]
    fn gradients_are_accurate_in_the_tails() {
        let slope = |f: Unary, x: f64| {
            let (_, _, grads) = run::<f64>(|g, x| g.apply(f, x), &[(Shape::SCALAR, vec![x])]);
            grads[0][0] / numbers(1, 7)[0]
        };
        let exact = [
            (Unary::Softplus, -40.0, 4.248354255291589e-18),
            (Unary::LogSigmoid, 40.0, 4.248354255291589e-18),
            (Unary::Sigmoid, 40.0, 4.248354255291589e-18),
            (Unary::Sigmoid, -40.0, 4.248354255291589e-18),
            (Unary::NormalCdf, 12.0, 2.1463837356630605e-32),
            (Unary::LogNormalCdf, 12.0, 2.1463837356630605e-32),
            // 50 + 1/50 − 2/50³ + 10/50⁵ − …, Mills' ratio
            (Unary::LogNormalCdf, -50.0, 50.01998403190635),
            (Unary::Relu, 0.0, 0.0),
        ];
        for (f, x, expected) in exact {
            let error = error(&[slope(f, x) / expected.max(f64::MIN_POSITIVE)], &[f64::from(expected > 0.0)]);
            assert!(error < 1e-13, "{f:?} at {x}: {} instead of {expected}", slope(f, x));
        }
    }
}
