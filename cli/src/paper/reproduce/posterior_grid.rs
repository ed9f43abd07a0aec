//! Densities of a model with a two-dimensional latent space on a grid of points: posteriors of a row, and what
//! approximates them.

use autodiff::Tape;
use autodiff::ops::Mixture;
use linalg::parallel::rows_mut;
use linalg::special::HALF_LN_TWO_PI;
use missvae::data::Data;
use missvae::evaluate::proposal;
use missvae::impute::{FittedModel, ImputationSampler};
use missvae::store::ModelInfo;
use samplers::draw::{categories, fill_ancestral};
use samplers::likelihood::RowLikelihood;
use samplers::model::{LatentModel, log_prior, mixture_log_density};
use samplers::stream::{Purpose, stream};

use crate::failure::Result;

/// Number of sets of samples for the importance-weighted distribution. A set has as many samples as the method's
/// budget.
const SETS: usize = 2000;
/// Imputations of a row whose encodings are mixed.
const COMPLETIONS: usize = 500;
/// Deviation of the kernel that smooths the importance-weighted samples.
const BANDWIDTH: f64 = 0.1;

/// The density that a column of panels shows.
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
    pub(super) fn name(self) -> &'static str {
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

    pub(super) fn title(self) -> &'static str {
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

/// The points of a square around 0, equally spaced.
pub(super) struct PosteriorGrid {
    half_width: f64,
    /// Points along a side.
    side: usize,
    /// side² × 2.
    z: Vec<f32>,
}

impl PosteriorGrid {
    pub(super) fn new(half_width: f64, side: usize) -> Self {
        let at = |i: usize| (half_width * (2.0 * i as f64 / (side - 1) as f64 - 1.0)) as f32;
        PosteriorGrid { half_width, side, z: (0..side * side).flat_map(|i| [at(i % side), at(i / side)]).collect() }
    }

    fn spacing(&self) -> f64 {
        2.0 * self.half_width / (self.side - 1) as f64
    }

    /// The points decoded, side² × W.
    fn decode(&self, model: &FittedModel<f32>) -> Vec<f32> {
        decode(model, &self.z)
    }

    /// The logarithm of a mixture's density at the points, in nats. −∞ if it has no components.
    fn log_mixture(&self, mixture: Mixture, params: &[f32]) -> Vec<f64> {
        let (means, scales, log_weights) = mixture.split(params);
        // Of each component: mean, 1/scale along both axes, and the logarithm of its peak.
        let pairs = means.chunks_exact(2).zip(scales.chunks_exact(2)).zip(log_weights);
        let components: Vec<([f64; 2], [f64; 2], f64)> = pairs
            .map(|((mean, scale), log_weight)| {
                let [mean, scale] = [mean, scale].map(|pair| [f64::from(pair[0]), f64::from(pair[1])]);
                let peak = f64::from(*log_weight) - scale[0].ln() - scale[1].ln() - 2.0 * HALF_LN_TWO_PI;
                (mean, scale.map(f64::recip), peak)
            })
            .collect();
        let mut out = vec![f64::NEG_INFINITY; self.side * self.side];
        rows_mut(&mut out, self.side, 1, |lines, out| {
            let mut terms = vec![0.0; components.len()];
            for (out, point) in out.iter_mut().zip(self.z.chunks_exact(2).skip(lines.start * self.side)) {
                let [x, y] = [f64::from(point[0]), f64::from(point[1])];
                let mut largest = f64::NEG_INFINITY;
                for (term, (mean, precision, peak)) in terms.iter_mut().zip(&components) {
                    let (s, t) = ((x - mean[0]) * precision[0], (y - mean[1]) * precision[1]);
                    *term = peak - 0.5 * (s * s + t * t);
                    largest = largest.max(*term);
                }
                if largest > f64::NEG_INFINITY {
                    // Most components are far from most points: what adds nothing in double precision needs no exponential.
                    let near = terms.iter().map(|term| term - largest).filter(|term| *term > -40.0);
                    *out = largest + near.map(f64::exp).sum::<f64>().ln();
                }
            }
        });
        out
    }

