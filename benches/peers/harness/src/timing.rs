//! Times the steps of a configuration.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::problem::{self, Config, Table};
use crate::{Arguments, Peer};

/// Steps after the first that are not timed.
const WARM_UP: usize = 20;
/// Steps that are timed, whatever the budget.
const FEWEST: usize = 40;
/// Steps at the end whose mean objective is printed.
const LAST: usize = 20;

/// The line of one configuration.
#[derive(Serialize)]
struct Line<'a> {
    engine: &'a str,
    version: &'a str,
    mode: &'a str,
    threads: u16,
    config: &'a str,
    median_ms: f64,
    p5_ms: f64,
    steps: usize,
    first_step_s: f64,
    objective: f64,
}

/// Times a configuration and prints its JSON line.
pub(crate) fn print<P: Peer>(config: &Config, arguments: &Arguments) -> Result<()> {
    let mut rng = problem::generator(arguments.seed);
    let table = Table::random(config, &mut rng);
    let parameters = config.problem.initial_parameters(&mut rng);
    let mut step = P::training(&config.problem, &parameters, &table, config.clip)?;

    let start = Instant::now();
    step()?;
    let first = start.elapsed();
    for _ in 0..WARM_UP {
        step()?;
    }
    let (mut durations, mut objectives) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while durations.len() < FEWEST || start.elapsed().as_secs_f64() < arguments.seconds {
        let start = Instant::now();
        let objective = step()?;
        durations.push(start.elapsed());
        objectives.push(objective);
    }
    durations.sort_unstable();
    let line = Line {
        engine: P::ENGINE,
        version: locked_version(P::LOCK, P::CRATE)?,
        mode: P::MODE,
        threads: arguments.threads,
        config: config.name,
        median_ms: milliseconds(median(&durations)),
        p5_ms: milliseconds(durations[durations.len() / 20]),
        steps: durations.len(),
        first_step_s: rounded(first.as_secs_f64(), 1e2),
        objective: rounded(objectives[objectives.len() - LAST..].iter().sum::<f64>() / LAST as f64, 1e4),
    };
    println!("{}", serde_json::to_string(&line)?);
    Ok(())
}

/// The median of sorted durations.
fn median(sorted: &[Duration]) -> Duration {
    let count = sorted.len();
    (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
}

fn milliseconds(duration: Duration) -> f64 {
    rounded(1e3 * duration.as_secs_f64(), 1e4)
}

/// To the nearest multiple of 1/`scale`.
fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, package: &str) -> Result<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines.next().and_then(|line| line.strip_prefix("version = \""));
    let version = version.and_then(|line| line.strip_suffix('"'));
    version.with_context(|| format!("the lock file has no {package}"))
}
