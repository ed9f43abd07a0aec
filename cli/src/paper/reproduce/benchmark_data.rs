//! The user's tables and images: a directory for each data set, with a file to train on and one to test on.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use missvae::config::{Options, Preset};
use missvae::data::{Data, Standardisation, shuffled};
use missvae::evaluate::{Importance, ImportanceScore, Refit, RefitConfig, iwelbo, refit_encoder};
use missvae::files::Stamp;
use missvae::fingerprint::Fingerprint;
use missvae::impute::FittedModel;
use missvae::objective::{METHODS, Method};
use missvae::prepare::{TrainingRows, binary_images, check_magnitudes, table_data};
use missvae::store::Column;
use missvae::table::{ColumnSchema, Input, ReadOptions, read_for_model};
use samplers::stream::{Purpose, stream};

use super::args::ReproduceArgs;
use super::imputations::Imputations;
use super::measure::Measure;
use super::prepared::Prepared;
use super::settings::Settings;
use super::source::{Score, Source};
use super::spec::{Spec, imputations_of};
use crate::config_file::path_text;
use crate::failure::{Failure, Result};
use crate::frechet::{Compared, Frechet, check_rows};
use crate::output::{cells_missing, counted};
use crate::signal;

/// Names of the file to train on and of the file to test on: without their endings, or whole.
const TRAIN: &[&str] = &["train", "train-images-idx3-ubyte"];
const TEST: &[&str] = &["test", "t10k-images-idx3-ubyte"];
const ENDINGS: &[&str] = &["", ".npy", ".npy.gz", ".npz", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".gz"];
/// Importance samples of a row, and the test rows that are scored, unless it is said otherwise.
const TABLE_SAMPLES: usize = 50_000;
const IMAGE_SAMPLES: usize = 1_000;
const TEST_ROWS: usize = 1_000;
/// Rows that are scored to estimate how long scoring takes.
const MEASURED: usize = 2;

/// Data sets, and how models of them are scored.
pub(super) struct BenchmarkData {
    pub(super) sets: Vec<Set>,
    measure: Measure,
    samples: Option<usize>,
    refit_updates: Option<u64>,
}

/// A data set.
pub(super) struct Set {
    /// What is known of it, and its name, the name of its directory.
    pub(super) preset: Preset,
    pub(super) name: &'static str,
    train: PathBuf,
    /// The file to train on. Every run reads it again and hides its own cells.
    stamp: Stamp,
    /// Rows to train on, and columns.
    size: (usize, usize),
    /// The test rows, in the data's units, and those that are scored.
    test: Data<f64>,
    scored: Vec<usize>,
    fingerprint: String,
}

/// Which data sets a figure shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    /// Tables of the UCI repository.
    Tables,
    /// Images of digits and of letters.
    Images,
}

impl Collection {
    /// The names of its data sets, which are those of their directories, and what is known of each.
    fn known(self) -> &'static [(&'static str, Preset)] {
        match self {
            Collection::Tables => &[
                ("gas", Preset::Gas),
                ("power", Preset::Power),
                ("hepmass", Preset::Hepmass),
                ("miniboone", Preset::Miniboone),
            ],
            Collection::Images => &[("mnist", Preset::Mnist), ("omniglot", Preset::Omniglot)],
        }
    }
}

/// The paper's shares of missing cells.
const RATES: [f64; 3] = [0.2, 0.5, 0.8];
/// What complete rows are fitted with, to take features from: method, samples and seed, which are no matter of the runs
/// that are compared.
const FEATURES: (&str, usize, u64) = ("mvae", 5, 0);

