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
    /// Whether a linear function of the input is added to the output.
    pub linear: bool,
}

/// A residual MLP: h = relu(input(x)); each block h = relu(h + linear2(dropout(relu(linear1(h))))); out = output(h),
/// and linear(x) more if there is a linear path.
#[derive(Clone, Debug)]
pub struct ResidualMlp {
    /// Dropout probability of a block's inner activations.
    dropout: f64,
    /// The linear path, if there is one.
    linear: Option<Affine>,
    input: Affine,
    /// `linear1` and `linear2` of each block.
    blocks: Vec<[Affine; 2]>,
    output: Affine,
}

impl ResidualMlp {
    /// Adds the network's tensors to a layout, their names beginning with `prefix`.
    pub fn new(layout: &mut Layout, prefix: &str, sizes: MlpSizes) -> Self {
        let MlpSizes { input, hidden, blocks, output, dropout, linear } = sizes;
        let mut affine = |name: &str, from, to| Affine::new(layout, &format!("{prefix}{name}"), from, to);
        ResidualMlp {
            dropout,
            input: affine("input", input, hidden),
            blocks: (0..blocks)
                .map(|block| [1, 2].map(|i| affine(&format!("blocks.{block}.linear{i}"), hidden, hidden)))
                .collect(),
            output: affine("output", hidden, output),
            linear: linear.then(|| affine("linear", input, output)),
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
        let out = self.output.forward(g, layout, h);
        match self.linear {
            None => out,
            Some(linear) => {
                let straight = linear.forward(g, layout, x);
                g.add(out, straight)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use autodiff::{Aligned, Tape};
    use samplers::stream::{Purpose, Stream, stream};

    use super::*;

    const SIZES: MlpSizes = MlpSizes { input: 2, hidden: 3, blocks: 1, output: 2, dropout: 0.0, linear: true };

    /// What the linear path adds is a linear function of the input: the output without it, and W·x + b.
    #[test]
    fn the_linear_path() {
        let [mut with, mut without] = [Layout::default(), Layout::default()];
        let network = ResidualMlp::new(&mut with, "", SIZES);
        let plain = ResidualMlp::new(&mut without, "", MlpSizes { linear: false, ..SIZES });
        let names: Vec<&str> = with.tensors().iter().map(|tensor| &tensor.name[..]).collect();
        assert_eq!(names[names.len() - 2..], ["linear.weight", "linear.bias"]);
        let parameters: Aligned<f64> = with.initialise(&mut stream(1, Purpose::Initialise, 0, 0));
        let x = [0.5, -2.0];
        let evaluate = |network: &ResidualMlp, layout: &Layout, parameters: &[f64]| {
            let mut tape = Tape::new();
            let mut g = tape.graph(parameters);
            let x = g.constant([1, 2], &x);
            let out = network.forward(&mut g, layout, x, None::<&mut Stream>);
            g.value(out).to_vec()
        };
        let found = evaluate(&network, &with, &parameters);
        let [weight, bias] = [2, 1].map(|last| &parameters[with.tensors()[names.len() - last].start..]);
        let plain = evaluate(&plain, &without, &parameters[..without.len()]);
        for i in 0..2 {
            let expected = plain[i] + weight[2 * i] * x[0] + weight[2 * i + 1] * x[1] + bias[i];
            assert!((found[i] - expected).abs() < 1e-14, "{} for {expected}", found[i]);
        }
    }
}
