//! Exact imputations by rejection, for models with one or two latent dimensions.
//!
//! Latent points are proposed uniformly on \[−5, 5\]^L and accepted with probability
//!
//! ```text
//! p(x_obs|z) p(z) / (1.1 · max over a grid of p(x_obs|z) p(z)),
//! ```
//!
//! which makes them draws from p(z|x_obs), as far as that lies within the square; then x_mis ~ p(x_mis|z). Where the
//! density exceeds this envelope between the points of the grid, the draws are not exact: such proposals are counted.
//! Source: paper, appendix C; docs/methods.md §6.

use autodiff::Tape;
use linalg::Scalar;
use linalg::special::ln;
use rand::{RngExt, SeedableRng};
use thiserror::Error;

use crate::chains::workspace::{Workspace, draw_version};
use crate::chains::{ChainDiagnostics, Impute, Rows};
use crate::likelihood::RowLikelihood;
use crate::model::{LatentModel, log_prior};
use crate::stream::Stream;

/// Half of the side of the square.
const HALF_WIDTH: f64 = 5.0;
/// The envelope over the largest density on the grid.
const MARGIN: f64 = 1.1;
/// Proposals that are decoded at a time.
const POOL: usize = 1024;

/// Settings of the sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectionConfig {
    /// Cells a side of the grid, whose midpoints are decoded, at least 1.
    pub cells: usize,
    /// The most pools of 1,024 proposals in an update, at least 1. Imputations that are not accepted by then stay as
    /// they were.
    pub pools: usize,
}

impl Default for RejectionConfig {
    /// 100 cells a side and 1,000 pools.
    fn default() -> Self {
        RejectionConfig { cells: 100, pools: 1000 }
    }
}

/// A rejection sampler that cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RejectionError {
    /// There would be no envelope.
    #[error("rejection sampling needs at least one cell a side of its grid; got 0")]
    NoCells,
    /// There would be no proposal.
    #[error("rejection sampling needs at least one pool of proposals; got 0")]
    NoPools,
    /// A grid over so many dimensions is too large.
    #[error("rejection sampling needs a model with 1 or 2 latent dimensions; this one has {latent}")]
    Latent {
        /// L.
        latent: usize,
    },
}

impl RejectionConfig {
    /// Whether the sampler can run on a model with so many latent dimensions.
    ///
    /// # Errors
    /// A number that must be positive is 0, or L is neither 1 nor 2.
    pub fn check(&self, latent: usize) -> Result<(), RejectionError> {
        match latent {
            _ if self.cells == 0 => Err(RejectionError::NoCells),
            _ if self.pools == 0 => Err(RejectionError::NoPools),
            1 | 2 => Ok(()),
            _ => Err(RejectionError::Latent { latent }),
        }
    }
}

/// The sampler with its working memory: nothing is allocated after the first update of a size.
///
/// The grid is decoded once an update for all rows, and so is each pool of proposals: rows of one update share their
/// proposals and accept them with uniforms of their own. Each row's draws are exact and independent of one another;
/// those of different rows are dependent through the proposals, and depend on how rows are grouped. The proposals come
/// from a stream that begins with numbers of the first row's.
#[derive(Debug)]
pub struct Rejection<T> {
    config: RejectionConfig,
    work: Workspace<T>,
    grid: Points<T>,
    pool: Points<T>,
    /// A: log envelopes.
    envelopes: Vec<T>,
    /// A: versions that are done.
    done: Vec<usize>,
}

