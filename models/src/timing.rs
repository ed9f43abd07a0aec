//! Whole training steps on made-up rows, timed one by one.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use autodiff::profile::Profile;
use samplers::draw::fill_standard_normal;
use samplers::stream::{Purpose, stream};

use crate::Error;
use crate::data::Data;
use crate::network::{Vae, VaeConfig};
use crate::trainer::{Length, Objective, Observer, TrainConfig, Trainer, UpdateMetrics};

/// Minibatches of the table, as in `benches/peers/step_torch.py`.
const BATCHES: usize = 20;
/// Updates before the first timed one.
const WARM_UP: usize = 20;

/// A model in training on a table of standard normal cells, half of them missing.
#[derive(Debug)]
pub struct Training {
    trainer: Trainer<f32>,
    data: Data<f32>,
}

impl Training {
    /// Rows of the table, for minibatches of this size.
    pub fn rows(batch_size: usize) -> usize {
        BATCHES * batch_size
    }

    /// Prepares training without end (the length in `train` is ignored), and makes the first updates.
    ///
    /// # Errors
    /// If the options do not fit together, or the objective stops being finite.
    pub fn new(vae: &VaeConfig, train: &TrainConfig) -> Result<Self, Error> {
        let data = table(vae, train);
        let train = TrainConfig { length: Length::Updates(u64::MAX), ..train.clone() };
        let trainer = Trainer::new(Vae::new(vae.clone()), train)?;
        let mut training = Training { trainer, data };
        training.steps(WARM_UP)?;
        Ok(training)
    }

    /// Makes this many updates, at least one, and returns the time of each.
    ///
    /// # Errors
    /// If the objective stops being finite.
    pub fn steps(&mut self, count: usize) -> Result<Vec<Duration>, Error> {
        let mut times = Vec::with_capacity(count);
        self.run(|duration| {
            times.push(duration);
            if times.len() < count { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(times)
    }

    /// As [`steps`](Training::steps), with a profile of the operations.
    ///
    /// # Errors
    /// As there.
    pub fn profiled(&mut self, count: usize) -> Result<(Vec<Duration>, Profile), Error> {
        self.trainer.start_profile();
        let times = self.steps(count);
        let profile = self.trainer.take_profile().unwrap_or_default();
        Ok((times?, profile))
    }

    /// Goes on training, and calls `each` with the time of each update, until it breaks.
    ///
    /// An update is gathering the minibatch, the objective and its gradient, clipping, AMSGrad; the first of an epoch
    /// also shuffles the rows.
    ///
    /// # Errors
    /// If the objective stops being finite.
    pub fn run(&mut self, each: impl FnMut(Duration) -> ControlFlow<()>) -> Result<(), Error> {
        let mut stopwatch = Stopwatch { last: Instant::now(), each };
        self.trainer.run(&self.data, None, &mut stopwatch)?;
        Ok(())
    }
}

struct Stopwatch<F> {
    last: Instant,
    each: F,
}

impl<F: FnMut(Duration) -> ControlFlow<()>> Observer<f32> for Stopwatch<F> {
    type Error = Infallible;

    fn updated(&mut self, _: &Trainer<f32>, _: &UpdateMetrics) -> Result<ControlFlow<()>, Infallible> {
        let flow = (self.each)(self.last.elapsed());
        self.last = Instant::now();
        Ok(flow)
    }
}

/// Standard normal rows; half of the cells are missing, unless the encoder needs them all.
fn table(vae: &VaeConfig, train: &TrainConfig) -> Data<f32> {
    let (rows, columns) = (Training::rows(train.batch_size), vae.columns);
    let finite = matches!(train.objective, Objective::FiniteMixture(_));
    match finite && vae.encoder_input.completed() {
        false => incomplete_table(rows, columns),
        true => {
            let mut values = vec![0.0; rows * columns];
            fill_standard_normal(&mut stream(0, Purpose::Generate, 0, 0), &mut values);
            Data::new(columns, values, vec![true; rows * columns])
        }
    }
}

/// Standard normal rows with half of the cells missing, never a whole row.
fn incomplete_table(rows: usize, columns: usize) -> Data<f32> {
    let mut rng = stream(0, Purpose::Generate, 0, 0);
    let [mut values, mut chance] = [(); 2].map(|()| vec![0.0; rows * columns]);
    fill_standard_normal(&mut rng, &mut values);
    fill_standard_normal(&mut rng, &mut chance);
    let mut observed: Vec<bool> = chance.iter().map(|&x: &f32| x < 0.0).collect();
    for (n, row) in observed.chunks_exact_mut(columns).enumerate() {
        if !row.contains(&true) {
            row[n % columns] = true;
        }
    }
    Data::new(columns, values, observed)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::objective::{Bound, ObjectiveConfig};
    use crate::trainer::Schedule;

    /// The tape counts the operations of every product of a step; by hand they are: each weight in three products of
    /// rows × in × out (forward, weight gradient, data gradient), but for the data gradient of the encoder's input.
    #[test]
    fn the_products_of_a_step_are_counted() {
        let (columns, latent, hidden, batch, copies) = (5, 2, 8, 16, 3);
        let vae = VaeConfig {
            components: copies,
            hidden,
            encoder_blocks: 1,
            encoder_min_scale: 0.0,
            decoder_min_scale: 0.0,
            ..VaeConfig::new(columns, latent)
        };
        let objective = ObjectiveConfig::new(Bound::Selbo, copies);
        let train = TrainConfig {
            objective: objective.into(),
            batch_size: batch,
            length: Length::Updates(1),
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            clip: None,
            seed: 0,
        };
        let mut training = Training::new(&vae, &train).unwrap();
        let (times, profile) = training.profiled(3).unwrap();
        assert_eq!(times.len(), 3);
        let counted: u64 = profile.entries().iter().map(|entry| entry.operations).sum();
        let out = 2 * latent * copies + copies;
        let encoder = 2 * (2 * columns * hidden) + 3 * (2 * hidden * hidden + hidden * out);
        let decoder = 3 * (latent * hidden + 4 * hidden * hidden + hidden * 2 * columns);
        assert_eq!(counted, 3 * 2 * (batch * encoder + batch * copies * decoder) as u64);
    }
}
