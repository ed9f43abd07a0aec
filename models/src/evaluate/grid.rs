//! log p(x_obs) by integration over a grid of latent points (docs/methods.md §7).

use linalg::Scalar;
use linalg::parallel::rows_mut;
use linalg::reduce::lanes;
use linalg::simd::{Kernel, MAX_LANES, Vector, dispatch};
use linalg::special::{HALF_LN_TWO_PI, exp, ln_slice};
use samplers::model::LatentModel;

use crate::data::Data;
use crate::impute::FittedModel;

/// Grid points decoded and scored at a time.
const CHUNK: usize = 2048;

/// A midpoint rule over \[−half_width, half_width\]^L.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Half of the side.
    pub half_width: f64,
    /// Cells a side.
    pub cells: usize,
}

impl Grid {
    /// The grid to begin with: \[−15, 15\] in 4,000 cells for L = 1, \[−10, 10\]² in 500 × 500 cells for L = 2.
    pub fn default_for(latent: usize) -> Self {
        if latent == 1 { Grid { half_width: 15.0, cells: 4000 } } else { Grid { half_width: 10.0, cells: 500 } }
    }

    /// The same square with twice as many cells a side.
    pub fn doubled(self) -> Self {
        Grid { cells: 2 * self.cells, ..self }
    }

    fn spacing(self) -> f64 {
        2.0 * self.half_width / self.cells as f64
    }

    fn midpoint(self, cell: usize) -> f64 {
        -self.half_width + (cell as f64 + 0.5) * self.spacing()
    }
}

/// Log-likelihoods of rows on a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct GridResult {
    /// log p(x_obs) of each row, in nats of model units.
    pub per_row: Vec<f64>,
    /// The last grid.
    pub grid: Grid,
    /// By how much the mean changed from the grid with half as many cells a side, in nats.
    pub change: f64,
}

/// Doubles the grid until the mean changes by less than `tolerance` nats, at most `doublings` times.
///
/// # Panics
/// If the model has more than two latent dimensions.
pub fn grid_log_likelihood_converged<T: Scalar>(
    model: &mut FittedModel<T>,
    data: &Data<T>,
    tolerance: f64,
    doublings: usize,
) -> GridResult {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let mut grid = Grid::default_for(model.vae.config().latent);
    let mut per_row = grid_log_likelihood(model, data, grid);
    let mut change = f64::INFINITY;
    for _ in 0..doublings {
        grid = grid.doubled();
        let finer = grid_log_likelihood(model, data, grid);
        change = (mean(&finer) - mean(&per_row)).abs();
        per_row = finer;
        if change < tolerance {
            break;
        }
    }
    GridResult { per_row, grid, change }
}

/// log ∫ p(x_obs|z) p(z) dz of each row by the midpoint rule, in nats of model units. The decoder is evaluated once for
/// the grid.
///
/// # Panics
/// If the model has more than two latent dimensions.
pub fn grid_log_likelihood<T: Scalar>(model: &mut FittedModel<T>, data: &Data<T>, grid: Grid) -> Vec<f64> {
    let (latent, columns) = (model.vae.config().latent, data.columns());
    assert!(latent == 1 || latent == 2, "a grid over {latent} latent dimensions is too large");
    let points = grid.cells.pow(latent as u32);
    let mut scores = vec![Score::default(); data.rows()];
    let (mut z, mut log_prior) = (Vec::new(), Vec::new());
    let mut decoded = vec![T::ZERO; CHUNK * 2 * columns];
    let mut planes = Planes { means: Vec::new(), scales: Vec::new(), precisions: Vec::new(), log_norms: Vec::new() };
    for first in (0..points).step_by(CHUNK) {
        let count = CHUNK.min(points - first);
        z.clear();
        log_prior.clear();
        for point in first..first + count {
            let mut log_p = 0.0;
            for axis in 0..latent {
                let at = grid.midpoint(point / grid.cells.pow(axis as u32) % grid.cells);
                z.push(T::from_f64(at));
                log_p -= 0.5 * at * at + HALF_LN_TWO_PI;
            }
            log_prior.push(T::from_f64(log_p));
        }
        let decoded = &mut decoded[..count * 2 * columns];
        model.decode(&z, decoded);
        planes.fill(decoded, columns);
        rows_mut(&mut scores, 1, 8, |rows, scores| {
            dispatch(ScoreRows {
                x: data.values(rows.clone()),
                observed: data.observed(rows),
                columns,
                planes: &planes,
                log_prior: &log_prior,
                scores,
            });
        });
    }
    let log_cell = latent as f64 * grid.spacing().ln();
    scores.iter().map(|score| score.largest + score.sum.ln() + log_cell).collect()
}

/// A running log-sum-exp: log (sum · e^largest).
#[derive(Clone, Copy, Debug)]
struct Score {
    largest: f64,
    sum: f64,
}

