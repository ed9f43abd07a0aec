//! A small random model whose bounds are apart, rows with gaps, and independent draws of objectives and gradients.

#![allow(dead_code, reason = "not every suite that includes this module uses all of it")]

use autodiff::{Aligned, Graph, Tape, Wanted};
use missvae::data::{Batch, Data};
use missvae::network::{Vae, VaeConfig};
use missvae::objective::{Bound, Estimator, Mode, ObjectiveConfig, Randomness, Recorded, record};
use samplers::stream::{Purpose, stream};

/// D.
pub(crate) const COLUMNS: usize = 3;
/// L.
pub(crate) const LATENT: usize = 2;
/// Rows of [`X`].
pub(crate) const PATTERNS: usize = 3;
/// Rows: complete, with one cell missing, with one cell observed.
pub(crate) const X: [f64; PATTERNS * COLUMNS] = [0.8, -1.1, 0.4, -0.3, 0.0, 1.5, 0.0, 2.0, 0.0];
/// Which of their cells are observed.
pub(crate) const MASK: [f64; PATTERNS * COLUMNS] = [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];

/// Both networks: hidden width 16, one block. Scales of the encoder are at least 0.3, those of the
/// decoder 0.5: no weight is extreme.
pub(crate) fn vae(components: usize) -> Vae {
    Vae::new(VaeConfig {
        components,
        hidden: 16,
        encoder_blocks: 1,
        decoder_blocks: 1,
        encoder_min_scale: 0.3,
        decoder_min_scale: 0.5,
        ..VaeConfig::new(COLUMNS, LATENT)
    })
}

/// Initial parameters, the output layers' four times as large: components and decoded columns differ.
pub(crate) fn parameters(vae: &Vae, seed: u64) -> Aligned<f64> {
    let mut parameters: Aligned<f64> = vae.layout().initialise(&mut stream(seed, Purpose::Initialise, 0, 0));
    for tensor in vae.layout().tensors().iter().filter(|tensor| tensor.name.contains("output")) {
        parameters[tensor.range()].iter_mut().for_each(|p| *p *= 4.0);
    }
    parameters
}

/// The rows as a table.
pub(crate) fn table() -> Data<f64> {
    Data::new(COLUMNS, X.to_vec(), MASK.iter().map(|&m| m > 0.0).collect())
}

/// An objective with Z = 1, pathwise gradients by implicit reparametrisation.
pub(crate) fn objective(bound: Bound, components: usize, importance_samples: usize) -> ObjectiveConfig {
    ObjectiveConfig { importance_samples, estimator: Estimator::Plain, ..ObjectiveConfig::new(bound, components) }
}

/// Records the objective of so many copies of the rows (copy-major), each with samples of its own.
fn recorded(g: &mut Graph<'_, f64>, vae: &Vae, config: &ObjectiveConfig, copies: usize, address: [u64; 2]) -> Recorded {
    config.check().unwrap();
    let batch = Batch::from_slices(g, COLUMNS, &X.repeat(copies), &MASK.repeat(copies));
    let mut noise = stream(address[0], Purpose::Latent, 0, address[1]);
    record(g, vae, config, batch, Randomness::Stream(&mut noise), Mode::Evaluate)
}

/// Independent values of a bound: `calls` × `copies` × the rows of [`X`].
pub(crate) fn draws(
    vae: &Vae,
    parameters: &[f64],
    config: &ObjectiveConfig,
    calls: u64,
    copies: usize,
    seed: u64,
) -> Vec<f64> {
    let mut tape = Tape::new();
    let one = |call| {
        let mut g = tape.graph(parameters);
        let recorded = recorded(&mut g, vae, config, copies, [seed, call]);
        g.value(recorded.per_row).to_vec()
    };
    (0..calls).flat_map(one).collect()
}

/// Running mean and squared deviations of independent gradients (Welford).
pub(crate) struct GradientMoments {
    pub(crate) mean: Vec<f64>,
    squares: Vec<f64>,
    count: f64,
}

impl GradientMoments {
    /// Of `calls` independent gradients, each the mean over `copies` of the rows.
    pub(crate) fn of(
        vae: &Vae,
        parameters: &[f64],
        config: &ObjectiveConfig,
        calls: u64,
        copies: usize,
        seed: u64,
    ) -> Self {
        let mut tape = Tape::new();
        let mut gradient = vec![0.0; parameters.len()];
        let mut moments = GradientMoments { mean: gradient.clone(), squares: gradient.clone(), count: 0.0 };
        for call in 0..calls {
            let mut g = tape.graph(parameters);
            let recorded = recorded(&mut g, vae, config, copies, [seed, call]);
            recorded.backward(&mut g, 1.0, Wanted::All, &mut gradient);
            moments.count += 1.0;
            for ((mean, squares), x) in moments.mean.iter_mut().zip(&mut moments.squares).zip(&gradient) {
                let difference = x - *mean;
                *mean += difference / moments.count;
                *squares += difference * (x - *mean);
            }
        }
        moments
    }

    /// Squared standard error of the mean of entry `i`.
    pub(crate) fn squared_error(&self, i: usize) -> f64 {
        self.squares[i] / (self.count - 1.0) / self.count
    }
}
