//! The objectives on completed rows, and the weights of the samplers.

use autodiff::ops::Mixture;
use autodiff::{Aligned, Shape, Tape};
use linalg::Scalar;
use linalg::reduce::log_sum_exp;
use missvae::impute::FittedModel;
use missvae::network::{EncoderInput, Vae, VaeConfig};
use missvae::objective::{
    CompletedBatch, CompletedBound, CompletedObjectiveConfig, Estimator, Mode, Randomness, record_completed,
};
use samplers::chains::metropolis::log_acceptance;
use samplers::chains::resampling::effective_sample_size;
use samplers::chains::{Decoded, Proposals, Weights};
use samplers::model::LatentModel;

use super::network::{add_gradients, fill};
use super::{Computed, Fixture, Tensor};

/// The model that a fixture describes: its encoder sees completed rows alone.
fn model<T: Scalar>(fixture: &Fixture) -> Result<(Vae, Aligned<T>), String> {
    let (blocks, min_scale) = (fixture.size("blocks")?, fixture.number("min_scale")?);
    let vae = Vae::new(VaeConfig {
        encoder_input: EncoderInput::Completed,
        hidden: fixture.size("hidden")?,
        encoder_blocks: blocks,
        decoder_blocks: blocks,
        encoder_min_scale: min_scale,
        decoder_min_scale: min_scale,
        ..VaeConfig::new(fixture.size("data")?, fixture.size("latent")?)
    });
    let mut parameters = Aligned::zeros(vae.layout().len());
    fill(fixture, vae.layout(), "encoder.", "enc:", &mut parameters)?;
    fill(fixture, vae.layout(), "decoder.", "dec:", &mut parameters)?;
    Ok((vae, parameters))
}

/// Both bounds, and the gradient of each with respect to all weights.
///
/// Fails too if the two objectives on one forward pass do not give the decoder's gradient of one and the encoder's of the
/// other, bit for bit.
pub(super) fn demiss<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let (vae, parameters) = model::<T>(fixture)?;
    let ((_, mask), (_, completed)) = (fixture.values("mask")?, fixture.values("completed")?);
    let (shape, noise) = fixture.values("noise")?;
    let imputations = fixture.size("imputations")?;
    let mut computed = Computed::default();
    let mut gradients = |decoder, encoder| {
        let samples = shape.dims().first().copied().unwrap_or(1);
        let config = CompletedObjectiveConfig { decoder, encoder, imputations, samples, estimator: Estimator::Stl };
        let mut tape = Tape::new();
        let mut g = tape.graph(&parameters);
        let batch = CompletedBatch::record(&mut g, vae.config().columns, imputations, &completed, &mask);
        let recorded = record_completed(&mut g, &vae, &config, batch, Randomness::Noise(&noise), Mode::Evaluate);
        computed.add_value(&g, "cvi", recorded.value(CompletedBound::Cvi));
        computed.add_value(&g, "mvb", recorded.value(CompletedBound::Lmvb));
        let mut gradient = vec![T::ZERO; parameters.len()];
        recorded.backward(&mut g, &vae, &config, T::ONE, &mut gradient);
        gradient
    };
    let cvi = gradients(CompletedBound::Cvi, CompletedBound::Cvi);
    let mvb = gradients(CompletedBound::Lmvb, CompletedBound::Lmvb);
    let both = gradients(CompletedBound::Cvi, CompletedBound::Lmvb);
    let (encoder, decoder) = (vae.encoder_range(), vae.decoder_range());
    if both[encoder.clone()] != mvb[encoder] || both[decoder.clone()] != cvi[decoder] {
        return Err("gradients differ when both objectives share a pass".to_owned());
    }
    for (gradient, name) in [(cvi, "cvi"), (mvb, "mvb")] {
        add_gradients(vae.layout(), "encoder.", &format!("denc_{name}:"), &gradient, &mut computed);
        add_gradients(vae.layout(), "decoder.", &format!("ddec_{name}:"), &gradient, &mut computed);
    }
    Ok(computed)
}

/// Turns noise into latent points, the k-th of the k-th Gaussian: z = mean + scale·noise. Points beyond the last Gaussian
/// stay as they are.
fn place<T: Scalar>(mixture: Mixture, params: &[T], noise: &mut [T]) {
    for (z, params) in noise.chunks_exact_mut(mixture.latent).zip(params.chunks_exact(mixture.params_len())) {
        let (means, scales, _) = mixture.split(params);
        z.iter_mut().zip(means).zip(scales).for_each(|((z, &mean), &scale)| *z = mean + scale * *z);
    }
}

