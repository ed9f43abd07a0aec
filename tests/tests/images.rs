//! Image models: running statistics, minibatches without a variance, where imputations start, and the same bits on any number of threads.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use autodiff::Tape;
use missvae::Error;
use missvae::data::{Batch, Data, shuffled};
use missvae::evaluate::{RefitConfig, iwelbo, refit_encoder};
use missvae::impute::FittedModel;
use missvae::network::{EncoderInput, ImageSizes, Tensor, Vae, VaeConfig};
use missvae::objective::{
    Bound, CompletedBound, CompletedObjectiveConfig, Estimator, Mode, ObjectiveConfig, Randomness, record,
};
use missvae::snr::{Moments, Signals};
use missvae::trainer::{ImputationTraining, Length, Objective, Schedule, Start, TrainConfig, Trainer};
use samplers::chains::{ChainConfig, Sampler};
use samplers::draw::fill_standard_normal;
use samplers::stream::{Purpose, stream};

const SIZE: usize = 9;

/// Stops nothing.
fn on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn vae() -> Vae {
    Vae::new(VaeConfig {
        images: Some(ImageSizes { size: SIZE, encoder_widths: vec![5, 7, 9], decoder_widths: vec![8, 6, 4] }),
        components: 2,
        hidden: 0,
        encoder_blocks: 0,
        decoder_blocks: 0,
        dropout: 0.3,
        ..VaeConfig::new(SIZE * SIZE, 3)
    })
}

/// Pixels of −1 and +1 whose share of white ones differs from image to image; two quadrants hidden.
fn images(count: usize) -> Data<f32> {
    let pixels = SIZE * SIZE;
    let mut numbers = vec![0.0f32; count * (1 + pixels)];
    fill_standard_normal(&mut stream(4, Purpose::Generate, 0, 0), &mut numbers);
    let (brightness, grain) = numbers.split_at(count);
    let white = |(i, x): (usize, &f32)| if *x < brightness[i / pixels] { 1.0 } else { -1.0 };
    let values = grain.iter().enumerate().map(white).collect();
    let mut data = Data::new(SIZE * SIZE, values, vec![true; count * pixels]);
    data.hide_quadrants(SIZE, 2, |n| stream(4, Purpose::HideQuadrants, 0, n as u64));
    data
}

const OBJECTIVE: ObjectiveConfig = ObjectiveConfig::new(Bound::Selbo, 2);

fn trainer(epochs: u64) -> Trainer<f32> {
    let config = TrainConfig {
        objective: OBJECTIVE.into(),
        batch_size: 32,
        length: Length::Epochs(epochs),
        learning_rate: 1e-3,
        schedule: Schedule::Constant,
        clip: Some(5.0),
        seed: 7,
    };
    Trainer::new(vae(), config).expect("a trainer")
}

/// One update moves each running statistic by a tenth of the way to the batch's, as a pass recorded here sees them, once;
/// the optimiser leaves them alone, and so does validation.
#[test]
fn running_statistics_follow_the_batch() {
    let data = images(32);
    let mut trainer = trainer(1);
    let vae = vae();
    let before = trainer.parameters().to_vec();
    let mut order = Vec::new();
    shuffled(32, &mut stream(7, Purpose::Shuffle, 0, 0), &mut order);
    let mut tape = Tape::new();
    let mut g = tape.graph(&before);
    let batch = Batch::record(&mut g, &data, order.iter().map(|&n| n as usize));
    let [mut noise, mut dropout] = [Purpose::Latent, Purpose::Dropout].map(|purpose| stream(7, purpose, 0, 0));
    record(&mut g, &vae, &OBJECTIVE, batch, Randomness::Stream(&mut noise), Mode::Train(&mut dropout));
    let expected: BTreeMap<usize, [Vec<f32>; 2]> =
        g.batch_norms().map(|(scale, both)| (scale, both.map(<[f32]>::to_vec))).collect();

    trainer.run(&data, Some(&images(5)), &mut ()).expect("an epoch");
    let layout = vae.layout();
    let kept: Vec<&Tensor> = layout.tensors().iter().filter(|tensor| tensor.name.ends_with("running_mean")).collect();
    assert_eq!(kept.len(), expected.len(), "a norm for each pair of statistics");
    let tensor = |name: String| layout.tensors().iter().find(|tensor| tensor.name == name).expect("a tensor");
    for mean in kept {
        let norm = mean.name.trim_end_matches("running_mean");
        let [scale, variance] = ["weight", "running_var"].map(|name| tensor(format!("{norm}{name}")));
        let observed = &expected[&scale.start];
        for (range, old, new) in [(mean.range(), 0.0, &observed[0]), (variance.range(), 1.0, &observed[1])] {
            let now = &trainer.parameters()[range];
            assert_eq!(now.len(), new.len(), "{norm}");
            for (now, new) in now.iter().zip(new) {
                assert!((now - (0.9 * old + 0.1 * new)).abs() < 1e-6, "{norm}: {now} after {new}");
            }
        }
    }
}

