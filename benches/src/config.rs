//! The timed configurations, and the floating-point operations of their matrix products.

use missvae::network::{EncoderInput, Vae, VaeConfig};
use missvae::objective::{CompletedObjectiveConfig, Estimator, Family, Method, ObjectiveConfig};
use missvae::trainer::{ImputationTraining, Length, Objective, Schedule, Start, TrainConfig};
use samplers::chains::{ChainConfig, Lair, Sampler};

/// A training step to be timed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name, the same as in `peers/step_torch.py`.
    pub name: String,
    /// The model.
    pub vae: VaeConfig,
    /// The training: without end, at a constant learning rate.
    pub train: TrainConfig,
}

/// The sizes of an experiment of the paper (docs/methods.md §8).
/// The numbers of components and samples come with the method.
struct Sizes {
    prefix: &'static str,
    columns: usize,
    latent: usize,
    hidden: usize,
    blocks: usize,
    batch: usize,
    clip: f64,
    /// Whether scales have no lower limit, but for the encoders of ancestral mixtures.
    unlimited: bool,
}

const MOG: Sizes =
    Sizes { prefix: "", columns: 5, latent: 2, hidden: 200, blocks: 3, batch: 64, clip: 10.0, unlimited: true };
const UCI: Sizes =
    Sizes { prefix: "UCI-", columns: 21, latent: 16, hidden: 256, blocks: 2, batch: 512, clip: 5.0, unlimited: false };

/// The paper's sampler for the mixture-of-Gaussians data.
const LAIR: ChainConfig = ChainConfig { sampler: Sampler::Lair(Lair::PAPER), iterations: 1 };

/// All configurations: six methods with 5 and 25 samples a row at the MoG preset's sizes, and one larger network; then, at
/// both sizes, DeMissVAE without and with the renewal of its imputations, and a VAE on as many complete rows.
pub fn configs() -> Vec<Config> {
    let method = |name| Method::named(name).expect("a method of the paper");
    let mut all = Vec::new();
    for budget in [5, 25] {
        for name in ["mvae", "miss-vae", "miss-svae", "miwae", "miss-iwae", "miss-siwae"] {
            all.push(Config::new(&MOG, method(name), budget));
        }
    }
    all.push(Config::new(&UCI, method("miss-svae"), 5));
    for sizes in [&MOG, &UCI] {
        let demiss = Config::new(sizes, method("demiss-vae"), 5);
        all.push(demiss.clone());
        all.push(demiss.renewing());
        all.push(Config::complete(sizes, 5));
    }
    all
}

impl Config {
    /// A method with so many samples a row in all, and as many components or imputations, if it has some.
    fn new(sizes: &Sizes, method: Method, budget: usize) -> Self {
        let components = if method.single() { 1 } else { budget };
        let (samples, importance_samples) = method.default_samples(components, budget);
        let estimator = Estimator::Stl;
        let (objective, ancestral) = match method.family {
            Family::FiniteMixture { bound, .. } => {
                let config = ObjectiveConfig {
                    samples,
                    importance_samples,
                    estimator,
                    ..ObjectiveConfig::new(bound, components)
                };
                (config.into(), config.ancestral())
            }
            Family::ImputationMixture { decoder, encoder } => {
                let objective =
                    CompletedObjectiveConfig { decoder, encoder, imputations: components, samples, estimator };
                let renew_from = u64::MAX;
                let training = ImputationTraining { objective, start: Start::Observed, renew_from, sampler: LAIR };
                (Objective::ImputationMixture(training), false)
            }
        };
        let min_scale = |limited| if limited { 1e-5 } else { 0.0 };
        Config {
            name: format!("{}{}-{budget}", sizes.prefix, method.title),
            vae: VaeConfig {
                components: if method.bound().is_some() { components } else { 1 },
                encoder_input: match method.family {
                    Family::FiniteMixture { .. } => EncoderInput::Incomplete,
                    Family::ImputationMixture { .. } => EncoderInput::Completed,
                },
                hidden: sizes.hidden,
                encoder_blocks: sizes.blocks,
                decoder_blocks: sizes.blocks,
                encoder_min_scale: min_scale(!sizes.unlimited || ancestral),
                decoder_min_scale: min_scale(!sizes.unlimited),
                ..VaeConfig::new(sizes.columns, sizes.latent)
            },
            train: TrainConfig {
                objective,
                batch_size: sizes.batch,
                length: Length::Updates(u64::MAX),
                learning_rate: 1e-3,
                schedule: Schedule::Constant,
                clip: Some(sizes.clip),
                seed: 0,
            },
        }
    }

    /// The same, the imputations of each minibatch renewed before its update.
    fn renewing(mut self) -> Self {
        if let Objective::ImputationMixture(training) = &mut self.train.objective {
            training.renew_from = 1;
        }
        self.name.push_str("-renewing");
        self
    }

    /// A VAE with one Gaussian and one sample, on complete rows without a mask: `copies` times the rows of a minibatch.
    fn complete(sizes: &Sizes, copies: usize) -> Self {
        let mut config = Config::new(sizes, Method::named("mvae").expect("a method of the paper"), 1);
        config.name = format!("{}CompleteVAE-{copies}", sizes.prefix);
        config.vae.encoder_input = EncoderInput::Completed;
        config.train.batch_size *= copies;
        config
    }

