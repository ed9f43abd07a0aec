//! Signal and noise of gradients: the statistics, and that measuring leaves a training run as it is.

use std::convert::Infallible;
use std::ops::ControlFlow;

use missvae::Error;
use missvae::data::{Data, shuffled};
use missvae::network::{EncoderInput, Vae, VaeConfig};
use missvae::objective::{Bound, CompletedBound, CompletedObjectiveConfig, Estimator, ObjectiveConfig};
use missvae::snr::{Measured, Moments, Monitor, Protocol, Signals, Study, measure, noise_floor};
use missvae::trainer::{Length, Objective, Observer, Outcome, Schedule, TrainConfig, Trainer, UpdateMetrics};
use samplers::draw::fill_standard_normal;
use samplers::stream::{Purpose, stream};

const COLUMNS: usize = 3;
/// The last minibatch of an epoch is shorter: 16 + 16 + 8.
const ROWS: usize = 40;
const BATCH: usize = 16;
const EPOCHS: u64 = 4;

fn data() -> Data<f64> {
    let mut values = vec![0.0; ROWS * COLUMNS];
    fill_standard_normal(&mut stream(3, Purpose::Generate, 0, 0), &mut values);
    let observed = (0..ROWS * COLUMNS).map(|i| i % 4 != 1).collect();
    Data::new(COLUMNS, values, observed)
}

fn vae(components: usize, dropout: f64) -> Vae {
    Vae::new(VaeConfig {
        components,
        hidden: 8,
        encoder_blocks: 1,
        decoder_blocks: 1,
        dropout,
        ..VaeConfig::new(COLUMNS, 2)
    })
}

fn trainer(bound: Bound, components: usize, dropout: f64, batch_size: usize) -> Trainer<f64> {
    trainer_of(Length::Epochs(EPOCHS), bound, components, dropout, batch_size)
}

fn trainer_of(length: Length, bound: Bound, components: usize, dropout: f64, batch_size: usize) -> Trainer<f64> {
    let objective = ObjectiveConfig::new(bound, components);
    let config = TrainConfig {
        objective: objective.into(),
        batch_size,
        length,
        learning_rate: 1e-2,
        schedule: Schedule::Cosine,
        clip: Some(0.5),
        seed: 5,
    };
    Trainer::new(vae(components, dropout), config).unwrap()
}

/// What was measured, and how often `advanced` was called.
#[derive(Default)]
struct Log {
    measured: Vec<(Protocol, u64, Moments)>,
    advanced: u64,
    stop_at: Option<u64>,
}

impl Monitor for Log {
    type Error = Infallible;

