//! Fits a table with missing cells, imputes them twenty times, and says how uncertain each is.
//!
//! `cargo run --release -p missvae --example fit_table [table.csv]`; without a table, the bundled penguins.
#![allow(clippy::print_stdout, reason = "an example")]

use std::ops::ControlFlow;

use missvae::trainer::{EpochMetrics, Observer, Trainer};
use missvae::{Error, Fit, Table};

/// Prints a line for every tenth epoch.
struct Progress;

impl Observer<f32> for Progress {
    type Error = Error;

    fn epoch_ended(&mut self, _: &Trainer<f32>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, Error> {
        if epoch.epoch.is_multiple_of(10) {
            println!("epoch {}, bound {:.3} nats a row, in model units", epoch.epoch, epoch.objective);
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = match std::env::args().nth(1) {
        Some(path) => Table::read(path)?,
        None => Table::penguins(),
    };
    let fit = Fit::new().method("miss-svae".parse()?).components(3).latent(2).hidden(64).epochs(40).seed(1);
    let model = fit.run_observed(&table, &mut Progress)?;
    model.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    println!("log-likelihood {:.3} nats a row", model.score(&table)?.log_likelihood);

    let draws = model.impute(&table).draws(20).seed(1).run()?;
    let missing = (0..table.rows()).flat_map(|row| (0..table.width()).map(move |column| (row, column)));
    for (row, column) in missing.filter(|&(row, column)| !table.observed(row, column)).take(8) {
        let values: Vec<f64> = draws.iter().map(|draw| draw.row(row)[column]).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
        println!("row {}, {}: {mean:.1} ± {:.1}", row + 1, table.columns()[column], variance.sqrt());
    }
    Ok(())
}
