//! What `train` promises: its files, its words, what it keeps of a run.

use std::fs;

use serde_json::Value;

use super::support::{Place, number, small, table};

#[test]
fn training_the_bundled_table() {
    let place = Place::new();
    let mut summary = place.missvae(&small("train --epochs 2 --json --out run")).json();
    assert_eq!((&summary["method"], &summary["run"]), (&"miss-siwae".into(), &"run".into()));
    // 344 penguins of which two have no measurement; the others lack 23 of 342 · 2 isotope values. 342 rows in batches of 64: 6 updates.
    let expected =
        [("rows", 342.0), ("rows_dropped", 2.0), ("cells_missing", 23.0), ("epochs", 2.0), ("updates", 12.0)];
    for (key, value) in expected {
        assert_eq!(number(&summary, key), value, "{key}");
    }
    assert!(number(&summary, "objective").is_finite() && number(&summary, "seconds") > 0.0);
    let per_update = number(&summary, "seconds") / 12.0;
    assert!((number(&summary, "seconds_per_update") - per_update).abs() < 1e-9 * per_update.max(1.0));
    let mut files: Vec<_> = fs::read_dir(place.file("run")).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    let all = ["checkpoint.safetensors", "config.toml", "metrics.jsonl", "model.safetensors", "summary.json"];
    assert_eq!(files, all);
    // Two epochs are too few to learn anything, and that is said.
    let warnings = summary.as_object_mut().unwrap().remove("warnings").unwrap().to_string();
    assert!(warnings.contains("it has learned nothing") && warnings.matches("\",\"").count() == 0, "{warnings}");
    let written: Value = serde_json::from_str(&place.text("run/summary.json")).unwrap();
    assert_eq!(written, summary);

    let last: Value = serde_json::from_str(place.text("run/metrics.jsonl").lines().last().unwrap()).unwrap();
    for key in ["epoch", "update", "objective", "gradient_norm", "learning_rate", "seconds"] {
        assert!(number(&last, key).is_finite(), "{key}");
    }
    assert_eq!(last["objective"], summary["objective"]);
    assert!((1.0..=5.0).contains(&number(&last, "components_in_use")), "{last}");

    // A finished run that is gone on with stays as it is and says the same.
    let before = place.snapshot();
    let mut again = place.missvae("train --resume run --json").json();
    again.as_object_mut().unwrap().remove("warnings");
    assert_eq!(again, summary);
    assert!(before == place.snapshot());
}

/// What stands on standard error, but for the warning that `evaluate` owes of a model that was hardly trained.
fn said<'a>(stderr: &'a str, arguments: &str) -> &'a str {
    match stderr.trim_end() {
        warning if arguments.starts_with("evaluate") && warning.lines().count() == 1 => {
            assert!(warning.contains("it has learned nothing"), "{stderr}");
            ""
        }
        other => other,
    }
}

#[test]
fn silence_and_words() {
    let place = Place::with_run();
    for arguments in [
        &*small("train table.csv --validation none --epochs 1 --out quiet --quiet"),
        "evaluate run table.csv --likelihood iwelbo --importance-samples 3000 --quiet",
        "impute run table.csv --proposals 1000 --out done.csv --quiet",
        "sample run --rows 3 --out drawn.csv --quiet",
        "describe table.csv --quiet",
    ] {
        let outcome = place.missvae(arguments).ok();
        assert_eq!((outcome.stdout.as_str(), said(&outcome.stderr, arguments)), ("", ""), "{arguments}");
    }
    for arguments in [
        &*small("train table.csv --validation none --epochs 1 --out json --json"),
        "evaluate run table.csv --likelihood iwelbo --importance-samples 3000 --json",
        "impute run table.csv --proposals 1000 --out done.csv --json",
        "sample run --rows 3 --out drawn.csv --json",
        "describe table.csv --json",
    ] {
        place.missvae(arguments).json();
        let silent = place.missvae(&format!("{} --quiet", arguments.replace("--out json", "--out json2")));
        assert_eq!(said(&silent.stderr, arguments), "", "{arguments}");
        silent.json();
    }
    // Without --out, a directory of the method's and the time's name.
    let outcome = place.missvae(&small("train table.csv --method mvae --epochs 1 --json")).json();
    let run = outcome["run"].as_str().unwrap();
    assert!(run.starts_with("runs/mvae-2") && place.exists(&format!("{run}/model.safetensors")), "{run}");
}

