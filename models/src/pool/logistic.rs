//! Logistic regression of one table, with separation found.

use super::design::Design;
use super::error::Problem;
use super::fit::Fit;
use super::least_squares::{Dependent, LeastSquares, Solution};

/// The most iterations. Near a maximum, changes of the linear predictor fall quadratically, and some ten are enough. Where the
/// likelihood has no maximum, each iteration moves the rows that are told apart by about 1, for ever: their weights fall as the
/// exponential of the predictor. (Albert & Anderson, Biometrika 1984, say when there is none.)
const MOST: usize = 40;
/// The relative change of the deviance that ends the iterations: that of R's `glm` with `epsilon = 1e-14`. What is left of the
/// weights' error is some 1e-7 then.
const SETTLED: f64 = 1e-14;
/// The change that may be left where rounding errors keep it from falling.
const STILL: f64 = 1e-4;
/// A linear predictor far beyond those of rows that are not told apart.
const SURE: f64 = 8.0;
/// How little of a weighted column may be left for it to count as independent: R's `glm`.
const TOLERANCE: f64 = 1e-11;

/// The maximum-likelihood estimates of `y`, 0 or 1, on the design, by iteratively reweighted least squares, and their variances
/// (XᵀWX)⁻¹ with the weights W of the last iteration. It begins and ends as R's `glm` with `epsilon = 1e-14`. By default `glm` ends
/// at 1e-8, with standard errors that are some 1e-5 off.
///
/// # Errors
/// [`Problem::Aliased`]; [`Problem::Separated`]; [`Problem::NotConverged`]; [`Problem::NotFinite`]. The rows are more than the
/// columns.
pub(super) fn logistic(design: &Design, data: &[Vec<f64>], y: &[f64]) -> Result<Fit, Problem> {
    let model = Model { design, data, y };
    let mut eta: Vec<f64> = y.iter().map(|y| ((y + 0.5) / (1.5 - y)).ln()).collect();
    let mut last: Option<Solution> = None;
    let mut deviance = model.deviance(&eta);
    let (mut change, mut settled) = (f64::INFINITY, false);
    // The coefficients and the linear predictor before the last step, if it was no small one.
    let mut before_step = None;
    for iteration in 0..MOST {
        let solution = match model.step(&eta) {
            Ok(solution) => solution,
            Err(Dependent { column, of }) if iteration == 0 => {
                return Err(Problem::Aliased { term: design.name(column), of: design.names(&of) });
            }
            // The weights of all rows that tell this column from others have vanished.
            Err(_) => break,
        };
        let next = model.predictor(&solution.coefficients);
        change = next.iter().zip(&eta).map(|(next, eta)| (next - eta).abs() / (1.0 + eta.abs())).fold(0.0, f64::max);
        if next.iter().any(|eta| !eta.is_finite()) {
            break;
        }
        let (eta_before, last_before) = (std::mem::replace(&mut eta, next), last.replace(solution));
        if let Some(last) = last_before.filter(|_| change > STILL) {
            before_step = Some((last.coefficients, eta_before));
        }
        let before = std::mem::replace(&mut deviance, model.deviance(&eta));
        // A deviance that falls to 0 settles, too, but the predictor does not stand still.
        settled = (deviance - before).abs() / (deviance + 0.1) < SETTLED && change < STILL;
        if settled {
            break;
        }
    }
    match last {
        Some(solution) if settled || change < STILL => {
            let Solution { coefficients, inverse, .. } = solution;
            Fit { estimates: coefficients, variances: inverse, suspicious: is_extreme(&eta) }.checked(design)
        }
        Some(solution) => match before_step {
            Some((coefficients, before)) if model.separates(&before, &eta) => {
                Err(model.without_maximum(&eta, &model.growing(&coefficients, &solution.coefficients)))
            }
            _ => Err(Problem::NotConverged { iterations: MOST }),
        },
        None => Err(Problem::NotConverged { iterations: MOST }),
    }
}

struct Model<'a> {
    design: &'a Design,
    data: &'a [Vec<f64>],
    y: &'a [f64],
}

