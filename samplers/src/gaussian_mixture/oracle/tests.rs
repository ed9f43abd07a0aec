//! Closed forms of the ends, moments of the draws, and the divergence.

use std::f64::consts::LN_2;

use approx::assert_relative_eq;

use super::divergence::{Divergence, jensen_shannon};
use super::*;
use crate::likelihood::{Normals, RowLikelihood};
use crate::stream::{Purpose, Stream, stream};

const COLUMNS: usize = 4;
const COMPONENTS: usize = 3;
/// Rows with one, two, three and all columns missing.
const MASKS: [[bool; COLUMNS]; 5] = [
    [true, false, true, true],
    [false, true, true, false],
    [false, true, false, false],
    [false, false, false, true],
    [false; COLUMNS],
];

fn rng(step: u64) -> Stream {
    stream(5, Purpose::Generate, 0, step)
}

fn truth() -> GaussianMixture {
    GaussianMixture::generate(COLUMNS, COMPONENTS, &mut rng(0))
}

fn oracle(first: Family, second: Family, alpha: f64) -> Oracle {
    Oracle::new(truth(), Interpolation { first, second, alpha }).unwrap()
}

/// Weights, means (C × M) and covariances (C × M × M).
type Parameters = (Vec<f64>, Vec<f64>, Vec<f64>);

/// A family's parameters, straight from their definition.
fn parameters(family: Family, x: &[f64], observed: &[bool]) -> Parameters {
    let truth = truth();
    let mask: Vec<f64> = observed.iter().map(|&o| f64::from(u8::from(o))).collect();
    let conditional = truth.conditional(x, &mask);
    let marginals = truth.marginals();
    let missing: Vec<usize> = (0..COLUMNS).filter(|&d| !observed[d]).collect();
    let (mut weights, mut means, mut covariances) = (Vec::new(), Vec::new(), Vec::new());
    for c in 0..COMPONENTS {
        weights.push(match family {
            Family::Conditional => conditional.log_weights[c].exp(),
            Family::Independent | Family::IndependentGaussian => truth.weights()[c],
            Family::Oversampled => 1.0 / COMPONENTS as f64,
        });
        for &i in &missing {
            means.push(match family {
                Family::Conditional | Family::Oversampled => conditional.means[c * COLUMNS + i],
                Family::Independent => truth.means()[c * COLUMNS + i],
                Family::IndependentGaussian => marginals.means[i],
            });
            for &j in &missing {
                let place = (c * COLUMNS + i) * COLUMNS + j;
                covariances.push(match family {
                    Family::Conditional | Family::Oversampled => conditional.covariances[place],
                    _ if i != j => 0.0,
                    Family::Independent => truth.covariances()[place],
                    Family::IndependentGaussian => marginals.standard_deviations[i].powi(2),
                });
            }
        }
    }
    (weights, means, covariances)
}

/// What a row's distribution says of itself.
fn found(mixture: &RowMixture<'_>) -> Parameters {
    let missing = mixture.missing().len();
    let mut covariances = Vec::new();
    for c in 0..COMPONENTS {
        let factor = mixture.covariance_factor(c);
        let row = |i: usize| &factor[i * missing..][..missing];
        for i in 0..missing {
            assert!(row(i)[i] > 0.0 && row(i)[i + 1..].iter().all(|&entry| entry == 0.0), "{factor:?}");
            covariances.extend((0..missing).map(|j| dot(row(i), row(j))));
        }
    }
    (mixture.log_weights().iter().map(|w| w.exp()).collect(), mixture.means().to_vec(), covariances)
}

#[track_caller]
fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_relative_eq!(found, expected, max_relative = 1e-10, epsilon = 1e-12);
    }
}

const PAIRS: [(Family, Family); 3] = [
    (Family::Conditional, Family::Independent),
    (Family::Independent, Family::IndependentGaussian),
    (Family::Conditional, Family::Oversampled),
];

