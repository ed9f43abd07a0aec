//! Completed versions of every training row, kept from epoch to epoch (paper, appendix D).

use std::ops::Range;

use autodiff::Tape;
use linalg::Scalar;
use rand::RngExt;
use samplers::chains::{ChainDiagnostics, Impute, Rows};
use samplers::model::LatentModel;
use samplers::stream::Stream;
use serde::{Deserialize, Serialize};

use crate::data::Data;

/// The first imputations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Draws from each column's observed values: the marginal empirical distributions.
    Observed,
    /// Each column's observed mean.
    Mean,
    /// Zero in model units.
    Zero,
}

/// The imputations in a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored<T> {
    /// N × K × D: the completed rows; observed entries are those of the table.
    pub completed: Vec<T>,
    /// N × K × L: the chains' latent points, for samplers that keep them; else empty.
    pub latents: Vec<T>,
}

/// K completed versions of each of N rows, and the sampler of their imputations. They take K·N·D numbers, and K·N·L
/// more where the sampler keeps latent points; all else is of the size of a minibatch.
#[derive(Debug)]
pub struct Imputations<T> {
    columns: usize,
    copies: usize,
    latent: usize,
    stored: Stored<T>,
    sampler: Box<dyn Impute<T>>,
    /// The rows being worked on: versions, mask, latent points, a stream each.
    batch: Vec<T>,
    mask: Vec<T>,
    latents: Vec<T>,
    streams: Vec<Stream>,
}

impl<T: Scalar> Imputations<T> {
    /// First imputations of `rows`, `copies` versions each; `latent` is the model's L.
    ///
    /// `Start::Observed` and `Start::Mean` look at the observed values of `marginals` (zero for a column without any).
    /// Row n takes the stream that `stream_of(n)` gives.
    pub fn start(
        rows: &Data<T>,
        marginals: &Data<T>,
        start: Start,
        copies: usize,
        latent: usize,
        sampler: Box<dyn Impute<T>>,
        stream_of: impl Fn(u64) -> Stream,
    ) -> Self {
        let columns = rows.columns();
        let cells = Marginals::new(marginals, start);
        let mut completed = Vec::with_capacity(rows.rows() * copies * columns);
        for n in 0..rows.rows() {
            let mut rng = stream_of(n as u64);
            let (values, observed) = (rows.values(n..n + 1), rows.observed(n..n + 1));
            for _ in 0..copies {
                let row = (0..columns).map(|d| if observed[d] { values[d] } else { cells.draw(d, &mut rng) });
                completed.extend(row);
            }
        }
        let kept = if sampler.keeps_latents() { rows.rows() * copies * latent } else { 0 };
        Self::resume(columns, copies, latent, Stored { completed, latents: vec![T::ZERO; kept] }, sampler)
    }

    /// Imputations as a checkpoint holds them.
    pub fn resume(
        columns: usize,
        copies: usize,
        latent: usize,
        stored: Stored<T>,
        sampler: Box<dyn Impute<T>>,
    ) -> Self {
        Imputations {
            columns,
            copies,
            latent,
            stored,
            sampler,
            batch: Vec::new(),
            mask: Vec::new(),
            latents: Vec::new(),
            streams: Vec::new(),
        }
    }

    /// The state that continuing later needs.
    pub fn stored(&self) -> &Stored<T> {
        &self.stored
    }

    /// K, imputations of a row.
    pub fn copies(&self) -> usize {
        self.copies
    }

    /// Replaces the sampler. One that keeps latent points and finds none begins at zero.
    pub(crate) fn replace_sampler(&mut self, sampler: Box<dyn Impute<T>>) {
        let points = self.stored.completed.len() / self.columns;
        let kept = if sampler.keeps_latents() { points * self.latent } else { 0 };
        self.stored.latents.resize(kept, T::ZERO);
        self.sampler = sampler;
    }

    /// Loads the versions of some rows: the batch.
    pub(crate) fn load(&mut self, data: &Data<T>, rows: impl Iterator<Item = usize>) {
        self.batch.clear();
        self.mask.clear();
        self.latents.clear();
        for n in rows {
            self.batch.extend_from_slice(&self.stored.completed[self.versions(n)]);
            self.mask.extend(data.mask(n..n + 1));
            if !self.stored.latents.is_empty() {
                self.latents.extend_from_slice(&self.stored.latents[self.points(n)]);
            }
        }
    }

