//! Rates of the convolutions of the MNIST networks, on one thread or as many as the argument says.
//!
//! `cargo run --release -p missvae-linalg --example conv_rates [THREADS]`
#![allow(clippy::print_stdout, reason = "a measuring program")]

use std::time::Instant;

use missvae_linalg::conv::{Conv, forward, input_gradient, weight_gradient};
use missvae_linalg::gemm::Scratch;

/// Images, height and width, input and output channels, kernel, stride.
const SHAPES: [[usize; 6]; 9] = [
    [100, 28, 2, 32, 3, 1],
    [100, 28, 32, 32, 3, 1],
    [100, 28, 64, 32, 3, 1],
    [100, 28, 32, 64, 3, 2],
    [200, 14, 64, 64, 3, 1],
    [200, 7, 128, 128, 3, 1],
    [200, 4, 256, 256, 3, 1],
    [100, 28, 64, 32, 1, 1],
    [100, 28, 32, 1, 3, 1],
];

/// GFLOP/s of the best of some runs.
fn rate(operations: f64, mut run: impl FnMut()) -> f64 {
    run();
    let seconds = (0..7).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    operations / seconds.fold(f64::INFINITY, f64::min) / 1e9
}

fn measure() {
    println!("{:>28} {:>9} {:>9} {:>9}  GFLOP/s", "images size in out kernel /", "forward", "input", "weight");
    for [images, size, in_channels, out_channels, kernel, stride] in SHAPES {
        let size = [size; 2];
        let conv =
            Conv { images, size, in_channels, out_channels, kernel: [kernel; 2], stride, padding: (kernel - 1) / 2 };
        let mut input = vec![0.5f32; conv.in_len()];
        let mut weight = vec![0.25f32; conv.weights()];
        let mut out = vec![0.125f32; conv.out_len()];
        let operations = 2.0 * (conv.out_len() * conv.weights() / out_channels) as f64;
        let mut scratch = Scratch::new();
        let rates = [
            rate(operations, || forward(&conv, &input, &weight, None, &mut out, &mut scratch)),
            rate(operations, || input_gradient(&conv, &out, &weight, &mut input, false, &mut scratch)),
            rate(operations, || weight_gradient(&conv, &input, &out, &mut weight, false, &mut scratch)),
        ];
        let name = format!("{images} {} {in_channels} {out_channels} {kernel} /{stride}", size[0]);
        println!("{name:>28} {:9.1} {:9.1} {:9.1}", rates[0], rates[1], rates[2]);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(1), |threads| threads.parse())?;
    match threads {
        1 => measure(),
        threads => rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(measure),
    }
    Ok(())
}