impl BenchmarkData {
    /// Reads the data sets of a figure that there are directories of below `--data`.
    pub(super) fn read(
        figure: &str,
        (collection, measure): (Collection, Measure),
        args: &ReproduceArgs,
    ) -> Result<BenchmarkData> {
        let names: Vec<&str> = collection.known().iter().map(|(name, _)| *name).collect();
        let hint = format!(
            "give a directory with one or more of {}, each with a file to train on (train.npy, train.csv, \
             train-images-idx3-ubyte.gz, …) and one to test on",
            names.join("/, ") + "/"
        );
        let Some(directory) = &args.data else {
            return Err(Failure::usage_hint(format!("{figure} needs --data: its data cannot be made up"), hint));
        };
        for (option, zero) in
            [("test-rows", args.test_rows == Some(0)), ("importance-samples", args.importance_samples == Some(0))]
        {
            if zero {
                return Err(Failure::usage(format!("--{option} 0: expected at least 1")));
            }
        }
        let rows = args.test_rows.unwrap_or(TEST_ROWS);
        let there = collection.known().iter().filter(|(name, _)| directory.join(name).is_dir());
        let sets = there
            .map(|&(name, preset)| Set::read(&directory.join(name), name, preset, rows))
            .collect::<Result<Vec<_>>>()?;
        if sets.is_empty() {
            let what = format!("--data {}: there is no {} in it", directory.display(), names.join("/ and no ") + "/");
            return Err(Failure::usage_hint(what, hint));
        }
        if measure == Measure::Distance {
            // Before features are fitted, which takes long.
            sets.iter().try_for_each(|set| check_rows(&set.compared(), set.test.rows()))?;
        }
        Ok(BenchmarkData { sets, measure, samples: args.importance_samples, refit_updates: args.refit_updates })
    }

    /// A run for each data set, options of training, number of components, method and seed, without what the set itself
    /// says; what is quick to have comes first: one seed of everything.
    pub(super) fn specs(
        &self,
        settings: &Settings,
        trainings: &[Options],
        imputations: fn(&Method) -> Imputations,
    ) -> Vec<Spec> {
        let mut specs = Vec::new();
        for &seed in &settings.seeds {
            for (table, Set { preset, name: panel, .. }) in self.sets.iter().enumerate() {
                for training in trainings {
                    let training = Options { preset: Some(*preset), ..training.clone() };
                    for &components in &settings.components {
                        for &method in &settings.methods {
                            let (imputations, training) = (imputations(&method), training.clone());
                            specs.push(Spec { panel, table, method, components, imputations, seed, training });
                        }
                    }
                }
            }
        }
        specs
    }

    /// A run for each table, share of hidden cells, method and seed.
    pub(super) fn specs_by_rate(&self, settings: &Settings) -> Vec<Spec> {
        let rates = if settings.rates.is_empty() { &RATES[..] } else { &settings.rates };
        let trainings = rates.iter().map(|&rate| Options { hide: Some(rate), ..Options::default() });
        self.specs(settings, &trainings.collect::<Vec<_>>(), imputations_of)
    }

    fn set(&self, spec: &Spec) -> &Set {
        &self.sets[spec.table]
    }

    fn samples(&self, set: &Set) -> usize {
        self.samples.unwrap_or(if set.preset.of_images() { IMAGE_SAMPLES } else { TABLE_SAMPLES })
    }

    /// The settings of a refit of a run's encoder, and the test rows for it. `None` if there is no refit.
    fn refit(&self, run: &Prepared, rows: &TrainingRows) -> Option<(RefitConfig, Data<f32>)> {
        let set = self.set(&run.spec);
        let batch_size = run.config.train.batch_size;
        let updates = self.refit_updates(set, batch_size);
        let config = RefitConfig::for_model(&run.config.vae, updates, batch_size.min(set.test.rows()));
        (updates > 0).then(|| (config, rows.standardisation.apply(&set.test)))
    }

    /// Updates in which the encoder is refitted to the test rows (docs/methods.md §7).
    fn refit_updates(&self, set: &Set, batch_size: usize) -> u64 {
        let epochs = |n: usize| (n * set.test.rows().div_ceil(batch_size)) as u64;
        self.refit_updates.unwrap_or_else(|| match set.preset {
            Preset::Mnist => epochs(200),
            Preset::Omniglot => epochs(100),
            Preset::Miniboone => 2_200,
            _ => 20_000,
        })
    }
}

