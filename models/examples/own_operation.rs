//! An operation of one's own on the tape, and its gradient compared with finite differences.
//!
//! `cargo run --release -p missvae --example own_operation`
#![allow(clippy::print_stdout, reason = "an example")]

use autodiff::{Backward, Forward, Graph, Op, Operation, Shape, Var, gradcheck};
use linalg::Scalar;

/// out = √(1 + x²) − 1, element by element: a square near 0, and the absolute value far from it.
///
/// d out / dx = x / (out + 1)
#[derive(Clone, Copy, Debug)]
struct PseudoHuber;

impl<T: Scalar> Op<T> for PseudoHuber {
    fn name(&self) -> &'static str {
        "pseudo_huber"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn forward(&self, pass: Forward<'_, T>) {
        for (out, &x) in pass.out.iter_mut().zip(pass.inputs.get(0)) {
            *out = (T::ONE + x * x).sqrt() - T::ONE;
        }
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let (x, out, dout) = (pass.inputs.get(0), pass.out, pass.dout);
        if let Some(dx) = pass.grads.take(0) {
            dx.add(|i| dout[i] * x[i] / (out[i] + T::ONE));
        }
    }
}

fn main() {
    let mean = |g: &mut Graph<'_, f64>, x: &[Var]| {
        let each = g.apply(Operation::custom(PseudoHuber), x);
        g.mean(each, &[0])
    };
    let inputs = [(Shape::from([5]), vec![-3.0, -0.5, 0.0, 0.25, 8.0])];
    let report = gradcheck::check(mean, &inputs, &gradcheck::Options::default());
    report.assert();
    println!("{} agrees with finite differences", Op::<f64>::name(&PseudoHuber));
}
