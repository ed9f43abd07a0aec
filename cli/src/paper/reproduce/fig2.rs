//! Figure 2: all methods of table 1 with the same budget of samples.

use super::boxes;
use super::experiment::Experiment;
use super::mog::MogData;
use super::settings::{ALL_METHODS, Outline};

pub(super) const EXPERIMENT: Experiment<MogData> = Experiment {
    outline: Outline {
        name: "fig2",
        about: "all methods on the MoG data with half of the cells missing, by their budget of samples",
        methods: ALL_METHODS,
        components: &[5, 15, 25],
        seeds: 5,
    },
    check: |_| Ok(()),
    specs: |settings, _| Ok(boxes::specs(settings, "mog")),
    figure: |drawn| Ok(boxes::figure(drawn, "components *K*, or samples *Z*, *I* of one component")),
    fits: |_, _| Ok(Vec::new()),
};
