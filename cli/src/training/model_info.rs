//! What a model file says of a run's model.

use missvae::config::ResolvedConfig;
use missvae::prepare::TrainingRows;
use missvae::store::ModelInfo;
use missvae::trainer::Objective;

/// What a model file says of the model of a plan, before its first update.
pub(crate) fn model_info(plan: &ResolvedConfig, rows: &TrainingRows) -> ModelInfo {
    ModelInfo {
        vae: plan.vae.clone(),
        method: plan.method.name.to_owned(),
        columns: rows.columns.clone(),
        updates: 0,
        imputations: imputations(plan),
    }
}

/// K, imputations of each row, where the method keeps some.
pub(super) fn imputations(plan: &ResolvedConfig) -> Option<usize> {
    match &plan.train.objective {
        Objective::FiniteMixture(_) => None,
        Objective::ImputationMixture(training) => Some(training.objective.imputations),
    }
}