/// Where the networks have halved images to one pixel, a minibatch of one image has no variance: as the whole of every
/// minibatch it is refused, and as the last of an epoch it leaves the running statistics of such stages as they were.
#[test]
fn a_minibatch_of_one_image_has_no_variance() {
    let stages = ImageSizes { size: SIZE, encoder_widths: vec![2, 3, 4, 5, 6], decoder_widths: vec![8, 6, 4] };
    let vae = Vae::new(VaeConfig { images: Some(stages), ..vae().config().clone() });
    assert!(vae.batch_norm_undefined(1, 2) && !vae.batch_norm_undefined(2, 1));
    let after = |updates: u64, batch_size: usize, count: usize| {
        let length = Length::Updates(updates);
        let config = TrainConfig { batch_size, length, ..trainer(1).config().clone() };
        let mut trainer = Trainer::new(vae.clone(), config).expect("a trainer");
        trainer.run(&images(count), None, &mut ()).map(|_| trainer.parameters().to_vec()).map_err(Error::from)
    };
    assert!(matches!(after(1, 1, 4), Err(Error::BatchNormUndefined)));
    assert!(matches!(after(1, 4, 1), Err(Error::BatchNormUndefined)));

    // Five images: a minibatch of four, then one of one.
    let [first, both] = [1, 2].map(|updates| after(updates, 4, 5).expect("updates"));
    let statistics = vae.layout().tensors().iter().filter(|tensor| tensor.name.contains("running"));
    for tensor in statistics {
        let moved = first[tensor.range()] != both[tensor.range()];
        let of_one_pixel = tensor.name.starts_with("encoder.layers.4");
        assert_eq!(moved, !of_one_pixel, "{}", tensor.name);
    }

    let mut model = FittedModel::new(vae, autodiff::Aligned::from_slice(&both));
    let config = RefitConfig::for_images(3, 20);
    let refitted = refit_encoder(&mut model, &images(1), &Objective::from(OBJECTIVE), &config, 3, on);
    assert!(matches!(refitted, Err(Error::BatchNormUndefined)));
}

/// Imputations of pixels start as pixels.
#[test]
fn pixels_start_black_or_white() {
    let objective = CompletedObjectiveConfig {
        decoder: CompletedBound::Cvi,
        encoder: CompletedBound::Lmvb,
        imputations: 2,
        samples: 1,
        estimator: Estimator::Plain,
    };
    let sampler = ChainConfig { sampler: Sampler::PseudoGibbs, iterations: 1 };
    let of_completed = VaeConfig { components: 1, encoder_input: EncoderInput::Completed, ..vae().config().clone() };
    let starting = |start| {
        let training = ImputationTraining { objective, start, renew_from: 2, sampler };
        Objective::ImputationMixture(training).check(&Vae::new(of_completed.clone()))
    };
    assert!(starting(Start::Observed).is_ok());
    for start in [Start::Mean, Start::Zero] {
        let message = starting(start).expect_err("no pixels").to_string();
        assert!(message.contains("pixels and positive numbers start as observed values"), "{message}");
    }
}

/// What batch norm keeps has no gradient, and no place among the parameters of a signal-to-noise ratio.
#[test]
fn running_statistics_are_no_parameters() {
    let vae = vae();
    let mut moments = Moments::new(vae.layout().len());
    for gradient in [1.0, 3.0] {
        moments.add(&vec![gradient; vae.layout().len()]);
    }
    let learned = vae.layout().tensors().iter().filter(|tensor| tensor.trainable);
    let learned: usize = learned.map(|tensor| tensor.shape.len()).sum();
    let Signals { encoder, decoder } = moments.signals(&vae);
    assert_eq!((encoder.parameters + decoder.parameters, encoder.skipped + decoder.skipped), (learned, 0));
    assert!(learned < vae.layout().tensors().iter().map(|tensor| tensor.shape.len()).sum());
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let data = images(75);
    let fit = || {
        let mut trainer = trainer(2);
        trainer.run(&data, None, &mut ()).expect("two epochs");
        let mut model = FittedModel::new(vae(), autodiff::Aligned::from_slice(trainer.parameters()));
        let scored = data.select(&[0, 1, 2]);
        let before = iwelbo(&model, &scored, 100, None, 1, on).expect("scores").per_row;
        let config = RefitConfig { learning_rate: 1e-3, ..RefitConfig::for_images(3, 20) };
        let fitted = model.parameters.to_vec();
        refit_encoder(&mut model, &data, &Objective::from(OBJECTIVE), &config, 3, on).expect("a refit");
        let decoder = vae().decoder_range();
        assert!(fitted[decoder.clone()] == model.parameters[decoder.clone()] && fitted != model.parameters[..]);
        let after = iwelbo(&model, &scored, 100, None, 1, on).expect("scores").per_row;
        let bits: Vec<u32> = model.parameters.iter().map(|x| x.to_bits()).collect();
        (bits, before, after)
    };
    let alone = fit();
    assert!(alone.1.iter().chain(&alone.2).all(|score| score.is_finite()));
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        assert!(pool.install(fit) == alone, "{threads} threads");
    }
}
