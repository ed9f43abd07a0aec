//! The whole training step of every configuration, on one thread. Criterion's elements are the floating-point
//! operations of the step's matrix products, so that its Gelem/s are their GFLOP/s.
//!
//! `cargo bench -p missvae-benches --bench step [-- CONFIG]`

use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use missvae::timing::Training;
use missvae_benches::config::configs;

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    // Every sample of as many steps: a step is long enough.
    group.sampling_mode(SamplingMode::Flat);
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    for config in configs() {
        group.throughput(Throughput::Elements(config.flops()));
        group.bench_function(&config.name, |bencher| {
            // Outside a pool everything runs on this thread.
            let mut training = Training::new(&config.vae, &config.train).expect("options that fit together");
            bencher.iter_custom(|steps| {
                let (mut left, mut total) = (steps, Duration::ZERO);
                let run = training.run(|duration| {
                    total += duration;
                    left -= 1;
                    if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                });
                run.expect("the objective stays finite");
                total
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
