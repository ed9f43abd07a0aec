//! Clipping by the norm of all gradients together; burn's own clips each parameter's by itself.

use anyhow::{Context, Result};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Scales all gradients down to the norm, if theirs is larger.
pub(crate) fn clip_by_global_norm<M: Module>(
    mut gradients: GradientsParams,
    module: &M,
    norm: f64,
) -> Result<GradientsParams> {
    let mut squares = SumOfSquares { gradients: &gradients, sum: None };
    module.visit(&mut squares);
    let squares: f64 = squares.sum.context("there is no gradient")?.try_into_scalar()?;
    let factor = norm / (squares.sqrt() + 1e-6);
    if factor < 1.0 {
        module.visit(&mut Scale { gradients: &mut gradients, factor });
    }
    Ok(gradients)
}

struct SumOfSquares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let squares = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + squares,
                None => squares,
            });
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}
