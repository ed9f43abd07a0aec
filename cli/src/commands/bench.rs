//! `missvae bench`: a training step against the processor's peak.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use autodiff::profile::{Entry, Phase};
use clap::{Args, ValueEnum};
use linalg::peak::fma_peak_gflops;
use linalg::simd::{Level, level};
use missvae::config::{Options, Preset, ResolvedConfig};
use missvae::objective::{METHODS, Method};
use missvae::timing::Training;
use serde::Serialize;

use crate::args::Common;
use crate::failure::{Failure, Result};
use crate::output::{Output, aligned, counted};
use crate::threads::in_pool;

/// The fewest steps that are timed.
const FEWEST: usize = 40;
/// Steps over which allocations are counted.
#[cfg(feature = "count-allocations")]
const COUNTED: u64 = 20;
/// The most seconds that a configuration can be given.
const LONGEST: f64 = 3600.0;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Experiments of the paper whose settings are timed, separated by commas (default: all)
    #[arg(long, value_enum, value_name = "A,B", value_delimiter = ',')]
    pub(crate) preset: Vec<Preset>,
    /// Methods, separated by commas (default: all)
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) method: Vec<String>,
    /// Components or imputations; samples, for methods with a single component
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub(crate) components: usize,
    /// Seconds of steps for each configuration
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub(crate) seconds: f64,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What `--json` prints for a configuration.
#[derive(Debug, Serialize)]
struct BenchReport {
    preset: String,
    method: String,
    components: usize,
    /// Samples of a row, all together.
    samples: usize,
    threads: usize,
    simd: &'static str,
    steps: usize,
    /// Median over the steps, in milliseconds.
    step_ms: f64,
    /// The fifth percentile.
    step_ms_p5: f64,
    /// Floating-point operations of a step's matrix products, counted as they are carried out.
    gemm_flops: f64,
    /// Best rate of fused multiply-adds on registers, measured just before on as many threads. Null at the plain level,
    /// whose products do not use them.
    fma_peak_gflops: Option<f64>,
    /// Time of the products at the peak, and the ratio of the median to it.
    floor_ms: Option<f64>,
    ratio: Option<f64>,
    /// Heap allocations of a step. Null in a program that does not count them.
    allocations: Option<f64>,
    /// Bytes that they asked for.
    bytes: Option<f64>,
    operations: Vec<Operation>,
}

/// A kind of operation in one direction, or work beside them.
#[derive(Debug, Serialize)]
struct Operation {
    name: String,
    /// Share of the time of the steps.
    share: f64,
    /// Rate of its matrix products, if it has any.
    gflops: Option<f64>,
    /// Rate at which it reads and writes values and gradients, if it has no products.
    gbytes: Option<f64>,
}

