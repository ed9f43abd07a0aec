//! Hints: what to do about an error, in the words of the command line.

use std::io;

use missvae::config::{MNIST_TRAINING_ROWS, Preset};
use missvae::files::WriteError;
use missvae::objective::METHODS;
use missvae::table::{Error, ParquetProblem, PixelProblem, Reason, UnusableColumn, is_missing_elsewhere};
use missvae::{config, prepare, store};

use crate::command_options::{COMMAND_OPTIONS, ONLY_ON_COMMAND_LINE};

/// An error of an option, which is named as on the command line.
pub(crate) fn config_text(error: &config::Error) -> String {
    match error {
        config::Error::Incomplete { first, second } => format!("--{first} and --{second}: one needs the other"),
        config::Error::ProposalMemory { proposals, replenish } => {
            format!("--proposals {proposals} with --replenish {replenish}: too many to hold")
        }
        config::Error::UpdateMemory { .. } | config::Error::Parameters { .. } => error.to_string(),
        _ => match error.option() {
            Some(_) => format!("--{error}"),
            None => error.to_string(),
        },
    }
}

/// An error of the rows for a model, whose option is named as on the command line.
pub(crate) fn rows_text(error: &prepare::Error) -> String {
    match error {
        prepare::Error::Unsplittable { .. } => format!("--{error}"),
        prepare::Error::NoValidationRows { table, option, value } => {
            format!("{table}, --{option} {value}: no row has an observed cell")
        }
        prepare::Error::ValidationFrom { table, row, rows: rows @ (0 | 1), .. } => {
            format!("{table}: --validation-from {row}: {rows} row cannot be split")
        }
        prepare::Error::ValidationFrom { table, row, rows, .. } => {
            format!("{table}: --validation-from {row}: expected a row from 1 to {}, of {rows}", rows - 1)
        }
        _ => error.to_string(),
    }
}

