//! The tables of the mixture-of-Gaussians experiments: read from a directory, or generated.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use missvae::config::{ColumnTypesOption, MOST_NUMBERS, Options};
use missvae::data::{Data, Standardisation};
use missvae::evaluate::{Grid, GridScore, grid_log_likelihood, on_grid};
use missvae::files::{create_directory, write_atomic};
use missvae::fingerprint::Fingerprint;
use missvae::impute::FittedModel;
use missvae::prepare::{TrainingRows, check_values, table_data};
use missvae::table::{Error, Input, ReadOptions, ReadTable, Table, read_for_model, read_to_fit, write_numbers};
use samplers::gaussian_mixture::GaussianMixture;
use samplers::gaussian_mixture::oracle::divergence::{Divergence, jensen_shannon};
use samplers::gaussian_mixture::oracle::{Family, Interpolation};
use samplers::stream::{Purpose, stream};
use serde::{Deserialize, Serialize};

use super::imputations::oracle;
use super::prepared::Prepared;
use super::source::{Score, Source};
use super::spec::Spec;
use crate::failure::{Failure, Result};
use crate::output::rows_summary;

/// The paper's numbers: training rows, columns, components of the truth, share of the cells that are missing.
pub(super) const ROWS: usize = 20_000;
/// The fewest rows to generate, and the most: several tables of them are held at once.
pub(super) const FEWEST_ROWS: usize = 10;
pub(super) const MOST_ROWS: usize = MOST_NUMBERS / 10 / COLUMNS;
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
const COMPLETE: &str = "train_complete.csv";
const TEST: &str = "test.csv";
const TRUTH: &str = "truth.json";

/// Draws of each distribution for a row of the estimate of a divergence; the rows are those of the training table.
const DRAWS: usize = 2;
/// Cells a side of the grid that is measured, and how many of its points a run's two grids have: 500² + 1000².
const CELLS: usize = 50;
const GRIDS: f64 = 500.0;

/// Which of its tables a run is fitted to ([`Spec::table`]): the incomplete rows, ...
pub(super) const INCOMPLETE_ROWS: usize = 0;
/// ... or the complete ones.
pub(super) const COMPLETE_ROWS: usize = 1;

/// Rows to train on and to test on, and the truth that made them, in the data's own units.
pub(super) struct MogData {
    /// Their name in messages.
    pub(super) name: String,
    /// The training rows, and their complete version where there is one.
    pub(super) rows: Arc<TrainingRows>,
    pub(super) complete: Option<Arc<TrainingRows>>,
    /// Where they are, or will be.
    directory: PathBuf,
    files: [PathBuf; 2],
    pub(super) test: Data<f32>,
    pub(super) truth: Option<GaussianMixture>,
    /// Identifies the test rows, and the truth.
    test_fingerprint: String,
    truth_fingerprint: String,
    /// What was generated.
    generated: Option<Tables>,
}

