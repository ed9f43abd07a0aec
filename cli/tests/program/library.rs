//! The library's facade does what the program does, to the last bit.

use missvae::evaluate::{Likelihood, ScoreOptions};
use missvae::{Fit, Model, Table};

use super::support::{Place, number};

/// Asserts that two models have the same parameters, bit by bit, for the same columns.
#[track_caller]
pub(crate) fn assert_same_model(a: &Model, b: &Model) {
    let bits = |model: &Model| model.fitted().parameters.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(a.info().columns, b.info().columns);
    assert!(bits(a) == bits(b), "the parameters differ");
}

#[test]
fn fit_and_train_are_one() {
    let place = Place::new();
    let table = Table::penguins();
    let fit = |method: &str| {
        Fit::new().method(method.parse().unwrap()).hidden(8).blocks(1).latent(2).epochs(2).components(2).seed(3)
    };
    let train = |options: &str, out: &str| {
        let common = "--hidden 8 --blocks 1 --latent 2 --epochs 2 --seed 3 --quiet";
        place.missvae(&format!("train {common} {options} --out {out}")).ok();
        Model::load(place.file(out).join("model.safetensors")).unwrap()
    };
    let svae = fit("miss-svae").hide(0.1).validation("0.2").run(&table).unwrap();
    assert_same_model(&svae, &train("--method miss-svae --components 2 --hide 0.1 --validation 0.2", "svae"));
    let demiss = fit("demiss-vae").run(&table).unwrap();
    assert_same_model(&demiss, &train("--method demiss-vae --components 2", "demiss"));

    // What is done with the model, too.
    place.missvae("sample svae --rows 5 --seed 2 --out drawn.csv").ok();
    assert_eq!(Table::read(place.file("drawn.csv")).unwrap(), svae.sample(5, 2).unwrap());

    table.write(place.file("table.csv")).unwrap();
    place.missvae("impute demiss table.csv --draws 2 --iterations 4 --seed 2 --out done.csv").ok();
    let options = missvae::impute::SamplerOptions { iterations: Some(4), ..Default::default() };
    let draws = demiss.impute(&table).draws(2).sampler_options(options).seed(2).run().unwrap();
    for (draw, file) in draws.iter().zip(["done.1.csv", "done.2.csv"]) {
        assert_eq!(&Table::read(place.file(file)).unwrap(), draw);
    }

    let command = "evaluate svae table.csv --likelihood iwelbo --importance-samples 20 --seed 2 --json";
    let options = ScoreOptions { importance_samples: Some(20), likelihood: Likelihood::Iwelbo, ..Default::default() };
    let score = svae.score_with(&table, &options, 2).unwrap();
    assert_eq!(number(&place.missvae(command).json(), "log_likelihood"), score.log_likelihood);
}
