//! What a fitted model makes of unusual requests.

use missvae::config::{self, Expected};
use missvae::{Error, Fit, Model, Table};

fn model(table: &Table) -> Model {
    Fit::new().hidden(8).blocks(1).latent(2).components(2).epochs(1).seed(1).run(table).unwrap()
}

#[test]
fn a_table_without_rows_has_draws_without_rows() {
    let table = Table::penguins();
    let empty = Table::new(table.columns().to_vec(), Vec::new()).unwrap();
    let model = model(&table);
    assert_eq!(model.impute(&empty).run().unwrap(), [empty.clone()]);
    assert_eq!(model.impute(&empty).draws(3).run().unwrap(), [empty.clone(), empty.clone(), empty.clone()]);
    assert_eq!(model.sample(0, 1).unwrap().rows(), 0);
}

#[test]
fn no_results_and_too_large_ones_are_refused() {
    let table = Table::penguins();
    let model = model(&table);
    let Err(Error::Config(config::Error::Value { option, value, expected })) = model.impute(&table).draws(0).run()
    else {
        panic!("no draws were accepted")
    };
    assert_eq!((option, value.as_str(), expected), ("draws", "0", Expected::AtLeast(1)));
    let draws = model.impute(&table).draws(1 << 40).run();
    assert!(matches!(draws, Err(Error::Config(config::Error::TooManyDraws { .. }))));
    let rows = model.sample(usize::MAX, 1);
    assert!(matches!(rows, Err(Error::Config(config::Error::TooManyRows { .. }))));
}