impl Default for Score {
    fn default() -> Self {
        Score { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl Score {
    /// Adds e^largest · sum.
    fn add(&mut self, largest: f64, sum: f64) {
        if largest > self.largest {
            self.sum *= (self.largest - largest).exp();
            self.largest = largest;
        }
        if self.largest > f64::NEG_INFINITY {
            self.sum += sum * (largest - self.largest).exp();
        }
    }
}

/// Decoded points, one contiguous plane a column: D × points.
struct Planes<T> {
    means: Vec<T>,
    scales: Vec<T>,
    /// 1/scale: a product in the inner loop is many times as fast as a quotient. 0 where it is not finite.
    precisions: Vec<T>,
    /// −ln scale − ½ ln 2π; −∞ where 1/scale is not finite: so narrow a normal has no density but at its mean.
    log_norms: Vec<T>,
}

impl<T: Scalar> Planes<T> {
    fn fill(&mut self, decoded: &[T], columns: usize) {
        self.means.clear();
        self.precisions.clear();
        self.scales.clear();
        let constant = T::from_f64(HALF_LN_TWO_PI);
        for d in 0..columns {
            for point in decoded.chunks_exact(2 * columns) {
                let scale = point[columns + d];
                self.means.push(point[d]);
                let precision = T::ONE / scale;
                self.precisions.push(if precision.is_finite() { precision } else { T::ZERO });
                self.scales.push(scale);
            }
        }
        self.log_norms.resize(self.scales.len(), T::ZERO);
        ln_slice(&self.scales, &mut self.log_norms);
        for (log_norm, precision) in self.log_norms.iter_mut().zip(&self.precisions) {
            *log_norm = if *precision > T::ZERO { -*log_norm - constant } else { T::NEG_INFINITY };
        }
    }
}

/// Adds a chunk of points to the scores of some rows.
struct ScoreRows<'a, T> {
    x: &'a [T],
    observed: &'a [bool],
    columns: usize,
    planes: &'a Planes<T>,
    log_prior: &'a [T],
    scores: &'a mut [Score],
}

impl<T: Scalar> Kernel<T> for ScoreRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let (columns, count) = (self.columns, self.log_prior.len());
        let mut log_joint = [T::ZERO; CHUNK];
        for (n, score) in self.scores.iter_mut().enumerate() {
            let x = &self.x[n * columns..(n + 1) * columns];
            let observed = &self.observed[n * columns..(n + 1) * columns];
            let log_joint = &mut log_joint[..count];
            log_joint.copy_from_slice(self.log_prior);
            for d in 0..columns {
                if observed[d] {
                    let plane = d * count..(d + 1) * count;
                    let (means, precisions) =
                        (&self.planes.means[plane.clone()], &self.planes.precisions[plane.clone()]);
                    add_log_density::<T, V>(x[d], means, precisions, &self.planes.log_norms[plane], log_joint);
                }
            }
            let largest = lanes::max::<T, V>(log_joint);
            if largest.to_f64().is_nan() {
                *score = Score { largest: f64::NAN, sum: f64::NAN };
            } else if largest > T::NEG_INFINITY {
                score.add(largest.to_f64(), sum_exp::<T, V>(log_joint, largest));
            }
        }
    }
}

/// out += log N(x; mean, scale) at every point, for one column.
#[inline(always)]
fn add_log_density<T: Scalar, V: Vector<T>>(x: T, means: &[T], precisions: &[T], log_norms: &[T], out: &mut [T]) {
    let (x, half) = (V::splat(x), V::splat(T::HALF));
    let whole = out.len() / V::LANES * V::LANES;
    for start in (0..whole).step_by(V::LANES) {
        let t = (x - V::load(&means[start..])) * V::load(&precisions[start..]);
        let base = V::load(&out[start..]) + V::load(&log_norms[start..]);
        (-(t * half)).mul_add(t, base).store(&mut out[start..]);
    }
    if whole < out.len() {
        let t = (x - V::load_partial(&means[whole..])) * V::load_partial(&precisions[whole..]);
        let base = V::load_partial(&out[whole..]) + V::load_partial(&log_norms[whole..]);
        (-(t * half)).mul_add(t, base).store_partial(&mut out[whole..]);
    }
}

/// Σ e^(x − shift), every 64 vectors' sum in double precision.
#[inline(always)]
fn sum_exp<T: Scalar, V: Vector<T>>(x: &[T], shift: T) -> f64 {
    let shift = V::splat(shift);
    let mut total = 0.0;
    for block in x.chunks(64 * V::LANES) {
        let whole = block.len() / V::LANES * V::LANES;
        let mut partial = V::splat(T::ZERO);
        for start in (0..whole).step_by(V::LANES) {
            partial = partial + exp(V::load(&block[start..]) - shift);
        }
        total += partial.sum().to_f64();
        if whole < block.len() {
            let mut rest = [T::ZERO; MAX_LANES];
            exp(V::load_partial(&block[whole..]) - shift).store_partial(&mut rest[..block.len() - whole]);
            total += rest.iter().map(|x| x.to_f64()).sum::<f64>();
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder's scale may underflow in the corners of a grid: nothing is observed from there, and the rest counts as ever.
    #[test]
    fn scales_that_underflow_have_no_density() {
        let mut planes = Planes { means: vec![], scales: vec![], precisions: vec![], log_norms: vec![] };
        // Points of a single column: mean and scale.
        planes.fill(&[0.5f32, 0.0, 0.0, 1e-40, 0.0, 1.0], 1);
        for x in [0.5, 0.0, 2.0] {
            let mut scores = [Score::default()];
            let (observed, planes) = ([true], &planes);
            dispatch(ScoreRows {
                x: &[x],
                observed: &observed,
                columns: 1,
                planes,
                log_prior: &[0.0; 3],
                scores: &mut scores,
            });
            let expected = -0.5 * f64::from(x * x) - HALF_LN_TWO_PI;
            let found = scores[0].largest + scores[0].sum.ln();
            assert!((found - expected).abs() < 1e-6, "{x}: {found}, expected {expected}");
        }
    }
}
