//! `missvae gradcheck`: operations and objectives against finite differences and the fixtures.

use clap::Args;
use serde::Serialize;
use verify::Check;

use crate::args::Common;
use crate::failure::{Failure, Result};
use crate::output::{Output, aligned};
use crate::threads::in_pool;

#[derive(Debug, Args)]
pub(crate) struct GradcheckArgs {
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct GradcheckReport {
    checks: Vec<Check>,
    passed: bool,
}

pub(crate) fn run(args: &GradcheckArgs) -> Result<()> {
    let checks = in_pool(&args.common, || Ok(verify::all(args.common.seed.unwrap_or(1))))?;
    let failed: Vec<String> =
        checks.iter().filter(|check| !check.pass).map(|check| format!("{} ({})", check.name, check.scalar)).collect();
    let report = GradcheckReport { passed: failed.is_empty(), checks };
    Output::new(&args.common).result(&report, || table(&report.checks))?;
    if report.passed {
        return Ok(());
    }
    Err(Failure::Failed(format!("{} of {} checks failed: {}", failed.len(), report.checks.len(), failed.join("; "))))
}

/// A line a check, and why those that did not pass failed.
fn table(checks: &[Check]) -> String {
    let header = ["operation, objective or fixture", "type", "largest error", "tolerance", ""];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(checks.iter().map(|check| {
        vec![
            check.name.clone(),
            check.scalar.to_owned(),
            format!("{:.1e}", check.error),
            format!("{:.0e}", check.tolerance),
            if check.pass { "pass" } else { "FAIL" }.to_owned(),
        ]
    }));
    let mut text = aligned(&rows);
    for reason in checks.iter().filter_map(|check| check.reason.as_ref()) {
        text.extend([reason, "\n"]);
    }
    let passed = checks.iter().filter(|check| check.pass).count();
    text.extend([format!("{passed} of {} checks passed\n", checks.len())]);
    text
}
