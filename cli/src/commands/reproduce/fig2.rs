//! Figure 2: all methods of table 1 with the same budget of samples.

use super::{Experiment, boxes};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "fig2",
    about: "all methods on the MoG data with half of the cells missing, by their budget of samples",
    methods: &["mvae", "miss-vae", "miss-svae", "miwae", "miss-iwae", "miss-siwae", "demiss-vae"],
    components: &[5, 15, 25],
    seeds: 5,
    check: |_| Ok(()),
    specs: |settings| Ok(boxes::specs(settings, "mog")),
    figure: |drawn| Ok(boxes::figure(drawn, "samples of a row")),
};
