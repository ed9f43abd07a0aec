//! Figure 8: the signal-to-noise ratio of gradients, ancestral beside stratified sampling: `missvae snr` as the paper has it.

use std::path::Path;

use missvae::config::{PathwiseOption, Preset};
use missvae::objective::Estimator;

use super::args::ReproduceArgs;
use super::mog::MogData;
use super::source::Source;
use crate::args::Reading;
use crate::failure::{Failure, Result};
use crate::paper::model_options::ModelOptions;
use crate::paper::snr::{self, ProtocolOption, SnrArgs};

pub(super) const NAME: &str = "fig8";

/// The paper's methods, number of components and number of seeds.
const METHODS: [&str; 4] = ["miss-vae", "miss-svae", "miss-iwae", "miss-siwae"];
const COMPONENTS: usize = 5;
const SEEDS: usize = 5;
/// Epochs between two measurements.
const EVERY: u64 = 10;

/// Fits the four methods, and measures the gradients of an epoch every now and then.
pub(super) fn run(data: &MogData, args: &ReproduceArgs, out: &Path) -> Result<()> {
    if args.components.len() > 1 {
        let what = format!("--components: {NAME} is made with one number of components");
        return Err(Failure::usage_hint(what, "give one number"));
    }
    if args.seeds == Some(0) || args.components == [0] {
        return Err(Failure::usage("--seeds and --components: expected at least 1"));
    }
    let methods: Vec<String> = match args.methods.is_empty() {
        true => METHODS.map(str::to_owned).to_vec(),
        false => args.methods.clone(),
    };
    let study = SnrArgs {
        data: data.incomplete_table().to_owned(),
        methods,
        pathwise: vec![PathwiseOption::Implicit],
        logit_gradient: Vec::new(),
        estimator: vec![Estimator::Stl],
        protocol: vec![ProtocolOption::Epoch],
        draws: None,
        every: EVERY,
        seeds: args.seeds.unwrap_or(SEEDS),
        out: Some(out.to_owned()),
        raw: false,
        model: ModelOptions {
            preset: Some(Preset::Mog),
            components: Some(args.components.first().copied().unwrap_or(COMPONENTS)),
            epochs: args.epochs,
            hidden: args.hidden,
            blocks: args.blocks,
            ..ModelOptions::default()
        },
        reading: Reading::default(),
        common: args.common.clone(),
    };
    snr::check(&study)?;
    if args.dry_run {
        return snr::dry_run(&study, NAME, &data.rows);
    }
    data.keep()?;
    snr::study(&study, NAME)
}
