//! The matrix product against plain loops: every layout, level, epilogue and tail, on one thread and two.

use missvae_linalg::Scalar;
use missvae_linalg::gemm::{Epilogue, Matrix, MatrixMut, Scratch, gemm_at};
use missvae_linalg::simd::{Level, level_available};
use proptest::prelude::*;

/// Values that any overwritten gap between rows would lose.
const GUARD: f64 = 12345.0;

fn levels() -> impl Iterator<Item = Level> {
    let all = [Level::Plain, Level::Neon, Level::Avx2, Level::Avx512];
    all.into_iter().filter(|&at| at <= level_available() || at == Level::Neon)
}

/// A product to compute: sizes, storage and epilogue.
#[derive(Clone, Copy, Debug)]
struct Case {
    m: usize,
    k: usize,
    n: usize,
    a_transposed: bool,
    b_transposed: bool,
    /// Elements between the rows of *A*, *B* and *C*.
    gaps: [usize; 3],
    /// Bit by bit: bias, add, relu, scale, gate, accumulate.
    epilogue: u8,
}

/// Multiples of 1/128 in [-1, 1], from a small generator.
fn values<T: Scalar>(seed: u64, len: usize) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % 257) as f64 / 128.0 - 1.0
    };
    (0..len).map(|_| T::from_f64(next())).collect()
}

/// The inputs of a case, and the product by plain loops in double precision.
struct Problem<T> {
    case: Case,
    a: Vec<T>,
    b: Vec<T>,
    c: Vec<T>,
    bias: Vec<T>,
    add: Vec<T>,
    scale: Vec<T>,
    gate: Vec<T>,
}

impl<T: Scalar> Problem<T> {
    fn new(case: Case) -> Self {
        let Case { m, k, n, .. } = case;
        let (a_rows, a_cols) = if case.a_transposed { (k, m) } else { (m, k) };
        let (b_rows, b_cols) = if case.b_transposed { (n, k) } else { (k, n) };
        let mut c = vec![T::from_f64(GUARD); m * (n + case.gaps[2]) + 7];
        for (i, old) in values::<T>(3, m * n).chunks(n.max(1)).enumerate() {
            c[i * (n + case.gaps[2])..][..n].copy_from_slice(old);
        }
        Self {
            case,
            a: values(1, a_rows * (a_cols + case.gaps[0])),
            b: values(2, b_rows * (b_cols + case.gaps[1])),
            c,
            bias: values(4, n),
            add: values(5, m * n),
            scale: values(6, m * n),
            gate: values(7, m * n),
        }
    }

