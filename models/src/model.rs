//! A fitted model, for users of the library.

use std::ops::ControlFlow;
use std::path::Path;

use crate::Error;
use crate::config::{self, check_drawn_rows, check_draws};
use crate::data::Data;
use crate::evaluate::{Importance, Refit, ScoreOptions, Scoring, on_grid, trained_with};
use crate::impute::{
    FittedModel, ImputationSampler, Imputer, SamplerKind, SamplerOptions, Statistic, WeightSummary, sample_table,
};
use crate::prepare::coding::aligned;
use crate::prepare::{column_names, image_rows, model_rows, standardised};
use crate::store::{ModelInfo, load_model, save_model};
use crate::table::Table;
use crate::trainer::TrainConfig;

/// A fitted model. It imputes missing cells, scores rows, draws new ones, and is saved and loaded.
#[derive(Clone, Debug)]
pub struct Model {
    fitted: FittedModel<f32>,
    info: ModelInfo,
}

/// A mean log-likelihood of rows, in nats of the data's units. A row with missing cells counts by its observed ones.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// Mean over the rows.
    pub log_likelihood: f64,
    /// Its standard error over the rows; `None` of a single one.
    pub standard_error: Option<f64>,
    /// Of each row that has an observed cell.
    pub per_row: Vec<f64>,
    /// Mean effective number of importance samples of a row; `None` where rows are scored on a grid.
    pub effective_sample_size: Option<f64>,
    /// How far the importance weights can be trusted; `None` where rows are scored on a grid.
    pub weights: Option<WeightSummary>,
}

impl Model {
    /// A model with these parameters and the description in a model file.
    pub fn new(fitted: FittedModel<f32>, info: ModelInfo) -> Model {
        Model { fitted, info }
    }

    /// Reads a model file: `model.safetensors` of a run directory, or a file of [`Model::save`].
    ///
    /// # Errors
    /// If the file cannot be read, or is not a whole model file.
    pub fn load(path: impl AsRef<Path>) -> Result<Model, Error> {
        let (vae, info, parameters) = load_model(path.as_ref())?;
        Ok(Model { fitted: FittedModel::new(vae, parameters), info })
    }

    /// Writes a model file, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        Ok(save_model(path.as_ref(), &self.fitted.vae, &self.info, &self.fitted.parameters)?)
    }

    /// The names of its columns.
    pub fn columns(&self) -> Vec<String> {
        column_names(&self.info)
    }

    /// The description in its file.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Its networks and parameters.
    pub fn fitted(&self) -> &FittedModel<f32> {
        &self.fitted
    }

    /// Imputes the missing cells of a table, old or new. See [`Impute::run`].
    pub fn impute<'a>(&'a self, table: &'a Table) -> Impute<'a> {
        Impute { model: self, table, statistic: Statistic::Mean, options: SamplerOptions::default(), seed: 0 }
    }

    /// The mean log-likelihood of a table's rows: on a grid with at most 2 latent dimensions, else by importance
    /// sampling.
    ///
    /// # Errors
    /// If the table lacks a column of the model or has no observed cell.
    pub fn score(&self, table: &Table) -> Result<Score, Error> {
        self.score_with(table, &ScoreOptions::default(), 0)
    }

    /// The mean log-likelihood of a table's rows, computed as `options` say. If they ask for it, a copy of
    /// the encoder is refitted to the rows first; the model stays as it is.
    ///
    /// # Errors
    /// If an option cannot be used, as a refit of a model file of format 1; if the table lacks a column of the model or has no observed cell.
    pub fn score_with(&self, table: &Table, options: &ScoreOptions, seed: u64) -> Result<Score, Error> {
        let (data, _): (Data<f32>, _) = model_rows(table, &self.info, seed)?.without_empty_rows();
        if data.rows() == 0 {
            return Err(Error::NoRows);
        }
        let units = self.info.standardisation();
        match options.resolve(&self.info.vae)? {
            Scoring::Grid => {
                let score = on_grid(&self.fitted, &data, &units);
                Ok(Score {
                    log_likelihood: score.log_likelihood,
                    standard_error: score.standard_error,
                    per_row: score.per_row,
                    effective_sample_size: None,
                    weights: None,
                })
            }
            Scoring::Importance { samples } => {
                let completion = ImputationSampler::for_proposals(&self.info)?;
                let trained = self.trained_for_refit(options, &data)?;
                let refit =
                    match &trained {
                        Some(train) => options
                            .refit(&self.info.vae, train.batch_size, data.rows())?
                            .map(|config| Refit { rows: &data, trained: &train.objective, config }),
                        None => None,
                    };
                let how = Importance { samples, completion: completion.as_ref(), refit, seed };
                let unobserved = |_, _, _| || ControlFlow::Continue(());
                let score = how.score(&mut self.fitted.clone(), &data, &units, unobserved)?;
                let weights = score.weights(samples);
                Ok(Score {
                    log_likelihood: score.log_likelihood,
                    standard_error: score.standard_error,
                    per_row: score.per_row,
                    effective_sample_size: Some(score.effective_sample_size),
                    weights: Some(weights),
                })
            }
        }
    }

    /// How the model was trained, if its encoder is to be refitted to these rows.
    fn trained_for_refit(&self, options: &ScoreOptions, data: &Data<f32>) -> Result<Option<TrainConfig>, Error> {
        let updates = options.refit_updates;
        if updates == 0 {
            return Ok(None);
        }
        if self.info.vae.encoder_input.completed() && data.missing() > 0 {
            return Err(Error::IncompleteRows { missing: data.missing() });
        }
        let trained = self.info.options.as_ref().ok_or(config::Error::RefitOptions { updates })?;
        Ok(Some(trained_with(trained, data.columns())?))
    }

    /// Draws rows from the model, in the data's units.
    ///
    /// # Errors
    /// [`Error::Diverged`]; [`Error::Config`] for more rows than fit into memory.
    pub fn sample(&self, rows: usize, seed: u64) -> Result<Table, Error> {
        check_drawn_rows(rows, self.info.vae.columns)?;
        sample_table(&self.fitted, &self.info, rows, seed, |_| ControlFlow::Continue(()))
    }
}

