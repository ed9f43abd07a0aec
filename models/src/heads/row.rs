//! A row of contiguous blocks of columns, one head each.

use std::any::Any;
use std::sync::Arc;

use autodiff::{Graph, MAX_INPUTS, Var};
use linalg::Scalar;
use samplers::likelihood::{RowLikelihood, Summary};
use samplers::stream::Stream;

use super::head::{Head, Points, PointsMut, Unit};

/// Adjacent columns of one head.
#[derive(Clone, Debug)]
pub struct Block {
    columns: usize,
    single: Arc<dyn Head<f32>>,
    double: Arc<dyn Head<f64>>,
}

impl Block {
    /// So many columns of a head.
    pub fn new<H: Head<f32> + Head<f64> + 'static>(head: H, columns: usize) -> Self {
        let head = Arc::new(head);
        Block { columns, single: head.clone(), double: head }
    }

    /// Its columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The unit that suits a column's observed values; none if they determine no model.
    pub fn unit(&self, values: &[f64]) -> Option<Unit> {
        self.double.unit(values)
    }

    /// Whether a column may hold this value, in the data's units or a model's.
    pub fn allows(&self, value: f64) -> bool {
        self.double.allows(value)
    }

    /// The values that a column may hold, in words.
    pub fn values(&self) -> &'static str {
        self.double.values()
    }

    /// The head that works on numbers of type `T`.
    pub fn head<T: Scalar>(&self) -> &dyn Head<T> {
        let heads: [&dyn Any; 2] = [&self.single, &self.double];
        let head = heads.iter().find_map(|head| head.downcast_ref::<Arc<dyn Head<T>>>());
        &**head.expect("a scalar is f32 or f64")
    }
}

/// Where a block is in a row.
#[derive(Clone, Debug)]
struct Placed {
    block: Block,
    /// Before it in a row: columns, outputs, numbers.
    column: usize,
    output: usize,
    number: usize,
}

impl Placed {
    fn columns(&self) -> std::ops::Range<usize> {
        self.column..self.column + self.block.columns
    }
}

/// The columns of a row: blocks one after the other, in the data, in the encoder's input, in the decoder's output and in a
/// decoded point alike.
#[derive(Clone, Debug)]
pub struct Row {
    blocks: Vec<Placed>,
    columns: usize,
    features: usize,
    outputs: usize,
    numbers: usize,
}

impl Row {
    /// A row of these blocks.
    pub fn new(blocks: impl IntoIterator<Item = Block>) -> Self {
        let mut row = Row { blocks: Vec::new(), columns: 0, features: 0, outputs: 0, numbers: 0 };
        for block in blocks {
            let (columns, head) = (block.columns, block.head::<f64>());
            let widths = [head.features(), head.outputs(), head.numbers()].map(|each| columns * each);
            let Row { columns: column, outputs: output, numbers: number, .. } = row;
            row.blocks.push(Placed { block, column, output, number });
            row.columns += columns;
            row.features += widths[0];
            row.outputs += widths[1];
            row.numbers += widths[2];
        }
        row
    }

    /// D, data columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Inputs of the encoder, the mask's aside.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Outputs of the decoder's network.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Numbers of a decoded point.
    pub fn numbers(&self) -> usize {
        self.numbers
    }

    /// Whether every real number is a value of every column.
    pub fn is_real(&self) -> bool {
        self.blocks.iter().all(|placed| placed.block.head::<f64>().is_real())
    }

