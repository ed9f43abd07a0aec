//! Differentiating what was recorded.

use std::cell::Cell;
use std::ops::Range;

use linalg::Scalar;

use crate::graph::{Kind, Place, Tape, locate};
use crate::op::{Backward, Grad, Grads, Inputs, MAX_INPUTS, Reads};
use crate::profile::{Phase, Stopwatch};
use crate::{Graph, Shape, Var};

/// The gradient of the final objective with respect to one output: where [`Graph::backward`] begins.
#[derive(Clone, Copy, Debug)]
pub enum Seed<'a, T> {
    /// The same number for every element.
    Uniform(T),
    /// A number an element, in the output's shape.
    Each(&'a [T]),
}

/// Which parameters' gradients are wanted. Work that serves only the others is not done.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// All.
    All,
    /// Those that lie within one of these ranges of the flat parameter buffer.
    Within(&'a [Range<usize>]),
}

impl Wanted<'_> {
    fn includes(&self, start: usize, len: usize) -> bool {
        match self {
            Wanted::All => true,
            Wanted::Within(ranges) => ranges.iter().any(|r| r.start <= start && start + len <= r.end),
        }
    }
}

impl<T: Scalar> Graph<'_, T> {
    /// Computes the gradient of Σ seed·output over the given outputs.
    ///
    /// The gradients of the wanted parameters on the tape overwrite their places in `gradient`, which has the length
    /// of the parameter buffer; those of variables are kept for [`gradient`](Graph::gradient). Everything else in
    /// `gradient` stays as it is, so that calls with disjoint wanted sets fill one buffer from several objectives.
    ///
    /// # Panics
    /// If `gradient` or a seed has the wrong length.
    #[track_caller]
    pub fn backward(&mut self, seeds: &[(Var, Seed<'_, T>)], wanted: Wanted<'_>, gradient: &mut [T]) {
        assert_eq!(gradient.len(), self.parameters.len(), "lengths of the gradient and of the parameters");
        self.mark_needed(wanted);
        self.tape.gradients.reserve(self.tape.used);
        for (var, seed) in seeds {
            self.seed_gradient(*var, seed, gradient);
        }
        for index in (0..self.tape.nodes.len()).rev() {
            if self.tape.needed[index] && !self.tape.unwritten[index] {
                self.step(index, gradient);
            }
        }
        // A wanted leaf that nothing reached has gradient zero.
        for index in 0..self.tape.nodes.len() {
            let Tape { nodes, needed, unwritten, gradients, .. } = &mut *self.tape;
            let node = &nodes[index];
            if needed[index] && unwritten[index] && matches!(node.kind, Kind::Parameter | Kind::Variable) {
                match node.place {
                    Place::Arena(start) => gradients[start..start + node.shape.len()].fill(T::ZERO),
                    Place::Parameters(start) => gradient[start..start + node.shape.len()].fill(T::ZERO),
                }
            }
        }
    }

    /// The gradient of a variable, from the last [`backward`](Graph::backward).
    ///
    /// # Panics
    /// If the value is not a variable, or was recorded after the last backward.
    #[track_caller]
    pub fn gradient(&self, variable: Var) -> &[T] {
        let node = self.node(variable);
        assert!(matches!(node.kind, Kind::Variable), "only a variable keeps its gradient");
        assert!(variable.index() < self.tape.needed.len(), "no backward has reached this variable yet");
        let Place::Arena(start) = node.place else { unreachable!("variables are in the arena") };
        &self.tape.gradients[start..start + node.shape.len()]
    }

    /// Marks the values through which a wanted leaf is reached, and all gradients as not begun.
    fn mark_needed(&mut self, wanted: Wanted<'_>) {
        let Tape { nodes, edges, needed, unwritten, .. } = &mut *self.tape;
        needed.clear();
        unwritten.clear();
        for node in nodes.iter() {
            let is_needed = match (&node.kind, node.place) {
                (Kind::Constant, _) => false,
                (Kind::Variable, _) => true,
                (Kind::Parameter, Place::Parameters(start)) => wanted.includes(start, node.shape.len()),
                (Kind::Parameter, Place::Arena(_)) => unreachable!("parameters are not in the arena"),
                (Kind::View, _) => needed[node.owner.index()],
                (Kind::Computed(operation), _) => {
                    let op = operation.as_op();
                    let (start, count) = node.edges;
                    let inputs = edges[start..start + count].iter().enumerate();
                    node.tracked && inputs.into_iter().any(|(i, e)| op.differentiable(i) && needed[e.index()])
                }
            };
            needed.push(is_needed);
            unwritten.push(true);
        }
    }

    /// Adds a seed to the gradient of an output.
    #[track_caller]
    fn seed_gradient(&mut self, var: Var, seed: &Seed<'_, T>, gradient: &mut [T]) {
        let owner = self.node(var).owner.index();
        let Tape { nodes, needed, unwritten, gradients, .. } = &mut *self.tape;
        let shape = nodes[var.index()].shape;
        if let Seed::Each(values) = seed {
            assert_eq!(values.len(), shape.len(), "length of the seed of an output of shape {shape}");
        }
        if !needed[owner] {
            return;
        }
        let len = nodes[owner].shape.len();
        let data = match nodes[owner].place {
            Place::Arena(start) => &mut gradients[start..start + len],
            Place::Parameters(start) => &mut gradient[start..start + len],
        };
        let grad = Grad { data, unwritten: std::mem::replace(&mut unwritten[owner], false) };
        match seed {
            Seed::Uniform(x) => grad.add(|_| *x),
            Seed::Each(values) => grad.add_slice(values),
        }
    }

    /// Passes the gradient of one operation's output on to its inputs.
    fn step(&mut self, index: usize, gradient: &mut [T]) {
        let Tape { nodes, edges, values, gradients, needed, unwritten, scratch, profile, .. } = &mut *self.tape;
        let node = &nodes[index];
        let (Kind::Computed(operation), Place::Arena(start)) = (&node.kind, node.place) else { return };
        let op = operation.as_op();
        let edges = &edges[node.edges.0..node.edges.0 + node.edges.1];
        let reads = op.reads();

        let mut inputs = Inputs { values: [&[]; MAX_INPUTS], shapes: [Shape::SCALAR; MAX_INPUTS], count: edges.len() };
        let mut requested = [None; MAX_INPUTS];
        for (i, edge) in edges.iter().enumerate() {
            let source = &nodes[edge.index()];
            inputs.shapes[i] = source.shape;
            if matches!(reads, Reads::Inputs | Reads::Both) || !op.differentiable(i) {
                inputs.values[i] = locate(source, values, self.parameters);
            }
            let owner = source.owner.index();
            if op.differentiable(i) && source.tracked && needed[owner] {
                let is_unwritten = std::mem::replace(&mut unwritten[owner], false);
                requested[i] = Some((nodes[owner].place, source.shape.len(), is_unwritten));
            }
        }

        // Inputs were recorded before this node, so their gradients lie below its own.
        let (below, own) = gradients.split_at_mut(start);
        let mut slots = [const { None }; MAX_INPUTS];
        hand_out(below, &mut slots, |place| if let Place::Arena(s) = place { Some(s) } else { None }, &requested);
        hand_out(
            gradient,
            &mut slots,
            |place| if let Place::Parameters(s) = place { Some(s) } else { None },
            &requested,
        );
        let len = node.shape.len();
        let out = if matches!(reads, Reads::Output | Reads::Both) { &values[start..start + len] } else { &[] };
        let (saved_start, saved_len) = node.saved;
        let saved = &values[saved_start..saved_start + saved_len];
        let (dout, work) = own.split_at_mut(saved_start - start);
        let (dout, work) = (&mut dout[..len], &mut work[..saved_len]);
        let pending = Cell::new(requested.iter().flatten().count());
        let grads = Grads { slots, pending: &pending };
        let read = inputs.values.iter().map(|values| values.len()).sum::<usize>() + out.len() + saved_len;
        let watch = Stopwatch::start(profile, scratch);
        op.backward(Backward { inputs, out, saved, dout, grads, work, scratch });
        let written = requested.iter().flatten().map(|(_, len, _)| len).sum::<usize>();
        watch.stop(profile, scratch, (op.name(), Phase::Backward), read + len + written);
        assert_eq!(pending.get(), 0, "wanted gradients that the backward of {} did not take", op.name());
    }
}

/// Cuts the wished-for pieces out of one buffer. They are disjoint: `Graph::apply` sees to it.
fn hand_out<'a, T>(
    buffer: &'a mut [T],
    slots: &mut [Option<Grad<'a, T>>; MAX_INPUTS],
    start_in: impl Fn(Place) -> Option<usize>,
    requested: &[Option<(Place, usize, bool)>; MAX_INPUTS],
) {
    let mut rest = buffer;
    let mut cut = 0;
    loop {
        // The lowest piece not yet handed out; an empty one before that which starts at the same place.
        let next = (0..MAX_INPUTS)
            .filter(|&i| slots[i].is_none())
            .filter_map(|i| {
                requested[i].and_then(|(place, len, unwritten)| Some((start_in(place)?, len, i, unwritten)))
            })
            .min();
        let Some((start, len, i, unwritten)) = next else { return };
        let (piece, tail) = std::mem::take(&mut rest).split_at_mut(start - cut).1.split_at_mut(len);
        slots[i] = Some(Grad { data: piece, unwritten });
        rest = tail;
        cut = start + len;
    }
}
