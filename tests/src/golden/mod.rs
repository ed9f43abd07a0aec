//! Golden fixtures: inputs, and outputs that were computed in float64 or 400-digit arithmetic elsewhere.
//!
//! In the order in which a reader needs them:
//! - [`Fixture`]: a file, read;
//! - [`covers`]: which kinds there are;
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

pub use compare::{Computed, Verdict, floor};
pub use embedded::EMBEDDED;
pub use fixture::{Comparison, Fixture, Tensor, Tolerance};

use std::panic::{AssertUnwindSafe, catch_unwind};

use linalg::Scalar;

use super::Check;

/// Whether fixtures of this kind are known here.
pub fn covers(kind: &str) -> bool {
    runner::<f64>(kind).is_some()
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

/// Computes a fixture's outputs in one type.
///
/// # Errors
/// If the kind is unknown, or what the fixture says makes no sense, or on a panic on the way: it is a failure of this
/// fixture and leaves others to be computed.
pub fn compute<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let run = runner::<T>(&fixture.kind).ok_or_else(|| format!("unknown kind {:?}", fixture.kind))?;
    catch_unwind(AssertUnwindSafe(|| run(fixture))).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panicked: {}", message.unwrap_or("without a message")))
    })
}

/// Computes a fixture's outputs in one type and compares each with what the fixture states.
pub fn check<T: Scalar>(fixture: &Fixture) -> Verdict {
    Verdict::new::<T>(fixture, compute::<T>(fixture))
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
            assert!(covers(&fixture.kind), "{}", fixture.kind);
            covered.push(fixture.name);
        }
        covered.sort();
        let embedded: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
        assert_eq!(embedded, covered);
    }

    #[test]
    fn other_kinds_are_not_known() {
        assert!(!covers("anything"));
    }
}
