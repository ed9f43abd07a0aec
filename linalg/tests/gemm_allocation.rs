//! The product allocates nothing once its scratch has grown, on one thread and two.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Write, stderr};
use std::sync::atomic::{AtomicUsize, Ordering};

use missvae_linalg::gemm::{Epilogue, Matrix, MatrixMut, Scratch, gemm, gemm_scratch_len};
use missvae_linalg::simd::{Level, level};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SHAPES: [(usize, usize, usize); 8] = [
    (320, 200, 200),
    (200, 320, 200),
    (64, 10, 200),
    (320, 200, 10),
    (320, 200, 2),
    (10, 320, 200),
    (2, 320, 2),
    (700, 600, 300),
];

/// Calls `f` with every shape in every form.
fn each(a: &[f32], b: &[f32], mut f: impl FnMut(Matrix<f32>, Matrix<f32>, Epilogue<f32>)) {
    for (m, k, n) in SHAPES {
        let (a, b, bias) = (&a[..m * k], &b[..k * n], &b[..n]);
        let epilogue = Epilogue { bias: Some(bias), relu: true, ..Epilogue::default() };
        for a in [Matrix::new(a, m, k), Matrix::new(a, k, m).t()] {
            for b in [Matrix::new(b, k, n), Matrix::new(b, n, k).t()] {
                f(a, b, epilogue);
                f(a, b, Epilogue { accumulate: true, ..epilogue });
            }
        }
    }
}

// One test: a second one would allocate while this one counts.
#[test]
fn nothing_is_allocated() {
    if level() == Level::Plain {
        // Past the harness, which keeps what a passing test prints to itself.
        let _ = writeln!(stderr(), "skipped: without vectors, products are matrixmultiply's, which allocates");
        return;
    }
    let (a, b, mut c) = (vec![0.5; 700 * 600], vec![0.5; 600 * 300], vec![0.0; 700 * 300]);
    let mut len = 0;
    each(&a, &b, |a, b, epilogue| len = len.max(gemm_scratch_len(a, b, &epilogue)));
    let mut scratch = Scratch::with_len(len);
    let mut products = |rounds: usize| {
        for _ in 0..rounds {
            each(&a, &b, |a, b, epilogue| {
                let c = MatrixMut::new(&mut c[..a.rows() * b.cols()], a.rows(), b.cols());
                gemm(a, b, c, epilogue, &mut scratch);
            });
        }
    };

    // An allocation by the product would show in every run; the test harness, and a thread of the pool that first looks
    // for work, allocate once.
    let mut least = || {
        let run = |_| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            products(5);
            ALLOCATIONS.load(Ordering::Relaxed) - before
        };
        (0..6).map(run).min()
    };
    assert_eq!(least(), Some(0), "on one thread");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    assert_eq!(pool.install(least), Some(0), "on two threads");
}
