//! One training step of missvae's models, written on candle: a peer of `benches/`. The step is that of
//! `step_torch.py`:
//!
//! gather a minibatch of rows and masks -> encoder -> samples z -> decoder -> log weights -> bound
//! -> backward -> clip by global norm -> AMSGrad
//!
//! Axes: S samples (Z · I), B rows, K mixture components, L latent dimensions, D data columns.

mod amsgrad;

use std::f64::consts::PI;
use std::process::ExitCode;

use anyhow::{Context, Result};
use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{Linear, Module, ops};
use peer_harness::{Array, Arrays, Peer, Precision, Problem, Table};

use crate::amsgrad::AmsGrad;

const CPU: &Device = &Device::Cpu;

fn main() -> ExitCode {
    peer_harness::main::<Candle>()
}

struct Candle;

impl Peer for Candle {
    const ENGINE: &'static str = "candle";
    const CRATE: &'static str = "candle-core";
    const LOCK: &'static str = include_str!("../Cargo.lock");
    const MODE: &'static str = "gemm";

    fn evaluate(problem: &Problem, inputs: &Arrays, precision: Precision) -> Result<Arrays> {
        let dtype = match precision {
            Precision::F32 => DType::F32,
            Precision::F64 => DType::F64,
        };
        let model = Model::new(problem, inputs, dtype)?;
        let input = |name| tensor(get(inputs, name)?, dtype);
        let (x, mask) = (input("x")?, input("mask")?);
        let shape = (problem.samples(), x.dim(0)?, problem.components, problem.latent);
        let bound = model.bound(&x, &mask, &input("noise")?.reshape(shape)?)?;
        let gradients = bound.value.backward()?;

        let mut outputs = Arrays::from([
            ("value".to_string(), array(&bound.value)?),
            ("per_row".to_string(), array(&bound.per_row)?),
            ("log_weights".to_string(), array(&bound.log_weights)?),
        ]);
        for (name, parameter) in &model.parameters {
            let gradient = gradients.get(parameter).with_context(|| format!("{name} has no gradient"))?;
            outputs.insert(format!("d{name}"), array(gradient)?);
        }
        Ok(outputs)
    }

    fn training(
        problem: &Problem,
        parameters: &Arrays,
        table: &Table,
        clip: f64,
    ) -> Result<impl FnMut() -> Result<f64>> {
        let model = Model::new(problem, parameters, DType::F32)?;
        let parameters = model.parameters.iter().map(|(_, parameter)| parameter.clone()).collect();
        let mut optimiser = AmsGrad::new(parameters, clip)?;
        let (x, mask) = (tensor(&table.x, DType::F32)?, tensor(&table.mask, DType::F32)?);
        let batches =
            table.batches.iter().map(|rows| Tensor::new(rows.as_slice(), CPU)).collect::<Result<Vec<_>, _>>()?;
        let mut batches = batches.into_iter().cycle();
        Ok(move || {
            let rows = batches.next().context("the table is empty")?;
            let (x, mask) = (x.index_select(&rows, 0)?, mask.index_select(&rows, 0)?);
            let shape = (model.problem.samples(), x.dim(0)?, model.problem.components, model.problem.latent);
            let noise = Tensor::randn(0f32, 1f32, shape, CPU)?;
            let bound = model.bound(&x, &mask, &noise)?;
            let mut gradients = bound.value.neg()?.backward()?;
            optimiser.step(&mut gradients)?;
            Ok(bound.value.to_scalar::<f32>()?.into())
        })
    }
}

/// Encoder of incomplete rows and decoder, both residual MLPs with Gaussian heads.
struct Model {
    problem: Problem,
    encoder: ResidualMlp,
    decoder: ResidualMlp,
    /// By the names of the model files, behind `enc:` or `dec:`.
    parameters: Vec<(String, Var)>,
}

