//! A copy.

use linalg::Scalar;

use crate::Shape;
use crate::op::{Backward, Forward, Op, Reads};

/// out = x, a copy of any shape. The tape inserts it where one value is used twice by one operation.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl<T: Scalar> Op<T> for Identity {
    fn name(&self) -> &'static str {
        "identity"
    }
    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }
    fn reads(&self) -> Reads {
        Reads::Neither
    }
    fn forward(&self, pass: Forward<'_, T>) {
        pass.out.copy_from_slice(pass.inputs.get(0));
    }
    fn backward(&self, mut pass: Backward<'_, T>) {
        if let Some(dx) = pass.grads.take(0) {
            dx.add_slice(pass.dout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;
    use crate::Shape;
    use crate::gradcheck::{self, Options};

    #[test]
    fn copies_any_shape() {
        for shape in [Shape::SCALAR, Shape::from([3]), Shape::from([2, 0, 4]), Shape::from([2, 1, 2, 1, 2])] {
            let x: Vec<f64> = (0..shape.len()).map(|i| 0.4 * i as f64 - 1.0).collect();
            let report = gradcheck::check(
                |g, v| {
                    let copy = g.apply(Identity, v);
                    assert_eq!((g.value(copy), g.shape(copy)), (g.value(v[0]), shape));
                    copy
                },
                &[(shape, x)],
                &Options::default(),
            );
            report.assert_unless_empty();
        }
    }
}
