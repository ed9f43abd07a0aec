//! AMSGrad, which candle-nn does not have.

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

const LEARNING_RATE: f64 = 1e-3;
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// AMSGrad as PyTorch has it, of gradients clipped by their global norm.
pub(crate) struct AmsGrad {
    parameters: Vec<State>,
    clip: f64,
    updates: i32,
}

struct State {
    parameter: Var,
    first_moment: Tensor,
    second_moment: Tensor,
    largest_second_moment: Tensor,
}

impl AmsGrad {
    pub(crate) fn new(parameters: Vec<Var>, clip: f64) -> Result<Self> {
        let state = |parameter: Var| -> Result<State> {
            let zeros = parameter.zeros_like()?;
            Ok(State {
                parameter,
                first_moment: zeros.clone(),
                second_moment: zeros.clone(),
                largest_second_moment: zeros,
            })
        };
        Ok(Self { parameters: parameters.into_iter().map(state).collect::<Result<_>>()?, clip, updates: 0 })
    }

    /// One update; takes the parameters' gradients out of the store.
    pub(crate) fn step(&mut self, gradients: &mut GradStore) -> Result<()> {
        let gradients = self
            .parameters
            .iter()
            .map(|state| gradients.remove(&state.parameter).context("a parameter has no gradient"))
            .collect::<Result<Vec<_>>>()?;
        let mut squares = 0.0;
        for gradient in &gradients {
            squares += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
        let factor = (self.clip / (squares.sqrt() + 1e-6)).min(1.0);

        self.updates += 1;
        let step_size = LEARNING_RATE / (1.0 - BETA1.powi(self.updates));
        let correction = (1.0 - BETA2.powi(self.updates)).sqrt();
        for (state, gradient) in self.parameters.iter_mut().zip(&gradients) {
            let first = (&state.first_moment * BETA1)? + (gradient * (factor * (1.0 - BETA1)))?;
            let second = (&state.second_moment * BETA2)? + (gradient.sqr()? * (factor * factor * (1.0 - BETA2)))?;
            (state.first_moment, state.second_moment) = (first?, second?);
            state.largest_second_moment = state.largest_second_moment.maximum(&state.second_moment)?;
            let denominator = state.largest_second_moment.sqrt()?.affine(1.0 / correction, EPSILON)?;
            let change = ((&state.first_moment / denominator)? * step_size)?;
            state.parameter.set(&(state.parameter.as_tensor() - change)?)?;
        }
        Ok(())
    }
}
