//! The residual MLP and the optimiser.

use autodiff::{Aligned, Seed, Shape, Tape, Wanted};
use linalg::Scalar;
use linalg::reduce::sum_of_squares;
use missvae::network::{Layout, MlpSizes, ResidualMlp};
use missvae::trainer::{AmsGrad, Schedule, clip_factor};
use samplers::stream::Stream;

use super::{Computed, Fixture, Tensor};

/// The network in evaluation mode and its gradients.
pub(super) fn residual_mlp<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let [input, output, hidden, blocks] = ["in", "out", "hidden", "blocks"].map(|name| fixture.size(name));
    let sizes =
        MlpSizes { input: input?, hidden: hidden?, blocks: blocks?, output: output?, dropout: 0.0, linear: false };
    let mut layout = Layout::default();
    let network = ResidualMlp::new(&mut layout, "", sizes);
    let mut parameters = Aligned::<T>::zeros(layout.len());
    fill(fixture, &layout, "", "w:", &mut parameters)?;

    let mut tape = Tape::new();
    let mut g = tape.graph(&parameters);
    let x = fixture.variable(&mut g, "x")?;
    let y = network.forward(&mut g, &layout, x, None::<&mut Stream>);
    let mut gradient = vec![T::ZERO; layout.len()];
    g.backward(&[(y, Seed::Each(&fixture.values("dy")?.1))], Wanted::All, &mut gradient);
    let mut computed = Computed::default();
    computed.add_value(&g, "y", y);
    computed.add_gradient(&g, "dx", x);
    add_gradients(&layout, "", "dw:", &gradient, &mut computed);
    Ok(computed)
}

/// Copies the inputs whose names are `key` and a tensor's name (after `prefix`) into the flat buffer.
pub(super) fn fill<T: Scalar>(
    fixture: &Fixture,
    layout: &Layout,
    prefix: &str,
    key: &str,
    parameters: &mut [T],
) -> Result<(), String> {
    for tensor in layout.tensors() {
        let Some(name) = tensor.name.strip_prefix(prefix) else { continue };
        let (shape, values) = fixture.values(&format!("{key}{name}"))?;
        if shape != tensor.shape {
            return Err(format!("{key}{name} has the shape {shape}, the network needs {}", tensor.shape));
        }
        parameters[tensor.range()].copy_from_slice(&values);
    }
    Ok(())
}

/// Adds the gradients of the tensors whose names begin with `prefix` as outputs whose names begin with `key`.
pub(super) fn add_gradients<T: Scalar>(
    layout: &Layout,
    prefix: &str,
    key: &str,
    gradient: &[T],
    computed: &mut Computed,
) {
    for tensor in layout.tensors() {
        if let Some(name) = tensor.name.strip_prefix(prefix) {
            computed.add(format!("{key}{name}"), Tensor::new(tensor.shape, &gradient[tensor.range()]));
        }
    }
}

/// The parameters after each update; as in training, the gradient is clipped and the learning rate scheduled first.
pub(super) fn amsgrad<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    for (name, value) in [("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8)] {
        if fixture.number(name)? != value {
            return Err(format!("{name} is {}, the optimiser's is {value}", fixture.number(name)?));
        }
    }
    let learning_rate = fixture.number("lr")?;
    let limit = Some(fixture.number("clip_norm")?).filter(|limit| *limit > 0.0);
    let total = fixture.number("cosine_steps")? as u64;
    let schedule = if total > 0 { Schedule::Cosine } else { Schedule::Constant };

    let (shape, mut parameters) = fixture.values::<T>("p0")?;
    let (steps, gradients) = fixture.values::<T>("gradients")?;
    if steps.without_last() != Shape::from([steps.rows()]) || steps.last() != shape.len() {
        return Err(format!("gradients of shape {steps} for parameters of shape {shape}"));
    }
    let mut optimiser = AmsGrad::new(parameters.len());
    let mut trajectory = Vec::new();
    for (t, gradient) in (0..).zip(gradients.chunks_exact(shape.len())) {
        let factor = clip_factor(sum_of_squares(gradient).sqrt(), limit);
        optimiser.step(&mut parameters, gradient, factor, schedule.rate(learning_rate, t, total));
        trajectory.extend_from_slice(&parameters);
    }
    let mut computed = Computed::default();
    computed.add("trajectory", Tensor::new(steps, &trajectory));
    Ok(computed)
}
