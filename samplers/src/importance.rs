//! Self-normalised importance resampling of missing values.

use autodiff::Tape;
use linalg::Scalar;
use linalg::parallel::{share, threads};
use linalg::special::exp_slice;

use crate::chains::resampling::normalise;
use crate::densities;
use crate::draw::{Categories, fill_ancestral, fill_standard_normal};
use crate::likelihood::{RowLikelihood, Summary};
use crate::model::LatentModel;
use crate::pareto::{UNRELIABLE, pareto_k, worse};
use crate::proposals::Components;
pub use crate::proposals::{Proposals, ROUNDS, defend, further};
use crate::stream::Stream;

/// Latent points that are decoded at a time, if a row does not take more: those of several rows.
const POINTS: usize = 4096;
/// Rows of a task, if not more are decoded at a time: they are encoded together.
const ENCODED: usize = 16;
/// Tasks of a thread between two times that results are written.
const TASKS: usize = 16;

/// The statistic of a row's weighted samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// E\[x_mis|x_obs\].
    Mean,
    /// The median of each missing column's conditional distribution.
    Median,
    /// This many draws from p(x_mis|x_obs).
    Draws(usize),
}

/// The quality of an importance sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ImportanceDiagnostics {
    /// (Σw)²/Σw², averaged over rows with missing cells: between 1 and the number of samples.
    pub effective_sample_size: f64,
    /// Draws that were not finite and left the previous value in place.
    pub replaced: usize,
    /// Rows with missing cells.
    pub rows: usize,
    /// Of these, rows whose weights fail: Pareto k̂ above 0.7, after all rounds.
    pub unreliable: usize,
    /// The row with the largest k̂, from 0, and this k̂.
    pub worst: Option<(usize, f64)>,
}

/// Imputes rows by importance sampling (docs/methods.md §6).
///
/// For each row, latent points are drawn from q(z), which `proposals` says, and weighted by p(x_obs|z)p(z)/q(z). A number
/// of points alone means the encoder's mixture, q(z|x_obs). The conditional of x_mis is the mixture of the decoded columns
/// with these weights. Observed entries stay bit for bit. A row without any observed entry takes its latent points from the prior, equally weighted. A point whose weight is not
/// finite counts for nothing; cells of a row without any other keep what `rows` has there and count as replaced.
///
/// *rows*, *mask*: N × D, unobserved entries zero; *out*: M × N × D, M the number of draws (1 for a mean or median).
/// Row n takes the stream that `stream_of(n)` gives. The threads of the current pool share the rows; the result does
/// not depend on their number.
///
/// # Panics
/// If a length does not fit, or there are no samples.
pub fn impute<T: Scalar>(
    model: &(impl LatentModel<T> + ?Sized),
    rows: &[T],
    mask: &[T],
    proposals: impl Into<Proposals>,
    statistic: Statistic,
    stream_of: impl Fn(usize) -> Stream + Sync,
    out: &mut [T],
) -> ImportanceDiagnostics {
    let proposals = proposals.into();
    let samples = proposals.samples;
    let columns = model.columns();
    let draws = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
    assert!(samples > 0, "at least one importance sample is needed");
    assert_eq!(rows.len(), mask.len(), "lengths of rows and mask");
    assert_eq!(out.len(), draws * rows.len(), "{draws} imputed copies of {} cells", rows.len());
    for copy in out.chunks_exact_mut(rows.len().max(1)) {
        copy.copy_from_slice(rows);
    }

    let incomplete = |n: &usize| mask[n * columns..(n + 1) * columns].iter().any(|&m| m <= T::ZERO);
    let incomplete: Vec<usize> = (0..rows.len() / columns.max(1)).filter(incomplete).collect();
    let together = (POINTS / samples).max(1);
    let tasks: Vec<&[usize]> = incomplete.chunks(together * ENCODED.div_ceil(together)).collect();
    let mut states: Vec<Work<T>> = (0..threads().min(tasks.len().max(1))).map(|_| Work::default()).collect();
    let table = TableRows { columns, rows, mask };
    let mut total = ImportanceDiagnostics::default();
    // Some tasks at a time, so that what they found does not take the memory of `out` once more.
    for tasks in tasks.chunks(TASKS * states.len()) {
        let found = share(&mut states, tasks.len(), |work, task| {
            work.impute(model, table, proposals, statistic, tasks[task], together, &stream_of)
        });
        for (task, (imputed, diagnostics)) in tasks.iter().zip(found) {
            let copies = imputed.chunks_exact(task.len() * columns).zip(out.chunks_exact_mut(rows.len()));
            for (imputed, copy) in copies {
                for (&n, row) in task.iter().zip(imputed.chunks_exact(columns)) {
                    copy[n * columns..(n + 1) * columns].copy_from_slice(row);
                }
            }
            total.effective_sample_size += diagnostics.effective_sample_size;
            total.replaced += diagnostics.replaced;
            total.rows += diagnostics.rows;
            total.unreliable += diagnostics.unreliable;
            total.worst = worse(total.worst, diagnostics.worst);
        }
    }
    if total.rows > 0 {
        total.effective_sample_size /= total.rows as f64;
    }
    total
}

