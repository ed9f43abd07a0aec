//! Posteriors in a two-dimensional latent space, and what approximates them: contours for a few rows, a colour each.
//!
//! The rows are complete rows of the test table, of which all but half of the cells are hidden.

use autodiff::ops::Mixture;
use models::data::{Data, shuffled};
use models::evaluate::proposal;
use models::imputer::Fitted;
use models::store::ModelInfo;
use samplers::draw::{category, fill_ancestral, standard_normal};
use samplers::model::{LatentModel, Likelihood, log_likelihood, log_prior, mixture_log_density};
use samplers::stream::{Purpose, stream};

use super::super::imputation::Imputation;
use super::experiment::Drawn;
use super::mog::MogData;
use super::prepare::Prepared;
use super::results::Row;
use crate::failure::{Failure, Result};
use crate::plot::{Content, Contour, Density, Figure, Panel};
use crate::run::Run;

/// Rows that are shown.
const ROWS: usize = 5;
/// The square that is shown, and the points of its lattice along a side.
const HALF_WIDTH: f64 = 3.5;
const SIDE: usize = 176;
/// Sets of samples that are weighed for the importance-weighted distribution; the samples of a set are the method's budget.
const SETS: usize = 2000;
/// Completions of a row whose encodings are mixed.
const COMPLETIONS: usize = 500;
/// Deviation of the kernel that smooths its weighted samples.
const BANDWIDTH: f64 = 0.1;
/// Width of a panel: the panels are squares.
const WIDTH: f64 = 300.0;

/// What a column of panels shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// p(z|x) of the complete row.
    CompletePosterior,
    /// p(z|x_obs).
    Posterior,
    /// q(z|x) of the complete row.
    CompleteEncoder,
    /// q(z|x_obs), of an encoder of incomplete rows.
    Encoder,
    /// The equal mixture of q(z|x_obs, x_mis) over imputations.
    ImputationMixture,
    /// The mean of q(z|x_obs, x_mis) over the model's p(x_mis|x_obs), of an encoder of complete rows.
    CompletedEncoder,
    /// What q(z|x_obs) becomes by importance resampling (Cremer et al. 2017).
    Weighted,
}

impl Column {
    /// What messages call it.
    fn name(self) -> &'static str {
        match self {
            Column::CompletePosterior => "p(z|x)",
            Column::Posterior => "p(z|x_obs)",
            Column::CompleteEncoder => "q(z|x)",
            Column::Encoder => "q(z|x_obs)",
            Column::ImputationMixture => "the imputation mixture",
            Column::CompletedEncoder => "the mean of q(z|x)",
            Column::Weighted => "q_IW(z|x_obs)",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Column::CompletePosterior => "*p*(*z*|*x*)",
            Column::Posterior => "*p*(*z*|*x*_{obs})",
            Column::CompleteEncoder => "*q*(*z*|*x*)",
            Column::Encoder => "*q*(*z*|*x*_{obs})",
            Column::ImputationMixture => "*q*_{*f*}(*z*|*x*_{obs})",
            Column::CompletedEncoder => "mean of *q*(*z*|*x*)",
            Column::Weighted => "*q*_{IW}(*z*|*x*_{obs})",
        }
    }
}

/// Refuses a test table without a row to show.
pub(super) fn check(data: &MogData) -> Result<()> {
    rows(data).map(|_| ())
}

