//! Reductions: against plain loops in double precision, special values, and the agreement of repeated calls.

use missvae_linalg::Scalar;
use missvae_linalg::gemm::Scratch;
use missvae_linalg::reduce::*;
use missvae_linalg::simd::{Kernel, Vector, dispatch_at};
use proptest::prelude::*;
use support::levels;

mod support;

const INF: f64 = f64::INFINITY;

fn cast<T: Scalar>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::from_f64(x)).collect()
}

/// Reference: ln Σ exp with the largest element taken out, in the order of the slice.
fn naive_log_sum_exp(x: &[f64]) -> f64 {
    let largest = x.iter().copied().fold(-INF, f64::max);
    largest + x.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

fn special_values<T: Scalar>() {
    let (inf, nan) = (T::INFINITY, T::from_f64(f64::NAN));
    let one = T::ONE;
    // (elements, maximum, log-sum-exp)
    let cases: [(&[T], T, T); 9] = [
        (&[], -inf, -inf),
        (&[-inf; 3], -inf, -inf),
        (&[-inf; 40], -inf, -inf),
        (&[one, inf, -inf], inf, inf),
        (&[T::from_f64(1e6)], T::from_f64(1e6), T::from_f64(1e6)),
        (&[T::from_f64(-1e30), -inf], T::from_f64(-1e30), T::from_f64(-1e30)),
        (&[one, nan], nan, nan),
        (&[nan, inf, -inf], nan, nan),
        (&[nan, -inf], nan, nan),
    ];
    for (x, largest, log_sum) in cases {
        for (name, got, expected) in [("max", max(x), largest), ("log_sum_exp", log_sum_exp(x), log_sum)] {
            let both_nan = got.to_f64().is_nan() && expected.to_f64().is_nan();
            assert!(got == expected || both_nan, "{} {name}({x:?}) = {got}, expected {expected}", T::NAME);
        }
    }
    assert!(sum::<T>(&[]) == T::ZERO && dot::<T>(&[], &[]) == T::ZERO && sum_of_squares::<T>(&[]) == 0.0);

    let mut out = [T::ZERO; 3];
    softmax(&[-inf, one, one], &mut out);
    assert!(out == [T::ZERO, T::HALF, T::HALF]);
    log_softmax(&[-inf, one, -inf], &mut out);
    assert!(out == [-inf, T::ZERO, -inf]);
    for x in [[one, nan, one], [-inf; 3]] {
        softmax(&x, &mut out);
        assert!(out.iter().all(|x| x.to_f64().is_nan()));
        log_softmax(&x, &mut out);
        assert!(out.iter().all(|x| x.to_f64().is_nan()));
    }
}

#[test]
fn special_values_in_both_types() {
    special_values::<f32>();
    special_values::<f64>();
}

/// NaN is found wherever it is.
#[test]
fn nan_anywhere() {
    for length in 1..70 {
        for at in 0..length {
            let mut x = vec![1.0f32; length];
            x[at] = f32::NAN;
            assert!(max(&x).is_nan() && log_sum_exp(&x).is_nan() && sum(&x).is_nan(), "{at} of {length}");
        }
    }
}

/// Every element counts, at every length and place.
#[test]
fn every_element_counts_once() {
    for length in 1..200 {
        assert_eq!(sum(&vec![1.0f32; length]), length as f32);
        assert_eq!(sum_of_squares(&vec![2.0f32; length]), 4.0 * length as f64);
        for at in 0..length {
            let mut x = vec![0.0f64; length];
            x[at] = 3.0;
            assert_eq!((sum(&x), max(&x), dot(&x, &x), sum_of_squares(&x)), (3.0, 3.0, 9.0, 9.0));
        }
    }
}

/// The squares of `f32` values neither overflow nor lose digits.
#[test]
fn sum_of_squares_is_double() {
    assert_eq!(sum_of_squares(&[1e30f32; 2]), 2.0 * f64::from(1e30f32).powi(2));
    assert_eq!(sum_of_squares(&[1.0f32, 1e-6]), 1.0 + f64::from(1e-6f32).powi(2));
}

#[test]
#[should_panic(expected = "5 elements in rows of 3")]
fn column_sums_of_a_wrong_shape() {
    add_column_sums(&[0.0; 5], 3, &mut [0.0; 3], false, &mut Scratch::new());
}

/// Enough rows for several tasks: who sums a block does not matter.
#[test]
fn column_sums_on_several_threads() {
    let (rows, cols) = (1500, 133);
    let wave = |by: f32| (0..rows * cols).map(|i| (by * i as f32).sin()).collect::<Vec<f32>>();
    let (x, gate) = (wave(1.37), wave(0.91));
    let sums = || {
        let mut scratch = Scratch::new();
        let (mut plain, mut gated, mut x) = (vec![0.25; cols], vec![0.25; cols], x.clone());
        add_column_sums(&x, cols, &mut plain, true, &mut scratch);
        gate_and_add_column_sums(&mut x, &gate, cols, &mut gated, true, &mut scratch);
        (plain, gated, x)
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(pool.install(sums), sums());
}

#[test]
#[should_panic(expected = "lengths 2 and 3")]
fn dot_of_different_lengths() {
    dot(&[0.0; 2], &[0.0; 3]);
}

struct LogSumExp<'a, T>(&'a [T]);

impl<T: Scalar> Kernel<T> for LogSumExp<'_, T> {
    type Output = (T, T, T, T);
    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Self::Output {
        let x = self.0;
        (lanes::log_sum_exp::<T, V>(x), lanes::max::<T, V>(x), lanes::sum::<T, V>(x), lanes::dot::<T, V>(x, x))
    }
}

