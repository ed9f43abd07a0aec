//! The ways out of errors, in the words of the command line.

use missvae::config;
use missvae::config::{MNIST_TRAINING_ROWS, Preset};
use missvae::objective::METHODS;
use missvae::prepare;
use missvae::table::closest;

use crate::config_file::{COMMAND_OPTIONS, ONLY_ON_COMMAND_LINE};

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
        prepare::Error::NoValidationRows { option, .. } => {
            error.to_string().replacen(option, &format!("--{option}"), 1)
        }
        prepare::Error::ValidationFrom { .. } => error.to_string().replacen("validation-from", "--validation-from", 1),
        _ => error.to_string(),
    }
}

/// The way out of an error of the rows for a model.
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

/// The way out of a minibatch without a variance.
pub(crate) const SINGLE_IMAGE: &str = "take two images or more at a time (--batch-size), or fewer --encoder-widths and \
    --decoder-widths; or, where a model is scored on a single image, leave its encoder as it is with --refit-updates 0";

/// The way out of an error of an option.
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
        config::Error::BatchNormUndefined => SINGLE_IMAGE,
        config::Error::ProposalMemory { .. } => "lower them; --iterations does as well",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The way out where a configuration file has an option that there is not.
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