/// At the ends the parameters are those of the two families in closed form, between them the convex combination; and the
/// density is that of a mixture with these parameters.
#[test]
fn parameters_are_interpolated() {
    for (first, second) in PAIRS {
        for alpha in [1.0, 0.0, 0.3, 0.999_999_999] {
            let mut oracle = oracle(first, second, alpha);
            for (step, observed) in MASKS.iter().enumerate() {
                let x = truth().sample(&mut rng(1 + step as u64), 1);
                let (one, other) = (parameters(first, &x, observed), parameters(second, &x, observed));
                let mix = |one: Vec<f64>, other: Vec<f64>| -> Vec<f64> {
                    one.iter().zip(other).map(|(one, other)| alpha * one + (1.0 - alpha) * other).collect()
                };
                let expected = (mix(one.0, other.0), mix(one.1, other.1), mix(one.2, other.2));
                let mixture = oracle.row(&x, observed);
                let found = found(&mixture);
                close(&found.0, &expected.0);
                close(&found.1, &expected.1);
                close(&found.2, &expected.2);

                let point: Vec<f64> = mixture.missing().iter().map(|&d| x[d] + 0.1).collect();
                let same = GaussianMixture::new(point.len(), expected.0, expected.1, expected.2).unwrap();
                let mut scratch = vec![0.0; point.len()];
                let density = mixture.log_density(&point, &mut scratch);
                assert_relative_eq!(density, same.log_density(&point), max_relative = 1e-9, epsilon = 1e-9);
            }
        }
    }
}

/// The weight of an interpolation is checked.
#[test]
fn only_between_the_ends() {
    for alpha in [-0.1, 1.1, f64::NAN] {
        let interpolation = Interpolation { first: Family::Conditional, second: Family::Oversampled, alpha };
        assert!(Oracle::new(truth(), interpolation).is_err());
    }
}

/// Means and second moments of 40,000 draws of three interpolations given two rows, each within 5 standard errors: 3 × (2 + 3
/// + 3 + 6) moments, so right draws fail with probability below 3e-5 over seeds.
#[test]
fn draws_have_their_moments() {
    const DRAWS: usize = 40_000;
    for (first, second) in PAIRS {
        let mut oracle = oracle(first, second, 0.4);
        for (step, observed) in MASKS[1..3].iter().enumerate() {
            let x = truth().sample(&mut rng(20 + step as u64), 1);
            let mixture = oracle.row(&x, observed);
            let (weights, means, covariances) = found(&mixture);
            let missing = mixture.missing().len();
            let mut rng = rng(30);
            let mut draws = vec![0.0; DRAWS * missing];
            draws.chunks_exact_mut(missing).for_each(|draw| mixture.draw(&mut rng, draw).unwrap());
            let check = |of: &dyn Fn(&[f64]) -> f64, expected: f64| {
                let values: Vec<f64> = draws.chunks_exact(missing).map(of).collect();
                let mean = values.iter().sum::<f64>() / DRAWS as f64;
                let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64;
                let error = (variance / DRAWS as f64).sqrt();
                assert!((mean - expected).abs() < 5.0 * error, "{first:?}: {mean} ± {error}, not {expected}");
            };
            for i in 0..missing {
                check(&|x| x[i], (0..COMPONENTS).map(|c| weights[c] * means[c * missing + i]).sum());
                for j in 0..=i {
                    let of = |c: usize| {
                        means[c * missing + i] * means[c * missing + j] + covariances[(c * missing + i) * missing + j]
                    };
                    check(&|x| x[i] * x[j], (0..COMPONENTS).map(|c| weights[c] * of(c)).sum());
                }
            }
        }
    }
}

/// A model that must not be asked anything but how many columns it has.
struct Nobody;

impl LatentModel<f32> for Nobody {
    fn likelihood(&self) -> &dyn RowLikelihood<f32> {
        &Normals { columns: COLUMNS }
    }

    fn mixture(&self) -> autodiff::ops::Mixture {
        panic!("the model was looked at")
    }

    fn encode(&self, _: &mut Tape<f32>, _: &[f32], _: &[f32], _: &mut [f32]) {
        panic!("the model was looked at")
    }

    fn encode_completed(&self, _: &mut Tape<f32>, _: &[f32], _: &[f32], _: &mut [f32]) {
        panic!("the model was looked at")
    }

    fn decode(&self, _: &mut Tape<f32>, _: &[f32], _: &mut [f32]) {
        panic!("the model was looked at")
    }
}

fn update(oracle: &mut Oracle, masks: &[[bool; COLUMNS]], first: usize) -> Vec<f32> {
    let copies = 3;
    let mut streams: Vec<Stream> =
        (0..masks.len()).map(|n| stream(1, Purpose::Impute, 0, (first + n) as u64)).collect();
    let mask: Vec<f32> = masks.iter().flatten().map(|&o| f32::from(u8::from(o))).collect();
    let mut completed: Vec<f32> = mask.chunks_exact(COLUMNS).flat_map(|row| row.repeat(copies)).collect();
    let rows = Rows {
        columns: COLUMNS,
        copies,
        completed: &mut completed,
        mask: &mask,
        latents: &mut [],
        started: false,
        streams: &mut streams,
    };
    assert_eq!(oracle.update(&Nobody, &mut Tape::new(), rows), ChainDiagnostics::default());
    completed
}