/// q(z|x_obs): K diagonal Gaussians a row.
struct Mixture {
    /// `[B, K, L]`
    mean: Tensor,
    /// `[B, K, L]`
    scale: Tensor,
    /// `[B, K]`, of more than one component.
    log_weight: Option<Tensor>,
}

/// The objective, and what it is a mean of.
struct Bound {
    value: Tensor,
    /// `[B]`
    per_row: Tensor,
    /// `[S, B, K]`
    log_weights: Tensor,
}

impl Model {
    fn new(problem: &Problem, arrays: &Arrays, dtype: DType) -> Result<Self> {
        let mut parameters = Vec::new();
        let mut net = |prefix| ResidualMlp::new(prefix, problem.blocks, arrays, dtype, &mut parameters);
        let (encoder, decoder) = (net("enc")?, net("dec")?);
        Ok(Self { problem: *problem, encoder, decoder, parameters })
    }

    /// The posterior mixture of each row; the network reads [x · mask, mask].
    fn encode(&self, x: &Tensor, mask: &Tensor) -> Result<Mixture> {
        let (components, latent) = (self.problem.components, self.problem.latent);
        let (shape, half) = ((x.dim(0)?, components, latent), components * latent);
        let head = self.encoder.forward(&Tensor::cat(&[&(x * mask)?, mask], 1)?)?;
        let raw = head.narrow(1, half, half)?;
        let log_weight = (components > 1)
            .then(|| ops::log_softmax(&head.narrow(1, 2 * half, components)?, D::Minus1))
            .transpose()?;
        Ok(Mixture {
            mean: head.narrow(1, 0, half)?.reshape(shape)?,
            scale: (softplus(&raw)? + self.problem.encoder_min_scale)?.reshape(shape)?,
            log_weight,
        })
    }

    /// log p(x_obs|z). z: `[S, B, K, L]` -> `[S, B, K]`.
    fn log_likelihood(&self, z: &Tensor, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (samples, rows, components, latent) = z.dims4()?;
        let columns = self.problem.columns;
        let head = self.decoder.forward(&z.reshape(((), latent))?)?;
        let shape = (samples, rows, components, columns);
        let mean = head.narrow(1, 0, columns)?.reshape(shape)?;
        let raw = head.narrow(1, columns, columns)?;
        let scale = (softplus(&raw)? + self.problem.decoder_min_scale)?.reshape(shape)?;
        let log_density = normal_log_density(&x.unsqueeze(1)?, &mean, &scale)?;
        Ok(log_density.broadcast_mul(&mask.unsqueeze(1)?)?.sum(D::Minus1)?)
    }

    /// The bound to maximise. `noise`: `[S, B, K, L]`.
    fn bound(&self, x: &Tensor, mask: &Tensor, noise: &Tensor) -> Result<Bound> {
        let q = self.encode(x, mask)?;
        let z = noise.broadcast_mul(&q.scale)?.broadcast_add(&q.mean)?;
        let log_prior = (z.sqr()? * -0.5)?.affine(1.0, -half_log_2pi())?.sum(D::Minus1)?;
        let log_posterior =
            if self.problem.sticking_the_landing { q.detach().log_density(&z) } else { q.log_density(&z) }?;
        let log_weights = ((self.log_likelihood(&z, x, mask)? + log_prior)? - log_posterior)?;

        let (rows, components) = (x.dim(0)?, self.problem.components);
        let per_sample = if self.problem.importance {
            let joint = match &q.log_weight {
                Some(log_weight) => log_weights.broadcast_add(log_weight)?,
                None => log_weights.clone(),
            };
            let (outer, inner) = (self.problem.monte_carlo_samples, self.problem.importance_samples);
            let joint = joint.reshape((outer, inner, rows, components))?;
            (joint.log_sum_exp((1, 3))? - (inner as f64).ln())?
        } else {
            match &q.log_weight {
                Some(log_weight) => log_weights.broadcast_mul(&log_weight.exp()?)?.sum(D::Minus1)?,
                None => log_weights.squeeze(D::Minus1)?,
            }
        };
        let per_row = per_sample.mean(0)?;
        Ok(Bound { value: per_row.mean(0)?, per_row, log_weights })
    }
}

