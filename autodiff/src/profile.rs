//! What the time of a computation goes to.

use std::time::{Duration, Instant};

use linalg::Scalar;
use linalg::gemm::Scratch;

/// Which part of a computation an [`Entry`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// An operation is carried out.
    Forward,
    /// Its gradient is passed on.
    Backward,
    /// Work beside the operations: data that are brought onto the tape, and what the tape's owner reports.
    Beside,
}

/// The work of one kind of operation in one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The operation's name.
    pub name: &'static str,
    /// In which phase.
    pub phase: Phase,
    /// How often it was carried out.
    pub calls: u64,
    /// Time that it took in all.
    pub time: Duration,
    /// Floating-point operations of its matrix products.
    pub operations: u64,
    /// Bytes of the values and gradients that it read and wrote, each counted once a call.
    pub bytes: u64,
}

/// Times operations, kind by kind, in the order in which they were first met.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    entries: Vec<Entry>,
}

impl Profile {
    /// What was measured.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn add(&mut self, new: Entry) {
        match self.entries.iter_mut().find(|old| (old.name, old.phase) == (new.name, new.phase)) {
            Some(old) => {
                old.calls += new.calls;
                old.time += new.time;
                old.operations += new.operations;
                old.bytes += new.bytes;
            }
            None => self.entries.push(new),
        }
    }
}

/// A stopwatch that runs if there is a profile to write to.
pub(crate) struct Stopwatch(Option<(Instant, u64)>);

impl Stopwatch {
    pub(crate) fn start<T: Scalar>(profile: &Option<Profile>, scratch: &Scratch<T>) -> Self {
        Stopwatch(profile.as_ref().map(|_| (Instant::now(), scratch.operations())))
    }

    /// Enters the time and the products since the start, and `elements` that were read or written.
    pub(crate) fn stop<T: Scalar>(
        self,
        profile: &mut Option<Profile>,
        scratch: &Scratch<T>,
        (name, phase): (&'static str, Phase),
        elements: usize,
    ) {
        if let (Stopwatch(Some((start, before))), Some(profile)) = (self, profile) {
            let (time, operations) = (start.elapsed(), scratch.operations() - before);
            let bytes = (elements * size_of::<T>()) as u64;
            profile.add(Entry { name, phase, calls: 1, time, operations, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Seed, Tape, Wanted};

    /// One linear layer and its gradient: three products, each of 2·rows·inputs·outputs operations.
    #[test]
    fn a_layer_is_counted_forward_and_backward() {
        let (rows, inputs, outputs) = (3, 4, 5);
        let parameters = vec![0.5f64; outputs * inputs + outputs];
        let mut gradient = vec![0.0; parameters.len()];
        let mut tape = Tape::new();
        tape.start_profile();
        for _ in 0..2 {
            let mut g = tape.graph(&parameters);
            let x = g.variable([rows, inputs], &[1.0; 12]);
            let weight = g.parameter(0, [outputs, inputs]);
            let bias = g.parameter(outputs * inputs, [outputs]);
            let y = g.linear(x, weight, bias);
            g.backward(&[(y, Seed::Uniform(1.0))], Wanted::All, &mut gradient);
        }
        let profile = tape.take_profile().expect("it was started");
        let find = |phase| *profile.entries().iter().find(|e| (e.name, e.phase) == ("linear", phase)).unwrap();
        let (forward, backward) = (find(Phase::Forward), find(Phase::Backward));
        let product = (2 * rows * inputs * outputs) as u64;
        assert_eq!((forward.calls, forward.operations), (2, 2 * product));
        assert_eq!((backward.calls, backward.operations), (2, 2 * 2 * product));
        // x, weight, bias and y; then these, their gradients.
        assert_eq!(forward.bytes, 2 * 8 * (12 + 20 + 5 + 15));
        assert_eq!(backward.bytes, 2 * 8 * (12 + 20 + 5 + 15 + 12 + 20 + 5));
        assert!(tape.take_profile().is_none(), "it is taken away");
    }
}
