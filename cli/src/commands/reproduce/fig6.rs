//! Figure 6: what the two objectives of DeMissVAE are good for, with imputations by LAIR.

use super::{Experiment, boxes};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "fig6",
    about: "DeMissVAE against one objective for both networks, imputations by LAIR",
    methods: &["cvi-vae", "mvb-vae", "demiss-vae"],
    components: &[5, 15, 25],
    specs: |settings| Ok(boxes::specs(settings, "lair")),
    figure: |settings, rows| boxes::figure(settings, rows, "imputations of a row"),
};