/// The rows of a table.
#[derive(Clone, Copy)]
struct TableRows<'a, T> {
    columns: usize,
    /// N × D.
    rows: &'a [T],
    /// N × D.
    mask: &'a [T],
}

impl<'a, T> TableRows<'a, T> {
    /// The n-th row and its mask.
    fn row(&self, n: usize) -> (&'a [T], &'a [T]) {
        let cells = n * self.columns..(n + 1) * self.columns;
        (&self.rows[cells.clone()], &self.mask[cells])
    }
}

/// Working memory of a thread.
struct Work<T: Scalar> {
    tape: Tape<T>,
    /// For each row of a task its place among those that have an observed cell, which are encoded.
    places: Vec<Option<usize>>,
    /// The rows of a task that have an observed cell, side by side, and their mask.
    rows: Vec<T>,
    mask: Vec<T>,
    /// Natural parameters of each of them.
    params: Vec<T>,
    /// Of a few rows, which are decoded together: latent points, what they are decoded to, streams.
    z: Vec<T>,
    decoded: Vec<T>,
    streams: Vec<Stream>,
    /// What the latent points of each of them are drawn from.
    proposals: Vec<Components<T>>,
    /// Further rounds of a row.
    rounds: Rounds<T>,
    /// Of one row: log weights, normalised, the same in double precision, and the weights.
    log_weights: Vec<T>,
    double: Vec<f64>,
    weights: Vec<f64>,
    densities: densities::Scratch<T>,
}

impl<T: Scalar> Default for Work<T> {
    fn default() -> Self {
        let [rows, mask, params, z, decoded, log_weights] = [const { Vec::new() }; 6];
        Work {
            tape: Tape::new(),
            places: Vec::new(),
            rows,
            mask,
            params,
            z,
            decoded,
            streams: Vec::new(),
            proposals: Vec::new(),
            rounds: Rounds::default(),
            log_weights,
            double: Vec::new(),
            weights: Vec::new(),
            densities: densities::Scratch::default(),
        }
    }
}

/// The points of a row in all rounds.
struct Rounds<T> {
    /// What each round drew from.
    proposals: Vec<Components<T>>,
    /// Points, what they are decoded to, the log likelihood of the row at each, their log weights.
    z: Vec<T>,
    decoded: Vec<T>,
    log_likelihoods: Vec<T>,
    log_weights: Vec<T>,
}

impl<T> Default for Rounds<T> {
    fn default() -> Self {
        let [z, decoded, log_likelihoods, log_weights] = [const { Vec::new() }; 4];
        Rounds { proposals: Vec::new(), z, decoded, log_likelihoods, log_weights }
    }
}

impl<T: Scalar> Rounds<T> {
    /// Begins with the points that a row has already, and their normalised log weights.
    fn start(
        &mut self,
        model: &(impl LatentModel<T> + ?Sized),
        (x, mask): (&[T], &[T]),
        (proposals, z, decoded): (&Components<T>, &[T], &[T]),
        log_weights: &[T],
    ) {
        self.proposals.clear();
        self.proposals.push(proposals.clone());
        self.z.clear();
        self.z.extend_from_slice(z);
        self.decoded.clear();
        self.decoded.extend_from_slice(decoded);
        self.log_weights.clear();
        self.log_weights.extend_from_slice(log_weights);
        self.log_likelihoods.clear();
        self.log_likelihoods.resize(log_weights.len(), T::ZERO);
        model.likelihood().log_densities(x, Some(mask), decoded, &mut self.log_likelihoods);
    }

