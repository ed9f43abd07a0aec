//! The configurations, and the data and parameters that a timing starts from.

use anyhow::{Context, Result};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::StandardNormal;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{Array, Arrays};

/// Minibatches in a table.
const BATCHES: usize = 20;

/// The sizes of an experiment.
struct Preset {
    columns: usize,
    latent: usize,
    hidden: usize,
    blocks: usize,
    batch: usize,
    clip: f64,
    min_scale: f64,
}

const MOG: Preset = Preset { columns: 5, latent: 2, hidden: 200, blocks: 3, batch: 64, clip: 10.0, min_scale: 0.0 };
const UCI: Preset = Preset { columns: 21, latent: 16, hidden: 256, blocks: 2, batch: 512, clip: 5.0, min_scale: 1e-5 };

/// Model, bound and sample counts of a step.
///
/// Without a mixture, a sample is one from "each" of a single component: the objective is the stratified one with
/// `components` = 1, and there is one code path.
#[derive(Clone, Copy, Debug)]
pub struct Problem {
    pub columns: usize,
    pub latent: usize,
    pub hidden: usize,
    pub blocks: usize,
    pub components: usize,
    pub encoder_min_scale: f64,
    pub decoder_min_scale: f64,
    /// The log of a mean over `importance_samples`, instead of a mean of logs.
    pub importance: bool,
    /// Z
    pub monte_carlo_samples: usize,
    /// I
    pub importance_samples: usize,
    /// Detach the posterior's parameters inside log q(z|x_obs).
    pub sticking_the_landing: bool,
}

impl Problem {
    /// Samples from each component of each row.
    pub fn samples(&self) -> usize {
        self.monte_carlo_samples * self.importance_samples
    }

    /// The width of the encoder's output: means, raw scales and, of a mixture, logits.
    pub fn encoder_outputs(&self) -> usize {
        2 * self.components * self.latent + if self.components > 1 { self.components } else { 0 }
    }

    /// Weights and biases uniform on ±1/sqrt(fan_in).
    pub(crate) fn initial_parameters(&self, rng: &mut impl Rng) -> Arrays {
        let mut parameters = Arrays::new();
        for (net, inputs, outputs) in
            [("enc", 2 * self.columns, self.encoder_outputs()), ("dec", self.latent, 2 * self.columns)]
        {
            let mut layers =
                vec![("input".to_string(), inputs, self.hidden), ("output".to_string(), self.hidden, outputs)];
            for block in 0..self.blocks {
                for linear in ["linear1", "linear2"] {
                    layers.push((format!("blocks.{block}.{linear}"), self.hidden, self.hidden));
                }
            }
            for (layer, fan_in, fan_out) in layers {
                let bound = 1.0 / (fan_in as f64).sqrt();
                for (kind, shape) in [("weight", vec![fan_out, fan_in]), ("bias", vec![fan_out])] {
                    let count = shape.iter().product();
                    let data = (0..count).map(|_| rng.random_range(-bound..bound)).collect();
                    parameters.insert(format!("{net}:{layer}.{kind}"), Array { shape, data });
                }
            }
        }
        parameters
    }
}

/// A row of the comparison.
pub(crate) struct Config {
    pub(crate) name: &'static str,
    pub(crate) problem: Problem,
    pub(crate) batch: usize,
    pub(crate) clip: f64,
}

impl Config {
    fn new(name: &'static str, preset: &Preset, importance: bool, components: usize, samples: usize) -> Self {
        let problem = Problem {
            columns: preset.columns,
            latent: preset.latent,
            hidden: preset.hidden,
            blocks: preset.blocks,
            components,
            encoder_min_scale: preset.min_scale,
            decoder_min_scale: preset.min_scale,
            importance,
            monte_carlo_samples: if importance { 1 } else { samples },
            importance_samples: if importance { samples } else { 1 },
            sticking_the_landing: true,
        };
        Self { name, problem, batch: preset.batch, clip: preset.clip }
    }
}

/// Those with the names, in their order; all if there are none.
pub(crate) fn configurations(names: &[String]) -> Result<Vec<Config>> {
    let mut all = vec![
        Config::new("MVAE-5", &MOG, false, 1, 5),
        Config::new("MIWAE-5", &MOG, true, 1, 5),
        Config::new("MissSVAE-5", &MOG, false, 5, 1),
        Config::new("MissSIWAE-5", &MOG, true, 5, 1),
        Config::new("MVAE-25", &MOG, false, 1, 25),
        Config::new("MIWAE-25", &MOG, true, 1, 25),
        Config::new("MissSVAE-25", &MOG, false, 25, 1),
        Config::new("MissSIWAE-25", &MOG, true, 25, 1),
        Config::new("UCI-MissSVAE-5", &UCI, false, 5, 1),
    ];
    if names.is_empty() {
        return Ok(all);
    }
    let known = all.iter().map(|config| config.name).collect::<Vec<_>>().join(", ");
    names
        .iter()
        .map(|name| {
            let index = all.iter().position(|config| config.name == name);
            let index = index.with_context(|| format!("unknown configuration {name}; there are {known}, each once"))?;
            Ok(all.remove(index))
        })
        .collect()
}

/// Incomplete rows, and the order in which an epoch visits them.
pub struct Table {
    /// `[rows, columns]`, 0 where missing.
    pub x: Array,
    /// `[rows, columns]`, 1 where observed.
    pub mask: Array,
    /// The rows of each minibatch.
    pub batches: Vec<Vec<u32>>,
}

impl Table {
    /// Standard normal rows with half of the cells missing, never a whole row.
    pub(crate) fn random(config: &Config, rng: &mut Xoshiro256PlusPlus) -> Self {
        let (rows, columns) = (BATCHES * config.batch, config.problem.columns);
        let mut mask = Vec::with_capacity(rows * columns);
        for _ in 0..rows {
            let mut row: Vec<bool> = (0..columns).map(|_| rng.random()).collect();
            if !row.contains(&true) {
                row[rng.random_range(0..columns)] = true;
            }
            mask.extend(row.into_iter().map(|observed| f64::from(u8::from(observed))));
        }
        let x = mask.iter().map(|observed| observed * rng.sample::<f64, _>(StandardNormal)).collect();
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.shuffle(rng);
        let shape = vec![rows, columns];
        Self {
            x: Array { shape: shape.clone(), data: x },
            mask: Array { shape, data: mask },
            batches: order.chunks(config.batch).map(<[u32]>::to_vec).collect(),
        }
    }
}

/// The random numbers behind a timing's data and parameters.
pub(crate) fn generator(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}
