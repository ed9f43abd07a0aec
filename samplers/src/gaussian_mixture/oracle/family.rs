//! Distributions of the missing columns, and those between two of them.

/// A distribution of the missing columns of a row, as a mixture of C Gaussians made from those of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The truth's p(x_mis|x_obs): weights p(c|x_obs), the components' conditional means and covariances.
    Conditional,
    /// Σ_c π_c Π_d N(x_d; μ_cd, (Σ_c)_dd): the observed columns are not looked at. The columns are independent within a
    /// component only: this is the published code's, where the paper's text has the product of the marginals.
    Independent,
    /// Independent Gaussians with the marginal means and variances of the truth: C equal components.
    IndependentGaussian,
    /// The components of the conditional, all with weight 1/C.
    Oversampled,
}

/// α·first + (1−α)·second, in weights, means and covariances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interpolation {
    /// What α = 1 gives.
    pub first: Family,
    /// What α = 0 gives.
    pub second: Family,
    /// α, from 0 to 1.
    pub alpha: f64,
}

impl From<Family> for Interpolation {
    /// The distribution itself.
    fn from(family: Family) -> Self {
        Interpolation { first: family, second: family, alpha: 1.0 }
    }
}