    /// Draws `samples` more points around those that have the weight, and weighs all anew. `false` if no point has any.
    fn go_on(
        &mut self,
        model: &(impl LatentModel<T> + ?Sized),
        (x, mask): (&[T], &[T]),
        samples: usize,
        rng: &mut Stream,
        tape: &mut Tape<T>,
        scratch: &mut densities::Scratch<T>,
    ) -> bool {
        let (latent, width) = (model.mixture().latent, model.likelihood().width());
        let Some(round) = self.proposals[0].further(latent, &self.z, &self.log_weights, rng) else { return false };
        let (mixture, params) = round.params(latent);
        let before = self.log_likelihoods.len();
        let all = before + samples;
        self.z.resize(all * latent, T::ZERO);
        fill_ancestral(rng, mixture, &params, &mut self.z[before * latent..]);
        self.decoded.resize(all * width, T::ZERO);
        model.decode(tape, &self.z[before * latent..], &mut self.decoded[before * width..]);
        self.log_likelihoods.resize(all, T::ZERO);
        let (new, decoded) = (&mut self.log_likelihoods[before..], &self.decoded[before * width..]);
        model.likelihood().log_densities(x, Some(mask), decoded, new);
        self.proposals.push(round);
        let (mixture, params) = Components::equal_mixture(&self.proposals).params(latent);
        self.log_weights.clone_from(&self.log_likelihoods);
        densities::add_log_prior_less_mixture(mixture, &params, &self.z, scratch, &mut self.log_weights);
        true
    }
}

/// Whether a row's weights fail by their k̂.
fn fails(k: Option<f64>) -> bool {
    k.is_some_and(|k| k > UNRELIABLE)
}

/// Whether a row has no observed cell. Its posterior is the prior, of which an encoder has never learned anything.
fn nothing_observed<T: Scalar>(mask: &[T]) -> bool {
    mask.iter().all(|&m| m <= T::ZERO)
}

impl<T: Scalar> Work<T> {
    /// Imputes the rows of a task, `together` at a time: M × rows × D. The effective sample size is summed over rows.
    #[expect(clippy::too_many_arguments, reason = "the arguments of `impute`, one task of it")]
    fn impute(
        &mut self,
        model: &(impl LatentModel<T> + ?Sized),
        table: TableRows<'_, T>,
        proposals: Proposals,
        statistic: Statistic,
        task: &[usize],
        together: usize,
        stream_of: &impl Fn(usize) -> Stream,
    ) -> (Vec<T>, ImportanceDiagnostics) {
        let (likelihood, mixture) = (model.likelihood(), model.mixture());
        let (columns, width, samples) = (table.columns, likelihood.width(), proposals.samples);
        let draws = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
        let cells: Vec<T> = task.iter().flat_map(|&n| table.row(n).0).copied().collect();
        let mut out = cells.repeat(draws);
        let mut total = ImportanceDiagnostics { rows: task.len(), ..ImportanceDiagnostics::default() };
        self.encode(model, table, task);
        for (g, group) in task.chunks(together).enumerate() {
            let first = g * together;
            self.decode(model, proposals, (first, group), stream_of);
            for (i, &n) in group.iter().enumerate() {
                let (x, mask) = table.row(n);
                let points = &self.z[i * samples * mixture.latent..][..samples * mixture.latent];
                let mut decoded = &self.decoded[i * samples * width..][..samples * width];
                self.log_weights.clear();
                self.log_weights.resize(samples, T::ZERO);
                if self.places[first + i].is_some() {
                    likelihood.log_densities(x, Some(mask), decoded, &mut self.log_weights);
                    let (q, params) = self.proposals[i].params(mixture.latent);
                    let (scratch, log_weights) = (&mut self.densities, &mut self.log_weights);
                    densities::add_log_prior_less_mixture(q, &params, points, scratch, log_weights);
                }
                let mut effective = weigh(&mut self.log_weights, &mut self.double, &mut self.weights);
                if self.places[first + i].is_some() {
                    let mut k = pareto_k(&self.double);
                    if proposals.rounds > 0 && fails(k) {
                        (effective, k) = self.adapt(model, (x, mask), i, proposals, (effective, k));
                        decoded = &self.rounds.decoded;
                    }
                    total.unreliable += usize::from(fails(k));
                    total.worst = worse(total.worst, k.map(|k| (n, k)));
                }
                total.effective_sample_size += effective;
                let row = (first + i) * columns..(first + i + 1) * columns;
                let copies = out.chunks_exact_mut(task.len() * columns).map(|copy| &mut copy[row.clone()]);
                let rng = &mut self.streams[i];
                total.replaced +=
                    fill(likelihood, statistic, rng, (&self.log_weights, &self.weights), (mask, decoded), copies);
            }
        }
        (out, total)
    }

