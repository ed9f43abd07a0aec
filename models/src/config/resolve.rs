//! All options of a training run, resolved and checked.

use linalg::Scalar;

use super::choices::{ColumnLimitsOption, ColumnTypesOption, Keep, Validation};
use super::error::{Error, Expected, Result, check};
use super::options::Options;
use super::sizes::{check_imputations, check_size};
use crate::network::{EncoderInput, Vae, VaeConfig};
use crate::objective::{CompletedObjectiveConfig, Family, Method};
use crate::trainer::Schedule;
use crate::trainer::{Length, Objective, TrainConfig, Trainer};

/// Updates of a run without `--epochs` and `--updates`, about.
const DEFAULT_UPDATES: u64 = 10_000;
/// The least patience, in epochs, where none is given.
const LEAST_PATIENCE: u64 = 30;
/// The longest run, in epochs or updates. More is taken for a mistake.
const LONGEST: u64 = 1_000_000_000;
/// Columns from which a table is wide.
const WIDE: usize = 16;
/// The largest size of any other kind.
const LARGEST: usize = 1 << 20;
/// The most blocks of a network.
const MOST_BLOCKS: usize = 1000;

/// A training run with every option resolved and checked.
#[derive(Clone, Debug)]
pub struct ResolvedConfig {
    /// Every option with its value, as in `config.toml`.
    pub options: Options,
    /// The method.
    pub method: Method,
    /// The model.
    pub vae: VaeConfig,
    /// The training.
    pub train: TrainConfig,
    /// Which parameters are kept.
    pub keep: Keep,
    /// Epochs without a better validation score after which a run is over.
    pub patience: Option<u64>,
    /// Whether the parameters are averaged along the run.
    pub average: bool,
}

/// Numbers with commas between them.
fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

impl ResolvedConfig {
    /// Makes a trainer keep what the options ask for.
    pub fn prepare_trainer<T: Scalar>(&self, trainer: &mut Trainer<T>) {
        if self.keep == Keep::Best {
            trainer.keep_best(self.patience);
        }
        if self.average {
            trainer.average();
        }
    }

    /// K, imputations of each row, where the method keeps some.
    pub fn imputations(&self) -> Option<usize> {
        match &self.train.objective {
            Objective::FiniteMixture(_) => None,
            Objective::ImputationMixture(training) => Some(training.objective.imputations),
        }
    }

    /// Refuses minibatches that leave batch normalisation undefined, in a table of `rows` rows.
    ///
    /// # Errors
    /// If a minibatch has none.
    pub fn check_minibatches(&self, rows: usize) -> Result<()> {
        match self.train.batch_norm_undefined(&Vae::new(self.vae.clone()), rows) {
            true => Err(Error::BatchNormUndefined),
            false => Ok(()),
        }
    }
}

impl Options {
    /// Whether the defaults are those measured on real tables (docs/results.md): not with a preset of the paper, for images, or
    /// for methods that keep imputations.
    pub(super) fn is_for_tables(&self, method: Method) -> bool {
        self.preset.is_none() && self.image_size.is_none() && !method.keeps_imputations()
    }

    /// The method where none is given. An encoder of one Gaussian with importance weights does best on wide tables, a mixture
    /// on narrow ones.
    fn default_method(&self, columns: usize) -> Method {
        let mixture = columns < WIDE || self.components.is_some_and(|components| components > 1);
        match (self.preset.is_none() && self.image_size.is_none(), mixture) {
            (false, _) => Method::MISS_SVAE,
            (true, true) => Method::MISS_SIWAE,
            (true, false) => Method::MIWAE,
        }
    }

    /// The networks where nothing is said of them.
    fn default_network(&self, method: Method, columns: usize, latent: usize) -> VaeConfig {
        let paper = VaeConfig::new(columns, latent);
        if !self.is_for_tables(method) {
            return paper;
        }
        VaeConfig {
            hidden: 128,
            encoder_blocks: 1,
            decoder_blocks: 1,
            dropout: 0.2,
            decoder_min_scale: 0.1,
            linear_path: columns >= WIDE,
            ..paper
        }
    }

