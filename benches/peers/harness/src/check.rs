//! Compares a peer's objective with golden fixtures.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::{Array, Arrays, Peer, Precision, Problem};

/// A fixture of kind `objective`.
#[derive(Deserialize)]
struct Fixture {
    params: Params,
    inputs: Arrays,
    outputs: Arrays,
    tolerance: Tolerance,
}

#[derive(Deserialize)]
struct Params {
    method: String,
    estimator: String,
    components: usize,
    #[serde(rename = "Z")]
    monte_carlo_samples: usize,
    #[serde(rename = "I")]
    importance_samples: usize,
    latent: usize,
    data: usize,
    hidden: usize,
    blocks: usize,
    encoder_min_scale: f64,
    decoder_min_scale: f64,
}

/// What an error may be, as a share of the largest value expected.
#[derive(Deserialize)]
struct Tolerance {
    f64: f64,
    f32: f64,
}

/// Compares the objective with one fixture; prints a line, returns whether they agree. A file that is not there, or is
/// of something that the peers do not compute, is said to be passed over, and does not disagree.
pub(crate) fn fixture<P: Peer>(path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or(path.as_os_str()).display();
    if !path.exists() {
        println!("SKIPPED  {name}: there is no file {}", path.display());
        return Ok(true);
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let fixture: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    if fixture["kind"] != "objective" {
        println!("FAIL     {name}: kind is {}, expected \"objective\"", fixture["kind"]);
        return Ok(false);
    }
    let fixture: Fixture =
        serde_json::from_value(fixture).with_context(|| format!("cannot understand {}", path.display()))?;
    let Some(problem) = problem(&fixture.params) else {
        println!("not here {name}: {} with {} components", fixture.params.method, fixture.params.components);
        return Ok(true);
    };
    // The other estimators share the value, but the peers have no gradient for them.
    let gradients = matches!(fixture.params.estimator.as_str(), "plain" | "stl");

    let mut wrong = Vec::new();
    let mut shares = Vec::new();
    for (precision, label, tolerance) in
        [(Precision::F64, "f64", fixture.tolerance.f64), (Precision::F32, "f32", fixture.tolerance.f32)]
    {
        let found = P::evaluate(&problem, &fixture.inputs, precision).with_context(|| name.to_string())?;
        let mut worst = 0.0_f64;
        for (key, expected) in &fixture.outputs {
            if !gradients && key.starts_with('d') {
                continue;
            }
            let found = found.get(key).with_context(|| format!("{name}: {key} was not computed"))?;
            let share = largest_error(found, expected).with_context(|| format!("{name}: {key}"))? / tolerance;
            // NaN must not pass for the smaller one.
            if share.is_nan() || share > 1.0 {
                wrong.push(format!("{label} {key}: error is {share:.3e} times the tolerance"));
            }
            worst = if share.is_nan() { share } else { worst.max(share) };
        }
        shares.push(format!("{label} {worst:.1e}"));
    }
    let verdict = if wrong.is_empty() { "ok      " } else { "FAIL    " };
    let compared = if gradients { "value, log weights, gradients" } else { "value, log weights" };
    println!("{verdict} {name}: {compared}; error/tolerance {}", shares.join(", "));
    for line in &wrong {
        println!("           {line}");
    }
    Ok(wrong.is_empty())
}

/// The problem that the fixture poses, if the peers can solve it.
fn problem(params: &Params) -> Option<Problem> {
    let (importance, stratified) = match params.method.as_str() {
        "mvae" | "miss-vae" => (false, false),
        "miwae" | "miss-iwae" => (true, false),
        "miss-svae" => (false, true),
        "miss-siwae" => (true, true),
        _ => return None,
    };
    (stratified || params.components == 1).then_some(Problem {
        columns: params.data,
        latent: params.latent,
        hidden: params.hidden,
        blocks: params.blocks,
        components: params.components,
        encoder_min_scale: params.encoder_min_scale,
        decoder_min_scale: params.decoder_min_scale,
        importance,
        monte_carlo_samples: params.monte_carlo_samples,
        importance_samples: params.importance_samples,
        sticking_the_landing: params.estimator != "plain",
    })
}

/// The largest difference, relative to the largest value expected.
fn largest_error(found: &Array, expected: &Array) -> Result<f64> {
    let count = expected.data.len();
    ensure!(found.data.len() == count, "{} values, not {count}", found.data.len());
    let scale = expected.data.iter().fold(0.0_f64, |most, value| most.max(value.abs())) + 1e-3;
    let worst = found.data.iter().zip(&expected.data).map(|(found, expected)| (found - expected).abs());
    Ok(worst.fold(0.0, |most, error| if error > most || error.is_nan() { error } else { most }) / scale)
}