    /// Further rounds for the i-th row of the group, whose weights fail, until they do not or the rounds are over. Returns the
    /// effective sample size, as if of as many points as any row's, and k̂. The points are in `self.rounds`.
    fn adapt(
        &mut self,
        model: &(impl LatentModel<T> + ?Sized),
        row: (&[T], &[T]),
        i: usize,
        Proposals { samples, rounds, .. }: Proposals,
        (mut effective, mut k): (f64, Option<f64>),
    ) -> (f64, Option<f64>) {
        let (latent, width) = (model.mixture().latent, model.likelihood().width());
        let points = &self.z[i * samples * latent..][..samples * latent];
        let decoded = &self.decoded[i * samples * width..][..samples * width];
        self.rounds.start(model, row, (&self.proposals[i], points, decoded), &self.log_weights);
        for _ in 0..rounds {
            let rng = &mut self.streams[i];
            if !self.rounds.go_on(model, row, samples, rng, &mut self.tape, &mut self.densities) {
                break;
            }
            self.log_weights.clone_from(&self.rounds.log_weights);
            effective = weigh(&mut self.log_weights, &mut self.double, &mut self.weights);
            k = pareto_k(&self.double);
            if !fails(k) {
                break;
            }
        }
        (effective * samples as f64 / self.log_weights.len() as f64, k)
    }

    /// Encodes the rows of a task that have an observed cell.
    fn encode(&mut self, model: &(impl LatentModel<T> + ?Sized), table: TableRows<'_, T>, task: &[usize]) {
        self.places.clear();
        self.rows.clear();
        self.mask.clear();
        let mut encoded = 0;
        for &n in task {
            let (x, mask) = table.row(n);
            let observed = !nothing_observed(mask);
            self.places.push(observed.then_some(encoded));
            if observed {
                self.rows.extend_from_slice(x);
                self.mask.extend_from_slice(mask);
                encoded += 1;
            }
        }
        self.params.resize(encoded * model.mixture().params_len(), T::ZERO);
        if !self.rows.is_empty() {
            model.encode(&mut self.tape, &self.rows, &self.mask, &mut self.params);
        }
    }

    /// Draws and decodes `samples` latent points of each row of a group, which begins with row `first` of the task.
    fn decode(
        &mut self,
        model: &(impl LatentModel<T> + ?Sized),
        Proposals { samples, defensive, .. }: Proposals,
        (first, group): (usize, &[usize]),
        stream_of: &impl Fn(usize) -> Stream,
    ) {
        let mixture = model.mixture();
        self.z.resize(group.len() * samples * mixture.latent, T::ZERO);
        self.decoded.resize(group.len() * samples * model.likelihood().width(), T::ZERO);
        self.streams.clear();
        self.proposals.clear();
        let points = self.z.chunks_exact_mut(samples * mixture.latent);
        for ((&n, place), z) in group.iter().zip(&self.places[first..]).zip(points) {
            let mut rng = stream_of(n);
            let mut components = Components::default();
            match place {
                None => fill_standard_normal(&mut rng, z),
                Some(place) => {
                    let params = &self.params[place * mixture.params_len()..][..mixture.params_len()];
                    components = Components::of_encoder(mixture, params, defensive);
                    let (proposal, params) = components.params(mixture.latent);
                    fill_ancestral(&mut rng, proposal, &params, z);
                }
            }
            self.proposals.push(components);
            self.streams.push(rng);
        }
        model.decode(&mut self.tape, &self.z, &mut self.decoded);
    }
}

