//! Arithmetic, element by element, with broadcasting.

use linalg::Scalar;
use linalg::simd::Vector;

use super::strided::{AXES, Itself, Product, Term, aligned, broadcast, each, fold};
use crate::op::{Backward, Forward, Op, Reads};
use crate::{Graph, Shape, Var};

/// out = a ∘ b, element by element.
///
/// Shapes are aligned at the last axis, as in NumPy: an axis that is missing or of size one in *a* or *b* repeats. The
/// gradient of a repeated element is the sum over its repetitions, in a fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elementwise {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// a / b.
    Div,
}

impl<T: Scalar> Op<T> for Elementwise {
    fn name(&self) -> &'static str {
        match self {
            Elementwise::Add => "add",
            Elementwise::Sub => "sub",
            Elementwise::Mul => "mul",
            Elementwise::Div => "div",
        }
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [a, b] = inputs else { panic!("two operands were expected, not {inputs:?}") };
        let (mut sizes, with) = (aligned(*a), aligned(*b));
        for (size, with) in sizes.iter_mut().zip(with) {
            assert!(*size == with || *size == 1 || with == 1, "shapes {a} and {b} do not broadcast");
            *size = if *size == 1 { with } else { *size };
        }
        Shape::new(&sizes[AXES - a.rank().max(b.rank())..])
    }

    fn reads(&self) -> Reads {
        match self {
            Elementwise::Add | Elementwise::Sub => Reads::Neither,
            Elementwise::Mul | Elementwise::Div => Reads::Inputs,
        }
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let Forward { inputs, out, .. } = pass;
        let (a, b) = (inputs.shape(0), inputs.shape(1));
        let full = Op::<T>::out_shape(self, &[a, b]);
        let target = (out, broadcast(full));
        let operands = [(inputs.get(0), broadcast(a)), (inputs.get(1), broadcast(b))];
        match self {
            Elementwise::Add => fold(Sum, full, target, false, operands),
            Elementwise::Sub => fold(Difference, full, target, false, operands),
            Elementwise::Mul => fold(Product, full, target, false, operands),
            Elementwise::Div => fold(Quotient, full, target, false, operands),
        }
    }

    fn backward(&self, pass: Backward<'_, T>) {
        let Backward { inputs, dout, mut grads, .. } = pass;
        let shapes = [inputs.shape(0), inputs.shape(1)];
        let full = Op::<T>::out_shape(self, &shapes);
        let [a, b] = [0, 1].map(|i| (inputs.get(i), broadcast(shapes[i])));
        let dout = (&*dout, broadcast(full));
        if let Some(da) = grads.take(0) {
            let (da, accumulate) = da.parts();
            let target = (da, a.1);
            match self {
                Elementwise::Add | Elementwise::Sub => fold(Itself, full, target, accumulate, [dout]),
                Elementwise::Mul => fold(Product, full, target, accumulate, [dout, b]),
                Elementwise::Div => fold(Quotient, full, target, accumulate, [dout, b]),
            }
        }
        if let Some(db) = grads.take(1) {
            let (db, accumulate) = db.parts();
            let target = (db, b.1);
            match self {
                Elementwise::Add => fold(Itself, full, target, accumulate, [dout]),
                Elementwise::Sub => fold(Minus, full, target, accumulate, [dout]),
                Elementwise::Mul => fold(Product, full, target, accumulate, [dout, a]),
                Elementwise::Div => fold(ByDivisor, full, target, accumulate, [dout, a, b]),
            }
        }
    }
}

/// Functions of a few numbers: `Name(x, y) = formula;`.
macro_rules! terms {
    ($($(#[$doc:meta])* $name:ident($($x:ident),*), $count:literal = $formula:expr;)*) => { $(
        $(#[$doc])*
        struct $name;

        impl<T: Scalar> Term<T, $count> for $name {
            #[inline(always)]
            fn at<V: Vector<T>>(&self, [$($x),*]: [V; $count]) -> V {
                $formula
            }
        }
    )* };
}

terms! {
    Sum(x, y), 2 = x + y;
    Difference(x, y), 2 = x - y;
    Quotient(x, y), 2 = x / y;
    Minus(x), 1 = -x;
    /// The gradient of a/b with respect to b, −dout·a/b², without squaring b.
    ByDivisor(dout, a, b), 3 = -(dout / b) * (a / b);
}

/// out = factor · x + shift, with constants that are not on the tape.
#[derive(Clone, Copy, Debug)]
pub struct Affine {
    /// Multiplies.
    pub factor: f64,
    /// Is added.
    pub shift: f64,
}

impl<T: Scalar> Op<T> for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        let term = Line { factor: T::from_f64(self.factor), shift: T::from_f64(self.shift) };
        each(term, pass.out, false, [pass.inputs.get(0)]);
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        if let Some(dx) = pass.grads.take(0) {
            let (dx, accumulate) = dx.parts();
            each(Line { factor: T::from_f64(self.factor), shift: T::ZERO }, dx, accumulate, [&*pass.dout]);
        }
    }
}

struct Line<T> {
    factor: T,
    shift: T,
}

impl<T: Scalar> Term<T, 1> for Line<T> {
    #[inline(always)]
    fn at<V: Vector<T>>(&self, [x]: [V; 1]) -> V {
        x.mul_add(V::splat(self.factor), V::splat(self.shift))
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Records a + b; see [`Elementwise`].
    #[track_caller]
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        self.apply(Elementwise::Add, &[a, b])
    }

