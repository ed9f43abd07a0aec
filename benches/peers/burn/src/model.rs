//! The networks and the objective.

use std::f64::consts::PI;

use anyhow::{Result, ensure};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::{log_softmax, relu, softplus};
use burn::tensor::{DType, Device, Tensor};
use peer_harness::{Array, Arrays, Problem};

use crate::{get, tensor};

/// Encoder of incomplete rows and decoder, both residual MLPs with Gaussian heads.
#[derive(Module, Debug)]
pub(crate) struct Model {
    encoder: ResidualMlp,
    decoder: ResidualMlp,
}

/// relu(input) -> residual blocks -> output.
#[derive(Module, Debug)]
struct ResidualMlp {
    input: Linear,
    blocks: Vec<ResidualBlock>,
    output: Linear,
}

#[derive(Module, Debug)]
struct ResidualBlock {
    linear1: Linear,
    linear2: Linear,
}

/// q(z|x_obs): K diagonal Gaussians a row.
#[derive(Clone)]
struct Mixture {
    /// `[1, B, K, L]`
    mean: Tensor<4>,
    /// `[1, B, K, L]`
    scale: Tensor<4>,
    /// `[1, B, K]`, of more than one component.
    log_weight: Option<Tensor<3>>,
}

/// The objective, and what it is a mean of.
pub(crate) struct Bound {
    /// One number.
    pub(crate) value: Tensor<1>,
    /// `[B]`
    pub(crate) per_row: Tensor<1>,
    /// `[S, B, K]`
    pub(crate) log_weights: Tensor<3>,
}

impl Model {
    /// The networks of the arrays behind `enc:` and `dec:`.
    pub(crate) fn new(problem: &Problem, arrays: &Arrays, dtype: DType, device: &Device) -> Result<Self> {
        let net = |prefix: &str| -> Result<ResidualMlp> {
            let layer = |name: &str| linear(&format!("{prefix}:{name}"), arrays, dtype, device);
            let block = |i: usize| -> Result<ResidualBlock> {
                let linear1 = layer(&format!("blocks.{i}.linear1"))?;
                Ok(ResidualBlock { linear1, linear2: layer(&format!("blocks.{i}.linear2"))? })
            };
            let blocks = (0..problem.blocks).map(block).collect::<Result<_>>()?;
            Ok(ResidualMlp { input: layer("input")?, blocks, output: layer("output")? })
        };
        Ok(Self { encoder: net("enc")?, decoder: net("dec")? })
    }

    /// Every layer, by its name in the model files, behind `enc:` or `dec:`.
    pub(crate) fn linears(&self) -> Vec<(String, &Linear)> {
        let mut linears = Vec::new();
        for (prefix, net) in [("enc", &self.encoder), ("dec", &self.decoder)] {
            linears.push((format!("{prefix}:input"), &net.input));
            for (i, block) in net.blocks.iter().enumerate() {
                linears.push((format!("{prefix}:blocks.{i}.linear1"), &block.linear1));
                linears.push((format!("{prefix}:blocks.{i}.linear2"), &block.linear2));
            }
            linears.push((format!("{prefix}:output"), &net.output));
        }
        linears
    }

    /// The posterior mixture of each row; the network reads [x · mask, mask].
    fn encode(&self, problem: &Problem, x: Tensor<2>, mask: Tensor<2>) -> Mixture {
        let (components, latent) = (problem.components, problem.latent);
        let (shape, half) = ([1, x.dims()[0], components, latent], components * latent);
        let head = self.encoder.forward(Tensor::cat(vec![x * mask.clone(), mask], 1));
        let raw = head.clone().narrow(1, half, half);
        let log_weight =
            (components > 1).then(|| log_softmax(head.clone().narrow(1, 2 * half, components), 1).unsqueeze_dim(0));
        Mixture {
            mean: head.narrow(1, 0, half).reshape(shape),
            scale: softplus(raw, 1.0).add_scalar(problem.encoder_min_scale).reshape(shape),
            log_weight,
        }
    }

    /// log p(x_obs|z). z: `[S, B, K, L]` -> `[S, B, K]`.
    fn log_likelihood(&self, problem: &Problem, z: Tensor<4>, x: Tensor<2>, mask: Tensor<2>) -> Tensor<3> {
        let ([samples, rows, components, latent], columns) = (z.dims(), problem.columns);
        let head = self.decoder.forward(z.reshape([samples * rows * components, latent]));
        let shape = [samples, rows, components, columns];
        let raw = head.clone().narrow(1, columns, columns);
        let mean = head.narrow(1, 0, columns).reshape(shape);
        let scale = softplus(raw, 1.0).add_scalar(problem.decoder_min_scale).reshape(shape);
        let cells = |table: Tensor<2>| table.reshape([1, rows, 1, columns]);
        (normal_log_density(cells(x), mean, scale) * cells(mask)).sum_dim(3).squeeze_dim(3)
    }

