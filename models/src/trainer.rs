//! Epochs, validation, interruption, exact resumption.

use std::ops::ControlFlow;

use autodiff::{Aligned, Tape, Wanted};
use linalg::Scalar;
use linalg::reduce::sum_of_squares;
use samplers::stream::{Purpose, stream};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::{Batch, Data, shuffled};
use crate::method::ObjectiveConfig;
use crate::objective::{Mode, Randomness, record};
use crate::optimiser::{AmsGrad, Schedule, clip_factor};
use crate::vae::Vae;

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Passes over the rows.
    Epochs(u64),
    /// Parameter updates.
    Updates(u64),
}

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// The objective.
    pub objective: ObjectiveConfig,
    /// Rows of a minibatch; the last one of an epoch may be shorter.
    pub batch_size: usize,
    /// How long.
    pub length: Length,
    /// Learning rate at the start.
    pub learning_rate: f64,
    /// How it goes on.
    pub schedule: Schedule,
    /// Largest norm of the gradient, over encoder and decoder together.
    pub clip: Option<f64>,
    /// Seed of every random stream.
    pub seed: u64,
}

/// Where a training run stands: with the parameters and the optimiser's state, all that resuming needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Finished epochs.
    pub epoch: u64,
    /// Finished updates of the running epoch.
    pub step: u64,
    /// Finished updates in all.
    pub update: u64,
    /// Sum over the running epoch's rows of the objective, in nats.
    pub objective_sum: f64,
    /// Rows seen in the running epoch.
    pub rows: u64,
    /// Sum over the running epoch's updates of the gradient norm.
    pub norm_sum: f64,
}

/// One update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Mean of the bound over the minibatch, in nats.
    pub objective: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
}

/// One epoch, or the part of it that the last update left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Number, from 1.
    pub epoch: u64,
    /// Updates made so far, in all.
    pub update: u64,
    /// Mean of the objective over the epoch's rows, in nats of model units.
    pub objective: f64,
    /// Mean norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate of the last update.
    pub learning_rate: f64,
    /// Mean of the bound over the validation rows, if there are any.
    pub validation: Option<f64>,
}

/// Watches a training run.
pub trait Observer<T: Scalar> {
    /// Called after each update; `Break` interrupts the run there.
    fn updated(&mut self, trainer: &Trainer<T>, step: &Step) -> Result<ControlFlow<()>, Error>;

    /// Called at the end of each epoch.
    fn epoch_ended(&mut self, trainer: &Trainer<T>, epoch: &Epoch) -> Result<(), Error>;
}

/// Whether a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All updates are made.
    Finished,
    /// The observer interrupted it; it can be resumed.
    Interrupted,
}

/// A model being fitted.
#[derive(Debug)]
pub struct Trainer<T: Scalar> {
    vae: Vae,
    config: TrainConfig,
    parameters: Aligned<T>,
    optimiser: AmsGrad<T>,
    progress: Progress,
    gradient: Aligned<T>,
    tape: Tape<T>,
    /// The running epoch's order of rows.
    order: Vec<u32>,
    /// Epoch that `order` is of.
    ordered: Option<u64>,
}

impl<T: Scalar> Trainer<T> {
    /// A model with random initial parameters.
    ///
    /// # Errors
    /// If the objective's options do not fit together.
    pub fn new(vae: Vae, config: TrainConfig) -> Result<Self, Error> {
        let parameters = vae.layout().initialise(&mut stream(config.seed, Purpose::Initialise, 0, 0));
        let optimiser = AmsGrad::new(parameters.len());
        Self::resume(vae, config, parameters, optimiser, Progress::default())
    }

    /// A model in the state that a checkpoint recorded.
    ///
    /// # Errors
    /// If the objective's options do not fit together.
    ///
    /// # Panics
    /// If a buffer's length is not that of the model's layout.
    #[track_caller]
    pub fn resume(
        vae: Vae,
        config: TrainConfig,
        parameters: Aligned<T>,
        optimiser: AmsGrad<T>,
        progress: Progress,
    ) -> Result<Self, Error> {
        config.objective.check()?;
        assert_eq!(parameters.len(), vae.layout().len(), "lengths of parameters and layout");
        let gradient = Aligned::zeros(parameters.len());
        let tape = Tape::new();
        Ok(Trainer { vae, config, parameters, optimiser, progress, gradient, tape, order: Vec::new(), ordered: None })
    }

    /// The model.
    pub fn vae(&self) -> &Vae {
        &self.vae
    }

    /// How it is trained.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The flat parameter buffer.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// The optimiser's state.
    pub fn optimiser(&self) -> &AmsGrad<T> {
        &self.optimiser
    }

    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Updates in an epoch of so many rows.
    pub fn updates_per_epoch(&self, rows: usize) -> u64 {
        rows.div_ceil(self.config.batch_size) as u64
    }