    /// Resolves every option for a table of so many rows and columns. A preset is not looked up: see
    /// [`Options::with_preset`].
    ///
    /// # Errors
    /// Names the option, its value and what was expected.
    pub fn resolve(mut self, rows: usize, columns: usize) -> Result<ResolvedConfig> {
        let method = self.method.unwrap_or_else(|| self.default_method(columns));
        self.method = Some(method);
        self.preset.map_or(Ok(()), |preset| preset.check_columns(columns))?;
        let positive = |option: &'static str, value: Option<usize>, default: usize| {
            let value = value.unwrap_or(default);
            check(option, value, value > 0, Expected::AtLeast(1))
        };
        let components = positive("components", self.components, if method.single() { 1 } else { 5 })?;
        if method.single() && components != 1 {
            return Err(Error::SingleComponent { method: method.name, components });
        }
        let (default_samples, default_importance) = method.default_samples(components, 5);
        let samples = positive("samples", self.samples, default_samples)?;
        let importance_samples = positive("importance-samples", self.importance_samples, default_importance)?;
        let images = self.resolve_images()?;
        let default_latent = if images.is_some() { 50 } else { ((columns + 1) / 3).clamp(2, 32) };
        let latent = positive("latent", self.latent, default_latent)?;
        let default = self.default_network(method, columns, latent);
        let hidden = positive("hidden", self.hidden, default.hidden)?;
        let encoder_blocks = self.encoder_blocks.or(self.blocks).unwrap_or(default.encoder_blocks);
        let decoder_blocks = self.decoder_blocks.or(self.blocks).unwrap_or(default.decoder_blocks);
        let batch_size = positive("batch-size", self.batch_size, 64)?;
        for (option, size) in [
            ("components", components),
            ("samples", samples),
            ("importance-samples", importance_samples),
            ("latent", latent),
            ("hidden", hidden),
            ("batch-size", batch_size),
        ] {
            check(option, size, size <= LARGEST, Expected::AtMost(LARGEST as u64))?;
        }

        let most_blocks = Expected::AtMost(MOST_BLOCKS as u64);
        check("encoder-blocks", encoder_blocks, encoder_blocks <= MOST_BLOCKS, most_blocks)?;
        check("decoder-blocks", decoder_blocks, decoder_blocks <= MOST_BLOCKS, most_blocks)?;

