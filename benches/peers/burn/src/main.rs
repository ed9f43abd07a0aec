//! One training step of missvae's models, written on burn: a peer of `benches/`. The step is that of `step_torch.py`:
//!
//! gather a minibatch of rows and masks -> encoder -> samples z -> decoder -> log weights -> bound
//! -> backward -> clip by global norm -> AMSGrad
//!
//! Axes: S samples (Z · I), B rows, K mixture components, L latent dimensions, D data columns.

mod clipping;
mod model;

use std::process::ExitCode;

use anyhow::{Context, Result};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Device, Distribution, Int, Tensor, TensorData};
use peer_harness::{Array, Arrays, Peer, Precision, Problem, Table};

use crate::model::Model;

const LEARNING_RATE: f64 = 1e-3;
const EPSILON: f32 = 1e-8;

fn main() -> ExitCode {
    peer_harness::main::<Burn>()
}

struct Burn;

impl Peer for Burn {
    const ENGINE: &'static str = "burn";
    const CRATE: &'static str = "burn";
    const LOCK: &'static str = include_str!("../Cargo.lock");
    const MODE: &'static str = "flex";

    fn evaluate(problem: &Problem, inputs: &Arrays, precision: Precision) -> Result<Arrays> {
        let (device, dtype) = (Device::flex(), dtype(precision));
        let model = Model::new(problem, inputs, dtype, &device)?;
        let (x, mask) = (tensor(get(inputs, "x")?, dtype, &device), tensor(get(inputs, "mask")?, dtype, &device));
        let noise = Array { shape: noise_shape(problem, &x).to_vec(), data: get(inputs, "noise")?.data.clone() };
        let bound = model.bound(problem, x, mask, tensor(&noise, dtype, &device));
        let gradients = bound.value.backward();

        let mut outputs = Arrays::from([
            ("value".to_string(), array(bound.value)?),
            ("per_row".to_string(), array(bound.per_row)?),
            ("log_weights".to_string(), array(bound.log_weights)?),
        ]);
        for (name, linear) in model.linears() {
            let missing = || format!("{name} has no gradient");
            let weight = linear.weight.grad(&gradients).with_context(missing)?;
            outputs.insert(format!("d{name}.weight"), array(weight.transpose())?);
            let bias = linear.bias.as_ref().and_then(|bias| bias.grad(&gradients)).with_context(missing)?;
            outputs.insert(format!("d{name}.bias"), array(bias)?);
        }
        Ok(outputs)
    }

    fn training(
        problem: &Problem,
        parameters: &Arrays,
        table: &Table,
        clip: f64,
    ) -> Result<impl FnMut() -> Result<f64>> {
        let (problem, device, dtype) = (*problem, Device::flex(), DType::F32);
        // Taken out during a step, so that the optimiser may write into its memory.
        let mut model = Some(Model::new(&problem, parameters, dtype, &device)?);
        let mut optimiser = AdamConfig::new().with_amsgrad(true).with_epsilon(EPSILON).init();
        let (table_x, table_mask) = (tensor::<2>(&table.x, dtype, &device), tensor::<2>(&table.mask, dtype, &device));
        let batches: Vec<Tensor<1, Int>> =
            table.batches.iter().map(|rows| Tensor::from_data(rows.as_slice(), &device)).collect();
        let mut batches = batches.into_iter().cycle();
        Ok(move || {
            let rows = batches.next().context("the table is empty")?;
            let current = model.take().context("an earlier step failed")?;
            let (x, mask) = (table_x.clone().select(0, rows.clone()), table_mask.clone().select(0, rows));
            let noise = Tensor::random(noise_shape(&problem, &x), Distribution::Normal(0.0, 1.0), &device);
            let value = current.bound(&problem, x, mask, noise).value;
            let gradients = GradientsParams::from_grads(value.clone().neg().backward(), &current);
            let gradients = clipping::clip_by_global_norm(gradients, &current, clip)?;
            model = Some(optimiser.step(LEARNING_RATE, current, gradients));
            Ok(value.try_into_scalar()?)
        })
    }
}

fn noise_shape(problem: &Problem, x: &Tensor<2>) -> [usize; 4] {
    [problem.samples(), x.dims()[0], problem.components, problem.latent]
}

fn dtype(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::F64 => DType::F64,
    }
}

fn get<'a>(arrays: &'a Arrays, name: &str) -> Result<&'a Array> {
    arrays.get(name).with_context(|| format!("there is no {name}"))
}

fn tensor<const D: usize>(array: &Array, dtype: DType, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(array.data.clone(), array.shape.clone()), (device, dtype))
}

fn array<const D: usize>(tensor: Tensor<D>) -> Result<Array> {
    let shape = tensor.dims().to_vec();
    Ok(Array { shape, data: tensor.try_into_data()?.iter().collect() })
}
