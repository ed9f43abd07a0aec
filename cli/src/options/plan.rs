//! All options of a training run, resolved and checked.

use std::path::PathBuf;

use missvae::network::{EncoderInput, ImageSizes, Vae, VaeConfig};
use missvae::objective::{CompletedObjectiveConfig, Family, METHODS, Method};
use missvae::trainer::{ImputationTraining, Length, Objective, TrainConfig};
use samplers::chains::{Lair, Sampler};

use super::{ScheduleOption, TrainOptions};
use crate::failure::{Failure, Result};
use crate::output::counted;
use missvae::table::closest;

/// Updates that a run without `--epochs` and `--updates` aims at.
const DEFAULT_UPDATES: u64 = 10_000;
/// The longest run that is believed to be meant, in epochs or updates.
const LONGEST: u64 = 1_000_000_000;
/// The largest images, in pixels a side; the most stages of a network for them, and channels of a stage.
const MOST_PIXELS: usize = 1024;
const MOST_STAGES: usize = 10;
const MOST_WIDTH: usize = 1 << 12;
/// The most blocks of a network.
const MOST_BLOCKS: usize = 1000;
/// The most parameters of a model; more are a slip of the pen.
const MOST_PARAMETERS: usize = 1 << 31;
/// The most numbers that the activations of an update may have: 128 GiB.
pub(super) const MOST_ACTIVATIONS: usize = 1 << 35;

/// A training run, settled.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The options, every one with its value: what `config.toml` says.
    pub(crate) options: TrainOptions,
    /// The method.
    pub(crate) method: Method,
    /// The model.
    pub(crate) vae: VaeConfig,
    /// The training.
    pub(crate) train: TrainConfig,
}

/// Share of observed cells to hide, checked.
pub(crate) struct Hidden(pub(crate) f64);

/// Where validation rows come from.
pub(crate) enum Validation {
    /// Another table.
    File(PathBuf),
    /// A share of the rows.
    Fraction(f64),
    /// The rows from this one on.
    From(usize),
}

/// Numbers with commas between them.
fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// `value` if `holds`, else an error that names the option.
pub(super) fn check<T: std::fmt::Display>(option: &str, value: T, holds: bool, expected: &str) -> Result<T> {
    match holds {
        true => Ok(value),
        false => Err(Failure::usage(format!("--{option} {value}: expected {expected}"))),
    }
}

/// Checks that a model, and an update with so many rows for the encoder and points for the decoder, could fit into some
/// machine's memory.
pub(crate) fn check_size(vae: &VaeConfig, encoded: usize, decoded: usize) -> Result<()> {
    let parameters = Vae::new(vae.clone()).layout().len();
    if parameters > MOST_PARAMETERS {
        return Err(Failure::usage_hint(
            format!("the networks would have {parameters} parameters; expected at most {MOST_PARAMETERS}"),
            "lower --hidden, --components, --latent, the numbers of blocks or the widths",
        ));
    }
    // Those of the layers, and as many gradients. A stage of images has about twenty values of their size.
    let [of_row, of_point] = match &vae.images {
        None => [vae.encoder_blocks, vae.decoder_blocks].map(|blocks| 2 * vae.hidden.saturating_mul(2 * blocks + 1)),
        Some(images) => {
            let stage = |halved: usize, width: &usize| (images.size >> halved).pow(2) * width;
            let encoder = images.encoder_widths.iter().enumerate();
            // The last two stages of the decoder have the images' size, and each one before half of it.
            let decoder = images.decoder_widths.iter().rev().enumerate();
            [
                40 * encoder.map(|(n, width)| stage(n, width)).sum::<usize>(),
                40 * decoder.map(|(n, width)| stage(n.saturating_sub(1), width)).sum::<usize>(),
            ]
        }
    };
    // A point's log density under the mixture, and its gradient, have a number or two of each component.
    let of_point = of_point.saturating_add(2 * (vae.components + vae.latent + vae.columns));
    let activations = encoded.saturating_mul(of_row).saturating_add(decoded.saturating_mul(of_point));
    if activations > MOST_ACTIVATIONS {
        return Err(Failure::usage_hint(
            format!(
                "an update on {} and {} would take more than {} GB of memory",
                counted(encoded, "row"),
                counted(decoded, "sample"),
                activations >> 28
            ),
            "lower --batch-size, --samples, --importance-samples or --components",
        ));
    }
    Ok(())
}

