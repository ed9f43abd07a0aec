//! log p(x_obs) by importance sampling with the encoder as proposal (docs/methods.md §7).

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use autodiff::Tape;
use autodiff::ops::Mixture;
use linalg::Scalar;
use linalg::parallel::{share, threads};
use samplers::draw::fill_ancestral;
use samplers::importance::{ROUNDS, Statistic, defend, further};
use samplers::imputation::{ChainImputation, impute_by_chains};
use samplers::model::LatentModel;
use samplers::pareto::{UNRELIABLE, pareto_k};
use samplers::stream::{Purpose, Stream, stream};

use crate::Error;
use crate::data::{Batch, Data};
use crate::impute::{FittedModel, InEvaluation};

/// Importance-weighted estimates of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct IwelboResult {
    /// log (1/I) Σ w of each row, in nats of model units.
    pub per_row: Vec<f64>,
    /// (Σw)²/Σw² of each row, between 1 and I.
    pub effective_sample_size: Vec<f64>,
    /// Pareto k̂ of each row's weights; NaN where there is no tail to fit it to.
    pub pareto_k: Vec<f64>,
}

/// The importance-weighted bound with `samples` ordinary samples of the encoder's mixture, of tables with the prior and the
/// encoder widened mixed in ([`defend`]), in chunks with a running
/// log-sum-exp. Rows of tables whose weights fail get up to [`ROUNDS`] further rounds. Each row has a stream of its own; the threads of the current pool take a row each, so that working memory is
/// of the size of a chunk for each thread, whatever the number of rows and samples.
///
/// An encoder of completed rows does not see rows with missing cells: for these the proposal is the equal mixture of the
/// encodings of the versions that `completion` makes (docs/methods.md §7).
///
/// `progress` is called after each row, and says whether to go on.
///
/// # Errors
/// [`Error::Stopped`] if `progress` said so.
///
/// # Panics
/// If `completion` is needed and not given.
pub fn iwelbo<T: Scalar>(
    model: &FittedModel<T>,
    data: &Data<T>,
    samples: usize,
    completion: Option<&ChainImputation>,
    seed: u64,
    progress: impl Fn() -> ControlFlow<()> + Sync,
) -> Result<IwelboResult, Error> {
    iwelbo_after(0, model, data, samples, completion, seed, progress)
}

/// [`iwelbo`] of rows that have so many before them: as if all were there at once.
///
/// # Errors
/// As [`iwelbo`].
///
/// # Panics
/// As [`iwelbo`].
pub fn iwelbo_after<T: Scalar>(
    first: usize,
    model: &FittedModel<T>,
    data: &Data<T>,
    samples: usize,
    completion: Option<&ChainImputation>,
    seed: u64,
    progress: impl Fn() -> ControlFlow<()> + Sync,
) -> Result<IwelboResult, Error> {
    let (vae, parameters) = (&model.vae, &model.parameters);
    let mut tapes: Vec<Tape<T>> = (0..threads().min(data.rows().max(1))).map(|_| Tape::new()).collect();
    let stopped = AtomicBool::new(false);
    let rows = share(&mut tapes, data.rows(), |tape, n| {
        if stopped.load(Ordering::Relaxed) {
            return None;
        }
        let rng = stream(seed, Purpose::Evaluate, 0, (first + n) as u64);
        let score = score((InEvaluation { vae, parameters }, tape), data, n, samples, completion, rng);
        if progress().is_break() {
            stopped.store(true, Ordering::Relaxed);
        }
        Some(score)
    });
    let rows: Option<Vec<RowScore>> = rows.into_iter().collect();
    let rows = rows.ok_or(Error::Stopped)?;
    Ok(IwelboResult {
        per_row: rows.iter().map(|row| row.bound).collect(),
        effective_sample_size: rows.iter().map(|row| row.effective).collect(),
        pareto_k: rows.iter().map(|row| row.pareto_k).collect(),
    })
}

/// The score of a row.
struct RowScore {
    bound: f64,
    effective: f64,
    pareto_k: f64,
}

