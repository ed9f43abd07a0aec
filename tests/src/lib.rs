//! Checks that the operations and objectives of missvae compute what they should. `missvae gradcheck` runs them.
//!
//! [`all`] runs every check and needs no file: the golden fixtures are part of this crate. The tests of this package are
//! the suites that cross the borders of crates.
//!
//! In the order in which a reader needs them:
//! - [`Check`]: what a check found;
//! - [`operations`]: every operation against finite differences, or against what defines its gradient;
//! - [`objectives`]: every method's objective against finite differences and the estimators' identities;
//! - [`completed`]: the same for the bounds on completed rows;
//! - [`golden`]: everything against values that were computed elsewhere, in both types;
//! - [`distance`]: how far apart two arrays are.

mod check;
pub mod completed;
pub mod golden;
pub mod objectives;
pub mod operations;
mod values;

pub use check::Check;
pub use values::distance;

/// Every check that needs nothing outside of this crate. `seed` chooses the directions in which derivatives are
/// compared; the inputs are fixed.
pub fn all(seed: u64) -> Vec<Check> {
    let mut checks = operations::check(seed);
    checks.extend(objectives::check(seed));
    checks.extend(completed::check(seed));
    checks.extend(golden::check_embedded());
    checks
}
