//! Latent points for importance sampling that no mode of the posterior escapes.
//!
//! The encoder's mixture alone misses what the encoder does not know. Defensive proposals (Hesterberg, Technometrics 1995)
//! mix in the encoder's components with wider scales, and the prior. A row whose weights still fail (Pareto k̂) gets further
//! rounds of population Monte Carlo (Cappé, Guillin, Marin & Robert, JCGS 2004): components around the points that have the
//! weight now. All points of all rounds are weighted by the mixture of everything that they were drawn from (the balance
//! heuristic; Veach & Guibas, SIGGRAPH 1995), so that no weight is larger than its part in any round makes it.

use autodiff::ops::Mixture;
use linalg::Scalar;
use rand::Rng;

use crate::draw::Categories;

/// Shares of the wider encoder and of the prior among defensive proposals.
const WIDER: f64 = 0.1;
const PRIOR: f64 = 0.1;
/// By how much the wider encoder is wider.
const WIDENING: f64 = 2.0;
/// Points that a further round draws around, and the scales of the components around each, in units of the prior's.
const CENTRES: usize = 8;
const SCALES: [f64; 3] = [0.3, 0.1, 0.03];
/// Share of the defensive proposals in a further round.
const AGAIN: f64 = 0.5;

/// Further rounds, at most, for a row whose weights fail.
pub const ROUNDS: usize = 3;

/// What the latent points of a row are drawn from, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposals {
    /// Points of a row.
    pub samples: usize,
    /// Whether the prior and a wider encoder are mixed in.
    pub defensive: bool,
    /// Further rounds, of as many points each, for rows whose weights fail.
    pub rounds: usize,
}

impl Proposals {
    /// Defensive proposals, and three further rounds for rows whose weights fail.
    pub fn defensive(samples: usize) -> Proposals {
        Proposals { samples, defensive: true, rounds: ROUNDS }
    }
}

/// The encoder's mixture alone.
impl From<usize> for Proposals {
    fn from(samples: usize) -> Proposals {
        Proposals { samples, defensive: false, rounds: 0 }
    }
}

/// Defensive proposals of a row, of its encoder's mixture: the mixture to draw from, and its natural parameters.
pub fn defend<T: Scalar>(mixture: Mixture, params: &[T]) -> (Mixture, Vec<T>) {
    Components::of_encoder(mixture, params, true).params(mixture.latent)
}

/// Proposals of a further round for a row whose weights fail: half of them the `proposals` of the first, half Gaussians around
/// points that are drawn from its `points` (S × L) by their log weights. The mixture to draw from, and its natural parameters;
/// `None` if no point has a weight.
pub fn further<T: Scalar>(
    proposals: (Mixture, &[T]),
    points: &[T],
    log_weights: &[f64],
    rng: &mut impl Rng,
) -> Option<(Mixture, Vec<T>)> {
    let latent = proposals.0.latent;
    let round = Components::of_encoder(proposals.0, proposals.1, false).further(latent, points, log_weights, rng)?;
    Some(round.params(latent))
}

/// Gaussian components that can be added to; a mixture of them as natural parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Components<T> {
    means: Vec<T>,
    scales: Vec<T>,
    log_weights: Vec<T>,
}

impl<T: Scalar> Components<T> {
    /// The mixture that defensive proposals are, of an encoder's mixture; or this mixture alone.
    pub(crate) fn of_encoder(mixture: Mixture, params: &[T], defensive: bool) -> Components<T> {
        let (means, scales, log_weights) = mixture.split(params);
        let mut all = Components::default();
        if !defensive {
            all.add((means, scales, log_weights), 1.0, 1.0);
            return all;
        }
        all.add((means, scales, log_weights), 1.0, 1.0 - WIDER - PRIOR);
        all.add((means, scales, log_weights), WIDENING, WIDER);
        all.add((&vec![T::ZERO; mixture.latent], &vec![T::ONE; mixture.latent], &[T::ZERO]), 1.0, PRIOR);
        all
    }

    /// As [`further`].
    pub(crate) fn further<W: Scalar>(
        &self,
        latent: usize,
        points: &[T],
        log_weights: &[W],
        rng: &mut impl Rng,
    ) -> Option<Components<T>> {
        let categories = Categories::new(log_weights);
        let chosen: Option<Vec<usize>> = (0..CENTRES).map(|_| categories.draw(rng)).collect();
        let centre = |&i: &usize| &points[i * latent..(i + 1) * latent];
        let centres: Vec<T> = chosen?.iter().flat_map(centre).copied().collect();
        Some(self.around(latent, &centres))
    }

    /// The proposals of a further round: defensive ones, and components around `centres` (C × L).
    fn around(&self, latent: usize, centres: &[T]) -> Components<T> {
        let mut all = Components::default();
        all.add(self.parts(), 1.0, AGAIN);
        let share = (1.0 - AGAIN) / (centres.len() / latent * SCALES.len()) as f64;
        for centre in centres.chunks_exact(latent) {
            for scale in SCALES {
                all.add((centre, &vec![T::from_f64(scale); latent], &[T::ZERO]), 1.0, share);
            }
        }
        all
    }

    /// Adds the components of another mixture with `share` of its weights, and scales `times` as wide.
    pub(crate) fn add(&mut self, (means, scales, log_weights): (&[T], &[T], &[T]), times: f64, share: f64) {
        let (times, share) = (T::from_f64(times), T::from_f64(share.ln()));
        self.means.extend_from_slice(means);
        self.scales.extend(scales.iter().map(|scale| *scale * times));
        self.log_weights.extend(log_weights.iter().map(|weight| *weight + share));
    }

    /// The equal mixture of some mixtures.
    pub(crate) fn equal_mixture(rounds: &[Components<T>]) -> Components<T> {
        let mut all = Components::default();
        for round in rounds {
            all.add(round.parts(), 1.0, 1.0 / rounds.len() as f64);
        }
        all
    }

    fn parts(&self) -> (&[T], &[T], &[T]) {
        (&self.means, &self.scales, &self.log_weights)
    }

    /// The mixture, and its natural parameters.
    pub(crate) fn params(&self, latent: usize) -> (Mixture, Vec<T>) {
        let mixture = Mixture { components: self.log_weights.len(), latent };
        (mixture, [&self.means[..], &self.scales, &self.log_weights].concat())
    }
}
