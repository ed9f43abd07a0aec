//! The gradient check finds what it should, in operations of a user's own.

use std::sync::atomic::{AtomicU64, Ordering};

use missvae_autodiff::gradcheck::{self, Options, Place};
use missvae_autodiff::{Backward, Forward, Graph, Op, Operation, Reads, Shape, Var};

/// What is wrong with a [`Cube`].
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// A derivative that is off by this factor, everywhere.
    Factor(f64),
    /// A derivative that is off by this much in the last element only.
    LastElement(f64),
    /// A backward that adds to whatever it finds.
    AddsToGarbage,
    /// A backward that leaves what it finds where the derivative is zero.
    SkipsZeros,
    /// A backward that reads what an earlier one left in its working memory.
    ReadsOldWork,
    /// A gradient that differs when the other input's is not wanted.
    DependsOnWanted,
    /// A wanted gradient that is left alone.
    Forgets,
}

/// out = x³·y, with y of the same shape.
#[derive(Debug)]
struct Cube(Fault);

impl Op<f64> for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }
    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        assert_eq!(inputs[0], inputs[1]);
        inputs[0]
    }
    fn saved_len(&self, inputs: &[Shape]) -> usize {
        inputs[0].len()
    }
    fn reads(&self) -> Reads {
        Reads::Inputs
    }
    fn forward(&self, pass: Forward<'_, f64>) {
        let (x, y) = (pass.inputs.get(0), pass.inputs.get(1));
        for i in 0..x.len() {
            pass.saved[i] = x[i].powi(3);
            pass.out[i] = pass.saved[i] * y[i];
        }
    }
    fn backward(&self, mut pass: Backward<'_, f64>) {
        let (x, y, dout) = (pass.inputs.get(0), pass.inputs.get(1), pass.dout);
        let mut factor = match self.0 {
            Fault::Factor(factor) => factor,
            Fault::DependsOnWanted if !pass.grads.wants(1) => 2.0,
            _ => 1.0,
        };
        if self.0 == Fault::ReadsOldWork {
            factor += pass.work.first().copied().unwrap_or(0.0);
            pass.work.fill(1e-3);
        }
        let term = |i: usize| {
            let last = matches!(self.0, Fault::LastElement(_)) && i + 1 == x.len();
            let off = if let (true, Fault::LastElement(by)) = (last, self.0) { by } else { 0.0 };
            dout[i] * (3.0 * x[i] * x[i] * y[i] * factor + off)
        };
        if self.0 == Fault::Forgets {
            return;
        }
        if let Some(dx) = pass.grads.take(0) {
            if self.0 == Fault::AddsToGarbage {
                dx.parts().0.iter_mut().enumerate().for_each(|(i, g)| *g += term(i));
            } else if self.0 == Fault::SkipsZeros {
                let places = dx.parts().0.iter_mut().enumerate();
                places.filter(|(i, _)| term(*i) != 0.0).for_each(|(i, g)| *g = term(i));
            } else {
                dx.add(term);
            }
        }
        if let Some(dy) = pass.grads.take(1) {
            dy.add(|i| dout[i] * pass.saved[i]);
        }
    }
}

fn inputs() -> [(Shape, Vec<f64>); 2] {
    let x = vec![0.5, -1.2, 2.0, 0.1, 1e-4, -0.7];
    [(Shape::from([2, 3]), x), (Shape::from([2, 3]), vec![1.0, 0.3, -0.4, 2.0, 1.5, -3.0])]
}

fn check(fault: Fault, options: &Options) -> gradcheck::Report {
    let cube = Operation::custom(Cube(fault));
    gradcheck::check(|g, v| g.apply(cube.clone(), v), &inputs(), options)
}

#[test]
fn a_right_gradient_passes_with_digits_to_spare() {
    let report = check(Fault::None, &Options::default());
    report.assert();
    assert!(report.max_error < 1e-9, "{report}");
    assert_eq!(report.compared, 6 * 12 + 3);
    assert!(report.to_string().starts_with("gradient check passed: 75 derivatives, largest error"));
    assert_eq!(report.to_string().lines().count(), 1);
}

