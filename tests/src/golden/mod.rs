//! Golden fixtures: inputs, and outputs that were computed in float64 or 400-digit arithmetic elsewhere.
//!
//! In the order in which a reader needs them:
//! - [`Fixture`]: a file, read;
//! - [`status`]: which kinds there are;
//! - [`check`]: one fixture in one type, and its [`Verdict`];
//! - [`EMBEDDED`]: the files that are part of this crate.

mod compare;
mod conditional;
mod densities;
mod embedded;
mod fixture;
mod images;
mod imputation;
mod mixture;
mod network;
mod objective;

pub use compare::{Computed, Verdict};
pub use embedded::EMBEDDED;
pub use fixture::{Comparison, Fixture, Tensor, Tolerance};

use std::panic::{AssertUnwindSafe, catch_unwind};

use linalg::Scalar;

use super::Check;

/// Kinds that this version does not compute: none.
pub const PENDING: &[&str] = &[];

/// What is known about a kind of fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is checked.
    Covered,
    /// This version does not compute it.
    Pending,
    /// It is not known here: a failure.
    Unknown,
}

/// Whether a kind of fixture is checked.
pub fn status(kind: &str) -> Status {
    match runner::<f64>(kind) {
        Some(_) => Status::Covered,
        None if PENDING.contains(&kind) => Status::Pending,
        None => Status::Unknown,
    }
}

/// Computes what a fixture states from its inputs; fails with what is wrong with the fixture.
type Runner = fn(&Fixture) -> Result<Computed, String>;

/// The function behind each kind of fixture.
fn runner<T: Scalar>(kind: &str) -> Option<Runner> {
    Some(match kind {
        "special_functions" => densities::special_functions::<T>,
        "gaussian_masked_log_prob" => densities::gaussian::<T>,
        "bernoulli_masked_log_prob" => densities::bernoulli::<T>,
        "mixture_log_prob" => mixture::log_prob::<T>,
        "mixture_implicit_grad" => mixture::implicit::<T>,
        "mixture_responsibility_grad" => mixture::responsibility::<T>,
        "mog_conditional" => conditional::mixture_conditional::<T>,
        "bound" => objective::bound::<T>,
        "residual_mlp" => network::residual_mlp::<T>,
        "conv_resnet_encoder" => images::encoder::<T>,
        "conv_resnet_decoder" => images::decoder::<T>,
        "amsgrad" => network::amsgrad::<T>,
        "objective" => objective::objective::<T>,
        "demiss" => imputation::demiss::<T>,
        "lair_weights" => imputation::lair_weights::<T>,
        "mwg_log_accept" => imputation::mwg_log_accept::<T>,
        "frechet_distance" => objective::frechet::<T>,
        "numerical_marginal" => objective::numerical_marginal::<T>,
        _ => return None,
    })
}

/// Computes a fixture's outputs in one type and compares each with what the fixture states.
///
/// A panic on the way is a failure of this fixture and leaves others to be checked.
pub fn check<T: Scalar>(fixture: &Fixture) -> Verdict {
    let computed = match runner::<T>(&fixture.kind) {
        None => Err(format!("unknown kind {:?}", fixture.kind)),
        Some(run) => catch_unwind(AssertUnwindSafe(|| run(fixture))).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("panicked: {}", message.unwrap_or("without a message")))
        }),
    };
    Verdict::new::<T>(fixture, computed)
}

/// Checks the fixtures that are part of this crate, each in both types.
pub fn check_embedded() -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, text) in EMBEDDED {
        match Fixture::parse(name, text) {
            Ok(fixture) => checks.extend([check::<f64>(&fixture), check::<f32>(&fixture)].map(Check::from)),
            Err(reason) => checks.push(Check {
                name: (*name).to_owned(),
                kind: "fixture".to_owned(),
                scalar: "f64",
                error: f64::INFINITY,
                tolerance: 0.0,
                pass: false,
                reason: Some(reason),
            }),
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crate embeds every file of a kind that it checks.
    #[test]
    fn all_covered_fixtures_are_embedded() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
        let mut covered = Vec::new();
        for entry in std::fs::read_dir(directory).expect("the fixtures") {
            let fixture = Fixture::read(&entry.expect("an entry").path()).expect("a fixture");
            assert_ne!(status(&fixture.kind), Status::Unknown, "{}", fixture.kind);
            if status(&fixture.kind) == Status::Covered {
                covered.push(fixture.name);
            }
        }
        covered.sort();
        let embedded: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
        assert_eq!(embedded, covered);
    }

    #[test]
    fn pending_kinds_are_not_covered() {
        assert!(PENDING.iter().all(|kind| status(kind) == Status::Pending));
        assert_eq!(status("anything"), Status::Unknown);
    }
}
