//! Imputing rows of a new table by chains of conditional samples.

use std::ops::Range;

use autodiff::Tape;
use linalg::Scalar;
use linalg::parallel::{share, threads};

use crate::chains::{ChainConfig, ChainDiagnostics, ChainSampler, Impute, Rows};
use crate::draw::fill_standard_normal;
use crate::importance::Statistic;
use crate::model::LatentModel;
use crate::stream::Stream;

/// Rows worked on at a time: bounds the memory. Each row has a stream of its own, so results do not depend on it.
pub const ROWS: usize = 64;
/// Groups of rows of a thread between two times that results are written.
const CHUNKS: usize = 4;

/// Settings of the chains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChainImputation {
    /// The sampler of a sweep, and its number of iterations.
    pub sampler: ChainConfig,
    /// Parallel chains of a row (for LAIR they share their proposals).
    pub copies: usize,
    /// Sweeps of burn-in.
    pub burn_in: usize,
    /// Sweeps after burn-in, at least 1. Means and medians are over them and over the chains; draws are the last
    /// states.
    pub kept: usize,
}

/// Imputes rows by K parallel chains for each (docs/methods.md §6). Observed entries stay bit for bit.
///
/// The versions start as draws from the model itself: z ~ N(0, I), x_mis ~ p(x_mis|z). A row without any observed entry
/// takes all imputations from there. For more draws than chains, several independent groups of chains run one after the
/// other.
///
/// *rows*, *mask*: N × D, unobserved entries zero; *out*: M × N × D, M the number of draws (1 for a mean or median).
/// Row n takes the stream that `stream_of(n)` gives, so the result does not depend on how rows are grouped. The threads
/// of the current pool share the rows.
///
/// # Panics
/// If a length does not fit, or `copies` or `kept` is 0.
pub fn impute_by_chains<T: Scalar>(
    model: &dyn LatentModel<T>,
    rows: &[T],
    mask: &[T],
    completion: &ChainImputation,
    statistic: Statistic,
    stream_of: impl Fn(usize) -> Stream + Sync,
    out: &mut [T],
) -> ChainDiagnostics {
    let columns = model.columns();
    let draws = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
    assert!(completion.copies > 0 && completion.kept > 0, "copies and sweeps are needed, not {completion:?}");
    assert_eq!(rows.len(), mask.len(), "lengths of rows and mask");
    assert_eq!(out.len(), draws * rows.len(), "{draws} completed copies of {} cells", rows.len());
    let count = rows.len() / columns.max(1);
    let chunks: Vec<Range<usize>> = (0..count).step_by(ROWS).map(|first| first..count.min(first + ROWS)).collect();
    let work = || (ChainSampler::new(completion.sampler), Tape::new());
    let mut states: Vec<_> = (0..threads().min(chunks.len().max(1))).map(|_| work()).collect();
    let mut total = ChainDiagnostics::default();
    // Some chunks at a time, so that what they found does not take the memory of `out` once more.
    for chunks in chunks.chunks(CHUNKS * states.len()) {
        let found = share(&mut states, chunks.len(), |(sampler, tape), i| {
            let cells = chunks[i].start * columns..chunks[i].end * columns;
            let streams = chunks[i].clone().map(&stream_of).collect();
            let table = (&rows[cells.clone()], &mask[cells]);
            complete_chunk((model, tape), sampler, table, completion, (statistic, draws), streams)
        });
        for (chunk, (completed, diagnostics)) in chunks.iter().zip(found) {
            diagnostics.iter().for_each(|update| total.merge(update));
            let cells = chunk.start * columns..chunk.end * columns;
            let copies = completed.chunks_exact(cells.len()).zip(out.chunks_exact_mut(rows.len()));
            copies.for_each(|(completed, copy)| copy[cells.clone()].copy_from_slice(completed));
        }
    }
    total
}

/// Completes the rows of a chunk: M × rows × D, and how each update did.
fn complete_chunk<T: Scalar>(
    (model, tape): (&dyn LatentModel<T>, &mut Tape<T>),
    sampler: &mut ChainSampler<T>,
    (rows, mask): (&[T], &[T]),
    completion: &ChainImputation,
    (statistic, draws): (Statistic, usize),
    mut streams: Vec<Stream>,
) -> (Vec<T>, Vec<ChainDiagnostics>) {
    let (columns, copies) = (model.columns(), completion.copies);
    let incomplete: Vec<T> = rows.chunks_exact(columns).flat_map(|row| row.repeat(copies)).collect();
    let retained = if sampler.keeps_latents() { streams.len() * copies * model.mixture().latent } else { 0 };
    let mut out = vec![T::ZERO; draws * rows.len()];
    let mut diagnostics = Vec::new();
    for first in (0..draws).step_by(copies) {
        let (mut completed, mut latents) = (incomplete.clone(), vec![T::ZERO; retained]);
        start((model, tape), copies, &mut completed, mask, &mut streams);
        let mut collected = Collected::new(statistic, mask, completion.kept * copies);
        for sweep in 0..completion.burn_in + completion.kept {
            let rows = Rows {
                columns,
                copies,
                completed: &mut completed,
                mask,
                latents: &mut latents,
                started: sweep > 0,
                streams: &mut streams,
            };
            diagnostics.push(sampler.update(model, tape, rows));
            if sweep >= completion.burn_in {
                collected.add(columns, copies, &completed, mask);
            }
        }
        for k in 0..copies.min(draws - first) {
            let out = &mut out[(first + k) * rows.len()..][..rows.len()];
            let versions = completed.chunks_exact(columns).skip(k).step_by(copies);
            out.chunks_exact_mut(columns).zip(versions).for_each(|(out, x)| out.copy_from_slice(x));
        }
        collected.write(mask, &mut out[first * rows.len()..][..rows.len()]);
    }
    (out, diagnostics)
}