#[test]
fn a_wrong_gradient_fails() {
    for fault in [Fault::Factor(1.0 + 1e-6), Fault::Factor(-1.0), Fault::Factor(f64::NAN), Fault::LastElement(1e-5)] {
        let full = check(fault, &Options::default());
        assert!(!full.passed(), "{fault:?}: {full}");
        let directions = check(fault, &Options { full_limit: 0, ..Options::default() });
        assert!(!directions.passed() && directions.compared == 3, "{fault:?}: {directions}");
    }
}

#[test]
fn the_report_says_where() {
    let options = Options { directions: 0, ..Options::default() };
    let report = check(Fault::LastElement(1e-5), &options);
    let worst = report.worst.expect("a comparison");
    assert_eq!(worst.place, Place::Element { output: 5, input: 0, element: 5 });
    assert!((worst.analytic - worst.numeric - 1e-5).abs() < 1e-9);
    assert!(report.to_string().contains("of output element 5 by element 5 of input 0"), "{report}");
}

#[test]
#[should_panic(expected = "gradient check FAILED")]
fn assert_panics_with_the_report() {
    check(Fault::Factor(2.0), &Options::default()).assert();
}

#[test]
fn a_backward_that_depends_on_memory_or_on_what_is_wanted_fails() {
    let says = |fault, what: &str| {
        let report = check(fault, &Options::default());
        assert!(report.to_string().contains(what) && !report.passed(), "{report}");
    };
    says(Fault::AddsToGarbage, "a second backward over other old contents gives another gradient");
    says(Fault::SkipsZeros, "a second backward over other old contents gives another gradient");
    says(Fault::ReadsOldWork, "a second backward over other old contents gives another gradient");
    says(Fault::DependsOnWanted, "the gradient of input 0 alone differs");
}

#[test]
#[should_panic(expected = "the backward of cube did not take")]
fn a_backward_that_forgets_a_gradient_panics() {
    check(Fault::Forgets, &Options::default());
}

#[test]
fn a_function_that_is_none_fails() {
    let calls = AtomicU64::new(0);
    let f = |g: &mut Graph<f64>, v: &[Var]| {
        let noise = g.constant([2, 3], &[calls.fetch_add(1, Ordering::Relaxed) as f64; 6]);
        g.apply(Operation::custom(Cube(Fault::None)), &[v[0], noise])
    };
    let report = gradcheck::check(f, &inputs()[..1], &Options::default());
    assert!(report.inconsistencies.contains(&"a second run gives another output".to_owned()), "{report}");
}

#[test]
fn small_derivatives_count_on_their_own_scale() {
    // The Jacobian's entries are about 1e-3 of its largest: an error of 1e-6 of theirs is found.
    let f = |fault: Fault| move |g: &mut Graph<f64>, v: &[Var]| g.apply(Operation::custom(Cube(fault)), &[v[0], v[1]]);
    let inputs = [(Shape::from([1]), vec![0.02]), (Shape::from([1]), vec![1.0])];
    gradcheck::check(f(Fault::None), &inputs, &Options::default()).assert();
    assert!(!gradcheck::check(f(Fault::Factor(1.0 + 1e-6)), &inputs, &Options::default()).passed());
}

#[test]
fn nothing_to_compare_does_not_pass() {
    let none = [(Shape::from([0, 2]), vec![])];
    let report = gradcheck::check(|g, v| g.standard_normal_log_density(v[0]), &none, &Options::default());
    assert!(!report.passed() && report.worst.is_none() && report.compared == 0);
    assert_eq!(report.to_string(), "gradient check FAILED: 0 derivatives");
}

#[test]
fn objectives_over_the_parameter_buffer() {
    // Parameter 6 is not recorded: its derivative is zero.
    let parameters = [0.3, -0.8, 0.5, 1.4, 0.2, -0.1, 77.0];
    let objective = |fault: Fault| {
        move |g: &mut Graph<f64>| {
            let (weight, bias) = (g.parameter(0, [2, 2]), g.parameter(4, [2]));
            let x = g.constant([1, 2], &[0.7, -0.4]);
            let y = g.linear(x, weight, bias);
            let y = g.apply(Operation::custom(Cube(fault)), &[y, y]);
            g.standard_normal_log_density(y)
        }
    };
    let report = gradcheck::check_objective(objective(Fault::None), &parameters, &Options::default());
    report.assert();
    assert_eq!(report.compared, 32 + 3);
    let report = gradcheck::check_objective(objective(Fault::Factor(1.01)), &parameters, &Options::default());
    assert!(!report.passed(), "{report}");
}
