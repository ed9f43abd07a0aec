//! Figure 6: DeMissVAE, with an objective for each network, against one objective for both; imputations by LAIR.

use super::boxes;
use super::experiment::Experiment;
use super::mog::MogData;
use super::settings::Outline;

pub(super) const EXPERIMENT: Experiment<MogData> = Experiment {
    outline: Outline {
        name: "fig6",
        about: "DeMissVAE against one objective for both networks, imputations by LAIR",
        methods: &["cvi-vae", "mvb-vae", "demiss-vae"],
        components: &[5, 15, 25],
        seeds: 5,
    },
    check: |_| Ok(()),
    specs: |settings, _| Ok(boxes::specs(settings, "lair")),
    figure: |drawn| Ok(boxes::figure(drawn, "imputations of a row")),
    fits: |_, _| Ok(Vec::new()),
};