/// A row of panels for each method; a series is a row of the table, named after its observed columns. The panels of a method
/// whose run has no finite score stay empty.
pub(super) fn figure(drawn: &Drawn<'_, MogData>, columns: &[Column]) -> Result<Figure> {
    let (complete, incomplete) = rows(drawn.source)?;
    let lattice = Lattice::new();
    let mut panels = Vec::new();
    for method in &drawn.settings.methods {
        let budget = drawn.settings.components.first().copied().unwrap_or(1);
        let panel = |column: Column, contours: Vec<Contour>| Panel {
            title: Some(format!("{}, *K* = {}: {}", method.title, budget, column.title())),
            x_label: Some("*z*_{1}".to_owned()),
            y_label: Some("*z*_{2}".to_owned()),
            width: WIDTH,
            content: Content::Contours(contours),
        };
        let of_method = |run: &Prepared, row: &Row| run.spec.method.name == method.name && row.log_likelihood.is_some();
        let Some((run, _)) = drawn.runs.iter().zip(drawn.rows).find(|(run, row)| of_method(run, row)) else {
            panels.extend(columns.iter().map(|&column| panel(column, Vec::new())));
            continue;
        };
        let (mut model, info) = Run::open(&run.directory)?.load_model()?;
        let decoded = lattice.decode(&mut model);
        for &column in columns {
            let mut contours = Vec::new();
            for n in 0..complete.rows() {
                let mut shown = Shown { lattice: &lattice, decoded: &decoded, model: &mut model, info: &info };
                let log_density = match column {
                    Column::CompletePosterior => shown.log_joint(&complete, n),
                    Column::Posterior => shown.log_joint(&incomplete, n),
                    Column::CompleteEncoder => shown.log_proposal(&complete, n)?,
                    Column::Encoder | Column::ImputationMixture => shown.log_proposal(&incomplete, n)?,
                    Column::CompletedEncoder => shown.log_completed(&incomplete, n)?,
                    Column::Weighted => shown.log_weighted(&incomplete, n, run.spec.components)?,
                };
                let density = density(&log_density).ok_or_else(|| {
                    let what = "has no finite value on the square that is shown";
                    Failure::Failed(format!("{}: {} of row {} {what}", run.title(), column.name(), n + 1))
                })?;
                contours.push(Contour { series: n, density });
            }
            panels.push(panel(column, contours));
        }
    }
    let names: Vec<&str> = drawn.source.rows.columns.iter().map(|column| column.name.as_str()).collect();
    let series = |n: usize| {
        let observed = incomplete.observed(n..n + 1).iter().zip(&names).filter(|(observed, _)| **observed);
        format!("row {}: {}", n + 1, observed.map(|(_, name)| *name).collect::<Vec<_>>().join(", "))
    };
    let series = (0..complete.rows()).map(series).collect();
    Ok(Figure { series, panels, in_row: columns.len() })
}

/// The rows that are shown, complete and incomplete.
fn rows(data: &MogData) -> Result<(Data<f32>, Data<f32>)> {
    chosen(&data.test).ok_or_else(|| {
        Failure::usage(format!("{}: the test table has no complete row of two columns or more", data.name))
    })
}

/// Some complete rows, and the same rows with half of their cells, rounded up, hidden; `None` if there are none.
fn chosen(test: &Data<f32>) -> Option<(Data<f32>, Data<f32>)> {
    let columns = test.columns();
    let mut found: Vec<usize> = (0..test.rows()).filter(|&n| !test.observed(n..n + 1).contains(&false)).collect();
    found.truncate(ROWS);
    if found.is_empty() || columns < 2 {
        return None;
    }
    let complete = test.select(&found);
    let mut observed = vec![false; found.len() * columns];
    let mut order = Vec::new();
    for (n, observed) in observed.chunks_exact_mut(columns).enumerate() {
        shuffled(columns, &mut stream(0, Purpose::Hide, 1, n as u64), &mut order);
        order[..columns / 2].iter().for_each(|&d| observed[d as usize] = true);
    }
    let incomplete = Data::new(columns, complete.values(0..found.len()).to_vec(), observed);
    Some((complete, incomplete))
}

/// The points of the square, and what a model makes of them.
struct Lattice {
    /// SIDE² × 2.
    z: Vec<f32>,
}

impl Lattice {
    fn new() -> Self {
        let at = |i: usize| (HALF_WIDTH * (2.0 * i as f64 / (SIDE - 1) as f64 - 1.0)) as f32;
        Lattice { z: (0..SIDE * SIDE).flat_map(|i| [at(i % SIDE), at(i / SIDE)]).collect() }
    }

    /// Means and scales of the columns at each point, SIDE² × 2D.
    fn decode(&self, model: &mut Fitted<f32>) -> Vec<f32> {
        let mut decoded = vec![0.0; SIDE * SIDE * 2 * LatentModel::columns(model)];
        model.decode(&self.z, &mut decoded);
        decoded
    }
}

/// A model whose densities are asked for.
struct Shown<'a> {
    lattice: &'a Lattice,
    decoded: &'a [f32],
    model: &'a mut Fitted<f32>,
    info: &'a ModelInfo,
}

