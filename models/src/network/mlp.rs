//! The residual MLP (docs/methods.md §2).

use autodiff::{Graph, Var};
use linalg::Scalar;
use rand::Rng;

use super::dropout_mask;
use super::layers::Affine;
use super::parameters::Layout;

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
    /// Dropout probability of a block's inner activations.
    dropout: f64,
    input: Affine,
    /// `linear1` and `linear2` of each block.
    blocks: Vec<[Affine; 2]>,
    output: Affine,
}

impl ResidualMlp {
    /// Adds the network's tensors to a layout, their names beginning with `prefix`.
    pub fn new(layout: &mut Layout, prefix: &str, sizes: MlpSizes) -> Self {
        let MlpSizes { input, hidden, blocks, output, dropout } = sizes;
        let mut affine = |name: &str, from, to| Affine::new(layout, &format!("{prefix}{name}"), from, to);
        ResidualMlp {
            dropout,
            input: affine("input", input, hidden),
            blocks: (0..blocks)
                .map(|block| [1, 2].map(|i| affine(&format!("blocks.{block}.linear{i}"), hidden, hidden)))
                .collect(),
            output: affine("output", hidden, output),
        }
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
        let mut dropout = dropout.filter(|_| self.dropout > 0.0);
        let (weight, bias) = self.input.bind(g, layout);
        let mut h = g.linear_relu(x, weight, bias);
        for block in &self.blocks {
            let [one, two] = block.map(|affine| affine.bind(g, layout));
            let mask = dropout.as_mut().map(|rng| dropout_mask(g, g.shape(h), self.dropout, *rng));
            h = g.residual_block(h, one, two, mask);
        }
        self.output.forward(g, layout, h)
    }
}
