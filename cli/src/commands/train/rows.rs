//! The rows of a training run: read, split, hidden, standardised.

use missvae::config::{MNIST_TRAINING_ROWS, Options, Preset, Validation};
use missvae::data::{Data, Standardisation};
use missvae::store::Column;
use samplers::stream::{Purpose, stream};

use super::super::{binary_images, check_sizes, data_of, read_options};
use crate::failure::{Failure, Result};
use crate::hash::fnv1a;
use crate::output::counted;
use missvae::table::{Input, ReadOptions, Selection, Table, parse_names, read_for_model, read_to_fit};

/// The rows of a training run, in model units.
#[derive(Debug)]
pub(crate) struct Rows {
    /// What the user calls the table.
    pub(crate) name: String,
    /// The columns, with what standardises them.
    pub(crate) columns: Vec<Column>,
    /// What standardises them.
    pub(crate) standardisation: Standardisation,
    /// Rows to train on.
    pub(crate) train: Data<f32>,
    /// Rows left out because no cell of theirs is observed, or is once cells are hidden.
    pub(crate) dropped: usize,
    /// For each row of `train`, its number in the table, from 1.
    pub(crate) numbers: Vec<usize>,
    /// Hidden cells of `train`: position n·D + d and the true value in model units.
    pub(crate) hidden: Vec<(usize, f32)>,
    /// Each column's standard deviation in model units: 1 where columns are standardised.
    pub(crate) deviations: Vec<f64>,
    /// Rows to watch the objective on.
    pub(crate) validation: Option<Data<f32>>,
    /// Rows left out of these because no cell of theirs is observed.
    pub(crate) empty_validation: usize,
    /// Identifies the training and the validation rows, and the feature model that a run is followed by, so that it is
    /// resumed with the same ones.
    pub(crate) fingerprint: String,
}

impl Rows {
    /// Reads the rows that the options ask for.
    pub(crate) fn read(options: &Options) -> Result<Rows> {
        let input = super::input(options);
        if let Some(size) = options.image_size {
            return Rows::of_images(&input, size, options);
        }
        let list = |text: &Option<String>| text.as_deref().map(parse_names).transpose();
        let selection =
            Selection { columns: list(&options.columns)?, ignore: list(&options.ignore_columns)?.unwrap_or_default() };
        let table = read_to_fit(&input, &reading(options), &selection)?;
        Rows::of_table(&input.name(), table, options)
    }

    /// The rows of a table that was read already; `name` is what the user calls it.
    pub(crate) fn of_table(name: &str, table: Table, options: &Options) -> Result<Rows> {
        let rate = options.hidden_share()?;
        let seed = options.seed.unwrap_or(0);

        let (names, values, observed) = table.into_parts();
        let all = Data::new(names.len(), values, observed);
        let Split { rest: Part { rows: mut all, numbers }, held_out } =
            set_aside(all, options, |input, reading| Ok(data_of(&read_for_model(input, reading, &names)?)))?;
        let validation_numbers: Vec<usize> = held_out.as_ref().map_or_else(Vec::new, Part::numbers_with_cells);
        let (held_out, empty_validation) = held_out.map(|part| part.rows.without_empty_rows()).unzip();
        let empty_validation = empty_validation.unwrap_or(0);
        let columns = all.columns();
        let complete = (rate > 0.0).then(|| all.clone());
        let hidden = all.hide(rate, &mut stream(seed, Purpose::Hide, 0, 0));
        let kept = all.rows_with_cells();
        let (train, dropped) = all.without_empty_rows();
        if train.rows() == 0 {
            let what = format!("{name}: no row with an observed cell is left to train on");
            return Err(Failure::usage_hint(what, "hide or set aside less"));
        }
        if held_out.as_ref().is_some_and(|rows| rows.rows() == 0) {
            let source = match (&options.validation, options.validation_from) {
                (Some(source), _) => format!("--validation {source}"),
                (None, from) => format!("{name}, --validation-from {}", from.unwrap_or_default()),
            };
            return Err(Failure::usage(format!("{source}: no row has an observed cell")));
        }
        let fitted = Standardisation::fit(&train).map_err(|unusable| {
            let unusable: Vec<String> = unusable.into_iter().map(|d| format!("{:?}", names[d])).collect();
            let columns = unusable.join(", ");
            let what = format!("{name}: the rows to train on have no two distinct usable values in {columns}");
            Failure::usage_hint(what, "hide or set aside less, change the unit, or use --ignore-columns")
        })?;
        let (standardisation, deviations) = match options.no_standardize.unwrap_or(false) {
            true => (Standardisation::none(columns), fitted.scale),
            false => (fitted, vec![1.0; columns]),
        };
        let mut truth = Vec::with_capacity(hidden.len());
        // The copy in the table's units is gone before the rest of the rows is standardised.
        if let Some(complete) = complete.map(|complete| standardisation.apply::<f32>(&complete)) {
            let mut place = vec![None; complete.rows()];
            kept.iter().enumerate().for_each(|(new, &old)| place[old] = Some(new));
            truth.extend(hidden.into_iter().filter_map(|cell| {
                let (n, d) = (cell / columns, cell % columns);
                Some((place[n]? * columns + d, complete.values(n..n + 1)[d]))
            }));
        }
        let train = standardisation.apply::<f32>(&train);
        let validation: Option<Data<f32>> = held_out.map(|rows| standardisation.apply(&rows));
        check_sizes(&train, &standardisation, &names, |n| format!("{name}, row {}", numbers[kept[n]]))?;
        if let Some(rows) = &validation {
            let file = match options.validation_rows()? {
                Some(Validation::File(path)) => path.display().to_string(),
                _ => name.to_owned(),
            };
            check_sizes(rows, &standardisation, &names, |n| format!("{file}, row {}", validation_numbers[n]))?;
        }
        let columns = names.iter().enumerate().map(|(d, name)| Column {
            name: name.clone(),
            kind: "numeric".to_owned(),
            mean: standardisation.mean[d],
            scale: standardisation.scale[d],
        });
        Ok(Rows {
            name: name.to_owned(),
            columns: columns.collect(),
            fingerprint: fingerprints(&train, validation.as_ref()),
            validation,
            empty_validation,
            standardisation,
            train,
            dropped,
            hidden: truth,
            deviations,
            numbers: kept.iter().map(|&n| numbers[n]).collect(),
        })
    }

