//! The rows of a training run: read, split, hidden, standardised.

use std::path::Path;

use samplers::stream::{Purpose, stream};

use super::alone::Alone;
use super::coding::coded;
use super::error::{Error, Result};
use super::model_rows::{binary_images, binary_table, check_bounds, check_image_size, check_values};
use super::split::{Dialects, Part, Split, read_options, set_aside};
use super::traits::{is_whole, traits_of};
use crate::config::{Options, ResolvedConfig, Validation};
use crate::data::{Data, HeldOutCells, Standardisation};
use crate::fingerprint::Fingerprint;
use crate::heads::{ColumnTraits, ColumnType};
use crate::network::ColumnBlock;
use crate::store::{Column, ModelInfo};
use crate::table::{
    Dialect, Inferred, Input, Schema, SchemaFile, Table, parse_names, read_for_model, read_images, read_to_fit,
};
use crate::trainer;
use crate::warning::{self, Warning};

/// Share of the observed cells that is held out, if that makes [`ENOUGH_HELD_OUT`]; of a small table it is more, up to
/// [`MOST_HELD_OUT`].
const HELD_OUT: f64 = 0.05;
const MOST_HELD_OUT: f64 = 0.1;
const ENOUGH_HELD_OUT: usize = 150;
/// The fewest cells that tell epochs apart.
const LEAST_HELD_OUT: usize = 20;

/// The rows of a training run, in model units.
#[derive(Debug)]
pub struct TrainingRows {
    /// Name of the table in messages.
    pub name: String,
    /// The columns, with what standardises them.
    pub columns: Vec<Column>,
    /// What standardises them.
    pub standardisation: Standardisation,
    /// Rows to train on.
    pub train: Data<f32>,
    /// Rows left out because no cell of theirs is observed, or is once cells are hidden.
    pub dropped: usize,
    /// For each row of `train`, its number in the table, from 1.
    pub numbers: Vec<usize>,
    /// Hidden cells of `train`: position n·D + d and the true value in model units.
    pub hidden: Vec<(usize, f32)>,
    /// Each column's standard deviation in model units: 1 where columns are standardised.
    pub deviations: Vec<f64>,
    /// Limits of the columns: one for each, or none.
    pub limits: Vec<ColumnTraits>,
    /// Rows for validation.
    pub validation: Option<Data<f32>>,
    /// Observed cells of `train` that are held out of it, if epochs are scored on cells and there are enough.
    pub held_out: Option<HeldOutCells<f32>>,
    /// Rows left out of these because no cell of theirs is observed.
    pub empty_validation: usize,
    /// Identifies the training and the validation rows, and the feature model that a run is followed by, so that it is
    /// resumed with the same ones.
    pub fingerprint: String,
    /// Columns of the table that no model can be fitted to.
    pub left_out: Vec<String>,
    /// What may be wrong with the table.
    pub warnings: Vec<Warning>,
    /// Texts that were read whose separators or decimal marks are not those that their names promise.
    pub dialects: Vec<(String, Dialect)>,
}

impl TrainingRows {
    /// Reads the rows that the options ask for: those of their table, or of the bundled penguins.
    ///
    /// # Errors
    /// If a file cannot be read, an option cannot be used, or no rows are left.
    pub fn read(options: &Options) -> Result<TrainingRows> {
        let input = Input::from_arg(options.data.as_deref().map(Path::new));
        let dialects = Dialects::default();
        if let Some(size) = options.image_size {
            let table = read_images(&input, &dialects.listen(read_options(options)), size)?;
            let mut rows = TrainingRows::of_table(&input.name(), table, options)?;
            rows.dialects.splice(0..0, dialects.told());
            return Ok(rows);
        }
        let mut reading = dialects.listen(read_options(options));
        if let Some(names) = &options.columns {
            reading = reading.columns(parse_names(names)?);
        }
        if let Some(names) = &options.ignore_columns {
            reading = reading.ignore_columns(parse_names(names)?);
        }
        let mut ignored = Vec::new();
        if let Some(path) = &options.schema {
            let schema = SchemaFile::read(Path::new(path))?;
            ignored.extend(schema.ignored().cloned());
            reading = reading.schema(schema);
        }
        let read = read_to_fit(&input, &reading)?;
        let mut rows = TrainingRows::of_typed_table(&input.name(), read.table, &read.schema, options)?;
        rows.warnings.splice(0..0, warning::of_reading(&read.left_out, &read.ambiguous_dates));
        rows.dialects.splice(0..0, dialects.told());
        rows.left_out = read.left_out.into_iter().map(|(name, _)| name).chain(ignored).collect();
        Ok(rows)
    }

