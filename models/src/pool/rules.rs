//! Rubin's rules: from the estimates of completed tables to one.

use serde::Serialize;

use super::fit::Fit;
use super::student_t::{both_tails, both_tails_quantile};

/// A coefficient of the analysis, pooled over M completed tables.
///
/// The sources are Rubin, *Multiple Imputation for Nonresponse in Surveys* (1987), section 3.1, and Barnard & Rubin, *Small-sample
/// degrees of freedom with multiple imputation* (Biometrika 1999). Names and formulas are those of `mice::pool`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Term {
    /// The name, as in R: `(Intercept)`, `x1`, `gb`, `x1:gb`.
    pub term: String,
    /// M, the number of tables.
    pub m: usize,
    /// Q̄, the mean of the estimates.
    pub estimate: f64,
    /// √T.
    pub std_error: f64,
    /// Q̄/√T.
    pub statistic: f64,
    /// ν, degrees of freedom of the t distribution: Barnard & Rubin (1999), equation 3.
    pub df: f64,
    /// The probability of a statistic at least as far from 0 if the coefficient is 0.
    pub p_value: f64,
    /// The lower end of the confidence interval, Q̄ − t·√T.
    pub conf_low: f64,
    /// Its upper end.
    pub conf_high: f64,
    /// Ū, the mean of the squared standard errors: the variance within tables.
    pub ubar: f64,
    /// B, the variance of the estimates: between tables.
    pub b: f64,
    /// T = Ū + (1 + 1/M)·B, the total variance.
    pub t: f64,
    /// Degrees of freedom that complete data would have: rows less coefficients.
    pub dfcom: usize,
    /// r = (1 + 1/M)·B/Ū, the relative increase in variance due to missing cells.
    pub riv: f64,
    /// λ = (1 + 1/M)·B/T, the proportion of the variance due to missing cells.
    pub lambda: f64,
    /// γ = (r + 2/(ν + 3))/(r + 1), the fraction of missing information.
    pub fmi: f64,
}

/// The least λ of the degrees of freedom, which would be infinite for 0.
const LEAST_LAMBDA: f64 = 1e-4;

/// Pools the fits of completed tables, at least two. `rows` are those of a table; `level` is the confidence of the intervals.
pub(super) fn pooled(fits: &[Fit], names: Vec<String>, rows: usize, level: f64) -> Vec<Term> {
    let (dfcom, m) = (rows - names.len(), fits.len() as f64);
    let term = |(place, term): (usize, String)| {
        let estimate = fits.iter().map(|fit| fit.estimates[place]).sum::<f64>() / m;
        // Equal estimates have a variance of 0, whatever rounding does to their mean.
        let first = fits[0].estimates[place];
        let b = match fits.iter().all(|fit| fit.estimates[place] == first) {
            true => 0.0,
            false => fits.iter().map(|fit| (fit.estimates[place] - estimate).powi(2)).sum::<f64>() / (m - 1.0),
        };
        let ubar = fits.iter().map(|fit| fit.variances[place]).sum::<f64>() / m;
        let between = (1.0 + 1.0 / m) * b;
        let t = ubar + between;
        let (riv, lambda) = (between / ubar, between / t);
        let df = barnard_rubin(m, lambda, dfcom as f64);
        let (std_error, fmi) = (t.sqrt(), (riv + 2.0 / (df + 3.0)) / (riv + 1.0));
        let (statistic, width) = (estimate / std_error, both_tails_quantile(1.0 - level, df) * std_error);
        Term {
            term,
            m: fits.len(),
            estimate,
            std_error,
            statistic,
            df,
            // The least degrees of freedom are those of mice.
            p_value: both_tails(statistic, df.max(0.001)),
            conf_low: estimate - width,
            conf_high: estimate + width,
            ubar,
            b,
            t,
            dfcom,
            riv,
            lambda,
            fmi,
        }
    };
    names.into_iter().enumerate().map(term).collect()
}

/// ν = 1/(1/ν_old + 1/ν_obs), with ν_old = (M − 1)/λ² and ν_obs = (ν_com + 1)/(ν_com + 3)·ν_com·(1 − λ).
fn barnard_rubin(m: f64, lambda: f64, complete: f64) -> f64 {
    // Not by `max`, which would take NaN for the least.
    let lambda = if lambda < LEAST_LAMBDA { LEAST_LAMBDA } else { lambda };
    let old = (m - 1.0) / (lambda * lambda);
    let observed = (complete + 1.0) / (complete + 3.0) * complete * (1.0 - lambda);
    old * observed / (old + observed)
}