    /// Floating-point operations of a step's matrix products, an addition and a multiplication counted as two.
    ///
    /// The encoder sees B rows (B·K with K imputations), the decoder one a sample. Each weight takes part in three products
    /// of rows × in × out: forward, weight gradient, and data gradient; the last is not needed for the encoder's input.
    /// With a bound for the decoder and another for the encoder there is a second data gradient in the decoder, on the way
    /// to the encoder; the first ends at the decoder's first layer. Renewing imputations is one more way forward, but
    /// for rows without a missing cell.
    pub fn flops(&self) -> u64 {
        let batch = self.train.batch_size;
        let samples = batch * self.train.objective.samples_per_row();
        let (encoded, two_bounds, renewing) = match &self.train.objective {
            Objective::FiniteMixture(_) => (batch, false, false),
            Objective::ImputationMixture(ImputationTraining { objective, renew_from, .. }) => {
                (batch * objective.imputations, objective.decoder != objective.encoder, *renew_from == 1)
            }
        };
        let layout = Vae::new(self.vae.clone());
        let weights = layout.layout().tensors().iter().filter(|tensor| tensor.name.ends_with(".weight"));
        let operations = weights.map(|weight| {
            let (rows, products) = match weight.name.as_str() {
                "encoder.input.weight" => (encoded, 2),
                "decoder.input.weight" => (samples, 3),
                name if name.starts_with("encoder.") => (encoded, 3),
                _ => (samples, if two_bounds { 4 } else { 3 }),
            };
            ((products + usize::from(renewing)) * 2 * rows * weight.shape.len()) as u64
        });
        operations.sum()
    }
}

#[cfg(test)]
mod tests {
    use autodiff::profile::Entry;
    use missvae::timing::Training;

    use super::*;

    fn flops(name: &str) -> u64 {
        configs().iter().find(|config| config.name == name).unwrap().flops()
    }

    /// By hand for one, and rounded to MFLOP by an independent count for the others.
    #[test]
    fn operations_are_those_of_the_products() {
        let (encoder, decoder) = (2 * 64, 2 * 64 * 5);
        let hidden = 6 * 200 * 200;
        let by_hand =
            3 * encoder * (hidden + 200 * 25) + 2 * encoder * 10 * 200 + 3 * decoder * (2 * 200 + hidden + 200 * 10);
        assert_eq!(flops("MissSVAE-5"), by_hand);
        let rounded = |name| (flops(name) as f64 / 1e6).round();
        for name in ["MissSVAE-5", "MissSIWAE-5", "MissVAE-5", "MissIWAE-5"] {
            assert_eq!(rounded(name), 560.0, "{name}");
        }
        for name in ["MissSVAE-25", "MissIWAE-25"] {
            assert_eq!(rounded(name), 2429.0, "{name}");
        }
        assert_eq!((rounded("MVAE-5"), rounded("UCI-MissSVAE-5")), (558.0, 5212.0));
    }

    /// What a step does, counted while it does it: the baseline of docs/performance.md. The operations of its products are
    /// those that the shapes ask for; kinds of work are done so often, and read and write so many bytes. None of it depends
    /// on the machine. A change that lowers a number should lower it here too; one that raises it needs a reason.
    #[test]
    fn a_step_does_no_more_work_than_it_did() {
        let baseline: [(&str, u64, u64); 8] = [
            ("MVAE-5", 45, 34_775_932),
            ("MissVAE-5", 45, 35_165_272),
            ("MissSVAE-5", 55, 35_129_176),
            ("MIWAE-5", 47, 34_780_028),
            ("MissIWAE-5", 47, 35_169_368),
            ("MissSIWAE-5", 53, 35_123_288),
            ("UCI-MissSVAE-5", 51, 112_228_552),
            ("DeMissVAE-5", 62, 46_960_744),
        ];
        let steps = 2;
        let counted = baseline.map(|(name, _, _)| {
            let config = configs().into_iter().find(|config| config.name == name).unwrap();
            let (_, profile) = Training::new(&config.vae, &config.train).unwrap().profiled(steps).unwrap();
            let sum = |f: fn(&Entry) -> u64| profile.entries().iter().map(f).sum::<u64>() / steps as u64;
            assert_eq!(sum(|entry| entry.operations), config.flops(), "{name}");
            (name, sum(|entry| entry.calls), sum(|entry| entry.bytes))
        });
        assert_eq!(counted, baseline);
    }

    /// What the separate bounds cost beside a VAE on complete rows: one more data gradient through the decoder.
    #[test]
    fn separate_bounds_cost_a_sixth() {
        for prefix in ["", "UCI-"] {
            let of = |name: &str| flops(&format!("{prefix}{name}")) as f64;
            let ratio = of("DeMissVAE-5") / of("CompleteVAE-5");
            assert!((ratio - 7.0 / 6.0).abs() < 0.005, "{prefix}: {ratio}");
            assert!((of("DeMissVAE-5-renewing") / of("DeMissVAE-5") - 9.0 / 7.0).abs() < 0.01);
        }
    }
}