    /// The rows of a table that was read already; `name` is its name in messages. With `image_size`, its rows are images.
    ///
    /// # Errors
    /// If an option cannot be used, or no rows are left.
    pub fn of_table(name: &str, table: Table, options: &Options) -> Result<TrainingRows> {
        if let Some(size) = options.image_size {
            return TrainingRows::of_images(name, table, size, options);
        }
        if !options.infers_types() {
            let schema = Schema::of(table.columns(), ColumnType::Numeric);
            return TrainingRows::of_typed_table(name, table, &schema, options);
        }
        let Inferred { schema, left_out } = Inferred::of(&table);
        if schema.width() == 0 {
            let columns = left_out.into_iter().map(|(name, _)| name).collect();
            return Err(Error::ConstantColumns { table: name.to_owned(), columns });
        }
        let mut rows = TrainingRows::of_typed_table(name, table, &schema, options)?;
        rows.warnings.splice(0..0, warning::of_reading(&left_out, &[]));
        rows.left_out = left_out.into_iter().map(|(name, _)| name).collect();
        Ok(rows)
    }

    /// The rows of a table's columns that the schema names; `name` is the table's name in messages.
    ///
    /// # Errors
    /// If an option cannot be used, no rows are left, or a column's type does not allow a value of it.
    pub fn of_typed_table(name: &str, table: Table, schema: &Schema, options: &Options) -> Result<TrainingRows> {
        let schema = schema.columns();
        let types: Vec<ColumnType> = schema.iter().map(|column| column.column_type).collect();
        let names: Vec<String> = schema.iter().map(|column| column.name.clone()).collect();
        let table = if names == table.columns() { table } else { table.select(&names)? };
        check_bounds(name, &table, schema)?;
        let rate = options.hidden_share()?;
        let seed = options.seed.unwrap_or(0);
        let mut warnings = warning::of_columns(&table, schema);
        warnings.extend(warning::of_repeats(&table));
        let all = coded(table, schema);
        let mut unknown_levels = None;
        let Split { rest: Part { rows: mut all, numbers }, held_out, dialects } =
            set_aside(name, all, options, |input, reading| {
                let table = read_for_model(input, reading, schema)?;
                unknown_levels = warning::of_levels(&table, schema);
                Ok(coded(table, schema))
            })?;
        warnings.extend(unknown_levels);
        let validation_numbers: Vec<usize> = held_out.as_ref().map_or_else(Vec::new, Part::numbers_with_cells);
        let (held_out, empty_validation) = held_out.map(|part| part.rows.without_empty_rows()).unzip();
        let empty_validation = empty_validation.unwrap_or(0);
        let columns = all.columns();
        let complete = (rate > 0.0).then(|| all.clone());
        let hidden = all.hide(rate, &mut stream(seed, Purpose::Hide, 0, 0));
        let retained = all.rows_with_cells();
        let (train, dropped) = all.without_empty_rows();
        if train.rows() == 0 {
            return Err(Error::NoTrainingRows { table: name.to_owned() });
        }
        if held_out.as_ref().is_some_and(|rows| rows.rows() == 0) {
            let (option, value) = match (&options.validation, options.validation_from) {
                (Some(source), _) => ("validation", source.clone()),
                (None, from) => ("validation-from", from.unwrap_or_default().to_string()),
            };
            return Err(Error::NoValidationRows { table: name.to_owned(), option, value });
        }
        let fitted = Standardisation::fit_types(&train, &types).map_err(|unusable| {
            let columns = unusable.into_iter().map(|d| names[d].clone()).collect();
            Error::ConstantColumns { table: name.to_owned(), columns }
        })?;
        let ranges = train.column_ranges();
        let (standardisation, deviations) = match options.no_standardize.unwrap_or(false) {
            true => (Standardisation::none(columns), fitted.scale),
            false => (fitted, vec![1.0; columns]),
        };
        // Counts are not standardised.
        let deviations = (0..columns).map(|d| match types[d] {
            ColumnType::Count => ColumnType::Numeric
                .unit(&train.observed_values(d).collect::<Vec<f64>>())
                .map_or(deviations[d], |unit| unit.scale),
            _ => deviations[d],
        });
        let deviations: Vec<f64> = deviations.collect();
        let limits = traits_of(&train, schema, &standardisation, options.limits_columns());
        let whole: Vec<bool> = (0..columns).map(|d| options.infers_types() && is_whole(&train, types[d], d)).collect();
        let mut truth = Vec::with_capacity(hidden.len());
        // The copy in the table's units is gone before the rest of the rows is standardised.
        if let Some(complete) = complete.map(|complete| standardisation.apply::<f32>(&complete)) {
            let mut place = vec![None; complete.rows()];
            retained.iter().enumerate().for_each(|(new, &old)| place[old] = Some(new));
            truth.extend(hidden.into_iter().filter_map(|cell| {
                let (n, d) = (cell / columns, cell % columns);
                Some((place[n]? * columns + d, complete.values(n..n + 1)[d]))
            }));
        }
        let mut train = standardisation.apply::<f32>(&train);
        let validation: Option<Data<f32>> = held_out.map(|rows| standardisation.apply(&rows));
        let columns: Vec<Column> = names
            .into_iter()
            .enumerate()
            .map(|(d, name)| Column {
                mean: standardisation.mean[d],
                scale: standardisation.scale[d],
                range: ranges[d].filter(|_| schema[d].levels.is_empty()),
                levels: schema[d].levels.clone(),
                missing: schema[d].missing.clone(),
                format: schema[d].format.clone(),
                min: schema[d].min,
                max: schema[d].max,
                whole: whole[d],
                ..Column::new(name, types[d])
            })
            .collect();
        check_values(&train, &standardisation, &columns, |n| (name.to_owned(), numbers[retained[n]]))?;
        if let Some(rows) = &validation {
            let file = match options.validation_rows()? {
                Some(Validation::File(path)) => path.display().to_string(),
                _ => name.to_owned(),
            };
            check_values(rows, &standardisation, &columns, |n| (file.clone(), validation_numbers[n]))?;
            let value = |n: usize, d: usize| {
                let observed = rows.observed(n..n + 1)[d];
                observed.then(|| standardisation.restore_rounded(d, rows.values(n..n + 1)[d]))
            };
            warnings.extend(warning::of_rows(rows.rows(), &columns, value, |n| validation_numbers[n]));
        }
        // Before cells are held out: those are a part of the table too.
        let fingerprint = fingerprint(&train, validation.as_ref());
        let mut held_out = None;
        if let Some(Validation::Cells) = options.validation_rows()? {
            let mut rng = stream(seed, Purpose::HoldOut, 0, 0);
            let observed = train.rows() * train.columns() - train.missing();
            let share = (ENOUGH_HELD_OUT as f64 / observed as f64).clamp(HELD_OUT, MOST_HELD_OUT);
            held_out = HeldOutCells::take(&mut train, share, LEAST_HELD_OUT, &mut rng);
            if held_out.is_none() {
                warnings.push(Warning::NothingHeldOut);
            }
        }
        // Who says so needs no warning.
        if options.preset.is_none() && options.validation.is_none() && options.validation_rows()?.is_none() {
            warnings.push(Warning::NothingValidated);
        }
        Ok(TrainingRows {
            name: name.to_owned(),
            columns,
            fingerprint,
            validation,
            held_out,
            empty_validation,
            standardisation,
            train,
            dropped,
            hidden: truth,
            deviations,
            limits,
            numbers: retained.iter().map(|&n| numbers[n]).collect(),
            left_out: Vec::new(),
            warnings,
            dialects,
        })
    }

