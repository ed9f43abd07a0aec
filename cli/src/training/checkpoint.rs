//! The checkpoints of a run directory: writing them, and going on from one.

use missvae::config::ResolvedConfig;
use missvae::network::Vae;
use missvae::prepare::TrainingRows;
use missvae::store::{self, CheckpointInfo, ModelInfo};
use missvae::trainer::{Objective, State, Trainer};
use samplers::chains::{ChainSampler, Impute};

use super::summary::Summary;
use crate::failure::{Failure, Result};
use crate::run::Run;

/// Writes the model file and the checkpoint of a run.
pub(super) struct Saver<'a> {
    pub(super) run: &'a Run,
    pub(super) info: &'a ModelInfo,
    /// Rows to train on.
    pub(super) rows: usize,
    /// Identifies the rows.
    pub(super) fingerprint: &'a str,
}

impl Saver<'_> {
    /// Writes the state of `trainer`, when the lines of metrics that it relies on are on the disk.
    pub(super) fn save(&self, trainer: &Trainer<f32>) -> Result<()> {
        let progress = trainer.progress();
        self.run.sync_metrics()?;
        let model = ModelInfo { updates: trainer.chosen_updates(self.rows), ..self.info.clone() };
        store::save_model(&self.run.model(), trainer.vae(), &model, trainer.chosen_parameters())?;
        let best = trainer.best().map(|best| (best.epoch, best.validation));
        let info = CheckpointInfo { model, progress, fingerprint: self.fingerprint.to_owned(), best };
        store::save_checkpoint(&self.run.checkpoint(), &info, trainer)?;
        self.run.take_over()
    }
}

/// A new trainer, or the one that the run's checkpoint describes.
pub(super) fn trainer(
    config: &ResolvedConfig,
    rows: &TrainingRows,
    run: &Run,
    vae: Vae,
    info: &ModelInfo,
) -> Result<Trainer<f32>> {
    if !run.checkpoint().exists() {
        let mut trainer = Trainer::new(vae, config.train.clone())?;
        config.prepare_trainer(&mut trainer);
        return Ok(trainer);
    }
    let (stored, checkpoint, state) = store::load_checkpoint(&run.checkpoint()).map_err(missvae::Error::from)?;
    let CheckpointInfo { model, progress, fingerprint, .. } = checkpoint;
    let fail = |what: &str, hint: &str| {
        Err(Failure::Run { path: run.path().to_owned(), what: what.to_owned(), hint: Some(hint.to_owned()) })
    };
    let n = rows.train.rows();
    let older = is_older(&fingerprint);
    // Nothing is trained or written for a finished run: it does not matter whether its rows can be told from others.
    if older && !(progress.update >= config.train.total_updates(n) && has_results(run)) {
        return fail(
            "its checkpoint was written by an older version, which told rows apart in another way",
            "finish the run with that version, or start a new one",
        );
    }
    if (!older && fingerprint != rows.fingerprint) || model.columns != info.columns {
        return Err(rows_changed(run));
    }
    // After the rows, which the model's limits depend on.
    if model.vae != info.vae || model.method != info.method || model.imputations != info.imputations {
        return fail(
            "its checkpoint is of another model than its config.toml describes",
            "restore the file, or start a new run",
        );
    }
    if !imputations_fit(config, &state, n) {
        return fail(
            "its checkpoint does not hold the imputations that its config.toml asks for",
            "restore config.toml, or start a new run",
        );
    }
    if state.average.is_some() != config.average {
        return fail(
            "its checkpoint and its config.toml do not agree on averaged parameters",
            "restore config.toml, or start a new run",
        );
    }
    let mut trainer = Trainer::resume(stored, config.train.clone(), state)?;
    config.prepare_trainer(&mut trainer);
    if progress.step >= trainer.updates_per_epoch(n) || progress.update > trainer.total_updates(n) {
        return fail(
            "its checkpoint does not fit the batch size or the length in its config.toml",
            "restore config.toml, or start a new run",
        );
    }
    Ok(trainer)
}

/// Checks that a checkpoint is of these rows, as far as they can be told from others before the feature model is known.
pub(super) fn check_rows(run: &Run, fingerprint: &str, rows: &TrainingRows) -> Result<()> {
    let same = fingerprint.starts_with(&rows.fingerprint) || is_older(fingerprint);
    if same { Ok(()) } else { Err(rows_changed(run)) }
}

fn rows_changed(run: &Run) -> Failure {
    Failure::Run {
        path: run.path().to_owned(),
        what: "the table, the validation rows or the feature model have changed since the run began".to_owned(),
        hint: Some("restore the files, or start a new run".to_owned()),
    }
}

/// Whether the results of a run can be read. Those that cannot be are made again from the checkpoint.
pub(super) fn has_results(run: &Run) -> bool {
    run.read_summary::<Summary>().is_ok() && run.load_model().is_ok()
}

/// Whether a fingerprint was taken by a version whose hashes had 16 digits. They did not see every change of the rows.
fn is_older(fingerprint: &str) -> bool {
    fingerprint.split(' ').any(|hash| hash.len() == 16)
}

/// Whether a checkpoint's imputations are those of a run on so many rows.
fn imputations_fit(config: &ResolvedConfig, state: &State<f32>, rows: usize) -> bool {
    let Objective::ImputationMixture(training) = &config.train.objective else { return state.imputations.is_none() };
    let copies = rows * training.objective.imputations;
    let latents =
        if ChainSampler::<f32>::new(training.sampler).keeps_latents() { copies * config.vae.latent } else { 0 };
    state
        .imputations
        .as_ref()
        .is_some_and(|stored| stored.completed.len() == copies * config.vae.columns && stored.latents.len() == latents)
}

#[cfg(test)]
mod tests {
    use missvae::data::Data;
    use missvae::fingerprint::Fingerprint;

    use super::*;

    #[test]
    fn fingerprints_of_older_versions() {
        let own = Fingerprint::of_rows(&Data::new(1, vec![1.0], vec![true]));
        assert!(!is_older(&own) && !is_older(&format!("{own} {own}")));
        assert!(is_older("0123456789abcdef") && is_older("0123456789abcdef 0123456789abcdef"));
    }
}
