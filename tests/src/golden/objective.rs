//! Bounds, whole objectives, the marginal likelihood by integration, and the Fréchet distance.

use autodiff::ops::Pathwise;
use autodiff::{Aligned, Seed, Shape, Tape, Wanted};
use linalg::Scalar;
use missvae::data::{Batch, Data};
use missvae::evaluate::{Grid, frechet_distance, grid_log_likelihood};
use missvae::impute::FittedModel;
use missvae::network::{Vae, VaeConfig};
use missvae::objective::{Bound, Estimator, LogitGradient, Method, Mode, ObjectiveConfig, Randomness, record};
use samplers::stream::Stream;

use super::network::{add_gradients, fill};
use super::{Computed, Fixture, Tensor};

/// A bound of given log weights and its gradients.
pub(super) fn bound<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let bound = match fixture.word("bound")? {
        "elbo" => Bound::Elbo,
        "selbo" => Bound::Selbo,
        "iwelbo" => Bound::Iwelbo,
        "siwelbo" => Bound::Siwelbo,
        "siwelbo_loose" => Bound::SiwelboLoose,
        other => return Err(format!("unknown bound {other:?}")),
    };
    let mut tape = Tape::<T>::new();
    let mut g = tape.graph(&[]);
    let log_weights = fixture.variable(&mut g, "log_weights")?;
    // The bounds without importance samples may come without the axis.
    let shape = g.shape(log_weights);
    let full = match (bound.stratified(), shape.dims()) {
        (false, &[z, b]) => Shape::from([z, 1, b]),
        (true, &[z, b, k]) => Shape::from([z, 1, b, k]),
        _ => shape,
    };
    let with_all_axes = g.reshape(log_weights, full);
    let logits = if bound.stratified() { Some(fixture.variable(&mut g, "logits")?) } else { None };
    let log_pi = logits.map(|logits| g.log_softmax(logits));
    let value = missvae::objective::bound(&mut g, bound, with_all_axes, log_pi);
    // Weights are exponentials of these.
    let log_weights_data = &fixture.input("log_weights")?.data;
    let exponent = log_weights_data.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    let mut computed = Computed { exponent, ..Computed::default() };
    computed.add_value(&g, "value", value);
    g.backward(&[(value, Seed::Each(&fixture.values("upstream")?.1))], Wanted::All, &mut []);
    computed.add_gradient(&g, "dlog_weights", log_weights);
    if let Some(logits) = logits {
        computed.add_gradient(&g, "dlogits", logits);
    }
    Ok(computed)
}

/// What a fixture's parameters say about the objective.
fn objective_config(fixture: &Fixture) -> Result<ObjectiveConfig, String> {
    let unknown = |name: &str, word: &str| format!("unknown {name} {word:?}");
    let method = fixture.word("method")?;
    let bound = Method::named(method).and_then(Method::bound).ok_or_else(|| unknown("method", method))?;
    let estimator = match fixture.word("estimator")? {
        "plain" => Estimator::Plain,
        "stl" => Estimator::Stl,
        "dreg" => Estimator::Dreg,
        other => return Err(unknown("estimator", other)),
    };
    let pathwise = match fixture.word("pathwise")? {
        "implicit" => Pathwise::Implicit,
        "responsibility" => Pathwise::Responsibility,
        other => return Err(unknown("pathwise", other)),
    };
    let logit_gradient = match fixture.word("logit_gradient")? {
        "implicit" => LogitGradient::Implicit,
        "leave-one-out" => LogitGradient::LeaveOneOut,
        other => return Err(unknown("logit_gradient", other)),
    };
    let (components, samples, importance_samples) =
        (fixture.size("components")?, fixture.size("Z")?, fixture.size("I")?);
    let config =
        ObjectiveConfig { bound, components, samples, importance_samples, estimator, pathwise, logit_gradient };
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

/// A size that may be given for each network, or once for both.
fn size_of(fixture: &Fixture, own: &str, shared: &str) -> Result<usize, String> {
    fixture.size(own).or_else(|_| fixture.size(shared))
}

/// One minibatch: the objective, its log weights, and the gradients of all weights.
pub(super) fn objective<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let config = objective_config(fixture)?;
    let vae = Vae::new(VaeConfig {
        components: config.components,
        hidden: fixture.size("hidden")?,
        encoder_blocks: size_of(fixture, "encoder_blocks", "blocks")?,
        decoder_blocks: size_of(fixture, "decoder_blocks", "blocks")?,
        encoder_min_scale: fixture.number("encoder_min_scale")?,
        decoder_min_scale: fixture.number("decoder_min_scale")?,
        ..VaeConfig::new(fixture.size("data")?, fixture.size("latent")?)
    });
    let mut parameters = Aligned::<T>::zeros(vae.layout().len());
    fill(fixture, vae.layout(), "encoder.", "enc:", &mut parameters)?;
    fill(fixture, vae.layout(), "decoder.", "dec:", &mut parameters)?;

    let ((_, x), (_, mask)) = (fixture.values::<T>("x")?, fixture.values::<T>("mask")?);
    let mut tape = Tape::new();
    let mut g = tape.graph(&parameters);
    let batch = Batch::from_slices(&mut g, vae.config().columns, &x, &mask);
    let is_noise = fixture.inputs.contains_key("noise");
    let (shape, mut numbers) = fixture.values::<T>(if is_noise { "noise" } else { "z" })?;
    let drawn = match (config.ancestral(), is_noise) {
        (true, true) => return Err("ancestral samples need an input \"z\"".to_owned()),
        (true, false) => Randomness::Samples(&numbers),
        (false, true) => Randomness::Noise(&numbers),
        (false, false) => {
            noise_of(&vae, &parameters, &x, &mask, &mut numbers);
            Randomness::Noise(&numbers)
        }
    };
    let recorded = record(&mut g, &vae, &config, batch, drawn, Mode::Evaluate);
    let mut gradient = vec![T::ZERO; parameters.len()];
    recorded.backward(&mut g, T::ONE, Wanted::All, &mut gradient);

    let mut computed = Computed::default();
    computed.add_value(&g, "value", recorded.value);
    computed.add_value(&g, "per_row", recorded.per_row);
    // One component may come without its axis, as in the noise.
    let full = g.shape(recorded.log_weights);
    let without_component = config.components == 1 && shape.rank() == 4 && full.rank() == 4;
    let shape = if without_component { full.without_last() } else { full };
    computed.add("log_weights", Tensor::new(shape, g.value(recorded.log_weights)));
    add_gradients(vae.layout(), "encoder.", "denc:", &gradient, &mut computed);
    add_gradients(vae.layout(), "decoder.", "ddec:", &gradient, &mut computed);
    Ok(computed)
}

