//! The settings of the paper's experiments (docs/methods.md §8).

use super::choices::{ChainKind, Preset};
use super::error::{Error, Result};
use super::options::Options;
use crate::objective::Method;
use crate::trainer::Schedule;

/// Rows of the published MNIST to train on. The rest are for validation.
pub const MNIST_TRAINING_ROWS: usize = 54_000;

impl Preset {
    /// Its options for a method. The data of the table presets come standardised.
    pub fn options(self, method: Method) -> Options {
        let options = self.networks_and_training(method.name);
        match method.bound() {
            Some(_) => options,
            None => self.imputations(options),
        }
    }

    /// Columns of the experiment's table.
    pub fn columns(self) -> usize {
        match self {
            Preset::Mog => 5,
            Preset::Gas => 8,
            Preset::Power => 6,
            Preset::Hepmass => 21,
            Preset::Miniboone => 43,
            Preset::Mnist | Preset::Omniglot => 784,
        }
    }

    /// Refuses a table of another width than that of the preset's data set from the UCI repository. The other presets
    /// are for any table, and for images of their size.
    ///
    /// # Errors
    /// If the table has another width.
    pub fn check_columns(self, columns: usize) -> Result<()> {
        let dataset = match self {
            Preset::Gas => "UCI Gas",
            Preset::Power => "UCI Power",
            Preset::Hepmass => "UCI Hepmass",
            Preset::Miniboone => "UCI MiniBooNE",
            Preset::Mog | Preset::Mnist | Preset::Omniglot => return Ok(()),
        };
        match self.columns() {
            expected if columns == expected => Ok(()),
            expected => Err(Error::PresetColumns { dataset, expected, columns }),
        }
    }

    /// Whether its rows are images.
    pub fn of_images(self) -> bool {
        matches!(self, Preset::Mnist | Preset::Omniglot)
    }

    /// Adds the options of methods that keep imputations.
    fn imputations(self, options: Options) -> Options {
        match self {
            Preset::Mog => Options {
                sampler: Some(ChainKind::Lair),
                iterations: Some(1),
                proposals: Some(1),
                replenish: Some(0),
                ..options
            },
            Preset::Mnist | Preset::Omniglot => {
                Options { sampler: Some(ChainKind::PseudoGibbs), iterations: Some(1), ..options }
            }
            Preset::Gas | Preset::Power | Preset::Hepmass | Preset::Miniboone => Options {
                sampler: Some(ChainKind::Lair),
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
    fn images(wider: usize) -> Options {
        let widths = |widths: [usize; 4]| Some(widths.map(|width| (wider * width).to_string()).join(","));
        Options {
            image_size: Some(28),
            encoder_widths: widths([32, 64, 128, 256]),
            decoder_widths: widths([128, 64, 32, 32]),
            latent: Some(50),
            dropout: Some(0.3),
            encoder_min_scale: Some(1e-5),
            learning_rate: Some(1e-4),
            schedule: Some(Schedule::Cosine),
            clip: Some(5.0),
            hide_quadrants: Some(2),
            ..Options::default()
        }
    }

    fn networks_and_training(self, method: &str) -> Options {
        let tables = Options {
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
            schedule: Some(Schedule::Cosine),
            clip: Some(5.0),
            no_standardize: Some(true),
            ..Options::default()
        };
        match self {
            Preset::Mog => Options {
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
                schedule: Some(Schedule::Constant),
                clip: Some(10.0),
                ..tables
            },
            Preset::Mnist => Options {
                batch_size: Some(200),
                epochs: Some(500),
                validation_from: Some(MNIST_TRAINING_ROWS),
                ..Self::images(1)
            },
            // 0.6 of the 85 per cent that are not for testing.
            Preset::Omniglot => Options {
                batch_size: Some(150),
                epochs: Some(200),
                validation: Some("0.007".to_owned()),
                resize: Some(true),
                ..Self::images(2)
            },
            Preset::Gas | Preset::Power | Preset::Hepmass => tables,
            Preset::Miniboone => Options {
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

impl Options {
    /// The options merged over those of their preset, if they name one.
    pub fn with_preset(self) -> Options {
        match self.preset {
            Some(preset) => {
                let below = preset.options(self.method_or_default());
                self.merge(below)
            }
            None => self,
        }
    }
}