impl Shown<'_> {
    /// log p(x_obs|z) + log p(z) of row `n` at the lattice's points, in nats.
    fn log_joint(&self, data: &Data<f32>, n: usize) -> Vec<f64> {
        log_joint(&self.lattice.z, self.decoded, data, n)
    }

    /// log q(z) at the lattice's points, in nats.
    fn log_proposal(&mut self, data: &Data<f32>, n: usize) -> Result<Vec<f64>> {
        let (mixture, params) = self.proposal(data, n)?;
        Ok(self.lattice.z.chunks_exact(2).map(|z| f64::from(mixture_log_density(mixture, &params, z))).collect())
    }

    fn proposal(&mut self, data: &Data<f32>, n: usize) -> Result<(Mixture, Vec<f32>)> {
        let completion = Imputation::for_proposals(self.info)?;
        let mut rng = stream(0, Purpose::Evaluate, 0, n as u64);
        Ok(proposal(&mut self.model.in_evaluation(), data, n, completion.as_ref(), &mut rng))
    }

    /// The logarithm of the equal mixture of the encodings of row `n`'s completions by the model: their latent points are
    /// drawn on the lattice.
    fn log_completed(&mut self, data: &Data<f32>, n: usize) -> Result<Vec<f64>> {
        let posterior = self.log_joint(data, n);
        let mut rng = stream(0, Purpose::Evaluate, 2, n as u64);
        let (columns, single) = (data.columns(), self.model.vae.mixture());
        let (x, observed) = (data.values(n..n + 1), data.observed(n..n + 1));
        let (mut mixture, mut params) = (Mixture { components: COMPLETIONS, ..single }, Vec::new());
        let (mut completed, mut encoded) = (vec![0.0; columns], vec![0.0; single.params_len()]);
        let mut moments = [Vec::new(), Vec::new()];
        for _ in 0..COMPLETIONS {
            let Some(point) = category(&mut rng, &posterior) else {
                mixture.components = 0;
                break;
            };
            let decoded = &self.decoded[point * 2 * columns..][..2 * columns];
            for (d, cell) in completed.iter_mut().enumerate() {
                let drawn = decoded[d] + decoded[columns + d] * standard_normal::<f32>(&mut rng);
                *cell = if observed[d] { x[d] } else { drawn };
            }
            self.model.encode(&completed, &vec![1.0; columns], &mut encoded);
            let (means, scales, _) = single.split(&encoded);
            moments[0].extend_from_slice(means);
            moments[1].extend_from_slice(scales);
        }
        moments.iter().for_each(|moments| params.extend_from_slice(moments));
        params.resize(params.len() + mixture.components, -(COMPLETIONS as f32).ln());
        Ok(self.lattice.z.chunks_exact(2).map(|z| f64::from(mixture_log_density(mixture, &params, z))).collect())
    }

    /// The logarithm of what remains of q when one of every `samples` samples is kept by its importance weight: each set's
    /// samples in proportion to their weights, smoothed.
    fn log_weighted(&mut self, data: &Data<f32>, n: usize, samples: usize) -> Result<Vec<f64>> {
        let (mixture, params) = self.proposal(data, n)?;
        let mut z = vec![0.0; SETS * samples * 2];
        fill_ancestral(&mut stream(0, Purpose::Evaluate, 1, n as u64), mixture, &params, &mut z);
        let mut decoded = vec![0.0; SETS * samples * 2 * data.columns()];
        self.model.decode(&z, &mut decoded);
        let mut weights = log_joint(&z, &decoded, data, n);
        for (weight, z) in weights.iter_mut().zip(z.chunks_exact(2)) {
            *weight -= f64::from(mixture_log_density(mixture, &params, z));
        }
        for set in weights.chunks_exact_mut(samples) {
            let largest = set.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            set.iter_mut().for_each(|weight| *weight = (*weight - largest).exp());
            let total: f64 = set.iter().sum();
            set.iter_mut().for_each(|weight| *weight /= total);
        }
        Ok(smoothed(&z, &weights).into_iter().map(f64::ln).collect())
    }
}

