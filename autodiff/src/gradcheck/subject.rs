//! The function under check and what is asked of it.

use std::ops::Range;

use super::differences::derivative;
use super::{Place, Report};
use crate::{Graph, Seed, Tape, Var, Wanted};

/// A function of a flat buffer, recorded anew at each evaluation.
pub(super) struct Subject<'a> {
    build: &'a dyn Fn(&mut Graph<f64>) -> Var,
    x: &'a [f64],
    /// Whether every element of the buffer is recorded, so that what is wanted must be written.
    whole: bool,
    tape: Tape<f64>,
    value: Vec<f64>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(build: &'a dyn Fn(&mut Graph<f64>) -> Var, x: &'a [f64], whole: bool) -> Self {
        let mut subject = Subject { build, x, whole, tape: Tape::new(), value: Vec::new() };
        let mut value = Vec::new();
        subject.evaluate(x, &mut value);
        subject.value = value;
        subject
    }

    pub(super) fn output_len(&self) -> usize {
        self.value.len()
    }

    fn evaluate(&mut self, x: &[f64], out: &mut Vec<f64>) {
        let mut graph = self.tape.graph(x);
        let y = (self.build)(&mut graph);
        out.clear();
        out.extend_from_slice(graph.value(y));
    }

    /// The gradients of Σ seed·output, for each of several seeds from one recording. Each is computed twice, over
    /// zeros and over NaN.
    fn gradients<'s>(
        &mut self,
        seeds: impl IntoIterator<Item = &'s [f64]>,
        wanted: Wanted<'_>,
        report: &mut Report,
    ) -> Vec<Vec<f64>> {
        let mut graph = self.tape.graph(self.x);
        let y = (self.build)(&mut graph);
        let mut gradients = Vec::new();
        for seed in seeds {
            let mut over_zeros = vec![0.0; self.x.len()];
            let mut over_nans = vec![f64::NAN; self.x.len()];
            graph.backward(&[(y, Seed::Each(seed))], wanted, &mut over_zeros);
            graph.backward(&[(y, Seed::Each(seed))], wanted, &mut over_nans);
            // What no recorded, wanted parameter owns keeps its old content, and nothing else does.
            let owned = |i: usize| match wanted {
                Wanted::All => self.whole,
                Wanted::Within(ranges) => self.whole && ranges.iter().any(|range| range.contains(&i)),
            };
            let same = |(i, (a, b)): (usize, (&f64, &f64))| same_bits(*a, *b) || *a == 0.0 && b.is_nan() && !owned(i);
            if !over_zeros.iter().zip(&over_nans).enumerate().all(same) {
                note(report, "a second backward over other old contents gives another gradient");
            }
            gradients.push(over_zeros);
        }
        gradients
    }

    /// Repeats forward and backward, and asks for the gradient of one input at a time.
    pub(super) fn check_consistency(&mut self, ranges: &[Range<usize>], seed: u64, report: &mut Report) {
        let mut again = Vec::new();
        self.evaluate(self.x, &mut again);
        if again.len() != self.value.len() || !all_same_bits(&again, &self.value) {
            note(report, "a second run gives another output");
            return;
        }
        let u = Random::new(seed ^ 0xa0).vector(self.value.len());
        let first = self.gradients([&u[..]], Wanted::All, report).remove(0);
        let second = self.gradients([&u[..]], Wanted::All, report).remove(0);
        if !all_same_bits(&first, &second) {
            note(report, "a second run gives another gradient");
        }
        for (input, range) in ranges.iter().enumerate() {
            let alone = self.gradients([&u[..]], Wanted::Within(std::slice::from_ref(range)), report).remove(0);
            let scale = first.iter().fold(1.0, |m: f64, g| m.max(g.abs()));
            let near = |i: usize| same_bits(alone[i], first[i]) || (alone[i] - first[i]).abs() <= 1e-12 * scale;
            if !range.clone().all(near) {
                note(report, &format!("the gradient of input {input} alone differs from that among all"));
            }
            if (0..alone.len()).any(|i| !range.contains(&i) && alone[i] != 0.0) {
                note(report, &format!("asking for the gradient of input {input} alone writes elsewhere"));
            }
        }
    }

    /// Compares single derivatives of all outputs. Each of `places` is an element of the flat buffer, with the input
    /// and the element of it that this is.
    pub(super) fn check_elements(&mut self, places: impl Iterator<Item = (usize, usize, usize)>, report: &mut Report) {
        let outputs = self.value.len();
        let seeds: Vec<Vec<f64>> = (0..outputs).map(|o| (0..outputs).map(|i| f64::from(i == o)).collect()).collect();
        let rows = self.gradients(seeds.iter().map(Vec::as_slice), Wanted::All, report);
        let largest = |values: &[f64]| values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let floors: Vec<f64> =
            rows.iter().zip(&self.value).map(|(row, y)| 1e-3 * largest(row).max(y.abs()).max(1.0)).collect();
        let mut moved = self.x.to_vec();
        for (i, input, element) in places {
            let x = self.x[i];
            let numeric = derivative(x.abs().max(1.0), outputs, |s, out| {
                moved[i] = x + s;
                self.evaluate(&moved, out);
                x + s
            });
            moved[i] = x;
            for output in 0..outputs {
                let place = Place::Element { output, input, element };
                report.compare(place, rows[output][i], numeric[output], floors[output]);
            }
        }
    }

    /// Compares u·J·v for random u and v.
    pub(super) fn check_directions(&mut self, count: usize, seed: u64, report: &mut Report) {
        if self.x.is_empty() || self.value.is_empty() {
            return;
        }
        let mut random = Random::new(seed ^ 0xd0);
        for number in 0..count {
            let u = random.vector(self.value.len());
            let mut v = random.vector(self.x.len());
            v.iter_mut().zip(self.x).for_each(|(v, x)| *v *= x.abs().max(1.0));
            let gradient = self.gradients([&u[..]], Wanted::All, report).remove(0);
            let terms = || gradient.iter().zip(&v).map(|(g, v)| g * v);
            let value: f64 = u.iter().zip(&self.value).map(|(u, y)| (u * y).abs()).sum();
            let floor = 1e-3 * terms().map(f64::abs).sum::<f64>().max(value).max(1.0);
            let mut moved = self.x.to_vec();
            let mut y = Vec::new();
            let numeric = derivative(1.0, 1, |s, out| {
                moved.iter_mut().zip(self.x).zip(&v).for_each(|((m, x), v)| *m = x + s * v);
                self.evaluate(&moved, &mut y);
                out.clear();
                out.push(u.iter().zip(&y).map(|(u, y)| u * y).sum());
                s
            });
            report.compare(Place::Direction(number), terms().sum(), numeric[0], floor);
        }
    }
}

fn note(report: &mut Report, what: &str) {
    if report.inconsistencies.iter().all(|known| known != what) {
        report.inconsistencies.push(what.to_owned());
    }
}

fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn all_same_bits(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| same_bits(*a, *b))
}

/// SplitMix64: enough for directions, and the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Uniform on (−1, 1).
    fn vector(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| (self.next() >> 11) as f64 * (2.0f64).powi(-52) - 1.0).collect()
    }
}