impl Model<'_> {
    /// One iteration from a linear predictor.
    fn step(&self, eta: &[f64]) -> Result<Solution, Dependent> {
        let mut sums = LeastSquares::new(self.design.width());
        let mut x = vec![0.0; self.design.width()];
        for (row, (&eta, &y)) in eta.iter().zip(self.y).enumerate() {
            let (mean, slope) = (mean(eta), slope(eta));
            self.design.fill(self.data, row, &mut x);
            sums.add(&x, eta + (y - mean) / slope, slope * slope / (mean * (1.0 - mean)));
        }
        sums.solve(TOLERANCE)
    }

    fn predictor(&self, coefficients: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; self.design.width()];
        let value = |row: usize| {
            self.design.fill(self.data, row, &mut x);
            x.iter().zip(coefficients).map(|(x, coefficient)| x * coefficient).sum()
        };
        (0..self.y.len()).map(value).collect()
    }

    /// −2 times the log-likelihood.
    fn deviance(&self, eta: &[f64]) -> f64 {
        let likelihood = |(&eta, &y): (&f64, &f64)| if y == 1.0 { mean(eta) } else { 1.0 - mean(eta) };
        eta.iter().zip(self.y).map(|row| -2.0 * likelihood(row).ln()).sum()
    }

    /// Whether the last step moved no row to the wrong side, but for a hundredth of the furthest: a step that does it for ever is
    /// a direction in which the likelihood grows without end (Albert & Anderson 1984).
    fn separates(&self, before: &[f64], after: &[f64]) -> bool {
        let sign = |y: f64| if y == 1.0 { 1.0 } else { -1.0 };
        let moves = || after.iter().zip(before).zip(self.y).map(|((after, before), y)| sign(*y) * (after - before));
        let (least, most) = moves().fold((0.0_f64, 0.0_f64), |(least, most), by| (least.min(by), most.max(by)));
        most > 0.0 && least >= -0.01 * most
    }

    /// Why the linear predictor `eta` does not stand still, where the columns `growing` moved it.
    fn without_maximum(&self, eta: &[f64], growing: &[usize]) -> Problem {
        let sides = || eta.iter().zip(self.y).map(|(eta, y)| if *y == 1.0 { *eta } else { -eta });
        // Some rows are told apart almost surely, and none the wrong way round as surely.
        let (right, wrong) = (sides().fold(0.0, f64::max), sides().fold(0.0, f64::min));
        if growing.is_empty() || right < SURE || wrong < -right {
            return Problem::NotConverged { iterations: MOST };
        }
        Problem::Separated { complete: sides().all(|side| side > 0.0), terms: self.design.names(growing) }
    }

    /// The columns whose estimates move the linear predictor of some row.
    fn growing(&self, before: &[f64], after: &[f64]) -> Vec<usize> {
        let mut x = vec![0.0; self.design.width()];
        let mut largest = vec![0.0_f64; self.design.width()];
        for row in 0..self.y.len() {
            self.design.fill(self.data, row, &mut x);
            largest.iter_mut().zip(&x).for_each(|(largest, x)| *largest = largest.max(x.abs()));
        }
        let moves: Vec<f64> = largest
            .iter()
            .zip(before.iter().zip(after))
            .map(|(x, (before, after))| ((after - before) * x).abs())
            .collect();
        let most = moves.iter().fold(0.0, |most: f64, moved| most.max(*moved));
        (0..moves.len()).filter(|&column| moves[column] > 0.05 * most).collect()
    }
}

/// R's limits of the linear predictor: beyond, the mean is 0 or 1 but for the unit roundoff.
const LIMIT: f64 = 30.0;

/// exp(η)/(1 + exp(η)).
fn mean(eta: f64) -> f64 {
    let odds = match eta {
        _ if eta < -LIMIT => f64::EPSILON,
        _ if eta > LIMIT => 1.0 / f64::EPSILON,
        _ => eta.exp(),
    };
    odds / (1.0 + odds)
}

/// The derivative of [`mean`].
fn slope(eta: f64) -> f64 {
    if eta.abs() > LIMIT {
        return f64::EPSILON;
    }
    let odds = eta.exp();
    odds / (1.0 + odds).powi(2)
}

/// Whether some probability is 0 or 1 but for rounding, as `glm` decides.
fn is_extreme(eta: &[f64]) -> bool {
    let near = 10.0 * f64::EPSILON;
    eta.iter().any(|&eta| mean(eta) < near || mean(eta) > 1.0 - near)
}
