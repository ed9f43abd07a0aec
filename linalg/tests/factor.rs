//! Cholesky factorisation and what follows from it, on random positive definite matrices.

use missvae_linalg::Scalar;
use missvae_linalg::factor::*;
use proptest::prelude::*;

/// *A*·*B* for *A* of m × k and *B* of k × n.
fn product<T: Scalar>(a: &[T], b: &[T], m: usize, k: usize, n: usize) -> Vec<f64> {
    let entry = |i: usize, j: usize| (0..k).map(|l| a[i * k + l].to_f64() * b[l * n + j].to_f64()).sum::<f64>();
    (0..m * n).map(|at| entry(at / n, at % n)).collect()
}

fn transposed<T: Scalar>(a: &[T], n: usize) -> Vec<T> {
    (0..n * n).map(|at| a[at % n * n + at / n]).collect()
}

/// *G*·*G*ᵀ + ½·*I*, whose condition number is moderate for the small *G* used here.
fn positive_definite<T: Scalar>(g: &[f64], n: usize) -> Vec<T> {
    let mut a = product(g, &transposed(g, n), n, n, n);
    (0..n).for_each(|i| a[i * n + i] += 0.5);
    a.into_iter().map(T::from_f64).collect()
}

fn close(got: &[f64], expected: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    for (got, expected) in got.iter().zip(expected) {
        prop_assert!((got - expected).abs() <= tolerance, "{} against {}", got, expected);
    }
    Ok(())
}

fn check<T: Scalar>(g: &[f64], n: usize, columns: usize, tolerance: f64) -> Result<(), TestCaseError> {
    let a: Vec<T> = positive_definite(g, n);
    let wide: Vec<f64> = a.iter().map(|x| x.to_f64()).collect();
    let mut l = a.clone();
    // What is above the diagonal is not read.
    (0..n * n).filter(|at| at % n > at / n).for_each(|at| l[at] = T::from_f64(f64::NAN));
    cholesky(&mut l, n).unwrap();
    let lt = transposed(&l, n);
    prop_assert!((0..n * n).all(|at| at % n <= at / n || l[at] == T::ZERO));
    close(&product(&l, &lt, n, n, n), &wide, tolerance)?;

    let b: Vec<T> = (0..n * columns).map(|i| T::from_f64((i as f64 * 0.7).sin())).collect();
    let right: Vec<f64> = b.iter().map(|x| x.to_f64()).collect();
    let mut x = b.clone();
    solve_lower(&l, n, &mut x, columns);
    close(&product(&l, &x, n, n, columns), &right, tolerance)?;
    let mut x = b.clone();
    solve_lower_transposed(&l, n, &mut x, columns);
    close(&product(&lt, &x, n, n, columns), &right, tolerance)?;
    let mut x = b.clone();
    cholesky_solve(&l, n, &mut x, columns);
    close(&product(&a, &x, n, n, columns), &right, tolerance)?;

    let mut inverse = vec![T::ZERO; n * n];
    cholesky_inverse(&l, n, &mut inverse);
    prop_assert!(inverse == transposed(&inverse, n));
    let identity: Vec<f64> = (0..n * n).map(|at| if at % n == at / n { 1.0 } else { 0.0 }).collect();
    close(&product(&a, &inverse, n, n, n), &identity, tolerance)?;

    // det A⁻¹ = 1 / det A.
    cholesky(&mut inverse, n).unwrap();
    close(&[log_determinant(&inverse, n).to_f64()], &[-log_determinant(&l, n).to_f64()], 10.0 * tolerance)
}

proptest! {
    #[test]
    fn definitions(n in 0..10usize, columns in 0..4usize, g in prop::collection::vec(-1.0..1.0f64, 100)) {
        check::<f64>(&g[..n * n], n, columns, 1e-13)?;
        check::<f32>(&g[..n * n], n, columns, 1e-4)?;
    }
}

/// [[4, 2], [2, 3]] = L·Lᵀ with L = [[2, 0], [1, √2]], determinant 8, inverse [[3, −2], [−2, 4]] / 8.
#[test]
fn by_hand() {
    let mut l = [4.0, 2.0, 2.0, 3.0];
    cholesky(&mut l, 2).unwrap();
    assert_eq!(l, [2.0, 0.0, 1.0, 2f64.sqrt()]);
    assert!((log_determinant(&l, 2) - 8f64.ln()).abs() < 1e-15);
    let mut inverse = [0.0; 4];
    cholesky_inverse(&l, 2, &mut inverse);
    for (got, expected) in inverse.iter().zip([0.375, -0.25, -0.25, 0.5]) {
        assert!((got - expected).abs() < 1e-15);
    }
}

#[test]
fn not_positive_definite() {
    for (mut a, pivot) in [
        ([1.0, 2.0, 2.0, 1.0], 1),
        ([0.0, 0.0, 0.0, 1.0], 0),
        ([f64::NAN, 0.0, 0.0, 1.0], 0),
        ([1.0, 0.0, f64::NAN, 1.0], 1),
        ([f64::INFINITY, 0.0, 0.0, 1.0], 0),
    ] {
        assert_eq!(cholesky(&mut a, 2), Err(NotPositiveDefinite { pivot }));
    }
    let message = NotPositiveDefinite { pivot: 3 }.to_string();
    assert!(message.contains("not positive definite: pivot 3"), "{message}");
}

#[test]
#[should_panic(expected = "5 elements for 2 × 3 right-hand sides")]
fn right_sides_of_a_wrong_shape() {
    solve_lower(&[1.0, 0.0, 0.0, 1.0], 2, &mut [0.0; 5], 3);
}