/// Some latent points decoded.
fn decode<T: Scalar>(model: &FittedModel<T>, z: &[T]) -> Vec<T> {
    let mut gaussians = vec![T::ZERO; z.len() / model.vae.config().latent * model.vae.row().numbers()];
    model.decode(&mut Tape::new(), z, &mut gaussians);
    gaussians
}

/// LAIR's log weights of one iteration, one sample of each proposal.
pub(super) fn lair_weights<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let (vae, parameters) = model::<T>(fixture)?;
    let (mixture, columns) = (vae.mixture(), vae.config().columns);
    let (imputations, replenish) = (fixture.size("imputations")?, fixture.size("replenish")?);
    let ((shape, mask), (_, completed)) = (fixture.values::<T>("mask")?, fixture.values::<T>("completed")?);
    let (_, noise) = fixture.values::<T>("noise")?;
    let model = FittedModel::new(vae, parameters);
    let proposals = imputations + replenish;
    let [mut log_weights, mut normalised, mut sizes] = [(); 3].map(|()| Vec::new());
    for (n, mask) in mask.chunks_exact(columns).enumerate() {
        let versions = &completed[n * imputations * columns..][..imputations * columns];
        let mut params = vec![T::ZERO; imputations * mixture.params_len()];
        model.encode_completed(&mut Tape::new(), versions, &mask.repeat(imputations), &mut params);
        let mut z = noise[n * proposals * mixture.latent..][..proposals * mixture.latent].to_vec();
        place(mixture, &params, &mut z);
        let gaussians = decode(&model, &z);
        let mut scratch = vec![T::ZERO; Proposals::<T>::scratch_len(mixture, imputations)];
        let mut weights = vec![T::ZERO; proposals];
        let samples = Decoded { z: &z, decoded: &gaussians };
        let row = Proposals::new(mixture, &params, replenish, &mut scratch);
        let data = (model.likelihood(), &versions[..columns], mask);
        row.log_weights(Weights::Dmis, data, 1, samples, &mut weights);
        let total = log_sum_exp(&weights);
        log_weights.extend_from_slice(&weights);
        weights.iter_mut().for_each(|weight| *weight -= total);
        sizes.push(T::from_f64(effective_sample_size(&weights)));
        normalised.extend(weights);
    }
    let rows = shape.rows();
    let mut computed = Computed::default();
    computed.add("log_weights", Tensor::new(Shape::from([rows, proposals]), &log_weights));
    computed.add("normalised_log_weights", Tensor::new(Shape::from([rows, proposals]), &normalised));
    computed.add("ess", Tensor::new(Shape::from([rows]), &sizes));
    Ok(computed)
}

/// The log ratio that a Metropolis-within-Gibbs step accepts by, before it is clipped.
pub(super) fn mwg_log_accept<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let (vae, parameters) = model::<T>(fixture)?;
    let (mixture, columns) = (vae.mixture(), vae.config().columns);
    let ((shape, completed), (_, old)) = (fixture.values::<T>("completed")?, fixture.values::<T>("z_old")?);
    let (_, mut new) = fixture.values::<T>("noise")?;
    let model = FittedModel::new(vae, parameters);
    let rows = shape.rows();
    let mut params = vec![T::ZERO; rows * mixture.params_len()];
    model.encode_completed(&mut Tape::new(), &completed, &vec![T::ONE; completed.len()], &mut params);
    place(mixture, &params, &mut new);
    let (at_old, at_new) = (decode(&model, &old), decode(&model, &new));
    let (latent, width) = (mixture.latent, mixture.params_len());
    let log_accept: Vec<T> = (0..rows)
        .map(|n| {
            let (points, decoded) = (n * latent..(n + 1) * latent, n * 2 * columns..(n + 1) * 2 * columns);
            let current = Decoded { z: &old[points.clone()], decoded: &at_old[decoded.clone()] };
            let proposal = Decoded { z: &new[points], decoded: &at_new[decoded] };
            let x = &completed[n * columns..][..columns];
            log_acceptance(model.likelihood(), x, mixture, &params[n * width..][..width], current, proposal)
        })
        .collect();
    let mut computed = Computed::default();
    computed.add("log_accept", Tensor::new(Shape::from([rows]), &log_accept));
    Ok(computed)
}