    /// Weighted points (z: G × 2) in the grid's cells, smoothed along both axes by a normal kernel.
    fn smoothed(&self, z: &[f32], weights: &[f64]) -> Vec<f64> {
        let (side, spacing) = (self.side, self.spacing());
        let mut mass = vec![0.0; side * side];
        let place = |z: f32| ((f64::from(z) + self.half_width) / spacing).round();
        let inside = |place: f64| (0.0..side as f64).contains(&place);
        for (z, weight) in z.chunks_exact(2).zip(weights) {
            let (x, y) = (place(z[0]), place(z[1]));
            // A set of which no sample can have been the row has nothing to keep: its weights are no numbers.
            if inside(x) && inside(y) && weight.is_finite() {
                mass[y as usize * side + x as usize] += weight;
            }
        }
        let reach = (4.0 * BANDWIDTH / spacing).ceil() as usize;
        let kernel: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 * spacing / BANDWIDTH).powi(2)).exp()).collect();
        let along = |mass: &[f64], step: usize| -> Vec<f64> {
            let at = |p: usize| {
                let here = p / step % side;
                let reached = here.saturating_sub(reach)..(here + reach + 1).min(side);
                reached.map(|i| kernel[i.abs_diff(here)] * mass[p + i * step - here * step]).sum()
            };
            (0..side * side).map(at).collect()
        };
        along(&along(&mass, 1), side)
    }
}

/// A model whose densities are asked for.
pub(super) struct Shown<'a> {
    grid: &'a PosteriorGrid,
    /// Its points decoded.
    decoded: Vec<f32>,
    model: &'a FittedModel<f32>,
    info: &'a ModelInfo,
    /// Samples of a set, of which one is kept by its importance weight.
    samples: usize,
}

impl<'a> Shown<'a> {
    pub(super) fn new(
        grid: &'a PosteriorGrid,
        model: &'a FittedModel<f32>,
        info: &'a ModelInfo,
        samples: usize,
    ) -> Self {
        Shown { decoded: grid.decode(model), grid, model, info, samples }
    }

    /// The logarithm of a density at the grid's points, up to a constant, in nats: of row `n`, which is given complete
    /// and incomplete.
    pub(super) fn log_density(
        &mut self,
        column: Column,
        complete: &Data<f32>,
        incomplete: &Data<f32>,
        n: usize,
    ) -> Result<Vec<f64>> {
        Ok(match column {
            Column::CompletePosterior => self.log_joint(complete, n),
            Column::Posterior => self.log_joint(incomplete, n),
            Column::CompleteEncoder => self.log_proposal(complete, n)?,
            Column::Encoder | Column::ImputationMixture => self.log_proposal(incomplete, n)?,
            Column::CompletedEncoder => self.log_completed(incomplete, n)?,
            Column::Weighted => self.log_weighted(incomplete, n, self.samples)?,
        })
    }

    /// log p(x_obs|z) + log p(z) of row `n` at the grid's points, in nats.
    fn log_joint(&self, data: &Data<f32>, n: usize) -> Vec<f64> {
        log_joint(self.model, &self.grid.z, &self.decoded, data, n)
    }

    /// log q(z) at the grid's points, in nats.
    fn log_proposal(&mut self, data: &Data<f32>, n: usize) -> Result<Vec<f64>> {
        let (mixture, params) = self.proposal(data, n)?;
        Ok(self.grid.log_mixture(mixture, &params))
    }

    fn proposal(&mut self, data: &Data<f32>, n: usize) -> Result<(Mixture, Vec<f32>)> {
        let completion = ImputationSampler::for_proposals(self.info)?;
        let mut rng = stream(0, Purpose::Evaluate, 0, n as u64);
        Ok(proposal((self.model.in_evaluation(), &mut Tape::new()), data, n, completion.as_ref(), &mut rng))
    }

    /// The logarithm of the equal mixture of the encodings of row `n`'s completions by the model: their latent points
    /// are drawn on the grid.
    fn log_completed(&mut self, data: &Data<f32>, n: usize) -> Result<Vec<f64>> {
        let posterior = self.log_joint(data, n);
        let mut rng = stream(0, Purpose::Evaluate, 2, n as u64);
        let (columns, single) = (data.columns(), self.model.vae.mixture());
        let (likelihood, mask): (_, Vec<f32>) = (self.model.vae.row(), data.mask(n..n + 1).collect());
        let width = likelihood.numbers();
        let mut tape = Tape::new();
        let points = categories(&mut rng, &posterior, COMPLETIONS).unwrap_or_default();
        let (mixture, mut params) = (Mixture { components: points.len(), ..single }, Vec::new());
        let (mut completed, mut encoded) = (vec![0.0; columns], vec![0.0; single.params_len()]);
        let mut moments = [Vec::new(), Vec::new()];
        for point in points {
            completed.copy_from_slice(data.values(n..n + 1));
            likelihood.draw_missing(&mut rng, &mask, &self.decoded[point * width..][..width], &mut completed);
            self.model.in_evaluation().encode_at_once(&mut tape, &completed, &vec![1.0; columns], &mut encoded);
            let (means, scales, _) = single.split(&encoded);
            moments[0].extend_from_slice(means);
            moments[1].extend_from_slice(scales);
        }
        moments.iter().for_each(|moments| params.extend_from_slice(moments));
        params.resize(params.len() + mixture.components, -(COMPLETIONS as f32).ln());
        Ok(self.grid.log_mixture(mixture, &params))
    }