    /// The rows of images of `size` × `size` pixels, made binary, their quadrants hidden; those of the validation rows too
    /// where these are of the same file. What is hidden by `--hide` besides is not kept aside.
    fn of_images(name: &str, table: Table, size: usize, options: &Options) -> Result<TrainingRows> {
        let (rate, quadrants) = (options.hidden_share()?, options.hidden_quadrants()?);
        let seed = options.seed.unwrap_or(0);
        check_image_size(&table, size)?;
        let (names, all) = binary_table(name, table, seed)?;
        let own = !matches!(options.validation_rows()?, Some(Validation::File(_)));
        let Split { rest: Part { rows: mut all, numbers }, mut held_out, dialects } =
            set_aside(name, all, options, |input, reading| Ok(binary_images(input, reading, size, seed)?.1))?;
        let hide = |data: &mut Data<f64>, part: u64| {
            data.hide_quadrants(size, quadrants, |n| stream(seed, Purpose::HideQuadrants, part, n as u64));
        };
        if quadrants > 0 {
            hide(&mut all, 0);
            if let Some(part) = held_out.as_mut().filter(|_| own) {
                hide(&mut part.rows, 1);
            }
        }
        if rate > 0.0 {
            all.hide(rate, &mut stream(seed, Purpose::Hide, 0, 0));
        }
        let retained = all.rows_with_cells();
        let (train, dropped) = all.without_empty_rows();
        let (held_out, empty_validation) = held_out.map(|part| part.rows.without_empty_rows()).unzip();
        let empty_validation = empty_validation.unwrap_or(0);
        if train.rows() == 0 || held_out.as_ref().is_some_and(|rows| rows.rows() == 0) {
            return Err(Error::NoImages { table: name.to_owned() });
        }
        let standardisation = Standardisation::none(names.len());
        let train = standardisation.apply::<f32>(&train);
        let validation: Option<Data<f32>> = held_out.map(|rows| standardisation.apply(&rows));
        let column = |name: String| Column::new(name, ColumnType::Binary);
        Ok(TrainingRows {
            name: name.to_owned(),
            columns: names.into_iter().map(column).collect(),
            fingerprint: fingerprint(&train, validation.as_ref()),
            validation,
            held_out: None,
            empty_validation,
            standardisation,
            train,
            dropped,
            hidden: Vec::new(),
            deviations: Vec::new(),
            limits: Vec::new(),
            left_out: Vec::new(),
            warnings: Vec::new(),
            dialects,
            numbers: retained.iter().map(|&n| numbers[n]).collect(),
        })
    }

