//! A fitted model, for users of the library.

use std::ops::ControlFlow;
use std::path::Path;

use crate::Error;
use crate::config::{self, check_drawn_rows};
use crate::data::Data;
use crate::evaluate::{Importance, Refit, ScoreOptions, Scoring, independent_columns, on_grid, trained_with};
use crate::impute::{FittedModel, ImputationSampler, WeightSummary, sample_table};
use crate::monitor::NewRows;
use crate::prepare::{column_names, model_rows};
use crate::store::{ModelInfo, load_model, save_model};
use crate::table::Table;
use crate::trainer::TrainConfig;
use crate::warning::{Warning, of_score};

/// A fitted model. It imputes missing cells, scores rows, draws new ones, and is saved and loaded.
#[derive(Clone, Debug)]
pub struct Model {
    fitted: FittedModel<f32>,
    info: ModelInfo,
    warnings: Vec<Warning>,
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
    /// What may be wrong: weights that fail, values and levels beyond those of training, a score below that of the columns
    /// alone.
    pub warnings: Vec<Warning>,
}

impl Model {
    /// A model with these parameters and the description in a model file.
    pub fn new(fitted: FittedModel<f32>, info: ModelInfo) -> Model {
        Model { fitted, info, warnings: Vec::new() }
    }

    /// Reads a model file: `model.safetensors` of a run directory, or a file of [`Model::save`].
    ///
    /// # Errors
    /// If the file cannot be read, or is not a whole model file.
    pub fn load(path: impl AsRef<Path>) -> Result<Model, Error> {
        let (vae, info, parameters) = load_model(path.as_ref())?;
        Ok(Model::new(FittedModel::new(vae, parameters), info))
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

    /// What may be wrong with it: codes for missing values, columns that are left out, overfitting that nothing tells of, a model
    /// that has learned nothing. A file does not hold it.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The same model, with what may be wrong with it.
    pub(crate) fn with_warnings(self, warnings: Vec<Warning>) -> Model {
        Model { warnings, ..self }
    }

    /// Its networks and parameters.
    pub fn fitted(&self) -> &FittedModel<f32> {
        &self.fitted
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
        let all: Data<f32> = model_rows(table, &self.info, seed)?;
        let numbers = all.rows_with_cells();
        let (data, _) = all.without_empty_rows();
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
                    warnings: self.score_warnings((table, &data), score.log_likelihood, None)?,
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
                // The rows without a cell are rows of the table too.
                let worst = weights.worst.map(|(n, k)| (numbers[n], k));
                let of_table = WeightSummary { worst, ..weights };
                Ok(Score {
                    log_likelihood: score.log_likelihood,
                    standard_error: score.standard_error,
                    per_row: score.per_row,
                    effective_sample_size: Some(score.effective_sample_size),
                    weights: Some(weights),
                    warnings: self.score_warnings((table, &data), score.log_likelihood, Some(of_table))?,
                })
            }
        }
    }

    /// What may be wrong with a score of these rows, whose weights are summed up by the rows of the table.
    fn score_warnings(
        &self,
        (table, data): (&Table, &Data<f32>),
        score: f64,
        weights: Option<WeightSummary>,
    ) -> Result<Vec<Warning>, Error> {
        let mut warnings: Vec<Warning> = weights.and_then(|weights| weights.warning()).into_iter().collect();
        if self.info.vae.images.is_none() {
            let mut rows = NewRows::new(&self.info);
            rows.add(&table.select(&self.columns())?, 0);
            warnings.extend(rows.warnings());
        }
        warnings.extend(of_score(score, independent_columns(data, &self.info), false));
        Ok(warnings)
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
