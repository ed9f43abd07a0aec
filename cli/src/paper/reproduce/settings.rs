//! The settings that an experiment offers, and those that the user chose.

use missvae::config::Options;
use missvae::objective::{METHODS, Method};

use super::args::ReproduceArgs;
use crate::failure::{Failure, Result};
use crate::hints::closest;
use crate::paper::shared::{MOST_SEEDS, distinct};

/// A summary of an experiment, and the settings that it offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    /// Its name on the command line and in file names.
    pub(super) name: &'static str,
    /// One line about it.
    pub(super) about: &'static str,
    /// The methods that it compares.
    pub(super) methods: &'static [&'static str],
    /// The numbers of components, or of imputations, that it tries; of samples for methods of a single component.
    pub(super) components: &'static [usize],
    /// How many seeds it tries.
    pub(super) seeds: usize,
}

/// The most points on a leg of an interpolation.
const MOST_POINTS: usize = 1000;

/// The methods of the paper's table 1.
pub(super) const ALL_METHODS: &[&str] =
    &["mvae", "miss-vae", "miss-svae", "miwae", "miss-iwae", "miss-siwae", "demiss-vae"];

/// The settings that the user chose.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) methods: Vec<Method>,
    pub(super) components: Vec<usize>,
    pub(super) seeds: Vec<u64>,
    /// Points on a leg of an interpolation, ends included.
    pub(super) points: Option<usize>,
    /// Shares of the cells that are hidden.
    pub(super) rates: Vec<f64>,
    /// Sizes of the latent space.
    pub(super) latents: Vec<usize>,
    /// Options of training that override the experiment's.
    pub(super) training: Options,
}

impl Settings {
    pub(super) fn new(outline: &Outline, args: &ReproduceArgs) -> Result<Settings> {
        let at_least = |option: &str, value: usize, least: usize| match value >= least {
            true => Ok(value),
            false => Err(Failure::usage(format!("--{option} {value}: expected at least {least}"))),
        };
        let at_most = |option: &str, value: usize, most: usize| match value <= most {
            true => Ok(value),
            false => Err(Failure::usage(format!("--{option} {value}: expected at most {most}"))),
        };
        let seeds = at_least("seeds", args.seeds.unwrap_or(outline.seeds), 1)?;
        at_most("seeds", seeds, MOST_SEEDS)?;
        if outline.seeds == 1 && seeds > 1 {
            let what = format!("--seeds {seeds}: {} shows a single run of each method", outline.name);
            return Err(Failure::usage_hint(what, "leave it out; --seed chooses the run"));
        }
        if let Some(points) = args.points {
            at_least("points", points, 2)?;
            at_most("points", points, MOST_POINTS)?;
        }
        let mut methods: Vec<Method> = match args.methods.is_empty() {
            true => outline.methods.iter().map(|&name| method(outline, name)).collect::<Result<_>>()?,
            false => args.methods.iter().map(|name| method(outline, name)).collect::<Result<_>>()?,
        };
        // A figure has the paper's order, whatever the order of --methods.
        methods.sort_by_key(|method| outline.methods.iter().position(|&name| name == method.name));
        let components = match args.components.is_empty() {
            true => outline.components.to_vec(),
            false => args.components.clone(),
        };
        if outline.components.len() == 1 && components.len() > 1 {
            let what = format!("--components: {} is made with one number of components", outline.name);
            return Err(Failure::usage_hint(what, "give one number"));
        }
        for &count in &components {
            at_least("components", count, 1)?;
        }
        if let Some(rate) = args.rates.iter().find(|rate| !(0.0..1.0).contains(*rate)) {
            return Err(Failure::usage(format!("--rates {rate}: expected at least 0 and less than 1")));
        }
        for &latent in &args.latents {
            at_least("latents", latent, 1)?;
        }
        let first = args.common.seed.unwrap_or(0);
        Ok(Settings {
            methods: distinct(methods),
            components: distinct(components),
            seeds: (0..seeds as u64).map(|i| first.wrapping_add(i)).collect(),
            points: args.points,
            rates: distinct(args.rates.clone()),
            latents: distinct(args.latents.clone()),
            training: Options {
                epochs: args.epochs,
                updates: args.updates,
                hidden: args.hidden,
                blocks: args.blocks,
                encoder_widths: args.encoder_widths.clone(),
                decoder_widths: args.decoder_widths.clone(),
                ..Options::default()
            },
        })
    }

    /// The methods' names in figures, which are the series there.
    pub(super) fn titles(&self) -> Vec<String> {
        self.methods.iter().map(|method| method.title.to_owned()).collect()
    }
}

/// A method of an experiment by its name.
fn method(outline: &Outline, name: &str) -> Result<Method> {
    let known = outline.methods.contains(&name).then(|| METHODS.iter().find(|method| method.name == name)).flatten();
    known.copied().ok_or_else(|| {
        let names: Vec<String> = outline.methods.iter().map(|&name| name.to_owned()).collect();
        let what = format!("--methods {name}: {} compares {}", outline.name, names.join(", "));
        Failure::Usage { what, hint: closest(name, &names).map(|near| format!("did you mean {near}?")) }
    })
}
