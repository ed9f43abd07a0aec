//! What samplers of missing values do where they cannot draw, and what they refuse.

mod kinds;
mod linear;

use autodiff::Tape;
use autodiff::ops::Mixture;
use kinds::{ITERATIONS, K, LAIR, MASK, METROPOLIS, ROWS, SAMPLERS, sampler, versions};
use linear::{D, L, Linear, Versions};
use missvae_samplers::chains::{ChainConfig, ChainError, Impute, Lair, Rows, Sampler};
use missvae_samplers::likelihood::{Normals, RowLikelihood};
use missvae_samplers::model::LatentModel;
use missvae_samplers::rejection::{Rejection, RejectionConfig, RejectionError};

/// The linear model, with decoders that fail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    /// The scale of column 2 is infinite.
    Scale,
    /// Nothing is a number.
    Nan,
    /// Means so far away that all densities are 0.
    Far,
}

impl LatentModel<f64> for Broken {
    fn likelihood(&self) -> &dyn RowLikelihood<f64> {
        &Normals { columns: D }
    }

    fn mixture(&self) -> Mixture {
        Mixture { components: 1, latent: L }
    }

    fn encode(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], _: &mut [f64]) {
        panic!("chains encode completed rows")
    }

    fn encode_completed(&self, tape: &mut Tape<f64>, completed: &[f64], mask: &[f64], params: &mut [f64]) {
        Linear::exact().encode_completed(tape, completed, mask, params);
    }

    fn decode(&self, tape: &mut Tape<f64>, z: &[f64], gaussians: &mut [f64]) {
        Linear::exact().decode(tape, z, gaussians);
        for out in gaussians.chunks_exact_mut(2 * D) {
            match self {
                Broken::Scale => out[D + 2] = f64::INFINITY,
                Broken::Nan => out.fill(f64::NAN),
                Broken::Far => out[..D].fill(1e200),
            }
        }
    }
}

/// What cannot be drawn keeps its value, and is counted every time.
#[test]
fn draws_that_fail_are_replaced_and_counted() {
    // Column 2 is missing in four rows; 10 cells are missing in all, 4 of them in a row without a weight.
    for kind in SAMPLERS {
        let is_lair = matches!(kind, Sampler::Lair(_));
        for broken in [Broken::Scale, Broken::Nan, Broken::Far] {
            let mut sampler = sampler(kind);
            let mut versions = versions(&sampler);
            let diagnostics = versions.update(&mut sampler, &broken);
            let transitions = ITERATIONS + if kind == METROPOLIS { 2 } else { 0 };
            let expected = match broken {
                Broken::Scale => K * (3 * transitions + 1),
                Broken::Nan => K * (6 * transitions + 4),
                Broken::Far if is_lair => K * 6 * transitions,
                Broken::Far => 0,
            };
            assert_eq!(diagnostics.replaced, expected as u64, "{kind:?}, {broken:?}");
            for (i, (x, m)) in versions.completed.iter().zip(MASK.chunks(D).flat_map(|m| m.repeat(K))).enumerate() {
                assert!(x.is_finite(), "{kind:?}, {broken:?}");
                let kept = broken == Broken::Nan || (broken == Broken::Scale && i % D == 2);
                assert!(m > 0.0 || !kept || *x == 4.0, "{kind:?}, {broken:?}, cell {i}: {x}");
            }
            if is_lair && broken != Broken::Scale {
                assert_eq!(diagnostics.effective_sample_size(), Some(0.0));
            }
        }
    }
    let mut sampler = Rejection::new(RejectionConfig::default());
    for (broken, expected) in [(Broken::Nan, 10), (Broken::Far, 6), (Broken::Scale, 4)] {
        let mut versions = versions(&sampler);
        let diagnostics = versions.update(&mut sampler, &broken);
        assert_eq!(diagnostics.replaced, (expected * K) as u64, "{broken:?}");
    }
}

/// A row that is not done in time keeps what it has; an envelope that is none is noticed.
#[test]
fn rejection_has_limits_and_says_so() {
    let mut sampler = Rejection::new(RejectionConfig { cells: 100, pools: 1 });
    let mut versions = Versions::new(&ROWS[..D], &MASK[..D], 1000, 4.0, false);
    let diagnostics = versions.update(&mut sampler, &Linear::exact());
    assert_eq!((diagnostics.proposed, diagnostics.envelope_violations), (1024, 0));
    assert_eq!(diagnostics.accepted + diagnostics.replaced, 1000, "one cell is missing");
    let kept = versions.completed.iter().skip(2).step_by(D).filter(|x| **x == 4.0).count();
    assert_eq!(kept as u64, diagnostics.replaced);

    // The only point of the grid is the origin; the posterior is elsewhere.
    let mut sampler = Rejection::new(RejectionConfig { cells: 1, pools: 100 });
    let mut versions = Versions::new(&[3.0; D], &[1.0, 1.0, 0.0, 1.0], 4, 4.0, false);
    assert!(versions.update(&mut sampler, &Linear::wrong()).envelope_violations > 0);
}

#[test]
fn settings_are_checked() {
    let check = |sampler, iterations, copies| ChainConfig { sampler, iterations }.check(copies);
    for kind in SAMPLERS {
        assert_eq!(check(kind, 1, 1), Ok(()));
        assert_eq!(check(kind, 0, 1), Err(ChainError::NoIterations));
        assert_eq!(check(kind, 1, 0), Err(ChainError::NoCopies));
    }
    assert_eq!(check(Sampler::MetropolisWithinGibbs { warm_up: 0 }, 1, 1), Err(ChainError::NoWarmUp));
    assert_eq!(check(Sampler::Lair(Lair { proposals: 0, ..LAIR }), 1, 1), Err(ChainError::NoProposals));
    let rejection = RejectionConfig::default();
    assert_eq!((rejection.check(1), rejection.check(2)), (Ok(()), Ok(())));
    assert_eq!(rejection.check(3), Err(RejectionError::Latent { latent: 3 }));
    assert_eq!(RejectionConfig { cells: 0, ..rejection }.check(2), Err(RejectionError::NoCells));
    assert_eq!(RejectionConfig { pools: 0, ..rejection }.check(2), Err(RejectionError::NoPools));
}

#[test]
#[should_panic(expected = "length of 1 × 2 × 4 completed cells")]
fn lengths_are_checked() {
    let mut streams = Versions::new(&ROWS[..D], &MASK[..D], 1, 0.0, false).streams;
    let rows = Rows {
        columns: D,
        copies: 2,
        completed: &mut [0.0; D],
        mask: &MASK[..D],
        latents: &mut [],
        started: false,
        streams: &mut streams,
    };
    sampler(Sampler::PseudoGibbs).update(&Linear::exact(), &mut Tape::new(), rows);
}
