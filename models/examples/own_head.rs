//! A head of one's own: columns with the heavier tails of a logistic distribution, fitted and imputed.
//!
//! `cargo run --release -p missvae --example own_head`
#![allow(clippy::print_stdout, reason = "an example")]

use autodiff::{Aligned, Graph, Shape, Var, gradcheck};
use linalg::Scalar;
use linalg::special::{ln, softplus};
use missvae::Table;
use missvae::config::Options;
use missvae::heads::gaussian::Gaussian;
use missvae::heads::{Block, Head, Points, PointsMut, Row, Unit};
use missvae::impute::FittedModel;
use missvae::network::Vae;
use missvae::prepare::TrainingRows;
use missvae::trainer::Trainer;
use rand::RngExt;
use samplers::importance::{Statistic, impute};
use samplers::likelihood::Summary;
use samplers::stream::{Purpose, Stream, stream};

/// log p(x) = −t − 2 ln(1 + e^−t) − ln s with t = (x − m)/s. Outputs: locations m, then raw scales; s = softplus(raw).
#[derive(Debug)]
struct Logistic;

impl<T: Scalar> Head<T> for Logistic {
    fn outputs(&self) -> usize {
        2
    }

    fn numbers(&self) -> usize {
        2
    }

    /// The unit of a normal column serves this one.
    fn unit(&self, values: &[f64]) -> Option<Unit> {
        Head::<f64>::unit(&Gaussian::new(0.0, &[]), values)
    }

    fn log_density(&self, g: &mut Graph<'_, T>, x: Var, mask: Var, raw: Var, inner: usize) -> Var {
        let (rows, columns) = (g.shape(x).rows(), g.shape(x).last());
        let (points, last) = (g.shape(raw).without_last(), g.shape(raw).rank() - 1);
        // The points of each row side by side: outer × B × inner × columns.
        let spread = Shape::from([points.len() / (rows * inner).max(1), rows, inner, columns]);
        let [location, scale] = [0..columns, columns..2 * columns].map(|outputs| {
            let outputs = g.slice(raw, last, outputs);
            g.reshape(outputs, spread)
        });
        let [x, mask] = [x, mask].map(|data| g.reshape(data, [1, rows, 1, columns]));
        let scale = g.softplus(scale);
        let distance = g.sub(x, location);
        let t = g.div(distance, scale);
        let minus_t = g.neg(t);
        let tail = g.softplus(minus_t);
        let tail = g.scale(tail, 2.0);
        let log_scale = g.ln(scale);
        let density = g.sub(minus_t, tail);
        let density = g.sub(density, log_scale);
        let observed = g.mul(density, mask);
        let total = g.sum(observed, &[3]);
        g.reshape(total, points)
    }

    fn decode(&self, raw: Points<'_, T>, decoded: PointsMut<'_, T>) {
        for (raw, decoded) in raw.rows().zip(decoded.rows()) {
            let (locations, scales) = decoded.split_at_mut(raw.len() / 2);
            locations.copy_from_slice(&raw[..raw.len() / 2]);
            scales.iter_mut().zip(&raw[raw.len() / 2..]).for_each(|(scale, raw)| *scale = softplus(*raw));
        }
    }

    fn add_log_densities(&self, x: &[T], mask: Option<&[T]>, decoded: Points<'_, T>, out: &mut [T]) {
        for (point, out) in decoded.rows().zip(out) {
            let (locations, scales) = point.split_at(x.len());
            for d in (0..x.len()).filter(|&d| mask.is_none_or(|mask| mask[d] > T::ZERO)) {
                let t = (x[d] - locations[d]) / scales[d];
                *out += -t - softplus(-t) - softplus(-t) - ln(scales[d]);
            }
        }
    }

    fn draw_missing(&self, rng: &mut Stream, mask: &[T], decoded: &[T], x: &mut [T]) -> usize {
        let (locations, scales) = decoded.split_at(x.len());
        let mut not_finite = 0;
        for d in 0..x.len() {
            // Every column takes a draw, so that what is missing in one does not change the others.
            let uniform: f64 = rng.random();
            if mask[d] <= T::ZERO {
                let draw = locations[d] + scales[d] * T::from_f64((uniform / (1.0 - uniform)).ln());
                not_finite += replace(&mut x[d], draw);
            }
        }
        not_finite
    }

    /// The mean of the locations, for the median too: it keeps the example short.
    fn summarise(&self, _: Summary, mask: &[T], weights: &[f64], decoded: Points<'_, T>, x: &mut [T]) -> usize {
        let mut not_finite = 0;
        for d in (0..x.len()).filter(|&d| mask[d] <= T::ZERO) {
            // A point of weight 0 may hold what is not finite.
            let points = weights.iter().zip(decoded.rows()).filter(|(weight, _)| **weight > 0.0);
            let mean: f64 = points.map(|(weight, point)| weight * point[d].to_f64()).sum();
            not_finite += replace(&mut x[d], T::from_f64(mean));
        }
        not_finite
    }
}

/// Writes a number if it is finite. Returns how many were not: 0 or 1.
fn replace<T: Scalar>(x: &mut T, number: T) -> usize {
    if number.is_finite() {
        *x = number;
    }
    usize::from(!number.is_finite())
}

/// The gradient of the head's density, against finite differences.
fn check_gradient() {
    let (x, mask, raw) = ([0.3, -1.2, 2.0, 0.0], [1.0, 1.0, 1.0, 0.0], [0.1, -0.4, 0.5, 1.0, 0.7, -2.0, 0.2, -0.3]);
    let record = |g: &mut Graph<'_, f64>, raw: &[Var]| {
        let (x, mask) = (g.constant([2, 2], &x), g.constant([2, 2], &mask));
        Logistic.log_density(g, x, mask, raw[0], 1)
    };
    let inputs = [(Shape::from([2, 4]), raw.to_vec())];
    gradcheck::check(record, &inputs, &gradcheck::Options::default()).assert();
}

fn main() -> Result<(), missvae::Error> {
    check_gradient();
    println!("its gradient agrees with finite differences");

    let options = Options { epochs: Some(30), seed: Some(1), ..Options::default() };
    let rows = TrainingRows::of_table("penguins", Table::penguins(), &options)?;
    let config = options.resolve(rows.train.rows(), rows.train.columns())?;
    let columns = rows.train.columns();
    let vae = Vae::with_row(config.vae.clone(), Row::new([Block::new(Logistic, columns)]));
    let mut trainer = Trainer::new(vae, config.train)?;
    trainer.run(&rows.train, None, &mut ()).map_err(missvae::Error::from)?;

    let model = FittedModel::new(trainer.vae().clone(), Aligned::from_slice(trainer.parameters()));
    let n = rows.train.rows();
    let mask: Vec<f32> = rows.train.mask(0..n).collect();
    let mut imputed = vec![0.0; n * columns];
    let stream_of = |n: usize| stream(1, Purpose::Impute, 0, n as u64);
    let done = impute(&model, rows.train.values(0..n), &mask, 500, Statistic::Mean, stream_of, &mut imputed);
    println!("{} rows imputed, {:.0} of 500 importance samples effective", done.rows, done.effective_sample_size);
    for (cell, _) in mask.iter().enumerate().filter(|(_, observed)| **observed == 0.0).take(3) {
        let (row, d) = (cell / columns, cell % columns);
        let value = rows.standardisation.restore(d, f64::from(imputed[cell]));
        println!("row {}, {}: {value:.2}", rows.numbers[row], rows.columns[d].name);
    }
    Ok(())
}
