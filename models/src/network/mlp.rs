//! The residual MLP (METHODS §2).

use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::Rng;

use super::dropout_mask;
use crate::parameters::Layout;

/// Sizes of a residual MLP.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MlpSizes {
    /// Input columns.
    pub input: usize,
    /// Width of the hidden layers.
    pub hidden: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Output columns.
    pub output: usize,
    /// Probability with which a block's inner activation is dropped in training.
    pub dropout: f64,
}

/// A residual MLP: h = relu(input(x)); each block h = relu(h + linear2(dropout(relu(linear1(h))))); out = output(h).
#[derive(Clone, Debug)]
pub struct ResidualMlp {
    sizes: MlpSizes,
    /// First tensor of this network in the layout; the others follow in the order of [`ResidualMlp::new`].
    first: usize,
}

/// A network's parameters as values of a graph.
#[derive(Clone, Copy, Debug)]
struct Affine {
    weight: Var,
    bias: Var,
}

impl ResidualMlp {
    /// Adds the network's tensors to a layout, their names beginning with `prefix`.
    pub fn new(layout: &mut Layout, prefix: &str, sizes: MlpSizes) -> Self {
        let MlpSizes { input, hidden, blocks, output, .. } = sizes;
        let mut affine = |name: &str, from: usize, to: usize| {
            let weight = layout.add(format!("{prefix}{name}.weight"), [to, from], from);
            layout.add(format!("{prefix}{name}.bias"), [to], from);
            weight
        };
        let first = affine("input", input, hidden);
        for block in 0..blocks {
            affine(&format!("blocks.{block}.linear1"), hidden, hidden);
            affine(&format!("blocks.{block}.linear2"), hidden, hidden);
        }
        affine("output", hidden, output);
        ResidualMlp { sizes, first }
    }

    /// Evaluates the network: x (… × input) → … × output.
    ///
    /// With a `dropout` generator the network is in training mode: each block's inner activations are dropped with the
    /// network's probability p, and the others scaled by 1/(1−p).
    #[track_caller]
    pub fn forward<T: Scalar>(
        &self,
        g: &mut Graph<'_, T>,
        layout: &Layout,
        x: Var,
        dropout: Option<&mut impl Rng>,
    ) -> Var {
        let mut next = self.first;
        let mut affine = |g: &mut Graph<'_, T>| {
            let [weight, bias] = [next, next + 1].map(|i| layout.tensors()[i].bind(g));
            next += 2;
            Affine { weight, bias }
        };
        let mut dropout = dropout.filter(|_| self.sizes.dropout > 0.0);
        let input = affine(g);
        let mut h = g.linear_relu(x, input.weight, input.bias);
        for _ in 0..self.sizes.blocks {
            let [one, two] = [affine(g), affine(g)];
            let mask = dropout.as_mut().map(|rng| dropout_mask(g, g.shape(h), self.sizes.dropout, *rng));
            h = g.residual_block(h, (one.weight, one.bias), (two.weight, two.bias), mask);
        }
        let output = affine(g);
        g.linear(h, output.weight, output.bias)
    }
}
