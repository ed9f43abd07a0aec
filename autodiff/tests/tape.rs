//! The tape, seen from outside: what is differentiated, what is not, and what memory may hold.
#![allow(clippy::single_range_in_vec_init, reason = "a list of one range of parameters is meant")]

use std::sync::{Arc, Mutex};

use missvae_autodiff::{Backward, Forward, Graph, Op, Operation, Reads, Seed, Shape, Tape, Var, Wanted};

/// out = a ⊙ b. Notes which gradients each backward was asked for.
#[derive(Clone, Debug, Default)]
struct Product {
    asked: Arc<Mutex<Vec<(bool, bool)>>>,
}

impl Product {
    /// What was asked since the last call.
    fn asked(&self) -> Vec<(bool, bool)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Op<f64> for Product {
    fn name(&self) -> &'static str {
        "product"
    }
    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        assert!(inputs[0] == inputs[1], "product of {} and {}", inputs[0], inputs[1]);
        inputs[0]
    }
    fn reads(&self) -> Reads {
        Reads::Inputs
    }
    fn forward(&self, pass: Forward<'_, f64>) {
        let (a, b) = (pass.inputs.get(0), pass.inputs.get(1));
        pass.out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = a * b);
    }
    fn backward(&self, mut pass: Backward<'_, f64>) {
        assert!(pass.out.is_empty(), "the output was not asked for");
        self.asked.lock().unwrap().push((pass.grads.wants(0), pass.grads.wants(1)));
        let (a, b) = (pass.inputs.get(0), pass.inputs.get(1));
        if let Some(da) = pass.grads.take(0) {
            da.add(|i| pass.dout[i] * b[i]);
        }
        if let Some(db) = pass.grads.take(1) {
            db.add(|i| pass.dout[i] * a[i]);
        }
        // Nobody reads this gradient afterwards.
        pass.dout.fill(f64::NAN);
    }
}

/// out = a; b, of any shape, has no influence.
#[derive(Clone, Debug)]
struct First;

impl Op<f64> for First {
    fn name(&self) -> &'static str {
        "first"
    }
    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }
    fn reads(&self) -> Reads {
        Reads::Neither
    }
    fn forward(&self, pass: Forward<'_, f64>) {
        pass.out.copy_from_slice(pass.inputs.get(0));
    }
    fn backward(&self, mut pass: Backward<'_, f64>) {
        assert!(pass.inputs.get(0).is_empty(), "inputs were not asked for");
        if let Some(da) = pass.grads.take(0) {
            da.add_slice(pass.dout);
        }
        if let Some(db) = pass.grads.take(1) {
            db.accumulator();
        }
    }
}

fn product(g: &mut Graph<f64>, a: Var, b: Var) -> Var {
    g.apply(Operation::custom(Product::default()), &[a, b])
}

const X: [f64; 4] = [0.5, -2.0, 3.0, 0.25];

#[test]
fn one_value_as_both_inputs() {
    let mut tape = Tape::new();
    let mut g = tape.graph(&[]);
    let x = g.variable([4], &X);
    let square = product(&mut g, x, x);
    g.backward(&[(square, Seed::Uniform(1.0))], Wanted::All, &mut []);
    assert_eq!(g.gradient(x), X.map(|x| 2.0 * x));
    // A view is the same value too; so is one parameter asked for twice.
    let view = g.reshape(x, [2, 2]);
    let again = g.reshape(view, [2, 2]);
    let square = product(&mut g, view, again);
    let flat = g.reshape(square, [4]);
    g.backward(&[(flat, Seed::Each(&[1.0, 2.0, 3.0, 4.0]))], Wanted::All, &mut []);
    assert_eq!(g.gradient(x), [1.0, -8.0, 18.0, 2.0]);

    let mut g = tape.graph(&X);
    let (a, b) = (g.parameter(1, [2]), g.parameter(1, [2]));
    assert_eq!(a, b);
    let square = product(&mut g, a, b);
    let mut gradient = [9.0; 4];
    g.backward(&[(square, Seed::Uniform(1.0))], Wanted::All, &mut gradient);
    assert_eq!(gradient, [9.0, -4.0, 6.0, 9.0]);
}

#[test]
fn detached_values_are_constants() {
    let mut tape = Tape::new();
    let mut g = tape.graph(&[]);
    let x = g.variable([4], &X);
    let square = product(&mut g, x, x);
    let frozen = g.detach(square);
    assert_eq!(g.value(frozen), g.value(square));
    let y = product(&mut g, x, frozen);
    g.backward(&[(y, Seed::Uniform(1.0)), (frozen, Seed::Uniform(5.0))], Wanted::All, &mut []);
    assert_eq!(g.gradient(x), X.map(|x| x * x));
    // A detached view of the other input is no second path.
    let view = g.reshape(x, [2, 2]);
    let frozen = g.detach(view);
    let y = product(&mut g, view, frozen);
    g.backward(&[(y, Seed::Uniform(1.0))], Wanted::All, &mut []);
    assert_eq!(g.gradient(x), X);
}

