//! What the tests of the plain operations share.

use linalg::Scalar;

use crate::{Graph, Seed, Shape, Tape, Var, Wanted};

/// A value for a test: its shape and elements.
pub(super) type Value = (Shape, Vec<f64>);

/// `len` numbers between −2 and 2 without a pattern, none closer to zero than 0.001.
pub(super) fn numbers(len: usize, seed: usize) -> Vec<f64> {
    let number = |i: usize| 2.0 * (1.3 + 2.7 * i as f64 + 0.9 * (i * i % 17) as f64 + 4.1 * seed as f64).sin();
    (0..len).map(number).map(|x| if x.abs() < 1e-3 { 0.5 } else { x }).collect()
}

/// A value of this shape with [`numbers`].
pub(super) fn value(shape: impl Into<Shape>, seed: usize) -> Value {
    let shape = shape.into();
    (shape, numbers(shape.len(), seed))
}

/// The output of `f`, and the gradients of Σ seed·output, whose seeds are `numbers(…, 7)`.
pub(super) fn run<T: Scalar>(
    f: impl Fn(&mut Graph<T>, &[Var]) -> Var,
    inputs: &[Value],
) -> (Shape, Vec<f64>, Vec<Vec<f64>>) {
    let narrow = |x: &[f64]| x.iter().map(|&x| T::from_f64(x)).collect::<Vec<T>>();
    let widen = |x: &[T]| x.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
    let mut tape = Tape::new();
    let mut graph = tape.graph(&[]);
    let x: Vec<Var> = inputs.iter().map(|(shape, x)| graph.variable(*shape, &narrow(x))).collect();
    let y = f(&mut graph, &x);
    let seeds = narrow(&numbers(graph.value(y).len(), 7));
    graph.backward(&[(y, Seed::Each(&seeds))], Wanted::All, &mut []);
    (graph.shape(y), widen(graph.value(y)), x.iter().map(|&x| widen(graph.gradient(x))).collect())
}

/// Largest |a − b| / max(1, |b|); infinite if the lengths differ or only one of a and b is NaN or infinite.
pub(super) fn error(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let difference = |(&a, &b): (&f64, &f64)| {
        let same = a == b || (a.is_nan() && b.is_nan());
        let difference = (a - b).abs() / b.abs().max(1.0);
        if same {
            0.0
        } else if difference.is_nan() {
            f64::INFINITY
        } else {
            difference
        }
    };
    a.iter().zip(b).map(difference).fold(0.0, f64::max)
}

/// Asserts that `f` has the same outputs and gradients in both precisions, up to single precision's `tolerance`.
#[track_caller]
pub(super) fn assert_precisions_agree(
    single: impl Fn(&mut Graph<f32>, &[Var]) -> Var,
    double: impl Fn(&mut Graph<f64>, &[Var]) -> Var,
    inputs: &[Value],
    tolerance: f64,
) {
    let ((_, out, grads), (_, wide_out, wide_grads)) = (run(single, inputs), run(double, inputs));
    assert!(error(&out, &wide_out) <= tolerance, "output in single precision: {out:?}, not {wide_out:?}");
    for (grad, wide) in grads.iter().zip(&wide_grads) {
        assert!(error(grad, wide) <= tolerance, "gradient in single precision: {grad:?}, not {wide:?}");
    }
}

/// The indices of a shape's elements, outermost first, in the order of memory.
pub(super) fn indices(shape: Shape) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &size in shape.dims() {
        all = all.iter().flat_map(|index| (0..size).map(move |i| [&index[..], &[i]].concat())).collect();
    }
    all
}

/// Where the element at `index` of a larger value is found in a value of this shape that broadcasts to it.
pub(super) fn position(shape: Shape, index: &[usize]) -> usize {
    let index = &index[index.len() - shape.rank()..];
    shape.dims().iter().zip(index).fold(0, |at, (&size, &i)| at * size + if size == 1 { 0 } else { i })
}
