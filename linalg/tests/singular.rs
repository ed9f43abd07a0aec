//! Triangular factors and singular values, on random matrices and on singular ones.

use missvae_linalg::Scalar;
use missvae_linalg::singular::*;
use proptest::prelude::*;

/// *AᵀA* of `rows` × `n` numbers.
fn gram(a: &[f64], n: usize) -> Vec<f64> {
    let entry = |i: usize, j: usize| a.chunks_exact(n).map(|row| row[i] * row[j]).sum::<f64>();
    (0..n * n).map(|at| entry(at / n, at % n)).collect()
}

fn factor<T: Scalar>(a: &[f64], n: usize) -> Vec<T> {
    let mut r = vec![T::ZERO; n * n];
    for row in a.chunks_exact(n) {
        add_row(&mut r, &mut row.iter().map(|&x| T::from_f64(x)).collect::<Vec<_>>());
    }
    r
}

/// RᵀR = AᵀA, R is triangular, and the singular values have the matrix's norm and determinant.
fn check<T: Scalar>(a: &[f64], n: usize, tolerance: f64) -> Result<(), TestCaseError> {
    let narrow: Vec<f64> = a.iter().map(|&x| T::from_f64(x).to_f64()).collect();
    let r = factor::<T>(a, n);
    prop_assert!((0..n * n).all(|at| at % n >= at / n || r[at] == T::ZERO));
    let wide: Vec<f64> = r.iter().map(|x| x.to_f64()).collect();
    for (got, expected) in gram(&wide, n).iter().zip(gram(&narrow, n)) {
        prop_assert!((got - expected).abs() <= tolerance, "{} against {}", got, expected);
    }
    let mut values = vec![T::ZERO; n];
    singular_values(&mut r.clone(), &mut values).unwrap();
    let squares: f64 = values.iter().map(|x| x.to_f64().powi(2)).sum();
    let norm: f64 = wide.iter().map(|x| x * x).sum();
    prop_assert!((squares - norm).abs() <= tolerance, "{} against {}", squares, norm);
    let product: f64 = values.iter().map(|x| x.to_f64()).product();
    let determinant: f64 = (0..n).map(|i| wide[i * n + i]).product::<f64>().abs();
    prop_assert!((product - determinant).abs() <= tolerance * (1.0 + determinant), "{} / {}", product, determinant);
    Ok(())
}

proptest! {
    #[test]
    fn factors_and_values(n in 1usize..7, rows in 1usize..9, seed in prop::collection::vec(-1.5f64..1.5, 54)) {
        check::<f64>(&seed[..n * rows], n, 1e-10)?;
        check::<f32>(&seed[..n * rows], n, 1e-3)?;
    }
}

#[test]
fn known_singular_values() {
    // (3 0; 4 5) has √45 and √5; a matrix of rank one has its norm and zeros.
    let sorted = |a: &mut [f64], n: usize| {
        let mut values = vec![0.0; n];
        singular_values(a, &mut values).unwrap();
        values.sort_by(f64::total_cmp);
        values
    };
    let values = sorted(&mut [3.0, 0.0, 4.0, 5.0], 2);
    assert!((values[0] - 5f64.sqrt()).abs() < 1e-14 && (values[1] - 45f64.sqrt()).abs() < 1e-14, "{values:?}");
    let mut rank_one: Vec<f64> = (0..9).map(|at| (1 + at / 3) as f64 * (1 + at % 3) as f64).collect();
    let values = sorted(&mut rank_one, 3);
    assert!(values[..2].iter().all(|x| *x < 1e-14) && (values[2] - 14.0).abs() < 1e-14, "{values:?}");
    assert_eq!(sorted(&mut [0.0; 4], 2), [0.0, 0.0]);
}

/// Of a product of n × r and r × n numbers r singular values are there, and the others are rounding errors, whatever the
/// order: the values are those of the r × r product of the triangular factors.
#[test]
fn matrices_without_full_rank() {
    for (n, rank) in [(4, 2), (32, 1), (32, 4), (32, 16), (32, 31), (60, 19)] {
        let wave = |by: f64| (0..n * rank).map(|at| (1.0 + by * at as f64).sin()).collect::<Vec<f64>>();
        let (left, right) = (wave(1.37), wave(0.91));
        let entry = |i: usize, j: usize| (0..rank).map(|k| left[i * rank + k] * right[j * rank + k]).sum::<f64>();
        let mut whole: Vec<f64> = (0..n * n).map(|at| entry(at / n, at % n)).collect();
        let mut values = vec![0.0; n];
        singular_values(&mut whole, &mut values).unwrap();
        values.sort_by(|a, b| b.total_cmp(a));

        let (r_left, r_right) = (factor::<f64>(&left, rank), factor::<f64>(&right, rank));
        let entry = |i: usize, j: usize| (0..rank).map(|k| r_left[i * rank + k] * r_right[j * rank + k]).sum::<f64>();
        let mut small: Vec<f64> = (0..rank * rank).map(|at| entry(at / rank, at % rank)).collect();
        let mut expected = vec![0.0; rank];
        singular_values(&mut small, &mut expected).unwrap();
        expected.sort_by(|a, b| b.total_cmp(a));
        for (k, value) in values.iter().enumerate() {
            let expected = expected.get(k).copied().unwrap_or(0.0);
            assert!((value - expected).abs() < 1e-12 * values[0], "{n}, {rank}: {value}, not {expected}");
        }
    }
}

#[test]
fn what_is_not_finite_is_refused() {
    let mut values = [0.0; 2];
    assert_eq!(singular_values(&mut [1.0, f64::NAN, 0.0, 1.0], &mut values), Err(NotFinite));
    assert_eq!(singular_values(&mut [1.0, f64::INFINITY, 0.0, 1.0], &mut values), Err(NotFinite));
}