/// Normalises the log weights of a row, takes their exponentials in double precision, and returns the effective sample
/// size. A point whose weight is no number counts for nothing.
fn weigh<T: Scalar>(log_weights: &mut [T], double: &mut Vec<f64>, weights: &mut Vec<f64>) -> f64 {
    normalise(log_weights);
    double.clear();
    double.extend(log_weights.iter().map(|w| w.to_f64()));
    weights.resize(double.len(), 0.0);
    exp_slice(double, weights);
    let (mut sum, mut squares) = (0.0, 0.0);
    for weight in weights {
        sum += *weight;
        squares += *weight * *weight;
    }
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// Fills the missing cells of each copy of a row from its weighted points, and returns how many could not be.
fn fill<'a, T: Scalar>(
    likelihood: &dyn RowLikelihood<T>,
    statistic: Statistic,
    rng: &mut Stream,
    (log_weights, weights): (&[T], &[f64]),
    (mask, decoded): (&[T], &[T]),
    copies: impl Iterator<Item = &'a mut [T]>,
) -> usize {
    let missing = || mask.iter().filter(|&&m| m <= T::ZERO).count();
    let summary = match statistic {
        Statistic::Mean => Summary::Mean,
        Statistic::Median => Summary::Median,
        Statistic::Draws(_) => {
            let width = likelihood.width();
            let categories = Categories::new(log_weights);
            let draw = |copy: &mut [T]| match categories.draw(rng) {
                Some(i) => likelihood.draw_missing(rng, mask, &decoded[i * width..][..width], copy),
                None => missing(),
            };
            return copies.map(draw).sum();
        }
    };
    let known = weights.iter().any(|weight| *weight > 0.0);
    let summarise = |copy| if known { likelihood.summarise(summary, mask, weights, decoded, copy) } else { missing() };
    copies.map(summarise).sum()
}

#[cfg(test)]
mod tests {
    use autodiff::ops::Mixture;

    use super::*;
    use crate::likelihood::Normals;
    use crate::stream::{Purpose, stream};

    /// z is one normal number, which the encoder takes for N(0, 1.5²). The first column is 10 where z > 1, and 0
    /// elsewhere, with scale 0.1; the second is noise that says nothing of z.
    struct Step {
        mean: f64,
        scale: f64,
    }

    const STEP: Step = Step { mean: 0.0, scale: 1.5 };

    impl LatentModel<f64> for Step {
        fn likelihood(&self) -> &dyn RowLikelihood<f64> {
            &Normals { columns: 2 }
        }

        fn mixture(&self) -> Mixture {
            Mixture { components: 1, latent: 1 }
        }

        fn encode(&self, _: &mut Tape<f64>, rows: &[f64], mask: &[f64], params: &mut [f64]) {
            assert_eq!((rows, mask), (&[0.0, 0.7][..], &[0.0, 1.0][..]), "rows without a cell need no encoder");
            params.copy_from_slice(&[self.mean, self.scale, 0.0]);
        }

        fn encode_completed(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], _: &mut [f64]) {
            panic!("importance sampling completes no row before it is encoded")
        }