    fn advanced(&mut self) -> Result<ControlFlow<()>, Infallible> {
        self.advanced += 1;
        let stops = self.stop_at == Some(self.advanced);
        Ok(if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn measured(&mut self, Measured { protocol, epoch, moments }: Measured<'_>) -> Result<(), Infallible> {
        self.measured.push((protocol, epoch, moments.clone()));
        Ok(())
    }
}

/// Keeps every gradient.
#[derive(Default)]
struct Gradients(Vec<Vec<f64>>);

impl Observer<f64> for Gradients {
    type Error = Infallible;

    fn updated(&mut self, trainer: &Trainer<f64>, _: &UpdateMetrics) -> Result<ControlFlow<()>, Infallible> {
        self.0.push(trainer.gradient().to_vec());
        Ok(ControlFlow::Continue(()))
    }
}

const BOTH: Study = Study { epoch: true, draws: Some(5), every: 1 };

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Mean and variance of an entry of all gradients, in two passes.
fn two_passes(gradients: &[Vec<f64>], entry: usize) -> (f64, f64) {
    let n = gradients.len() as f64;
    let mean = gradients.iter().map(|gradient| gradient[entry]).sum::<f64>() / n;
    let squares = gradients.iter().map(|gradient| (gradient[entry] - mean).powi(2)).sum::<f64>();
    (mean, squares / (n - 1.0))
}

/// Signal, variance and skipped parameters of a network from all gradients, in two passes.
fn plainly(gradients: &[Vec<f64>], vae: &Vae, encoder: bool) -> [f64; 3] {
    let prefix = if encoder { "encoder." } else { "decoder." };
    let mut found = [0.0; 3];
    for tensor in vae.layout().tensors().iter().filter(|tensor| tensor.name.starts_with(prefix)) {
        for entry in tensor.range() {
            let (mean, variance) = two_passes(gradients, entry);
            found[1] += variance;
            match mean.abs() / variance.sqrt() {
                ratio if ratio.is_finite() => found[0] += ratio,
                _ => found[2] += 1.0,
            }
        }
    }
    found
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-10 * expected.abs(), "{found} is not {expected}");
}

/// The ratios of an epoch are those of its gradients, which the trainer gives away before they are clipped, in two passes.
#[test]
fn an_epoch_is_what_two_passes_say() {
    let (data, mut measured, mut plain) =
        (data(), trainer(Bound::Selbo, 3, 0.2, BATCH), trainer(Bound::Selbo, 3, 0.2, BATCH));
    let (mut log, mut gradients) = (Log::default(), Gradients::default());
    let study = Study { draws: None, ..BOTH };
    assert_eq!(measure(&mut measured, &data, &study, &mut log).unwrap(), Outcome::Finished);
    plain.run(&data, None, &mut gradients).unwrap();
    assert_eq!(log.measured.len() as u64, EPOCHS);
    for ((protocol, epoch, moments), gradients) in log.measured.iter().zip(gradients.0.chunks(3)) {
        assert_eq!((*protocol, moments.count()), (Protocol::Epoch, 3), "epoch {epoch}");
        let Signals { encoder, decoder } = moments.signals(plain.vae());
        for (signal, is_encoder) in [(encoder, true), (decoder, false)] {
            let [snr, variance, skipped] = plainly(gradients, plain.vae(), is_encoder);
            assert!(snr > 0.0 && variance > 0.0);
            assert_near(signal.snr, snr);
            assert_near(signal.variance, variance);
            assert_eq!(signal.skipped as f64, skipped);
            assert_near(signal.mean_snr().unwrap() * signal.parameters as f64, snr);
        }
        let parameters = [encoder, decoder].map(|signal| signal.parameters + signal.skipped).iter().sum::<usize>();
        assert_eq!(parameters, plain.vae().layout().count());
    }
    // A gradient after clipping would have at most this norm; the ones that are measured have more.
    let norm = |gradient: &Vec<f64>| gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!(gradients.0.iter().all(|gradient| norm(gradient) > 0.5));
}

/// With either protocol, or both, a run ends with the same bits as without, and as interrupted within draws and gone on with.
#[test]
fn measuring_leaves_training_as_it_is() {
    let data = data();
    for (bound, components) in [(Bound::Elbo, 3), (Bound::Siwelbo, 3), (Bound::Elbo, 1)] {
        let mut plain = trainer(bound, components, 0.2, BATCH);
        plain.run(&data, None, &mut Gradients::default()).unwrap();
        for study in [BOTH, Study { epoch: false, ..BOTH }, Study { draws: None, ..BOTH }] {
            for stop_at in [None, Some(2), Some(6)] {
                let mut measured = trainer(bound, components, 0.2, BATCH);
                let mut log = Log { stop_at, ..Log::default() };
                let outcome = measure(&mut measured, &data, &study, &mut log).unwrap();
                assert_eq!(outcome == Outcome::Interrupted, stop_at.is_some());
                if outcome == Outcome::Interrupted {
                    assert_eq!(measure(&mut measured, &data, &study, &mut log).unwrap(), Outcome::Finished);
                }
                assert_eq!(bits(measured.parameters()), bits(plain.parameters()));
                assert_eq!(bits(&measured.optimiser().largest), bits(&plain.optimiser().largest));
            }
        }
    }
}

/// The first epoch, the last one, and those that `every` divides, each once by each protocol; one call for every update
/// and every draw.
#[test]
fn epochs_are_chosen() {
    let (data, mut trainer, mut log) = (data(), trainer(Bound::Selbo, 2, 0.0, BATCH), Log::default());
    measure(&mut trainer, &data, &Study { every: 3, ..BOTH }, &mut log).unwrap();
    let found: Vec<_> =
        log.measured.iter().map(|(protocol, epoch, moments)| (*protocol, *epoch, moments.count())).collect();
    let expected = [1, 3, 4].map(|epoch| [(Protocol::Epoch, epoch, 3), (Protocol::Fixed, epoch, 5)]);
    assert_eq!(found, expected.concat());
    assert_eq!(log.advanced, 3 * EPOCHS + 3 * 5);
}

/// A last epoch that is cut short is trained and not measured, unless there is no other.
#[test]
fn only_whole_epochs_are_measured() {
    for (updates, expected) in [(7, vec![(1, 3), (2, 3)]), (6, vec![(1, 3), (2, 3)]), (2, vec![(1, 2)])] {
        let mut trainer = trainer_of(Length::Updates(updates), Bound::Selbo, 2, 0.0, BATCH);
        let mut log = Log::default();
        measure(&mut trainer, &data(), &Study { draws: None, ..BOTH }, &mut log).unwrap();
        let found: Vec<_> = log.measured.iter().map(|(_, epoch, moments)| (*epoch, moments.count())).collect();
        assert_eq!((found, log.advanced), (expected, updates));
    }
}

/// Draws of the fixed protocol are gradients of the first minibatch with samples of their own; asking again gives the same
/// ones, and dropout is the same in all of them.
#[test]
fn draws_differ_in_their_samples_alone() {
    // Of one row, so that a unit that dropout silences has no gradient.
    let (data, rows) = (data(), [3]);
    let mut trainer = trainer(Bound::Selbo, 2, 0.5, BATCH);
    let mut draw = |n| trainer.redraw_gradient(&data, &rows, n).unwrap().to_vec();
    let (first, second, again) = (draw(0), draw(1), draw(0));
    assert_eq!(bits(&first), bits(&again));
    let vae = vae(2, 0.5);
    // The encoder's units do not depend on the samples.
    let mut tensors = vae.layout().tensors().iter();
    let units = tensors.find(|tensor| tensor.name == "encoder.blocks.0.linear1.bias").unwrap().range();
    let silent = |gradient: &[f64]| units.clone().map(|unit| gradient[unit] == 0.0).collect::<Vec<_>>();
    assert_eq!(silent(&first), silent(&second));
    assert!(silent(&first).contains(&true) && silent(&first).contains(&false));
    let differ = first.iter().zip(&second).filter(|(a, b)| a != b).count();
    assert!(differ > first.len() / 4, "{differ} of {}", first.len());
}

/// With one component there is nothing to stratify: both ways of sampling see the same noise and agree to the last bit.
#[test]
fn one_component_has_one_gradient() {
    let data = data();
    let moments = |bound: Bound, components: usize| {
        let mut log = Log::default();
        let study = Study { epoch: false, draws: Some(8), every: EPOCHS };
        measure(&mut trainer(bound, components, 0.0, BATCH), &data, &study, &mut log).unwrap();
        log.measured.into_iter().map(|(_, _, moments)| moments).collect::<Vec<_>>()
    };
    for (ancestral, stratified) in [(Bound::Elbo, Bound::Selbo), (Bound::Iwelbo, Bound::Siwelbo)] {
        let (one, other) = (moments(ancestral, 1), moments(stratified, 1));
        assert_eq!(one.len(), 2);
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(bits(one.mean()), bits(other.mean()));
            assert!(one.signals(&vae(1, 0.0)).encoder.variance > 0.0);
        }
        assert_ne!(bits(moments(ancestral, 2)[0].mean()), bits(moments(stratified, 2)[0].mean()));
    }
}