impl Set {
    /// Its test rows, as messages about distances name them.
    fn compared(&self) -> String {
        format!("{}: the rows to test on", self.name)
    }

    fn read(directory: &Path, name: &'static str, preset: Preset, rows: usize) -> Result<Set> {
        let [train, test] = [file(directory, TRAIN)?, file(directory, TEST)?];
        let stamp = Stamp::of(&train);
        // Without hiding: which cells are hidden is a matter of the runs.
        let said = Options {
            preset: Some(preset),
            data: Some(path_text(&train)?),
            hide_quadrants: preset.of_images().then_some(0),
            ..Options::default()
        };
        let options = said.with_preset();
        let all = TrainingRows::read(&options)?;
        preset.check_columns(all.train.columns())?;
        let names: Vec<String> = all.columns.iter().map(|column| column.name.clone()).collect();
        let input = Input::from_arg(Some(&test));
        let reading = ReadOptions::new().resize(options.resize.unwrap_or(false));
        let test = match options.image_size {
            None => {
                let reading = reading.whole_arrays(true);
                let columns: Vec<ColumnSchema> = all.columns.iter().map(Column::schema).collect();
                table_data(&read_for_model(&input, &reading, &columns)?)
            }
            Some(size) => binary_images(&input, &reading, size, 0)?.1,
        };
        if test.rows() == 0 {
            return Err(Failure::usage(format!("{}: there are no rows to test on", input.name())));
        }
        if test.missing() > 0 {
            let what =
                format!("{}: {} in {}", input.name(), cells_missing(test.missing()), counted(test.rows(), "row"));
            return Err(Failure::usage_hint(what, "models are scored on complete rows"));
        }
        let mut order = Vec::new();
        shuffled(test.rows(), &mut stream(0, Purpose::Split, 1, 0), &mut order);
        let mut scored: Vec<usize> = order.iter().take(rows).map(|&n| n as usize).collect();
        scored.sort_unstable();
        // In the columns' own units, as the presets leave them.
        let units = Standardisation::none(test.columns());
        let in_single = units.apply(&test);
        // Before models are fitted, which takes long.
        check_magnitudes(&in_single, &units, &names, |n| (input.name(), n + 1))?;
        let tested = Fingerprint::of_rows(&in_single);
        Ok(Set {
            preset,
            name,
            train,
            stamp,
            size: (all.train.rows(), all.train.columns()),
            test,
            scored,
            fingerprint: format!("{} {tested}", all.fingerprint),
        })
    }
}

/// The file of a directory with one of some names.
fn file(directory: &Path, names: &[&str]) -> Result<PathBuf> {
    let candidates = names.iter().flat_map(|name| ENDINGS.iter().map(move |ending| format!("{name}{ending}")));
    let found = candidates.map(|name| directory.join(name)).find(|path| path.exists());
    found.ok_or_else(|| {
        let what = format!("{}: there is no file {}", directory.display(), names.join(", and none "));
        Failure::usage_hint(
            what,
            format!("its name may end in {}; images may be a directory of PNG", ENDINGS[1..].join(", ")),
        )
    })
}

