//! Figure 1: the effect of missing cells on posteriors, for a model of complete rows.

use super::boxes;
use super::experiment::Experiment;
use super::fits;
use super::mog::{COMPLETE_ROWS, MogData};
use super::posterior_grid::Column;
use super::posteriors;
use super::settings::Outline;
use super::spec::Spec;
use crate::failure::{Failure, Result};
use crate::output::cells_missing;

pub(super) const EXPERIMENT: Experiment<MogData> = Experiment {
    outline: Outline {
        name: "fig1",
        about: "posteriors of a VAE that is fitted to complete rows, when cells are missing",
        methods: &["mvae"],
        components: &[5],
        seeds: 1,
    },
    check,
    specs: |settings, _| {
        let on_complete_rows = |spec| Spec { table: COMPLETE_ROWS, ..spec };
        Ok(boxes::specs(settings, "complete").into_iter().map(on_complete_rows).collect())
    },
    figure: |drawn| posteriors::figure(drawn, COLUMNS),
    fits: |drawn, output| fits::all(drawn, COLUMNS, output),
};

const COLUMNS: &[Column] =
    &[Column::CompletePosterior, Column::Posterior, Column::CompleteEncoder, Column::CompletedEncoder];

fn check(data: &MogData) -> Result<()> {
    let Some(complete) = &data.complete else {
        let what = format!("{}: there is no train_complete.csv, and fig1 fits complete rows", data.name);
        return Err(Failure::usage_hint(what, "leave out --data to use a generated mixture"));
    };
    let missing = complete.train.missing() + complete.dropped * complete.train.columns();
    if missing > 0 {
        return Err(Failure::usage(format!(
            "{}: {}, and fig1 fits complete rows",
            complete.name,
            cells_missing(missing)
        )));
    }
    posteriors::check(data)
}
