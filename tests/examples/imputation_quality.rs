//! How close the samplers' conditional means come to the truth, where the truth is a known mixture of Gaussians.
//!
//! `cargo run --release -p missvae-tests --example imputation_quality -- TRUTH.json TEST.csv RUN...`
//!
//! TRUTH.json holds `weights` (C), `means` (C × D) and `covariances` (C × D × D) in the units of the table; TEST.csv is
//! complete; each RUN is the directory of a run whose model was fitted without standardisation. Half of the cells are
//! hidden at a fixed seed; printed is the mean over hidden cells of |E\[x|x_obs\] under the model, by a sampler − E\[x|x_obs\]
//! under the truth|, beside that of the columns' means.
#![allow(clippy::print_stdout, reason = "a measuring program")]

use std::error::Error;
use std::path::Path;

use missvae::data::Data;
use missvae::impute::FittedModel;
use missvae::store::{ModelInfo, load_model};
use samplers::chains::{ChainConfig, Lair, Sampler};
use samplers::gaussian_mixture::GaussianMixture;
use samplers::importance::{Statistic, impute};
use samplers::imputation::{ChainImputation, impute_by_chains};
use samplers::stream::{Purpose, stream};

/// Share of the cells that is hidden.
const HIDDEN: f64 = 0.5;
const SEED: u64 = 0;
/// Importance samples a row.
const SAMPLES: usize = 10_000;
/// Side-by-side versions of a row, renewals that do not count, and renewals that do: 2,000 values a cell.
const COPIES: usize = 20;
const BURN_IN: usize = 50;
const KEPT: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [truth, table, runs @ ..] = arguments.as_slice() else {
        return Err("expected TRUTH.json TEST.csv RUN...".into());
    };
    let truth = read_truth(Path::new(truth))?;
    let mut data = read_table(Path::new(table), truth.columns())?;
    let hidden = data.hide(HIDDEN, &mut stream(SEED, Purpose::Hide, 0, 0));
    let all = 0..data.rows();
    let mask: Vec<f64> = data.mask(all.clone()).map(f64::from).collect();
    let expected = conditional_means(&truth, data.values(all), &mask);
    let marginal = truth.marginals().means;
    let columns = truth.columns();
    let from_means = hidden.iter().map(|&cell| (marginal[cell % columns] - expected[cell]).abs()).sum::<f64>();
    println!("{} cells hidden in {} rows", hidden.len(), data.rows());
    println!("{:<44} {:.4}", "column means", from_means / hidden.len() as f64);

    for run in runs {
        let (vae, info, parameters) = load_model(&Path::new(run).join("model.safetensors"))?;
        check(run, &info, columns)?;
        let mut model = FittedModel::new(vae, parameters);
        for (name, sampler) in samplers(info.vae.encoder_input.completed()) {
            let error = mean_error(&mut model, &data, &sampler, &hidden, &expected);
            println!("{:<44} {error:.4}", format!("{run} ({}), {name}", info.method));
        }
    }
    Ok(())
}

enum Means {
    Importance,
    Chain(Sampler),
}

/// The samplers that a model can use.
fn samplers(completed: bool) -> Vec<(&'static str, Means)> {
    let mut all = vec![
        ("lair", Means::Chain(Sampler::Lair(Lair::PAPER))),
        ("lair, R = 5", Means::Chain(Sampler::Lair(Lair { replenish: 5, ..Lair::PAPER }))),
        ("mwg", Means::Chain(Sampler::MetropolisWithinGibbs { warm_up: 1 })),
        ("pseudo-gibbs", Means::Chain(Sampler::PseudoGibbs)),
    ];
    if !completed {
        all.insert(0, ("importance", Means::Importance));
    }
    all
}

fn mean_error(
    model: &mut FittedModel<f32>,
    data: &Data<f32>,
    means: &Means,
    hidden: &[usize],
    expected: &[f64],
) -> f64 {
    let rows = data.values(0..data.rows());
    let mask: Vec<f32> = data.mask(0..data.rows()).collect();
    let stream_of = |n: usize| stream(SEED, Purpose::Impute, 0, n as u64);
    let mut out = vec![0.0; rows.len()];
    match means {
        Means::Importance => {
            impute(model, rows, &mask, SAMPLES, Statistic::Mean, stream_of, &mut out);
        }
        Means::Chain(sampler) => {
            let sampler = ChainConfig { sampler: *sampler, iterations: 1 };
            let completion = ChainImputation { sampler, copies: COPIES, burn_in: BURN_IN, kept: KEPT };
            impute_by_chains(model, rows, &mask, &completion, Statistic::Mean, stream_of, &mut out);
        }
    }
    hidden.iter().map(|&cell| (f64::from(out[cell]) - expected[cell]).abs()).sum::<f64>() / hidden.len() as f64
}

/// E\[x|x_obs\] of each row under the mixture, N × D; zero where observed.
fn conditional_means(truth: &GaussianMixture, rows: &[f32], mask: &[f64]) -> Vec<f64> {
    let columns = truth.columns();
    let means = rows.chunks_exact(columns).zip(mask.chunks_exact(columns)).flat_map(|(row, mask)| {
        let row: Vec<f64> = row.iter().copied().map(f64::from).collect();
        truth.conditional(&row, mask).mean()
    });
    means.collect()
}

fn read_truth(path: &Path) -> Result<GaussianMixture, Box<dyn Error>> {
    let truth: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let numbers = |name: &str| -> Result<Vec<f64>, Box<dyn Error>> {
        let mut found = Vec::new();
        flatten(truth.get(name).ok_or_else(|| format!("{}: no {name:?}", path.display()))?, &mut found);
        Ok(found)
    };
    let (weights, means, covariances) = (numbers("weights")?, numbers("means")?, numbers("covariances")?);
    let columns = means.len().checked_div(weights.len()).unwrap_or(0);
    Ok(GaussianMixture::new(columns, weights, means, covariances)?)
}

fn flatten(value: &serde_json::Value, out: &mut Vec<f64>) {
    match value {
        serde_json::Value::Array(values) => values.iter().for_each(|value| flatten(value, out)),
        other => out.extend(other.as_f64()),
    }
}

fn read_table(path: &Path, columns: usize) -> Result<Data<f32>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let cells: Result<Vec<f32>, _> = text.lines().skip(1).flat_map(|line| line.split(',')).map(str::parse).collect();
    let cells = cells.map_err(|error| format!("{}: {error}; expected a complete table of numbers", path.display()))?;
    let observed = vec![true; cells.len()];
    Ok(Data::new(columns, cells, observed))
}

fn check(run: &str, info: &ModelInfo, columns: usize) -> Result<(), String> {
    let plain = info.columns.iter().all(|column| (column.mean, column.scale) == (0.0, 1.0));
    match plain && info.columns.len() == columns {
        true => Ok(()),
        false => Err(format!("{run}: expected a model of {columns} columns, fitted with --no-standardize")),
    }
}
