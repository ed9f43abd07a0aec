//! Going on with a run beyond the length in its configuration.

use missvae::config::Options;
use missvae::prepare::TrainingRows;
use missvae::store;

use super::checkpoint::check_rows;
use crate::failure::{Failure, Result};
use crate::run::Run;

/// A length that a run is given when it is gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewLength {
    /// So many epochs in all.
    Epochs(u64),
    /// So many updates in all.
    Updates(u64),
    /// So many epochs more.
    More(u64),
}

/// The options of `run`, on these rows, with another length. Where patience has ended the run, it begins to count anew.
pub(crate) fn with_length(mut options: Options, run: &Run, length: NewLength, rows: &TrainingRows) -> Result<Options> {
    let (_, checkpoint, _) = store::load_checkpoint(&run.checkpoint()).map_err(missvae::Error::from)?;
    // First of all: of other rows, the lengths say nothing.
    check_rows(run, &checkpoint.fingerprint, rows)?;
    let (made, epoch) = (checkpoint.progress.update, checkpoint.progress.epoch);
    let per_epoch = rows.train.rows().div_ceil(options.batch_size.unwrap_or(1).max(1)).max(1) as u64;
    let since = checkpoint.best.map_or(0, |(best, _)| epoch.saturating_sub(best));
    let stopped = options.patience.is_some_and(|patience| since >= patience);
    match (length, options.updates) {
        (NewLength::Epochs(epochs), _) => (options.epochs, options.updates) = (Some(epochs), None),
        (NewLength::Updates(updates), _) => (options.epochs, options.updates) = (None, Some(updates)),
        (NewLength::More(epochs), Some(updates)) => {
            let from = if stopped { made } else { updates };
            options.updates = Some(from.saturating_add(epochs.saturating_mul(per_epoch)));
        }
        (NewLength::More(epochs), None) => {
            let from = if stopped { epoch } else { options.epochs.unwrap_or(epoch) };
            options.epochs = Some(from.saturating_add(epochs));
        }
    }
    let total = options.updates.unwrap_or_else(|| options.epochs.unwrap_or(0).saturating_mul(per_epoch));
    if total <= made {
        let (option, value, unit) = match length {
            NewLength::Epochs(epochs) => ("epochs", epochs, format!("{epoch} epochs")),
            NewLength::Updates(updates) => ("updates", updates, format!("{made} updates")),
            NewLength::More(epochs) => ("extend", epochs, format!("{epoch} epochs")),
        };
        return Err(Failure::usage_hint(
            format!("--{option} {value}: the run has made {unit} already"),
            "give a larger number, or how many more by --extend",
        ));
    }
    if stopped {
        options.patience = options.patience.map(|patience| patience.saturating_add(since));
    }
    Ok(options)
}
