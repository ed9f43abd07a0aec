//! The settings of the paper's experiments (docs/methods.md §8).

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use missvae::objective::Method;

use super::{ChainOption, ScheduleOption, TrainOptions};
use crate::failure::{Failure, Result};

/// The first row of the published MNIST that is for validation.
pub(crate) const MNIST_ROWS: usize = 54_000;

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
    /// Binarised MNIST, 28 × 28 pixels: its 60,000 training images, the last 6,000 of them for validation
    Mnist,
    /// Omniglot, 105 × 105 pixels made 28 × 28 and binary, with networks twice as wide
    Omniglot,
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
            Preset::Mnist | Preset::Omniglot => 784,
        }
    }

    /// Refuses a table of another width than that of the preset's data set from the UCI repository. The other presets are
    /// for any table, and for images of their size.
    pub(crate) fn check_columns(self, columns: usize) -> Result<()> {
        let set = match self {
            Preset::Gas => "UCI Gas",
            Preset::Power => "UCI Power",
            Preset::Hepmass => "UCI Hepmass",
            Preset::Miniboone => "UCI MiniBooNE",
            Preset::Mog | Preset::Mnist | Preset::Omniglot => return Ok(()),
        };
        match self.columns() {
            expected if columns == expected => Ok(()),
            expected => Err(Failure::usage_hint(
                format!("the preset is for {set}, which has {expected} columns, and the table has {columns}"),
                "give the options that are wanted of it one by one (docs/uci.md), or choose columns by --columns",
            )),
        }
    }

    /// Whether its rows are images.
    pub(crate) fn of_images(self) -> bool {
        matches!(self, Preset::Mnist | Preset::Omniglot)
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
            Preset::Mnist | Preset::Omniglot => {
                TrainOptions { sampler: Some(ChainOption::PseudoGibbs), iterations: Some(1), ..options }
            }
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

    /// Networks and training on images; the widths are those of MNIST times `wider`.
    fn images(wider: usize) -> TrainOptions {
        let widths = |widths: [usize; 4]| Some(widths.map(|width| (wider * width).to_string()).join(","));
        TrainOptions {
            image_size: Some(28),
            encoder_widths: widths([32, 64, 128, 256]),
            decoder_widths: widths([128, 64, 32, 32]),
            latent: Some(50),
            dropout: Some(0.3),
            encoder_min_scale: Some(1e-5),
            learning_rate: Some(1e-4),
            schedule: Some(ScheduleOption::Cosine),
            clip: Some(5.0),
            hide_quadrants: Some(2),
            ..TrainOptions::default()
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
                // docs/methods.md §1: the published configurations differ here from method to method.
                encoder_min_scale: Some(if matches!(method, "miss-vae" | "miss-iwae") { 1e-5 } else { 0.0 }),
                decoder_min_scale: Some(0.0),
                batch_size: Some(64),
                updates: None,
                epochs: Some(500),
                schedule: Some(ScheduleOption::Constant),
                clip: Some(10.0),
                ..tables
            },
            Preset::Mnist => TrainOptions {
                batch_size: Some(200),
                epochs: Some(500),
                validation_from: Some(MNIST_ROWS),
                ..Self::images(1)
            },
            // 0.6 of the 85 per cent that are not for testing.
            Preset::Omniglot => TrainOptions {
                batch_size: Some(150),
                epochs: Some(200),
                validation: Some("0.007".to_owned()),
                resize: Some(true),
                ..Self::images(2)
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
