//! The Fréchet distance between rows drawn from a model and complete rows, in the features of another model.

use std::path::Path;

use missvae::data::Data;
use missvae::evaluate::{features, frechet_distance};
use missvae::fingerprint::Fingerprint;
use missvae::impute::{FittedModel, generate};
use missvae::prepare::column_names;
use missvae::store::ModelInfo;

use crate::failure::{Failure, Result};
use crate::output::{cells_missing, counted};
use crate::run::Run;

/// Rows drawn from the model.
const SAMPLES: usize = 20_000;

/// A feature model, and complete rows in its units.
#[derive(Debug)]
pub(crate) struct Frechet {
    model: FittedModel<f32>,
    info: ModelInfo,
    rows: Data<f32>,
    /// The rows' features, computed once.
    of_rows: Option<Vec<f32>>,
}

/// The rows to compare with, as they were read for the model that is evaluated.
pub(crate) struct Compared<'a> {
    /// Name of the table.
    pub(crate) name: String,
    /// The rows in the model's units, without those that have no observed cell.
    pub(crate) rows: &'a Data<f32>,
    /// Number of rows without an observed cell.
    pub(crate) empty: usize,
}

impl Frechet {
    /// Reads the feature model of the run `features`, for the model that `of` describes.
    pub(crate) fn new(features: &Path, of: &ModelInfo, compared: &Compared<'_>) -> Result<Self> {
        if !features.is_dir() {
            let what = format!("--feature-model {}: there is no such run directory", features.display());
            return Err(Failure::usage_hint(what, "missvae train --method mvae makes one"));
        }
        let (model, info) = Run::open(features)?.load_model()?;
        let refused = |what: &str, hint: &str| {
            Err(Failure::usage_hint(format!("--feature-model {}: {what}", features.display()), hint))
        };
        if column_names(&info) != column_names(of) {
            return refused("it is for other columns than the model", "train it on the same columns");
        }
        if info.vae.components != 1 {
            let what = format!("its encoder has {} components, features come from a single one", info.vae.components);
            return refused(&what, "fit one with --method mvae");
        }
        let Compared { name, rows, empty } = compared;
        let missing = rows.missing() + empty * rows.columns();
        if missing > 0 {
            return Err(Failure::usage_hint(
                format!("{name}: {}; a Fréchet distance is one between complete rows", cells_missing(missing)),
                "give a file of complete rows, or do not ask for the distance",
            ));
        }
        check_rows(name, rows.rows())?;
        let rows = in_units_of(&info, of, rows.values(0..rows.rows()));
        Ok(Frechet { model, info, rows, of_rows: None })
    }

    /// Identifies the feature model: distances in features of different ones cannot be compared.
    pub(crate) fn fingerprint(&self) -> String {
        let units = self.info.columns.iter().flat_map(|column| [column.mean, column.scale]);
        Fingerprint::new().f32s(&self.model.parameters).f64s(units).finish()
    }

    /// The distance of a model's samples, and their number.
    pub(crate) fn distance(&mut self, of: &FittedModel<f32>, info: &ModelInfo, seed: u64) -> Result<(f64, usize)> {
        let drawn = in_units_of(&self.info, info, &generate(of, SAMPLES, seed));
        let rows = self.rows.rows();
        let of_rows = self.of_rows.get_or_insert_with(|| features(&self.model, self.rows.values(0..rows)));
        let of_samples = features(&self.model, drawn.values(0..SAMPLES));
        let distance = frechet_distance(&of_samples, of_rows, of_samples.len() / SAMPLES);
        let distance = distance.map_err(|_| {
            Failure::Failed(format!("the features of {SAMPLES} samples and {rows} rows are not all finite"))
        })?;
        Ok((distance, SAMPLES))
    }
}

/// Refuses too few rows to compare with.
pub(crate) fn check_rows(name: &str, rows: usize) -> Result<()> {
    match rows {
        0 | 1 => Err(Failure::usage(format!("{name}: {}; a Fréchet distance needs two", counted(rows, "row")))),
        _ => Ok(()),
    }
}

/// Complete rows in the units of one model, in those of another: they may have standardised their columns by different
/// tables.
fn in_units_of(other: &ModelInfo, own: &ModelInfo, values: &[f32]) -> Data<f32> {
    let (columns, own) = (own.vae.columns, own.standardisation());
    let restored = values.iter().enumerate().map(|(i, &x)| own.restore(i % columns, f64::from(x)));
    let rows = Data::new(columns, restored.collect(), vec![true; values.len()]);
    other.standardisation().apply(&rows)
}
