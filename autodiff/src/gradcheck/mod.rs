//! Comparing any operation or objective with finite differences.
//!
//! A wrong backward rule, a forward that is not a function of its inputs, and a backward that depends on what was in
//! memory or on what else was asked for are all found. It works for an operation of your own as for a built-in one:
//!
//! ```
//! # use missvae_autodiff as autodiff;
//! use autodiff::{Graph, Shape, Var, gradcheck};
//!
//! let inputs = [(Shape::from([2, 3]), vec![0.3, -0.2, 1.5, 0.7, -1.1, 0.4])];
//! let log_prior = |g: &mut Graph<f64>, x: &[Var]| g.standard_normal_log_density(x[0]);
//! gradcheck::check(log_prior, &inputs, &gradcheck::Options::default()).assert();
//! ```

mod differences;
mod report;
mod subject;

pub use report::{Comparison, Place, Report};

use std::ops::Range;

use crate::{Graph, Shape, Var};
use subject::{Random, Subject};

/// How much is checked, and how strictly.
#[derive(Clone, Debug)]
pub struct Options {
    /// Largest relative error that passes.
    pub tolerance: f64,
    /// The whole Jacobian is compared if it has at most this many entries.
    pub full_limit: usize,
    /// Random directions that are compared.
    pub directions: usize,
    /// Randomly chosen parameters that [`check_objective`] compares one by one.
    pub coordinates: usize,
    /// Seed of the random choices.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { tolerance: 1e-7, full_limit: 20_000, directions: 3, coordinates: 32, seed: 1 }
    }
}

/// Checks the gradient of `f` at the given inputs.
///
/// - The derivative of each output element by each input element (up to [`Options::full_limit`] of them), and that of
///   random combinations of the outputs along random directions, against extrapolated central differences with
///   steps from 2⁻⁵ to 2⁻¹⁷ times max(1, |x|). Between a from backward and n from differences, the
///   error is |a − n| / max(|a|, |n|, 0.001·s), where s is the largest of 1, the output's magnitude and the
///   Jacobian's: tiny derivatives are compared on their own scale down to what differences can resolve.
/// - Two runs, two backward passes over one recording, and gradient buffers with different old contents must give
///   the same bits.
/// - Each input's gradient asked for alone must be what it is when all are asked for (to rounding, 10⁻¹²), and the
///   places of the others must stay untouched.
///
/// `f` must be smooth near the inputs: keep those of a ReLU off zero by 0.001. Data that no gradient is taken of
/// is captured, and recorded by `f` as constants.
///
/// # Panics
/// If an input's shape and values do not fit.
#[track_caller]
pub fn check(f: impl Fn(&mut Graph<f64>, &[Var]) -> Var, inputs: &[(Shape, Vec<f64>)], options: &Options) -> Report {
    let mut x = Vec::new();
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (shape, values) in inputs {
        assert_eq!(shape.len(), values.len(), "{} values for the shape {shape}", values.len());
        ranges.push(x.len()..x.len() + values.len());
        x.extend_from_slice(values);
    }
    let build = |g: &mut Graph<f64>| {
        let vars: Vec<Var> = inputs.iter().zip(&ranges).map(|((s, _), r)| g.parameter(r.start, *s)).collect();
        f(g, &vars)
    };

    let mut report = Report::new(options.tolerance);
    let mut subject = Subject::new(&build, &x, true);
    report.empty = x.is_empty() || subject.output_len() == 0;
    subject.check_consistency(&ranges, options.seed, &mut report);
    if x.len() * subject.output_len() <= options.full_limit {
        let places = ranges.iter().enumerate();
        let places = places.flat_map(|(input, range)| range.clone().map(move |i| (i, input, i - range.start)));
        subject.check_elements(places, &mut report);
    }
    subject.check_directions(options.directions, options.seed, &mut report);
    report
}

/// Checks the gradient of a whole objective with respect to the flat parameter buffer.
///
/// As [`check`], of the value that `f` returns, by random directions and [`Options::coordinates`] randomly chosen
/// parameters. Parameters that `f` does not record have derivative zero. Noise must be the same in each call: `f`
/// captures it.
#[track_caller]
pub fn check_objective(f: impl Fn(&mut Graph<f64>) -> Var, parameters: &[f64], options: &Options) -> Report {
    let mut report = Report::new(options.tolerance);
    let mut subject = Subject::new(&f, parameters, false);
    report.empty = parameters.is_empty();
    subject.check_consistency(&[], options.seed, &mut report);
    let mut random = Random::new(options.seed ^ 0xc0);
    let count = if parameters.is_empty() { 0 } else { options.coordinates };
    let chosen = (0..count).map(|_| random.below(parameters.len())).map(|i| (i, 0, i));
    subject.check_elements(chosen, &mut report);
    subject.check_directions(options.directions, options.seed, &mut report);
    report
}