    /// Lets the sampler go over the batch once. Row n takes the stream that `stream_of(n)` gives.
    ///
    /// `started` says whether the chains of these rows have begun.
    pub(crate) fn sweep(
        &mut self,
        (model, tape): (&dyn LatentModel<T>, &mut Tape<T>),
        rows: impl Iterator<Item = usize>,
        started: bool,
        stream_of: impl Fn(u64) -> Stream,
    ) -> ChainDiagnostics {
        self.streams.clear();
        self.streams.extend(rows.map(|n| stream_of(n as u64)));
        self.sampler.update(
            model,
            tape,
            Rows {
                columns: self.columns,
                copies: self.copies,
                completed: &mut self.batch,
                mask: &self.mask,
                latents: &mut self.latents,
                started,
                streams: &mut self.streams,
            },
        )
    }

    /// The batch: versions, B × K × D, and their mask, B × D.
    pub(crate) fn batch(&self) -> (&[T], &[T]) {
        (&self.batch, &self.mask)
    }

    /// Stores the batch, which is of these rows.
    pub(crate) fn commit(&mut self, rows: impl Iterator<Item = usize>) {
        let (versions, points) = (self.copies * self.columns, self.copies * self.latent);
        for (i, n) in rows.enumerate() {
            let place = self.versions(n);
            self.stored.completed[place].copy_from_slice(&self.batch[i * versions..(i + 1) * versions]);
            if !self.stored.latents.is_empty() {
                let place = self.points(n);
                self.stored.latents[place].copy_from_slice(&self.latents[i * points..(i + 1) * points]);
            }
        }
    }

    fn versions(&self, n: usize) -> Range<usize> {
        let len = self.copies * self.columns;
        n * len..(n + 1) * len
    }

    fn points(&self, n: usize) -> Range<usize> {
        let len = self.copies * self.latent;
        n * len..(n + 1) * len
    }
}

/// The observed values of each column, if the start needs them.
struct Marginals<'a, T> {
    data: &'a Data<T>,
    start: Start,
    /// Rows in which each column is observed; empty unless the start draws from them.
    observed: Vec<Vec<u32>>,
    means: Vec<T>,
}

impl<'a, T: Scalar> Marginals<'a, T> {
    fn new(data: &'a Data<T>, start: Start) -> Self {
        let rows_with = |d: usize| (0..data.rows()).filter(move |&n| data.observed(n..n + 1)[d]);
        Marginals {
            data,
            start,
            observed: match start {
                Start::Observed => (0..data.columns()).map(|d| rows_with(d).map(|n| n as u32).collect()).collect(),
                Start::Mean | Start::Zero => Vec::new(),
            },
            means: match start {
                Start::Mean => data.column_means().into_iter().map(T::from_f64).collect(),
                Start::Observed | Start::Zero => Vec::new(),
            },
        }
    }