/// What to do about an error of the rows for a model.
pub(crate) fn rows(error: &prepare::Error) -> Option<String> {
    let hint = match error {
        prepare::Error::NoTrainingRows { .. } | prepare::Error::NoImages { .. } => "hide or set aside less",
        prepare::Error::ConstantColumns { .. } => "hide or set aside less, change the unit, or use --ignore-columns",
        prepare::Error::TooLarge { .. } => {
            "if it stands for a missing value, say so by --missing-value; else correct it, or change the column's unit"
        }
        prepare::Error::ValidationFrom { rows, preset: Some(Preset::Mnist), .. } if *rows <= MNIST_TRAINING_ROWS => {
            "the preset mnist is for the published 60,000 images, of which it sets the last 6,000 aside; of fewer, \
             `missvae train --validation 0.1` takes a share"
        }
        prepare::Error::ValidationFrom { .. } => {
            "take a share of the rows instead (--validation 0.1 of `missvae train`)"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What to do about a minibatch without a variance.
pub(crate) const SINGLE_IMAGE: &str = "take two images or more at a time (--batch-size), or fewer --encoder-widths and \
    --decoder-widths; or, where a model is scored on a single image, leave its encoder as it is with --refit-updates 0";

/// What to do about an error of an option.
pub(crate) fn config(error: &config::Error) -> Option<String> {
    let hint = match error {
        config::Error::UnknownMethod(unknown) => {
            let names = METHODS.map(|method| method.name.to_owned());
            return closest(&unknown.name, &names).map(did_you_mean);
        }
        config::Error::UnknownOption { name, known, .. } => return Some(unknown_option(name, known)),
        config::Error::StandardInput { .. } => "give a file, or a share of the rows",
        config::Error::OnlyImages { .. } => "add --image-size, or a preset that has it",
        config::Error::OnlyTables { .. } => {
            "leave it out; --encoder-widths and --decoder-widths size the networks of images"
        }
        config::Error::SingleComponent { .. } => "use miss-vae, miss-svae, miss-iwae or miss-siwae for a mixture",
        config::Error::Conflict { .. } => "keep one",
        config::Error::OnlyLair { .. } => "it applies to --sampler lair",
        config::Error::NoImputations { .. } => "it applies to demiss-vae, cvi-vae and mvb-vae",
        config::Error::OnlyFiniteMixtures { .. } => "leave it out, or choose a method with a finite mixture",
        config::Error::NoAncestralSamples { .. } => "it applies to miss-vae and miss-iwae with at least 2 components",
        config::Error::NothingToResample => "add --iterations with more than one",
        config::Error::PresetColumns { .. } => {
            "give the options that are wanted of it one by one (docs/uci.md), or choose columns by --columns"
        }
        config::Error::Parameters { .. } => {
            "lower --hidden, --components, --latent, the numbers of blocks or the widths"
        }
        config::Error::UpdateMemory { .. } => "lower --batch-size, --samples, --importance-samples or --components",
        config::Error::ImputationMemory { .. } => {
            "lower --components, --proposals, --replenish or, with --resample-final, --iterations"
        }
        config::Error::NeedsCompletedRows => "use lair, mwg or pseudo-gibbs",
        config::Error::NotOfImportance { .. } => {
            "it applies to --sampler lair, and --iterations to mwg and pseudo-gibbs too"
        }
        config::Error::GridOfImages | config::Error::GridDimensions { .. } => "use --likelihood iwelbo",
        config::Error::NotOfGrid { .. } => "add --likelihood iwelbo, or leave it out",
        config::Error::RefitSize { .. } => "leave it out, or score fewer rows at a time",
        config::Error::RefitOptions { .. } => "`missvae evaluate --refit-updates` reads them in the run's config.toml",
        config::Error::BatchNormUndefined => SINGLE_IMAGE,
        config::Error::TooManyDraws { .. } => "several runs with different --seed make more",
        config::Error::ProposalMemory { .. } => "lower them; --iterations does as well",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What to do about an unknown option in a configuration file.
fn unknown_option(name: &str, known: &[String]) -> String {
    if ONLY_ON_COMMAND_LINE.contains(&name) || COMMAND_OPTIONS.contains(&name) {
        return "this is for the command line only".to_owned();
    }
    match closest(name, known) {
        Some(near) => did_you_mean(near),
        None => "options are called by their long names, as in `missvae train --help`".to_owned(),
    }
}

fn did_you_mean(near: impl std::fmt::Display) -> String {
    format!("did you mean {near}?")
}

/// What to do about an error of a table.
pub(crate) fn table(error: &Error) -> Option<String> {
    let hint = match error {
        Error::Write(error) => return writing(error),
        Error::RecordTooLong { .. } => "A quotation mark that is never closed makes one row of all that follows.",
        Error::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => PERMISSIONS,
        Error::UnknownFormat { .. } => "Pipe comma-separated text in with - as the file name.",
        Error::ImageSize { found, size, .. } if is_larger_square(*found, *size) => {
            "train and evaluate make larger images smaller by --resize; impute needs images of the model's size."
        }
        Error::Pixels { problem: PixelProblem::MeansOfBinary, .. } => {
            "Leave out --resize, or give intensities from 0 to 255."
        }
        Error::IdxAsText { .. } => "Let its name end in .idx or -ubyte (also .gz).",
        Error::UnnamedColumn { .. } => {
            "R and pandas write row names without a title: give the column one, or choose others with --columns."
        }
        Error::NoHeader { .. } => "Put a line with the columns' names on top: without it the first row would be lost.",
        Error::DuplicateColumn { .. } => "Rename one of them.",
        Error::AmbiguousSeparator { separators: [one, other], .. } => {
            let mark = "(and by --decimal , if commas are decimal marks)";
            return Some(format!("Say which one by --separator '{}' or '{}' {mark}.", one.name(), other.name()));
        }
        Error::ParquetAsText { .. } => "Let its name end in .parquet; it is not read from standard input.",
        Error::NoParquet { file } => {
            return Some(format!(
                "Install the program by cargo install missvae-cli --features parquet, or convert the file: \
                 python3 -c 'import pandas; pandas.read_parquet({file:?}).to_csv(\"table.csv\", index=False)'."
            ));
        }
        Error::BadParquet { problem: ParquetProblem::ColumnType { .. }, .. } => {
            "Leave it out with --ignore-columns, or choose others with --columns."
        }
        Error::BadParquet { problem: ParquetProblem::Fractions { .. } | ParquetProblem::Value { .. }, .. } => {
            "Make it a column of floating-point numbers first, or fit the model to a table in which it holds whole numbers."
        }
        Error::SeparatorWithoutText { .. } => "Leave out --separator and --decimal.",
        Error::RowWidth { expected: 1, .. } => {
            "The header is one cell: say what separates cells by --separator, or put decimal commas in quotes."
        }
        Error::RowWidth { found, expected, .. } if found < expected => {
            "Every row needs as many cells as the header: is the file cut off, or a delimiter missing?"
        }
        Error::RowWidth { .. } => "A cell that contains the delimiter must be in double quotes.",
        Error::NotUtf8 { utf16: true, .. } => "It looks like UTF-16: save it as UTF-8.",
        Error::NotUtf8 { .. } => "Convert it, for example with iconv -f latin1 -t utf-8.",
        Error::TruncatedGzip { .. } => "Download or copy it again.",
        Error::ArrayKey { .. } => {
            "Choose an array with --key; where a command has none, give it a file with one array."
        }
        Error::KeyWithoutArchive { .. } => "Leave out --key.",
        Error::NothingSelected { .. } => "Name more columns with --columns, or fewer with --ignore-columns.",
        Error::UnknownColumns { unknown, available, .. } => return nearest(unknown, available),
        Error::MissingColumns { missing, available, .. } => {
            return nearest(missing, available).or(Some("Columns are matched by name.".into()));
        }
        Error::UnusableColumns { columns, usable, chosen, .. } => return way_around(columns, usable, *chosen),
        _ => return None,
    };
    Some(hint.into())
}

const PERMISSIONS: &str = "Check the permissions of the file and of its directory.";

/// What to do about a file that cannot be written.
pub(crate) fn writing(error: &WriteError) -> Option<String> {
    let hint = match error {
        WriteError::System { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => PERMISSIONS,
        WriteError::NoDirectory { .. } => "Create the directory first.",
        WriteError::Directory { .. } => "Give --out another name.",
        WriteError::DiskFull { .. } => "What was there before is unchanged; make room or choose another place.",
        _ => return None,
    };
    Some(hint.into())
}

/// What to do about an error of fitting or using a model.
pub(crate) fn model(error: &missvae::Error) -> Option<String> {
    let hint = match error {
        missvae::Error::Config(error) => return config(error),
        missvae::Error::Table(error) => return table(error),
        missvae::Error::Write(error) => return writing(error),
        missvae::Error::NotFinite { .. } => {
            "a smaller --learning-rate or --clip usually helps, or --no-standardize=false for a table whose columns are taken \
             as they are (as --preset mog does); the last checkpoint, if there is one, is kept"
        }
        missvae::Error::BatchNormUndefined => SINGLE_IMAGE,
        missvae::Error::Store(error) if !matches!(error.problem, store::Problem::Io(_)) => {
            "copy the file again from where it is whole, or start a new run"
        }
        _ => return None,
    };
    Some(hint.into())
}

/// The name of the list that is most like `name`, if one is: equal except for case, or a few letters away.
pub(crate) fn closest<'a>(name: &str, list: &'a [String]) -> Option<&'a String> {
    let wanted = name.to_lowercase();
    list.iter()
        .map(|other| (strsim::levenshtein(&wanted, &other.to_lowercase()), other))
        .filter(|(distance, other)| {
            *distance <= name.chars().count() / 3 || (wanted.len() > 2 && other.to_lowercase().starts_with(&wanted))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// "Did you mean …?", if a name in the file is near to one that was asked for.
fn nearest(wanted: &[String], available: &[String]) -> Option<String> {
    const SHOWN: usize = 20;
    let near: Vec<String> =
        wanted.iter().filter_map(|name| closest(name, available)).take(SHOWN).map(|name| format!("{name:?}")).collect();
    if near.is_empty() { None } else { Some(format!("Did you mean {}?", near.join(", "))) }
}

/// Whether rows of `found` numbers are square images of more than `size` × `size` pixels.
fn is_larger_square(found: usize, size: usize) -> bool {
    let side = found.isqrt();
    side * side == found && side > size
}

/// What to do about a text that is a number but for its decimal mark.
fn decimal_mark(text: &str) -> Option<String> {
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    let (mark, other) = match text {
        _ if text.matches(',').count() == 1 && is_number(&text.replace(',', ".")) => ("comma", ','),
        _ if text.contains('.') && is_number(text) => ("point", '.'),
        _ => return None,
    };
    Some(format!(
        "{text:?} seems to be a number with a decimal {mark}: if all decimals have one, add --decimal {other}; \
         marks of thousands are not read."
    ))
}

/// What to do about a column with a few odd cells, or about a choice of columns.
fn way_around(columns: &[UnusableColumn], usable: &[String], chosen: bool) -> Option<String> {
    for column in columns {
        if let Reason::Text { text, .. } = &column.reason {
            let text = text.trim();
            if is_missing_elsewhere(text) {
                return Some(format!("If {text:?} stands for a missing value, add --missing-value='{text}'."));
            }
            if let Some(hint) = decimal_mark(text) {
                return Some(hint);
            }
            if column.name.contains([';', '\t', '|']) && usable.is_empty() && columns.len() == 1 {
                return Some(
                    "The file seems to be separated by something other than commas: say by what with --separator."
                        .into(),
                );
            }
        }
    }
    let list = |names: Vec<&String>| {
        let quote = |name: &&String| match name.contains([',', '"']) {
            true => format!("\"{}\"", name.replace('"', "\"\"")),
            false => (*name).clone(),
        };
        names.iter().map(quote).collect::<Vec<_>>().join(",").replace('\'', "'\\''")
    };
    match usable {
        _ if !chosen => None,
        [] => None,
        _ if usable.len() <= columns.len() => Some(format!("Use --columns '{}'.", list(usable.iter().collect()))),
        _ => {
            let left_out = list(columns.iter().map(|column| &column.name).collect());
            Some(format!("Use --ignore-columns '{left_out}', or choose with --columns."))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use missvae::table::{Input, ReadOptions, read_to_fit};

    use super::*;

    /// The hint for a file of this content.
    fn hint(content: &[u8], reading: &ReadOptions) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        std::fs::write(&path, content).unwrap();
        let error = read_to_fit(&Input::File(path), reading).unwrap_err();
        table(&error).unwrap()
    }

    #[test]
    fn hints_for_common_slips() {
        let hint = |content: &[u8]| hint(content, &ReadOptions::new());
        assert!(hint(b"a,b\n1,2\nN/A,4\n3,5\n").contains("--missing-value='N/A'"));
        assert_eq!(hint(b"\"a, 'm\",b,c\n1,x,\n2,y,\n"), r#"Use --columns '"a, '\''m"'."#);
        assert_eq!(hint(b"a,b,c\n1,2,x\n2,3,4\n"), "Use --ignore-columns 'c', or choose with --columns.");
        assert!(hint(b"a b;c\n1 2\nx\n").contains("--separator"));
        assert!(hint(b"a;b\n1,5;2,5\n3,5;4,5\n").contains("--separator ';' or ','"));
        assert!(hint(b"a,b\n\"1,5\",2\n\"3,5\",4\n").contains("--decimal ,"));
        assert!(hint(b"a;b;c\n1,5;2;1\n2.5;4;1\n2,5;4;1\n").contains("--decimal ,"));
        assert!(hint(b"a,b\n1,2\n\xe9,3\n").contains("iconv"));
        assert!(hint(b"\xff\xfea\0,\0b\0\n\0").contains("UTF-16"));
        assert!(hint(b"\n0.5,-1\n2,3\n").contains("on top"));
    }

    #[test]
    fn a_name_that_is_nearly_right() {
        let reading = ReadOptions::new().columns(["sepal.length"]);
        let hint = hint(b"Sepal.Length,Species\n1,2\n3,4\n", &reading);
        assert_eq!(hint, "Did you mean \"Sepal.Length\"?");
    }

    /// The table's path may contain the option's name: the dashes are the option's alone.
    #[test]
    fn options_beside_a_path() {
        let table = || "/data/validation-from/validation.csv".to_owned();
        let (option, value) = ("validation", "0.1".to_owned());
        let none = prepare::Error::NoValidationRows { table: table(), option, value };
        let outside = |rows| prepare::Error::ValidationFrom { table: table(), row: 9, rows, preset: None };
        for (error, text) in [
            (none, "/data/validation-from/validation.csv, --validation 0.1: no row has an observed cell"),
            (outside(5), "/data/validation-from/validation.csv: --validation-from 9: expected a row from 1 to 4, of 5"),
            (outside(1), "/data/validation-from/validation.csv: --validation-from 9: 1 row cannot be split"),
        ] {
            assert_eq!(rows_text(&error), text);
            // But for the dashes it is the library's text.
            assert_eq!(text.replace("--", ""), error.to_string());
        }
    }

    #[test]
    fn files_that_may_not_be_written() {
        let error = WriteError::new(Path::new("a"), io::ErrorKind::PermissionDenied.into());
        assert_eq!(writing(&error).unwrap(), PERMISSIONS);
    }

    #[test]
    fn near_names() {
        let list = ["Body Mass (g)", "Sex", "Species"].map(String::from);
        assert_eq!(closest("body mass", &list), Some(&list[0]));
        assert_eq!(closest("sxe", &list), None);
        assert_eq!(closest("Specis", &list), Some(&list[2]));
        assert_eq!(closest("zz", &list), None);
    }
}
