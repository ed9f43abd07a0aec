//! The order of an observer's calls, what they say, and how observers are put together.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::Duration;

use missvae::data::Data;
use missvae::network::{Vae, VaeConfig};
use missvae::objective::{Bound, ObjectiveConfig};
use missvae::trainer::{
    Checkpoints, EarlyStopping, EpochMetrics, History, Length, Observer, Outcome, RunError, Schedule, TrainConfig,
    Trainer, UpdateMetrics,
};

/// Three minibatches an epoch, of 2, 2 and 1 rows; the second epoch is cut short after two of them.
fn trainer() -> Trainer<f64> {
    let objective = ObjectiveConfig::new(Bound::Elbo, 1);
    let vae = Vae::new(VaeConfig { hidden: 4, encoder_blocks: 1, decoder_blocks: 1, ..VaeConfig::new(2, 1) });
    let config = TrainConfig {
        objective: objective.into(),
        batch_size: 2,
        length: Length::Updates(5),
        learning_rate: 1e-3,
        schedule: Schedule::Constant,
        clip: Some(1.0),
        seed: 1,
    };
    Trainer::new(vae, config).unwrap()
}

fn rows() -> Data<f64> {
    Data::new(2, (0..10).map(f64::from).map(f64::sin).collect(), vec![true; 10])
}

/// Writes its calls down, under a name.
struct Scribe<'a> {
    name: &'static str,
    calls: &'a RefCell<Vec<String>>,
    /// The update after which it interrupts, and the one at which it fails.
    stop: Option<u64>,
    fail: Option<u64>,
}

impl Observer<f64> for Scribe<'_> {
    type Error = String;

    fn updated(&mut self, trainer: &Trainer<f64>, update: &UpdateMetrics) -> Result<ControlFlow<()>, String> {
        let progress = trainer.progress();
        assert_eq!(progress.at_epoch_end(), update.ends_epoch);
        assert_eq!(progress.update, update.update);
        assert_eq!(progress.epoch, if update.ends_epoch { update.epoch } else { update.epoch - 1 });
        self.calls.borrow_mut().push(format!("{}{}.{}", self.name, update.epoch, update.update));
        match update.update {
            n if self.fail == Some(n) => Err(format!("update {n}")),
            n if self.stop == Some(n) => Ok(ControlFlow::Break(())),
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    fn epoch_ended(&mut self, trainer: &Trainer<f64>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, String> {
        assert_eq!((trainer.progress().epoch, trainer.progress().step), (epoch.epoch, 0));
        self.calls.borrow_mut().push(format!("{} ends {}", self.name, epoch.epoch));
        Ok(ControlFlow::Continue(()))
    }
}

/// The calls of a run with two observers, the first of which may stop or fail, and what the run came to.
fn run(stop: Option<u64>, fail: Option<u64>) -> (String, Result<Outcome, RunError<String>>) {
    let calls = RefCell::default();
    let scribe = |name, stop, fail| Scribe { name, calls: &calls, stop, fail };
    let outcome = trainer().run(&rows(), None, &mut (scribe("a", stop, fail), scribe("b", None, None)));
    (calls.take().join(", "), outcome)
}

#[test]
fn calls_come_in_their_order() {
    let (calls, outcome) = run(None, None);
    let first = "a1.1, b1.1, a1.2, b1.2, a1.3, b1.3, a ends 1, b ends 1";
    assert_eq!(calls, format!("{first}, a2.4, b2.4, a2.5, b2.5, a ends 2, b ends 2"));
    assert_eq!(outcome.unwrap(), Outcome::Finished);

    // An interruption after the last update of an epoch still ends it, and one after the last of all is none.
    let (calls, outcome) = run(Some(3), None);
    assert_eq!((calls.as_str(), outcome.unwrap()), (first, Outcome::Interrupted));
    let (calls, outcome) = run(Some(2), None);
    assert_eq!((calls.as_str(), outcome.unwrap()), ("a1.1, b1.1, a1.2, b1.2", Outcome::Interrupted));
    assert_eq!(run(Some(5), None).1.unwrap(), Outcome::Finished);
}

#[test]
fn the_error_of_an_observer_comes_out() {
    let (calls, outcome) = run(None, Some(2));
    assert_eq!(calls, "a1.1, b1.1, a1.2");
    assert!(matches!(outcome, Err(RunError::Observer(what)) if what == "update 2"));
}

/// Checkpoints that are always due are saved after each update, but at an epoch's end once the epoch is recorded.
#[test]
fn checkpoints_wait_for_the_end_of_their_epoch() {
    let calls = RefCell::default();
    let scribe = Scribe { name: "a", calls: &calls, stop: None, fail: None };
    let save = |trainer: &Trainer<f64>| -> Result<(), String> {
        calls.borrow_mut().push(format!("saved {}", trainer.progress().update));
        Ok(())
    };
    trainer().run(&rows(), None, &mut (scribe, Checkpoints::new(Duration::ZERO, save))).unwrap();
    let expected = "a1.1, saved 1, a1.2, saved 2, a1.3, a ends 1, saved 3, a2.4, saved 4, a2.5, a ends 2, saved 5";
    assert_eq!(calls.take().join(", "), expected);
}

/// The bound of validation rows that are far from the others falls from some epoch on.
#[test]
fn a_run_stops_early_where_its_validation_does_not_rise() {
    let far = Data::new(2, vec![1e3; 8], vec![true; 8]);
    let mut config = trainer().config().clone();
    config.length = Length::Epochs(500);
    config.learning_rate = 1e-2;
    let mut trainer = Trainer::new(trainer().vae().clone(), config).unwrap();
    let mut observers = (History::<String>::default(), EarlyStopping::after(3));
    assert_eq!(trainer.run(&rows(), Some(&far), &mut observers).unwrap(), Outcome::Interrupted);
    let bounds: Vec<f64> = observers.0.epochs.iter().map(|epoch| epoch.validation.unwrap()).collect();
    let (before, last) = bounds.split_at(bounds.len() - 3);
    let best = before.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(before.last(), Some(&best), "{bounds:?}");
    assert!(last.iter().all(|bound| *bound <= best), "{bounds:?}");
}