impl Source for BenchmarkData {
    fn describe(&self) -> String {
        let line = |set: &Set| {
            let (rows, columns) = set.size;
            let (scored, all) = (set.scored.len(), set.test.rows());
            format!("{}: {rows} rows, {columns} columns; {scored} of {all} rows to test on", set.name)
        };
        self.sets.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn table(&self, spec: &Spec) -> &Path {
        &self.set(spec).train
    }

    fn size(&self, spec: &Spec) -> (usize, usize) {
        self.set(spec).size
    }

    fn fingerprint(&self, spec: &Spec) -> String {
        self.set(spec).fingerprint.clone()
    }

    fn rows(&self, run: &Prepared) -> Result<Arc<TrainingRows>> {
        let rows = TrainingRows::read(&run.config.options)?;
        let set = self.set(&run.spec);
        if set.stamp != Stamp::of(&set.train) {
            let what = format!("{}: the file has changed since this command began", set.train.display());
            return Err(Failure::usage_hint(what, "give the command again: runs that are finished are not repeated"));
        }
        Ok(Arc::new(rows))
    }

    fn measure(&self) -> Measure {
        self.measure
    }

    fn features(&self, settings: &Settings) -> Vec<Spec> {
        match self.measure {
            Measure::LogLikelihood => Vec::new(),
            // A VAE of each table's complete rows, always the same one: distances of several commands can be compared.
            Measure::Distance => {
                let complete = Options { hide: Some(0.0), mask_input: Some(false), ..Options::default() };
                let (name, samples, seed) = FEATURES;
                let methods = METHODS.iter().copied().filter(|method| method.name == name).collect();
                let (components, seeds) = (vec![samples], vec![seed]);
                let settings = Settings { methods, components, seeds, ..settings.clone() };
                self.specs(&settings, &[complete], |_| Imputations::None)
            }
        }
    }

    fn frechet(&self, run: &Prepared, rows: &TrainingRows, features: &Path) -> Result<Option<Frechet>> {
        let set = self.set(&run.spec);
        let test: Data<f32> = rows.standardisation.apply(&set.test);
        let compared = Compared { name: set.compared(), rows: &test, empty: 0 };
        Frechet::new(features, &rows.model_info(&run.config), &compared).map(Some)
    }

    fn scoring(&self, run: &Prepared) -> String {
        if self.measure == Measure::Distance {
            return "distances to the test rows".to_owned();
        }
        let set = self.set(&run.spec);
        let (samples, rows) = (self.samples(set), set.scored.len());
        let refit = self.refit_updates(set, run.config.train.batch_size);
        format!("{samples} importance samples, {rows} rows, {refit} updates of the encoder")
    }

    fn score(&self, run: &Prepared, rows: &TrainingRows, model: &mut FittedModel<f32>) -> Result<Score> {
        let set = self.set(&run.spec);
        let refit = self.refit(run, rows);
        let trained = &run.config.train.objective;
        let refit = refit.as_ref().map(|(config, test)| Refit { rows: test, trained, config: *config });
        let samples = self.samples(set);
        let how = Importance { samples, completion: None, refit, seed: run.spec.seed };
        let ImportanceScore { log_likelihood, standard_error, effective_sample_size, before_refit, .. } = how.score(
            model,
            &rows.standardisation.apply(&set.test.select(&set.scored)),
            &rows.standardisation,
            |_, _, _| signal::progress,
        )?;
        let importance = Some((samples, effective_sample_size, before_refit));
        Ok(Score { log_likelihood, standard_error, rows: set.scored.len(), grid: None, importance })
    }

    fn seconds_to_score(&self, run: &Prepared, rows: &TrainingRows, model: &mut FittedModel<f32>) -> Result<f64> {
        let set = self.set(&run.spec);
        let measured: Vec<usize> = set.scored.iter().copied().take(MEASURED).collect();
        let some: Data<f32> = rows.standardisation.apply(&set.test.select(&measured));
        let started = Instant::now();
        black_box(iwelbo(model, &some, self.samples(set), None, run.spec.seed, signal::progress)?);
        let once = started.elapsed().as_secs_f64() * set.scored.len() as f64 / measured.len() as f64;
        let Some((config, test)) = self.refit(run, rows) else { return Ok(once) };
        let started = Instant::now();
        let single = RefitConfig { updates: 1, ..config };
        refit_encoder(model, &test, &run.config.train.objective, &single, run.spec.seed, signal::progress)?;
        // Before refitting and after it.
        Ok(2.0 * once + started.elapsed().as_secs_f64() * config.updates as f64)
    }
}