    /// What the epochs are scored on.
    pub fn validation(&self) -> trainer::Validation<'_, f32> {
        match (&self.held_out, &self.validation) {
            (Some(cells), _) => trainer::Validation::Cells(cells),
            (None, rows) => rows.as_ref().into(),
        }
    }

    /// Cells that are missing in the rows to train on. Held-out cells are not: their values are known.
    pub fn missing(&self) -> usize {
        self.train.missing() - self.held_out.as_ref().map_or(0, |held_out| held_out.cells().len())
    }

    /// Some of the rows to train on, with their held-out cells.
    pub fn with_held_out(&self, rows: &[usize]) -> Data<f32> {
        match &self.held_out {
            Some(held_out) => held_out.put_back(&self.train, rows),
            None => self.train.select(rows),
        }
    }

    /// What turns a validation score in model units into the data's: to be subtracted, in nats. Of rows a mean over rows, of
    /// cells a mean over cells.
    pub fn validation_log_volume(&self) -> f64 {
        match (&self.held_out, &self.validation) {
            (Some(held_out), _) => {
                let (_, mask) = held_out.scored();
                let held: Vec<bool> = mask.iter().map(|&mask| mask > 0.0).collect();
                let rows = held.chunks_exact(self.train.columns());
                rows.map(|row| self.standardisation.log_volume(row)).sum::<f64>() / held_out.scored_cells() as f64
            }
            (None, Some(rows)) => self.mean_log_volume(rows),
            (None, None) => 0.0,
        }
    }

    /// Mean score of the held-out values by what the columns alone say: normals with mean and scale, the levels' shares, the
    /// counts' distribution; in nats of the data's units, a cell or a row as that of the model. None where nothing is held out,
    /// and for columns that are not standardised.
    pub fn independent_validation(&self) -> Option<f64> {
        let (data, mask, count) = match (&self.held_out, &self.validation) {
            (Some(cells), _) => {
                let (values, mask) = cells.scored();
                (values, mask.to_vec(), cells.scored_cells())
            }
            (None, Some(rows)) => (rows.values(0..rows.rows()), rows.mask(0..rows.rows()).collect(), rows.rows()),
            (None, None) => return None,
        };
        let width = self.columns.len();
        let mut total = 0.0;
        for (d, column) in self.columns.iter().enumerate() {
            let alone = Alone::of(column, self.limits.get(d))?;
            let cells = (d..data.len()).step_by(width).filter(|&cell| mask[cell] > 0.0);
            total += cells.map(|cell| alone.log_density(f64::from(data[cell]))).sum::<f64>();
        }
        Some(total / count as f64 - self.validation_log_volume())
    }

    /// A warning if a model's score of the held-out values, in nats of the data's units, is below that of the columns alone.
    pub fn nothing_learned(&self, found: f64) -> Option<Warning> {
        warning::of_score(found, self.independent_validation(), self.held_out.is_some())
    }

    /// Adds what is known of the columns to the configuration of their model.
    pub fn complete(&self, config: &mut ResolvedConfig) {
        if config.vae.images.is_none() {
            config.vae.blocks = self.blocks();
            config.vae.limits.clone_from(&self.limits);
        }
    }

    /// Names of the columns that get no negative values, as none of their observed ones is negative.
    pub fn never_negative(&self) -> impl Iterator<Item = &str> {
        let bounded = self.columns.iter().zip(&self.limits).filter(|(column, limits)| {
            column.kind == ColumnType::Numeric && limits.min.is_some() && column.min.is_none_or(|min| min >= 0.0)
        });
        bounded.map(|(column, _)| &column.name[..])
    }

    /// The types of the columns as the configuration of a model of tables has them: none where all are numeric.
    fn blocks(&self) -> Vec<ColumnBlock> {
        let mut blocks: Vec<ColumnBlock> = Vec::new();
        for kind in self.columns.iter().map(|column| column.kind) {
            // Columns with levels of their own are described one by one.
            match blocks.last_mut().filter(|block| block.kind == kind && !kind.has_shares()) {
                Some(block) => block.columns += 1,
                None => blocks.push(ColumnBlock { kind, columns: 1 }),
            }
        }
        if blocks.iter().any(|block| block.kind != ColumnType::Numeric) { blocks } else { Vec::new() }
    }

    /// What a model file says of the model that is fitted to these rows, before its first update.
    pub fn model_info(&self, config: &ResolvedConfig) -> ModelInfo {
        ModelInfo {
            vae: config.vae.clone(),
            method: config.method.name.to_owned(),
            columns: self.columns.clone(),
            updates: 0,
            imputations: config.imputations(),
            left_out: self.left_out.clone(),
            missing_values: config.options.missing_value.clone().unwrap_or_default(),
            options: Some(config.options.clone().without_paths()),
        }
    }

    /// Mean over rows of what turns log densities in model units into the data's: to be subtracted, in nats.
    pub fn mean_log_volume(&self, data: &Data<f32>) -> f64 {
        let volume = |n: usize| self.standardisation.log_volume(data.observed(n..n + 1));
        (0..data.rows()).map(volume).sum::<f64>() / data.rows() as f64
    }

    /// The same for densities of completed rows.
    pub fn whole_log_volume(&self) -> f64 {
        self.standardisation.log_volume(&vec![true; self.train.columns()])
    }
}

/// Identifies the rows to train on and, if there are some, those for validation.
fn fingerprint(train: &Data<f32>, validation: Option<&Data<f32>>) -> String {
    let train = Fingerprint::of_rows(train);
    validation.map_or(train.clone(), |rows| format!("{train} {}", Fingerprint::of_rows(rows)))
}
