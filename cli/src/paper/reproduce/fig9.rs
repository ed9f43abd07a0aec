//! Figure 9: posteriors and encoders of the methods with the ELBO.

use super::boxes;
use super::experiment::Experiment;
use super::fits;
use super::mog::MogData;
use super::posterior_grid::Column;
use super::posteriors;
use super::settings::Outline;

pub(super) const EXPERIMENT: Experiment<MogData> = Experiment {
    outline: Outline {
        name: "fig9",
        about: "posteriors of MVAE, MissVAE and MissSVAE, and their encoders' distributions",
        methods: &["mvae", "miss-vae", "miss-svae"],
        components: &[25],
        seeds: 1,
    },
    check: posteriors::check,
    specs: |settings, _| Ok(boxes::specs(settings, "posteriors")),
    figure: |drawn| posteriors::figure(drawn, COLUMNS),
    fits: |drawn, output| fits::all(drawn, COLUMNS, output),
};

const COLUMNS: &[Column] = &[Column::CompletePosterior, Column::Posterior, Column::Encoder];