/// Fills the missing cells of each version with the model's own draws: z ~ N(0, I), x_mis ~ p(x_mis|z). Those that are
/// not finite stay as they are.
fn start<T: Scalar>(
    (model, tape): (&dyn LatentModel<T>, &mut Tape<T>),
    copies: usize,
    completed: &mut [T],
    mask: &[T],
    streams: &mut [Stream],
) {
    let (latent, likelihood) = (model.mixture().latent, model.likelihood());
    let (columns, width) = (likelihood.columns(), likelihood.width());
    let points = streams.len() * copies;
    let mut z = vec![T::ZERO; points * latent];
    let mut decoded = vec![T::ZERO; points * width];
    for (z, stream) in z.chunks_exact_mut(copies * latent).zip(&mut *streams) {
        fill_standard_normal(stream, z);
    }
    model.decode(tape, &z, &mut decoded);
    let versions = completed.chunks_exact_mut(columns).zip(decoded.chunks_exact(width));
    for (i, (x, decoded)) in versions.enumerate() {
        let n = i / copies;
        likelihood.draw_missing(&mut streams[n], &mask[n * columns..][..columns], decoded, x);
    }
}

/// What a statistic needs of the sweeps after burn-in.
enum Collected<T> {
    /// The last versions are all that is needed.
    Nothing,
    /// Sums of each cell's values, and how many there are.
    Sums(Vec<f64>, usize),
    /// All values of each cell.
    Values(Vec<Vec<T>>),
}

impl<T: Scalar> Collected<T> {
    fn new(statistic: Statistic, mask: &[T], values: usize) -> Self {
        match statistic {
            Statistic::Draws(_) => Collected::Nothing,
            Statistic::Mean => Collected::Sums(vec![0.0; mask.len()], 0),
            Statistic::Median => {
                let room = |&m: &T| if m > T::ZERO { Vec::new() } else { Vec::with_capacity(values) };
                Collected::Values(mask.iter().map(room).collect())
            }
        }
    }

    fn add(&mut self, columns: usize, copies: usize, completed: &[T], mask: &[T]) {
        let missing = |cell: usize| mask[cell] <= T::ZERO;
        let values = |cell: usize| {
            let (n, d) = (cell / columns, cell % columns);
            (0..copies).map(move |k| completed[(n * copies + k) * columns + d])
        };
        match self {
            Collected::Nothing => {}
            Collected::Sums(sums, count) => {
                let cells = sums.iter_mut().enumerate().filter(|(cell, _)| missing(*cell));
                cells.for_each(|(cell, sum)| *sum += values(cell).map(Scalar::to_f64).sum::<f64>());
                *count += copies;
            }
            Collected::Values(all) => {
                let cells = all.iter_mut().enumerate().filter(|(cell, _)| missing(*cell));
                cells.for_each(|(cell, all)| all.extend(values(cell)));
            }
        }
    }

    /// Writes the statistic of the missing cells.
    fn write(self, mask: &[T], out: &mut [T]) {
        let missing = |cell: &usize| mask[*cell] <= T::ZERO;
        match self {
            Collected::Nothing => {}
            Collected::Sums(sums, count) => {
                for cell in (0..out.len()).filter(missing) {
                    out[cell] = T::from_f64(sums[cell] / count as f64);
                }
            }
            Collected::Values(mut all) => {
                for cell in (0..out.len()).filter(missing) {
                    out[cell] = median(&mut all[cell]);
                }
            }
        }
    }
}

/// The middle value, or the mean of the two in the middle.
fn median<T: Scalar>(values: &mut [T]) -> T {
    values.sort_by(|a, b| a.to_f64().total_cmp(&b.to_f64()));
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => (values[middle - 1] + values[middle]) * T::HALF,
    }
}

#[cfg(test)]
mod tests {
    use autodiff::ops::Mixture;

    use super::*;
    use crate::chains::Sampler;
    use crate::likelihood::{Normals, RowLikelihood};
    use crate::stream::{Purpose, stream};

    /// x_1 = z + 0.6·noise, x_2 = −z + 0.8·noise, with p(z|x) as encoder: pseudo-Gibbs is exact.
    #[derive(Debug)]
    struct Line;

    const SCALES: [f64; 2] = [0.6, 0.8];

