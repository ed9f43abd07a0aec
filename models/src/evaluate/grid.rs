//! log p(x_obs) by integration over a grid of latent points (docs/methods.md §7).

use autodiff::Tape;
use linalg::Scalar;
use linalg::parallel::rows_mut;
use linalg::reduce::lanes;
use linalg::simd::{Kernel, MAX_LANES, Vector, dispatch};
use linalg::special::{HALF_LN_TWO_PI, exp};
use samplers::likelihood::RowLikelihood;
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
    model: &FittedModel<T>,
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
pub fn grid_log_likelihood<T: Scalar>(model: &FittedModel<T>, data: &Data<T>, grid: Grid) -> Vec<f64> {
    let latent = model.vae.config().latent;
    assert!(latent == 1 || latent == 2, "a grid over {latent} latent dimensions is too large");
    let likelihood: &dyn RowLikelihood<T> = model.likelihood();
    let points = grid.cells.pow(latent as u32);
    let mask: Vec<T> = data.mask(0..data.rows()).collect();
    let mut scores = vec![RunningSum::default(); data.rows()];
    let (mut tape, mut z, mut log_prior, mut table) = (Tape::new(), Vec::new(), Vec::new(), Vec::new());
    let mut decoded = vec![T::ZERO; CHUNK * likelihood.width()];
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
        let decoded = &mut decoded[..count * likelihood.width()];
        model.decode(&mut tape, &z, decoded);
        likelihood.tabulate(decoded, &mut table);
        rows_mut(&mut scores, 1, 8, |rows, scores| {
            let mut log_joint = [T::ZERO; CHUNK];
            let log_joint = &mut log_joint[..count];
            let cells = rows.start * data.columns()..rows.end * data.columns();
            let rows = data.values(rows).chunks_exact(data.columns()).zip(mask[cells].chunks_exact(data.columns()));
            for (score, (x, mask)) in scores.iter_mut().zip(rows) {
                log_joint.copy_from_slice(&log_prior);
                likelihood.add_tabulated(x, mask, &table, log_joint);
                dispatch(AddPoints { log_joint, score });
            }
        });
    }
    let log_cell = latent as f64 * grid.spacing().ln();
    scores.iter().map(|score| score.largest + score.sum.ln() + log_cell).collect()
}

/// A running log-sum-exp: log (sum · e^largest).
#[derive(Clone, Copy, Debug)]
struct RunningSum {
    largest: f64,
    sum: f64,
}

impl Default for RunningSum {
    fn default() -> Self {
        RunningSum { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl RunningSum {
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

/// Adds points to the score of a row.
struct AddPoints<'a, T> {
    log_joint: &'a [T],
    score: &'a mut RunningSum,
}

impl<T: Scalar> Kernel<T> for AddPoints<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let largest = lanes::max::<T, V>(self.log_joint);
        if largest.to_f64().is_nan() {
            *self.score = RunningSum { largest: f64::NAN, sum: f64::NAN };
        } else if largest > T::NEG_INFINITY {
            self.score.add(largest.to_f64(), sum_exp::<T, V>(self.log_joint, largest));
        }
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