    fn draw(&self, d: usize, rng: &mut Stream) -> T {
        match self.start {
            Start::Zero => T::ZERO,
            Start::Mean => self.means[d],
            Start::Observed => match self.observed[d].len() {
                0 => T::ZERO,
                count => {
                    let n = self.observed[d][rng.random_range(0..count)] as usize;
                    self.data.values(n..n + 1)[d]
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use samplers::likelihood::{Normals, RowLikelihood};
    use samplers::stream::{Purpose, stream};

    use super::*;

    /// Adds 1 to every missing cell, and counts its calls in the latent points.
    #[derive(Debug)]
    struct Increment {
        latents: bool,
    }

    impl Impute<f64> for Increment {
        fn keeps_latents(&self) -> bool {
            self.latents
        }

        fn update(&mut self, _: &dyn LatentModel<f64>, _: &mut Tape<f64>, rows: Rows<'_, f64>) -> ChainDiagnostics {
            let versions = rows.completed.chunks_exact_mut(rows.copies * rows.columns);
            for (versions, mask) in versions.zip(rows.mask.chunks_exact(rows.columns)) {
                for version in versions.chunks_exact_mut(rows.columns) {
                    version.iter_mut().zip(mask).filter(|(_, m)| **m == 0.0).for_each(|(x, _)| *x += 1.0);
                }
            }
            rows.latents.iter_mut().for_each(|z| *z += 1.0);
            ChainDiagnostics::default()
        }
    }

    struct NoModel;

    impl LatentModel<f64> for NoModel {
        fn likelihood(&self) -> &dyn RowLikelihood<f64> {
            &Normals { columns: 2 }
        }
        fn mixture(&self) -> autodiff::ops::Mixture {
            autodiff::ops::Mixture { components: 1, latent: 1 }
        }
        fn encode(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], _: &mut [f64]) {}
        fn encode_completed(&self, _: &mut Tape<f64>, _: &[f64], _: &[f64], _: &mut [f64]) {}
        fn decode(&self, _: &mut Tape<f64>, _: &[f64], _: &mut [f64]) {}
    }

    const NAN: f64 = f64::NAN;

    fn table() -> Data<f64> {
        let cells = [1.0, NAN, 2.0, 20.0, NAN, 30.0, 6.0, NAN];
        Data::new(2, cells.to_vec(), cells.iter().map(|x: &f64| !x.is_nan()).collect())
    }

    fn stream_of(seed: u64) -> impl Fn(u64) -> Stream {
        move |n| stream(seed, Purpose::StartImputations, 0, n)
    }

    fn started(start: Start, latents: bool) -> Imputations<f64> {
        Imputations::start(&table(), &table(), start, 3, 1, Box::new(Increment { latents }), stream_of(1))
    }

    #[test]
    fn they_start_from_the_observed_values_of_their_column() {
        let completed = started(Start::Observed, false).stored().completed.clone();
        assert_eq!(completed.len(), 4 * 3 * 2);
        for (n, versions) in completed.chunks_exact(6).enumerate() {
            for version in versions.chunks_exact(2) {
                for d in 0..2 {
                    let observed = table().observed(n..n + 1)[d];
                    let allowed = [[1.0, 2.0, 6.0].as_slice(), &[20.0, 30.0]][d];
                    let fits = if observed {
                        version[d] == table().values(n..n + 1)[d]
                    } else {
                        allowed.contains(&version[d])
                    };
                    assert!(fits, "row {n}: {version:?}");
                }
            }
        }
        // Version by version they differ, and the seed decides.
        let other = Imputations::start(
            &table(),
            &table(),
            Start::Observed,
            3,
            1,
            Box::new(Increment { latents: false }),
            stream_of(2),
        );
        assert_ne!(other.stored().completed, completed);
        assert_eq!(started(Start::Observed, false).stored().completed, completed);
        assert_eq!(started(Start::Mean, false).stored().completed[..2], [1.0, 25.0]);
        assert_eq!(started(Start::Zero, false).stored().completed[..2], [1.0, 0.0]);
    }

    /// Draws of a row's start do not depend on which rows come before it.
    #[test]
    fn a_batch_is_stored_in_its_rows() {
        for latents in [false, true] {
            let mut all = started(Start::Zero, latents);
            let rows = [2usize, 0];
            all.load(&table(), rows.into_iter());
            all.sweep((&NoModel, &mut Tape::new()), rows.into_iter(), true, |n| {
                stream(0, Purpose::RenewImputations, 0, n)
            });
            let (batch, mask) = all.batch();
            assert_eq!(batch, [1.0, 30.0, 1.0, 30.0, 1.0, 30.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
            assert_eq!(mask, [0.0, 1.0, 1.0, 0.0]);
            // Until the batch is stored, nothing has changed.
            assert_eq!(all.stored(), started(Start::Zero, latents).stored());
            all.commit(rows.into_iter());
            assert_eq!(all.stored().completed[..6], [1.0; 6]);
            assert_eq!(all.stored().completed[6..12], [2.0, 20.0, 2.0, 20.0, 2.0, 20.0]);
            assert_eq!(all.stored().completed[18..], [6.0, 0.0, 6.0, 0.0, 6.0, 0.0]);
            let expected: &[f64] =
                if latents { &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0] } else { &[] };
            assert_eq!(all.stored().latents, expected);
        }
    }
}