#[test]
fn several_seeds_add_up_wherever_they_are_planted() {
    let mut tape = Tape::new();
    let mut g = tape.graph(&X);
    let (x, p) = (g.variable([4], &X), g.parameter(0, [4]));
    let y = product(&mut g, x, p);
    let z = product(&mut g, y, p);
    let view = g.reshape(y, [2, 2]);
    let constant = g.constant([4], &X);
    let seeds = [
        (z, Seed::Uniform(1.0)),
        (y, Seed::Uniform(10.0)),
        (view, Seed::Each(&[1.0, 0.0, 0.0, 0.0])),
        (x, Seed::Uniform(100.0)),
        (p, Seed::Uniform(1000.0)),
        (z, Seed::Uniform(1.0)),
        (constant, Seed::Uniform(7.0)),
    ];
    let mut gradient = [f64::NAN; 4];
    g.backward(&seeds, Wanted::All, &mut gradient);
    for i in 0..4 {
        // 2·x·p² + 10·x·p [+ x·p in the first element] + 100·x + 1000·p, with x = p.
        let (v, extra) = (X[i], if i == 0 { 11.0 } else { 10.0 });
        assert!((g.gradient(x)[i] - (2.0 * v * v + extra * v + 100.0)).abs() < 1e-12);
        assert!((gradient[i] - (4.0 * v * v + extra * v + 1000.0)).abs() < 1e-12);
    }
}

#[test]
fn no_work_is_done_for_what_is_not_wanted() {
    let op = Product::default();
    let apply = Operation::custom(op.clone());
    let mut tape = Tape::new();
    let mut g = tape.graph(&[2.0, 3.0, 5.0, 7.0]);
    let [a, b, c] = [0, 1, 2].map(|i| g.parameter(i, [1]));
    let x = g.constant([1], &[11.0]);
    let xa = g.apply(apply.clone(), &[x, a]);
    let xab = g.apply(apply.clone(), &[xa, b]);
    let y = g.apply(apply.clone(), &[xab, c]);
    let constant = g.apply(apply.clone(), &[x, x]);
    let _aside = g.apply(apply, &[constant, a]);
    let mut run = |wanted: &[std::ops::Range<usize>]| {
        let mut gradient = [f64::NAN; 4];
        g.backward(&[(y, Seed::Uniform(1.0))], Wanted::Within(wanted), &mut gradient);
        (gradient.map(|g| if g.is_nan() { 0.0 } else { g }), op.asked())
    };
    let (da, db, dc) = (165.0, 110.0, 66.0);
    assert_eq!(run(&[0..3]), ([da, db, dc, 0.0], vec![(true, true), (true, true), (false, true)]));
    // Only the last: one backward, asked for one gradient. Only the middle one; the first and the last.
    assert_eq!(run(&[2..3]), ([0.0, 0.0, dc, 0.0], vec![(false, true)]));
    assert_eq!(run(&[1..2]), ([0.0, db, 0.0, 0.0], vec![(true, false), (false, true)]));
    assert_eq!(run(&[2..4, 0..1]), ([da, 0.0, dc, 0.0], vec![(true, true), (true, false), (false, true)]));
    assert_eq!(run(&[]), ([0.0; 4], vec![]));
}

#[test]
fn calls_with_disjoint_wanted_sets_fill_one_buffer() {
    let mut tape = Tape::new();
    let mut g = tape.graph(&[2.0, 3.0]);
    let (a, b) = (g.parameter(0, [1]), g.parameter(1, [1]));
    let y = product(&mut g, a, b);
    let z = product(&mut g, y, y);
    let mut gradient = [f64::NAN; 2];
    g.backward(&[(y, Seed::Uniform(1.0))], Wanted::Within(&[0..1]), &mut gradient);
    g.backward(&[(z, Seed::Uniform(1.0))], Wanted::Within(&[1..2]), &mut gradient);
    assert_eq!(gradient, [3.0, 2.0 * 6.0 * 2.0]);
}

#[test]
fn wanted_leaves_that_nothing_reaches_have_gradient_zero() {
    let mut tape = Tape::new();
    let mut g = tape.graph(&[2.0, 3.0, 5.0]);
    let [a, b] = [0, 1].map(|i| g.parameter(i, [1]));
    let idle = g.variable([2], &[1.0, 2.0]);
    let dead_end = product(&mut g, a, b);
    let mut gradient = [f64::NAN; 3];
    g.backward(&[(a, Seed::Uniform(4.0))], Wanted::All, &mut gradient);
    assert_eq!(gradient[..2], [4.0, 0.0]);
    assert!(gradient[2].is_nan(), "not on the tape");
    assert_eq!(g.gradient(idle), [0.0; 2]);
    // Again, after the variable's gradient was something else.
    g.backward(&[(idle, Seed::Uniform(1.0)), (dead_end, Seed::Uniform(1.0))], Wanted::All, &mut gradient);
    assert_eq!((g.gradient(idle), &gradient[..2]), (&[1.0; 2][..], &[3.0, 2.0][..]));
    g.backward(&[], Wanted::All, &mut gradient);
    assert_eq!((g.gradient(idle), &gradient[..2]), (&[0.0; 2][..], &[0.0; 2][..]));
}

