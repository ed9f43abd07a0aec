//! The table of the mixture-of-Gaussians experiments: read from a directory, or generated.

use std::fs;
use std::path::{Path, PathBuf};

use models::data::{Data, Standardisation};
use samplers::gaussian_mixture::GaussianMixture;
use samplers::stream::{Purpose, stream};
use serde::{Deserialize, Serialize};

use super::super::data_of;
use super::super::train::{Rows, fingerprint};
use crate::error::Error;
use crate::failure::{Failure, Result};
use crate::files::{create_directory, write_atomic};
use crate::hash::fnv1a;
use crate::options::TrainOptions;
use crate::table::{Input, ReadOptions, Selection, Table, read_for_model, read_to_fit, write_numbers};

/// The paper's numbers: training rows, columns, components of the truth, share of the cells that are missing.
pub(super) const ROWS: usize = 20_000;
const COLUMNS: usize = 5;
const COMPONENTS: usize = 15;
const MISSING: f64 = 0.5;
/// Training rows for each test row, and the fewest test rows.
const ROWS_PER_TEST_ROW: usize = 20;
const FEWEST_TEST_ROWS: usize = 10;
/// The seed of generated data, whatever the seeds of the runs.
const SEED: u64 = 0;
/// Names of the files, in a directory of the user's and in one that is written.
const TRAIN: &str = "train_missing50.csv";
const TEST: &str = "test.csv";
const TRUTH: &str = "truth.json";

/// Rows to train on and to test on, and what made them, in the data's own units.
pub(super) struct MogData {
    /// What messages call them.
    pub(super) name: String,
    /// The training rows.
    pub(super) rows: Rows,
    /// Where they are, or will be.
    pub(super) table: PathBuf,
    pub(super) test: Data<f32>,
    pub(super) truth: Option<GaussianMixture>,
    /// Identifies the rows, and the truth.
    pub(super) fingerprint: String,
    pub(super) truth_fingerprint: String,
    /// What was generated: training table and test table.
    generated: Option<[Table; 2]>,
}

/// `truth.json`: C weights, C × D means, C × D × D covariances.
#[derive(Debug, Serialize, Deserialize)]
struct Truth {
    weights: Vec<f64>,
    means: Vec<Vec<f64>>,
    covariances: Vec<Vec<Vec<f64>>>,
}

impl MogData {
    /// Reads `train_missing50.csv`, `test.csv` and, if it is there, `truth.json`.
    pub(super) fn read(directory: &Path) -> Result<MogData> {
        if !directory.is_dir() {
            let what = format!("--data {}: there is no such directory", directory.display());
            return Err(Failure::usage_hint(what, format!("it is to hold {TRAIN}, {TEST} and, for fig5, {TRUTH}")));
        }
        let input = |name: &str| Input::from_arg(Some(&directory.join(name)));
        let all = Selection { columns: None, ignore: Vec::new() };
        let train = read_to_fit(&input(TRAIN), &ReadOptions::default(), &all)?;
        let (names, ..) = train.clone().into_parts();
        let test = read_for_model(&input(TEST), &ReadOptions::default(), &names)?;
        let path = directory.join(TRUTH);
        let truth = if path.exists() { Some(read_truth(&path, names.len())?) } else { None };
        MogData::new(directory.display().to_string(), directory.join(TRAIN), [train, test], truth, false)
    }

    /// Draws a random mixture and rows of it, the same ones always, to be kept in `directory` (METHODS §8).
    pub(super) fn generate(rows: usize, directory: &Path) -> Result<MogData> {
        let draw = |step: u64| stream(SEED, Purpose::Generate, 0, step);
        let truth = GaussianMixture::generate(COLUMNS, COMPONENTS, &mut draw(0));
        let complete = truth.sample(&mut draw(1), rows);
        let mut hidden = Data::new(COLUMNS, complete, vec![true; rows * COLUMNS]);
        let mut values = hidden.values(0..rows).to_vec();
        for cell in hidden.hide(MISSING, &mut stream(SEED, Purpose::Hide, 0, 0)) {
            values[cell] = f64::NAN;
        }
        let names: Vec<String> = (0..COLUMNS).map(|d| format!("x{d}")).collect();
        let test = truth.sample(&mut draw(2), (rows / ROWS_PER_TEST_ROW).max(FEWEST_TEST_ROWS));
        let tables = [values, test].map(|values| Table::new(names.clone(), values));
        let name = "a generated mixture of Gaussians".to_owned();
        MogData::new(name, directory.join(TRAIN), tables, Some(truth), true)
    }