/// Every missing cell is drawn anew, no other is touched, and a row's draws do not depend on its company.
#[test]
fn imputations_are_drawn_row_by_row() {
    let complete = [[true; COLUMNS]];
    let masks: Vec<_> = complete.into_iter().chain(MASKS).collect();
    let mut oracle = oracle(Family::Conditional, Family::Independent, 0.5);
    let all = update(&mut oracle, &masks, 0);
    for (n, mask) in masks.iter().enumerate() {
        let versions = &all[n * 3 * COLUMNS..][..3 * COLUMNS];
        for version in versions.chunks_exact(COLUMNS) {
            for (x, &observed) in version.iter().zip(mask) {
                assert_eq!(*x == 1.0, observed, "row {n}: {version:?}");
            }
        }
        assert_eq!(update(&mut oracle, &masks[n..=n], n), versions, "row {n}");
    }
}

fn divergence(f: &mut Oracle, p: &mut Oracle, x: &[f64], observed: &[bool], rows: usize) -> Divergence {
    let row = std::iter::repeat_n((x, observed), rows);
    jensen_shannon(f, p, row, 4, |i| stream(2, Purpose::Divergence, 0, i as u64))
}

/// Exactly 0 between equal distributions, the same both ways, and at most ln 2 however far they are apart. A complete row
/// does not count.
#[test]
fn divergence_has_its_bounds() {
    let x = truth().sample(&mut rng(40), 1);
    for observed in &MASKS {
        let mut first = oracle(Family::Conditional, Family::Oversampled, 0.5);
        let same = divergence(&mut first.clone(), &mut first, &x, observed, 100);
        assert_eq!((same.mean, same.standard_error, same.rows), (0.0, 0.0, 100));
        let mut other = oracle(Family::Independent, Family::IndependentGaussian, 0.5);
        let there = divergence(&mut first, &mut other, &x, observed, 100);
        assert_eq!(there, divergence(&mut other, &mut first, &x, observed, 100));
        assert!(there.mean > 0.0 && there.mean < LN_2, "{there:?}");
    }
    // Two Gaussians 100 deviations apart.
    let far = |mean: f64| GaussianMixture::new(2, vec![1.0], vec![0.0, mean], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    let [mut one, mut other] = [0.0, 100.0].map(|mean| Oracle::new(far(mean), Family::Conditional).unwrap());
    let apart = divergence(&mut one, &mut other, &[0.0; 2], &[true, false], 10);
    assert_relative_eq!(apart.mean, LN_2, max_relative = 1e-14);
    assert_eq!(divergence(&mut one, &mut other, &[0.0; 2], &[true; 2], 10).rows, 0);
}

/// One missing column: the midpoint rule with 40,000 cells on [−20, 20] against 4 × 5,000 draws, within 4.8 standard errors
/// (1.6e-6 each, three interpolations).
#[test]
fn divergence_agrees_with_quadrature() {
    let observed = MASKS[0];
    let x = truth().sample(&mut rng(50), 1);
    for (first, second) in PAIRS {
        let mut f = oracle(first, second, 0.3);
        let mut p = oracle(Family::Conditional, Family::Conditional, 1.0);
        let estimate = divergence(&mut f, &mut p, &x, &observed, 5000);
        let (f, p) = (f.row(&x, &observed), p.row(&x, &observed));
        let step = 1e-3;
        let integrand = |cell: usize| {
            let at = [-20.0 + (cell as f64 + 0.5) * step];
            let [f, p] = [f, p].map(|mixture| mixture.log_density(&at, &mut [0.0]).exp());
            let part = |q: f64| if q > 0.0 { 0.5 * q * (2.0 * q / (f + p)).ln() } else { 0.0 };
            part(f) + part(p)
        };
        let exact: f64 = (0..40_000).map(|cell| integrand(cell) * step).sum();
        let error = estimate.standard_error;
        assert!(exact > 0.01 && error < 0.01, "{first:?}: {exact} ± {error}");
        assert!((estimate.mean - exact).abs() < 4.8 * error, "{first:?}: {} ± {error}, not {exact}", estimate.mean);
    }
}