    fn a(&self) -> Matrix<'_, T> {
        view(&self.a, self.case.m, self.case.k, self.case.a_transposed, self.case.gaps[0])
    }

    fn b(&self) -> Matrix<'_, T> {
        view(&self.b, self.case.k, self.case.n, self.case.b_transposed, self.case.gaps[1])
    }

    fn epilogue(&self) -> Epilogue<'_, T> {
        let on = |bit: u8| self.case.epilogue >> bit & 1 == 1;
        Epilogue {
            bias: on(0).then_some(&self.bias),
            add: on(1).then_some(&self.add),
            relu: on(2),
            scale: on(3).then_some(&self.scale),
            gate: on(4).then_some(&self.gate),
            accumulate: on(5),
        }
    }

    /// *C* after the product at a level.
    fn run(&self, level: Level, scratch: &mut Scratch<T>) -> Vec<T> {
        let Case { m, n, gaps, .. } = self.case;
        let mut c = self.c.clone();
        let view = MatrixMut::with_row_stride(&mut c, m, n, n + gaps[2]);
        gemm_at(level, self.a(), self.b(), view, self.epilogue(), scratch);
        c
    }

    /// The expected element (i, j), and the sum of the magnitudes that went into it.
    fn expected(&self, i: usize, j: usize) -> (f64, f64) {
        let Case { m, k, n, gaps, .. } = self.case;
        let element = |data: &[T], i: usize, j: usize, (rows, cols): (usize, usize), transposed: bool, gap: usize| {
            let at = if transposed { j * (rows + gap) + i } else { i * (cols + gap) + j };
            data[at].to_f64()
        };
        let (mut sum, mut size) = (0.0, 0.0);
        for p in 0..k {
            let x = element(&self.a, i, p, (m, k), self.case.a_transposed, gaps[0]);
            let y = element(&self.b, p, j, (k, n), self.case.b_transposed, gaps[1]);
            sum += x * y;
            size += (x * y).abs();
        }
        let (epilogue, at) = (self.epilogue(), i * n + j);
        for term in [epilogue.bias.map(|bias| bias[j]), epilogue.add.map(|add| add[at])].into_iter().flatten() {
            sum += term.to_f64();
            size += term.to_f64().abs();
        }
        if epilogue.relu {
            sum = sum.max(0.0);
        }
        if let Some(scale) = epilogue.scale {
            sum *= scale[at].to_f64();
        }
        if epilogue.gate.is_some_and(|gate| gate[at].to_f64() <= 0.0) {
            sum = 0.0;
        }
        if epilogue.accumulate {
            let old = self.c[i * (n + gaps[2]) + j].to_f64();
            sum += old;
            size += old.abs();
        }
        (sum, size)
    }

    /// |error| ≤ (k + 8)·ε·Σ|terms|, with bias, addend and old value among the terms: each of the at most *k* + 4
    /// roundings is at most ε/2 of a partial sum that the terms bound, and each scale is at most 1.
    fn check(&self, level: Level, c: &[T]) -> Result<(), TestCaseError> {
        let Case { m, k, n, gaps, .. } = self.case;
        let bound = (k + 8) as f64 * T::EPSILON.to_f64();
        for (at, (&value, &before)) in c.iter().zip(&self.c).enumerate() {
            let (i, j) = (at / (n + gaps[2]).max(1), at % (n + gaps[2]).max(1));
            if i < m && j < n {
                let (expected, size) = self.expected(i, j);
                let error = (value.to_f64() - expected).abs();
                prop_assert!(error <= bound * size, "{level:?} ({i}, {j}): {value:?} for {expected}");
            } else {
                prop_assert_eq!(value, before, "{:?} wrote outside the view, at {}", level, at);
            }
        }
        Ok(())
    }
}

fn view<T>(data: &[T], rows: usize, cols: usize, transposed: bool, gap: usize) -> Matrix<'_, T> {
    if transposed {
        Matrix::with_row_stride(data, cols, rows, rows + gap).t()
    } else {
        Matrix::with_row_stride(data, rows, cols, cols + gap)
    }
}

fn check_all_levels<T: Scalar>(case: Case) -> Result<(), TestCaseError> {
    let problem = Problem::<T>::new(case);
    let mut scratch = Scratch::new();
    for level in levels() {
        let c = problem.run(level, &mut scratch);
        problem.check(level, &c)?;
    }
    Ok(())
}

/// Sizes around multiples of the tile's, and the smallest.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![0..4_usize, 1..40_usize, (1..8_usize, 0..3_usize).prop_map(|(tiles, off)| 16 * tiles + off - 1)]
}