    /// Updates of the whole run.
    pub fn total_updates(&self, rows: usize) -> u64 {
        match self.config.length {
            Length::Epochs(epochs) => epochs * self.updates_per_epoch(rows),
            Length::Updates(updates) => updates,
        }
    }

    /// Trains to the end, or until the observer interrupts.
    ///
    /// # Errors
    /// If there are no rows, the objective or its gradient stops being finite (the parameters are then still those
    /// before that update), or the observer fails.
    pub fn run(
        &mut self,
        data: &Data<T>,
        validation: Option<&Data<T>>,
        observer: &mut impl Observer<T>,
    ) -> Result<Outcome, Error> {
        if data.rows() == 0 {
            return Err(Error::NoRows);
        }
        let total = self.total_updates(data.rows());
        let per_epoch = self.updates_per_epoch(data.rows());
        while self.progress.update < total {
            let step = self.update(data, total)?;
            if self.progress.step == per_epoch || self.progress.update == total {
                let report = Epoch {
                    epoch: self.progress.epoch + 1,
                    update: self.progress.update,
                    objective: self.progress.objective_sum / self.progress.rows as f64,
                    gradient_norm: self.progress.norm_sum / self.progress.step as f64,
                    learning_rate: step.learning_rate,
                    validation: validation.map(|rows| self.validate(rows)),
                };
                let Progress { epoch, update, .. } = self.progress;
                self.progress = Progress { epoch: epoch + 1, update, ..Progress::default() };
                observer.epoch_ended(self, &report)?;
            }
            if observer.updated(self, &step)?.is_break() && self.progress.update < total {
                return Ok(Outcome::Interrupted);
            }
        }
        Ok(Outcome::Finished)
    }

    /// One update: a minibatch, its objective and gradient, clipping, AMSGrad.
    ///
    /// # Errors
    /// If the objective or the gradient's norm is not finite; the parameters then stay as they were.
    pub fn update(&mut self, data: &Data<T>, total_updates: u64) -> Result<Step, Error> {
        let Progress { epoch, step, update, .. } = self.progress;
        let seed = self.config.seed;
        if self.ordered != Some(epoch) {
            shuffled(data.rows(), &mut stream(seed, Purpose::Shuffle, epoch, 0), &mut self.order);
            self.ordered = Some(epoch);
        }
        let first = step as usize * self.config.batch_size;
        let last = (first + self.config.batch_size).min(self.order.len());
        let rows = self.order[first..last].iter().map(|&n| n as usize);

        let mut noise = stream(seed, Purpose::Latent, epoch, step);
        let mut dropout = stream(seed, Purpose::Dropout, epoch, step);
        let mut g = self.tape.graph(&self.parameters);
        let batch = Batch::record(&mut g, data, rows);
        let (randomness, mode) = (Randomness::Stream(&mut noise), Mode::Train(&mut dropout));
        let recorded = record(&mut g, &self.vae, &self.config.objective, batch, randomness, mode);
        let objective = g.item(recorded.value).to_f64();
        // The optimiser minimises, the bound is maximised.
        recorded.backward(&mut g, -T::ONE, Wanted::All, &mut self.gradient);
        let gradient_norm = sum_of_squares(&self.gradient).sqrt();
        for (what, value) in [("objective", objective), ("norm of the gradient", gradient_norm)] {
            if !value.is_finite() {
                return Err(Error::NotFinite { what, value, epoch: epoch + 1, update: update + 1 });
            }
        }

        let learning_rate = self.config.schedule.rate(self.config.learning_rate, update, total_updates);
        let factor = clip_factor(gradient_norm, self.config.clip);
        self.optimiser.step(&mut self.parameters, &self.gradient, factor, learning_rate);
        self.progress.step += 1;
        self.progress.update += 1;
        self.progress.rows += batch.rows as u64;
        self.progress.objective_sum += objective * batch.rows as f64;
        self.progress.norm_sum += gradient_norm;
        Ok(Step { objective, gradient_norm, learning_rate })
    }

    /// Mean of the bound over some rows, networks in evaluation mode, in nats of model units.
    fn validate(&mut self, data: &Data<T>) -> f64 {
        let mut total = 0.0;
        for (step, first) in (0..data.rows()).step_by(self.config.batch_size).enumerate() {
            let rows = first..(first + self.config.batch_size).min(data.rows());
            let mut noise = stream(self.config.seed, Purpose::Validate, self.progress.epoch, step as u64);
            let mut g = self.tape.graph(&self.parameters);
            let batch = Batch::record(&mut g, data, rows);
            let randomness = Randomness::Stream(&mut noise);
            let recorded = record(&mut g, &self.vae, &self.config.objective, batch, randomness, Mode::Evaluate);
            total += g.item(recorded.value).to_f64() * batch.rows as f64;
        }
        total / data.rows() as f64
    }
}