/// An encoder of rows without their masks, as features come from: half of the numbers go in.
#[test]
fn an_encoder_without_the_mask() {
    let place = Place::new();
    place.write("table.csv", table(60, 1.0, 0.0));
    for (options, out) in [("", "with"), ("--mask-input", "said"), ("--mask-input=false", "without")] {
        place.missvae(&small(&format!("train table.csv --method mvae {options} --epochs 2 --quiet --out {out}"))).ok();
    }
    assert!(place.read("with/model.safetensors") == place.read("said/model.safetensors"));
    assert_eq!(place.text("with/config.toml"), place.text("said/config.toml"));
    assert!(place.text("without/config.toml").contains("mask-input = false\n"));
    assert!(place.read("without/model.safetensors").len() < place.read("with/model.safetensors").len());
    let scored = place.missvae("evaluate without table.csv --json").json();
    assert!(scored["log_likelihood"].as_f64().is_some_and(f64::is_finite), "{scored}");
    place.missvae("impute without table.csv --out done.csv").ok();
    let other = place.missvae("train --config without/config.toml --mask-input --epochs 2 --json --out again").json();
    assert_eq!(other["updates"], 2);
    assert!(place.read("again/model.safetensors").len() == place.read("with/model.safetensors").len());
    // What a file says of the encoder of completed rows is not of this one.
    place.write("completed.toml", "method = \"demiss-vae\"\nmask-input = false\ndata = \"table.csv\"\n");
    place.missvae(&small("train --config completed.toml --method mvae --epochs 2 --quiet --out other")).ok();
    assert!(place.read("other/model.safetensors") == place.read("with/model.safetensors"));
}

#[test]
fn a_configuration_gives_the_same_model() {
    let place = Place::new();
    place.write("table.csv", table(60, 1.0, 0.0));
    place.write("held-out.csv", table(20, 1.0, 0.0));
    let options = "--method miss-vae --components 3 --pathwise responsibility --dropout 0.2 --hide 0.1 --seed 5 \
                   --validation held-out.csv --columns c,a --schedule constant --batch-size 16";
    place.missvae(&small(&format!("train table.csv {options} --epochs 3 --quiet --out one"))).ok();
    place.missvae("train --config one/config.toml --quiet --out two").ok();
    assert!(place.read("one/model.safetensors") == place.read("two/model.safetensors"));
    assert_eq!(place.text("one/config.toml"), place.text("two/config.toml"));
    // The command line wins.
    place.missvae("train --config one/config.toml --seed 6 --components 2 --quiet --out three").ok();
    assert!(place.text("three/config.toml").contains("components = 2\n"));
    assert!(place.text("three/config.toml").contains("seed = 6\n"));
    assert!(place.read("one/model.safetensors") != place.read("three/model.safetensors"));
    // What says nothing of the model may be in a file too, but is no part of the run's own.
    let manner = "out = \"four\"\nthreads = 1\nquiet = true\njson = true\ncheckpoint-every = 5\noverwrite = true\n";
    place.write("all.toml", format!("{manner}{}", place.text("one/config.toml")));
    let outcome = place.missvae("train --config all.toml").json();
    assert_eq!(outcome["run"], "four");
    assert_eq!(place.text("one/config.toml"), place.text("four/config.toml"));
    let outcome = place.missvae("train --config all.toml --out five").json();
    assert_eq!(outcome["run"], "five");
    place.missvae("train --config all.toml").ok();
    place.refuses("train --config all.toml --out five", 2, &["five: there is a run"]);
    let poor = "threads = 0\ncheckpoint-every = -1\nquiet = true\n";
    place.write("poor.toml", format!("{poor}{}", place.text("one/config.toml")));
    place.missvae("train --config poor.toml --threads 1 --checkpoint-every 5 --out six").ok();
    // They are no part of a run.
    place.write("six/config.toml", format!("threads = 1\n{}", place.text("one/config.toml")));
    place.refuses("train --resume six", 2, &["no option \"threads\"", "command line only"]);
    // Paths in the run are from the root: it can be used from anywhere.
    fs::create_dir(place.file("elsewhere")).unwrap();
    let config = place.text("one/config.toml");
    place.write("one/config.toml", config.replace("epochs = 3", "epochs = 4"));
    let output = std::process::Command::new(super::support::PROGRAM)
        .args(["train", "--resume", "../one", "--quiet"])
        .current_dir(place.file("elsewhere"))
        .status()
        .unwrap();
    assert!(output.success());
}

/// Training goes on without a bound on validation rows that is finite, and says so.
#[test]
fn validation_that_is_not_finite() {
    let place = Place::new();
    place.write("table.csv", table(60, 1.0, 0.0));
    place.write("far.csv", table(20, 4e18, 0.0));
    let train = "train table.csv --validation far.csv --epochs 2 --out run";
    let outcome = place.missvae(&small(&format!("{train} --json"))).ok();
    for epoch in [1, 2] {
        let warning = format!("warning: epoch {epoch}: the bound of the validation rows is ");
        assert!(outcome.stderr.contains(&warning), "{outcome:?}");
    }
    assert_eq!(place.text("run/metrics.jsonl").matches("\"validation\":null").count(), 2);
    let summary: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(summary["validation"].is_null() && summary["objective"].is_number(), "{summary}");
}