/// log p(x_obs|z) + log p(z) of row `n` at some decoded points (G × 2 and G × 2D), in nats.
fn log_joint(z: &[f32], decoded: &[f32], data: &Data<f32>, n: usize) -> Vec<f64> {
    let (columns, x, mask) = (data.columns(), data.values(n..n + 1), data.mask(n..n + 1).collect::<Vec<f32>>());
    let points = z.chunks_exact(2).zip(decoded.chunks_exact(2 * columns));
    let of_point = |(z, decoded)| log_likelihood(Likelihood::Gaussian, x, &mask, decoded) + log_prior(z);
    points.map(of_point).map(f64::from).collect()
}

/// Weighted points (z: G × 2) in the lattice's cells, smoothed along both axes by a normal kernel.
fn smoothed(z: &[f32], weights: &[f64]) -> Vec<f64> {
    let spacing = 2.0 * HALF_WIDTH / (SIDE - 1) as f64;
    let mut mass = vec![0.0; SIDE * SIDE];
    let place = |z: f32| ((f64::from(z) + HALF_WIDTH) / spacing).round();
    let inside = |place: f64| (0.0..SIDE as f64).contains(&place);
    for (z, weight) in z.chunks_exact(2).zip(weights) {
        let (x, y) = (place(z[0]), place(z[1]));
        // A set of which no sample can have been the row has nothing to keep: its weights are no numbers.
        if inside(x) && inside(y) && weight.is_finite() {
            mass[y as usize * SIDE + x as usize] += weight;
        }
    }
    let reach = (4.0 * BANDWIDTH / spacing).ceil() as usize;
    let kernel: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 * spacing / BANDWIDTH).powi(2)).exp()).collect();
    let along = |mass: &[f64], step: usize| -> Vec<f64> {
        let at = |p: usize| {
            let here = p / step % SIDE;
            let reached = here.saturating_sub(reach)..(here + reach + 1).min(SIDE);
            reached.map(|i| kernel[i.abs_diff(here)] * mass[p + i * step - here * step]).sum()
        };
        (0..SIDE * SIDE).map(at).collect()
    };
    along(&along(&mass, 1), SIDE)
}

/// A density with this logarithm, up to a factor; `None` if it is nowhere finite.
fn density(log_density: &[f64]) -> Option<Density> {
    let largest = log_density.iter().copied().filter(|log| log.is_finite()).reduce(f64::max)?;
    let values = log_density.iter().map(|log| (log - largest).exp()).collect();
    Some(Density { low: -HALF_WIDTH, high: HALF_WIDTH, side: SIDE, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One point becomes the kernel: the right place, the right width along both axes, and no mass from outside.
    #[test]
    fn points_are_smoothed_where_they_are() {
        let found = smoothed(&[1.0, -2.0, 9.0, 0.0, 0.0, 0.0], &[2.0, 1.0, f64::NAN]);
        let at = |i: usize| HALF_WIDTH * (2.0 * i as f64 / (SIDE - 1) as f64 - 1.0);
        let total: f64 = found.iter().sum();
        let moment = |f: &dyn Fn(f64, f64) -> f64| {
            found.iter().enumerate().map(|(i, mass)| mass * f(at(i % SIDE), at(i / SIDE))).sum::<f64>() / total
        };
        let (x, y) = (moment(&|x, _| x), moment(&|_, y| y));
        assert!((x - 1.0).abs() < 0.021 && (y + 2.0).abs() < 0.021, "{x}, {y}");
        let spread = [moment(&|x2, _| (x2 - x).powi(2)), moment(&|_, y2| (y2 - y).powi(2))];
        assert!(spread.iter().all(|v| (v.sqrt() - BANDWIDTH).abs() < 0.002), "{spread:?}");
    }

    #[test]
    fn half_of_the_cells_are_hidden_in_complete_rows() {
        let values: Vec<f32> = (0..30).map(|i| i as f32).collect();
        let observed: Vec<bool> = (0..30).map(|i| i != 2).collect();
        let (complete, incomplete) = chosen(&Data::new(5, values, observed)).unwrap();
        assert_eq!((complete.rows(), complete.missing(), complete.values(0..1)[0]), (5, 0, 5.0));
        assert!((0..5).all(|n| incomplete.observed(n..n + 1).iter().filter(|observed| **observed).count() == 2));
        assert!(chosen(&Data::new(5, vec![1.0; 5], vec![true, false, true, true, true])).is_none());
    }
}
