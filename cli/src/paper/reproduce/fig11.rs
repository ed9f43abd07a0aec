//! Figure 11: posteriors and encoder of DeMissVAE, and its imputation mixture.

use super::boxes;
use super::experiment::Experiment;
use super::fits;
use super::mog::MogData;
use super::posterior_grid::Column;
use super::posteriors;
use super::settings::Outline;

pub(super) const EXPERIMENT: Experiment<MogData> = Experiment {
    outline: Outline {
        name: "fig11",
        about: "posteriors of DeMissVAE, its encoder's distributions and their imputation mixtures",
        methods: &["demiss-vae"],
        components: &[25],
        seeds: 1,
    },
    check: posteriors::check,
    specs: |settings, _| Ok(boxes::specs(settings, "posteriors")),
    figure: |drawn| posteriors::figure(drawn, COLUMNS),
    fits: |drawn, output| fits::all(drawn, COLUMNS, output),
};

const COLUMNS: &[Column] =
    &[Column::CompletePosterior, Column::Posterior, Column::CompleteEncoder, Column::ImputationMixture];