/// Checks the same of the imputations of so many rows, and of their renewal in a minibatch.
fn check_imputations(training: &ImputationTraining, vae: &VaeConfig, rows: usize, batch: usize) -> Result<()> {
    let copies = training.objective.imputations;
    let kept = rows.saturating_mul(copies).saturating_mul(vae.columns + vae.latent);
    let points = match training.sampler.sampler {
        Sampler::PseudoGibbs | Sampler::MetropolisWithinGibbs { .. } => copies,
        Sampler::Lair(lair) => lair_points(&lair, copies, training.sampler.iterations),
    };
    let renewed = batch.saturating_mul(points).saturating_mul(vae.latent + 2 * vae.columns);
    match kept.max(renewed) {
        numbers if numbers <= MOST_ACTIVATIONS => Ok(()),
        numbers => Err(Failure::usage_hint(
            format!("the imputations, or renewing them, would take more than {} GB of memory", numbers >> 28),
            "lower --components, --proposals, --replenish or, with --resample-final, --iterations",
        )),
    }
}

/// Latent points of a row that LAIR holds at a time.
pub(crate) fn lair_points(lair: &Lair, copies: usize, iterations: usize) -> usize {
    let proposals = copies.saturating_add(lair.replenish).saturating_mul(lair.proposals);
    if lair.resample_final { proposals.saturating_mul(iterations) } else { proposals }
}

impl Plan {
    /// Checks that minibatches of so many rows have what batch normalisation divides by, before anything is begun.
    pub(crate) fn check_minibatches(&self, rows: usize) -> Result<()> {
        match self.train.has_single_values(&Vae::new(self.vae.clone()), rows) {
            true => Err(missvae::Error::SingleValues.into()),
            false => Ok(()),
        }
    }
}

impl TrainOptions {
    /// The method that the options name.
    pub(crate) fn method(&self) -> Result<Method> {
        let name = self.method.as_deref().unwrap_or("miss-svae");
        Method::named(name).ok_or_else(|| {
            let names: Vec<String> = METHODS.iter().map(|m| m.name.to_owned()).collect();
            let what = format!("--method {name}: expected one of {}", names.join(", "));
            Failure::Usage { what, hint: closest(name, &names).map(|near| format!("did you mean {near}?")) }
        })
    }

    /// Lays the preset under the options.
    pub(crate) fn with_preset(self) -> Result<TrainOptions> {
        let method = self.method()?;
        Ok(match self.preset {
            Some(preset) => self.over(preset.options(method)),
            None => self,
        })
    }

    /// Share of observed cells to hide.
    pub(crate) fn hidden(&self) -> Result<Hidden> {
        let rate = self.hide.unwrap_or(0.0);
        check("hide", rate, (0.0..1.0).contains(&rate), "a share of at least 0 and below 1").map(Hidden)
    }

    /// Quadrants of each image to hide.
    pub(crate) fn quadrants(&self) -> Result<usize> {
        let count = self.hide_quadrants.unwrap_or(0);
        check("hide-quadrants", count, count < 4, "from 0 to 3")
    }

    /// Validation rows, if any.
    pub(crate) fn validation(&self) -> Result<Option<Validation>> {
        let Some(text) = &self.validation else { return Ok(self.validation_from.map(Validation::From)) };
        Ok(Some(match text.parse::<f64>() {
            Ok(share) => Validation::Fraction(check(
                "validation",
                share,
                share > 0.0 && share < 1.0,
                "a file, or a share above 0 and below 1",
            )?),
            Err(_) if text == "-" => {
                let what = "--validation -: only the table itself can come from standard input";
                return Err(Failure::usage_hint(what, "give a file, or a share of the rows"));
            }
            Err(_) => Validation::File(PathBuf::from(text)),
        }))
    }

