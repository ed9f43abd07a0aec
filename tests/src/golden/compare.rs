//! Comparing what was computed with what a fixture states, entry by entry.
//!
//! An entry passes if its error is at most tolerance × |expected|, with two additions, both of them what rounding to the
//! type of the computation demands and no more. ε is the type's unit roundoff, 2⁻⁵³ or 2⁻²⁴.
//! - **Cancellation**: an entry that is a sum may be far smaller than its terms. It may be off by [`roundings`] × ε of the
//!   largest entry of its array. In both types it may be off by the type's smallest normal number.
//! - **Exponents**: a weight is the exponential of a log density, whose own rounding is a relative error of the weight.
//!   So gradients of bounds and mixtures may be off by [`EXPONENT`] × ε × [`Computed::exponent`] of their magnitude.
//!
//! An entry whose magnitude is above the first of them can therefore never pass as 0.

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
    /// By how much the exponents behind the entries move, in units of ε, when each input is rounded to the type. Zero
    /// where no entry is an exponential.
    pub exponent: f64,
}

/// How many roundings of an exponent count: the input's, and those of the operations on the way.
const EXPONENT: f64 = 8.0;

/// The most that exponents add to the relative error of an entry.
const EXPONENT_LIMIT: f64 = 5e-4;

/// How many ε of the largest entry of its array an entry may be off.
///
/// | kind | `f64` | `f32` | why |
/// |---|---|---|---|
/// | `bound`, `mixture_log_prob`, `mixture_responsibility_grad` | 0 | 0 | products of weights, each right to its own magnitude, over a hundred orders of magnitude |
/// | `mixture_implicit_grad` | 0 | 1 | quotients of tail probabilities, summed over samples with both signs; in `f64` the tolerance, 10⁵ ε, has room for that |
/// | densities of the heads | 4 | 4 | sums over columns |
/// | all others | 32 | 32 | sums over rows, samples and layers; the fixtures need up to 15 |
fn roundings(kind: &str, single: bool) -> f64 {
    match kind {
        "bound" | "mixture_log_prob" | "mixture_responsibility_grad" => 0.0,
        "mixture_implicit_grad" => f64::from(u8::from(single)),
        "gaussian_masked_log_prob" | "bernoulli_masked_log_prob" => 4.0,
        _ => 32.0,
    }
}

/// The error that even the smallest entries of an output may have: a larger entry cannot pass as 0.
///
/// In single precision it is 32 ε or less of the largest entry, or the smallest normal number if that is more. In the
/// comparison `relative` it is 0.
pub fn floor<T: Scalar>(fixture: &Fixture, output: &Tensor) -> f64 {
    let largest = output.data.iter().filter(|x| x.is_finite()).fold(0.0, |m: f64, x| m.max(x.abs()));
    let single = T::NAME == "f32";
    let cancellation = roundings(&fixture.kind, single) * unit_roundoff::<T>() * largest;
    match fixture.comparison {
        Comparison::Tensor => cancellation.max(T::MIN_POSITIVE.to_f64()),
        Comparison::Element => cancellation.max(T::MIN_POSITIVE.to_f64()).min(tolerance::<T>(fixture)),
        Comparison::Relative => 0.0,
    }
}

fn unit_roundoff<T: Scalar>() -> f64 {
    T::EPSILON.to_f64() / 2.0
}

fn tolerance<T: Scalar>(fixture: &Fixture) -> f64 {
    if T::NAME == "f32" { fixture.tolerance.f32 } else { fixture.tolerance.f64 }
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
        let mut verdict = Verdict {
            name: fixture.name.clone(),
            kind: fixture.kind.clone(),
            scalar: T::NAME,
            share: 0.0,
            worst: String::new(),
            tolerance: tolerance::<T>(fixture),
            problems: Vec::new(),
        };
        let computed = match computed {
            Ok(computed) => computed,
            Err(problem) => {
                verdict.problems.push(problem);
                return verdict;
            }
        };
        if fixture.outputs.is_empty() {
            verdict.problems.push("nothing was compared".to_owned());
        }
        for (name, expected) in &fixture.outputs {
            match computed.outputs.get(name) {
                None => verdict.problems.push(format!("{name} was not computed")),
                Some(actual) if actual.shape != expected.shape => {
                    let shapes = format!("{:?}, not {:?}", actual.shape, expected.shape);
                    verdict.problems.push(format!("{name} has the shape {shapes}"));
                }
                Some(actual) => {
                    if verdict.compare::<T>(fixture, name, actual, &computed) == 0 {
                        verdict.problems.push(format!("nothing was compared in {name}"));
                    }
                }
            }
        }
        verdict
    }

    /// Compares one output and returns how many entries counted.
    fn compare<T: Scalar>(&mut self, fixture: &Fixture, name: &str, actual: &Tensor, all: &Computed) -> usize {
        let expected = &fixture.outputs[name];
        let floor = floor::<T>(fixture, expected);
        // Values are logarithms; their gradients contain weights.
        let exponent = if name.starts_with('d') { all.exponent } else { 0.0 };
        let relative = self.tolerance + (EXPONENT * unit_roundoff::<T>() * exponent).min(EXPONENT_LIMIT);
        let mut compared = 0;
        for (i, (a, e)) in actual.data.iter().zip(&expected.data).enumerate() {
            if all.inexact.contains(&i) || e.abs() < all.least {
                continue;
            }
            compared += 1;
            let known = all.known_errors.get(name).map_or(0.0, |errors| errors[i]);
            let allowed = (relative * e.abs()).max(floor) + known;
            let share = if a == e { 0.0 } else { (a - e).abs() / allowed };
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
