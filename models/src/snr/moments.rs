//! Running mean and variance of every entry of a gradient, and what they come to.

use linalg::Scalar;
use serde::{Deserialize, Serialize};

use crate::network::{Tensor, Vae};

/// Mean and variance of every entry of gradients that come one after the other, in `f64`.
///
/// After n gradients g_1 … g_n: mean = (1/n) Σ g_i, variance = 1/(n−1) Σ (g_i − mean)².  Source: B. P. Welford (1962),
/// whose update subtracts no two large numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    count: u64,
    mean: Vec<f64>,
    /// Σ (g_i − mean)².
    squares: Vec<f64>,
}

impl Moments {
    /// The moments of no gradients yet. Gradients have `len` entries.
    pub fn new(len: usize) -> Self {
        Moments { count: 0, mean: vec![0.0; len], squares: vec![0.0; len] }
    }

    /// Forgets all gradients.
    pub fn clear(&mut self) {
        self.count = 0;
        self.mean.fill(0.0);
        self.squares.fill(0.0);
    }

    /// Adds a gradient.
    ///
    /// # Panics
    /// If its length is another one.
    #[track_caller]
    pub fn add<T: Scalar>(&mut self, gradient: &[T]) {
        assert_eq!(gradient.len(), self.mean.len(), "lengths of gradient and moments");
        self.count += 1;
        let share = 1.0 / self.count as f64;
        for ((mean, squares), x) in self.mean.iter_mut().zip(&mut self.squares).zip(gradient) {
            let x = x.to_f64();
            let difference = x - *mean;
            *mean += difference * share;
            *squares += difference * (x - *mean);
        }
    }

    /// n, the number of gradients.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean of every entry.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The variance of an entry, with n−1; NaN below two gradients.
    ///
    /// # Panics
    /// If there is no such entry.
    pub fn variance(&self, entry: usize) -> f64 {
        match self.count {
            0 | 1 => f64::NAN,
            count => self.squares[entry] / (count - 1) as f64,
        }
    }

    /// Signal and noise of some entries.
    ///
    /// # Panics
    /// If there is no such entry.
    pub fn signal(&self, entries: impl Iterator<Item = usize>) -> Signal {
        let mut signal = Signal::default();
        for entry in entries {
            let variance = self.variance(entry);
            if variance.is_finite() {
                signal.variance += variance;
            }
            let ratio = self.mean[entry].abs() / variance.sqrt();
            if ratio.is_finite() {
                signal.snr += ratio;
                signal.parameters += 1;
            } else {
                signal.skipped += 1;
            }
        }
        signal
    }

    /// Signal and noise of a model's encoder and decoder.
    ///
    /// # Panics
    /// If the gradients are not those of this model.
    pub fn signals(&self, vae: &Vae) -> Signals {
        let decoder = vae.decoder_range().start;
        let part = |encoder: bool| {
            let own = |tensor: &&Tensor| tensor.trainable && (tensor.start < decoder) == encoder;
            // By tensors, not by the buffer: it has gaps and running statistics, which are no parameters.
            let tensors = vae.layout().tensors().iter().filter(own);
            self.signal(tensors.flat_map(|tensor| tensor.range()))
        };
        Signals { encoder: part(true), decoder: part(false) }
    }
}

/// Signal and noise of some parameters' gradients (paper, appendix F.1.1; docs/methods.md §7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Σ |mean|/√variance over the parameters where the ratio is finite.
    pub snr: f64,
    /// Σ variance over the parameters where it is finite: the trace of the gradient's covariance, which is the mean
    /// squared distance of a gradient from the mean gradient.
    pub variance: f64,
    /// Parameters in [`snr`](Signal::snr).
    pub parameters: usize,
    /// Parameters left out of it: a gradient was not finite, or all gradients were the same (0 where a unit is dead),
    /// or there were fewer than two.
    pub skipped: usize,
}

impl Signal {
    /// The ratio's mean over the parameters where it is finite; `None` if there is none.
    pub fn mean_snr(&self) -> Option<f64> {
        (self.parameters > 0).then(|| self.snr / self.parameters as f64)
    }
}

/// [`Signal`] of the two networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    /// The encoder's, φ.
    pub encoder: Signal,
    /// The decoder's, θ.
    pub decoder: Signal,
}

/// The expected ratio |mean|/√variance of a parameter with no signal at all: independent normal gradients around 0. It
/// is not 0, because a mean of n draws is not; what is near it says nothing about signal.
///
/// √n·mean/√variance is then Student's t with ν = n−1 degrees of freedom, so the ratio's mean is
/// E|t_ν|/√n = √(ν/(nπ)) Γ((ν−1)/2)/Γ(ν/2), about √(2/(πn)).  `None` below three draws, where there is no mean.
pub fn noise_floor(draws: u64) -> Option<f64> {
    let freedom = draws.checked_sub(1).filter(|&freedom| freedom >= 2)?;
    // Γ((ν−1)/2)/Γ(ν/2), from ν = 2 or 3 upwards in steps of 2.
    let (first, start) = match freedom % 2 {
        0 => (std::f64::consts::PI.sqrt(), 2),
        _ => (2.0 / std::f64::consts::PI.sqrt(), 3),
    };
    let ratio = (start..freedom).step_by(2).fold(first, |ratio, nu| ratio * (nu - 1) as f64 / nu as f64);
    Some((freedom as f64 / (draws as f64 * std::f64::consts::PI)).sqrt() * ratio)
}
