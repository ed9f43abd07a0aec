//! The settings of the paper's experiments on tables (METHODS §8).

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use models::method::Method;

use super::{ChainOption, ScheduleOption, TrainOptions};

/// An experiment of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Preset {
    /// Mixture-of-Gaussians data with a two-dimensional latent space (section 6.1)
    Mog,
    /// UCI Gas (section 6.2)
    Gas,
    /// UCI Power
    Power,
    /// UCI Hepmass
    Hepmass,
    /// UCI MiniBooNE
    Miniboone,
}

impl Preset {
    /// What it says. The tables come standardised.
    pub(crate) fn options(self, method: Method) -> TrainOptions {
        let options = self.networks_and_training(method.name);
        match method.bound() {
            Some(_) => options,
            None => self.renewal(options),
        }
    }

    /// Columns of the experiment's table.
    pub(crate) fn columns(self) -> usize {
        match self {
            Preset::Mog => 5,
            Preset::Gas => 8,
            Preset::Power => 6,
            Preset::Hepmass => 21,
            Preset::Miniboone => 43,
        }
    }

    /// Adds how imputations are renewed, and what else differs where there are some.
    fn renewal(self, options: TrainOptions) -> TrainOptions {
        match self {
            Preset::Mog => TrainOptions {
                sampler: Some(ChainOption::Lair),
                iterations: Some(1),
                proposals: Some(1),
                replenish: Some(0),
                ..options
            },
            Preset::Gas | Preset::Power | Preset::Hepmass | Preset::Miniboone => TrainOptions {
                sampler: Some(ChainOption::Lair),
                iterations: Some(10),
                proposals: Some(1),
                replenish: Some(1),
                resample_final: Some(true),
                mask_input: Some(self == Preset::Power),
                clip: Some(if self == Preset::Power { 0.5 } else { 1.0 }),
                ..options
            },
        }
    }

    fn networks_and_training(self, method: &str) -> TrainOptions {
        let tables = TrainOptions {
            latent: Some(16),
            hidden: Some(256),
            encoder_blocks: Some(2),
            decoder_blocks: Some(2),
            dropout: Some(0.0),
            encoder_min_scale: Some(1e-5),
            decoder_min_scale: Some(1e-5),
            batch_size: Some(512),
            updates: Some(200_000),
            learning_rate: Some(1e-3),
            schedule: Some(ScheduleOption::Cosine),
            clip: Some(5.0),
            no_standardize: Some(true),
            ..TrainOptions::default()
        };
        match self {
            Preset::Mog => TrainOptions {
                latent: Some(2),
                hidden: Some(200),
                encoder_blocks: Some(3),
                decoder_blocks: Some(3),
                // METHODS §1: the published configurations differ here from method to method.
                encoder_min_scale: Some(if matches!(method, "miss-vae" | "miss-iwae") { 1e-5 } else { 0.0 }),
                decoder_min_scale: Some(0.0),
                batch_size: Some(64),
                updates: None,
                epochs: Some(500),
                schedule: Some(ScheduleOption::Constant),
                clip: Some(10.0),
                ..tables
            },
            Preset::Gas | Preset::Power | Preset::Hepmass => tables,
            Preset::Miniboone => TrainOptions {
                latent: Some(32),
                encoder_blocks: Some(5),
                dropout: Some(0.5),
                batch_size: Some(1024),
                updates: Some(22_000),
                ..tables
            },
        }
    }
}