/// Settings of an imputation. Without [`draws`](Impute::draws), each missing cell becomes its conditional mean.
#[derive(Clone, Debug)]
pub struct Impute<'a> {
    model: &'a Model,
    table: &'a Table,
    statistic: Statistic,
    options: SamplerOptions,
    seed: u64,
}

impl Impute<'_> {
    /// M completed tables, at least 1, with draws from the conditional distribution of the missing cells.
    #[must_use]
    pub fn draws(mut self, draws: usize) -> Self {
        self.statistic = Statistic::Draws(draws);
        self
    }

    /// One completed table, with conditional medians.
    #[must_use]
    pub fn median(mut self) -> Self {
        self.statistic = Statistic::Median;
        self
    }

    /// The seed of the draws (default: 0).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The sampler (default: importance; LAIR for models of methods that keep imputations).
    #[must_use]
    pub fn sampler(mut self, sampler: SamplerKind) -> Self {
        self.options.sampler = Some(sampler);
        self
    }

    /// The sampler and its numbers.
    #[must_use]
    pub fn sampler_options(mut self, options: SamplerOptions) -> Self {
        self.options = options;
        self
    }

    /// The completed tables. Observed cells, and columns that the model does not have, are as they were.
    ///
    /// # Errors
    /// If an option cannot be used, there are no draws or more than fit into memory, or the table lacks a column of the
    /// model; [`Error::NotImputed`].
    pub fn run(self) -> Result<Vec<Table>, Error> {
        let Model { fitted, info } = self.model;
        let draws = if let Statistic::Draws(draws) = self.statistic { draws } else { 1 };
        check_draws(draws, self.table.values().len())?;
        let sampler = ImputationSampler::new(self.options, &info.vae)?;
        let names = if info.vae.images.is_some() { self.table.columns().to_vec() } else { self.model.columns() };
        let places = self.table.places(&names)?;
        let chosen = self.table.select(&names)?;
        let chosen = if info.vae.images.is_some() { chosen } else { aligned(chosen, &info.schema()) };
        if self.table.rows() == 0 {
            return Ok(vec![self.table.clone(); draws]);
        }
        let (data, units) = match info.vae.images {
            None => (standardised("the table", &chosen, info)?, info.standardisation()),
            Some(ref images) => {
                let (data, pixels) = image_rows(&chosen, images.size, self.seed)?;
                (data, pixels.units(chosen.width()))
            }
        };
        let columns = if info.vae.images.is_some() { &[][..] } else { &info.columns };
        let mut imputer = Imputer::new(fitted, columns, &sampler, self.statistic, self.seed);
        let copies = imputer.next_rows(&chosen, (&data, &units), |_| ControlFlow::Continue(()))?;
        let replaced = imputer.summary().replaced;
        if replaced > 0 {
            return Err(Error::NotImputed { values: replaced });
        }
        let width = self.table.width();
        // The texts of a column of the model have their places in the model's list.
        let mut notations = self.table.notations().to_vec();
        places.iter().enumerate().for_each(|(d, &place)| notations[place] = chosen.notation(d).clone());
        let whole = |copy: Vec<f64>| {
            let mut values = self.table.values().to_vec();
            for (row, completed) in values.chunks_exact_mut(width).zip(copy.chunks_exact(places.len())) {
                places.iter().zip(completed).for_each(|(&place, &value)| row[place] = value);
            }
            Ok(Table::new(self.table.columns().to_vec(), values)?.with_notations(notations.clone()))
        };
        copies.into_iter().map(whole).collect()
    }
}