    /// The networks of an image model, if the rows are images.
    fn settle_images(&self) -> Result<Option<ImageSizes>> {
        let given = |pairs: &[(&'static str, bool)]| pairs.iter().find(|(_, given)| *given).map(|(name, _)| *name);
        let Some(size) = self.image_size else {
            let only_images = [
                ("resize", self.resize.is_some()),
                ("encoder-widths", self.encoder_widths.is_some()),
                ("decoder-widths", self.decoder_widths.is_some()),
                ("hide-quadrants", self.hide_quadrants.is_some()),
            ];
            return match given(&only_images) {
                None => Ok(None),
                Some(option) => {
                    let what = format!("--{option}: this is for images");
                    Err(Failure::usage_hint(what, "add --image-size, or a preset that has it"))
                }
            };
        };
        check("image-size", size, (1..=MOST_PIXELS).contains(&size), &format!("from 1 to {MOST_PIXELS} pixels"))?;
        let only_tables = [
            ("hidden", self.hidden.is_some()),
            ("blocks", self.blocks.is_some()),
            ("encoder-blocks", self.encoder_blocks.is_some()),
            ("decoder-blocks", self.decoder_blocks.is_some()),
            ("decoder-min-scale", self.decoder_min_scale.is_some()),
            ("columns", self.columns.is_some()),
            ("ignore-columns", self.ignore_columns.is_some()),
            ("no-standardize=false", self.no_standardize == Some(false)),
        ];
        if let Some(option) = given(&only_tables) {
            let what = format!("--{option}: this is for tables, and the rows are images");
            return Err(Failure::usage_hint(
                what,
                "leave it out; --encoder-widths and --decoder-widths size the networks",
            ));
        }
        self.quadrants()?;
        let widths = |option: &str, text: &Option<String>, default: [usize; 4]| match text {
            None => Ok(default.to_vec()),
            Some(text) => {
                let widths: Option<Vec<usize>> = text.split(',').map(|width| width.trim().parse().ok()).collect();
                let widths = widths.filter(|widths| {
                    widths.len() <= MOST_STAGES && widths.iter().all(|width| (1..=MOST_WIDTH).contains(width))
                });
                let expected =
                    format!("1 to {MOST_STAGES} numbers of channels from 1 to {MOST_WIDTH}, with commas between");
                widths.ok_or_else(|| Failure::usage(format!("--{option} {text}: expected {expected}")))
            }
        };
        Ok(Some(ImageSizes {
            size,
            encoder_widths: widths("encoder-widths", &self.encoder_widths, [32, 64, 128, 256])?,
            decoder_widths: widths("decoder-widths", &self.decoder_widths, [128, 64, 32, 32])?,
        }))
    }

    /// Settles every option for a table of so many rows and columns.
    ///
    /// Options must have been laid over a preset already.
    pub(crate) fn settle(mut self, rows: usize, columns: usize) -> Result<Plan> {
        let method = self.method()?;
        self.preset.map_or(Ok(()), |preset| preset.check_columns(columns))?;
        let positive = |option: &str, value: Option<usize>, default: usize| {
            let value = value.unwrap_or(default);
            check(option, value, value > 0, "at least 1")
        };
        let components = positive("components", self.components, if method.single() { 1 } else { 5 })?;
        if method.single() && components != 1 {
            return Err(Failure::usage_hint(
                format!("--components {components}: {} has a single component", method.name),
                "use miss-vae, miss-svae, miss-iwae or miss-siwae for a mixture",
            ));
        }
        let (default_samples, default_importance) = method.default_samples(components, 5);
        let samples = positive("samples", self.samples, default_samples)?;
        let importance_samples = positive("importance-samples", self.importance_samples, default_importance)?;
        let images = self.settle_images()?;
        let default_latent = if images.is_some() { 50 } else { ((columns + 1) / 3).clamp(2, 32) };
        let latent = positive("latent", self.latent, default_latent)?;
        let hidden = positive("hidden", self.hidden, if columns < 16 { 128 } else { 256 })?;
        let blocks = self.blocks.unwrap_or(2);
        let encoder_blocks = self.encoder_blocks.unwrap_or(blocks);
        let decoder_blocks = self.decoder_blocks.unwrap_or(blocks);
        let batch_size = positive("batch-size", self.batch_size, 64)?;
        for (option, size) in [
            ("components", components),
            ("samples", samples),
            ("importance-samples", importance_samples),
            ("latent", latent),
            ("hidden", hidden),
            ("batch-size", batch_size),
        ] {
            check(option, size, size <= 1 << 20, "at most 1048576")?;
        }

        let most_blocks = format!("at most {MOST_BLOCKS}");
        check("encoder-blocks", encoder_blocks, encoder_blocks <= MOST_BLOCKS, &most_blocks)?;
        check("decoder-blocks", decoder_blocks, decoder_blocks <= MOST_BLOCKS, &most_blocks)?;

        let dropout = self.dropout.unwrap_or(0.0);
        check("dropout", dropout, (0.0..1.0).contains(&dropout), "a probability of at least 0 and below 1")?;
        let min_scale = |option: &str, value: Option<f64>| {
            let value = value.unwrap_or(1e-5);
            check(option, value, value >= 0.0 && value.is_finite(), "a number of at least 0")
        };
        let encoder_min_scale = min_scale("encoder-min-scale", self.encoder_min_scale)?;
        let decoder_min_scale = min_scale("decoder-min-scale", self.decoder_min_scale)?;
        let learning_rate = self.learning_rate.unwrap_or(1e-3);
        check("learning-rate", learning_rate, learning_rate > 0.0 && learning_rate.is_finite(), "a number above 0")?;
        let clip = self.clip.unwrap_or(10.0);
        check("clip", clip, clip >= 0.0 && !clip.is_nan(), "a number of at least 0 (0: no limit)")?;
        let rate = self.hidden()?.0;
        self.validation()?;
        match (self.frechet_every, &self.feature_model) {
            (Some(every), Some(_)) => check("frechet-every", every, every > 0, "at least 1").map(|_| ())?,
            (None, None) => (),
            _ => return Err(Failure::usage("--frechet-every and --feature-model: one needs the other")),
        }

        let objective = match method.family {
            Family::FiniteMixture { bound, .. } => {
                self.refuse_renewal(method.name)?;
                self.settle_finite(method, bound, components, samples, importance_samples)?.into()
            }
            Family::ImputationMixture { decoder, encoder } => {
                let estimator = self.settle_completed(method.name)?;
                let config = CompletedObjectiveConfig { decoder, encoder, imputations: components, samples, estimator };
                config.check().map_err(missvae::Error::from)?;
                Objective::ImputationMixture(self.settle_renewal(config)?)
            }
        };
        let encoder_input = match (&objective, self.mask_input) {
            (Objective::FiniteMixture(_), Some(false)) => EncoderInput::Observed,
            (Objective::FiniteMixture(_), _) => EncoderInput::Incomplete,
            (Objective::ImputationMixture(_), Some(true)) => EncoderInput::CompletedAndMask,
            (Objective::ImputationMixture(_), _) => EncoderInput::Completed,
        };

        let per_epoch = rows.div_ceil(batch_size).max(1) as u64;
        let longest = format!("from 1 to {LONGEST}");
        let length = |option: &str, n: u64| check(option, n, (1..=LONGEST).contains(&n), &longest);
        let (epochs, updates) = match (self.epochs, self.updates) {
            (_, Some(updates)) => (None, Some(length("updates", updates)?)),
            (Some(epochs), None) => (Some(length("epochs", epochs)?), None),
            (None, None) => (Some((DEFAULT_UPDATES / per_epoch).clamp(10, 200)), None),
        };
        if let Objective::ImputationMixture(training) = &objective {
            // The default, the second epoch, may lie behind the end of a trial of one.
            let last = epochs.or(updates.map(|n| n.div_ceil(per_epoch))).unwrap_or(1).max(2);
            let from = training.renew_from;
            check("impute-from-epoch", from, from <= last, &format!("at most {last}, the last epoch of the run"))?;
        }
        let schedule = self.schedule.unwrap_or(ScheduleOption::Cosine);
        let seed = self.seed.unwrap_or(0);
        let train = TrainConfig {
            objective,
            batch_size,
            length: updates.map_or_else(|| Length::Epochs(epochs.unwrap_or(1)), Length::Updates),
            learning_rate,
            schedule: schedule.into(),
            clip: (clip > 0.0).then_some(clip),
            seed,
        };
        let vae = VaeConfig {
            columns,
            latent,
            components: if encoder_input.completed() { 1 } else { components },
            encoder_input,
            images: images.clone(),
            hidden,
            encoder_blocks,
            decoder_blocks,
            dropout,
            encoder_min_scale,
            decoder_min_scale,
        };
        if let Objective::ImputationMixture(training) = &objective {
            check_imputations(training, &vae, rows, batch_size.min(rows))?;
        }
        let batch = batch_size.min(rows);
        let [encoded, decoded] =
            [objective.encoded_per_row(), objective.samples_per_row()].map(|of_row| batch.saturating_mul(of_row));
        check_size(&vae, encoded, decoded)?;
        objective.check(&Vae::new(vae.clone())).map_err(missvae::Error::from)?;
        let options = TrainOptions {
            method: Some(method.name.to_owned()),
            components: Some(components),
            samples: Some(samples),
            importance_samples: method.bound().map(|_| importance_samples),
            // The usual input of a finite mixture says nothing, as runs are found by what their configurations say.
            mask_input: match encoder_input {
                EncoderInput::Incomplete => None,
                EncoderInput::CompletedAndMask => Some(true),
                EncoderInput::Observed | EncoderInput::Completed => Some(false),
            },
            latent: Some(latent),
            encoder_widths: images.as_ref().map(|images| list(&images.encoder_widths)),
            decoder_widths: images.as_ref().map(|images| list(&images.decoder_widths)),
            hide_quadrants: images.as_ref().map(|_| self.hide_quadrants.unwrap_or(0)),
            hidden: images.is_none().then_some(hidden),
            blocks: None,
            encoder_blocks: images.is_none().then_some(encoder_blocks),
            decoder_blocks: images.is_none().then_some(decoder_blocks),
            dropout: Some(dropout),
            encoder_min_scale: Some(encoder_min_scale),
            decoder_min_scale: images.is_none().then_some(decoder_min_scale),
            epochs,
            updates,
            batch_size: Some(batch_size),
            learning_rate: Some(learning_rate),
            schedule: Some(schedule),
            clip: Some(clip),
            hide: Some(rate),
            no_standardize: Some(self.no_standardize.unwrap_or(images.is_some())),
            seed: Some(seed),
            ..self
        };
        Ok(Plan { options, method, vae, train })
    }
}