    /// The blocks, in the order of the columns.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = &Block> {
        self.blocks.iter().map(|placed| &placed.block)
    }

    /// The encoder's inputs for *x* (B × D) → B × features.
    pub fn encode<T: Scalar>(&self, g: &mut Graph<'_, T>, x: Var) -> Var {
        if let [only] = &self.blocks[..] {
            return only.block.head().encode(g, x);
        }
        let features = self.blocks.iter().map(|placed| {
            let x = g.slice(x, 1, placed.columns());
            placed.block.head().encode(g, x)
        });
        let mut features: Vec<Var> = features.collect();
        // An operation has a few inputs: the features are put together in turns.
        while features.len() > 1 {
            features = features.chunks(MAX_INPUTS).map(|some| g.concat(some, 1)).collect();
        }
        features[0]
    }

    /// log p(x|z) of each decoded point over the observed columns, in nats: the sum over the blocks.
    ///
    /// *x*, *mask*: B × D, constants; *raw*: … × outputs, with `inner` consecutive points of one row.
    #[track_caller]
    pub fn log_density<T: Scalar>(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, raw: Var, inner: usize) -> Var {
        if let [only] = &self.blocks[..] {
            return only.block.head().log_density(g, x, mask, raw, inner);
        }
        let axis = g.shape(raw).rank() - 1;
        let mut total = None;
        for placed in &self.blocks {
            let head = placed.block.head();
            let (x, mask) = (g.slice(x, 1, placed.columns()), g.slice(mask, 1, placed.columns()));
            let outputs = placed.output..placed.output + placed.block.columns * head.outputs();
            let raw = g.slice(raw, axis, outputs);
            let density = head.log_density(g, x, mask, raw, inner);
            total = Some(total.map_or(density, |total| g.add(total, density)));
        }
        total.expect("a row has a block")
    }

    /// What the outputs of the decoder's network mean: *raw* (N × outputs) to *decoded* (N × numbers).
    pub fn decode<T: Scalar>(&self, raw: &[T], decoded: &mut [T]) {
        for placed in &self.blocks {
            let (columns, head) = (placed.block.columns, placed.block.head());
            let raw = Points::new(raw, self.outputs, placed.output, columns * head.outputs());
            head.decode(raw, PointsMut::new(decoded, self.numbers, placed.number, columns * head.numbers()));
        }
    }

    /// Each block with its head and its numbers of decoded points.
    fn decoded<'a, T: Scalar>(
        &'a self,
        decoded: &'a [T],
    ) -> impl Iterator<Item = (&'a Placed, &'a dyn Head<T>, Points<'a, T>)> {
        self.blocks.iter().map(move |placed| {
            let head = placed.block.head::<T>();
            let len = placed.block.columns * head.numbers();
            (placed, head, Points::new(decoded, self.numbers, placed.number, len))
        })
    }
}

impl<T: Scalar> RowLikelihood<T> for Row {
    fn columns(&self) -> usize {
        self.columns
    }

    fn width(&self) -> usize {
        self.numbers
    }

    fn log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: &[T], out: &mut [T]) {
        out.fill(T::ZERO);
        for (placed, head, points) in self.decoded(decoded) {
            let at = placed.columns();
            head.add_log_densities(&x[at.clone()], mask.map(|mask| &mask[at]), points, out);
        }
    }

    fn tabulate(&self, decoded: &[T], table: &mut Vec<T>) {
        table.clear();
        for (_, head, points) in self.decoded(decoded) {
            head.tabulate(points, table);
        }
    }

    fn add_tabulated(&self, x: &[T], mask: &[T], table: &[T], out: &mut [T]) {
        let mut rest = table;
        for placed in &self.blocks {
            let (at, head) = (placed.columns(), placed.block.head::<T>());
            let (own, after) = rest.split_at(out.len() * placed.block.columns * head.tabulated());
            head.add_tabulated(&x[at.clone()], &mask[at], own, out);
            rest = after;
        }
    }

    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize {
        let draw = |placed: &Placed| {
            let (at, head) = (placed.columns(), placed.block.head::<T>());
            let decoded = &decoded[placed.number..][..placed.block.columns * head.numbers()];
            head.draw_missing(rng, &mask[at.clone()], decoded, &mut x[at])
        };
        self.blocks.iter().map(draw).sum()
    }

    fn summarise(&self, what: Summary, mask: &[T], weights: &[f64], decoded: &[T], x: &mut [T]) -> usize {
        let mut replaced = 0;
        for (placed, head, points) in self.decoded(decoded) {
            let at = placed.columns();
            replaced += head.summarise(what, &mask[at.clone()], weights, points, &mut x[at]);
        }
        replaced
    }
}
