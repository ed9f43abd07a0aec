//! Comparing what was computed with what a fixture states.

use std::collections::BTreeMap;

use autodiff::{Graph, Var};
use linalg::Scalar;

use super::{Comparison, Fixture, Tensor};
use crate::Check;

/// Outputs of a fixture, computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Computed {
    /// Arrays by name.
    pub outputs: BTreeMap<String, Tensor>,
    /// Entries that do not count in any output: those whose argument the type cannot hold.
    pub inexact: Vec<usize>,
    /// Entries whose expected magnitude is below this do not count.
    pub least: f64,
    /// By how much entries of an output may differ beyond the tolerance: known errors of the fixture itself.
    pub known_errors: BTreeMap<String, Vec<f64>>,
}

impl Computed {
    /// Adds an output.
    pub(super) fn add(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.outputs.insert(name.into(), tensor);
    }

    /// Adds a value of a graph.
    pub(super) fn add_value<T: Scalar>(&mut self, g: &Graph<'_, T>, name: &str, value: Var) {
        self.add(name, Tensor::new(g.shape(value), g.value(value)));
    }

    /// Adds the gradient of a variable.
    pub(super) fn add_gradient<T: Scalar>(&mut self, g: &Graph<'_, T>, name: &str, variable: Var) {
        self.add(name, Tensor::new(g.shape(variable), g.gradient(variable)));
    }
}

/// How a fixture fared in one type.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The fixture's name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// `f32` or `f64`.
    pub scalar: &'static str,
    /// Largest error as a share of what is allowed; infinite where a number is NaN.
    pub share: f64,
    /// The output with that error.
    pub worst: String,
    /// The tolerance.
    pub tolerance: f64,
    /// What else is wrong: outputs that are missing or have another shape, say.
    pub problems: Vec<String>,
}

impl Verdict {
    /// Compares every output that the fixture states. One that was not computed is a problem; what the fixture does not
    /// state is not compared; a fixture that states nothing is a problem.
    pub fn new<T: Scalar>(fixture: &Fixture, computed: Result<Computed, String>) -> Self {
        let single = T::NAME == "f32";
        let mut verdict = Verdict {
            name: fixture.name.clone(),
            kind: fixture.kind.clone(),
            scalar: T::NAME,
            share: 0.0,
            worst: String::new(),
            tolerance: if single { fixture.tolerance.f32 } else { fixture.tolerance.f64 },
            problems: Vec::new(),
        };
        let computed = match computed {
            Ok(computed) => computed,
            Err(problem) => {
                verdict.problems.push(problem);
                return verdict;
            }
        };
        let mut compared = 0;
        for (name, expected) in &fixture.outputs {
            match computed.outputs.get(name) {
                None => verdict.problems.push(format!("{name} was not computed")),
                Some(actual) if actual.shape != expected.shape => {
                    let shapes = format!("{:?}, not {:?}", actual.shape, expected.shape);
                    verdict.problems.push(format!("{name} has the shape {shapes}"));
                }
                Some(actual) => compared += verdict.compare(fixture.comparison, name, actual, expected, &computed),
            }
        }
        if compared == 0 {
            verdict.problems.push("nothing was compared".to_owned());
        }
        verdict
    }

    /// Compares one output and returns how many entries counted.
    fn compare(&mut self, by: Comparison, name: &str, actual: &Tensor, expected: &Tensor, all: &Computed) -> usize {
        let largest = expected.data.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let mut compared = 0;
        for (i, (a, e)) in actual.data.iter().zip(&expected.data).enumerate() {
            if all.inexact.contains(&i) || e.abs() < all.least {
                continue;
            }
            compared += 1;
            let unit = match by {
                Comparison::Tensor => largest + 0.001,
                Comparison::Element => e.abs().max(1.0),
                Comparison::Relative => e.abs(),
            };
            let known = all.known_errors.get(name).map_or(0.0, |errors| errors[i]);
            let share = if a == e { 0.0 } else { (a - e).abs() / (self.tolerance * unit + known) };
            let share = if share.is_nan() { f64::INFINITY } else { share };
            if share > self.share || self.worst.is_empty() {
                self.share = share;
                self.worst = format!("{name}[{i}]");
            }
        }
        compared
    }

    /// Whether every output is there and within what is allowed.
    pub fn passed(&self) -> bool {
        self.share <= 1.0 && self.problems.is_empty()
    }

    /// One line: name, type, largest error as a share of what is allowed and where it is, and problems.
    pub fn line(&self) -> String {
        let Verdict { name, kind, scalar, share, worst, tolerance, problems } = self;
        let verdict = if self.passed() { "ok" } else { "FAILED" };
        let mut line = format!("{verdict:6} {name} ({kind}, {scalar}): {share:.2e} of {tolerance:.0e}, at {worst}");
        problems.iter().for_each(|problem| line.extend(["; ", problem]));
        line
    }
}

impl From<Verdict> for Check {
    fn from(verdict: Verdict) -> Self {
        Check {
            pass: verdict.passed(),
            error: if verdict.problems.is_empty() { verdict.share * verdict.tolerance } else { f64::INFINITY },
            reason: (!verdict.passed()).then(|| verdict.line()),
            name: verdict.name,
            kind: verdict.kind,
            scalar: verdict.scalar,
            tolerance: verdict.tolerance,
        }
    }
}