/// Turns samples into the noise that they are made from: of a single Gaussian, or of every component in turn.
fn noise_of<T: Scalar>(vae: &Vae, parameters: &[T], x: &[T], mask: &[T], z: &mut [T]) {
    let mut tape = Tape::new();
    let mut g = tape.graph(parameters);
    let batch = Batch::from_slices(&mut g, vae.config().columns, x, mask);
    let encoded = vae.encode(&mut g, batch.x, batch.mask, None::<&mut Stream>);
    let (mixture, encoded) = (vae.mixture(), g.value(encoded));
    let rows = encoded.chunks_exact(mixture.params_len()).cycle();
    for (z, row) in z.chunks_exact_mut(mixture.moments()).zip(rows) {
        let (means, scales, _) = mixture.split(row);
        z.iter_mut().zip(means).zip(scales).for_each(|((z, mean), scale)| *z = (*z - *mean) / *scale);
    }
}

/// The grid's cells a side, on [−10, 10]^L: that of the fixtures' own integration.
const CELLS: usize = 2000;

/// log p of the observed part and of the complete rows, by integration.
pub(super) fn numerical_marginal<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let (latent, columns) = (fixture.size("latent")?, fixture.size("data")?);
    let min_scale = fixture.number("min_scale")?;
    let blocks = size_of(fixture, "decoder_blocks", "blocks")?;
    let vae = Vae::new(VaeConfig {
        hidden: fixture.size("hidden")?,
        encoder_blocks: 0,
        decoder_blocks: blocks,
        encoder_min_scale: min_scale,
        decoder_min_scale: min_scale,
        ..VaeConfig::new(columns, latent)
    });
    let mut parameters = Aligned::<T>::zeros(vae.layout().len());
    fill(fixture, vae.layout(), "decoder.", "dec:", &mut parameters)?;
    let (shape, x) = fixture.values::<T>("x")?;
    let mask = fixture.input("mask")?;

    // Both at once: the decoder is evaluated once for all rows.
    let mut observed: Vec<bool> = mask.data.iter().map(|m| *m > 0.0).collect();
    observed.extend(vec![true; x.len()]);
    let data = Data::new(columns, x.repeat(2), observed);
    let grid = Grid { half_width: 10.0, cells: CELLS };
    let log_p = grid_log_likelihood(&FittedModel::new(vae, parameters), &data, grid);
    let (observed, complete) = log_p.split_at(shape.rows());
    let mut computed = Computed::default();
    computed.add("log_p_observed", Tensor::new(Shape::from([shape.rows()]), observed));
    computed.add("log_p_complete", Tensor::new(Shape::from([shape.rows()]), complete));
    Ok(computed)
}

/// The distance between two sets of vectors.
pub(super) fn frechet<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let ((shape, a), (_, b)) = (fixture.values::<T>("a")?, fixture.values::<T>("b")?);
    let distance = frechet_distance(&a, &b, shape.last()).map_err(|error| error.to_string())?;
    let mut computed = Computed::default();
    computed.add("frechet", Tensor::new(Shape::new(&[]), &[T::from_f64(distance)]));
    Ok(computed)
}

#[cfg(test)]
mod tests {
    use samplers::stream::{Purpose, stream};

    use super::*;
    use crate::values::{distance, numbers, zeros_and_ones};

    #[test]
    fn samples_of_one_gaussian_give_their_noise_back() {
        let vae = Vae::new(VaeConfig {
            hidden: 5,
            encoder_blocks: 1,
            decoder_blocks: 0,
            decoder_min_scale: 0.0,
            ..VaeConfig::new(3, 2)
        });
        let parameters: Aligned<f64> = vae.layout().initialise(&mut stream(1, Purpose::Initialise, 0, 0));
        let (x, mask, noise) = (numbers(6, 1), zeros_and_ones([2, 3], 2).1, numbers(3 * 2 * 2, 3));
        let mut tape = Tape::new();
        let mut g = tape.graph(&parameters);
        let batch = Batch::from_slices(&mut g, 3, &x, &mask);
        let params = vae.encode(&mut g, batch.x, batch.mask, None::<&mut Stream>);
        let drawn = g.constant([3, 2, 2], &noise);
        let z = g.stratified_sample(params, drawn, vae.mixture());
        let mut z = g.value(z).to_vec();
        assert!(distance(&z, &noise) > 0.1);
        noise_of(&vae, &parameters, &x, &mask, &mut z);
        assert!(distance(&z, &noise) < 1e-14);
    }
}
