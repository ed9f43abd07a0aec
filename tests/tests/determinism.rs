//! Same seed, same bits: with any number of threads, in one go or interrupted. And what happens when numbers or files
//! go wrong.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use autodiff::Aligned;
use autodiff::ops::Pathwise;
use missvae::Error;
use missvae::config::Options;
use missvae::data::Data;
use missvae::heads::ColumnType;
use missvae::network::{EncoderInput, Vae, VaeConfig};
use missvae::objective::{Bound, CompletedBound, CompletedObjectiveConfig, Estimator, ObjectiveConfig};
use missvae::store::{
    CheckpointInfo, Column, ModelInfo, Problem, load_checkpoint, load_model, save_checkpoint, save_model,
};
use missvae::trainer::{AmsGrad, Schedule, Start};
use missvae::trainer::{
    EpochMetrics, ImputationTraining, Length, Objective, Observer, Outcome, RunError, State, TrainConfig, Trainer,
    UpdateMetrics,
};
use samplers::chains::{ChainConfig, Lair, Sampler};
use samplers::draw::fill_standard_normal;
use samplers::stream::{Purpose, stream};

const COLUMNS: usize = 4;

/// Standard normal rows, a quarter of the cells missing.
fn table(rows: usize) -> Data<f32> {
    let mut values = vec![0.0; rows * COLUMNS];
    fill_standard_normal(&mut stream(8, Purpose::Generate, 0, 0), &mut values);
    let mut data = Data::new(COLUMNS, values, vec![true; rows * COLUMNS]);
    data.hide(0.25, &mut stream(8, Purpose::Hide, 0, 0));
    data.without_empty_rows().0
}

fn vae(components: usize, hidden: usize) -> Vae {
    Vae::new(VaeConfig {
        components,
        hidden,
        encoder_blocks: 1,
        decoder_blocks: 1,
        dropout: 0.1,
        ..VaeConfig::new(COLUMNS, 2)
    })
}

/// An encoder of completed rows.
fn vae_of_completed_rows(hidden: usize) -> Vae {
    Vae::new(VaeConfig { encoder_input: EncoderInput::Completed, ..vae(1, hidden).config().clone() })
}

const LAIR: Sampler = Sampler::Lair(Lair { replenish: 1, ..Lair::PAPER });

/// DeMissVAE with three imputations, renewed from the second epoch on.
fn imputing(sampler: Sampler, seed: u64) -> TrainConfig {
    let objective = CompletedObjectiveConfig {
        decoder: CompletedBound::Cvi,
        encoder: CompletedBound::Lmvb,
        imputations: 3,
        samples: 1,
        estimator: Estimator::Stl,
    };
    let sampler = ChainConfig { sampler, iterations: 2 };
    let training = ImputationTraining { objective, start: Start::Observed, renew_from: 2, sampler };
    TrainConfig { objective: Objective::ImputationMixture(training), ..small(seed) }
}

fn config(bound: Bound, estimator: Estimator, pathwise: Pathwise, components: usize, seed: u64) -> TrainConfig {
    TrainConfig {
        objective: Objective::from(ObjectiveConfig {
            samples: 2,
            importance_samples: if bound.importance_weighted() { 2 } else { 1 },
            estimator,
            pathwise,
            ..ObjectiveConfig::new(bound, components)
        }),
        batch_size: 64,
        length: Length::Epochs(3),
        learning_rate: 1e-3,
        schedule: Schedule::Cosine,
        clip: Some(10.0),
        seed,
    }
}

/// Three epochs of a stratified objective: milliseconds with 16 hidden units.
fn small(seed: u64) -> TrainConfig {
    config(Bound::Selbo, Estimator::Stl, Pathwise::Implicit, 3, seed)
}

/// Keeps the epochs, and interrupts after given updates.
#[derive(Default)]
struct Log {
    epochs: Vec<EpochMetrics>,
    stops: BTreeSet<u64>,
}