#[test]
fn a_tape_is_used_again_with_other_shapes() {
    let run = |tape: &mut Tape<f64>, n: usize| {
        let x: Vec<f64> = (0..n).map(|i| i as f64 - 1.5).collect();
        let mut g = tape.graph(&x);
        let (p, v) = (g.parameter(0, [n]), g.variable([n], &x));
        let y = product(&mut g, p, v);
        let y = product(&mut g, y, v);
        let mut gradient = vec![f64::NAN; n];
        g.backward(&[(y, Seed::Uniform(1.0))], Wanted::All, &mut gradient);
        assert_eq!(gradient, x.iter().map(|x| x * x).collect::<Vec<_>>());
        assert_eq!(g.gradient(v), x.iter().map(|x| 2.0 * x * x).collect::<Vec<_>>());
    };
    let mut tape = Tape::new();
    let mut bytes = 0;
    for n in [3, 100, 0, 1, 7, 1000, 3] {
        run(&mut tape, n);
        assert!(tape.bytes() >= bytes, "memory is kept");
        bytes = tape.bytes();
    }
    for n in [1000, 5, 999] {
        run(&mut tape, n);
        assert_eq!(tape.bytes(), bytes);
    }
}

#[test]
fn values_keep_their_places_while_the_arena_grows() {
    let mut tape = Tape::new();
    let mut g = tape.graph(&[]);
    let x = g.variable([3], &[1.0, 2.0, 3.0]);
    let one = g.constant([3], &[1.0; 3]);
    let mut y = x;
    for _ in 0..500 {
        y = product(&mut g, y, one);
        g.constant_with([17], |fill| fill.fill(f64::NAN));
    }
    assert_eq!(g.value(y), [1.0, 2.0, 3.0]);
    g.backward(&[(y, Seed::Each(&[1.0, -1.0, 2.0]))], Wanted::All, &mut []);
    assert_eq!(g.gradient(x), [1.0, -1.0, 2.0]);
}

#[test]
fn empty_values_beside_others() {
    // An empty value starts where the next one does, in the arena and among the parameters.
    let first = Operation::custom(First);
    let mut tape = Tape::new();
    let mut g = tape.graph(&X);
    let empty = g.variable([0, 3], &[]);
    let x = g.variable([4], &X);
    let y = g.apply(first.clone(), &[x, empty]);
    let (none, p) = (g.parameter(0, [0]), g.parameter(0, [4]));
    let z = g.apply(first.clone(), &[p, none]);
    let both = g.apply(first, &[y, z]);
    let mut gradient = [f64::NAN; 4];
    g.backward(&[(both, Seed::Each(&X)), (z, Seed::Uniform(1.0))], Wanted::All, &mut gradient);
    assert_eq!(g.gradient(x), X);
    assert_eq!(g.gradient(empty), [0.0; 0]);
    assert_eq!(gradient, [1.0; 4]);
}

#[test]
fn items_and_scalars() {
    let mut tape = Tape::new();
    let mut g = tape.graph(&[]);
    let x = g.variable(Shape::SCALAR, &[3.0]);
    let y = product(&mut g, x, x);
    assert_eq!((g.item(y), g.shape(y)), (9.0, Shape::SCALAR));
    let view = g.reshape(y, [1, 1]);
    g.backward(&[(view, Seed::Uniform(1.0))], Wanted::All, &mut []);
    assert_eq!(g.gradient(x), [6.0]);
}

mod misuse {
    use super::*;

    #[test]
    #[should_panic(expected = "product of [4] and [2 × 2]")]
    fn shapes_that_do_not_fit() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let x = g.variable([4], &X);
        let view = g.reshape(x, [2, 2]);
        product(&mut g, x, view);
    }

    #[test]
    #[should_panic(expected = "reshape of [4] to [3]")]
    fn reshape_to_another_number_of_elements() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let x = g.variable([4], &X);
        g.reshape(x, [3]);
    }

    #[test]
    #[should_panic(expected = "parameters 1..3 overlap 0..2")]
    fn overlapping_parameters() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&X);
        g.parameter(0, [2]);
        g.parameter(1, [2]);
    }

    #[test]
    #[should_panic(expected = "length of the seed of an output of shape [4]")]
    fn a_seed_of_another_length() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let x = g.constant([4], &X);
        g.backward(&[(x, Seed::Each(&[1.0]))], Wanted::All, &mut []);
    }

    #[test]
    #[should_panic(expected = "lengths of the gradient and of the parameters")]
    fn a_gradient_of_another_length() {
        Tape::new().graph(&X).backward(&[], Wanted::All, &mut [0.0]);
    }

    #[test]
    #[should_panic(expected = "no backward has reached this variable yet")]
    fn a_gradient_before_backward() {
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        g.variable([4], &X);
        g.backward(&[], Wanted::All, &mut []);
        let mut g = tape.graph(&[]);
        let x = g.variable([4], &X);
        g.gradient(x);
    }
}
