//! Recording a computation.

use linalg::Scalar;
use linalg::gemm::Scratch;

use crate::Shape;
use crate::arena::Aligned;
use crate::op::{Forward, Inputs, MAX_INPUTS, Operation};
use crate::ops::Identity;
use crate::profile::{Phase, Profile, Stopwatch};

/// A value on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Var(pub(crate) u32);

impl Var {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Name of what is brought onto the tape, in profiles.
const DATA: &str = "data and noise";

/// Where a value's elements are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// In the tape's arena, from this element on.
    Arena(usize),
    /// In the flat parameter buffer, from this element on.
    Parameters(usize),
}

/// How a value came about.
#[derive(Clone, Debug)]
pub(crate) enum Kind<T: Scalar> {
    /// Data: no gradient.
    Constant,
    /// A leaf outside the parameter buffer whose gradient is kept on the tape.
    Variable,
    /// A piece of the flat parameter buffer.
    Parameter,
    /// Another value under another shape; shares its elements and its gradient.
    View,
    /// The result of an operation.
    Computed(Operation<T>),
}

#[derive(Clone, Debug)]
pub(crate) struct Node<T: Scalar> {
    pub(crate) kind: Kind<T>,
    pub(crate) shape: Shape,
    pub(crate) place: Place,
    /// Start and length in the arena of what forward saved.
    pub(crate) saved: (usize, usize),
    /// Start and number of the inputs in the tape's list of edges.
    pub(crate) edges: (usize, usize),
    /// The value whose gradient this one's is: itself, or what it is a view of.
    pub(crate) owner: Var,
    /// Whether a parameter or variable lies upstream.
    pub(crate) tracked: bool,
}

/// Memory for recorded computations: nodes, values and gradients. It is reset, not freed, between computations: after
/// the first one of given shapes, recording and differentiating allocate nothing.
#[derive(Debug)]
pub struct Tape<T: Scalar> {
    pub(crate) nodes: Vec<Node<T>>,
    pub(crate) edges: Vec<Var>,
    pub(crate) parameters: Vec<Var>,
    pub(crate) values: Aligned<T>,
    pub(crate) used: usize,
    pub(crate) gradients: Aligned<T>,
    pub(crate) needed: Vec<bool>,
    pub(crate) unwritten: Vec<bool>,
    pub(crate) scratch: Scratch<T>,
    pub(crate) profile: Option<Profile>,
}

impl<T: Scalar> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Tape<T> {
    /// An empty tape.
    pub fn new() -> Self {
        Tape {
            nodes: Vec::new(),
            edges: Vec::new(),
            parameters: Vec::new(),
            values: Aligned::default(),
            used: 0,
            gradients: Aligned::default(),
            needed: Vec::new(),
            unwritten: Vec::new(),
            scratch: Scratch::default(),
            profile: None,
        }
    }

    /// Times every operation from now on.
    pub fn start_profile(&mut self) {
        self.profile = Some(Profile::default());
    }

    /// Ends that, and returns what was measured.
    pub fn take_profile(&mut self) -> Option<Profile> {
        self.profile.take()
    }

    /// Does `work` beside the operations, which reads or writes so many elements, under a name of its own in the profile.
    pub fn beside<R>(&mut self, name: &'static str, elements: usize, work: impl FnOnce() -> R) -> R {
        let watch = Stopwatch::start(&self.profile, &self.scratch);
        let result = work();
        watch.stop(&mut self.profile, &self.scratch, (name, Phase::Beside), elements);
        result
    }

    /// Forgets what was recorded and begins a computation on these parameters.
    pub fn graph<'t>(&'t mut self, parameters: &'t [T]) -> Graph<'t, T> {
        self.nodes.clear();
        self.edges.clear();
        self.parameters.clear();
        self.needed.clear();
        self.unwritten.clear();
        self.used = 0;
        Graph { tape: self, parameters }
    }

    /// Bytes held for values and gradients.
    pub fn bytes(&self) -> usize {
        (self.values.len() + self.gradients.len()) * size_of::<T>()
    }
}

/// A computation being recorded. Each operation is carried out when it is recorded.
#[derive(Debug)]
pub struct Graph<'t, T: Scalar> {
    pub(crate) tape: &'t mut Tape<T>,
    pub(crate) parameters: &'t [T],
}