impl Observer<f32> for Log {
    type Error = Infallible;

    fn updated(&mut self, _: &Trainer<f32>, update: &UpdateMetrics) -> Result<ControlFlow<()>, Infallible> {
        let stop = self.stops.contains(&update.update);
        Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn epoch_ended(&mut self, _: &Trainer<f32>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, Infallible> {
        self.epochs.push(*epoch);
        Ok(ControlFlow::Continue(()))
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Parameters and optimiser, as bits.
fn state(trainer: &Trainer<f32>) -> [Vec<u32>; 6] {
    let AmsGrad { mean, square, largest, .. } = trainer.optimiser();
    let (completed, latents): (&[f32], &[f32]) = match trainer.imputations() {
        Some(stored) => (&stored.completed, &stored.latents),
        None => (&[], &[]),
    };
    [trainer.parameters(), mean, square, largest, completed, latents].map(bits)
}

/// The numbers of an epoch, as bits.
fn epoch_bits(epochs: &[EpochMetrics]) -> Vec<[u64; 6]> {
    let of = |e: &EpochMetrics| {
        let numbers = [e.objective, e.gradient_norm, e.learning_rate, e.validation.unwrap_or(f64::NAN)];
        let [objective, norm, rate, validation] = numbers.map(f64::to_bits);
        [e.epoch, e.update, objective, norm, rate, validation]
    };
    epochs.iter().map(of).collect()
}

fn trained(config: TrainConfig, hidden: usize, data: &Data<f32>, validation: &Data<f32>) -> (Trainer<f32>, Log) {
    let mut log = Log::default();
    let vae = match config.objective {
        Objective::FiniteMixture(ObjectiveConfig { components, .. }) => vae(components, hidden),
        Objective::ImputationMixture(_) => vae_of_completed_rows(hidden),
    };
    let mut trainer = Trainer::new(vae, config).unwrap();
    assert_eq!(trainer.run(data, Some(validation), &mut log).unwrap(), Outcome::Finished);
    (trainer, log)
}

/// Networks and minibatches are large enough for the hidden layers' matrix products to be divided.
#[test]
fn threads_do_not_matter() {
    let (data, validation) = (table(700), table(100));
    for config in [
        config(Bound::Selbo, Estimator::Stl, Pathwise::Implicit, 5, 1),
        config(Bound::Elbo, Estimator::Stl, Pathwise::Implicit, 5, 1),
        config(Bound::Iwelbo, Estimator::Dreg, Pathwise::Responsibility, 5, 1),
        config(Bound::Siwelbo, Estimator::Plain, Pathwise::Implicit, 5, 1),
        imputing(LAIR, 1),
        imputing(Sampler::MetropolisWithinGibbs { warm_up: 1 }, 1),
        imputing(Sampler::PseudoGibbs, 1),
    ] {
        let [one, two, none] = [Some(1), Some(2), None].map(|threads| {
            let config = TrainConfig { batch_size: 256, length: Length::Updates(7), ..config.clone() };
            let run = || trained(config, 128, &data, &validation);
            let (trainer, log) = match threads {
                Some(threads) => rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run),
                None => run(),
            };
            (state(&trainer), epoch_bits(&log.epochs))
        });
        assert!(one == two, "{config:?}: one and two threads");
        assert!(one == none, "{config:?}: a pool and none");
    }
}

#[test]
fn seeds_matter() {
    let (data, validation) = (table(100), table(20));
    let [first, again, other] = [1, 1, 2].map(|seed| trained(small(seed), 16, &data, &validation));
    assert_eq!(state(&first.0), state(&again.0));
    assert_eq!(epoch_bits(&first.1.epochs), epoch_bits(&again.1.epochs));
    let values = first.0.parameters().iter().zip(other.0.parameters());
    assert!(values.filter(|(a, b)| **a != 0.0 && a == b).count() == 0, "no parameter is shared by two seeds");

    // Not only the start: from the same parameters, seeds go different ways.
    let fresh = Trainer::new(vae(3, 16), small(1)).unwrap();
    let start = State {
        parameters: Aligned::from_slice(fresh.parameters()),
        optimiser: fresh.optimiser().clone(),
        progress: fresh.progress(),
        imputations: None,
        best: None,
        average: None,
    };
    let mut moved = Trainer::resume(vae(3, 16), small(2), start).unwrap();
    moved.run(&data, Some(&validation), &mut Log::default()).unwrap();
    assert_ne!(state(&moved), state(&first.0));
}

fn model_info(trainer: &Trainer<f32>) -> ModelInfo {
    let column =
        |d| Column { mean: 0.1 * d as f64, scale: 1.5, ..Column::new(format!("column {d}"), ColumnType::Numeric) };
    ModelInfo {
        vae: trainer.vae().config().clone(),
        method: "miss-svae".to_owned(),
        columns: (0..COLUMNS).map(column).collect(),
        updates: trainer.progress().update,
        imputations: imputations(trainer),
        missing_values: vec!["-999".to_owned()],
        left_out: vec!["id".to_owned()],
        options: Some(Options::default()),
    }
}

fn imputations(trainer: &Trainer<f32>) -> Option<usize> {
    match &trainer.config().objective {
        Objective::FiniteMixture(_) => None,
        Objective::ImputationMixture(training) => Some(training.objective.imputations),
    }
}

fn checkpoint(path: &Path, trainer: &Trainer<f32>) {
    let info = CheckpointInfo {
        model: model_info(trainer),
        progress: trainer.progress(),
        fingerprint: "these rows".to_owned(),
        best: None,
    };
    save_checkpoint(path, &info, trainer).unwrap();
}

/// Interrupted anywhere, in the middle of an epoch, at its end, twice in a row, and resumed from the file: the same
/// parameters, optimiser and metrics, validation included.
#[test]
fn an_interrupted_run_ends_as_an_uninterrupted_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let (data, validation) = (table(250), table(50));
    for config in [
        small(1),
        imputing(LAIR, 1),
        // Its latent points are part of the state.
        imputing(Sampler::MetropolisWithinGibbs { warm_up: 2 }, 1),
    ] {
        interrupt(&path, &config, &data, &validation);
    }
}

fn interrupt(path: &Path, config: &TrainConfig, data: &Data<f32>, validation: &Data<f32>) {
    let (expected, expected_log) = trained(config.clone(), 16, data, validation);
    // Updates 4, 8 and 12 end epochs.
    assert_eq!((expected.progress().update, expected.updates_per_epoch(data.rows())), (12, 4));
    for stops in [vec![1], vec![3], vec![4], vec![2, 3, 8, 11], (1..12).collect()] {
        let mut log = Log { stops: stops.iter().copied().collect(), ..Log::default() };
        let mut trainer = Trainer::new(expected.vae().clone(), config.clone()).unwrap();
        let mut interruptions = 0;
        while trainer.run(data, Some(validation), &mut log).unwrap() == Outcome::Interrupted {
            interruptions += 1;
            checkpoint(path, &trainer);
            let (vae, info, resumed) = load_checkpoint(path).unwrap();
            assert_eq!(info.progress, trainer.progress());
            assert_eq!((info.fingerprint.as_str(), info.model), ("these rows", model_info(&trainer)));
            trainer = Trainer::resume(vae, config.clone(), resumed).unwrap();
        }
        assert_eq!(interruptions, stops.len(), "{stops:?}");
        assert!(state(&trainer) == state(&expected), "interrupted after {stops:?}: parameters or optimiser differ");
        assert_eq!(trainer.progress(), expected.progress());
        assert_eq!(epoch_bits(&log.epochs), epoch_bits(&expected_log.epochs), "interrupted after {stops:?}");
    }
}

/// The same model gives the same bytes.
#[test]
fn files_of_the_same_state_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let (data, validation) = (table(100), table(20));
    let mut files = Vec::new();
    for name in ["one", "two"] {
        let (trainer, _) = trained(small(1), 16, &data, &validation);
        let [model, whole] = ["model", "checkpoint"].map(|kind| directory.path().join(format!("{name}.{kind}")));
        save_model(&model, trainer.vae(), &model_info(&trainer), trainer.parameters()).unwrap();
        checkpoint(&whole, &trainer);
        let (vae, info, parameters) = load_model(&model).unwrap();
        assert_eq!((vae.config(), info), (trainer.vae().config(), model_info(&trainer)));
        assert_eq!(bits(&parameters), bits(trainer.parameters()));
        files.push((fs::read(model).unwrap(), fs::read(whole).unwrap()));
    }
    assert!(files[0] == files[1]);
}

/// Updates one by one until one fails; checks that it changed nothing. (Updates that went well, the error.)
fn until_failure(config: TrainConfig, data: &Data<f32>) -> (u64, Error) {
    let mut trainer = Trainer::new(vae(3, 16), config).unwrap();
    let total = trainer.total_updates(data.rows());
    for update in 0..total {
        let (before, progress) = (state(&trainer), trainer.progress());
        if let Err(error) = trainer.update(data) {
            assert_eq!(state(&trainer), before, "a failed update changed the state");
            assert_eq!(trainer.progress(), progress);
            assert!(trainer.parameters().iter().all(|p| p.is_finite()));
            return (update, error);
        }
    }
    panic!("no update failed");
}

/// A value of 1e30 in the row that is drawn late: the error names the update at which it came.
#[test]
fn an_enormous_value_is_reported_where_it_is_met() {
    let clean = table(250);
    let mut seen = BTreeSet::new();
    for row in 0..40 {
        let mut values = clean.values(0..clean.rows()).to_vec();
        let mut observed = clean.observed(0..clean.rows()).to_vec();
        values[row * COLUMNS] = 1e30;
        observed[row * COLUMNS] = true;
        let (good, error) = until_failure(small(1), &Data::new(COLUMNS, values, observed));
        assert!(good < 4, "it is met in the first epoch");
        let Error::NotFinite { value, epoch, update, .. } = error else { panic!("{error}") };
        assert!(!value.is_finite());
        assert_eq!((epoch, update), (1, good + 1));
        assert!(error.to_string().contains(&format!("at epoch 1, update {update}")), "{error}");
        seen.insert(update);
    }
    assert_eq!(seen.len(), 4, "40 rows are in all four minibatches: {seen:?}");
}

#[test]
fn an_absurd_learning_rate_is_reported_and_stops_the_run() {
    let config = TrainConfig { learning_rate: 1e25, clip: None, ..small(1) };
    let data = table(250);
    let (good, error) = until_failure(config.clone(), &data);
    assert!(matches!(error, Error::NotFinite { epoch: 1, update, .. } if update == good + 1), "{error}");
    assert!(good >= 1, "the first update is finite");

    let mut trainer = Trainer::new(vae(3, 16), config).unwrap();
    let error = Error::from(trainer.run(&data, None, &mut Log::default()).unwrap_err());
    assert!(matches!(error, Error::NotFinite { update, .. } if update == good + 1), "{error}");
    assert_eq!(trainer.progress().update, good);
}

/// Without clipping, a gradient that is finite may be too large to be squared in single precision: AMSGrad would keep an infinite
/// second moment, and its parameter would never move again. With clipping nothing is lost.
#[test]
fn a_gradient_beyond_the_optimisers_reach_stops_the_run() {
    let clean = table(250);
    let mut values = clean.values(0..clean.rows()).to_vec();
    let mut observed = clean.observed(0..clean.rows()).to_vec();
    (values[0], observed[0]) = (1e9, true);
    let data = Data::new(COLUMNS, values, observed);
    let (_, error) = until_failure(TrainConfig { clip: None, ..small(1) }, &data);
    assert!(error.to_string().starts_with("the squared norm of the gradient is inf at epoch 1"), "{error}");
    let mut trainer = Trainer::new(vae(3, 16), small(1)).unwrap();
    assert_eq!(trainer.run(&data, None, &mut Log::default()).unwrap(), Outcome::Finished);
}

#[test]
fn a_table_without_rows_cannot_be_trained_on() {
    let mut trainer = Trainer::new(vae(3, 16), small(1)).unwrap();
    let empty = Data::new(COLUMNS, Vec::new(), Vec::new());
    assert!(matches!(trainer.run(&empty, None, &mut Log::default()), Err(RunError::Training(Error::NoRows))));
}

/// The reason why a file is no checkpoint.
#[track_caller]
fn refused(path: &Path) -> String {
    match load_checkpoint(path) {
        Err(error) => {
            assert_eq!(error.path, path);
            error.problem.to_string()
        }
        Ok(_) => panic!("it was accepted"),
    }
}

#[test]
fn files_that_are_no_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let [whole, model, other] = ["whole", "model", "other"].map(|name| directory.path().join(name));
    let trainer = Trainer::new(vae(3, 16), small(1)).unwrap();
    checkpoint(&whole, &trainer);
    save_model(&model, trainer.vae(), &model_info(&trainer), trainer.parameters()).unwrap();
    let bytes = fs::read(&whole).unwrap();

