//! After the first step of given shapes, recording and differentiating allocate nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Write, stderr};
use std::sync::atomic::{AtomicUsize, Ordering};

use linalg::simd::{Level, level};
use missvae_autodiff::{Backward, Forward, Op, Operation, Seed, Shape, Tape, Wanted};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's obligations are those of the called function.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// out = −x.
#[derive(Debug)]
struct Negation;

impl Op<f32> for Negation {
    fn name(&self) -> &'static str {
        "negation"
    }
    fn out_shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }
    fn forward(&self, pass: Forward<'_, f32>) {
        pass.out.iter_mut().zip(pass.inputs.get(0)).for_each(|(out, x)| *out = -x);
    }
    fn backward(&self, mut pass: Backward<'_, f32>) {
        if let Some(dx) = pass.grads.take(0) {
            dx.add(|i| -pass.dout[i]);
        }
    }
}

const DATA: usize = 5;
const WIDTH: usize = 16;
const LATENT: usize = 3;

/// A small decoder on `rows` latent vectors: every operation of a network, a gate, and a user's own.
fn step(tape: &mut Tape<f32>, parameters: &[f32], rows: usize, own: &Operation<f32>, gradient: &mut [f32]) -> f32 {
    let mut g = tape.graph(parameters);
    let mut at = 0;
    let mut layer = |g: &mut missvae_autodiff::Graph<f32>, inputs: usize, outputs: usize| {
        let weight = g.parameter(at, [outputs, inputs]);
        let bias = g.parameter(at + outputs * inputs, [outputs]);
        at += outputs * (inputs + 1);
        (weight, bias)
    };
    let z = g.constant_with([rows, LATENT], |z| z.iter_mut().enumerate().for_each(|(i, z)| *z = (i as f32).sin()));
    let (x, mask) = (g.constant([1, DATA], &[0.3; DATA]), g.constant([1, DATA], &[1.0, 0.0, 1.0, 1.0, 0.0]));
    let (weight, bias) = layer(&mut g, LATENT, WIDTH);
    let h = g.linear_relu(z, weight, bias);
    let dropout = g.constant_with([rows, WIDTH], |d| d.fill(2.0));
    let (first, second) = (layer(&mut g, WIDTH, WIDTH), layer(&mut g, WIDTH, WIDTH));
    let h = g.residual_block(h, first, second, Some(dropout));
    let gate = g.gate(h);
    let (weight, bias) = layer(&mut g, WIDTH, 2 * DATA);
    let head = g.linear(gate, weight, bias);
    let head = g.apply(own.clone(), &[head]);
    let floor = g.constant([DATA], &[1e-5; DATA]);
    let log_p = g.gaussian_log_density(x, mask, head, rows, floor);
    let logits = g.reshape(head, [2 * rows, DATA]);
    let also = g.bernoulli_log_density(x, mask, logits, 2 * rows);
    let prior = g.standard_normal_log_density(head);
    let weights = g.detach(log_p);
    g.close_gate(gate, weights);
    let seeds = [(log_p, Seed::Uniform(1.0)), (also, Seed::Uniform(0.5)), (prior, Seed::Uniform(1.0))];
    let middle = parameters.len() / 2;
    g.backward(&seeds, Wanted::All, gradient);
    g.backward(&seeds[..1], Wanted::Within(&[0..middle, middle..parameters.len()]), gradient);
    g.value(log_p).iter().sum()
}

#[test]
fn a_step_allocates_nothing_after_the_first() {
    let count = WIDTH * (LATENT + 1) + 2 * WIDTH * (WIDTH + 1) + 2 * DATA * (WIDTH + 1);
    let parameters: Vec<f32> = (0..count).map(|i| 0.3 * (i as f32 * 1.7).cos()).collect();
    let mut gradient = vec![f32::NAN; count];
    let own = Operation::custom(Negation);
    let mut tape = Tape::new();
    // Four rows also fit where twelve did.
    let first = step(&mut tape, &parameters, 12, &own, &mut gradient);
    step(&mut tape, &parameters, 4, &own, &mut gradient);
    let expected = gradient.clone();

    let mut last = 0.0;
    // An allocation by a step would show in every run; the test harness, in another thread, allocates now and then.
    let mut run = |_| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for _ in 0..5 {
            last = step(&mut tape, &parameters, 12, &own, &mut gradient);
            step(&mut tape, &parameters, 4, &own, &mut gradient);
        }
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    let allocations = (0..6).map(&mut run).min();

    assert_eq!((last, gradient), (first, expected), "the steps are the same");
    if level() == Level::Plain {
        // Past the harness, which keeps what a passing test prints to itself.
        let _ = writeln!(stderr(), "skipped: without vectors, products are matrixmultiply's, which allocates");
        return;
    }
    assert_eq!(allocations, Some(0), "allocations in ten steps, the least of six times");
}
