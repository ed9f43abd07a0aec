//! A copy whose gradient is weighted later.

use linalg::Scalar;

use crate::graph::Kind;
use crate::op::{Backward, Forward, Op, Operation, Reads};
use crate::ops::Builtin;
use crate::{Graph, Shape, Var};

/// out = z; backward multiplies each row of the gradient by a weight that is usually computed from out.
///
/// dL/dz\[n,l\] = weights\[n\] · dL/dout\[n,l\]
///
/// *z*: … × L; *weights*: the shape of z without its last axis, a constant as far as gradients go; out: as z. For
/// the doubly reparametrised estimator, whose weights are the samples' normalised importance weights: they follow
/// from the samples, so they are put in place afterwards. Until then the gate is open: the second input is z itself,
/// and differentiating panics.  Source: docs/methods.md §3 (`dreg`).
#[derive(Clone, Copy, Debug)]
pub struct Gate;

impl<T: Scalar> Op<T> for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        let [z, weights] = inputs else { panic!("z and weights were expected, not {inputs:?}") };
        assert!(z.rank() > 0, "a gate needs rows to weight, not a single number");
        assert!(*weights == *z || *weights == z.without_last(), "weights {weights} of a gate on {z}");
        *z
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    /// The weights, which the tape hands over in any case.
    fn reads(&self) -> Reads {
        Reads::Neither
    }

    fn forward(&self, pass: Forward<'_, T>) {
        pass.out.copy_from_slice(pass.inputs.get(0));
    }

    fn backward(&self, mut pass: Backward<'_, T>) {
        let Some(dz) = pass.grads.take(0) else { return };
        let (z, weights) = (pass.inputs.shape(0), pass.inputs.shape(1));
        assert!(weights == z.without_last(), "the gate on {z} was never closed: it has no weights");
        dz.add_scaled_rows(pass.inputs.get(1), pass.dout);
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// A copy of *z* (… × L) whose gradient is weighted row by row, with weights that are given later to
    /// [`close_gate`](Graph::close_gate). Differentiating through an open gate panics.
    #[track_caller]
    pub fn gate(&mut self, z: Var) -> Var {
        self.apply(Gate, &[z, z])
    }

    /// Sets the weights of a [`gate`](Graph::gate): one a row, in the gate's shape without its last axis. They may
    /// depend on the gate; no gradient passes through them.
    ///
    /// # Panics
    /// If `gate` is not a gate, or if the shape is another.
    #[track_caller]
    pub fn close_gate(&mut self, gate: Var, weights: Var) {
        let (z, shape) = (self.shape(gate), self.shape(weights));
        assert!(shape == z.without_last(), "weights {shape} of a gate on {z}");
        let is_gate = matches!(self.node(gate).kind, Kind::Computed(Operation::Builtin(Builtin::Gate(_))));
        assert!(is_gate, "a gate is closed, not another value");
        self.rewire(gate, 1, weights);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Seed, Tape, Wanted};

    const Z: [f64; 6] = [0.5, -1.0, 2.0, 0.25, 3.0, -0.75];

    #[test]
    fn weights_that_follow_from_the_copy_scale_its_gradient() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let z = g.variable([3, 2], &Z);
        let gate = g.gate(z);
        assert_eq!(g.value(gate), Z);
        // The gradient of a row is −gate, times the weight, which is the row's log density.
        let weights = g.standard_normal_log_density(gate);
        g.close_gate(gate, weights);
        g.backward(&[(weights, Seed::Uniform(1.0))], Wanted::All, &mut []);
        for (i, (dz, z)) in g.gradient(z).iter().zip(Z).enumerate() {
            assert_eq!(*dz, -z * g.value(weights)[i / 2]);
        }
        // A path past the gate adds to it unweighted.
        let past = g.standard_normal_log_density(z);
        g.backward(&[(weights, Seed::Uniform(1.0)), (past, Seed::Uniform(1.0))], Wanted::All, &mut []);
        for (i, (dz, z)) in g.gradient(z).iter().zip(Z).enumerate() {
            assert!((dz + z * (g.value(weights)[i / 2] + 1.0)).abs() < 1e-15 * 10.0);
        }
    }

    #[test]
    #[should_panic(expected = "the gate on [3 × 2] was never closed")]
    fn an_open_gate_cannot_be_differentiated() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let z = g.variable([3, 2], &Z);
        let gate = g.gate(z);
        g.backward(&[(gate, Seed::Uniform(1.0))], Wanted::All, &mut []);
    }

    #[test]
    #[should_panic(expected = "weights [2] of a gate on [3 × 2]")]
    fn weights_of_another_shape_are_refused() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let z = g.variable([3, 2], &Z);
        let gate = g.gate(z);
        let weights = g.constant([2], &[1.0, 2.0]);
        g.close_gate(gate, weights);
    }

    #[test]
    #[should_panic(expected = "a gate is closed")]
    fn only_a_gate_is_closed() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let z = g.variable([3, 2], &Z);
        let weights = g.constant([3], &[1.0, 2.0, 3.0]);
        g.close_gate(z, weights);
    }

    #[test]
    fn no_rows_and_no_columns() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        for shape in [[0, 2], [2, 0]] {
            let z = g.variable(shape, &[]);
            let gate = g.gate(z);
            let weights = g.constant([shape[0]], &vec![1.0; shape[0]]);
            g.close_gate(gate, weights);
            g.backward(&[(gate, Seed::Uniform(1.0))], Wanted::All, &mut []);
            assert_eq!(g.gradient(z), [0.0f64; 0]);
        }
    }
}