/// Tables as they are read or generated.
#[derive(Clone)]
struct Tables {
    train: Table,
    complete: Option<Table>,
    test: Table,
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
            return Err(Failure::usage_hint(
                what,
                format!("it is to hold {TRAIN}, {TEST}, for fig1 {COMPLETE}, for fig5 and fig7 {TRUTH}"),
            ));
        }
        let input = |name: &str| Input::from_arg(Some(&directory.join(name)));
        let ReadTable { table: train, schema, .. } = read_to_fit(&input(TRAIN), &ReadOptions::default())?;
        let columns = schema.columns();
        let test = read_for_model(&input(TEST), &ReadOptions::default(), columns)?;
        let exists = |name: &str| directory.join(name).exists();
        let complete = exists(COMPLETE).then(|| read_for_model(&input(COMPLETE), &ReadOptions::default(), columns));
        let truth = exists(TRUTH).then(|| read_truth(&directory.join(TRUTH), columns.len())).transpose()?;
        let tables = Tables { train, complete: complete.transpose()?, test };
        MogData::new(directory.display().to_string(), directory, tables, truth, false)
    }

    /// Draws a random mixture and rows of it, always the same ones, to be written into `directory` (docs/methods.md
    /// §8).
    pub(super) fn generate(rows: usize, directory: &Path) -> Result<MogData> {
        let draw = |step: u64| stream(SEED, Purpose::Generate, 0, step);
        let truth = GaussianMixture::generate(COLUMNS, COMPONENTS, &mut draw(0));
        let complete = truth.sample(&mut draw(1), rows);
        let mut hidden = Data::new(COLUMNS, complete, vec![true; rows * COLUMNS]);
        let complete = hidden.values(0..rows).to_vec();
        let mut values = complete.clone();
        for cell in hidden.hide(MISSING, &mut stream(SEED, Purpose::Hide, 0, 0)) {
            values[cell] = f64::NAN;
        }
        let names: Vec<String> = (0..COLUMNS).map(|d| format!("x{d}")).collect();
        let test = truth.sample(&mut draw(2), (rows / ROWS_PER_TEST_ROW).max(FEWEST_TEST_ROWS));
        let [train, complete, test] =
            [Table::new(names.clone(), values)?, Table::new(names.clone(), complete)?, Table::new(names, test)?];
        let name = "a generated mixture of Gaussians".to_owned();
        MogData::new(name, directory, Tables { train, complete: Some(complete), test }, Some(truth), true)
    }

    fn new(
        name: String,
        directory: &Path,
        tables: Tables,
        truth: Option<GaussianMixture>,
        generated: bool,
    ) -> Result<MogData> {
        let kept = generated.then(|| tables.clone());
        let Tables { train, complete, test } = tables;
        // The mixture is standardised, so its rows are left as they are.
        let options = Options {
            no_standardize: Some(true),
            validation: Some("none".to_owned()),
            column_types: Some(ColumnTypesOption::Numeric),
            ..Options::default()
        };
        let rows = TrainingRows::of_table(&name, train, &options)?;
        let complete =
            complete.map(|table| TrainingRows::of_table(&format!("{name}/{COMPLETE}"), table, &options)).transpose()?;
        let units = Standardisation::none(test.width());
        let test = units.apply::<f32>(&table_data(&test));
        // Before models are fitted, which takes long.
        check_values(&test, &units, &rows.columns, |n| (format!("{name}/{TEST}"), n + 1))?;
        let (test, _) = test.without_empty_rows();
        if test.rows() == 0 {
            return Err(Failure::usage(format!("{name}: no row of {TEST} has an observed cell")));
        }
        let truth_fingerprint = truth.as_ref().map_or_else(String::new, |truth| {
            let numbers = truth.weights().iter().chain(truth.means()).chain(truth.covariances());
            Fingerprint::new().f64s(numbers.copied()).finish()
        });
        Ok(MogData {
            name,
            rows: Arc::new(rows),
            complete: complete.map(Arc::new),
            directory: directory.to_owned(),
            files: [TRAIN, COMPLETE].map(|name| directory.join(name)),
            test_fingerprint: Fingerprint::of_rows(&test),
            test,
            truth,
            truth_fingerprint,
            generated: kept,
        })
    }

    /// The rows that a run is fitted to. Complete ones that are not there are refused by the experiment's check.
    fn rows_of(&self, spec: &Spec) -> &Arc<TrainingRows> {
        self.complete.as_ref().filter(|_| spec.table == COMPLETE_ROWS).unwrap_or(&self.rows)
    }

    /// The file of the incomplete rows.
    pub(super) fn incomplete_table(&self) -> &Path {
        &self.files[INCOMPLETE_ROWS]
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

impl Source for MogData {
    fn describe(&self) -> String {
        format!("{}; {} rows to test on", rows_summary(&self.rows), self.test.rows())
    }

    fn keep(&self) -> Result<()> {
        let (Some(Tables { train, complete, test }), Some(truth)) = (&self.generated, &self.truth) else {
            return Ok(());
        };
        let columns = truth.columns();
        let rows = |numbers: &[f64]| numbers.chunks_exact(columns).map(<[f64]>::to_vec).collect::<Vec<_>>();
        let truth = Truth {
            weights: truth.weights().to_vec(),
            means: rows(truth.means()),
            covariances: truth.covariances().chunks_exact(columns * columns).map(rows).collect(),
        };
        let text = serde_json::to_string(&truth).map_err(|error| Failure::Failed(error.to_string()))? + "\n";
        // The truth is the sign that the other files are ours, and is written before them.
        let path = self.directory.join(TRUTH);
        let ours = std::fs::read_to_string(&path).is_ok_and(|found| found == text);
        if let Some(taken) =
            [TRUTH, TRAIN, COMPLETE, TEST].map(|name| self.directory.join(name)).iter().find(|path| path.exists())
            && !ours
        {
            return Err(Failure::usage_hint(
                format!("{}: it is not one of the generated tables, which would replace it", taken.display()),
                "give another --out; or --data, if these are the tables to fit",
            ));
        }
        create_directory(&self.directory)?;
        write_atomic(&path, |file| write!(file, "{text}"))?;
        let names: Vec<String> = self.rows.columns.iter().map(|column| column.name.clone()).collect();
        for (name, table) in [(TRAIN, Some(train)), (COMPLETE, complete.as_ref()), (TEST, Some(test))] {
            if let Some(table) = table {
                write_numbers(&self.directory.join(name), &names, table.values())?;
            }
        }
        Ok(())
    }

    fn truth(&self) -> Option<&GaussianMixture> {
        self.truth.as_ref()
    }

    /// On average over the training rows.
    fn divergence(&self, interpolation: Interpolation) -> Result<Option<Divergence>> {
        let truth = self.truth.as_ref();
        let mut wrong = oracle(truth, interpolation)?;
        let mut right = oracle(truth, Family::Conditional.into())?;
        let train = &self.rows.train;
        let values: Vec<f64> = train.values(0..train.rows()).iter().map(|&x| f64::from(x)).collect();
        let observed = train.observed(0..train.rows()).chunks_exact(train.columns());
        let rows = values.chunks_exact(train.columns()).zip(observed);
        let stream_of = |n: usize| stream(0, Purpose::Divergence, 0, n as u64);
        Ok(Some(jensen_shannon(&mut wrong, &mut right, rows, DRAWS, stream_of)))
    }

    fn remark(&self) -> Option<String> {
        self.truth_log_likelihood().map(|truth| format!("the true mixture scores {truth:.4} nats a row"))
    }

    fn table(&self, spec: &Spec) -> &Path {
        &self.files[spec.table]
    }

    fn size(&self, spec: &Spec) -> (usize, usize) {
        let train = &self.rows_of(spec).train;
        (train.rows(), train.columns())
    }

    /// The truth counts only where it is used: a run on a table does not change when its truth becomes known.
    fn fingerprint(&self, spec: &Spec) -> String {
        let truth = if spec.imputations.needs_truth() { self.truth_fingerprint.as_str() } else { "" };
        format!("{} {}\n{truth}", self.rows_of(spec).fingerprint, self.test_fingerprint)
    }

    fn rows(&self, run: &Prepared) -> Result<Arc<TrainingRows>> {
        Ok(self.rows_of(&run.spec).clone())
    }

    fn scoring(&self, _: &Prepared) -> String {
        "grid".to_owned()
    }

    fn score(&self, _: &Prepared, rows: &TrainingRows, model: &mut FittedModel<f32>) -> Result<Score> {
        let GridScore { log_likelihood, standard_error, cells, change, .. } =
            on_grid(model, &self.test, &rows.standardisation);
        let grid = Some((cells, change));
        Ok(Score { log_likelihood, standard_error, rows: self.test.rows(), grid, importance: None })
    }

    fn seconds_to_score(&self, _: &Prepared, _: &TrainingRows, model: &mut FittedModel<f32>) -> Result<f64> {
        let half_width = Grid::default_for(model.vae.config().latent).half_width;
        let started = Instant::now();
        black_box(grid_log_likelihood(model, &self.test, Grid { half_width, cells: CELLS }));
        Ok(GRIDS * started.elapsed().as_secs_f64())
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
