//! Whole training steps, timed one by one.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use models::Error;
use models::data::Data;
use models::trainer::{Epoch, Objective, Observer, Step, Trainer};
use models::vae::Vae;
use samplers::draw::fill_standard_normal;
use samplers::stream::{Purpose, stream};

use crate::config::Config;

/// Minibatches of the table, as in `peers/step_torch.py`.
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
    /// Prepares a configuration's training and makes the first updates.
    pub fn new(config: &Config) -> Self {
        let trainer = Trainer::new(Vae::new(config.vae.clone()), config.train.clone());
        let mut training = Training { trainer: trainer.expect("options that fit together"), data: table(config) };
        let mut left = WARM_UP;
        training.run(|_| {
            left -= 1;
            if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        training
    }

    /// Trains on, and calls `each` with the time that each update took, until it breaks.
    ///
    /// An update is gathering the minibatch, the objective and its gradient, clipping, AMSGrad; the first of an epoch also
    /// shuffles the rows.
    pub fn run(&mut self, each: impl FnMut(Duration) -> ControlFlow<()>) {
        let mut stopwatch = Stopwatch { last: Instant::now(), each };
        self.trainer.run(&self.data, None, &mut stopwatch).expect("the objective stays finite");
    }
}

struct Stopwatch<F> {
    last: Instant,
    each: F,
}

impl<F: FnMut(Duration) -> ControlFlow<()>> Observer<f32> for Stopwatch<F> {
    fn updated(&mut self, _: &Trainer<f32>, _: &Step) -> Result<ControlFlow<()>, Error> {
        let flow = (self.each)(self.last.elapsed());
        self.last = Instant::now();
        Ok(flow)
    }
    fn epoch_ended(&mut self, _: &Trainer<f32>, _: &Epoch) -> Result<(), Error> {
        Ok(())
    }
}

/// Standard normal rows; half of the cells are missing, unless the encoder needs them all.
fn table(config: &Config) -> Data<f32> {
    let (rows, columns) = (BATCHES * config.train.batch_size, config.vae.columns);
    let finite = matches!(config.train.objective, Objective::FiniteMixture(_));
    match finite && config.vae.encoder_input.completed() {
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