impl Mixture {
    fn detach(&self) -> Self {
        Self {
            mean: self.mean.detach(),
            scale: self.scale.detach(),
            log_weight: self.log_weight.as_ref().map(Tensor::detach),
        }
    }

    /// log q(z) of the whole mixture. z: `[S, B, K, L]` -> `[S, B, K]`.
    fn log_density(&self, z: &Tensor) -> Result<Tensor> {
        let Some(log_weight) = &self.log_weight else {
            return Ok(normal_log_density(z, &self.mean, &self.scale)?.sum(D::Minus1)?);
        };
        // z's own component axis stands before the density's.
        let (mean, scale) = (self.mean.unsqueeze(1)?, self.scale.unsqueeze(1)?);
        let by_component = normal_log_density(&z.unsqueeze(3)?, &mean, &scale)?.sum(D::Minus1)?;
        Ok(by_component.broadcast_add(&log_weight.unsqueeze(1)?)?.log_sum_exp(D::Minus1)?)
    }
}

/// relu(input) -> residual blocks -> output.
struct ResidualMlp {
    input: Linear,
    blocks: Vec<[Linear; 2]>,
    output: Linear,
}

impl ResidualMlp {
    /// A network of the arrays behind the prefix; appends its variables to `parameters`.
    fn new(
        prefix: &str,
        blocks: usize,
        arrays: &Arrays,
        dtype: DType,
        parameters: &mut Vec<(String, Var)>,
    ) -> Result<Self> {
        let mut linear = |layer: &str| -> Result<Linear> {
            let mut variable = |kind| -> Result<Tensor> {
                let name = format!("{prefix}:{layer}.{kind}");
                let variable = Var::from_tensor(&tensor(get(arrays, &name)?, dtype)?)?;
                parameters.push((name, variable.clone()));
                Ok(variable.into_inner())
            };
            Ok(Linear::new(variable("weight")?, Some(variable("bias")?)))
        };
        Ok(Self {
            input: linear("input")?,
            blocks: (0..blocks)
                .map(|i| Ok([linear(&format!("blocks.{i}.linear1"))?, linear(&format!("blocks.{i}.linear2"))?]))
                .collect::<Result<_>>()?,
            output: linear("output")?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut h = self.input.forward(x)?.relu()?;
        for [linear1, linear2] in &self.blocks {
            h = (&h + linear2.forward(&linear1.forward(&h)?.relu()?)?)?.relu()?;
        }
        Ok(self.output.forward(&h)?)
    }
}

/// log(1 + exp(x)), which overflows for no x.
fn softplus(x: &Tensor) -> Result<Tensor> {
    Ok((x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?)
}

/// Element-wise log N(value; mean, scale).
fn normal_log_density(value: &Tensor, mean: &Tensor, scale: &Tensor) -> Result<Tensor> {
    let standardised = value.broadcast_sub(mean)?.broadcast_div(scale)?;
    let quadratic = standardised.sqr()?.affine(-0.5, -half_log_2pi())?;
    Ok(quadratic.broadcast_sub(&scale.log()?)?)
}

fn half_log_2pi() -> f64 {
    0.5 * (2.0 * PI).ln()
}

fn get<'a>(arrays: &'a Arrays, name: &str) -> Result<&'a Array> {
    arrays.get(name).with_context(|| format!("there is no {name}"))
}

fn tensor(array: &Array, dtype: DType) -> Result<Tensor> {
    Ok(Tensor::from_slice(&array.data, array.shape.as_slice(), CPU)?.to_dtype(dtype)?)
}

fn array(tensor: &Tensor) -> Result<Array> {
    let data = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
    Ok(Array { shape: tensor.dims().to_vec(), data })
}
