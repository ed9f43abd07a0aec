//! The definition of an experiment.

use super::fit_row::FitRow;
use super::prepared::Prepared;
use super::row::Row;
use super::settings::{Outline, Settings};
use super::spec::Spec;
use crate::failure::Result;
use crate::output::Output;
use crate::paper::plot::Figure;

/// An experiment of the paper whose runs are fitted to some kind of data.
pub(super) struct Experiment<S: 'static> {
    pub(super) outline: Outline,
    /// Refuses unsuitable data before the first run begins.
    pub(super) check: fn(&S) -> Result<()>,
    /// Its runs, panel by panel and seed by seed.
    pub(super) specs: fn(&Settings, &S) -> Result<Vec<Spec>>,
    /// Its figure.
    pub(super) figure: fn(&Drawn<'_, S>) -> Result<Figure>,
    /// Divergences between the densities of the figure, if it shows densities.
    pub(super) fits: fn(&Drawn<'_, S>, &Output) -> Result<Vec<FitRow>>,
}

/// The inputs of a figure.
pub(super) struct Drawn<'a, S> {
    pub(super) settings: &'a Settings,
    /// The runs, and a line of results for each.
    pub(super) runs: &'a [Prepared],
    pub(super) rows: &'a [Row],
    pub(super) source: &'a S,
}
