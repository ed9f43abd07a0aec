//! Models of typed columns, from the table to the model file and back.

use missvae::impute::SamplerKind;
use missvae::{ColumnType, Fit, Model, Schema, Table};
use samplers::stream::{Purpose, stream};

/// Rows of 4 columns that depend on each other: real, positive, positive, two values; every fifth cell is missing.
fn table() -> Table {
    let mut rng = stream(5, Purpose::Generate, 0, 0);
    let names = ["real", "amount", "price", "flag"].map(str::to_owned).to_vec();
    let mut values = Vec::new();
    for n in 0..120 {
        let z: f64 = samplers::draw::standard_normal(&mut rng);
        let noise: f64 = samplers::draw::standard_normal(&mut rng);
        values.extend([z + 0.3 * noise, (2.0 * z + 0.2 * noise).exp(), 1e3 * (0.1 * noise - z).exp(), z.signum()]);
        let hidden = 4 * n + n / 4 % 4;
        if n % 5 != 0 {
            values[hidden] = f64::NAN;
        }
    }
    Table::new(names, values).unwrap()
}

fn schema(types: [ColumnType; 4]) -> Schema {
    ["real", "amount", "price", "flag"]
        .into_iter()
        .zip(types)
        .fold(Schema::infer(&table()), |schema, (name, kind)| schema.with(name, kind).unwrap())
}

const NUMERIC: ColumnType = ColumnType::Numeric;
const POSITIVE: ColumnType = ColumnType::Positive;
const BINARY: ColumnType = ColumnType::Binary;

/// What is imputed are values of the column's type, whatever the sampler; what was observed comes back; a saved model is the
/// same model.
#[test]
fn imputations_are_values_of_their_type() {
    let table = table();
    let directory = tempfile::tempdir().unwrap();
    for types in [
        [NUMERIC; 4],
        [NUMERIC, POSITIVE, POSITIVE, BINARY],
        [NUMERIC, POSITIVE, NUMERIC, BINARY],
        [NUMERIC, NUMERIC, POSITIVE, NUMERIC],
    ] {
        let model = Fit::new().schema(schema(types)).latent(2).hidden(16).epochs(5).seed(1).run(&table).unwrap();
        let found: Vec<ColumnType> = model.info().columns.iter().map(|column| column.kind).collect();
        assert_eq!(found, types);
        let path = directory.path().join("model.safetensors");
        model.save(&path).unwrap();
        let loaded = Model::load(&path).unwrap();
        assert_eq!(loaded.info(), model.info());
        for sampler in [SamplerKind::Importance, SamplerKind::Lair, SamplerKind::Mwg] {
            let draws = model.impute(&table).draws(3).sampler(sampler).seed(2).run().unwrap();
            assert_eq!(draws, loaded.impute(&table).draws(3).sampler(sampler).seed(2).run().unwrap());
            for draw in &draws {
                schema(types).check(draw).unwrap_or_else(|error| panic!("{types:?}, {sampler:?}: {error}"));
                assert_eq!(draw.missing_cells(), 0);
                let pairs = table.values().iter().zip(draw.values());
                assert!(pairs.filter(|(x, _)| !x.is_nan()).all(|(x, y)| x == y), "observed cells are as they were");
            }
        }
        let mean = model.impute(&table).run().unwrap();
        assert!(mean[0].values().iter().all(|x| x.is_finite()));
        let rows = model.sample(50, 3).unwrap();
        schema(types).check(&rows).unwrap();
        assert!(model.score(&table).unwrap().log_likelihood.is_finite());
    }
}

/// A column of two values alone is no column of real numbers.
#[test]
fn a_table_of_two_values() {
    let table = table().select(&["flag".to_owned()]).unwrap();
    let schema = Schema::of(["flag"], BINARY);
    let model = Fit::new().schema(schema.clone()).latent(1).hidden(8).epochs(2).seed(1).run(&table).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    model.save(&path).unwrap();
    let draws = Model::load(&path).unwrap().impute(&table).draws(2).run().unwrap();
    draws.iter().for_each(|draw| schema.check(draw).unwrap());
}

/// The log-likelihood is in the data's units: those of a positive column change by the logarithm of the unit.
#[test]
fn scores_are_in_the_units_of_the_table() {
    let table = table();
    let scaled: Vec<f64> =
        table.values().iter().enumerate().map(|(i, x)| if i % 4 == 1 { 1e3 * x } else { *x }).collect();
    let scaled = Table::new(table.columns().to_vec(), scaled).unwrap();
    let fit = Fit::new().schema(schema([NUMERIC, POSITIVE, POSITIVE, BINARY])).latent(1).hidden(8).epochs(2).seed(1);
    let score = |table: &Table| fit.run(table).unwrap().score(table).unwrap();
    let (one, other) = (score(&table), score(&scaled));
    let observed = (0..table.rows()).filter(|&n| !table.row(n)[1].is_nan()).count() as f64;
    let expected = one.log_likelihood - observed / table.rows() as f64 * 1e3_f64.ln();
    // Model units are the same but for rounding to single precision, which training amplifies.
    assert!((other.log_likelihood - expected).abs() < 0.02, "{} for {expected}", other.log_likelihood);
}

#[test]
fn values_that_a_type_does_not_allow_are_refused() {
    let error = Fit::new().schema(schema([POSITIVE, POSITIVE, POSITIVE, BINARY])).run(&table()).unwrap_err();
    assert!(error.to_string().contains("column \"real\""), "{error}");
    assert!(error.to_string().contains("expected a number above 0"), "{error}");
    let model = Fit::new().schema(schema([NUMERIC, POSITIVE, POSITIVE, BINARY])).epochs(1).run(&table()).unwrap();
    let negative: Vec<f64> =
        table().values().iter().enumerate().map(|(i, x)| if i == 401 { -5.0 } else { *x }).collect();
    let negative = Table::new(table().columns().to_vec(), negative).unwrap();
    let error = model.impute(&negative).run().unwrap_err();
    assert!(error.to_string().contains("row 101, column \"amount\""), "{error}");
}
