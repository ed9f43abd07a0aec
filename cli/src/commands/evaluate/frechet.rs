//! How far rows drawn from a model are from complete rows, in the features of another model.

use std::path::Path;

use models::data::Data;
use models::evaluate::{features, frechet_distance};
use models::generate::generate;
use models::imputer::Fitted;
use models::store::ModelInfo;

use super::super::{column_names, rows_for_model};
use crate::failure::{Failure, Result};
use crate::run::Run;
use crate::table::{Input, ReadOptions};

/// Rows drawn from the model.
const SAMPLES: usize = 20_000;

/// A feature model and the features of the rows to compare with.
pub(super) struct Frechet {
    model: Fitted<f32>,
    info: ModelInfo,
    of_rows: Vec<f32>,
    rows: usize,
}

impl Frechet {
    /// Reads the feature model of the run `features` and the complete rows of `data`, for a model with `columns`.
    pub(super) fn new(run: &Path, columns: &[String], data: &Input, options: &ReadOptions, seed: u64) -> Result<Self> {
        let (mut model, info) = Run::open(run)?.load_model()?;
        let refused = |what: &str, hint: &str| {
            Err(Failure::usage_hint(format!("--feature-model {}: {what}", run.display()), hint))
        };
        if column_names(&info) != columns {
            return refused("it is for other columns than the model", "train it on the same columns");
        }
        if info.vae.components != 1 {
            let what = format!("its encoder has {} components, features come from a single one", info.vae.components);
            return refused(&what, "train it with --method mvae on complete rows");
        }
        let rows = rows_for_model(data, options, &info, seed)?;
        if rows.missing() > 0 {
            let what = format!("{}: {} cells are missing", data.name(), rows.missing());
            return Err(Failure::usage_hint(
                format!("{what}; a Fréchet distance is one between complete rows"),
                "leave out --frechet, or the rows with missing cells",
            ));
        }
        if rows.rows() < 2 {
            let what = format!("{}: {} rows; a Fréchet distance needs two", data.name(), rows.rows());
            return Err(Failure::usage(what));
        }
        let of_rows = features(&mut model, rows.values(0..rows.rows()));
        Ok(Frechet { model, info, of_rows, rows: rows.rows() })
    }

    /// The distance of a model's samples, and how many they are.
    pub(super) fn distance(mut self, of: &mut Fitted<f32>, info: &ModelInfo, seed: u64) -> Result<(f64, usize)> {
        let columns = info.vae.columns;
        let drawn = generate(of, SAMPLES, seed);
        // The two models may have standardised their columns by different tables.
        let own = info.standardisation();
        let restored = drawn.iter().enumerate().map(|(i, &x)| own.restore(i % columns, f64::from(x)));
        let drawn = Data::new(columns, restored.collect(), vec![true; drawn.len()]);
        let drawn: Data<f32> = self.info.standardisation().apply(&drawn);
        let of_samples = features(&mut self.model, drawn.values(0..SAMPLES));
        let distance = frechet_distance(&of_samples, &self.of_rows, of_samples.len() / SAMPLES);
        let distance = distance.map_err(|_| {
            Failure::Failed(format!("the features of {SAMPLES} samples and {} rows are not all finite", self.rows))
        })?;
        Ok((distance, SAMPLES))
    }
}
