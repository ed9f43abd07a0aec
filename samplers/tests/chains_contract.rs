//! What every sampler of missing values promises, right or wrong as its draws may be.

mod kinds;
mod linear;

use kinds::{ITERATIONS, K, LAIR, MASK, METROPOLIS, ROWS, SAMPLERS, sampler, versions};
use linear::{D, Linear, Versions};
use missvae_samplers::chains::{ChainConfig, ChainDiagnostics, ChainSampler, Impute, Lair, Sampler, Scope, Weights};
use missvae_samplers::rejection::{Rejection, RejectionConfig};
use proptest::prelude::*;
use rand::Rng;

fn all() -> Vec<Box<dyn Impute<f64>>> {
    let chains = SAMPLERS.map(|kind| Box::new(sampler(kind)) as Box<dyn Impute<f64>>);
    chains.into_iter().chain([Box::new(Rejection::new(RejectionConfig::default())) as Box<dyn Impute<f64>>]).collect()
}

/// Whether observed entries have the bits of `rows`, and missing ones are other than `start`.
fn is_renewed(versions: &Versions<f64>, rows: &[f64], start: f64) -> bool {
    versions.completed.chunks_exact(D).enumerate().all(|(i, x)| {
        let cells = (i / versions.copies) * D..(i / versions.copies + 1) * D;
        x.iter()
            .zip(&rows[cells.clone()])
            .zip(&versions.mask[cells])
            .all(|((x, row), &m)| if m > 0.0 { x.to_bits() == row.to_bits() } else { x.is_finite() && *x != start })
    })
}

#[test]
fn observed_entries_stay_bit_for_bit_and_the_others_are_renewed() {
    for mut sampler in all() {
        let mut versions = versions(&*sampler);
        let mut streams = versions.streams.clone();
        let diagnostics = versions.update(&mut *sampler, &Linear::wrong());
        assert!(is_renewed(&versions, &ROWS, 4.0), "{sampler:?}: {:?}", versions.completed);
        assert_eq!(diagnostics.replaced, 0);
        // The complete row has used none of its stream; the others have.
        for (n, (before, after)) in streams.iter_mut().zip(&mut versions.streams).enumerate() {
            assert_eq!(before.next_u64() == after.next_u64(), n == 2, "row {n}, {sampler:?}");
        }
    }
}

#[test]
fn rows_together_or_one_by_one_are_the_same() {
    for kind in SAMPLERS {
        let mut sampler = sampler(kind);
        let mut together = versions(&sampler);
        let start = together.clone();
        together.update(&mut sampler, &Linear::wrong());
        together.update(&mut sampler, &Linear::wrong());
        let latents = together.latents.len() / (ROWS.len() / D);
        for n in 0..ROWS.len() / D {
            let cells = n * D..(n + 1) * D;
            let mut alone =
                Versions::new(&ROWS[cells.clone()], &MASK[cells], K, 4.0, Impute::<f64>::keeps_latents(&sampler));
            alone.streams = vec![start.streams[n].clone()];
            alone.update(&mut sampler, &Linear::wrong());
            alone.update(&mut sampler, &Linear::wrong());
            assert_eq!(alone.completed, together.completed[n * K * D..][..K * D], "row {n}, {kind:?}");
            assert_eq!(alone.latents, together.latents[n * latents..][..latents], "row {n}, {kind:?}");
        }
    }
}

/// One call of the encoder and one of the decoder an iteration, whatever the number of rows. One more of the
/// decoder serves the rows without a cell.
#[test]
fn networks_are_called_once_an_iteration() {
    for kind in SAMPLERS {
        let mut sampler = sampler(kind);
        let mut versions = versions(&sampler);
        for update in 0..2 {
            let warm_up = if kind == METROPOLIS && update == 0 { 2 } else { 0 };
            let model = Linear::wrong();
            versions.update(&mut sampler, &model);
            assert_eq!(model.calls(), [ITERATIONS + warm_up, ITERATIONS + warm_up + 1], "{kind:?}");
        }
    }
    for mut sampler in all() {
        let model = Linear::wrong();
        let mut prior = Versions::new(&[0.0; 2 * D], &[0.0; 2 * D], K, 4.0, sampler.keeps_latents());
        prior.update(&mut *sampler, &model);
        assert_eq!(model.calls(), [0, 1], "{sampler:?}");
        let mut complete = Versions::new(&[1.0; 2 * D], &[1.0; 2 * D], K, 4.0, sampler.keeps_latents());
        assert_eq!(complete.update(&mut *sampler, &model), ChainDiagnostics::default());
        assert_eq!(model.calls(), [0, 1], "{sampler:?}");
    }
}