    /// Records a − b; see [`Elementwise`].
    #[track_caller]
    pub fn sub(&mut self, a: Var, b: Var) -> Var {
        self.apply(Elementwise::Sub, &[a, b])
    }

    /// Records a · b, element by element; see [`Elementwise`].
    #[track_caller]
    pub fn mul(&mut self, a: Var, b: Var) -> Var {
        self.apply(Elementwise::Mul, &[a, b])
    }

    /// Records a / b, element by element; see [`Elementwise`].
    #[track_caller]
    pub fn div(&mut self, a: Var, b: Var) -> Var {
        self.apply(Elementwise::Div, &[a, b])
    }

    /// Records factor · x.
    pub fn scale(&mut self, x: Var, factor: f64) -> Var {
        self.apply(Affine { factor, shift: 0.0 }, &[x])
    }

    /// Records x + shift.
    pub fn add_scalar(&mut self, x: Var, shift: f64) -> Var {
        self.apply(Affine { factor: 1.0, shift }, &[x])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gradcheck;
    use crate::ops::testing::{assert_precisions_agree, error, indices, numbers, position, run, value};

    const ALL: [Elementwise; 4] = [Elementwise::Add, Elementwise::Sub, Elementwise::Mul, Elementwise::Div];

    /// Value and partial derivatives.
    fn formula(op: Elementwise, a: f64, b: f64) -> (f64, f64, f64) {
        match op {
            Elementwise::Add => (a + b, 1.0, 1.0),
            Elementwise::Sub => (a - b, 1.0, -1.0),
            Elementwise::Mul => (a * b, b, a),
            Elementwise::Div => (a / b, 1.0 / b, -a / (b * b)),
        }
    }

    /// Two shapes that broadcast with each other.
    fn shapes() -> impl Strategy<Value = (Shape, Shape)> {
        let axis = (prop_oneof![Just(0_usize), 1..=4_usize, Just(19)], 0..4_u8);
        (prop::collection::vec(axis, 0..=5), 0..=2_usize).prop_map(|(axes, missing)| {
            let sizes = |ones: u8| axes.iter().map(move |&(n, kind)| if kind == ones { 1 } else { n.min(19) });
            let (a, b): (Vec<usize>, Vec<usize>) = (sizes(1).collect(), sizes(2).collect());
            (Shape::new(&a), Shape::new(&b[missing.min(b.len())..]))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn broadcasts_as_the_formula((a, b) in shapes(), op in prop::sample::select(&ALL[..])) {
            prop_assume!(a.len() * b.len() < 200_000);
            let (x, y) = (value(a, 1), value(b, 2));
            let (shape, out, grads) = run::<f64>(|g, x| g.apply(op, x), &[x.clone(), y.clone()]);
            let seeds = numbers(shape.len(), 7);
            let (mut expected, mut da, mut db) = (Vec::new(), vec![0.0; a.len()], vec![0.0; b.len()]);
            for (index, seed) in indices(shape).iter().zip(seeds) {
                let (i, j) = (position(a, index), position(b, index));
                let (value, by_a, by_b) = formula(op, x.1[i], y.1[j]);
                expected.push(value);
                da[i] += seed * by_a;
                db[j] += seed * by_b;
            }
            prop_assert_eq!(out, expected);
            // Quotients reach 1e6 times the seeds; the order of summation differs.
            let scale = db.iter().chain(&da).fold(1.0, |m: f64, x| m.max(x.abs()));
            prop_assert!(error(&grads[0], &da) <= 1e-13 * scale && error(&grads[1], &db) <= 1e-13 * scale);
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        for op in ALL {
            let b = numbers(4, 3).iter().map(|x| x + 3.0).collect();
            let inputs = [value([3, 1, 2, 5], 0), (Shape::from([2, 2, 1]), b)];
            gradcheck::check(|g, x| g.apply(op, x), &inputs, &gradcheck::Options::default()).assert();
        }
        let line = |g: &mut Graph<f64>, x: &[Var]| {
            let scaled = g.scale(x[0], -2.5);
            g.add_scalar(scaled, 0.75)
        };
        gradcheck::check(line, &[value([7], 0)], &gradcheck::Options::default()).assert();
    }

    #[test]
    fn one_value_may_be_both_operands() {
        let (_, out, grads) = run::<f64>(|g, x| g.mul(x[0], x[0]), &[value([37], 0)]);
        let x = numbers(37, 0);
        assert_eq!(out, x.iter().map(|x| x * x).collect::<Vec<_>>());
        let expected: Vec<f64> = x.iter().zip(numbers(37, 7)).map(|(x, seed)| 2.0 * x * seed).collect();
        assert!(error(&grads[0], &expected) < 1e-15);
    }

    #[test]
    fn precisions_agree() {
        for op in ALL {
            let b = numbers(5, 3).iter().map(|x| x + 3.0).collect();
            let inputs = [value([4, 3, 5], 0), (Shape::from([5]), b)];
            assert_precisions_agree(|g, x| g.apply(op, x), |g, x| g.apply(op, x), &inputs, 5e-6);
        }
    }

    #[test]
    #[should_panic(expected = "shapes [2 × 3] and [2] do not broadcast")]
    fn other_shapes_are_refused() {
        run::<f64>(|g, x| g.add(x[0], x[1]), &[value([2, 3], 0), value([2], 0)]);
    }
}