        let dropout = self.dropout.unwrap_or(default.dropout);
        check("dropout", dropout, (0.0..1.0).contains(&dropout), Expected::Probability)?;
        let linear_path = images.is_none() && self.linear_path.unwrap_or(default.linear_path);
        let min_scale = |option: &'static str, value: Option<f64>, default: f64| {
            let value = value.unwrap_or(default);
            check(option, value, value >= 0.0 && value.is_finite(), Expected::NotNegative)
        };
        let encoder_min_scale = min_scale("encoder-min-scale", self.encoder_min_scale, default.encoder_min_scale)?;
        let decoder_min_scale = min_scale("decoder-min-scale", self.decoder_min_scale, default.decoder_min_scale)?;
        // Hundreds of columns add up to gradients that larger steps do not survive.
        let fast = self.is_for_tables(method) && columns < 100;
        let learning_rate = self.learning_rate.unwrap_or(if fast { 3e-3 } else { 1e-3 });
        check("learning-rate", learning_rate, learning_rate > 0.0 && learning_rate.is_finite(), Expected::Positive)?;
        let clip = self.clip.unwrap_or(10.0);
        check("clip", clip, clip >= 0.0 && !clip.is_nan(), Expected::Limit)?;
        let hidden_share = self.hidden_share()?;
        let validation = self.validation_rows()?;
        match (self.frechet_every, &self.feature_model) {
            (Some(every), Some(_)) => check("frechet-every", every, every > 0, Expected::AtLeast(1)).map(|_| ())?,
            (None, None) => (),
            _ => return Err(Error::Incomplete { first: "frechet-every", second: "feature-model" }),
        }

        let objective = match method.family {
            Family::FiniteMixture { bound, .. } => {
                self.refuse_imputations(method.name)?;
                self.resolve_finite(method, bound, components, samples, importance_samples)?.into()
            }
            Family::ImputationMixture { decoder, encoder } => {
                let estimator = self.resolve_completed(method.name)?;
                let config = CompletedObjectiveConfig { decoder, encoder, imputations: components, samples, estimator };
                config.check()?;
                Objective::ImputationMixture(self.resolve_imputations(config)?)
            }
        };
        let encoder_input = match (&objective, self.mask_input) {
            (Objective::FiniteMixture(_), Some(false)) => EncoderInput::Observed,
            (Objective::FiniteMixture(_), _) => EncoderInput::Incomplete,
            (Objective::ImputationMixture(_), Some(true)) => EncoderInput::CompletedAndMask,
            (Objective::ImputationMixture(_), _) => EncoderInput::Completed,
        };

        let per_epoch = rows.div_ceil(batch_size).max(1) as u64;
        let length = |option, n: u64| check(option, n, (1..=LONGEST).contains(&n), Expected::Between(1, LONGEST));
        let (epochs, updates) = match (self.epochs, self.updates) {
            (_, Some(updates)) => (None, Some(length("updates", updates)?)),
            (Some(epochs), None) => (Some(length("epochs", epochs)?), None),
            (None, None) => (Some((DEFAULT_UPDATES / per_epoch).clamp(10, 200)), None),
        };
        if let Objective::ImputationMixture(training) = &objective {
            // The default, the second epoch, may lie behind the end of a trial of one.
            let last = epochs.or(updates.map(|n| n.div_ceil(per_epoch))).unwrap_or(1).max(2);
            let from = training.renew_from;
            check("impute-from-epoch", from, from <= last, Expected::Epoch { last })?;
        }
        let presets_own = self.preset.is_some();
        let keep = match (self.keep, &validation) {
            (Some(Keep::Best), None) => return Err(Error::Incomplete { first: "keep best", second: "validation" }),
            (Some(keep), _) => keep,
            (None, Some(_)) if !presets_own => Keep::Best,
            (None, _) => Keep::Last,
        };
        let patience = match (keep, self.patience) {
            (Keep::Last, Some(_)) => return Err(Error::Incomplete { first: "patience", second: "keep best" }),
            (Keep::Last, None) => None,
            (Keep::Best, Some(patience)) => Some(check("patience", patience, patience > 0, Expected::AtLeast(1))?),
            (Keep::Best, None) => {
                let epochs = epochs.or(updates.map(|n| n.div_ceil(per_epoch))).unwrap_or(1);
                Some((epochs / 4).max(LEAST_PATIENCE))
            }
        };
        if self.column_limits == Some(ColumnLimitsOption::Auto) && images.is_some() {
            return Err(Error::OnlyTables { option: "column-limits" });
        }
        let column_limits = if self.limits_columns() { ColumnLimitsOption::Auto } else { ColumnLimitsOption::None };
        if self.column_types == Some(ColumnTypesOption::Auto) && images.is_some() {
            return Err(Error::OnlyTables { option: "column-types" });
        }
        let column_types = if self.infers_types() { ColumnTypesOption::Auto } else { ColumnTypesOption::Numeric };
        let average = self.average.unwrap_or_else(|| self.is_for_tables(method));
        let schedule = self.schedule.unwrap_or(Schedule::Cosine);
        let seed = self.seed.unwrap_or(0);
        let train = TrainConfig {
            objective,
            batch_size,
            length: updates.map_or_else(|| Length::Epochs(epochs.unwrap_or(1)), Length::Updates),
            learning_rate,
            schedule,
            clip: (clip > 0.0).then_some(clip),
            seed,
        };
        let vae = VaeConfig {
            components: if encoder_input.completed() { 1 } else { components },
            encoder_input,
            images: images.clone(),
            hidden,
            encoder_blocks,
            decoder_blocks,
            dropout,
            linear_path,
            encoder_min_scale,
            decoder_min_scale,
            ..default
        };
        if let Objective::ImputationMixture(training) = &objective {
            check_imputations(training, &vae, rows, batch_size.min(rows))?;
        }
        let batch = batch_size.min(rows);
        let [encoded, decoded] =
            [objective.encoded_per_row(), objective.samples_per_row()].map(|of_row| batch.saturating_mul(of_row));
        check_size(&vae, encoded, decoded)?;
        objective.check(&Vae::new(vae.clone()))?;
        let options = Options {
            method: Some(method),
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
            // As for the kept epoch: the paper's way goes without saying.
            linear_path: (images.is_none() && (linear_path || !presets_own)).then_some(linear_path),
            encoder_min_scale: Some(encoder_min_scale),
            decoder_min_scale: images.is_none().then_some(decoder_min_scale),
            epochs,
            updates,
            batch_size: Some(batch_size),
            learning_rate: Some(learning_rate),
            schedule: Some(schedule),
            clip: Some(clip),
            hide: Some(hidden_share),
            validation: match validation {
                Some(Validation::Cells) => Some("cells".to_owned()),
                None => (!presets_own).then(|| "none".to_owned()),
                _ => self.validation.clone(),
            },
            // The paper's way goes without saying, as runs are found by what their configurations say.
            keep: (keep == Keep::Best || !presets_own).then_some(keep),
            patience,
            column_limits: (column_limits == ColumnLimitsOption::Auto || !presets_own).then_some(column_limits),
            column_types: (column_types == ColumnTypesOption::Auto || !presets_own).then_some(column_types),
            average: (average || !presets_own).then_some(average),
            no_standardize: Some(self.no_standardize.unwrap_or(images.is_some())),
            seed: Some(seed),
            ..self
        };
        Ok(ResolvedConfig { options, method, vae, train, keep, patience, average })
    }
}