fn case() -> impl Strategy<Value = Case> {
    let inner = prop_oneof![4 => size(), 1 => 375..395_usize, 1 => 760..780_usize];
    let layout = (any::<bool>(), any::<bool>(), [0..4_usize, 0..4, 0..4]);
    (size(), inner, size(), layout, 0..64_u8).prop_map(|(m, k, n, (a_transposed, b_transposed, gaps), epilogue)| Case {
        m,
        k,
        n,
        a_transposed,
        b_transposed,
        gaps,
        epilogue,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_plain_loops_in_f32(case in case()) {
        check_all_levels::<f32>(case)?;
    }

    #[test]
    fn agrees_with_plain_loops_in_f64(case in case()) {
        check_all_levels::<f64>(case)?;
    }
}

#[test]
fn every_epilogue_on_every_kind_of_tile() {
    for epilogue in 0..64 {
        for (m, k, n) in [
            (1, 1, 1),
            (7, 5, 1),
            (9, 3, 2),
            (33, 20, 50),
            (30, 390, 17),
            (5, 400, 70),
            (40, 0, 20),
            (19, 11, 40),
            (21, 6, 20),
            (9, 4, 8),
        ] {
            for forms in 0..4 {
                let (a_transposed, b_transposed) = (forms & 1 == 1, forms & 2 == 2);
                let case = Case { m, k, n, a_transposed, b_transposed, gaps: [1, 2, 3], epilogue };
                check_all_levels::<f32>(case).unwrap();
                check_all_levels::<f64>(case).unwrap();
            }
        }
    }
}

/// Too wide to be read where it is, for so many rows.
#[test]
fn a_packed_row_major_matrix() {
    for epilogue in [0, 0b00_0101, 0b10_0000, 0b11_1111] {
        for n in [456, 450] {
            let case = Case { m: 170, k: 300, n, a_transposed: false, b_transposed: false, gaps: [0, 4, 1], epilogue };
            check_all_levels::<f32>(case).unwrap();
            check_all_levels::<f64>(case).unwrap();
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let pools = [1, 2, 3].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    for (m, k, n) in [
        (320, 200, 200),
        (64, 200, 200),
        (200, 320, 203),
        (517, 601, 130),
        (1000, 600, 3),
        (7, 900, 1000),
        (170, 300, 456),
    ] {
        for (forms, epilogue) in [(0, 0b00_0000), (1, 0b10_0000), (2, 0b00_0101), (3, 0b11_1111)] {
            let (a_transposed, b_transposed) = (forms & 1 == 1, forms & 2 == 2);
            let case = Case { m, k, n, a_transposed, b_transposed, gaps: [0; 3], epilogue };
            let problem = Problem::<f32>::new(case);
            for level in levels().filter(|&level| level >= level_available().min(Level::Avx2)) {
                let alone = problem.run(level, &mut Scratch::new());
                for pool in &pools {
                    for _ in 0..3 {
                        let pooled = pool.install(|| problem.run(level, &mut Scratch::new()));
                        let same = alone.iter().zip(&pooled).all(|(x, y)| x.to_bits() == y.to_bits());
                        assert!(same, "{case:?} at {level:?} on {} threads", pool.current_num_threads());
                    }
                }
            }
        }
    }
}

#[test]
fn nan_passes_through_relu() {
    let mut c = [0.0_f32; 3];
    for level in levels() {
        let epilogue = Epilogue { relu: true, ..Epilogue::default() };
        let (a, b) = ([f32::NAN, 1.0, -1.0], [1.0]);
        let (a, b) = (Matrix::new(&a, 3, 1), Matrix::new(&b, 1, 1));
        gemm_at(level, a, b, MatrixMut::new(&mut c, 3, 1), epilogue, &mut Scratch::new());
        assert!(c[0].is_nan() && c[1] == 1.0 && c[2] == 0.0, "{level:?}: {c:?}");
    }
}

#[test]
#[should_panic(expected = "product of 2 × 3 by 4 × 5")]
fn inner_sizes_must_agree() {
    let (a, b, mut c) = ([0.0; 6], [0.0; 20], [0.0; 10]);
    let c = MatrixMut::new(&mut c, 2, 5);
    gemm_at(Level::Plain, Matrix::new(&a, 2, 3), Matrix::new(&b, 4, 5), c, Epilogue::default(), &mut Scratch::new());
}

#[test]
#[should_panic(expected = "bias of 4 elements for a 2 × 5 product")]
fn bias_must_fit() {
    let (a, b, mut c) = ([0.0; 6], [0.0; 15], [0.0; 10]);
    let epilogue = Epilogue { bias: Some(&[0.0; 4]), ..Epilogue::default() };
    let c = MatrixMut::new(&mut c, 2, 5);
    gemm_at(Level::Plain, Matrix::new(&a, 2, 3), Matrix::new(&b, 3, 5), c, epilogue, &mut Scratch::new());
}

#[test]
#[should_panic(expected = "a 3 × 4 matrix with rows 5 apart over 13 elements")]
fn views_stay_inside_their_slices() {
    Matrix::with_row_stride(&[0.0; 13], 3, 4, 5);
}