    for len in [0, 1, 7, 8, 9, 100, bytes.len() / 2, bytes.len() - 4, bytes.len() - 1] {
        fs::write(&other, &bytes[..len]).unwrap();
        assert!(refused(&other).contains("cut short"), "{len} bytes: {}", refused(&other));
    }
    let mut longer = bytes.clone();
    longer.push(0);
    for (content, says) in [
        (b"island,bill_length\nBiscoe,45.1\n".repeat(100), "not a whole checkpoint"),
        (vec![0xff; 4096], "not a whole checkpoint"),
        (vec![0; 4096], "not a whole checkpoint"),
        (longer, "not a whole checkpoint"),
        // A safetensors file of another program: an empty header.
        ([&2u64.to_le_bytes()[..], b"{}"].concat(), "not a checkpoint of this program"),
    ] {
        fs::write(&other, content).unwrap();
        assert!(refused(&other).contains(says), "{}", refused(&other));
    }
    assert!(refused(&model).contains("this is a missvae-model-2"), "{}", refused(&model));
    let error = load_model(&whole).unwrap_err();
    assert!(error.to_string().contains("this is a missvae-checkpoint-2"), "{error}");

    let missing = directory.path().join("missing");
    let Err(error) = load_checkpoint(&missing) else { panic!("there is no such file") };
    assert!(matches!(error.problem, Problem::Io(_)) && error.path == missing, "{error}");
    assert!(load_checkpoint(directory.path()).is_err_and(|error| matches!(error.problem, Problem::Io(_))));
}