/// Γ(k/2), by its recursion.
fn half_gamma(k: u64) -> f64 {
    let (mut value, start) = if !k.is_multiple_of(2) { (std::f64::consts::PI.sqrt(), 1) } else { (1.0, 2) };
    for i in (start..k).step_by(2) {
        value *= i as f64 / 2.0;
    }
    value
}

/// Normal gradients with known signal. 4,000 parameters, n = 50: the mean of mean/√variance over parameters is
/// ρ √((n−1)/2) Γ((n−2)/2)/Γ((n−1)/2) in expectation with true ratio ρ = 2, and `noise_floor` with ρ = 0. Limit: 5 standard
/// errors (from the 4,000 ratios themselves), so a correct program fails with probability 6e-7 each. The two scales of the
/// gradients are 10⁶ apart, which the ratio must not see.
#[test]
fn normal_gradients_have_the_ratio_that_theory_gives() {
    const PARAMETERS: usize = 4000;
    const N: u64 = 50;
    let mut moments = [0.0, 2.0].map(|rho| (rho, Moments::new(PARAMETERS)));
    let mut rng = stream(11, Purpose::Generate, 0, 0);
    let mut noise = vec![0.0; PARAMETERS];
    for _ in 0..N {
        fill_standard_normal(&mut rng, &mut noise);
        for (rho, moments) in &mut moments {
            let scale = |i: usize| if i.is_multiple_of(2) { 1e3 } else { -1e-3 };
            let gradient: Vec<f64> = noise.iter().enumerate().map(|(i, x)| scale(i) * (*rho + x)).collect();
            moments.add(&gradient);
        }
    }
    let bias = ((N - 1) as f64 / 2.0).sqrt() * half_gamma(N - 2) / half_gamma(N - 1);
    let floor = noise_floor(N).unwrap();
    assert!((floor / (2.0 / (std::f64::consts::PI * N as f64)).sqrt() - 1.0).abs() < 0.02, "{floor}");
    for ((rho, moments), expected) in moments.iter().zip([floor, 2.0 * bias]) {
        let ratios: Vec<f64> = (0..PARAMETERS).map(|i| moments.signal([i].into_iter()).snr).collect();
        let signal = moments.signal(0..PARAMETERS);
        assert_near(signal.snr, ratios.iter().sum());
        let mean = signal.mean_snr().unwrap();
        let squares = ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>();
        let error = (squares / (PARAMETERS - 1) as f64 / PARAMETERS as f64).sqrt();
        assert!((mean - expected).abs() < 5.0 * error, "ρ = {rho}: {mean} ± {error}, not {expected}");
        // The test can fail: dividing by n instead of n−1 would be seen where there is signal.
        let wrong = mean * (N as f64 / (N - 1) as f64).sqrt();
        assert!(*rho == 0.0 || (wrong - expected).abs() > 5.0 * error);
    }
}