    /// The rows of images of `size` × `size` pixels, made binary, their quadrants hidden; those of the validation rows too
    /// where these are of the same file. What is hidden by `--hide` besides is not kept aside.
    fn of_images(input: &Input, size: usize, options: &Options) -> Result<Rows> {
        let name = input.name();
        let (rate, quadrants) = (options.hidden_share()?, options.hidden_quadrants()?);
        let seed = options.seed.unwrap_or(0);
        let binary = |input: &Input, reading: &ReadOptions| binary_images(input, reading, size, seed);
        let (names, all) = binary(input, &reading(options))?;
        let own = !matches!(options.validation_rows()?, Some(Validation::File(_)));
        let Split { rest: Part { rows: mut all, numbers }, mut held_out } =
            set_aside(all, options, |input, reading| Ok(binary(input, reading)?.1))?;
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
        let kept = all.rows_with_cells();
        let (train, dropped) = all.without_empty_rows();
        let (held_out, empty_validation) = held_out.map(|part| part.rows.without_empty_rows()).unzip();
        let empty_validation = empty_validation.unwrap_or(0);
        if train.rows() == 0 || held_out.as_ref().is_some_and(|rows| rows.rows() == 0) {
            let what = format!("{name}: no image with an observed pixel is left to train on, or for validation");
            return Err(Failure::usage_hint(what, "hide or set aside less"));
        }
        let standardisation = Standardisation::none(names.len());
        let train = standardisation.apply::<f32>(&train);
        let validation: Option<Data<f32>> = held_out.map(|rows| standardisation.apply(&rows));
        let column = |name: String| Column { name, kind: "binary".to_owned(), mean: 0.0, scale: 1.0 };
        Ok(Rows {
            name,
            columns: names.into_iter().map(column).collect(),
            fingerprint: fingerprints(&train, validation.as_ref()),
            validation,
            empty_validation,
            standardisation,
            train,
            dropped,
            hidden: Vec::new(),
            deviations: Vec::new(),
            numbers: kept.iter().map(|&n| numbers[n]).collect(),
        })
    }

    /// One line about the table.
    pub(crate) fn describe(&self) -> String {
        let (rows, columns, missing) = (self.train.rows(), self.train.columns(), self.train.missing());
        let share = 100.0 * missing as f64 / (rows * columns).max(1) as f64;
        let dropped = match self.dropped {
            0 => String::new(),
            n => format!("; {} without any observed cell dropped", counted(n, "row")),
        };
        let [rows, columns, missing] =
            [(rows, "row"), (columns, "column"), (missing, "cell")].map(|(count, one)| counted(count, one));
        format!("{}: {rows}, {columns}, {missing} missing ({share:.1}%){dropped}", self.name)
    }

    /// Mean over rows of what turns log densities in model units into the data's: to be subtracted, in nats.
    pub(crate) fn mean_log_volume(&self, data: &Data<f32>) -> f64 {
        let volume = |n: usize| self.standardisation.log_volume(data.observed(n..n + 1));
        (0..data.rows()).map(volume).sum::<f64>() / data.rows() as f64
    }

