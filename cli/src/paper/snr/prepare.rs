//! The runs of a study, with their resolved options and their rows.

use std::sync::Arc;

use missvae::config::{Options, ResolvedConfig};
use missvae::prepare::TrainingRows;

use super::args::SnrArgs;
use super::variants::Variant;
use crate::config_file::path_text;
use crate::failure::{Failure, Result};
use crate::output::rows_summary;

/// A run: a variant with a seed.
pub(super) struct Prepared {
    /// Its place among the variants.
    pub(super) variant: usize,
    pub(super) config: ResolvedConfig,
    /// Its rows.
    pub(super) rows: RowsOfSeed,
}

/// The rows of a seed.
#[derive(Clone)]
pub(super) struct RowsOfSeed {
    pub(super) count: usize,
    columns: usize,
    pub(super) fingerprint: String,
    /// The rows, if all seeds share them. Otherwise a seed's rows are read when its turn comes, so that one seed's are
    /// in memory at a time.
    shared: Option<Arc<TrainingRows>>,
}

impl RowsOfSeed {
    fn new(rows: &TrainingRows) -> Self {
        let (count, columns, fingerprint) = (rows.train.rows(), rows.train.columns(), rows.fingerprint.clone());
        RowsOfSeed { count, columns, fingerprint, shared: None }
    }

    /// Rows that are the same for all seeds.
    pub(super) fn of_all_seeds(rows: Arc<TrainingRows>) -> Self {
        RowsOfSeed { shared: Some(rows.clone()), ..RowsOfSeed::new(&rows) }
    }

    /// The rows themselves, of a run with these options.
    pub(super) fn read(&self, options: &Options) -> Result<Arc<TrainingRows>> {
        if let Some(rows) = &self.shared {
            return Ok(rows.clone());
        }
        let rows = TrainingRows::read(options)?;
        if rows.fingerprint != self.fingerprint {
            return Err(Failure::usage_hint(
                format!("{}: the file has changed since this command began", rows.name),
                "give the command again: runs that are finished are not repeated",
            ));
        }
        Ok(Arc::new(rows))
    }
}

/// The options of a variant's training, merged over the preset.
fn with_preset(args: &SnrArgs, variant: &Variant, seed: u64) -> Result<Options> {
    let reading = &args.reading;
    let common = Options {
        data: Some(path_text(&args.data)?),
        missing_value: (!reading.missing_value.is_empty()).then(|| reading.missing_value.clone()),
        key: reading.key.clone(),
        seed: Some(seed),
        ..args.model.training()
    };
    Ok(variant.training(common).with_preset())
}

/// The seeds of each variant's runs.
pub(super) fn seeds(args: &SnrArgs) -> Vec<u64> {
    let first = args.common.seed.unwrap_or(0);
    (0..args.seeds as u64).map(|seed| first.wrapping_add(seed)).collect()
}

/// The rows of each seed, and a message about the first seed's. As in `train`, the seed decides which cells are hidden
/// and how pixels become binary. Where neither happens, all seeds have the same rows.
pub(super) fn rows_of_seeds(args: &SnrArgs, variant: &Variant, seeds: &[u64]) -> Result<(String, Vec<RowsOfSeed>)> {
    let options = with_preset(args, variant, seeds[0])?;
    let rate = options.hidden_share()?;
    let own = rate > 0.0 || options.image_size.is_some();
    let first = TrainingRows::read(&options)?;
    let description = rows_summary(&first);
    if !own {
        return Ok((description, vec![RowsOfSeed::of_all_seeds(Arc::new(first)); seeds.len()]));
    }
    let mut all = vec![RowsOfSeed::new(&first)];
    drop(first);
    for &seed in &seeds[1..] {
        all.push(RowsOfSeed::new(&TrainingRows::read(&with_preset(args, variant, seed)?)?));
    }
    Ok((description, all))
}

/// Resolves all runs before the first one begins, so that a wrong option is found at once.
pub(super) fn prepare(
    args: &SnrArgs,
    variants: &[Variant],
    seeds: &[u64],
    rows: &[RowsOfSeed],
) -> Result<Vec<Prepared>> {
    let mut runs = Vec::new();
    for (place, variant) in variants.iter().enumerate() {
        for (&seed, rows) in seeds.iter().zip(rows) {
            let options = with_preset(args, variant, seed)?;
            let config = options.resolve(rows.count, rows.columns)?;
            config.check_minibatches(rows.count)?;
            runs.push(Prepared { variant: place, config, rows: rows.clone() });
        }
    }
    Ok(runs)
}
