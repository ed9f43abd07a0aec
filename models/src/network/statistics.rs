//! Running statistics of batch normalisation.

use std::ops::Range;

use autodiff::Graph;
use linalg::Scalar;

use super::parameters::Layout;

/// Weight of a batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// Statistics of the batches of a pass in training mode. They wait until the update is made: an update that fails
/// leaves the running statistics as they were.
#[derive(Clone, Debug, Default)]
pub struct RunningStatistics<T> {
    /// Where the running means and variances are in the flat buffer, one after the other.
    places: Vec<Range<usize>>,
    /// The batch's statistics, in the same order.
    values: Vec<T>,
}

impl<T: Scalar> RunningStatistics<T> {
    /// Takes the means and unbiased variances of every batch normalisation in training mode that `g` has recorded, in
    /// that order. They replace those of an earlier pass. A batch normalisation of a single value a channel has no
    /// variance, so its running statistics stay as they are.
    pub fn observe(&mut self, g: &Graph<'_, T>, layout: &Layout) {
        self.places.clear();
        self.values.clear();
        for (scale, statistics) in g.batch_norms() {
            // Scale, shift, running mean and running variance follow each other.
            let first = layout.tensors().partition_point(|tensor| tensor.start < scale);
            for (tensor, values) in layout.tensors()[first + 2..].iter().zip(statistics) {
                self.places.push(tensor.range());
                self.values.extend_from_slice(values);
            }
        }
    }

    /// running ← (1 − 0.1)·running + 0.1·batch, in the flat buffer.
    ///
    /// # Panics
    /// If the buffer is not that of the layout.
    pub fn update(&self, parameters: &mut [T]) {
        let (kept, share) = (T::from_f64(1.0 - MOMENTUM), T::from_f64(MOMENTUM));
        let mut values = &self.values[..];
        for place in &self.places {
            let (batch, rest) = values.split_at(place.len());
            for (running, batch) in parameters[place.clone()].iter_mut().zip(batch) {
                *running = kept * *running + share * *batch;
            }
            values = rest;
        }
    }
}
