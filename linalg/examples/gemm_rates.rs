//! Rates of the matrix product on the shapes of training, against the processor's peak, on one thread.
//!
//! `cargo run --release -p missvae-linalg --example gemm_rates [M K N]`
#![allow(clippy::print_stdout, reason = "a measuring program")]

use std::hint::black_box;
use std::time::Instant;

use missvae_linalg::Scalar;
use missvae_linalg::gemm::{Epilogue, Matrix, MatrixMut, Scratch, gemm};
use missvae_linalg::peak::fma_peak_gflops;
use missvae_linalg::simd::level;

const SHAPES: [(usize, usize, usize); 15] = [
    (64, 10, 200),
    (64, 200, 200),
    (320, 200, 200),
    (1600, 200, 200),
    (320, 200, 10),
    (320, 200, 2),
    (320, 2, 200),
    (512, 256, 256),
    (2560, 256, 256),
    (200, 320, 200),
    (200, 64, 200),
    (256, 2560, 256),
    (10, 320, 200),
    (200, 320, 2),
    (200, 320, 10),
];

/// Operations a second, the best of many short runs: on a busy machine some of them are undisturbed.
fn rate(operations: f64, mut run: impl FnMut()) -> f64 {
    run();
    let repeats = (3e7 / operations).clamp(1.0, 20_000.0) as usize;
    let mut best = f64::INFINITY;
    for _ in 0..80 {
        let start = Instant::now();
        for _ in 0..repeats {
            run();
        }
        best = best.min(start.elapsed().as_secs_f64() / repeats as f64);
    }
    operations / best
}

fn main() {
    let peak = fma_peak_gflops();
    println!("{}: peak {peak:.0} GFLOP/s in f32, one thread", level().name());

    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let shapes = if let [m, k, n] = sizes[..] { vec![(m, k, n)] } else { SHAPES.to_vec() };
    println!("\nOne thread: GFLOP/s, fraction of peak, matrixmultiply's GFLOP/s (without epilogue)");
    heading();
    for &shape in &shapes {
        print!("{:>14}", name(shape));
        for form in FORMS {
            let problem = Problem::new(shape, form);
            let (ours, theirs) = (problem.ours() / 1e9, problem.portable() / 1e9);
            print!("  {ours:>6.1} {:>4.2} {theirs:>7.1}", ours / peak);
        }
        println!();
    }

    println!("\nTwo threads: GFLOP/s");
    heading();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    for &shape in &shapes {
        print!("{:>14}", name(shape));
        for form in FORMS {
            print!("  {:>19.1}", pool.install(|| Problem::new(shape, form).ours() / 1e9));
        }
        println!();
    }
}

fn heading() {
    print!("{:>14}", "M×K×N");
    for form in FORMS {
        print!("  {:>19}", format!("{form:?}"));
    }
    println!();
}

fn name((m, k, n): (usize, usize, usize)) -> String {
    format!("{m}×{k}×{n}")
}

/// Layouts and epilogues as training uses them.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// Row-major by row-major.
    NN,
    /// Weight gradient: *A* stored transposed.
    TN,
    /// Forward pass: *B* stored transposed.
    NT,
    /// Forward pass of a hidden layer.
    NTBiasRelu,
    /// Data gradient through a ReLU.
    NNGate,
}

const FORMS: [Form; 5] = [Form::NN, Form::TN, Form::NT, Form::NTBiasRelu, Form::NNGate];

struct Problem {
    shape: (usize, usize, usize),
    form: Form,
    a: Vec<f32>,
    b: Vec<f32>,
    bias: Vec<f32>,
    gate: Vec<f32>,
}

impl Problem {
    fn new(shape: (usize, usize, usize), form: Form) -> Self {
        let values = |len: usize| (0..len).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
        let (m, k, n) = shape;
        Self { shape, form, a: values(m * k), b: values(k * n), bias: values(n), gate: values(m * n) }
    }

    fn operations(&self) -> f64 {
        let (m, k, n) = self.shape;
        (2 * m * k * n) as f64
    }

    /// Operations a second of this crate's product.
    fn ours(&self) -> f64 {
        let (m, k, n) = self.shape;
        let a = match self.form {
            Form::TN => Matrix::new(&self.a, k, m).t(),
            _ => Matrix::new(&self.a, m, k),
        };
        let b = match self.form {
            Form::NT | Form::NTBiasRelu => Matrix::new(&self.b, n, k).t(),
            _ => Matrix::new(&self.b, k, n),
        };
        let epilogue = match self.form {
            Form::NTBiasRelu => Epilogue { bias: Some(&self.bias), relu: true, ..Epilogue::default() },
            Form::NNGate => Epilogue { gate: Some(&self.gate), ..Epilogue::default() },
            _ => Epilogue::default(),
        };
        let (mut c, mut scratch) = (vec![0.0; m * n], Scratch::new());
        rate(self.operations(), || {
            gemm(black_box(a), black_box(b), MatrixMut::new(&mut c, m, n), epilogue, &mut scratch);
        })
    }

    /// Operations a second of matrixmultiply.
    fn portable(&self) -> f64 {
        let (m, k, n) = self.shape;
        let (a_strides, b_strides) = match self.form {
            Form::TN => ((1, m), (n, 1)),
            Form::NT | Form::NTBiasRelu => ((k, 1), (1, k)),
            _ => ((k, 1), (n, 1)),
        };
        let mut c = vec![0.0; m * n];
        rate(self.operations(), || {
            let a = (black_box(self.a.as_ptr()), a_strides.0 as isize, a_strides.1 as isize);
            let b = (black_box(self.b.as_ptr()), b_strides.0 as isize, b_strides.1 as isize);
            // SAFETY: the vectors hold m × k, k × n and m × n elements.
            unsafe { f32::portable_gemm((m, k, n), 1.0, a, b, 0.0, (c.as_mut_ptr(), n as isize, 1)) }
        })
    }
}