/// A checkpoint whose description and tensors do not belong together.
#[test]
fn checkpoints_with_the_wrong_tensors() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let trainer = Trainer::new(vae(3, 16), small(1)).unwrap();
    checkpoint(&path, &trainer);
    let bytes = without_description_checksum(&fs::read(&path).unwrap());
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        let mut bytes = bytes.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    for (from, to, says) in [
        (r#"\"hidden\":16"#, r#"\"hidden\":17"#, "tensor encoder.input.weight"),
        (r#"\"encoder_blocks\":1"#, r#"\"encoder_blocks\":2"#, "tensor encoder.blocks.1.linear1.weight is missing"),
        (r#""decoder.output.bias""#, r#""decoder.output.bios""#, "damaged"),
        (r#""optimiser.largest""#, r#""optimiser.biggest""#, "damaged"),
        (r#"\"progress\""#, r#"\"regress!\""#, "description"),
    ] {
        fs::write(&path, replaced(from, to)).unwrap();
        assert!(refused(&path).contains(says), "{from}: {}", refused(&path));
    }
}

/// A file whose description can be changed, as in files before it had a checksum.
fn without_description_checksum(file: &[u8]) -> Vec<u8> {
    with_text(file, r#"\"description_checksum\""#, r#"\"description_chekksum\""#)
}

/// A model file whose text `from` is `to`; both are equally long, and stand in the header.
fn with_text(model: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = model.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    [&model[..at], to.as_bytes(), &model[at + to.len()..]].concat()
}

#[test]
fn model_files_stand_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model");
    let trainer = Trainer::new(vae(3, 16), small(1)).unwrap();
    save_model(&path, trainer.vae(), &model_info(&trainer), trainer.parameters()).unwrap();
    let (_, info, parameters) = load_model(&path).unwrap();
    assert_eq!((&info, &parameters[..]), (&model_info(&trainer), trainer.parameters()));
    assert_eq!(info.missing_values, ["-999"]);

    let bytes = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        load_model(&path).expect_err("it was accepted").problem.to_string()
    };
    // A bit of a number.
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(refused(&damaged).contains("checksum"), "{}", refused(&damaged));
    // A digit of the description.
    let changed = with_text(&bytes, r#"\"scale\":1.5"#, r#"\"scale\":1.6"#);
    assert!(refused(&changed).contains("checksum"), "{}", refused(&changed));
    let bytes = without_description_checksum(&bytes);
    for (from, to, says) in [
        (r#"\"scale\":1.5"#, r#"\"scale\":0.0"#, "columns[0].scale = 0; expected a positive, finite number"),
        (r#"\"scale\":1.5"#, r#"\"scale\":-15"#, "columns[0].scale = -15"),
        (r#"\"method\":\"miss-svae\""#, r#"\"method\":\"miss-wave\""#, "method = miss-wave; expected one of mvae, "),
        (r#"\"latent\":2"#, r#"\"latent\":0"#, "latent = 0; expected from 1 to "),
        (r#"\"hidden\":16"#, r#"\"hidden\":99"#, "parameters = "),
        (r#"\"kind\":\"numeric\""#, r#"\"kind\":\"positiv\""#, "unknown variant `positiv`"),
        (r#"\"encoder_blocks\":1"#, r#"\"encoder_blocks\":9"#, "parameters = "),
        (
            r#"missvae-model-2"#,
            r#"missvae-model-3"#,
            "expected a model file (missvae-model-2); this is a missvae-model-3",
        ),
    ] {
        let found = refused(&with_text(&bytes, from, to));
        assert!(found.contains(says), "{from}: {found}");
    }
    // Format 1 has no checksum, and numbers that are none are found all the same.
    let old = with_text(&bytes, "missvae-model-2", "missvae-model-1");
    let start = old.windows(12).position(|window| window == br#"\"checksum\""#).unwrap();
    let old = with_text(&old, r#"\"checksum\""#, r#"\"chekksum\""#);
    assert!(start > 0);
    fs::write(&path, &old).unwrap();
    assert_eq!(load_model(&path).unwrap().2[..], trainer.parameters()[..]);
    let mut broken = old;
    let end = broken.len();
    broken[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(refused(&broken).contains("holds NaN at position"), "{}", refused(&broken));
}

/// One flipped bit anywhere in the header is refused or read, and never a panic.
#[test]
fn damaged_headers_do_not_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let trainer = Trainer::new(vae(1, 2), config(Bound::Elbo, Estimator::Stl, Pathwise::Implicit, 1, 1)).unwrap();
    checkpoint(&path, &trainer);
    let bytes = fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut refusals = 0;
    for at in 0..header {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 7);
        fs::write(&path, damaged).unwrap();
        match load_checkpoint(&path) {
            Err(error) if matches!(error.problem, Problem::Io(_)) => panic!("byte {at}: {error}"),
            Err(_) => refusals += 1,
            Ok(_) => {}
        }
    }
    assert!(refusals > header / 2, "{refusals} of {header}");
}