/// The bound of row `n`, and how far its weights can be trusted. Where they fail, latent points are drawn anew, around those
/// that have the weight now. The bound is that of the last round alone, so that no round before makes it too high.
fn score<T: Scalar>(
    (model, tape): (InEvaluation<'_, T>, &mut Tape<T>),
    data: &Data<T>,
    n: usize,
    samples: usize,
    completion: Option<&ChainImputation>,
    mut rng: Stream,
) -> RowScore {
    let (mixture, params) = proposal((model, tape), data, n, completion, &mut rng);
    // The prior of as many dimensions as images need never comes near a posterior.
    if model.vae.config().images.is_some() {
        return Round::new((model, tape), data, n, samples, (mixture, &params), &mut rng).score();
    }
    let (mixture, params) = defend(mixture, &params);
    let mut round = Round::new((model, tape), data, n, samples, (mixture, &params), &mut rng);
    for _ in 0..ROUNDS {
        if !round.pareto_k.is_some_and(|k| k > UNRELIABLE) {
            break;
        }
        let around = further((mixture, &params), &round.points, &round.log_weights, &mut rng);
        let Some((mixture, params)) = around else { break };
        round = Round::new((model, tape), data, n, samples, (mixture, &params), &mut rng);
    }
    round.score()
}

/// Weighted latent points of a row.
struct Round<T> {
    /// I × L.
    points: Vec<T>,
    /// I.
    log_weights: Vec<f64>,
    sums: Sums,
    /// `None` where there is no tail to fit it to.
    pareto_k: Option<f64>,
}

impl<T: Scalar> Round<T> {
    /// Draws `samples` points for row `n` from a mixture with natural parameters `params`, in chunks.
    fn new(
        (model, tape): (InEvaluation<'_, T>, &mut Tape<T>),
        data: &Data<T>,
        n: usize,
        samples: usize,
        (mixture, params): (Mixture, &[T]),
        rng: &mut Stream,
    ) -> Round<T> {
        let InEvaluation { vae, parameters } = model;
        let chunk = vae.rows_at_once();
        let mut sums = Sums::default();
        let mut points = Vec::with_capacity(samples * mixture.latent);
        let mut all_log_weights = Vec::with_capacity(samples);
        for first in (0..samples).step_by(chunk) {
            let count = chunk.min(samples - first);
            let mut g = tape.graph(parameters);
            let batch = Batch::record(&mut g, data, n..n + 1);
            let params = g.constant([1, params.len()], params);
            let z = g.constant_from(params, [count, 1, mixture.latent], |params, z| {
                fill_ancestral(rng, mixture, params, z);
            });
            let head = vae.decode(&mut g, z, None::<&mut Stream>);
            let log_weights = vae.log_weights(&mut g, batch, (z, head), (mixture, params));
            points.extend_from_slice(g.value(z));
            g.value(log_weights).iter().for_each(|w| sums.add(w.to_f64()));
            all_log_weights.extend(g.value(log_weights).iter().map(|w| w.to_f64()));
        }
        let pareto_k = pareto_k(&all_log_weights);
        Round { points, log_weights: all_log_weights, sums, pareto_k }
    }

    fn score(&self) -> RowScore {
        RowScore {
            bound: self.sums.log_sum() - (self.log_weights.len() as f64).ln(),
            effective: self.sums.sum * self.sums.sum / self.sums.squares,
            pareto_k: self.pareto_k.unwrap_or(f64::NAN),
        }
    }
}

/// The mixture that row `n`'s latent points are drawn from, and its natural parameters: the encoder's, or, if this needs
/// completed rows and cells are missing, the equal mixture of its encodings of the versions that `completion` makes.
///
/// # Panics
/// If `completion` is needed and not given.
pub fn proposal<T: Scalar>(
    (model, tape): (InEvaluation<'_, T>, &mut Tape<T>),
    data: &Data<T>,
    n: usize,
    completion: Option<&ChainImputation>,
    rng: &mut Stream,
) -> (Mixture, Vec<T>) {
    let single = model.vae.mixture();
    let x = data.values(n..n + 1);
    let mask: Vec<T> = data.mask(n..n + 1).collect();
    let missing = data.observed(n..n + 1).contains(&false);
    let Some(completion) = completion.filter(|_| missing && model.vae.config().encoder_input.completed()) else {
        let mut params = vec![T::ZERO; single.params_len()];
        model.encode_at_once(tape, x, &mask, &mut params);
        return (single, params);
    };
    let mixture = Mixture { components: completion.copies, latent: single.latent };
    let mut completed = x.repeat(mixture.components);
    let statistic = Statistic::Draws(mixture.components);
    impute_by_chains(&model, x, &mask, completion, statistic, |_| rng.clone(), &mut completed);
    // What is drawn from here on is not what the versions were drawn with.
    rng.jump();

    let mut encoded = vec![T::ZERO; mixture.components * single.params_len()];
    model.encode_completed(tape, &completed, &mask.repeat(mixture.components), &mut encoded);
    let mut params = vec![T::ZERO; mixture.params_len()];
    let (means, scales, log_weights) = mixture.split_mut(&mut params);
    for (k, version) in encoded.chunks_exact(single.params_len()).enumerate() {
        let (mean, scale, _) = single.split(version);
        means[k * single.latent..][..single.latent].copy_from_slice(mean);
        scales[k * single.latent..][..single.latent].copy_from_slice(scale);
    }
    log_weights.fill(T::from_f64(-(mixture.components as f64).ln()));
    (mixture, params)
}

/// Running sums of w and w², both relative to the largest weight so far.
struct Sums {
    largest: f64,
    sum: f64,
    squares: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Sums { largest: f64::NEG_INFINITY, sum: 0.0, squares: 0.0 }
    }
}

impl Sums {
    fn add(&mut self, log_weight: f64) {
        if log_weight.is_nan() {
            self.largest = f64::NAN;
        }
        if log_weight > self.largest {
            let shrink = (self.largest - log_weight).exp();
            self.sum *= shrink;
            self.squares *= shrink * shrink;
            self.largest = log_weight;
        }
        // A weight of zero adds nothing, also before the first positive one.
        if log_weight > f64::NEG_INFINITY {
            let weight = (log_weight - self.largest).exp();
            self.sum += weight;
            self.squares += weight * weight;
        }
    }

    fn log_sum(&self) -> f64 {
        self.largest + self.sum.ln()
    }
}