impl<T: Scalar> Graph<'_, T> {
    /// Data that no gradient is taken of.
    #[track_caller]
    pub fn constant(&mut self, shape: impl Into<Shape>, values: &[T]) -> Var {
        self.leaf(Kind::Constant, shape.into(), values)
    }

    /// Data written in place by `fill`, which must set every element (their old content is arbitrary).
    pub fn constant_with(&mut self, shape: impl Into<Shape>, fill: impl FnOnce(&mut [T])) -> Var {
        let shape = shape.into();
        let start = self.alloc(shape.len());
        let Tape { values, profile, scratch, .. } = &mut *self.tape;
        let watch = Stopwatch::start(profile, scratch);
        fill(&mut values[start..start + shape.len()]);
        watch.stop(profile, scratch, (DATA, Phase::Beside), shape.len());
        self.push(Kind::Constant, shape, Place::Arena(start), false)
    }

    /// Data computed in place by `fill` from the value of `source`: `fill(source, out)` must set every element of `out`.
    /// No gradient passes; for draws from a distribution whose parameters are on the tape.
    pub fn constant_from(&mut self, source: Var, shape: impl Into<Shape>, fill: impl FnOnce(&[T], &mut [T])) -> Var {
        let shape = shape.into();
        let start = self.alloc(shape.len());
        let Tape { values, nodes, profile, scratch, .. } = &mut *self.tape;
        let watch = Stopwatch::start(profile, scratch);
        let (done, free) = values.split_at_mut(start);
        fill(locate(&nodes[source.index()], done, self.parameters), &mut free[..shape.len()]);
        watch.stop(profile, scratch, (DATA, Phase::Beside), shape.len());
        self.push(Kind::Constant, shape, Place::Arena(start), false)
    }

    /// A leaf whose gradient can be asked for with [`gradient`](Graph::gradient).
    #[track_caller]
    pub fn variable(&mut self, shape: impl Into<Shape>, values: &[T]) -> Var {
        self.leaf(Kind::Variable, shape.into(), values)
    }

    /// The parameters from element `start` on, as a value of this shape. Asking again for the same piece gives the
    /// same value.
    ///
    /// # Panics
    /// If it reaches beyond the buffer, or overlaps another piece without being it.
    #[track_caller]
    pub fn parameter(&mut self, start: usize, shape: impl Into<Shape>) -> Var {
        let shape = shape.into();
        let end = start + shape.len();
        assert!(end <= self.parameters.len(), "parameters {start}..{end} of {}", self.parameters.len());
        for &known in &self.tape.parameters {
            let node = &self.tape.nodes[known.index()];
            let Place::Parameters(other) = node.place else { continue };
            if other == start && node.shape == shape {
                return known;
            }
            let apart = end <= other || other + node.shape.len() <= start;
            assert!(apart, "parameters {start}..{end} overlap {other}..{}", other + node.shape.len());
        }
        let var = self.push(Kind::Parameter, shape, Place::Parameters(start), true);
        self.tape.parameters.push(var);
        var
    }

    /// Numbers of the parameter buffer from element `start` on, as data that no gradient is taken of.
    ///
    /// # Panics
    /// If they reach beyond the buffer.
    #[track_caller]
    pub fn frozen(&mut self, start: usize, shape: impl Into<Shape>) -> Var {
        let shape = shape.into();
        let end = start + shape.len();
        assert!(end <= self.parameters.len(), "parameters {start}..{end} of {}", self.parameters.len());
        self.push(Kind::Constant, shape, Place::Parameters(start), false)
    }

    /// The same value, through which no gradient passes.
    pub fn detach(&mut self, x: Var) -> Var {
        let node = self.node(x);
        let (shape, place) = (node.shape, node.place);
        self.push(Kind::Constant, shape, place, false)
    }

    /// The same elements under another shape. Costs nothing.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    pub fn reshape(&mut self, x: Var, shape: impl Into<Shape>) -> Var {
        let shape = shape.into();
        let node = self.node(x);
        let (place, owner, tracked) = (node.place, node.owner, node.tracked);
        assert_eq!(node.shape.len(), shape.len(), "reshape of {} to {shape}", node.shape);
        let view = self.push(Kind::View, shape, place, tracked);
        self.tape.nodes[view.index()].owner = owner;
        view
    }

    /// Carries out an operation and records it.
    ///
    /// # Panics
    /// If the inputs' shapes do not fit the operation.
    #[track_caller]
    pub fn apply(&mut self, operation: impl Into<Operation<T>>, inputs: &[Var]) -> Var {
        let operation = operation.into();
        let op = operation.as_op();
        let count = inputs.len();
        assert!(count <= MAX_INPUTS, "{} has {count} inputs, more than {MAX_INPUTS}", op.name());

        let mut sources = [Var(0); MAX_INPUTS];
        let mut shapes = [Shape::SCALAR; MAX_INPUTS];
        let mut tracked = false;
        for (i, &input) in inputs.iter().enumerate() {
            sources[i] = input;
            let wants = self.node(input).tracked && op.differentiable(i);
            // Two inputs with one gradient: a backward that fills both at once needs them apart.
            if wants && (0..i).any(|j| op.differentiable(j) && self.owner(sources[j]) == self.owner(input)) {
                sources[i] = self.apply(Identity, &[input]);
            }
            shapes[i] = self.node(input).shape;
            tracked |= wants;
        }

        let shape = op.out_shape(&shapes[..count]);
        let saved_len = op.saved_len(&shapes[..count]);
        let start = self.alloc(Aligned::<T>::round_up(shape.len()) + saved_len);
        let saved_start = start + Aligned::<T>::round_up(shape.len());

        let Tape { values, nodes, scratch, profile, .. } = &mut *self.tape;
        let (done, free) = values.split_at_mut(start);
        let (out, saved) = free.split_at_mut(saved_start - start);
        let mut inputs = Inputs { values: [&[]; MAX_INPUTS], shapes, count };
        for i in 0..count {
            inputs.values[i] = locate(&nodes[sources[i].index()], done, self.parameters);
        }
        let watch = Stopwatch::start(profile, scratch);
        op.forward(Forward { inputs, out: &mut out[..shape.len()], saved: &mut saved[..saved_len], scratch });
        let elements = inputs.values.iter().map(|values| values.len()).sum::<usize>() + shape.len() + saved_len;
        watch.stop(profile, scratch, (op.name(), Phase::Forward), elements);

        let edges = (self.tape.edges.len(), count);
        self.tape.edges.extend_from_slice(&sources[..count]);
        let var = self.push(Kind::Computed(operation), shape, Place::Arena(start), tracked);
        let node = &mut self.tape.nodes[var.index()];
        node.saved = (saved_start, saved_len);
        node.edges = edges;
        var
    }

    /// Replaces an input of a recorded operation by a value that may be recorded later. Forward is not repeated; the
    /// operation must not be differentiable in that input.
    ///
    /// # Panics
    /// If it is, or if the shapes differ from what the operation accepts.
    #[track_caller]
    pub(crate) fn rewire(&mut self, var: Var, input: usize, source: Var) {
        let (start, count) = self.node(var).edges;
        let Kind::Computed(operation) = &self.node(var).kind else { panic!("only an operation has inputs") };
        let op = operation.as_op();
        assert!(input < count && !op.differentiable(input), "input {input} of {} cannot be rewired", op.name());
        let mut shapes = [Shape::SCALAR; MAX_INPUTS];
        for (i, shape) in shapes[..count].iter_mut().enumerate() {
            let edge = if i == input { source } else { self.tape.edges[start + i] };
            *shape = self.node(edge).shape;
        }
        op.out_shape(&shapes[..count]);
        self.tape.edges[start + input] = source;
    }

    /// Elements of a value, row-major.
    pub fn value(&self, x: Var) -> &[T] {
        locate(self.node(x), &self.tape.values, self.parameters)
    }

    /// The only element of a value.
    ///
    /// # Panics
    /// If it has more or fewer.
    #[track_caller]
    pub fn item(&self, x: Var) -> T {
        let value = self.value(x);
        assert_eq!(value.len(), 1, "a single number was expected, not a value of shape {}", self.shape(x));
        value[0]
    }

    /// Shape of a value.
    pub fn shape(&self, x: Var) -> Shape {
        self.node(x).shape
    }

    /// What an operation's forward left for its backward.
    pub(crate) fn saved(&self, x: Var) -> &[T] {
        let (start, len) = self.node(x).saved;
        &self.tape.values[start..start + len]
    }

    pub(crate) fn node(&self, x: Var) -> &Node<T> {
        &self.tape.nodes[x.index()]
    }

    fn owner(&self, x: Var) -> Var {
        self.node(x).owner
    }

    #[track_caller]
    fn leaf(&mut self, kind: Kind<T>, shape: Shape, values: &[T]) -> Var {
        assert_eq!(shape.len(), values.len(), "{} values for the shape {shape}", values.len());
        let tracked = matches!(kind, Kind::Variable);
        let start = self.alloc(values.len());
        self.tape.values[start..start + values.len()].copy_from_slice(values);
        self.push(kind, shape, Place::Arena(start), tracked)
    }

    /// Sets `len` elements of the arena aside and returns where they start.
    fn alloc(&mut self, len: usize) -> usize {
        let start = self.tape.used;
        self.tape.used = start + Aligned::<T>::round_up(len);
        self.tape.values.reserve(self.tape.used);
        start
    }

    fn push(&mut self, kind: Kind<T>, shape: Shape, place: Place, tracked: bool) -> Var {
        let var = Var(u32::try_from(self.tape.nodes.len()).expect("fewer than 2^32 nodes"));
        self.tape.nodes.push(Node { kind, shape, place, saved: (0, 0), edges: (0, 0), owner: var, tracked });
        var
    }
}

/// Elements of a node: in the arena, or among the parameters.
pub(crate) fn locate<'a, T: Scalar>(node: &Node<T>, arena: &'a [T], parameters: &'a [T]) -> &'a [T] {
    match node.place {
        Place::Arena(start) => &arena[start..start + node.shape.len()],
        Place::Parameters(start) => &parameters[start..start + node.shape.len()],
    }
}
