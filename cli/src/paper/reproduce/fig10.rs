//! Figure 10: posteriors, encoders and importance-weighted encoders of the importance-weighted methods.

use super::boxes;
use super::experiment::Experiment;
use super::fits;
use super::mog::MogData;
use super::posterior_grid::Column;
use super::posteriors;
use super::settings::Outline;

pub(super) const EXPERIMENT: Experiment<MogData> = Experiment {
    outline: Outline {
        name: "fig10",
        about: "posteriors of MIWAE, MissIWAE and MissSIWAE, and their encoders' distributions",
        methods: &["miwae", "miss-iwae", "miss-siwae"],
        components: &[25],
        seeds: 1,
    },
    check: posteriors::check,
    specs: |settings, _| Ok(boxes::specs(settings, "posteriors")),
    figure: |drawn| posteriors::figure(drawn, COLUMNS),
    fits: |drawn, output| fits::all(drawn, COLUMNS, output),
};

const COLUMNS: &[Column] = &[Column::CompletePosterior, Column::Posterior, Column::Encoder, Column::Weighted];