    fn new(
        name: String,
        table: PathBuf,
        tables: [Table; 2],
        truth: Option<GaussianMixture>,
        generated: bool,
    ) -> Result<MogData> {
        let kept = generated.then(|| tables.clone());
        let [train, test] = tables;
        // The mixture is standardised, so its rows are left as they are.
        let options = TrainOptions { no_standardize: Some(true), ..TrainOptions::default() };
        let rows = Rows::of_table(&name, train, &options)?;
        let (test, _) = Standardisation::none(test.width()).apply::<f32>(&data_of(&test)).without_empty_rows();
        if test.rows() == 0 {
            return Err(Failure::usage(format!("{name}: no row of {TEST} has an observed cell")));
        }
        let truth_bits = truth.as_ref().map_or(0, |truth| {
            let numbers = truth.weights().iter().chain(truth.means()).chain(truth.covariances());
            fnv1a(numbers.map(|x| x.to_bits()))
        });
        let truth_fingerprint = format!("{truth_bits:016x}");
        let fingerprint = format!("{} {}", rows.fingerprint, fingerprint(&test));
        Ok(MogData { name, rows, table, test, truth, fingerprint, truth_fingerprint, generated: kept })
    }

    /// Writes generated data in the form in which `--data` takes them.
    pub(super) fn keep(&self) -> Result<()> {
        let (Some([train, test]), Some(truth)) = (&self.generated, &self.truth) else { return Ok(()) };
        let directory = self.table.parent().unwrap_or(Path::new(""));
        create_directory(directory)?;
        let names: Vec<String> = self.rows.columns.iter().map(|column| column.name.clone()).collect();
        for (name, table) in [(TRAIN, train), (TEST, test)] {
            write_numbers(&directory.join(name), &names, table.values())?;
        }
        let columns = truth.columns();
        let rows = |numbers: &[f64]| numbers.chunks_exact(columns).map(<[f64]>::to_vec).collect::<Vec<_>>();
        let truth = Truth {
            weights: truth.weights().to_vec(),
            means: rows(truth.means()),
            covariances: truth.covariances().chunks_exact(columns * columns).map(rows).collect(),
        };
        let text = serde_json::to_string(&truth).map_err(|error| Failure::Failed(error.to_string()))?;
        write_atomic(&directory.join(TRUTH), |file| writeln!(file, "{text}"))?;
        Ok(())
    }

    /// One line about the data.
    pub(super) fn describe(&self) -> String {
        format!("{}; {} rows to test on", self.rows.describe(), self.test.rows())
    }

    /// Mean log density of the test rows under the truth, in nats a row.
    pub(super) fn truth_log_likelihood(&self) -> Option<f64> {
        let truth = self.truth.as_ref()?;
        let score = |n: usize| {
            let x: Vec<f64> = self.test.values(n..n + 1).iter().map(|&x| f64::from(x)).collect();
            let mask = self.test.observed(n..n + 1).iter().map(|&observed| f64::from(u8::from(observed)));
            truth.log_density_observed(&x, &mask.collect::<Vec<_>>())
        };
        Some((0..self.test.rows()).map(score).sum::<f64>() / self.test.rows() as f64)
    }
}

/// Reads the parameters of a mixture over so many columns.
fn read_truth(path: &Path, columns: usize) -> Result<GaussianMixture> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| Error::reading(&file, source))?;
    let truth: Truth = serde_json::from_str(&text).map_err(|error| Failure::usage(format!("{file}: {error}")))?;
    let means = truth.means.into_iter().flatten().collect();
    let covariances = truth.covariances.into_iter().flatten().flatten().collect();
    GaussianMixture::new(columns, truth.weights, means, covariances)
        .map_err(|error| Failure::usage(format!("{file}: {error}")))
}
