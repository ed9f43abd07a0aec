//! Minibatches: the choice of their rows, and the rows on a tape.

use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::RngExt;
use samplers::stream::Stream;

use super::rows::Data;

/// The minibatches of an epoch: its rows in a random order. The last minibatch may be shorter.
#[derive(Clone, Debug)]
pub(crate) struct Minibatches {
    size: usize,
    order: Vec<u32>,
    /// The epoch that `order` is of.
    epoch: Option<u64>,
}

impl Minibatches {
    /// Minibatches of `size` rows.
    pub(crate) fn new(size: usize) -> Self {
        Minibatches { size, order: Vec::new(), epoch: None }
    }

    /// Shuffles the rows for an epoch, with the stream that `stream` gives, unless they are shuffled for it already.
    pub(crate) fn shuffle(&mut self, epoch: u64, rows: usize, stream: impl FnOnce() -> Stream) {
        if self.epoch != Some(epoch) {
            shuffled(rows, &mut stream(), &mut self.order);
            self.epoch = Some(epoch);
        }
    }

    /// The rows of minibatch number `step` of the epoch, from 0.
    pub(crate) fn rows(&self, step: u64) -> impl ExactSizeIterator<Item = usize> + Clone {
        let first = step as usize * self.size;
        let last = (first + self.size).min(self.order.len());
        self.order[first..last].iter().map(|&n| n as usize)
    }
}

/// A permutation of 0..rows.
pub fn shuffled(rows: usize, rng: &mut Stream, order: &mut Vec<u32>) {
    order.clear();
    order.extend(0..rows as u32);
    for i in (1..rows).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
}

/// A minibatch on a tape, as constants.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// B, the number of rows.
    pub rows: usize,
    /// x, B × D; zero where unobserved.
    pub x: Var,
    /// m, B × D: 1 where observed.
    pub mask: Var,
}

impl Batch {
    /// Puts the given rows of a table on the tape.
    pub fn record<T: Scalar>(
        g: &mut Graph<'_, T>,
        data: &Data<T>,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
    ) -> Self {
        let (count, columns) = (rows.len(), data.columns());
        let x = g.constant_with([count, columns], |out| {
            for (out, n) in out.chunks_exact_mut(columns).zip(rows.clone()) {
                out.copy_from_slice(data.values(n..n + 1));
            }
        });
        let mask = g.constant_with([count, columns], |out| {
            for (out, n) in out.chunks_exact_mut(columns).zip(rows) {
                out.iter_mut().zip(data.mask(n..n + 1)).for_each(|(out, m)| *out = m);
            }
        });
        Batch { rows: count, x, mask }
    }

    /// Puts rows given as values and a mask of zeros and ones (B × D each) on the tape.
    pub fn from_slices<T: Scalar>(g: &mut Graph<'_, T>, columns: usize, x: &[T], mask: &[T]) -> Self {
        let rows = x.len() / columns;
        let x = g.constant_with([rows, columns], |out| {
            for (out, (&x, &m)) in out.iter_mut().zip(x.iter().zip(mask)) {
                *out = if m > T::ZERO { x } else { T::ZERO };
            }
        });
        Batch { rows, x, mask: g.constant([rows, columns], mask) }
    }
}

#[cfg(test)]
mod tests {
    use autodiff::Tape;
    use samplers::stream::{Purpose, stream};

    use super::super::rows::tests::{NAN, table};
    use super::*;

    #[test]
    fn a_batch_holds_the_rows_asked_for() {
        let data = table(2, &[1.0, 2.0, NAN, 4.0, 5.0, NAN]);
        let mut tape = Tape::new();
        let mut g = tape.graph(&[]);
        let batch = Batch::record(&mut g, &data, [2, 0, 1].into_iter());
        assert_eq!(batch.rows, 3);
        assert_eq!(g.value(batch.x), [5.0, 0.0, 1.0, 2.0, 0.0, 4.0]);
        assert_eq!(g.value(batch.mask), [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]);

        // From slices, what is in a missing cell does not reach the model, whatever it is.
        let same = Batch::from_slices(&mut g, 2, &[5.0, NAN, 1.0, 2.0, -9.0, 4.0], &[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(same.rows, 3);
        assert_eq!(g.value(same.x), g.value(batch.x));
        assert_eq!(g.value(same.mask), g.value(batch.mask));
    }

    /// Each epoch has every row once, and keeps its order until the next one.
    #[test]
    fn minibatches_are_the_rows_of_an_epoch() {
        let stream_of = |epoch| move || stream(2, Purpose::Shuffle, epoch, 0);
        let mut minibatches = Minibatches::new(3);
        let mut epoch_of = |epoch| {
            minibatches.shuffle(epoch, 7, stream_of(epoch));
            [0, 1, 2].map(|step| minibatches.rows(step).collect::<Vec<_>>())
        };
        let first = epoch_of(0);
        assert_eq!(first.each_ref().map(Vec::len), [3, 3, 1]);
        let mut all = first.concat();
        all.sort_unstable();
        assert_eq!(all, (0..7).collect::<Vec<_>>());
        assert_eq!(epoch_of(0), first);
        assert_ne!(epoch_of(1), first);
        assert_eq!(epoch_of(0), first);
    }

    /// Every permutation of 4 comes equally often: 24 of them in 24,000, 1,000 ± 31 times each; 5.3 standard deviations
    /// are exceeded with probability 1.2e-7 a permutation.
    #[test]
    fn shuffling_is_a_fair_permutation() {
        let mut counts = std::collections::HashMap::new();
        let mut order = vec![9; 2];
        for epoch in 0..24_000 {
            shuffled(4, &mut stream(1, Purpose::Shuffle, epoch, 0), &mut order);
            *counts.entry(order.clone()).or_insert(0i32) += 1;
        }
        assert_eq!(counts.len(), 24);
        for (order, count) in counts {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            assert!((count - 1000).abs() < 165, "{order:?}: {count}");
        }
    }
}
