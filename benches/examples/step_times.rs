//! Times training steps and prints a JSON line a configuration: what `peers/compare.py` reads.
//!
//! `cargo run --release -p missvae-benches --example step_times -- [THREADS [CONFIG...]]`
//!
//! `gflops` is the rate of the step's matrix products at the median; `fma_peak_gflops` is what the same threads reach on
//! registers alone, measured just before the configuration.
#![allow(clippy::print_stdout, reason = "a measuring program")]

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use linalg::peak::fma_peak_gflops;
use missvae::timing::Training;
use missvae_benches::config::{Config, configs};

/// Time that a configuration gets: the peers' default.
const BUDGET: Duration = Duration::from_secs(2);
/// Steps that are timed in any case.
const FEWEST: usize = 40;

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let threads = match arguments.next() {
        None => 1,
        Some(text) => text.parse().ok().filter(|&n| n > 0).ok_or(format!("{text}: expected a number of threads"))?,
    };
    let mut chosen = configs();
    let names: Vec<String> = arguments.collect();
    if let Some(unknown) = names.iter().find(|name| chosen.iter().all(|config| config.name != **name)) {
        let known: Vec<&str> = chosen.iter().map(|config| config.name.as_str()).collect();
        return Err(format!("{unknown}: expected one of {}", known.join(", ")));
    }
    chosen.retain(|config| names.is_empty() || names.contains(&config.name));

    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
    pool.install(|| chosen.iter().try_for_each(|config| measure(config, threads))).map_err(|error| error.to_string())
}

fn measure(config: &Config, threads: usize) -> Result<(), missvae::Error> {
    let peak = fma_peak_gflops();
    let mut training = Training::new(&config.vae, &config.train)?;
    let (mut times, start) = (Vec::new(), Instant::now());
    training.run(|duration| {
        times.push(1e3 * duration.as_secs_f64());
        if times.len() < FEWEST || start.elapsed() < BUDGET {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    times.sort_by(f64::total_cmp);
    let (median, p5) = (times[times.len() / 2], times[times.len() / 20]);
    let gflops = config.flops() as f64 / median / 1e6;
    println!(
        r#"{{"config":"{}","threads":{threads},"median_ms":{median:.4},"p5_ms":{p5:.4},"gflops":{gflops:.1},"fma_peak_gflops":{peak:.1},"steps":{}}}"#,
        config.name,
        times.len(),
    );
    Ok(())
}