    /// The same for densities of completed rows.
    pub(crate) fn whole_log_volume(&self) -> f64 {
        self.standardisation.log_volume(&vec![true; self.train.columns()])
    }
}

/// Some rows of a table.
struct Part {
    rows: Data<f64>,
    /// Their numbers in the table, from 1.
    numbers: Vec<usize>,
}

impl Part {
    /// All rows of a table.
    fn whole(rows: Data<f64>) -> Part {
        Part { numbers: (1..=rows.rows()).collect(), rows }
    }

    /// The chosen rows of a whole table.
    fn chosen(all: &Data<f64>, chosen: &[usize]) -> Part {
        Part { rows: all.select(chosen), numbers: chosen.iter().map(|n| n + 1).collect() }
    }

    /// The numbers of the rows that have an observed cell.
    fn numbers_with_cells(&self) -> Vec<usize> {
        self.rows.rows_with_cells().into_iter().map(|n| self.numbers[n]).collect()
    }
}

/// A table without the rows to watch the objective on.
struct Split {
    /// The rows to train on.
    rest: Part,
    held_out: Option<Part>,
}

/// Sets the rows aside that the objective is watched on; `read` reads them where they are in a file.
fn set_aside(
    all: Data<f64>,
    options: &Options,
    read: impl FnOnce(&Input, &ReadOptions) -> Result<Data<f64>>,
) -> Result<Split> {
    match options.validation_rows()? {
        None => Ok(Split { rest: Part::whole(all), held_out: None }),
        Some(Validation::File(path)) => {
            // `--key` names an array of the table's archive; a file of another kind has none.
            let archive = path.extension().is_some_and(|ending| ending == "npz");
            let reading = reading(options);
            let reading = ReadOptions { key: reading.key.clone().filter(|_| archive), ..reading };
            let held_out = read(&Input::from_arg(Some(&path)), &reading)?;
            Ok(Split { rest: Part::whole(all), held_out: Some(Part::whole(held_out)) })
        }
        Some(Validation::Fraction(share)) => {
            let seed = options.seed.unwrap_or(0);
            let (rest, chosen) = all.split(share, &mut stream(seed, Purpose::Split, 0, 0));
            if chosen.is_empty() || rest.is_empty() {
                let what = format!("--validation {share}: {} rows cannot be split so", all.rows());
                return Err(Failure::usage(what));
            }
            Ok(Split { rest: Part::chosen(&all, &rest), held_out: Some(Part::chosen(&all, &chosen)) })
        }
        Some(Validation::From(row)) => {
            if all.rows() < 2 {
                let name = super::input(options).name();
                return Err(Failure::usage(format!("{name}: --validation-from {row}: 1 row cannot be split")));
            }
            if !(1..all.rows()).contains(&row) {
                let what = format!(
                    "{}: --validation-from {row}: expected a row from 1 to {}, of {}",
                    super::input(options).name(),
                    all.rows() - 1,
                    all.rows()
                );
                let hint = match options.preset {
                    Some(Preset::Mnist) if all.rows() <= MNIST_TRAINING_ROWS => {
                        "the preset mnist is for the published 60,000 images, of which it sets the last 6,000 aside; of fewer, \
                         `missvae train --validation 0.1` takes a share"
                    }
                    _ => "take a share of the rows instead (--validation 0.1 of `missvae train`)",
                };
                return Err(Failure::usage_hint(what, hint));
            }
            let (rows, below) = all.split_at(row);
            let numbers = (row + 1..=row + below.rows()).collect();
            Ok(Split { rest: Part::whole(rows), held_out: Some(Part { rows: below, numbers }) })
        }
    }
}

/// How files are read.
fn reading(options: &Options) -> ReadOptions {
    let said = read_options(options.missing_value.as_deref().unwrap_or_default(), options.key.as_ref());
    let whole_arrays = options.columns.is_none() && options.ignore_columns.is_none();
    ReadOptions { resize: options.resize.unwrap_or(false), whole_arrays, ..said }
}

/// Identifies the rows to train on and, if there are some, those for validation.
fn fingerprints(train: &Data<f32>, validation: Option<&Data<f32>>) -> String {
    validation.map_or(fingerprint(train), |rows| format!("{} {}", fingerprint(train), fingerprint(rows)))
}

/// A hash of the values and the mask.
pub(crate) fn fingerprint(data: &Data<f32>) -> String {
    let rows = 0..data.rows();
    let cells = data.values(rows.clone()).iter().zip(data.observed(rows));
    format!("{:016x}", fnv1a(cells.map(|(value, observed)| u64::from(value.to_bits()) << 1 | u64::from(*observed))))
}
