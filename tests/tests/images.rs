//! Image models: running statistics, and the same bits on any number of threads.

use std::ops::ControlFlow;

use autodiff::Tape;
use autodiff::ops::Pathwise;
use models::Error;
use models::data::{Batch, Data, shuffled};
use models::evaluate::{RefitConfig, iwelbo, refit_encoder};
use models::imputer::Fitted;
use models::method::{Bound, Estimator, LogitGradient, ObjectiveConfig};
use models::objective::{Mode, Randomness, record};
use models::optimiser::Schedule;
use models::snr::{Moments, Signals};
use models::trainer::{Epoch, Length, Objective, Observer, Step, TrainConfig, Trainer};
use models::vae::{EncoderInput, ImageSizes, Vae, VaeConfig};
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
        columns: SIZE * SIZE,
        latent: 3,
        components: 2,
        encoder_input: EncoderInput::Incomplete,
        hidden: 0,
        encoder_blocks: 0,
        decoder_blocks: 0,
        dropout: 0.3,
        encoder_min_scale: 1e-5,
        decoder_min_scale: 1e-5,
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

const OBJECTIVE: ObjectiveConfig = ObjectiveConfig {
    bound: Bound::Selbo,
    components: 2,
    samples: 1,
    importance_samples: 1,
    estimator: Estimator::Stl,
    pathwise: Pathwise::Implicit,
    logit_gradient: LogitGradient::Implicit,
};

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

struct Quiet;

impl Observer<f32> for Quiet {
    fn updated(&mut self, _: &Trainer<f32>, _: &Step) -> Result<ControlFlow<()>, Error> {
        Ok(ControlFlow::Continue(()))
    }

    fn epoch_ended(&mut self, _: &Trainer<f32>, _: &Epoch) -> Result<(), Error> {
        Ok(())
    }
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
    let expected: Vec<[Vec<f32>; 2]> = g.batch_norms().map(|(_, both)| both.map(<[f32]>::to_vec)).collect();

    trainer.run(&data, Some(&images(5)), &mut Quiet).expect("an epoch");
    let tensors = vae.layout().tensors();
    let of = |name: &'static str| tensors.iter().filter(move |tensor| tensor.name.ends_with(name));
    // The graph has them in the order of its passes, in which a shortcut comes before the second norm of its block.
    let mut found = expected.iter();
    for (mean, variance) in of("running_mean").zip(of("running_var")) {
        let near = |pair: &&[Vec<f32>; 2]| {
            let running = |old: f32, new: f32| 0.9 * old + 0.1 * new;
            let same = |values: &[f32], range, old| {
                let now: &[f32] = &trainer.parameters()[range];
                values.len() == now.len()
                    && now.iter().zip(values).all(|(now, new)| (now - running(old, *new)).abs() < 1e-6)
            };
            same(&pair[0], mean.range(), 0.0) && same(&pair[1], variance.range(), 1.0)
        };
        assert!(expected.iter().any(|pair| near(&pair)), "{}", mean.name);
        assert!(found.next().is_some());
    }
    assert!(found.next().is_none(), "more statistics than tensors");
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
        trainer.run(&data, None, &mut Quiet).expect("two epochs");
        let mut model = Fitted::new(vae(), autodiff::Aligned::from_slice(trainer.parameters()));
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
