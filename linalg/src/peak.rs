//! The rate of fused multiply-adds that the processor cannot exceed.

use std::hint::black_box;
use std::time::Instant;

use crate::simd::{Kernel, Vector, dispatch};

/// Independent sums: more than latency × issue width of any processor of today.
const CHAINS: usize = 12;
/// Rounds of one run: some 0.1 ms, so that many runs are not interrupted even on a busy machine.
const ROUNDS: usize = 50_000;
/// Runs of which the best counts.
const RUNS: usize = 200;

/// Fused multiply-adds on registers alone, in f32. Returns how many floating-point operations that was.
struct FusedMultiplyAdds;

impl Kernel<f32> for FusedMultiplyAdds {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector<f32>>(self) -> usize {
        let (x, y) = (V::splat(black_box(0.999)), V::splat(black_box(0.001)));
        let mut sums: [V; CHAINS] = std::array::from_fn(|i| V::splat(i as f32));
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = sum.mul_add(x, y);
            }
        }
        for sum in sums {
            black_box(sum.sum());
        }
        2 * CHAINS * V::LANES * ROUNDS
    }
}

/// Best rate of fused multiply-adds in f32, in GFLOP/s: that of the calling thread, or the sum over the threads of its
/// pool, all at work at once.
pub fn fma_peak_gflops() -> f64 {
    if rayon::current_thread_index().is_some() { rayon::broadcast(|_| one_thread()).iter().sum() } else { one_thread() }
}

fn one_thread() -> f64 {
    let rate = |_| {
        let start = Instant::now();
        let operations = dispatch(FusedMultiplyAdds);
        1e-9 * operations as f64 / start.elapsed().as_secs_f64()
    };
    (0..RUNS).map(rate).fold(0.0, f64::max)
}