impl<T: Scalar> Rejection<T> {
    /// The sampler of a configuration.
    pub fn new(config: RejectionConfig) -> Self {
        Rejection {
            config,
            work: Workspace::default(),
            grid: Points::default(),
            pool: Points::default(),
            envelopes: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Finds each row's envelope; a row whose densities on the grid have no finite maximum is done.
    fn bound(&mut self, likelihood: &dyn RowLikelihood<T>, rows: &Rows<'_, T>, diagnostics: &mut ChainDiagnostics) {
        self.envelopes.clear();
        self.done.clear();
        for &n in &self.work.chains {
            let densities = self.grid.log_joint(likelihood, rows, n);
            let largest = densities.iter().fold(T::NEG_INFINITY, |most, &x| if x > most { x } else { most });
            self.envelopes.push(largest + T::from_f64(ln(MARGIN)));
            let usable = largest.is_finite();
            self.done.push(if usable { 0 } else { rows.copies });
            if !usable {
                diagnostics.replaced += rows.missing_in(n) * rows.copies as u64;
            }
        }
    }

    /// Offers a pool to the a-th row that has a posterior, until all its versions are done.
    fn offer(
        &mut self,
        likelihood: &dyn RowLikelihood<T>,
        rows: &mut Rows<'_, T>,
        a: usize,
        diagnostics: &mut ChainDiagnostics,
    ) {
        let (n, width) = (self.work.chains[a], likelihood.width());
        if self.done[a] == rows.copies {
            return;
        }
        self.pool.log_joint(likelihood, rows, n);
        for (&log_joint, decoded) in self.pool.densities.iter().zip(self.pool.decoded.chunks_exact(width)) {
            let uniform: f64 = rows.streams[n].random();
            diagnostics.proposed += 1;
            diagnostics.envelope_violations += u64::from(log_joint > self.envelopes[a]);
            if ln(uniform) < (log_joint - self.envelopes[a]).to_f64() {
                diagnostics.accepted += 1;
                draw_version(rows, likelihood, (n, self.done[a]), decoded, diagnostics);
                self.done[a] += 1;
                if self.done[a] == rows.copies {
                    return;
                }
            }
        }
    }
}

impl<T: Scalar> Impute<T> for Rejection<T> {
    /// # Panics
    /// Also if [`RejectionConfig::check`] finds fault with the configuration or the model.
    #[track_caller]
    fn update(&mut self, model: &dyn LatentModel<T>, tape: &mut Tape<T>, mut rows: Rows<'_, T>) -> ChainDiagnostics {
        let (latent, likelihood) = (model.mixture().latent, model.likelihood());
        if let Err(error) = self.config.check(latent) {
            panic!("{error}");
        }
        rows.check(model.columns(), 0);
        let mut diagnostics = ChainDiagnostics::default();
        self.work.sort(&rows);
        self.work.draw_from_prior((model, tape), &mut rows, &mut diagnostics);
        let Some(&first) = self.work.chains.first() else { return diagnostics };
        self.grid.place(latent, self.config.cells);
        self.grid.decode(model, tape);
        self.bound(likelihood, &rows, &mut diagnostics);
        let mut proposals = Stream::from_rng(&mut rows.streams[first]);
        for _ in 0..self.config.pools {
            if self.done.iter().all(|&done| done == rows.copies) {
                break;
            }
            self.pool.z.resize(POOL * latent, T::ZERO);
            self.pool.z.fill_with(|| T::from_f64(HALF_WIDTH * (2.0 * proposals.random::<f64>() - 1.0)));
            self.pool.decode(model, tape);
            for a in 0..self.done.len() {
                self.offer(likelihood, &mut rows, a, &mut diagnostics);
            }
        }
        for (&n, done) in self.work.chains.iter().zip(&self.done) {
            diagnostics.replaced += rows.missing_in(n) * (rows.copies - done) as u64;
        }
        diagnostics
    }
}

/// G latent points, and what many rows need of them.
#[derive(Debug, Default)]
struct Points<T> {
    /// G × L.
    z: Vec<T>,
    /// G × W.
    decoded: Vec<T>,
    /// G: log p(z).
    log_priors: Vec<T>,
    /// What the likelihood tabulates of the decoded points.
    table: Vec<T>,
    /// G: log p(x_obs|z) + log p(z) of the row that was asked for last.
    densities: Vec<T>,
}

impl<T: Scalar> Points<T> {
    /// Puts the points at the midpoints of a grid.
    fn place(&mut self, latent: usize, cells: usize) {
        let points = if latent == 1 { cells } else { cells * cells };
        self.z.resize(points * latent, T::ZERO);
        let midpoint = |cell: usize| HALF_WIDTH * ((2 * cell + 1) as f64 / cells as f64 - 1.0);
        for (g, z) in self.z.chunks_exact_mut(latent).enumerate() {
            z[0] = T::from_f64(midpoint(g % cells));
            z[1..].fill(T::from_f64(midpoint(g / cells)));
        }
    }

    /// Decodes the points and fills the table.
    fn decode(&mut self, model: &dyn LatentModel<T>, tape: &mut Tape<T>) {
        let (latent, likelihood) = (model.mixture().latent, model.likelihood());
        let points = self.z.len() / latent;
        self.decoded.resize(points * likelihood.width(), T::ZERO);
        model.decode(tape, &self.z, &mut self.decoded);
        self.log_priors.clear();
        self.log_priors.extend(self.z.chunks_exact(latent).map(log_prior));
        likelihood.tabulate(&self.decoded, &mut self.table);
    }

    /// log p(x_obs|z) + log p(z) of row n at every point.
    fn log_joint(&mut self, likelihood: &dyn RowLikelihood<T>, rows: &Rows<'_, T>, n: usize) -> &[T] {
        // Observed entries are the same in every version.
        let x = &rows.completed[n * rows.copies * rows.columns..][..rows.columns];
        self.densities.clone_from(&self.log_priors);
        likelihood.add_tabulated(x, rows.mask_of(n), &self.table, &mut self.densities);
        &self.densities
    }
}