        fn decode(&self, _: &mut Tape<f64>, z: &[f64], gaussians: &mut [f64]) {
            for (z, out) in z.iter().zip(gaussians.chunks_exact_mut(4)) {
                out.copy_from_slice(&[if *z > 1.0 { 10.0 } else { 0.0 }, 0.0, 0.1, 1.0]);
            }
        }
    }

    /// The first column's imputations: with the second column observed, or with nothing.
    fn impute_one(second: bool, statistic: Statistic) -> (Vec<f64>, ImportanceDiagnostics) {
        let (rows, mask) = if second { ([0.0, 0.7], [0.0, 1.0]) } else { ([0.0; 2], [0.0; 2]) };
        let draws = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
        let mut out = vec![f64::NAN; 2 * draws];
        let stream_of = |_| stream(1, Purpose::Impute, 0, 0);
        let diagnostics = impute(&STEP, &rows, &mask, 40_000, statistic, stream_of, &mut out);
        (out.into_iter().step_by(2).collect(), diagnostics)
    }

    /// P(z > 1) = 0.158655: a mean of 1.58655, and a median at Φ⁻¹(0.5/0.841345)·0.1 = 0.0239. The share of 40,000
    /// weighted samples has a standard deviation below 0.0025: 5 of them are 0.125 in the mean, and move the median by
    /// 0.0025.
    #[test]
    fn mean_and_median_of_a_skew_conditional() {
        // (Σw)²/Σw² → I / E_q[(p/q)²] = I·√(2·1.5² − 1)/1.5² = 0.8315·I; a hundredth is many standard deviations.
        for (second, efficiency) in [(true, 0.8315), (false, 1.0)] {
            let (mean, diagnostics) = impute_one(second, Statistic::Mean);
            assert!((mean[0] - 1.586_55).abs() < 0.125, "mean {}", mean[0]);
            assert_eq!((diagnostics.rows, diagnostics.replaced), (1, 0));
            assert!((diagnostics.effective_sample_size / 40_000.0 - efficiency).abs() < 0.01, "{diagnostics:?}");
            let (median, _) = impute_one(second, Statistic::Median);
            assert!((median[0] - 0.0239).abs() < 0.0025, "median {}", median[0]);
        }
    }

    /// 2,000 draws: the share at 10 has standard deviation 0.0082; 5 of them, plus that of the weights.
    #[test]
    fn draws_of_a_skew_conditional() {
        for second in [true, false] {
            let (draws, _) = impute_one(second, Statistic::Draws(2000));
            let share = draws.iter().filter(|x| **x > 5.0).count() as f64 / 2000.0;
            assert!((share - 0.158_655).abs() < 0.045, "{share}");
            assert!(draws.iter().all(|x| x.abs() < 1.0 || (x - 10.0).abs() < 1.0));
        }
    }

    #[test]
    fn complete_rows_are_not_sampled() {
        let mut out = [0.0; 2];
        let rng = |_| panic!("no stream is needed");
        let found = impute(&STEP, &[2.5, -0.0], &[1.0, 1.0], 10, Statistic::Mean, rng, &mut out);
        assert_eq!((out, found), ([2.5, -0.0], ImportanceDiagnostics::default()));
    }

    /// [`Step`], but every other point is decoded to scales of 0 for the observed column, which make its density NaN.
    struct Broken;

    impl LatentModel<f64> for Broken {
        fn likelihood(&self) -> &dyn RowLikelihood<f64> {
            &Normals { columns: 2 }
        }

        fn mixture(&self) -> Mixture {
            STEP.mixture()
        }

        fn encode(&self, tape: &mut Tape<f64>, rows: &[f64], mask: &[f64], params: &mut [f64]) {
            STEP.encode(tape, rows, mask, params);
        }

        fn encode_completed(&self, tape: &mut Tape<f64>, rows: &[f64], mask: &[f64], params: &mut [f64]) {
            STEP.encode_completed(tape, rows, mask, params);
        }

        fn decode(&self, tape: &mut Tape<f64>, z: &[f64], gaussians: &mut [f64]) {
            STEP.decode(tape, z, gaussians);
            for out in gaussians.chunks_exact_mut(4).step_by(2) {
                out.copy_from_slice(&[f64::NAN, 0.7, 0.1, 0.0]);
            }
        }
    }

    /// Points without a density count for nothing, in estimates and in the effective sample size; the others give the
    /// mean of [`mean_and_median_of_a_skew_conditional`], to 5 standard deviations of half as many.
    #[test]
    fn broken_points_count_for_nothing() {
        let stream_of = |_| stream(1, Purpose::Impute, 0, 0);
        let mut out = [f64::NAN; 2];
        let found = impute(&Broken, &[0.0, 0.7], &[0.0, 1.0], 40_000, Statistic::Mean, stream_of, &mut out);
        assert!((out[0] - 1.586_55).abs() < 0.18, "{out:?}");
        assert!((found.effective_sample_size / 20_000.0 - 0.8315).abs() < 0.015, "{found:?}");
        assert_eq!(found.replaced, 0);
        // A single point, a broken one: nothing is known.
        for statistic in [Statistic::Mean, Statistic::Median, Statistic::Draws(1)] {
            let found = impute(&Broken, &[0.0, 0.7], &[0.0, 1.0], 1, statistic, stream_of, &mut out);
            assert_eq!((out, found.replaced, found.effective_sample_size), ([0.0, 0.7], 1, 0.0));
        }
    }

    /// An encoder that is sure of a place where there is hardly any mass.
    const MISSED: Step = Step { mean: -3.0, scale: 0.05 };

    /// The conditional mean is 10·P(z > 1) = 1.5866. With 4,000 defensive proposals some 400 come from the prior: the standard
    /// error is below 0.18, and 5 of them are allowed (6e-7 a seed). The encoder alone says 0, and its weights fail.
    #[test]
    fn defensive_proposals_find_what_the_encoder_misses() {
        for seed in 0..5 {
            let stream_of = |_| stream(seed, Purpose::Impute, 0, 0);
            let mut out = [f64::NAN; 2];
            let proposals = Proposals::defensive(4000);
            let found = impute(&MISSED, &[0.0, 0.7], &[0.0, 1.0], proposals, Statistic::Mean, stream_of, &mut out);
            assert!((out[0] - 1.5866).abs() < 0.9 && out[1] == 0.7, "{out:?}");
            assert_eq!(found.unreliable, 0, "{found:?}");
            let alone = impute(&MISSED, &[0.0, 0.7], &[0.0, 1.0], 4000, Statistic::Mean, stream_of, &mut out);
            assert!(out[0] < 0.01, "{out:?}");
            assert!(alone.unreliable == 1 && alone.worst.is_some_and(|(row, k)| row == 0 && k > 0.7), "{alone:?}");
        }
    }

    /// The first column is 1.91 and says where z is: N(1.91·0.9975, 0.05²) in each dimension. The encoder is sure of another
    /// place. The second column is the sum of z.
    struct Elsewhere {
        latent: usize,
    }

    impl LatentModel<f64> for Elsewhere {
        fn likelihood(&self) -> &dyn RowLikelihood<f64> {
            const { &Normals { columns: 4 } }
        }

        fn mixture(&self) -> Mixture {
            Mixture { components: 1, latent: self.latent }
        }

        fn encode(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], params: &mut [f64]) {
            let (means, rest) = params.split_at_mut(self.latent);
            means.fill(0.734);
            rest[..self.latent].fill(0.024);
            rest[self.latent] = 0.0;
        }

        fn encode_completed(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], _: &mut [f64]) {
            panic!("importance sampling completes no row before it is encoded")
        }

        /// As many of the first three columns as there are dimensions are z with noise of scale 0.05, the others 0; the last is
        /// the mean of z with noise of scale 0.1.
        fn decode(&self, _: &mut Tape<f64>, z: &[f64], gaussians: &mut [f64]) {
            for (z, out) in z.chunks_exact(self.latent).zip(gaussians.chunks_exact_mut(8)) {
                out[..4].fill(0.0);
                out[..self.latent].copy_from_slice(z);
                out[3] = z.iter().sum::<f64>() / self.latent as f64;
                out[4..].copy_from_slice(&[0.05, 0.05, 0.05, 0.1]);
            }
        }
    }

    /// A posterior of which the encoder knows nothing: N(1.91/(1 + 0.05²), …) in each of one to three dimensions, whose mean
    /// 1.9052 is that of the missing column. On 20 seeds each, with the default number of proposals.
    #[test]
    fn a_mode_that_the_encoder_does_not_know() {
        for latent in 1..=3 {
            let mut row = [0.0; 4];
            row[..latent].fill(1.91);
            for seed in 0..20 {
                let stream_of = |_| stream(seed, Purpose::Impute, latent as u64, 0);
                let mut out = row;
                let model = Elsewhere { latent };
                let found = impute(
                    &model,
                    &row,
                    &[1.0, 1.0, 1.0, 0.0],
                    Proposals::defensive(1000),
                    Statistic::Mean,
                    stream_of,
                    &mut out,
                );
                let off = (out[3] - 1.91 / 1.0025).abs();
                assert!(off < 0.05 || found.unreliable == 1, "{latent} dimensions, seed {seed}: {off}, {found:?}");
            }
        }
    }

    #[test]
    fn no_rows() {
        let rng = |_| panic!("no stream is needed");
        assert_eq!(impute(&STEP, &[], &[], 10, Statistic::Draws(3), rng, &mut []), ImportanceDiagnostics::default());
    }
}