#[test]
fn presets_are_resolved() {
    let place = Place::new();
    place.write("table.csv", table(60, 1.0, 0.0));
    place.missvae(&small("train table.csv --preset mog --epochs 1 --quiet --out run")).ok();
    let config = place.text("run/config.toml");
    for line in [
        "preset = \"mog\"",
        "method = \"miss-svae\"",
        "latent = 2",
        "hidden = 8",
        "encoder-blocks = 1",
        "decoder-blocks = 1",
        "encoder-min-scale = 0.0",
        "epochs = 1",
        "batch-size = 64",
        "learning-rate = 0.001",
        "schedule = \"constant\"",
        "clip = 10.0",
        "no-standardize = true",
    ] {
        assert!(config.lines().any(|found| found == line), "{line} in\n{config}");
    }
    let methods = [
        ("mvae", (1, 5, 1)),
        ("miss-vae", (5, 5, 1)),
        ("miss-svae", (5, 1, 1)),
        ("miwae", (1, 1, 5)),
        ("miss-iwae", (5, 1, 5)),
        ("miss-siwae", (5, 1, 1)),
        ("miss-siwae-loose", (5, 1, 1)),
    ];
    for (method, (components, samples, importance)) in methods {
        place.missvae(&small(&format!("train table.csv --method {method} --epochs 1 --quiet --out {method}"))).ok();
        let config = place.text(&format!("{method}/config.toml"));
        let expected = format!("components = {components}\nsamples = {samples}\nimportance-samples = {importance}\n");
        assert!(config.contains(&expected), "{method}: {config}");
    }
}

/// Hidden cells are found again in some rows of a large table, not in all: more of them would only take longer.
#[test]
fn hidden_cells_of_a_large_table() {
    let place = Place::new();
    let errors = |rows: usize| {
        place.write("table.csv", table(rows, 1.0, 0.0));
        let command =
            small("train table.csv --hide 0.3 --method mvae --updates 3 --overwrite --out run --json --quiet");
        let summary = place.missvae(&command).json();
        let hidden = summary["hidden"].clone();
        assert!(number(&hidden, "rmse") > 0.0 && number(&hidden, "rmse_column_means") > 0.0, "{summary}");
        number(&hidden, "cells")
    };
    // Of 600 cells eight in nine are observed, and 30% are hidden; rows that lose all of theirs are dropped.
    let few = errors(200);
    assert!((100.0..160.0).contains(&few), "{few}");
    // The same share of 13,500 cells would be 2,970.
    let many = errors(4500);
    assert!((2000.0..2800.0).contains(&many), "{many}");
}

/// What stood for a missing value in the table that a model was fitted to does so in those that it is used on: the hint that
/// training ends with works as it is.
#[test]
fn missing_values_are_remembered() {
    let place = Place::new();
    let table = table(60, 1.0, 0.0).replace(",,", ",-999,").replace(",\n", ",-999\n").replace("\n,", "\n-999,");
    place.write("marked.csv", &table);
    let trained = place.missvae(&small("train marked.csv --missing-value -999 --epochs 2 --out run")).ok();
    assert!(trained.stdout.contains("missvae impute run marked.csv --out completed.csv"), "{}", trained.stdout);
    let report = place.missvae("impute run marked.csv --out completed.csv --json").json();
    assert_eq!(number(&report, "cells_imputed"), 20.0);
    assert!(!place.text("completed.csv").contains("-999"));
    let score = number(&place.missvae("evaluate run marked.csv --json").json(), "log_likelihood");
    let named = place.missvae("evaluate run marked.csv --missing-value=-999 --missing-value=- --json").json();
    assert!(score > -50.0 && score == number(&named, "log_likelihood"));
    // The rest of the options is no matter when a model is used.
    place.write("run/config.toml", place.text("run/config.toml") + "of-a-later-version = 1\n");
    let later = place.missvae("evaluate run marked.csv --json").json();
    assert!(score == number(&later, "log_likelihood"));
    // Nothing is missing now, and nothing was sampled.
    let whole = place.missvae("impute run completed.csv --out again.csv --json").json();
    assert!(number(&whole, "cells_imputed") == 0.0 && whole["effective_sample_size"].is_null(), "{whole}");
}

/// Errors on hidden cells are in standardised units whatever the model's are: of column means they are about 1.
#[test]
fn hidden_errors_are_standardised() {
    let place = Place::new();
    place.write("table.csv", table(300, 1000.0, 70.0));
    for more in ["", "--no-standardize"] {
        let summary = place
            .missvae(&small(&format!("train table.csv --hide 0.2 --epochs 1 {more} --json --out run --overwrite")));
        let hidden = &summary.json()["hidden"];
        assert!((0.5..2.0).contains(&number(hidden, "rmse_column_means")), "{hidden}");
    }
}