    /// The logarithm of what remains of q when one of every `samples` samples is kept by its importance weight: each
    /// set's samples in proportion to their weights, smoothed.
    fn log_weighted(&mut self, data: &Data<f32>, n: usize, samples: usize) -> Result<Vec<f64>> {
        let (mixture, params) = self.proposal(data, n)?;
        let mut z = vec![0.0; SETS * samples * 2];
        fill_ancestral(&mut stream(0, Purpose::Evaluate, 1, n as u64), mixture, &params, &mut z);
        let mut weights = log_joint(self.model, &z, &decode(self.model, &z), data, n);
        for (weight, z) in weights.iter_mut().zip(z.chunks_exact(2)) {
            *weight -= f64::from(mixture_log_density(mixture, &params, z));
        }
        for set in weights.chunks_exact_mut(samples) {
            let largest = set.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            set.iter_mut().for_each(|weight| *weight = (*weight - largest).exp());
            let total: f64 = set.iter().sum();
            set.iter_mut().for_each(|weight| *weight /= total);
        }
        Ok(self.grid.smoothed(&z, &weights).into_iter().map(f64::ln).collect())
    }
}

/// Latent points (G × 2) decoded, G × W.
fn decode(model: &FittedModel<f32>, z: &[f32]) -> Vec<f32> {
    let mut decoded = vec![0.0; z.len() / 2 * model.vae.row().numbers()];
    model.decode(&mut Tape::new(), z, &mut decoded);
    decoded
}

/// log p(x_obs|z) + log p(z) of row `n` at some decoded points (G × 2 and G × W), in nats.
fn log_joint(model: &FittedModel<f32>, z: &[f32], decoded: &[f32], data: &Data<f32>, n: usize) -> Vec<f64> {
    let mask: Vec<f32> = data.mask(n..n + 1).collect();
    let mut densities = vec![0.0; z.len() / 2];
    model.vae.row().log_densities(data.values(n..n + 1), Some(&mask), decoded, &mut densities);
    densities.iter().zip(z.chunks_exact(2)).map(|(density, z)| f64::from(density + log_prior(z))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the samplers have it, to single precision; and nothing of no components.
    #[test]
    fn mixtures_are_what_they_are_point_by_point() {
        let grid = PosteriorGrid::new(4.0, 33);
        let mixture = Mixture { components: 3, latent: 2 };
        let weights = [0.2f32, 0.7, 0.1].map(f32::ln);
        let params =
            [&[0.5, -1.0, 2.0, 2.5, -3.0, 0.0], &[0.3f32, 1.0, 0.05, 2.0, 0.7, 0.7][..], &weights[..]].concat();
        let found = grid.log_mixture(mixture, &params);
        for (found, z) in found.iter().zip(grid.z.chunks_exact(2)) {
            let expected = f64::from(mixture_log_density(mixture, &params, z));
            assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{z:?}: {found}, expected {expected}");
        }
        let none = grid.log_mixture(Mixture { components: 0, latent: 2 }, &[]);
        assert!(none.iter().all(|log| *log == f64::NEG_INFINITY));
    }

    /// One point becomes the kernel: the right place, the right width along both axes, and no mass from outside.
    #[test]
    fn points_are_smoothed_where_they_are() {
        let grid = PosteriorGrid::new(3.5, 176);
        let found = grid.smoothed(&[1.0, -2.0, 9.0, 0.0, 0.0, 0.0], &[2.0, 1.0, f64::NAN]);
        let at = |i: usize| grid.half_width * (2.0 * i as f64 / (grid.side - 1) as f64 - 1.0);
        let total: f64 = found.iter().sum();
        let moment = |f: &dyn Fn(f64, f64) -> f64| {
            found.iter().enumerate().map(|(i, mass)| mass * f(at(i % grid.side), at(i / grid.side))).sum::<f64>()
                / total
        };
        let (x, y) = (moment(&|x, _| x), moment(&|_, y| y));
        assert!((x - 1.0).abs() < 0.021 && (y + 2.0).abs() < 0.021, "{x}, {y}");
        let spread = [moment(&|x2, _| (x2 - x).powi(2)), moment(&|_, y2| (y2 - y).powi(2))];
        assert!(spread.iter().all(|v| (v.sqrt() - BANDWIDTH).abs() < 0.002), "{spread:?}");
    }
}