/// Latent points and streams are all that a chain has beside its rows. A chain that begins anew is another one.
#[test]
fn two_updates_go_on_where_one_would() {
    let long = ChainConfig { sampler: METROPOLIS, iterations: 10 };
    let (mut long, mut short) = (ChainSampler::new(long), ChainSampler::new(ChainConfig { iterations: 5, ..long }));
    let (mut one, mut two) = (versions(&long), versions(&short));
    // The row without a cell is drawn once an update.
    for versions in [&mut one, &mut two] {
        versions.mask[3 * D] = 1.0;
    }
    let mut total = ChainDiagnostics::default();
    let expected = one.update(&mut long, &Linear::wrong());
    total.merge(&two.update(&mut short, &Linear::wrong()));
    let mut anew = Versions { started: true, ..two.clone() };
    anew.started = false;
    total.merge(&two.update(&mut short, &Linear::wrong()));
    assert_eq!((&one.completed, &one.latents), (&two.completed, &two.latents));
    assert_eq!(total, expected);
    assert_eq!(total.proposed, 4 * 10 * K as u64);
    anew.update(&mut short, &Linear::wrong());
    assert_ne!(anew.completed, two.completed);
}

/// The prior's proposals are never drawn from where each version has its own samples.
#[test]
fn the_prior_has_no_part_in_local_draws() {
    let after = |settings: Lair| {
        let mut sampler = sampler(Sampler::Lair(Lair { scope: Scope::Local, ..settings }));
        let mut versions = versions(&sampler);
        let diagnostics = versions.update(&mut sampler, &Linear::wrong());
        (versions.completed, diagnostics.effective_sample_size().unwrap())
    };
    let standard = Lair { weights: Weights::Smis, ..LAIR };
    let none = after(Lair { replenish: 0, ..standard });
    assert_eq!(after(Lair { replenish: 3, ..standard }), none);
    assert!(none.1 > K as f64 && none.1 < 2.0 * K as f64, "{}", none.1);
    // One sample a version: there is nothing to choose, whatever the weights.
    let single = Lair { proposals: 1, ..LAIR };
    let one = after(Lair { replenish: 3, ..single });
    assert_eq!(after(Lair { replenish: 0, ..single }), one);
    assert_eq!(one.1, K as f64);
}

#[test]
fn one_version_needs_something_to_choose_from() {
    for (proposals, replenish) in [(1, 0), (1, 1), (2, 0), (3, 2)] {
        let mut sampler = sampler(Sampler::Lair(Lair { proposals, replenish, ..LAIR }));
        let mut versions = Versions::new(&ROWS, &MASK, 1, 4.0, false);
        let diagnostics = versions.update(&mut sampler, &Linear::wrong());
        assert!(is_renewed(&versions, &ROWS, 4.0));
        let (effective, samples) = (diagnostics.effective_sample_size().unwrap(), (1 + replenish) * proposals);
        assert_eq!(diagnostics.weightings, 3 * ITERATIONS as u64);
        assert!(if samples == 1 { effective == 1.0 } else { effective > 1.0 && effective < samples as f64 });
    }
}

/// Both types see the same draws; an iteration differs by rounding.
#[test]
fn single_precision_follows_double() {
    let (rows, mask) = (ROWS.map(|x| x as f32), MASK.map(|m| m as f32));
    for kind in [Sampler::PseudoGibbs, METROPOLIS, Sampler::Lair(LAIR)] {
        let config = ChainConfig { sampler: kind, iterations: 1 };
        let (mut double, mut single) = (ChainSampler::<f64>::new(config), ChainSampler::<f32>::new(config));
        let mut expected = versions(&double);
        let mut found = Versions::new(&rows, &mask, K, 4.0, Impute::<f32>::keeps_latents(&single));
        expected.update(&mut double, &Linear::exact());
        found.update(&mut single, &Linear::exact());
        for (x, y) in found.completed.iter().zip(&expected.completed) {
            assert!((f64::from(*x) - y).abs() < 1e-4, "{kind:?}: {x} and {y}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any rows, any mask, any number of versions.
    #[test]
    fn any_rows_are_renewed(
        cells in prop::collection::vec((-3.0..3.0f64, any::<bool>()), 0..6 * D),
        copies in 1..4usize,
    ) {
        let cells = &cells[..cells.len() / D * D];
        let (rows, mask): (Vec<f64>, Vec<f64>) =
            cells.iter().map(|&(x, observed)| (x, f64::from(u8::from(observed)))).unzip();
        for mut sampler in all() {
            let mut versions = Versions::new(&rows, &mask, copies, 40.0, sampler.keeps_latents());
            versions.update(&mut *sampler, &Linear::wrong());
            prop_assert!(is_renewed(&versions, &rows, 40.0), "{:?}", sampler);
        }
    }
}
