//! The convolutional networks.

use autodiff::{Aligned, Graph, Seed, Tape, Var, Wanted};
use linalg::Scalar;
use missvae::network::{
    BLOCKS_PER_STAGE, DecoderSizes, EncoderSizes, Layout, ResnetDecoder, ResnetEncoder, RunningStatistics,
};
use samplers::stream::{Purpose, Stream, stream};
use serde_json::Value;

use super::network::{add_gradients, fill};
use super::{Computed, Fixture, Tensor};

/// The encoder on images and their mask, and its gradients.
pub(super) fn encoder<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let [height, width] = image_size(fixture)?;
    let sizes =
        EncoderSizes { channels: 2, widths: sizes(fixture, "widths")?, output: fixture.size("out")?, dropout: 0.0 };
    let mut layout = Layout::default();
    let network = ResnetEncoder::new(&mut layout, "", sizes);
    let (_, mask) = fixture.values::<T>("mask")?;
    run::<T>(fixture, &layout, |g, x, dropout| {
        let rows = g.shape(x).rows();
        let mask = g.constant([rows, height * width], &mask);
        let observed = g.mul(x, mask);
        let [observed, mask] = [observed, mask].map(|x| g.reshape(x, [rows, height, width, 1]));
        let images = g.concat(&[observed, mask], 3);
        network.forward(g, &layout, images, dropout)
    })
}

/// The decoder and its gradients.
pub(super) fn decoder<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let [latent, seed, first] = ["latent", "seed_resolution", "first_resize_to"].map(|name| fixture.size(name));
    let sizes = DecoderSizes {
        latent: latent?,
        widths: sizes(fixture, "widths")?,
        seed: seed?,
        first: first?,
        resize_after: parse(fixture, "resize_after_stage")?,
        dropout: 0.0,
    };
    if image_size(fixture)? != [sizes.output(); 2] {
        return Err(format!("the decoder makes images of {0} × {0} pixels", sizes.output()));
    }
    let mut layout = Layout::default();
    let network = ResnetDecoder::new(&mut layout, "", sizes);
    run::<T>(fixture, &layout, |g, z, dropout| network.forward(g, &layout, z, dropout))
}

/// The network's output, its gradients, and the running statistics after a pass in training mode.
fn run<T: Scalar>(
    fixture: &Fixture,
    layout: &Layout,
    forward: impl Fn(&mut Graph<'_, T>, Var, Option<&mut Stream>) -> Var,
) -> Result<Computed, String> {
    let constants = fixture.params.get("batch_norm");
    let expected = [("eps", 1e-5), ("momentum", 0.1)];
    if expected.iter().any(|(name, value)| constants.and_then(|all| all.get(name)?.as_f64()) != Some(*value)) {
        return Err(format!("batch_norm is {constants:?}, the networks have {expected:?}"));
    }
    if fixture.size("blocks_per_stage")? != BLOCKS_PER_STAGE {
        return Err(format!("the networks have {BLOCKS_PER_STAGE} blocks a stage"));
    }
    let training: bool = parse(fixture, "training")?;
    let mut parameters = Aligned::<T>::zeros(layout.len());
    fill(fixture, layout, "", "w:", &mut parameters)?;

    let mut tape = Tape::new();
    let mut g = tape.graph(&parameters);
    let x = fixture.variable(&mut g, "x")?;
    // Nothing is drawn: the dropout probability is zero.
    let mut dropout = stream(0, Purpose::Dropout, 0, 0);
    let y = forward(&mut g, x, training.then_some(&mut dropout));
    let mut gradient = vec![T::ZERO; layout.len()];
    g.backward(&[(y, Seed::Each(&fixture.values("dy")?.1))], Wanted::All, &mut gradient);
    let mut computed = Computed::default();
    computed.add_value(&g, "y", y);
    computed.add_gradient(&g, "dx", x);
    add_gradients(layout, "", "dw:", &gradient, &mut computed);

    let mut statistics = RunningStatistics::default();
    statistics.observe(&g, layout);
    statistics.update(&mut parameters);
    for tensor in layout.tensors().iter().filter(|tensor| !tensor.trainable) {
        computed.add(format!("after:{}", tensor.name), Tensor::new(tensor.shape, &parameters[tensor.range()]));
    }
    Ok(computed)
}

/// Height and width of the fixture's images, which have one channel.
fn image_size(fixture: &Fixture) -> Result<[usize; 2], String> {
    match sizes(fixture, "image")?[..] {
        [1, height, width] => Ok([height, width]),
        ref other => Err(format!("images of {other:?} are no images of one channel")),
    }
}

fn sizes(fixture: &Fixture, name: &str) -> Result<Vec<usize>, String> {
    parse(fixture, name)
}

/// A parameter of any type.
fn parse<P: serde::de::DeserializeOwned>(fixture: &Fixture, name: &str) -> Result<P, String> {
    let value = fixture.params.get(name).cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|error| format!("{name} among the parameters: {error}"))
}