    impl LatentModel<f64> for Line {
        fn likelihood(&self) -> &dyn RowLikelihood<f64> {
            &Normals { columns: 2 }
        }

        fn mixture(&self) -> Mixture {
            Mixture { components: 1, latent: 1 }
        }

        fn encode(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], _: &mut [f64]) {
            panic!("completed rows only");
        }

        fn encode_completed(&self, _: &mut Tape<f64>, completed: &[f64], _: &[f64], params: &mut [f64]) {
            let precision = 1.0 + SCALES[0].powi(-2) + SCALES[1].powi(-2);
            for (x, params) in completed.chunks_exact(2).zip(params.chunks_exact_mut(3)) {
                let mean = (x[0] / SCALES[0].powi(2) - x[1] / SCALES[1].powi(2)) / precision;
                params.copy_from_slice(&[mean, precision.sqrt().recip(), 0.0]);
            }
        }

        fn decode(&self, _: &mut Tape<f64>, z: &[f64], gaussians: &mut [f64]) {
            for (z, out) in z.iter().zip(gaussians.chunks_exact_mut(4)) {
                out.copy_from_slice(&[*z, -*z, SCALES[0], SCALES[1]]);
            }
        }
    }

    const COMPLETION: ChainImputation = ChainImputation {
        sampler: ChainConfig { sampler: Sampler::PseudoGibbs, iterations: 2 },
        copies: 4,
        burn_in: 20,
        kept: 500,
    };

    fn run(rows: &[f64], mask: &[f64], completion: &ChainImputation, statistic: Statistic) -> Vec<f64> {
        let draws = if let Statistic::Draws(draws) = statistic { draws } else { 1 };
        let mut out = vec![f64::NAN; draws * rows.len()];
        let stream_of = |n| stream(3, Purpose::Impute, 0, n as u64);
        let found = impute_by_chains(&Line, rows, mask, completion, statistic, stream_of, &mut out);
        assert_eq!(found.replaced, 0);
        out
    }

    /// Given x_1 = 2: z has mean 2/1.36 = 1.4706, so x_2 −1.4706, deviation √(0.36/1.36 + 0.64) = 0.951; 2,000 values
    /// with an autocorrelation time below 4 have a standard error below 0.045, and their median one below 0.06: 5 of
    /// them are exceeded with probability 6e-7. Nothing observed: x_2 has mean 0 and deviation √1.64.
    #[test]
    fn means_and_medians_of_a_known_conditional() {
        let (rows, mask) = ([2.0, 0.0, -0.0, 1e-310, 0.0, 0.0], [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        for (statistic, tolerance) in [(Statistic::Mean, 0.23), (Statistic::Median, 0.3)] {
            let out = run(&rows, &mask, &COMPLETION, statistic);
            assert_eq!([0, 2, 3].map(|i| out[i].to_bits()), [0, 2, 3].map(|i: usize| rows[i].to_bits()));
            assert!((out[1] + 1.4706).abs() < tolerance, "{statistic:?}: {}", out[1]);
            assert!(out[4].abs() < tolerance && out[5].abs() < tolerance, "{statistic:?}: {out:?}");
        }
    }

    /// More draws than copies; 3,000 of them: a mean within 5 standard errors, 0.087, and a deviation within 0.062.
    #[test]
    fn draws_are_versions_of_their_own() {
        let (rows, mask) = ([2.0, 0.0], [1.0, 0.0]);
        let completion = ChainImputation { kept: 1, ..COMPLETION };
        let out = run(&rows, &mask, &completion, Statistic::Draws(3000));
        let draws: Vec<f64> = out.chunks_exact(2).map(|row| row[1]).collect();
        assert!(out.chunks_exact(2).all(|row| row[0] == 2.0));
        let mean = draws.iter().sum::<f64>() / 3000.0;
        let deviation = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3000.0).sqrt();
        assert!((mean + 1.4706).abs() < 0.087 && (deviation - 0.951).abs() < 0.062, "{mean} ± {deviation}");
    }

    /// 150 rows are three groups; each gives what it gives alone.
    #[test]
    fn rows_do_not_depend_on_their_company() {
        let completion = ChainImputation { kept: 3, burn_in: 1, ..COMPLETION };
        let rows: Vec<f64> = (0..150).flat_map(|n| [f64::from(n) / 50.0, 0.0]).collect();
        let mask = [1.0, 0.0].repeat(150);
        let all = run(&rows, &mask, &completion, Statistic::Mean);
        for n in [0, 63, 64, 149] {
            let mut alone = [f64::NAN; 2];
            let stream_of = |_| stream(3, Purpose::Impute, 0, n as u64);
            let row = &rows[2 * n..2 * n + 2];
            impute_by_chains(&Line, row, &[1.0, 0.0], &completion, Statistic::Mean, stream_of, &mut alone);
            assert_eq!(alone, all[2 * n..2 * n + 2], "row {n}");
        }
    }

    #[test]
    fn no_rows() {
        assert_eq!(run(&[], &[], &COMPLETION, Statistic::Mean), []);
    }
}