#[test]
fn noise_floors_of_few_draws() {
    assert_eq!([0, 1, 2].map(noise_floor), [None; 3]);
    // E|t| is √2 with two degrees of freedom and 2√3/π with three, by integration of the densities.
    assert_near(noise_floor(3).unwrap(), 2f64.sqrt() / 3f64.sqrt());
    assert_near(noise_floor(4).unwrap(), 3f64.sqrt() / std::f64::consts::PI);
}

/// What has no finite ratio is left out and counted; its finite variance counts.
#[test]
fn ratios_that_are_not_finite_are_left_out() {
    let mut moments = Moments::new(5);
    for gradient in [[1.0, 0.0, 2.0, 1.0, 1e30], [3.0, 0.0, 2.0, f64::NAN, 1e30], [2.0, 0.0, 2.0, 1.0, f64::INFINITY]] {
        moments.add(&gradient);
    }
    let signal = moments.signal(0..5);
    assert_eq!((signal.snr, signal.variance, signal.parameters, signal.skipped), (2.0, 1.0, 1, 4));
    moments.clear();
    moments.add(&[1.0; 5]);
    let signal = moments.signal(0..5);
    assert_eq!((signal.skipped, signal.mean_snr()), (5, None));
}

#[test]
fn what_cannot_be_measured() {
    let data = data();
    let refused = |mut trainer: Trainer<f64>, study: Study| {
        let error = measure(&mut trainer, &data, &study, &mut Log::default()).map_err(Error::from).unwrap_err();
        assert!(matches!(error, Error::InvalidConfig(_)));
        assert_eq!(trainer.progress().update, 0);
        error.to_string()
    };
    let good = || trainer(Bound::Elbo, 2, 0.0, BATCH);
    assert!(refused(good(), Study { draws: Some(1), ..BOTH }).contains("at least 2 draws, not 1"));
    assert!(refused(good(), Study { every: 0, ..BOTH }).contains("every 0: expected at least 1"));
    assert!(refused(trainer(Bound::Elbo, 2, 0.0, ROWS), BOTH).contains("at least 2 minibatches, not 1"));
    let objective = CompletedObjectiveConfig {
        decoder: CompletedBound::Cvi,
        encoder: CompletedBound::Lmvb,
        imputations: 2,
        samples: 1,
        estimator: Estimator::Stl,
    };
    let sampler = samplers::chains::ChainConfig { sampler: samplers::chains::Sampler::PseudoGibbs, iterations: 1 };
    let start = missvae::trainer::Start::Observed;
    let training = missvae::trainer::ImputationTraining { objective, start, renew_from: 2, sampler };
    let config = TrainConfig { objective: Objective::ImputationMixture(training), ..good().config().clone() };
    let completed = VaeConfig { encoder_input: EncoderInput::Completed, ..vae(1, 0.0).config().clone() };
    let mut trainer = Trainer::new(Vae::new(completed), config).unwrap();
    assert!(trainer.redraw_gradient(&data, &[0], 0).unwrap_err().to_string().contains("imputation mixture"));
    assert!(refused(trainer, BOTH).contains("expected a finite mixture"));
}

/// The fixed minibatch is the first one that training sees.
#[test]
fn the_fixed_minibatch_is_the_first() {
    let data = data();
    let mut order = Vec::new();
    shuffled(ROWS, &mut stream(5, Purpose::Shuffle, 0, 0), &mut order);
    let rows: Vec<usize> = order[..BATCH].iter().map(|&n| n as usize).collect();
    let mut log = Log::default();
    let study = Study { epoch: false, draws: Some(2), every: EPOCHS };
    let mut measured = trainer(Bound::Selbo, 2, 0.0, BATCH);
    measure(&mut measured, &data, &study, &mut log).unwrap();
    let drawn: Vec<_> = (0..2).map(|n| measured.redraw_gradient(&data, &rows, n).unwrap().to_vec()).collect();
    let (_, epoch, last) = log.measured.last().unwrap();
    assert_eq!(*epoch, EPOCHS);
    for (entry, mean) in last.mean().iter().enumerate() {
        assert!((mean - two_passes(&drawn, entry).0).abs() <= 1e-12 * (1.0 + mean.abs()), "entry {entry}");
    }
}
