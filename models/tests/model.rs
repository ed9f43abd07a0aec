//! What a fitted model makes of unusual requests.

use missvae::config::{self, Expected};
use missvae::evaluate::{Likelihood, ScoreOptions};
use missvae::prepare::TrainingRows;
use missvae::store::ModelInfo;
use missvae::{Error, Fit, Model, Table, Warning};

fn model(table: &Table) -> Model {
    Fit::new().hidden(8).blocks(1).latent(2).components(2).epochs(1).seed(1).run(table).unwrap()
}

#[test]
fn a_table_without_rows_has_draws_without_rows() {
    let table = Table::penguins();
    let empty = Table::new(table.columns().to_vec(), Vec::new()).unwrap();
    let model = model(&table);
    assert_eq!(model.impute(&empty).run().unwrap().tables, vec![empty.clone()]);
    assert_eq!(model.impute(&empty).draws(3).run().unwrap().tables, vec![empty; 3]);
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

/// The options that a refit needs are in the model, without those of files.
#[test]
fn scoring_refits_a_copy_of_the_encoder() {
    let table = Table::penguins();
    let model = model(&table);
    let options =
        ScoreOptions { likelihood: Likelihood::Iwelbo, importance_samples: Some(5), ..ScoreOptions::default() };
    let score = |model: &Model, refit_updates| model.score_with(&table, &ScoreOptions { refit_updates, ..options }, 1);
    let before = score(&model, 0).unwrap();
    assert_ne!(score(&model, 20).unwrap(), before);
    assert_eq!(score(&model, 0).unwrap(), before);

    let old = Model::new(model.fitted().clone(), ModelInfo { options: None, ..model.info().clone() });
    let refused = score(&old, 20);
    assert!(matches!(refused, Err(Error::Config(config::Error::RefitOptions { updates: 20 }))));
}

/// A model whose numbers are none imputes nothing: an error, and no table with something else in the missing cells.
#[test]
fn values_that_are_not_finite_are_no_imputations() {
    let table = Table::penguins();
    let model = model(&table);
    let mut fitted = model.fitted().clone();
    fitted.parameters.fill(f32::NAN);
    let broken = Model::new(fitted, model.info().clone());
    for draws in [false, true] {
        let impute = broken.impute(&table);
        let found = if draws { impute.draws(2).run() } else { impute.run() };
        assert!(matches!(found, Err(Error::NotImputed { values }) if values >= 35));
    }
}

/// What may be wrong comes with the model, with its imputations and with its scores.
#[test]
fn results_come_with_their_warnings() {
    let value = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 100.0;
    let cells = |code: f64| (0..120).flat_map(move |n| [value(n), if n % 40 == 7 { code } else { value(n + 300) }]);
    let table = |code: f64| Table::new(vec!["a".into(), "b".into()], cells(code).collect()).unwrap();
    let clean = model(&table(f64::NAN));
    assert!(!clean.warnings().iter().any(|warning| matches!(warning, Warning::FarValue { .. })));
    let fitted = model(&table(-999.0));
    assert!(
        fitted.warnings().iter().any(|warning| matches!(warning, Warning::FarValue { column, .. } if column == "b"))
    );
    let outside =
        |warnings: &[Warning]| warnings.iter().any(|warning| matches!(warning, Warning::OutsideTraining { .. }));
    let imputations = clean.impute(&table(-999.0)).run().unwrap();
    assert!(outside(&imputations.warnings) && imputations.len() == 1, "{:?}", imputations.warnings);
    assert!(outside(&clean.score(&table(-999.0)).unwrap().warnings));
    assert!(!outside(&clean.impute(&table(f64::NAN)).run().unwrap().warnings));
}

/// A warning names a row of the table, where rows without a cell stand before it.
#[test]
fn warnings_of_scores_name_rows_of_the_table() {
    let table = Table::penguins();
    let model = model(&table);
    let mut values = vec![f64::NAN; 3 * table.width()];
    values.extend(table.values().iter().map(|value| 4.0 * value));
    let moved = Table::new(table.columns().to_vec(), values).unwrap();
    let options =
        ScoreOptions { likelihood: Likelihood::Iwelbo, importance_samples: Some(100), ..ScoreOptions::default() };
    let score = model.score_with(&moved, &options, 1).unwrap();
    let worst = score.weights.unwrap().worst.unwrap().0;
    // One row of the penguins has no measurement: it is the fourth.
    let number = if worst < 3 { worst + 4 } else { worst + 5 };
    let named = score.warnings.iter().find_map(|warning| match warning {
        Warning::UnreliableRows { worst, .. } => Some(worst.0),
        _ => None,
    });
    assert!(!table.row(3).iter().any(|value| !value.is_nan()));
    assert_eq!(named, Some(number), "{:?}", score.warnings);
}

/// A run is told to go on with the same table by the fingerprint: a cell counts whether it is held out or not.
#[test]
fn the_fingerprint_sees_every_cell() {
    let cells: Vec<f64> = (0..300).map(|i| f64::from(i * i % 97) + 0.1 * f64::from(i % 7)).collect();
    let rows = |cells: Vec<f64>| {
        let table = Table::new(["a", "b", "c"].map(str::to_owned).to_vec(), cells).unwrap();
        TrainingRows::of_table("t", table, &config::Options { no_standardize: Some(true), ..Default::default() })
            .unwrap()
    };
    let whole = rows(cells.clone());
    assert!(whole.held_out.is_some());
    for cell in 0..cells.len() {
        let mut changed = cells.clone();
        changed[cell] += 1.0;
        assert_ne!(rows(changed).fingerprint, whole.fingerprint, "cell {cell}");
    }
}