/// Reports of several configurations.
#[derive(Debug, Serialize)]
struct Reports {
    configurations: Vec<BenchReport>,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let output = Output::new(&args.common);
    if !(args.seconds > 0.0 && args.seconds <= LONGEST) {
        return Err(Failure::usage(format!("--seconds {}: expected more than 0, at most {LONGEST}", args.seconds)));
    }
    if args.components == 0 {
        return Err(Failure::usage("--components 0: expected at least 1"));
    }
    let configs = configurations(args)?;
    let bar = output.bar(configs.len() as u64, "configurations");
    let mut reports = Vec::new();
    for (preset, config) in &configs {
        bar.set_message(format!("{} {}", name(*preset), config.method.name));
        reports.push(in_pool(&args.common, || measure(*preset, config, Duration::from_secs_f64(args.seconds)))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    match <[BenchReport; 1]>::try_from(reports) {
        Ok([report]) => output.result(&report, || one(&report)),
        Err(configurations) => {
            let reports = Reports { configurations };
            output.result(&reports, || table(&reports.configurations))
        }
    }
}

/// A preset, as the command line calls it.
fn name(preset: Preset) -> String {
    preset.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The requested configurations, resolved.
fn configurations(args: &BenchArgs) -> Result<Vec<(Preset, ResolvedConfig)>> {
    // A step on images takes seconds: only if asked for.
    let tables = Preset::value_variants().iter().copied().filter(|preset| !preset.of_images());
    let presets = if args.preset.is_empty() { tables.collect() } else { args.preset.clone() };
    let methods: Vec<String> = match args.method.is_empty() {
        true => METHODS.iter().map(|method| method.name.to_owned()).collect(),
        false => args.method.clone(),
    };
    let mut configs = Vec::new();
    for preset in presets {
        for name in &methods {
            let method: Method = name.parse()?;
            let mut options = Options { method: Some(method), ..Options::default() };
            if method.single() {
                // As many samples as a mixture has components: the paper's comparison.
                let (samples, importance_samples) = method.default_samples(1, args.components);
                (options.samples, options.importance_samples) = (Some(samples), Some(importance_samples));
            } else {
                options.components = Some(args.components);
            }
            options.preset = Some(preset);
            options.seed = args.common.seed;
            // Once imputations are renewed at all, they are in every step.
            options.impute_from_epoch = method.bound().is_none().then_some(1);
            let options = options.with_preset();
            let rows = Training::rows(options.batch_size.unwrap_or(1));
            configs.push((preset, options.resolve(rows, preset.columns())?));
        }
    }
    Ok(configs)
}

/// Times the steps of a configuration: first as they are, then operation by operation.
fn measure(preset: Preset, config: &ResolvedConfig, budget: Duration) -> Result<BenchReport> {
    let peak = (level() != Level::Plain).then(fma_peak_gflops);
    let mut training = Training::new(&config.vae, &config.train)?;
    let (allocations, bytes) = allocations(&mut training)?;
    let (mut times, start) = (Vec::new(), Instant::now());
    training.run(|duration| {
        times.push(duration.as_secs_f64() * 1e3);
        match times.len() < FEWEST || start.elapsed() < budget {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    let (profiled, profile) = training.profiled((times.len() / 4).max(FEWEST))?;
    times.sort_by(f64::total_cmp);
    let step_ms = times[times.len() / 2];
    let products: u64 = profile.entries().iter().map(|entry| entry.operations).sum();
    let gemm_flops = products as f64 / profiled.len() as f64;
    let floor_ms = peak.map(|peak| gemm_flops / peak / 1e6);
    Ok(BenchReport {
        preset: name(preset),
        method: config.method.name.to_owned(),
        components: config.options.components.unwrap_or(1),
        samples: config.train.objective.samples_per_row(),
        threads: rayon::current_num_threads(),
        simd: level().name(),
        steps: times.len(),
        step_ms,
        step_ms_p5: times[times.len() / 20],
        gemm_flops,
        fma_peak_gflops: peak,
        floor_ms,
        ratio: floor_ms.map(|floor| step_ms / floor),
        allocations,
        bytes,
        operations: operations(profile.entries(), profiled.iter().sum()),
    })
}

/// Heap allocations of a step, and their bytes.
#[cfg(feature = "count-allocations")]
fn allocations(training: &mut Training) -> Result<(Option<f64>, Option<f64>)> {
    use stats_alloc::{INSTRUMENTED_SYSTEM, Stats};

    let (mut steps, mut before, mut after) = (0, Stats::default(), Stats::default());
    training.run(|_| {
        let now = INSTRUMENTED_SYSTEM.stats();
        if steps == 0 {
            before = now;
        }
        after = now;
        steps += 1;
        if steps > COUNTED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let made = after - before;
    let per_step = |count: usize| Some(count as f64 / COUNTED as f64);
    Ok((per_step(made.allocations + made.reallocations), per_step(made.bytes_allocated)))
}

/// `None`: counting takes an allocator that the shipped program does not have.
#[cfg(not(feature = "count-allocations"))]
fn allocations(_: &mut Training) -> Result<(Option<f64>, Option<f64>)> {
    Ok((None, None))
}

/// The shares of operations in the time of steps, the largest first. The rest is the trainer's own.
fn operations(entries: &[Entry], total: Duration) -> Vec<Operation> {
    let total = total.as_secs_f64();
    let mut operations: Vec<Operation> = entries
        .iter()
        .map(|entry| {
            let seconds = entry.time.as_secs_f64();
            let rate = |count: u64| 1e-9 * count as f64 / seconds;
            Operation {
                name: match entry.phase {
                    Phase::Forward | Phase::Beside => entry.name.replace('_', " "),
                    Phase::Backward => format!("{}, backward", entry.name.replace('_', " ")),
                },
                share: seconds / total,
                gflops: (entry.operations > 0).then(|| rate(entry.operations)),
                gbytes: (entry.operations == 0).then(|| rate(entry.bytes)),
            }
        })
        .collect();
    operations.sort_by(|a, b| b.share.total_cmp(&a.share));
    let rest = 1.0 - operations.iter().map(|operation| operation.share).sum::<f64>();
    operations.push(Operation { name: "the rest".to_owned(), share: rest, gflops: None, gbytes: None });
    operations
}

/// The allocations of a step, or how to have them counted.
fn counted_allocations(report: &BenchReport) -> String {
    report
        .allocations
        .map_or_else(|| "not counted; build with --features count-allocations".to_owned(), |count| count.to_string())
}

/// A number that may be missing.
fn known(number: Option<f64>, text: impl Fn(f64) -> String) -> String {
    number.map_or("–".to_owned(), text)
}

/// The report of one configuration, as text.
fn one(report: &BenchReport) -> String {
    let line = |name: &str, value: String| vec![name.to_owned(), value];
    let mut text = format!(
        "{}, {}, K = {}, {} a row, {}, {}\n\n",
        report.preset,
        report.method,
        report.components,
        counted(report.samples, "sample"),
        counted(report.threads, "thread"),
        report.simd
    );
    text.push_str(&aligned(&[
        line("step, median", format!("{:.3} ms", report.step_ms)),
        line("step, 5% of them below", format!("{:.3} ms", report.step_ms_p5)),
        line("matrix products", format!("{:.1} MFLOP", report.gemm_flops / 1e6)),
        line("FMA peak", known(report.fma_peak_gflops, |x| format!("{x:.1} GFLOP/s"))),
        line("floor: products at the peak", known(report.floor_ms, |x| format!("{x:.3} ms"))),
        line("ratio of step to floor", known(report.ratio, |x| format!("{x:.2}"))),
        line("heap allocations a step", counted_allocations(report)),
    ]));
    text.push('\n');
    let mut rows = vec![["operation", "share", "GFLOP/s", "GB/s"].map(str::to_owned).to_vec()];
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
    rows.extend(report.operations.iter().map(|operation| {
        let share = format!("{:.1}%", 100.0 * operation.share);
        vec![operation.name.clone(), share, number(operation.gflops), number(operation.gbytes)]
    }));
    text.push_str(&aligned(&rows));
    text
}

/// A line for each configuration, as text.
fn table(reports: &[BenchReport]) -> String {
    let counted = reports.iter().any(|report| report.allocations.is_some());
    let mut header =
        vec!["preset", "method", "K", "samples", "ms", "5% below", "MFLOP", "GFLOP/s", "peak", "floor ms", "ratio"];
    header.extend(counted.then_some("allocations"));
    let mut rows = vec![header.into_iter().map(str::to_owned).collect()];
    rows.extend(reports.iter().map(|report| {
        let mut row = vec![
            report.preset.clone(),
            report.method.clone(),
            report.components.to_string(),
            report.samples.to_string(),
            format!("{:.3}", report.step_ms),
            format!("{:.3}", report.step_ms_p5),
            format!("{:.1}", report.gemm_flops / 1e6),
            format!("{:.1}", report.gemm_flops / report.step_ms / 1e6),
            known(report.fma_peak_gflops, |x| format!("{x:.1}")),
            known(report.floor_ms, |x| format!("{x:.3}")),
            known(report.ratio, |x| format!("{x:.2}")),
        ];
        row.extend(counted.then(|| known(report.allocations, |count| count.to_string())));
        row
    }));
    aligned(&rows)
}