fn all_levels<T: Scalar>(x: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    let cast_x = cast::<T>(x);
    let x: Vec<f64> = cast_x.iter().map(|x| x.to_f64()).collect();
    let magnitude: f64 = x.iter().map(|x| x.abs()).sum();
    let squares: f64 = x.iter().map(|x| x * x).sum();
    for level in levels() {
        let (log_sum, largest, sum, dot) = dispatch_at(level, LogSumExp(&cast_x));
        prop_assert!((sum.to_f64() - x.iter().sum::<f64>()).abs() <= tolerance * magnitude, "{:?} {}", level, sum);
        prop_assert!((dot.to_f64() - squares).abs() <= tolerance * squares, "{:?} {}", level, dot);
        prop_assert_eq!(largest.to_f64(), x.iter().copied().fold(-INF, f64::max));
        let expected = naive_log_sum_exp(&x);
        if x.is_empty() {
            prop_assert_eq!(log_sum.to_f64(), -INF);
        } else {
            // Relative to the larger of the result and the largest element, whose sum it is.
            let scale = expected.abs().max(largest.to_f64().abs()).max(1.0);
            prop_assert!((log_sum.to_f64() - expected).abs() <= tolerance * scale, "{:?} {}", level, log_sum);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_level_against_plain_loops(x in prop::collection::vec(-50.0..50.0f64, 0..150)) {
        all_levels::<f32>(&x, 2e-6)?;
        all_levels::<f64>(&x, 4e-15)?;
    }

    #[test]
    fn log_sum_exp_shifts(x in prop::collection::vec(-20.0..20.0f64, 1..60), shift in -1e5..1e5f64) {
        let shifted: Vec<f64> = x.iter().map(|x| x + shift).collect();
        prop_assert!((log_sum_exp(&shifted) - log_sum_exp(&x) - shift).abs() <= 1e-10);
        prop_assert_eq!(log_sum_exp(&x[..1]), x[0]);
        // The same bits in every call, wherever the data lie.
        let mut moved = vec![0.0];
        moved.extend(&x);
        prop_assert_eq!(log_sum_exp(&moved[1..]).to_bits(), log_sum_exp(&x).to_bits());
    }

    #[test]
    fn softmax_is_a_distribution(x in prop::collection::vec(-340.0..340.0f64, 1..60)) {
        let (mut p, mut log_p) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        softmax(&x, &mut p);
        log_softmax(&x, &mut log_p);
        prop_assert!((p.iter().sum::<f64>() - 1.0).abs() <= 1e-14);
        for ((&p, &log_p), &x_i) in p.iter().zip(&log_p).zip(&x) {
            let expected = x_i - naive_log_sum_exp(&x);
            prop_assert!((log_p - expected).abs() <= 1e-12);
            // The exponential turns an absolute error of ln p into a relative one of p.
            prop_assert!((p - log_p.exp()).abs() <= 1e-12 * p);
        }
    }

    #[test]
    fn column_sums(rows in 0..12usize, cols in 0..150usize, accumulate: bool, seed in 0..1000u32) {
        let x: Vec<f32> = (0..rows * cols).map(|i| ((i as u32 * 37 + seed) % 101) as f32 - 50.0).collect();
        let mut out = vec![0.5; cols + 1];
        add_column_sums(&x, cols, &mut out[..cols], accumulate, &mut Scratch::new());
        prop_assert_eq!(out[cols], 0.5);
        for (j, out) in out[..cols].iter().enumerate() {
            // Small multiples of ½ add without rounding.
            let start = if accumulate { 0.5 } else { 0.0 };
            let expected = (0..rows).fold(start, |sum, i| sum + x[i * cols + j]);
            prop_assert_eq!(*out, expected);
        }
    }

    /// The gated form is the gate and then the sums, bit for bit, at more rows than are summed at once.
    #[test]
    fn gated_column_sums(rows in 0..150usize, cols in 0..150usize, accumulate: bool, seed in 0..1000u32) {
        let wave = |by: f32| (0..rows * cols).map(|i| (seed as f32 + by * i as f32).sin()).collect::<Vec<f32>>();
        let (mut x, mut gate) = (wave(1.37), wave(0.91));
        gate.iter_mut().step_by(7).for_each(|gate| *gate = 0.0);
        let gated: Vec<f32> = x.iter().zip(&gate).map(|(&x, &gate)| if gate > 0.0 { x } else { 0.0 }).collect();
        let (mut expected, mut out) = (vec![0.5; cols], vec![0.5; cols]);
        let scratch = &mut Scratch::new();
        add_column_sums(&gated, cols, &mut expected, accumulate, scratch);
        gate_and_add_column_sums(&mut x, &gate, cols, &mut out, accumulate, scratch);
        prop_assert_eq!(x, gated);
        prop_assert_eq!(out, expected);
    }
}
