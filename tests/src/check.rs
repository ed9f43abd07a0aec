//! What a check found.

use autodiff::gradcheck::Report;
use serde::Serialize;

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// `operation`, `objective`, or the kind of a fixture.
    pub kind: String,
    /// `f32` or `f64`.
    #[serde(rename = "type")]
    pub scalar: &'static str,
    /// Largest error, relative to what the tolerance is relative to. Infinite where a number is not finite.
    pub error: f64,
    /// Largest error that passes.
    pub tolerance: f64,
    /// Whether it passed.
    pub pass: bool,
    /// Why it did not pass, where there is more to say than the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Check {
    /// The outcome of a comparison with finite differences.
    pub(crate) fn of_differences(name: impl Into<String>, kind: &str, report: &Report) -> Self {
        Check {
            name: name.into(),
            kind: kind.to_owned(),
            scalar: "f64",
            error: report.max_error,
            tolerance: report.tolerance,
            pass: report.passed(),
            reason: (!report.passed()).then(|| report.to_string()),
        }
    }

    /// The outcome of testing an identity; an error of NaN does not pass.
    pub(crate) fn of_identity(name: impl Into<String>, kind: &str, error: f64, tolerance: f64) -> Self {
        let error = if error.is_nan() { f64::INFINITY } else { error };
        Check {
            name: name.into(),
            kind: kind.to_owned(),
            scalar: "f64",
            error,
            tolerance,
            pass: error <= tolerance,
            reason: None,
        }
    }
}