    /// The bound to maximise. `noise`: `[S, B, K, L]`.
    pub(crate) fn bound(&self, problem: &Problem, x: Tensor<2>, mask: Tensor<2>, noise: Tensor<4>) -> Bound {
        let (rows, components) = (x.dims()[0], problem.components);
        let q = self.encode(problem, x.clone(), mask.clone());
        let z = noise * q.scale.clone() + q.mean.clone();
        let log_prior: Tensor<3> =
            z.clone().square().mul_scalar(-0.5).sub_scalar(half_log_2pi()).sum_dim(3).squeeze_dim(3);
        let density = if problem.sticking_the_landing { q.clone().without_autodiff() } else { q.clone() };
        let log_posterior = density.log_density(z.clone());
        let log_weights = self.log_likelihood(problem, z, x, mask) + log_prior - log_posterior;

        let per_sample: Tensor<2> = if problem.importance {
            let joint = match q.log_weight {
                Some(log_weight) => log_weights.clone() + log_weight,
                None => log_weights.clone(),
            };
            let (outer, inner) = (problem.monte_carlo_samples, problem.importance_samples);
            let joint = joint.reshape([outer, inner, rows, components]);
            log_sum_exp(joint, &[1, 3]).sub_scalar((inner as f64).ln()).reshape([outer, rows])
        } else {
            match q.log_weight {
                Some(log_weight) => (log_weights.clone() * log_weight.exp()).sum_dim(2).squeeze_dim(2),
                None => log_weights.clone().squeeze_dim(2),
            }
        };
        let per_row: Tensor<1> = per_sample.mean_dim(0).squeeze_dim(0);
        Bound { value: per_row.clone().mean(), per_row, log_weights }
    }
}

impl ResidualMlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let h = relu(self.input.forward(x));
        let h = self.blocks.iter().fold(h, |h, block| {
            let change = block.linear2.forward(relu(block.linear1.forward(h.clone())));
            relu(h + change)
        });
        self.output.forward(h)
    }
}

impl Mixture {
    fn without_autodiff(self) -> Self {
        Self {
            mean: self.mean.without_autodiff(),
            scale: self.scale.without_autodiff(),
            log_weight: self.log_weight.map(Tensor::without_autodiff),
        }
    }

    /// log q(z) of the whole mixture. z: `[S, B, K, L]` -> `[S, B, K]`.
    fn log_density(self, z: Tensor<4>) -> Tensor<3> {
        let Some(log_weight) = self.log_weight else {
            return normal_log_density(z, self.mean, self.scale).sum_dim(3).squeeze_dim(3);
        };
        // z's own component axis stands before the density's.
        let (mean, scale) = (self.mean.unsqueeze_dim::<5>(2), self.scale.unsqueeze_dim::<5>(2));
        let by_component: Tensor<4> = normal_log_density(z.unsqueeze_dim(3), mean, scale).sum_dim(4).squeeze_dim(4);
        log_sum_exp(by_component + log_weight.unsqueeze_dim(2), &[3]).squeeze_dim(3)
    }
}

/// The layer of the named arrays. burn keeps the transpose of the weights in the model files.
fn linear(name: &str, arrays: &Arrays, dtype: DType, device: &Device) -> Result<Linear> {
    let weight = get(arrays, &format!("{name}.weight"))?;
    let &[outputs, inputs] = weight.shape.as_slice() else {
        anyhow::bail!("{name}.weight is no matrix");
    };
    ensure!(weight.data.len() == outputs * inputs, "{name}.weight does not fill its shape");
    let transposed = (0..inputs * outputs).map(|i| weight.data[i % outputs * inputs + i / outputs]).collect();
    let weight = Array { shape: vec![inputs, outputs], data: transposed };
    let bias = tensor(get(arrays, &format!("{name}.bias"))?, dtype, device);
    let parameter = |tensor: Tensor<2>| Param::from_tensor(tensor.autodiff());
    Ok(Linear { weight: parameter(tensor(&weight, dtype, device)), bias: Some(Param::from_tensor(bias.autodiff())) })
}

/// Element-wise log N(value; mean, scale).
fn normal_log_density<const D: usize>(value: Tensor<D>, mean: Tensor<D>, scale: Tensor<D>) -> Tensor<D> {
    let standardised = (value - mean) / scale.clone();
    standardised.square().mul_scalar(-0.5).sub_scalar(half_log_2pi()) - scale.log()
}

/// The logarithm of the sum of exponentials over some dimensions, which are kept.
fn log_sum_exp<const D: usize>(x: Tensor<D>, dims: &[usize]) -> Tensor<D> {
    let max = x.clone().without_autodiff().max_dims(dims);
    (x - max.clone()).exp().sum_dims(dims).log() + max
}

fn half_log_2pi() -> f64 {
    0.5 * (2.0 * PI).ln()
}
